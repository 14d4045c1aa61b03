/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_basic.c - one holder at a time, among threads and processes
 */
#include "mutex_util.h"

static void test_lock_and_unlock(void **state)
{
	const int timeouts[] = {0,  1,	     1000, INT_MAX, LIBIPC_FOREVER,
				-2, INT_MIN, 60000};
	struct ipc_mutex *m = new_mutex();
	(void)state;

	for (int round = 0; round < 100; round++) {
		for (size_t i = 0; i < 8; i++) {
			assert_int_equal(ipc_mutex_lock(m, timeouts[i]), 0);
			assert_int_equal(ipc_mutex_unlock(m), 0);
		}
	}
	expect_sound_and_close(m);
}

static void test_excludes_threads(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_lock(m, 0);
	assert_int_equal(join_thread(start_thread(try_and_fail, m)), 0);
	expect_unlock(m);
	assert_int_equal(join_thread(start_thread(lock_once, m)), 0);
	expect_sound_and_close(m);
}

static void test_excludes_processes(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_lock(m, 0);
	expect_exit(spawn_child(try_and_fail, m), 0);
	expect_unlock(m);
	expect_exit(spawn_child(lock_once, m), 0);
	expect_sound_and_close(m);
}

static int try_in_grandchild(void *arg)
{
	expect_exit(spawn_child(try_and_fail, arg), 0);
	return 0;
}

static void test_excludes_grandchildren(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_lock(m, 0);
	expect_exit(spawn_child(try_in_grandchild, m), 0);
	expect_unlock(m);
	expect_sound_and_close(m);
}

/* what happens in the child is seen by the parent and by its other children */
static void test_child_excludes_parent_and_siblings(void **state)
{
	struct ipc_mutex *m = new_mutex();
	pid_t pid = spawn_holder(m);
	(void)state;

	expect_held_by_another(m);
	expect_exit(spawn_child(try_and_fail, m), 0);
	kill_child(pid);
	expect_died_once(m);
	expect_close(m);
}

static void test_waiting_thread_gets_it(void **state)
{
	struct ipc_mutex *m = new_mutex();
	struct test_thread *waiting;
	(void)state;

	expect_lock(m, 0);
	waiting = start_thread(lock_once, m);
	wait_asleep_tid(thread_tid(waiting));
	expect_unlock(m);
	assert_int_equal(join_thread(waiting), 0);
	expect_sound_and_close(m);
}

static void test_waiting_processes_get_it(void **state)
{
	struct ipc_mutex *m = new_mutex();
	pid_t pid[5];
	(void)state;

	expect_lock(m, 0);
	for (int i = 0; i < 5; i++)
		pid[i] = spawn_child(lock_once, m);
	for (int i = 0; i < 5; i++)
		wait_asleep(pid[i]);
	expect_unlock(m);
	for (int i = 0; i < 5; i++)
		expect_exit(pid[i], 0);
	expect_sound_and_close(m);
}

static void test_mutexes_are_independent(void **state)
{
	struct ipc_mutex *a = new_mutex(), *b = new_mutex();
	(void)state;

	expect_lock(a, 0);
	expect_exit(spawn_child(lock_once, b), 0);
	expect_sound(b);
	expect_exit(spawn_child(try_and_fail, a), 0);
	expect_unlock(a);
	expect_sound_and_close(a);
	expect_sound_and_close(b);
}

static void test_null(void **state)
{
	(void)state;
	assert_int_equal(ipc_mutex_lock(NULL, 0), -EINVAL);
	assert_int_equal(ipc_mutex_lock(NULL, LIBIPC_FOREVER), -EINVAL);
	assert_int_equal(ipc_mutex_unlock(NULL), -EINVAL);
	assert_int_equal(ipc_mutex_close(NULL), -EINVAL);
	assert_int_equal(ipc_mutex_create(NULL, NULL, NULL), -EINVAL);
	assert_int_equal(ipc_mutex_open(NULL, "/libipc-test-none"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lock_and_unlock),
		TEST(test_excludes_threads),
		TEST(test_excludes_processes),
		TEST(test_excludes_grandchildren),
		TEST(test_child_excludes_parent_and_siblings),
		TEST(test_waiting_thread_gets_it),
		TEST(test_waiting_processes_get_it),
		TEST(test_mutexes_are_independent),
		TEST(test_null),
	};

	return RUN_TESTS(tests);
}
