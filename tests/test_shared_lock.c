/* SPDX-License-Identifier: MIT */
/*
 * test_shared_lock.c - the lock of shared bytes is a mutex as any other
 */
#include "shared_util.h"

static const int timeouts[] = {0, 1, 60000, LIBIPC_FOREVER, -5};

static void test_lock_and_unlock(void **state)
{
	struct ipc_shared *s = new_shared(1);
	(void)state;

	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(ipc_shared_lock(s, timeouts[i]), 0);
		for (size_t k = 0; k < 5; k++)
			assert_int_equal(ipc_shared_lock(s, timeouts[k]),
					 -EDEADLK);
		assert_int_equal(ipc_shared_unlock(s), 0);
		assert_int_equal(ipc_shared_unlock(s), -EPERM);
	}
	expect_close(s);
}

static int not_now(void *arg)
{
	double start;

	child_check(ipc_shared_unlock(arg) == -EPERM);
	child_check(ipc_shared_lock(arg, 0) == -EAGAIN);
	start = now_ms();
	child_check(ipc_shared_lock(arg, 30) == -ETIMEDOUT);
	child_check(now_ms() - start >= 30);
	child_check(ipc_shared_unlock(arg) == -EPERM);
	return 0;
}

static int lock_once(void *arg)
{
	child_check(ipc_shared_lock(arg, LIBIPC_FOREVER) == 0);
	child_check(ipc_shared_unlock(arg) == 0);
	return 0;
}

static void test_excludes(void **state)
{
	struct ipc_shared *s = new_shared(1);
	(void)state;

	expect_lock(s, 0);
	join_thread(start_thread(not_now, s));
	expect_exit(spawn_child(not_now, s), 0);
	expect_unlock(s);
	join_thread(start_thread(lock_once, s));
	expect_exit(spawn_child(lock_once, s), 0);
	expect_sound(s);
	expect_close(s);
}

static void test_waiters_get_it(void **state)
{
	struct ipc_shared *s = new_shared(1);
	struct test_thread *thread;
	pid_t pid;
	(void)state;

	expect_lock(s, 0);
	pid = spawn_child(lock_once, s);
	thread = start_thread(lock_once, s);
	wait_asleep(pid);
	wait_asleep_tid(thread_tid(thread));
	expect_unlock(s);
	join_thread(thread);
	expect_exit(pid, 0);
	expect_sound(s);
	expect_close(s);
}

static void test_objects_have_their_own(void **state)
{
	struct ipc_shared *a = new_shared(1), *b = new_shared(1);
	(void)state;

	expect_lock(a, 0);
	expect_exit(spawn_child(lock_once, b), 0);
	expect_lock(b, 0);
	expect_unlock(a);
	expect_exit(spawn_child(lock_once, a), 0);
	expect_unlock(b);
	expect_close(a);
	expect_close(b);
}

/* one thread, two handles of one object: one lock */
static void test_another_handle(void **state)
{
	struct ipc_shared *s, *same;
	char name[64];
	(void)state;

	unique_name(name, "lock");
	assert_int_equal(ipc_shared_create(&s, name, 1, NULL), 0);
	assert_int_equal(ipc_shared_open(&same, name), 0);
	assert_int_equal(ipc_unlink(name), 0);
	expect_lock(s, 0);
	assert_int_equal(ipc_shared_lock(same, LIBIPC_FOREVER), -EDEADLK);
	assert_int_equal(ipc_shared_unlock(same), -EPERM);
	expect_unlock(s);
	expect_sound(same);
	expect_close(same);
	expect_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lock_and_unlock), TEST(test_excludes),
		TEST(test_waiters_get_it),  TEST(test_objects_have_their_own),
		TEST(test_another_handle),
	};

	return RUN_TESTS(tests);
}
