/* SPDX-License-Identifier: MIT */
/*
 * test_queue_timeout.c - never early, at once if told so, and not at all if
 * what is wanted is there
 */
#include "queue_util.h"

#include <limits.h>

static void test_get_from_an_empty_queue(void **state)
{
	struct ipc_queue *q = new_queue(2, sizeof(int), 0);
	int item = 77;
	size_t len = 77;
	(void)state;

	expect_at_once(ipc_queue_get(q, &item, 4, 0), -EAGAIN);
	expect_at_once(ipc_queue_get_many(q, &item, 4, &len, 1, 0), -EAGAIN);
	expect_timeout(ipc_queue_get(q, &item, 4, 1), 1);
	expect_timeout(ipc_queue_get(q, &item, 4, 100), 100);
	expect_timeout(ipc_queue_get_many(q, &item, 4, &len, 1, 100), 100);
	assert_int_equal(item, 77);
	assert_int_equal(len, 77);
	expect_empty(q);
	close_queue(q);
}

static void test_put_into_a_full_queue(void **state)
{
	struct ipc_queue *q = new_queue(2, sizeof(int), 0);
	int items[2] = {8, 9};
	(void)state;

	put_int(q, 1);
	put_int(q, 2);
	expect_at_once(ipc_queue_put(q, items, 4, 0), -EAGAIN);
	expect_at_once(ipc_queue_put_many(q, items, 4, 2, 0), -EAGAIN);
	expect_timeout(ipc_queue_put(q, items, 4, 1), 1);
	expect_timeout(ipc_queue_put(q, items, 4, 100), 100);
	expect_timeout(ipc_queue_put_many(q, items, 4, 2, 100), 100);
	assert_int_equal(got_int(q), 1);
	assert_int_equal(got_int(q), 2);
	expect_empty(q);
	close_queue(q);
}

static void test_what_is_there_is_taken_whatever_the_timeout(void **state)
{
	static const int timeouts[] = {0, 1, 1000, INT_MAX, -1, -2, INT_MIN};
	struct ipc_queue *q = new_queue(1, sizeof(int), 0);
	(void)state;

	for (size_t i = 0; i < sizeof(timeouts) / sizeof(*timeouts); i++) {
		int item = (int)i;

		expect_at_once(ipc_queue_put(q, &item, 4, timeouts[i]), 0);
		expect_at_once(ipc_queue_get(q, &item, 4, timeouts[i]), 4);
		assert_int_equal(item, i);
	}
	close_queue(q);
}

/* ---------------------------------------------- there is an end to waiting */

struct wait {
	struct ipc_queue *q;
	int timeout_ms;
};

static int get_7(void *arg)
{
	const struct wait *w = arg;
	int item = 0;

	child_check(ipc_queue_get(w->q, &item, 4, w->timeout_ms) == 4);
	child_check(item == 7);
	return 0;
}

static int put_7(void *arg)
{
	const struct wait *w = arg;
	int item = 7;

	child_check(ipc_queue_put(w->q, &item, 4, w->timeout_ms) == 0);
	return 0;
}

/* each of them would overflow if it were added up in the wrong type */
static const int long_waits[] = {30000, INT_MAX, LIBIPC_FOREVER, INT_MIN};

static void test_a_getter_is_woken_by_a_put(void **state)
{
	struct ipc_queue *q = new_queue(1, sizeof(int), 0);
	(void)state;

	for (size_t i = 0; i < sizeof(long_waits) / sizeof(int); i++) {
		struct wait w = {q, long_waits[i]};
		pid_t pid = spawn_child(get_7, &w);

		wait_asleep(pid);
		put_int(q, 7);
		expect_exit(pid, 0);
	}
	expect_empty(q);
	close_queue(q);
}

static void test_a_putter_is_woken_by_a_get(void **state)
{
	struct ipc_queue *q = new_queue(1, sizeof(int), 0);
	(void)state;

	put_int(q, 1);
	for (size_t i = 0; i < sizeof(long_waits) / sizeof(int); i++) {
		struct wait w = {q, long_waits[i]};
		pid_t pid = spawn_child(put_7, &w);

		wait_asleep(pid);
		assert_int_equal(got_int(q), i ? 7 : 1);
		expect_exit(pid, 0);
	}
	assert_int_equal(got_int(q), 7);
	close_queue(q);
}

/* time that passes before somebody else is served is not given back */
static void test_a_loser_keeps_its_deadline(void **state)
{
	struct ipc_queue *q = new_queue(1, sizeof(int), 0);
	struct wait w = {q, LIBIPC_FOREVER};
	pid_t pid = spawn_child(get_7, &w);
	int item;
	(void)state;

	wait_asleep(pid);
	expect_timeout(ipc_queue_get(q, &item, 4, 100), 100);
	put_int(q, 7);
	expect_exit(pid, 0);
	expect_empty(q);
	close_queue(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_get_from_an_empty_queue),
		TEST(test_put_into_a_full_queue),
		TEST(test_what_is_there_is_taken_whatever_the_timeout),
		TEST(test_a_getter_is_woken_by_a_put),
		TEST(test_a_putter_is_woken_by_a_get),
		TEST(test_a_loser_keeps_its_deadline),
	};

	return RUN_TESTS(tests);
}
