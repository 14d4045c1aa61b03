/* SPDX-License-Identifier: MIT */
/*
 * test_gate_sleep.c - sleep and wake-up of the operating system: the words are
 * compared and the sleep begins in one step, and time is never short
 */
#include "gate_util.h"

#include <limits.h>
#include <sys/time.h>

struct words {
	_Atomic uint64_t word[IPCI_STILL_MAX];
};

static const int64_t ms = 1000000;

/* sleeps on the first of n words while each is its value */
static int sleep_while(struct words *w, const uint64_t *is, int n,
		       int64_t deadline)
{
	struct ipci_still same[IPCI_STILL_MAX];

	for (int i = 0; i < n; i++)
		same[i] = (struct ipci_still){.word = &w->word[i], .is = is[i]};
	return ipci_os_sleep(same, n, deadline);
}

/* each of the words may be the one that changed */
static void test_does_not_sleep_when_it_changed(void **state)
{
	struct words *w = shared_alloc(sizeof(*w));
	(void)state;

	for (int i = 0; i < IPCI_STILL_MAX; i++)
		w->word[i] = 7 + (uint64_t)i;
	for (int n = 1; n <= IPCI_STILL_MAX; n++) {
		for (int i = 0; i < n; i++) {
			uint64_t is[IPCI_STILL_MAX];

			for (int j = 0; j < n; j++)
				is[j] = 7 + (uint64_t)j;
			is[i]--;
			assert_int_equal(sleep_while(w, is, n, IPCI_NEVER), 0);
		}
	}
}

/* only the low halves count; what is above them moves all the time */
static void test_compares_the_low_halves(void **state)
{
	uint64_t is[IPCI_STILL_MAX];
	struct words *w = shared_alloc(sizeof(*w));
	(void)state;

	for (int i = 0; i < IPCI_STILL_MAX; i++) {
		is[i] = UINT64_C(9) << 32 | (7 + (uint64_t)i);
		w->word[i] = UINT64_C(0xfedcba9800000007) + (uint64_t)i;
	}
	for (int n = 1; n <= IPCI_STILL_MAX; n++)
		assert_int_equal(sleep_while(w, is, n, ipci_now_ns() + ms),
				 -ETIMEDOUT);
}

static void test_never_early(void **state)
{
	const uint64_t is[IPCI_STILL_MAX] = {0};
	struct words *w = shared_alloc(sizeof(*w));
	(void)state;

	for (int i = 0; i < 60; i++) {
		int64_t until = ipci_now_ns() + i * ms / 7;
		int n = i % IPCI_STILL_MAX + 1;
		assert_int_equal(sleep_while(w, is, n, until), -ETIMEDOUT);
		assert_true(ipci_now_ns() >= until);
	}
}

static void test_deadlines(void **state)
{
	int64_t before = ipci_now_ns(), deadline;
	(void)state;

	assert_true(ipci_deadline(-1) == IPCI_NEVER);
	assert_true(ipci_deadline(INT_MIN) == IPCI_NEVER);
	assert_true(ipci_deadline(0) == 0);
	deadline = ipci_deadline(INT_MAX);
	assert_true(deadline >= before + INT_MAX * ms);
	assert_true(deadline <= ipci_now_ns() + INT_MAX * ms);
	assert_false(ipci_expired(deadline));
	assert_false(ipci_expired(IPCI_NEVER));
	assert_true(ipci_expired(0));
	assert_true(ipci_expired(before));
	assert_int_equal(ipci_gave_up(0), -EAGAIN);
	assert_int_equal(ipci_gave_up(1), -ETIMEDOUT);
}

static int sleep_on_one(void *arg)
{
	return sleep_while(arg, (uint64_t[IPCI_STILL_MAX]){0}, 1, IPCI_NEVER);
}

static int sleep_on_all(void *arg)
{
	return sleep_while(arg, (uint64_t[IPCI_STILL_MAX]){0}, IPCI_STILL_MAX,
			   IPCI_NEVER);
}

static void test_wakes_one_at_a_time(void **state)
{
	int (*const fn[])(void *) = {sleep_on_one, sleep_on_all};
	struct words *w = shared_alloc(sizeof(*w));
	pid_t pid[4];
	(void)state;

	assert_int_equal(ipci_os_wake(&w->word[0], 1), 0);
	for (int i = 0; i < 4; i++) {
		pid[i] = spawn_child(fn[i % 2], w);
		wait_asleep(pid[i]);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(ipci_os_wake(&w->word[0], 1), 1);
		expect_exit(pid[i], 0);
		for (int k = i + 1; k < 4; k++)
			wait_asleep(pid[k]);
	}
	assert_int_equal(ipci_os_wake(&w->word[0], 1), 0);
}

static void test_wakes_as_many_as_there_are(void **state)
{
	struct words *w = shared_alloc(sizeof(*w));
	pid_t pid[5];
	(void)state;

	assert_int_equal(ipci_os_wake(&w->word[0], INT_MAX), 0);
	for (int i = 0; i < 5; i++) {
		pid[i] = spawn_child(i % 2 ? sleep_on_one : sleep_on_all, w);
		wait_asleep(pid[i]);
	}
	assert_int_equal(ipci_os_wake(&w->word[0], 2), 2);
	assert_int_equal(ipci_os_wake(&w->word[0], INT_MAX), 3);
	for (int i = 0; i < 5; i++)
		expect_exit(pid[i], 0);
}

/* the other words are there to be compared when the sleep begins */
static void test_others_are_not_watched(void **state)
{
	struct words *w = shared_alloc(sizeof(*w));
	pid_t pid = spawn_child(sleep_on_all, w);
	(void)state;

	wait_asleep(pid);
	for (int i = 0; i < IPCI_STILL_MAX; i++)
		w->word[i] = 1;
	sleep_ms(20);
	wait_asleep(pid);
	assert_int_equal(ipci_os_wake(&w->word[0], 1), 1);
	expect_exit(pid, 0);
}

static void nothing(int sig)
{
	(void)sig;
}

/* a signal ends the sleep, for no reason as far as the caller can tell */
static int sleep_under_signals(void *arg)
{
	const struct sigaction action = {.sa_handler = nothing};
	const struct itimerval every = {{0, 2000}, {0, 2000}};
	struct words *w = arg;

	child_check(sigaction(SIGALRM, &action, NULL) == 0);
	child_check(setitimer(ITIMER_REAL, &every, NULL) == 0);
	for (int i = 0; i < 10; i++) {
		child_check(sleep_on_one(w) == 0);
		child_check(sleep_on_all(w) == 0);
	}
	return 0;
}

static void test_signals(void **state)
{
	struct words *w = shared_alloc(sizeof(*w));
	(void)state;

	expect_exit(spawn_child(sleep_under_signals, w), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_does_not_sleep_when_it_changed),
		TEST(test_compares_the_low_halves),
		TEST(test_never_early),
		TEST(test_deadlines),
		TEST(test_wakes_one_at_a_time),
		TEST(test_wakes_as_many_as_there_are),
		TEST(test_others_are_not_watched),
		TEST(test_signals),
	};

	return RUN_EXACT_TESTS(tests);
}
