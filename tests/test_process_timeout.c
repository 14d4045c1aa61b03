/* SPDX-License-Identifier: MIT */
/*
 * test_process_timeout.c - join and stop wait as long as they say: never less,
 * not at all for 0, and not after it has happened
 */
#include "process_util.h"

#include <sys/time.h>

static void test_never_early(void **state)
{
	static const int ms[] = {1, 7, 50, 150};
	struct ipc_process *p = started(wait_for_ever, NULL, 0);
	(void)state;

	for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
		double from = now_ms();
		assert_int_equal(ipc_process_join(p, ms[i]), -ETIMEDOUT);
		assert_true(now_ms() - from >= ms[i]);
		assert_true(now_ms() - from < ms[i] + 500 * test_slow());
	}
	killed(p);
}

static void test_zero_tries_once(void **state)
{
	struct ipc_process *p = started(wait_for_ever, NULL, 0);
	double from = now_ms();
	(void)state;

	assert_int_equal(ipc_process_join(p, 0), -EAGAIN);
	assert_true(now_ms() - from < 100 * test_slow());
	assert_int_equal(ipc_process_kill(p), 0);
	assert_true(eventually(ipc_process_join(p, 0) == 0, 5000));
	assert_int_equal(finished(p), -SIGKILL);
}

static int sleep_a_moment(void *arg)
{
	sleep_ms(*(int *)arg);
	return 0;
}

static void test_ends_while_we_wait(void **state)
{
	static const int timeout[] = {LIBIPC_FOREVER, -5, 8000, INT32_MAX};
	int ms = 100;
	(void)state;

	for (size_t i = 0; i < sizeof(timeout) / sizeof(timeout[0]); i++) {
		struct ipc_process *p = started(sleep_a_moment, &ms, 0);
		double from = now_ms();
		assert_int_equal(ipc_process_join(p, timeout[i]), 0);
		assert_true(now_ms() - from < ms + 500 * test_slow());
		assert_int_equal(finished(p), 0);
	}
}

static _Atomic int alarms;

static void count_alarm(int sig)
{
	(void)sig;
	alarms++;
}

/* a handler without SA_RESTART runs every 5 ms */
static void test_signals_do_not_end_it(void **state)
{
	struct sigaction action = {.sa_handler = count_alarm}, before;
	struct itimerval every = {{0, 5000}, {0, 5000}},
			 never = {{0, 0}, {0, 0}};
	struct ipc_process *p = started(wait_for_ever, NULL, 0);
	double from = now_ms();
	int r;
	(void)state;

	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &every, NULL);
	r = ipc_process_join(p, 150);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	assert_int_equal(r, -ETIMEDOUT);
	assert_true(now_ms() - from >= 150);
	assert_true(alarms > 3);
	killed(p);
}

static void test_grace_of_stop(void **state)
{
	_Atomic pid_t *pid = shared_alloc(sizeof(*pid));
	struct ipc_process *p = started(ignore_sigterm, (void *)pid, 0);
	double from;
	(void)state;

	assert_true(eventually(*pid != 0, 5000));
	from = now_ms();
	assert_int_equal(ipc_process_stop(p, 120), 0);
	assert_true(now_ms() - from >= 120);
	assert_true(now_ms() - from < 120 + 500 * test_slow());
	assert_int_equal(ipc_process_is_alive(p), 0);
	assert_int_equal(finished(p), -SIGKILL);
}

static void test_stop_does_not_wait_for_the_grace(void **state)
{
	struct ipc_process *p = started(wait_for_ever, NULL, 0);
	double from = now_ms();
	(void)state;

	assert_int_equal(ipc_process_stop(p, 10000), 0);
	assert_true(now_ms() - from < 1000 * test_slow());
	assert_int_equal(finished(p), -SIGTERM);
}

static void test_stop_without_grace(void **state)
{
	_Atomic pid_t *pid = shared_alloc(sizeof(*pid));
	struct ipc_process *p = started(ignore_sigterm, (void *)pid, 0);
	(void)state;

	assert_true(eventually(*pid != 0, 5000));
	assert_int_equal(ipc_process_stop(p, 0), 0);
	assert_int_equal(finished(p), -SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_never_early),
		TEST(test_zero_tries_once),
		TEST(test_ends_while_we_wait),
		TEST(test_signals_do_not_end_it),
		TEST(test_grace_of_stop),
		TEST(test_stop_does_not_wait_for_the_grace),
		TEST(test_stop_without_grace),
	};

	return RUN_TESTS(tests);
}
