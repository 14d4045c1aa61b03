/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_signals.c - a signal handler that runs all the time disturbs
 * neither lock nor its timeouts: -EINTR never escapes
 */
#include "mutex_util.h"
#include "observe.h"

static _Atomic long handled;

static int time_out_under_signals(void *arg)
{
	const int timeouts[] = {0, 1, 5, 50, 300};

	storm_begin(&handled);
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
		double start = now_ms();
		int r = ipc_mutex_lock(arg, timeouts[i]);
		child_check(r == (timeouts[i] ? -ETIMEDOUT : -EAGAIN));
		child_check(now_ms() - start >= timeouts[i]);
		child_check(now_ms() - start < 5000 * test_slow());
	}
	child_check(handled > 10);
	return 0;
}

static void test_timeouts(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_lock(m, 0);
	expect_exit(spawn_child(time_out_under_signals, m), 0);
	expect_unlock(m);
	expect_sound_and_close(m);
}

static int wait_under_signals(void *arg)
{
	storm_begin(&handled);
	child_check(ipc_mutex_lock(arg, LIBIPC_FOREVER) == 0);
	child_check(handled > 10);
	child_check(ipc_mutex_unlock(arg) == 0);
	return 0;
}

static void test_waiting(void **state)
{
	struct ipc_mutex *m = new_mutex();
	pid_t pid[3];
	(void)state;

	expect_lock(m, 0);
	for (int i = 0; i < 3; i++)
		pid[i] = spawn_child(wait_under_signals, m);
	sleep_ms(100);
	expect_unlock(m);
	for (int i = 0; i < 3; i++)
		expect_exit(pid[i], 0);
	expect_sound_and_close(m);
}

struct count {
	struct ipc_mutex *m;
	volatile long n;
};

static int add_under_signals(void *arg)
{
	struct count *c = arg;

	storm_begin(&handled);
	for (int i = 0; i < 1000; i++) {
		child_check(ipc_mutex_lock(c->m, LIBIPC_FOREVER) == 0);
		c->n++;
		child_check(ipc_mutex_unlock(c->m) == 0);
		if (i % 10 == 0)
			sleep_ms(0.5);
	}
	child_check(handled > 10);
	return 0;
}

static void test_sum(void **state)
{
	struct count *c = shared_alloc(sizeof(*c));
	pid_t pid[4];
	(void)state;

	c->m = new_mutex();
	for (int i = 0; i < 4; i++)
		pid[i] = spawn_child(add_under_signals, c);
	for (int i = 0; i < 4; i++)
		expect_exit(pid[i], 0);
	assert_int_equal(c->n, 4 * 1000);
	expect_sound_and_close(c->m);
}

/* a holder that dies among signals is news as ever */
static int wait_for_news_under_signals(void *arg)
{
	storm_begin(&handled);
	child_check(ipc_mutex_lock(arg, LIBIPC_FOREVER) == LIBIPC_OWNER_DIED);
	child_check(ipc_mutex_unlock(arg) == 0);
	return 0;
}

static void test_news(void **state)
{
	struct ipc_mutex *m = new_mutex();
	pid_t holder = spawn_holder(m), pid;
	(void)state;

	pid = spawn_child(wait_for_news_under_signals, m);
	sleep_ms(50);
	kill_child(holder);
	expect_exit(pid, 0);
	expect_sound_and_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_timeouts),
		TEST(test_waiting),
		TEST(test_sum),
		TEST(test_news),
	};

	return RUN_TESTS(tests);
}
