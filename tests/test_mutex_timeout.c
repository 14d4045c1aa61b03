/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_timeout.c - never early; 0 tries once; negative waits
 *
 * Late is a matter of the machine: the limits above are generous.
 */
#include "mutex_util.h"

enum { LATE = 5000 };

struct timed {
	struct ipc_mutex *m;
	int timeout_ms;
	int result;
	double took;
};

/* in the test itself, in threads and in children */
static int lock_timed(void *arg)
{
	struct timed *t = arg;
	double start = now_ms();
	int r = ipc_mutex_lock(t->m, t->timeout_ms);

	t->took = now_ms() - start;
	child_check(r == t->result);
	if (r >= 0) {
		child_check(ipc_mutex_unlock(t->m) == 0);
	} else {
		child_check(t->took >= t->timeout_ms);
		child_check(t->took < t->timeout_ms + LATE * test_slow());
	}
	return 0;
}

static void expect_timed(struct ipc_mutex *m, int timeout_ms, int result)
{
	struct timed t = {m, timeout_ms, result, 0};

	lock_timed(&t);
	assert_int_equal(join_thread(start_thread(lock_timed, &t)), 0);
	expect_exit(spawn_child(lock_timed, &t), 0);
}

static void test_never_early(void **state)
{
	const int timeouts[] = {1, 2, 3, 7, 20, 100};
	struct ipc_mutex *m = new_mutex();
	pid_t pid = spawn_holder(m);
	(void)state;

	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++)
		expect_timed(m, timeouts[i], -ETIMEDOUT);
	for (int i = 0; i < 100; i++) {
		struct timed t = {m, 1, -ETIMEDOUT, 0};
		lock_timed(&t);
	}
	kill_child(pid);
	expect_died_once(m);
	expect_close(m);
}

static void test_zero_tries_once(void **state)
{
	struct ipc_mutex *m = new_mutex();
	pid_t pid = spawn_holder(m);
	(void)state;

	for (int i = 0; i < 1000; i++)
		assert_int_equal(ipc_mutex_lock(m, 0), -EAGAIN);
	expect_timed(m, 0, -EAGAIN);
	kill_child(pid);
	expect_died_once(m);
	expect_close(m);
}

/* a child waits with that timeout, and gets it when it is let go */
static void expect_waits(int timeout_ms)
{
	struct ipc_mutex *m = new_mutex();
	struct timed t = {m, timeout_ms, 0, 0};
	pid_t pid;

	expect_lock(m, 0);
	pid = spawn_child(lock_timed, &t);
	wait_asleep(pid);
	sleep_ms(60);
	wait_asleep(pid);
	expect_unlock(m);
	expect_exit(pid, 0);
	expect_sound_and_close(m);
}

static void test_negative_waits(void **state)
{
	(void)state;
	expect_waits(LIBIPC_FOREVER);
	expect_waits(-2);
	expect_waits(INT_MIN);
}

/* and the longest does not overflow */
static void test_long_timeouts_wait(void **state)
{
	(void)state;
	expect_waits(3000);
	expect_waits(1 << 30);
	expect_waits(INT_MAX);
}

/* what is available is taken at once, whatever the timeout */
static void test_free_is_taken_at_once(void **state)
{
	const int timeouts[] = {0, 1, 2000, INT_MAX, LIBIPC_FOREVER, INT_MIN};
	struct ipc_mutex *m = new_mutex();
	(void)state;

	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
		assert_int_equal(ipc_mutex_lock(m, timeouts[i]), 0);
		expect_unlock(m);
	}
	kill_child(spawn_holder(m));
	assert_int_equal(ipc_mutex_lock(m, 0), LIBIPC_OWNER_DIED);
	expect_unlock(m);
	expect_sound_and_close(m);
}

/* an unlock ends the wait, long before the timeout */
static void test_wait_ends_with_unlock(void **state)
{
	struct ipc_mutex *m = new_mutex();
	struct timed t = {m, 3600 * 1000, 0, 0};
	struct test_thread *thread;
	(void)state;

	expect_lock(m, 0);
	thread = start_thread(lock_timed, &t);
	wait_asleep_tid(thread_tid(thread));
	expect_unlock(m);
	join_thread(thread);
	assert_true(t.took < 10000 * test_slow());
	expect_sound_and_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_never_early),
		TEST(test_zero_tries_once),
		TEST(test_negative_waits),
		TEST(test_long_timeouts_wait),
		TEST(test_free_is_taken_at_once),
		TEST(test_wait_ends_with_unlock),
	};

	return RUN_TESTS(tests);
}
