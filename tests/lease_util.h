/* SPDX-License-Identifier: MIT */
/*
 * lease_util.h - what the tests of redelivery have in common
 */
#ifndef LIBIPC_TESTS_LEASE_UTIL_H
#define LIBIPC_TESTS_LEASE_UTIL_H

#include "queue_util.h"

static inline struct ipc_queue *new_tasks(size_t maxsize, uint32_t max_attempts)
{
	const struct ipc_queue_opts opts = {.maxsize = maxsize,
					    .item_size = sizeof(int),
					    .flags = LIBIPC_JOINABLE,
					    .max_attempts = max_attempts};
	struct ipc_queue *q = NULL;

	assert_int_equal(ipc_queue_create(&q, NULL, &opts), 0);
	return q;
}

/* gets one, must get that, delivered so often */
static inline uint64_t expect_task(struct ipc_queue *q, int want,
				   uint32_t attempts)
{
	struct ipc_task task = {.ticket = 0};
	int item = -1;

	assert_int_equal(ipc_queue_get_task(q, &item, sizeof(item), &task, 0),
			 sizeof(item));
	assert_int_equal(item, want);
	assert_int_equal(task.attempts, attempts);
	return task.ticket;
}

/* ---- children that get a task and die with it ---- */

static inline int get_and_die(void *q)
{
	child_get(q);
	kill(getpid(), SIGKILL);
	return 1;
}

static inline int get_and_stay(void *q)
{
	child_get(q);
	raise(SIGSTOP);
	return ipc_queue_task_done(q);
}

static inline void lose_one(struct ipc_queue *q)
{
	expect_killed(spawn_child(get_and_die, q), SIGKILL);
}

/* it has its task, and stands still */
static inline pid_t spawn_worker(struct ipc_queue *q)
{
	pid_t pid = spawn_child(get_and_stay, q);

	assert_true(eventually(harness_state(pid) == 'T', 5000));
	return pid;
}

#endif
