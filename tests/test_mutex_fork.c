/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_fork.c - a child works with the handles it inherited, holds none
 * of its parent's locks, and disturbs none of them
 */
#include "mutex_util.h"

enum { HELD = 5, FREE = 3 };

struct locks {
	struct ipc_mutex *held[HELD]; /* by the parent */
	struct ipc_mutex *free[FREE];
};

static void setup_locks(struct locks *l)
{
	for (int i = 0; i < HELD; i++) {
		l->held[i] = new_mutex();
		expect_lock(l->held[i], 0);
	}
	for (int i = 0; i < FREE; i++)
		l->free[i] = new_mutex();
}

static void close_locks(struct locks *l)
{
	for (int i = 0; i < HELD; i++)
		expect_sound_and_close(l->held[i]);
	for (int i = 0; i < FREE; i++)
		expect_sound_and_close(l->free[i]);
}

static int use_in_child(void *arg)
{
	struct locks *l = arg;

	for (int i = 0; i < HELD; i++) {
		child_check(ipc_mutex_unlock(l->held[i]) == -EPERM);
		child_check(ipc_mutex_lock(l->held[i], 0) == -EAGAIN);
		child_check(ipc_mutex_lock(l->held[i], 1) == -ETIMEDOUT);
	}
	for (int i = 0; i < FREE; i++)
		child_check(ipc_mutex_lock(l->free[i], 0) == 0);
	for (int i = 0; i < FREE; i++)
		child_check(ipc_mutex_unlock(l->free[i]) == 0);
	return 0;
}

/* the parent has locks before, takes more after, releases all in any order */
static void test_fork_in_between(void **state)
{
	struct locks l;
	(void)state;

	setup_locks(&l);
	expect_exit(spawn_child(use_in_child, &l), 0);
	expect_lock(l.free[0], 0);
	expect_exit(spawn_child(try_and_fail, l.free[0]), 0);
	expect_exit(spawn_child(try_and_fail, l.held[2]), 0);
	expect_unlock(l.held[2]);
	expect_unlock(l.free[0]);
	expect_unlock(l.held[0]);
	expect_unlock(l.held[4]);
	expect_unlock(l.held[3]);
	expect_unlock(l.held[1]);
	close_locks(&l);
}

static int hold_and_die(void *arg)
{
	struct locks *l = arg;

	for (int i = 0; i < FREE; i++)
		child_check(ipc_mutex_lock(l->free[i], 0) == 0);
	kill(getpid(), SIGKILL);
	return CHILD_FAILED;
}

/* what the child held is news, what the parent holds is held */
static void test_child_dies(void **state)
{
	struct locks l;
	(void)state;

	setup_locks(&l);
	expect_killed(spawn_child(hold_and_die, &l), SIGKILL);
	for (int i = 0; i < FREE; i++)
		expect_died_once(l.free[i]);
	for (int i = 0; i < HELD; i++) {
		expect_exit(spawn_child(try_and_fail, l.held[i]), 0);
		expect_unlock(l.held[i]);
	}
	close_locks(&l);
}

static int count_to_1024(void *arg)
{
	static struct ipc_mutex *m[1025];

	(void)arg;
	for (int i = 0; i < 1025; i++)
		child_check(ipc_mutex_create(&m[i], NULL, NULL) == 0);
	for (int i = 0; i < 1024; i++)
		child_check(ipc_mutex_lock(m[i], 0) == 0);
	child_check(ipc_mutex_lock(m[1024], 0) == -ENOLCK);
	return 0;
}

/* nor do the parent's locks count as the child's */
static void test_child_begins_at_zero(void **state)
{
	struct locks l;
	(void)state;

	setup_locks(&l);
	expect_exit(spawn_child(count_to_1024, NULL), 0);
	for (int i = 0; i < HELD; i++)
		expect_unlock(l.held[i]);
	close_locks(&l);
}

static int hold_over_fork(void *arg)
{
	struct ipc_mutex *m = arg;

	child_check(ipc_mutex_lock(m, 0) == 0);
	expect_exit(spawn_child(try_and_fail, m), 0);
	child_check(ipc_mutex_lock(m, 0) == -EDEADLK);
	child_check(ipc_mutex_unlock(m) == 0);
	expect_exit(spawn_child(lock_once, m), 0);
	child_check(ipc_mutex_lock(m, 0) == 0);
	return 0;
}

/* the same, one generation later, and from a thread */
static void test_grandchildren(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_exit(spawn_child(hold_over_fork, m), 0);
	expect_died_once(m);
	join_thread(start_thread(hold_over_fork, m));
	expect_died_once(m);
	expect_close(m);
}

/* the thread that forks goes on in the child, and is not the holder there */
static int fork_and_try(void *arg)
{
	child_check(ipc_mutex_lock(arg, 0) == -EAGAIN);
	expect_exit(spawn_child(try_and_fail, arg), 0);
	return 0;
}

static void test_another_thread_forks(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_lock(m, 0);
	join_thread(start_thread(fork_and_try, m));
	expect_unlock(m);
	expect_sound_and_close(m);
}

/* a mutex that is made after the first fork, in a child, for its children */
static int make_for_children(void *arg)
{
	struct ipc_mutex *m;

	(void)arg;
	child_check(ipc_mutex_create(&m, NULL, NULL) == 0);
	expect_exit(spawn_child(lock_once, m), 0);
	child_check(ipc_mutex_lock(m, 0) == 0);
	expect_exit(spawn_child(try_and_fail, m), 0);
	child_check(ipc_mutex_close(m) == -EBUSY);
	child_check(ipc_mutex_unlock(m) == 0);
	child_check(ipc_mutex_close(m) == 0);
	return 0;
}

static void test_made_in_a_child(void **state)
{
	(void)state;
	expect_exit(spawn_child(make_for_children, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fork_in_between),	 TEST(test_child_dies),
		TEST(test_child_begins_at_zero), TEST(test_grandchildren),
		TEST(test_another_thread_forks), TEST(test_made_in_a_child),
	};

	return RUN_TESTS(tests);
}
