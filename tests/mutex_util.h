/* SPDX-License-Identifier: MIT */
/*
 * mutex_util.h - what the tests of mutexes have in common
 */
#ifndef LIBIPC_TESTS_MUTEX_UTIL_H
#define LIBIPC_TESTS_MUTEX_UTIL_H

#include "harness.h"

#include <limits.h>

/* ------------------------------------------------------ for the test itself */

static inline struct ipc_mutex *new_mutex(void)
{
	struct ipc_mutex *m = NULL;

	assert_int_equal(ipc_mutex_create(&m, NULL, NULL), 0);
	assert_non_null(m);
	return m;
}

static inline struct ipc_mutex *new_recursive_mutex(const char *name)
{
	const struct ipc_mutex_opts opts = {.flags = LIBIPC_MUTEX_RECURSIVE};
	struct ipc_mutex *m = NULL;

	assert_int_equal(ipc_mutex_create(&m, name, &opts), 0);
	assert_non_null(m);
	return m;
}

#define expect_lock(m, news)                                                   \
	assert_int_equal(ipc_mutex_lock(m, 10000 * test_slow()), news)
#define expect_unlock(m) assert_int_equal(ipc_mutex_unlock(m), 0)
#define expect_close(m)	 assert_int_equal(ipc_mutex_close(m), 0)
#define expect_held_by_another(m)                                              \
	assert_int_equal(ipc_mutex_lock(m, 0), -EAGAIN)

/* free, without news, and in working order */
#define expect_sound(m)                                                        \
	do {                                                                   \
		assert_int_equal(ipc_mutex_lock(m, 0), 0);                     \
		assert_int_equal(ipc_mutex_lock(m, 0), -EDEADLK);              \
		assert_int_equal(ipc_mutex_unlock(m), 0);                      \
		assert_int_equal(ipc_mutex_unlock(m), -EPERM);                 \
	} while (0)

/* it works, and nobody has it any more */
#define expect_sound_and_close(m)                                              \
	do {                                                                   \
		expect_sound(m);                                               \
		expect_close(m);                                               \
	} while (0)

/* the last holder died inside: that is told once */
#define expect_died_once(m)                                                    \
	do {                                                                   \
		expect_lock(m, LIBIPC_OWNER_DIED);                             \
		expect_unlock(m);                                              \
		expect_sound(m);                                               \
	} while (0)

/* ------------------------------------------------- for children and threads */

static inline void sleep_for_ever(void)
{
	for (;;)
		pause();
}

/* takes it, without news, and lets it go */
static inline int lock_once(void *arg)
{
	child_check(ipc_mutex_lock(arg, LIBIPC_FOREVER) == 0);
	child_check(ipc_mutex_unlock(arg) == 0);
	return 0;
}

static inline int try_and_fail(void *arg)
{
	child_check(ipc_mutex_lock(arg, 0) == -EAGAIN);
	return 0;
}

struct holder {
	struct ipc_mutex *m;
	_Atomic int *holds; /* shared: what lock returned, plus one */
};

static inline int hold_for_ever(void *arg)
{
	struct holder *h = arg;
	int r = ipc_mutex_lock(h->m, LIBIPC_FOREVER);

	child_check(r >= 0);
	*h->holds = r + 1;
	sleep_for_ever();
	return 0;
}

/* a child that has locked it without news, and sleeps */
static inline pid_t spawn_holder(struct ipc_mutex *m)
{
	struct holder h = {m, shared_alloc(sizeof(int))};
	pid_t pid = spawn_child(hold_for_ever, &h);

	assert_true(eventually(*h.holds != 0, 10000));
	assert_int_equal(*h.holds, 1);
	return pid;
}

#endif
