/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_recursive.c - a recursive mutex is locked again by its holder, and
 * let go by the last of as many unlocks
 */
#include "mutex_util.h"

static void lock_times(struct ipc_mutex *m, int n)
{
	for (int i = 0; i < n; i++)
		assert_int_equal(ipc_mutex_lock(m, i % 2 ? 0 : 1000), 0);
}

/* another process sees it held, or free */
#define expect_seen_held(m) expect_exit(spawn_child(try_and_fail, m), 0)
#define expect_seen_free(m) expect_exit(spawn_child(lock_once, m), 0)

static void test_as_many_unlocks_as_locks(void **state)
{
	struct ipc_mutex *m = new_recursive_mutex(NULL);
	(void)state;

	for (int depth = 1; depth <= 5; depth++) {
		lock_times(m, depth);
		for (int i = depth; i > 0; i--) {
			expect_seen_held(m);
			expect_unlock(m);
		}
		expect_seen_free(m);
		assert_int_equal(ipc_mutex_unlock(m), -EPERM);
	}
	expect_close(m);
}

static void test_up_and_down(void **state)
{
	struct ipc_mutex *m = new_recursive_mutex(NULL);
	unsigned int random = 3, depth = 0;
	(void)state;

	for (int i = 0; i < 10000; i++) {
		if (rand_r(&random) % 2 && depth < 7) {
			assert_int_equal(ipc_mutex_lock(m, 0), 0);
			depth++;
		} else {
			assert_int_equal(ipc_mutex_unlock(m),
					 depth ? 0 : -EPERM);
			depth -= depth > 0;
		}
		if (i % 1000 == 0 && depth)
			expect_seen_held(m);
	}
	while (depth--)
		expect_unlock(m);
	expect_seen_free(m);
	expect_close(m);
}

/* what is available, and that it is, is taken whatever the timeout */
static void test_any_timeout(void **state)
{
	const int timeouts[] = {0, 1, 1000, LIBIPC_FOREVER, INT_MIN, INT_MAX};
	struct ipc_mutex *m = new_recursive_mutex(NULL);
	const int n = (int)(sizeof(timeouts) / sizeof(timeouts[0]));
	(void)state;

	for (int i = 0; i < n; i++)
		assert_int_equal(ipc_mutex_lock(m, timeouts[i]), 0);
	for (int i = 0; i < n; i++)
		expect_unlock(m);
	expect_close(m);
}

static int try_and_time_out(void *arg)
{
	double start = now_ms();

	child_check(ipc_mutex_lock(arg, 0) == -EAGAIN);
	child_check(ipc_mutex_lock(arg, 30) == -ETIMEDOUT);
	child_check(now_ms() - start >= 30);
	child_check(ipc_mutex_unlock(arg) == -EPERM);
	return 0;
}

static void test_others_wait_in_vain(void **state)
{
	struct ipc_mutex *m = new_recursive_mutex(NULL);
	(void)state;

	lock_times(m, 3);
	expect_exit(spawn_child(try_and_time_out, m), 0);
	assert_int_equal(join_thread(start_thread(try_and_time_out, m)), 0);
	expect_unlock(m);
	expect_exit(spawn_child(try_and_time_out, m), 0);
	expect_unlock(m);
	expect_unlock(m);
	assert_int_equal(join_thread(start_thread(lock_once, m)), 0);
	expect_close(m);
}

/* it gets it at the last unlock and not before */
static void test_a_sleeper_gets_it_at_the_end(void **state)
{
	struct ipc_mutex *m = new_recursive_mutex(NULL);
	pid_t pid;
	(void)state;

	lock_times(m, 3);
	pid = spawn_child(lock_once, m);
	wait_asleep(pid);
	expect_unlock(m);
	expect_unlock(m);
	expect_seen_held(m);
	assert_true(eventually(harness_state(pid) == 'S', 5000));
	expect_unlock(m);
	expect_exit(pid, 0);
	expect_close(m);
}

static void test_close_of_a_held_one(void **state)
{
	struct ipc_mutex *m = new_recursive_mutex(NULL);
	(void)state;

	lock_times(m, 2);
	assert_int_equal(ipc_mutex_close(m), -EBUSY);
	expect_unlock(m);
	assert_int_equal(ipc_mutex_close(m), -EBUSY);
	expect_unlock(m);
	expect_close(m);
}

static int forked_holder(void *arg)
{
	child_check(ipc_mutex_unlock(arg) == -EPERM);
	child_check(ipc_mutex_lock(arg, 0) == -EAGAIN);
	child_check(ipc_mutex_close(arg) == 0);
	return 0;
}

static void test_a_child_does_not_own(void **state)
{
	struct ipc_mutex *m = new_recursive_mutex(NULL);
	(void)state;

	lock_times(m, 2);
	expect_exit(spawn_child(forked_holder, m), 0);
	lock_times(m, 1);
	for (int i = 0; i < 3; i++)
		expect_unlock(m);
	expect_seen_free(m);
	expect_close(m);
}

/* a million times, and no more; nothing is lost by the attempt */
static void test_overflow(void **state)
{
	struct ipc_mutex *m = new_recursive_mutex(NULL);
	const int most = 1000000;
	(void)state;

	for (int i = 0; i < most; i++)
		assert_true(ipc_mutex_lock(m, 0) == 0);
	assert_int_equal(ipc_mutex_lock(m, 0), -EOVERFLOW);
	assert_int_equal(ipc_mutex_lock(m, LIBIPC_FOREVER), -EOVERFLOW);
	expect_seen_held(m);
	for (int i = 0; i < most; i++)
		assert_true(ipc_mutex_unlock(m) == 0);
	assert_int_equal(ipc_mutex_unlock(m), -EPERM);
	expect_seen_free(m);
	expect_close(m);
}

/* depth is not among the 1024 that a thread may hold */
static void test_depth_does_not_count_as_held(void **state)
{
	struct ipc_mutex *m = new_recursive_mutex(NULL);
	(void)state;

	lock_times(m, 3000);
	for (int i = 0; i < 3000; i++)
		expect_unlock(m);
	expect_seen_free(m);
	expect_close(m);
}

static void test_plain_ones_stay_plain(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_lock(m, 0);
	assert_int_equal(ipc_mutex_lock(m, 0), -EDEADLK);
	assert_int_equal(ipc_mutex_lock(m, LIBIPC_FOREVER), -EDEADLK);
	expect_unlock(m);
	expect_sound_and_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_as_many_unlocks_as_locks),
		TEST(test_up_and_down),
		TEST(test_any_timeout),
		TEST(test_others_wait_in_vain),
		TEST(test_a_sleeper_gets_it_at_the_end),
		TEST(test_close_of_a_held_one),
		TEST(test_a_child_does_not_own),
		TEST(test_overflow),
		TEST(test_depth_does_not_count_as_held),
		TEST(test_plain_ones_stay_plain),
	};

	return RUN_TESTS(tests);
}
