/* SPDX-License-Identifier: MIT */
/*
 * test_queue_signals.c - signal handlers that run meanwhile change nothing
 */
#include "queue_util.h"

static _Atomic long signals; /* in this process */

static void expect_timeouts(uint32_t flags)
{
	struct ipc_queue *q = new_queue(1, sizeof(int), flags);
	int item = 1;

	signals = 0;
	storm_begin(&signals);
	expect_timeout(ipc_queue_get(q, &item, 4, 200), 200);
	put_int(q, 1);
	expect_timeout(ipc_queue_put(q, &item, 4, 200), 200);
	expect_at_once(ipc_queue_put(q, &item, 4, 0), -EAGAIN);
	storm_end();
	assert_true(signals > 0);
	close_queue(q);
}

static void test_timeouts_are_kept(void **state)
{
	(void)state;
	expect_timeouts(0);
	expect_timeouts(LIBIPC_SINGLE_PRODUCER | LIBIPC_SINGLE_CONSUMER);
}

struct storm {
	struct ipc_queue *q, *back;
	_Atomic long signals; /* in the child */
};

static int get_in_a_storm(void *arg)
{
	struct storm *s = arg;

	storm_begin(&s->signals);
	return child_get(s->q);
}

static int put_in_a_storm(void *arg)
{
	struct storm *s = arg;

	storm_begin(&s->signals);
	child_put(s->q, 8);
	return 0;
}

static void test_waiting_for_ever_goes_on(void **state)
{
	struct storm *s = shared_alloc(sizeof(*s));
	pid_t pid;
	(void)state;

	s->q = new_queue(1, sizeof(int), 0);
	pid = spawn_child(get_in_a_storm, s);
	assert_true(eventually(s->signals > 50, 10000));
	put_int(s->q, 7);
	expect_exit(pid, 7);
	put_int(s->q, 6);
	s->signals = 0;
	pid = spawn_child(put_in_a_storm, s);
	assert_true(eventually(s->signals > 50, 10000));
	assert_int_equal(got_int(s->q), 6);
	expect_exit(pid, 0);
	assert_int_equal(got_int(s->q), 8);
	close_queue(s->q);
}

static int echo_in_a_storm(void *arg)
{
	struct storm *s = arg;
	int item;

	storm_begin(&s->signals);
	do {
		item = child_get(s->q);
		child_put(s->back, item);
	} while (item >= 0);
	return 0;
}

/* both sides, and at every place of the code sooner or later */
static void test_nothing_is_lost_or_doubled(void **state)
{
	struct storm *s = shared_alloc(sizeof(*s));
	double until = now_ms() + 1000;
	pid_t pid;
	(void)state;

	s->q = new_queue(1, sizeof(int), 0);
	s->back = new_queue(1, sizeof(int), 0);
	pid = spawn_child(echo_in_a_storm, s);
	signals = 0;
	storm_begin(&signals);
	for (int i = 0; now_ms() < until || s->signals < 20; i++) {
		child_put(s->q, i);
		assert_int_equal(child_get(s->back), i);
	}
	child_put(s->q, -1);
	assert_int_equal(child_get(s->back), -1);
	storm_end();
	expect_exit(pid, 0);
	assert_true(signals > 0);
	expect_empty(s->q);
	expect_empty(s->back);
	close_queue(s->q);
	close_queue(s->back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_timeouts_are_kept),
		TEST(test_waiting_for_ever_goes_on),
		TEST(test_nothing_is_lost_or_doubled),
	};

	return RUN_TESTS(tests);
}
