/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_deadlk.c - the holder that locks again is told, whatever the
 * timeout, and holds it as before
 */
#include "mutex_util.h"

static const int timeouts[] = {0, 1, 5000, INT_MAX, LIBIPC_FOREVER, INT_MIN};

static void expect_deadlk(struct ipc_mutex *m)
{
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++)
		assert_int_equal(ipc_mutex_lock(m, timeouts[i]), -EDEADLK);
}

static void test_lock_twice(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_lock(m, 0);
	expect_deadlk(m);
	expect_exit(spawn_child(try_and_fail, m), 0);
	expect_unlock(m);
	assert_int_equal(ipc_mutex_unlock(m), -EPERM);
	expect_sound_and_close(m);
}

static void test_after_news(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	kill_child(spawn_holder(m));
	expect_lock(m, LIBIPC_OWNER_DIED);
	expect_deadlk(m);
	expect_unlock(m);
	expect_sound_and_close(m);
}

static void test_while_others_wait(void **state)
{
	struct ipc_mutex *m = new_mutex();
	pid_t pid;
	(void)state;

	expect_lock(m, 0);
	pid = spawn_child(lock_once, m);
	wait_asleep(pid);
	expect_deadlk(m);
	expect_unlock(m);
	expect_exit(pid, 0);
	expect_sound_and_close(m);
}

/* two handles, one mutex: the thread holds the mutex, not the handle */
static void test_through_another_handle(void **state)
{
	struct ipc_mutex *m, *same;
	char name[64];
	(void)state;

	unique_name(name, "deadlk");
	assert_int_equal(ipc_mutex_create(&m, name, NULL), 0);
	assert_int_equal(ipc_mutex_open(&same, name), 0);
	assert_int_equal(ipc_unlink(name), 0);
	expect_lock(m, 0);
	expect_deadlk(same);
	expect_unlock(m);
	expect_lock(same, 0);
	expect_deadlk(m);
	expect_unlock(same);
	expect_sound_and_close(m);
	expect_sound_and_close(same);
}

/* a forked child is not the holder: it can't have it, and it may wait */
static int wait_a_little(void *arg)
{
	child_check(ipc_mutex_lock(arg, 0) == -EAGAIN);
	child_check(ipc_mutex_lock(arg, 20) == -ETIMEDOUT);
	return 0;
}

static void test_not_for_the_child_or_another_thread(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_lock(m, 0);
	expect_exit(spawn_child(wait_a_little, m), 0);
	assert_int_equal(join_thread(start_thread(wait_a_little, m)), 0);
	expect_deadlk(m);
	expect_unlock(m);
	expect_sound_and_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lock_twice),
		TEST(test_after_news),
		TEST(test_while_others_wait),
		TEST(test_through_another_handle),
		TEST(test_not_for_the_child_or_another_thread),
	};

	return RUN_TESTS(tests);
}
