/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_signals.c - a signal handler that runs all the time disturbs
 * neither lock nor its timeouts: -EINTR never escapes
 */
#include "mutex_util.h"
#include "observe.h"

enum { CHILDREN = 3, ROUNDS = 1000 };

/* shared by parent and children */
struct stormed {
	struct ipc_mutex *m;
	_Atomic long handled; /* signals, of all of them */
	volatile long n;      /* under the lock */
};

static struct stormed *new_stormed(void)
{
	struct stormed *s = shared_alloc(sizeof(*s));

	s->m = new_mutex();
	return s;
}

static int time_out_under_signals(void *arg)
{
	const int timeouts[] = {0, 1, 5, 50, 300};
	struct stormed *s = arg;

	storm_begin(&s->handled);
	for (int i = 0; i < 5 || s->handled < 10; i++) {
		int timeout_ms = timeouts[i % 5];
		double start = now_ms();
		int r = ipc_mutex_lock(s->m, timeout_ms);
		child_check(r == (timeout_ms ? -ETIMEDOUT : -EAGAIN));
		child_check(now_ms() - start >= timeout_ms);
		child_check(now_ms() - start < 5000 * test_slow());
	}
	return 0;
}

static void test_timeouts(void **state)
{
	struct stormed *s = new_stormed();
	(void)state;

	expect_lock(s->m, 0);
	expect_exit(spawn_child(time_out_under_signals, s), 0);
	expect_unlock(s->m);
	expect_sound_and_close(s->m);
}

static int wait_under_signals(void *arg)
{
	struct stormed *s = arg;

	storm_begin(&s->handled);
	return lock_once(s->m);
}

static void test_waiting(void **state)
{
	struct stormed *s = new_stormed();
	pid_t pid[CHILDREN];
	(void)state;

	expect_lock(s->m, 0);
	for (int i = 0; i < CHILDREN; i++)
		pid[i] = spawn_child(wait_under_signals, s);
	assert_true(eventually(s->handled > 30 * CHILDREN, 10000));
	expect_unlock(s->m);
	for (int i = 0; i < CHILDREN; i++)
		expect_exit(pid[i], 0);
	expect_sound_and_close(s->m);
}

static int add_under_signals(void *arg)
{
	struct stormed *s = arg;

	storm_begin(&s->handled);
	for (int i = 0; i < ROUNDS; i++) {
		child_check(ipc_mutex_lock(s->m, LIBIPC_FOREVER) == 0);
		s->n++;
		child_check(ipc_mutex_unlock(s->m) == 0);
		if (i % 10 == 0)
			sleep_ms(0.5);
	}
	return 0;
}

static void test_sum(void **state)
{
	struct stormed *s = new_stormed();
	pid_t pid[CHILDREN];
	(void)state;

	for (int i = 0; i < CHILDREN; i++)
		pid[i] = spawn_child(add_under_signals, s);
	for (int i = 0; i < CHILDREN; i++)
		expect_exit(pid[i], 0);
	assert_int_equal(s->n, CHILDREN * ROUNDS);
	assert_true(s->handled > 0);
	expect_sound_and_close(s->m);
}

/* a holder that dies among signals is news as ever */
static int wait_for_news_under_signals(void *arg)
{
	struct stormed *s = arg;

	storm_begin(&s->handled);
	child_check(ipc_mutex_lock(s->m, -1) == LIBIPC_OWNER_DIED);
	child_check(ipc_mutex_unlock(s->m) == 0);
	return 0;
}

static void test_news(void **state)
{
	struct stormed *s = new_stormed();
	pid_t holder = spawn_holder(s->m), pid;
	(void)state;

	pid = spawn_child(wait_for_news_under_signals, s);
	assert_true(eventually(s->handled > 30, 10000));
	kill_child(holder);
	expect_exit(pid, 0);
	expect_sound_and_close(s->m);
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
