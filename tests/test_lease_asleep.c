/* SPDX-License-Identifier: MIT */
/*
 * test_lease_asleep.c - who sleeps notices the death of a worker by itself
 *
 * They sleep without a limit, and nobody else does anything: so it is the death
 * that wakes them, however late a loaded machine is.
 */
#include "lease_util.h"

static int work_once(void *q)
{
	child_check(child_get(q) == 1);
	child_check(ipc_queue_task_done(q) == 0);
	return 0;
}

static void test_a_getter(void **state)
{
	struct ipc_queue *q = new_tasks(4, 0);
	pid_t worker, getter;
	(void)state;

	put_int(q, 1);
	worker = spawn_worker(q);
	getter = spawn_child(work_once, q);
	wait_asleep(getter);
	kill_child(worker);
	expect_exit(getter, 0);
	assert_int_equal(ipc_queue_join(q, 0), 0);
	close_queue(q);
}

static int get_when_told(void *q)
{
	raise(SIGSTOP);
	return get_and_stay(q);
}

/* it slept before the worker was one that is to be watched */
static void test_a_getter_that_came_first(void **state)
{
	struct ipc_queue *q = new_tasks(4, 0);
	pid_t getter, worker;
	int item = 1;
	(void)state;

	worker = spawn_child(get_when_told, q);
	assert_true(eventually(harness_state(worker) == 'T', 5000));
	getter = spawn_child(work_once, q);
	wait_asleep(getter);
	/* stopped, it cannot come for it: the worker can */
	kill(getter, SIGSTOP);
	assert_true(eventually(harness_state(getter) == 'T', 5000));
	put_int(q, item);
	kill(worker, SIGCONT);
	assert_true(eventually(ipc_queue_size(q) == 0, 5000));
	assert_true(eventually(harness_state(worker) == 'T', 5000));
	kill(getter, SIGCONT);
	wait_asleep(getter);
	kill_child(worker);
	expect_exit(getter, 0);
	assert_int_equal(ipc_queue_join(q, 0), 0);
	close_queue(q);
}

static int join_it(void *q)
{
	return ipc_queue_join(q, LIBIPC_FOREVER);
}

/* the task was its last chance: so all is over, and both joiners return */
static void test_joiners(void **state)
{
	struct ipc_queue *q = new_tasks(4, 1);
	pid_t worker, joiner[2];
	(void)state;

	put_int(q, 1);
	worker = spawn_worker(q);
	for (int i = 0; i < 2; i++) {
		joiner[i] = spawn_child(join_it, q);
		wait_asleep(joiner[i]);
	}
	kill_child(worker);
	for (int i = 0; i < 2; i++)
		expect_exit(joiner[i], 1);
	close_queue(q);
}

static void test_getters_and_joiners(void **state)
{
	struct ipc_queue *q = new_tasks(4, 0);
	pid_t worker, getter, joiner;
	(void)state;

	for (int round = 0; round < 20; round++) {
		put_int(q, 1);
		worker = spawn_worker(q);
		joiner = spawn_child(join_it, q);
		getter = spawn_child(work_once, q);
		wait_asleep(joiner);
		wait_asleep(getter);
		kill_child(worker);
		expect_exit(getter, 0);
		expect_exit(joiner, 0);
	}
	close_queue(q);
}

/* the tasks of one that dies are for all that sleep */
static int get_three_and_stop(void *q)
{
	int items[3];

	child_check(ipc_queue_get_many(q, items, sizeof(int), NULL, 3, -1) ==
		    3);
	raise(SIGSTOP);
	return 1;
}

static void test_three_getters(void **state)
{
	struct ipc_queue *q = new_tasks(4, 0);
	pid_t worker, getter[3];
	(void)state;

	for (int i = 0; i < 3; i++)
		put_int(q, 1);
	worker = spawn_child(get_three_and_stop, q);
	assert_true(eventually(harness_state(worker) == 'T', 5000));
	for (int i = 0; i < 3; i++) {
		getter[i] = spawn_child(work_once, q);
		wait_asleep(getter[i]);
	}
	kill_child(worker);
	for (int i = 0; i < 3; i++)
		expect_exit(getter[i], 0);
	assert_int_equal(ipc_queue_join(q, 0), 0);
	close_queue(q);
}

static int wait_failed(void *q)
{
	int item;

	return ipc_queue_get_failed(q, &item, sizeof(item), -1) == sizeof(item)
		       ? item
		       : -1;
}

static void test_who_waits_for_failures(void **state)
{
	struct ipc_queue *q = new_tasks(4, 1);
	pid_t worker, waiter;
	(void)state;

	put_int(q, 9);
	worker = spawn_worker(q);
	waiter = spawn_child(wait_failed, q);
	wait_asleep(waiter);
	kill_child(worker);
	expect_exit(waiter, 9);
	assert_int_equal(ipc_queue_join(q, 0), 0);
	close_queue(q);
}

/* more workers than a sleep can watch: then it is short */
static void test_more_than_can_be_watched(void **state)
{
	enum { WORKERS = 140 };
	struct ipc_queue *q = new_tasks(WORKERS, 0);
	pid_t worker[WORKERS], getter;
	(void)state;

	for (int i = 0; i < WORKERS; i++) {
		put_int(q, 1);
		worker[i] = spawn_worker(q);
	}
	getter = spawn_child(work_once, q);
	assert_true(eventually(harness_state(getter) == 'S', 5000));
	kill_child(worker[WORKERS / 2]);
	expect_exit(getter, 0);
	for (int i = 0; i < WORKERS; i++)
		if (i != WORKERS / 2)
			kill_child(worker[i]);
	assert_int_equal(ipc_queue_size(q), WORKERS - 1);
	close_queue(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_getter),
		TEST(test_a_getter_that_came_first),
		TEST(test_joiners),
		TEST(test_getters_and_joiners),
		TEST(test_three_getters),
		TEST(test_who_waits_for_failures),
		TEST(test_more_than_can_be_watched),
	};

	return RUN_TESTS(tests);
}
