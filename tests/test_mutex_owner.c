/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_owner.c - only the holder unlocks, through the handle by which it
 * locked; whoever else tries is told and changes nothing
 */
#include "mutex_util.h"

static int unlock_and_fail(void *arg)
{
	child_check(ipc_mutex_unlock(arg) == -EPERM);
	child_check(ipc_mutex_lock(arg, 0) == -EAGAIN);
	child_check(ipc_mutex_unlock(arg) == -EPERM);
	return 0;
}

static void test_unlock_a_free_one(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	assert_int_equal(ipc_mutex_unlock(m), -EPERM);
	expect_sound(m);
	assert_int_equal(ipc_mutex_unlock(m), -EPERM);
	expect_sound_and_close(m);
}

static void test_another_thread(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_lock(m, 0);
	assert_int_equal(join_thread(start_thread(unlock_and_fail, m)), 0);
	assert_int_equal(ipc_mutex_lock(m, 0), -EDEADLK);
	expect_unlock(m);
	expect_sound_and_close(m);
}

static void test_child_of_the_holder(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_lock(m, 0);
	expect_exit(spawn_child(unlock_and_fail, m), 0);
	assert_int_equal(ipc_mutex_lock(m, 0), -EDEADLK);
	expect_unlock(m);
	expect_sound_and_close(m);
}

static void test_parent_of_the_holder(void **state)
{
	struct ipc_mutex *m = new_mutex();
	pid_t pid = spawn_holder(m);
	(void)state;

	assert_int_equal(ipc_mutex_unlock(m), -EPERM);
	expect_held_by_another(m);
	expect_exit(spawn_child(unlock_and_fail, m), 0);
	kill_child(pid);
	assert_int_equal(ipc_mutex_unlock(m), -EPERM);
	expect_died_once(m);
	expect_close(m);
}

static void test_another_handle(void **state)
{
	struct ipc_mutex *m, *same;
	char name[64];
	(void)state;

	unique_name(name, "owner");
	assert_int_equal(ipc_mutex_create(&m, name, NULL), 0);
	assert_int_equal(ipc_mutex_open(&same, name), 0);
	assert_int_equal(ipc_unlink(name), 0);
	expect_lock(m, 0);
	assert_int_equal(ipc_mutex_unlock(same), -EPERM);
	expect_exit(spawn_child(try_and_fail, same), 0);
	expect_unlock(m);
	expect_sound(same);
	expect_sound(m);
	expect_close(same);
	expect_close(m);
}

/* the lock of a thread that died is not its successor's before it locks */
static int lock_and_end(void *arg)
{
	child_check(ipc_mutex_lock(arg, LIBIPC_FOREVER) == 0);
	return 0;
}

static int unlock_what_a_dead_one_held(void *arg)
{
	child_check(ipc_mutex_unlock(arg) == -EPERM);
	return 0;
}

static void test_after_the_holders_end(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	for (int i = 0; i < 20; i++) {
		join_thread(start_thread(lock_and_end, m));
		join_thread(start_thread(unlock_what_a_dead_one_held, m));
		expect_exit(spawn_child(unlock_what_a_dead_one_held, m), 0);
		expect_died_once(m);
	}
	expect_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unlock_a_free_one),
		TEST(test_another_thread),
		TEST(test_child_of_the_holder),
		TEST(test_parent_of_the_holder),
		TEST(test_another_handle),
		TEST(test_after_the_holders_end),
	};

	return RUN_TESTS(tests);
}
