/* SPDX-License-Identifier: MIT */
/*
 * test_joinable_basic.c - each item is a task; join waits until all are done
 */
#include "queue_util.h"

static struct ipc_queue *new_joinable(void)
{
	return new_queue(8, sizeof(int), LIBIPC_JOINABLE);
}

/* so many tasks are not done, and join agrees */
static void expect_unfinished(struct ipc_queue *q, int n)
{
	assert_int_equal(ipc_queue_unfinished(q), n);
	expect_at_once(ipc_queue_join(q, 0), n ? -EAGAIN : 0);
}

static void test_no_tasks(void **state)
{
	struct ipc_queue *q = new_joinable();
	(void)state;

	expect_unfinished(q, 0);
	expect_at_once(ipc_queue_join(q, 1000), 0);
	expect_at_once(ipc_queue_join(q, LIBIPC_FOREVER), 0);
	close_queue(q);
}

static void test_from_put_to_done(void **state)
{
	struct ipc_queue *q = new_joinable();
	(void)state;

	for (int i = 0; i < 3; i++) {
		put_int(q, i);
		expect_unfinished(q, i + 1);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(got_int(q), i);
		expect_unfinished(q, 3 - i);
		assert_int_equal(ipc_queue_task_done(q), 0);
		expect_unfinished(q, 2 - i);
	}
	expect_empty(q);
	close_queue(q);
}

/* got all, and only then done with all */
static void test_several_tasks_held(void **state)
{
	struct ipc_queue *q = new_joinable();
	(void)state;

	for (int i = 0; i < 8; i++)
		put_int(q, i);
	for (int i = 0; i < 8; i++)
		got_int(q);
	expect_unfinished(q, 8);
	for (int i = 7; i >= 0; i--) {
		assert_int_equal(ipc_queue_task_done(q), 0);
		expect_unfinished(q, i);
	}
	close_queue(q);
}

static void test_get_many_takes_many_tasks(void **state)
{
	struct ipc_queue *q = new_joinable();
	int items[8] = {0};
	(void)state;

	assert_int_equal(ipc_queue_put_many(q, items, 4, 8, 0), 8);
	expect_unfinished(q, 8);
	assert_int_equal(ipc_queue_get_many(q, items, 4, NULL, 5, 0), 5);
	expect_unfinished(q, 8);
	for (int i = 0; i < 5; i++)
		assert_int_equal(ipc_queue_task_done(q), 0);
	assert_int_equal(ipc_queue_task_done(q), -EINVAL);
	expect_unfinished(q, 3);
	close_queue(q);
}

static void test_done_without_a_task(void **state)
{
	struct ipc_queue *q = new_joinable();
	(void)state;

	assert_int_equal(ipc_queue_task_done(q), -EINVAL);
	expect_unfinished(q, 0);
	put_int(q, 1);
	assert_int_equal(ipc_queue_task_done(q), -EINVAL);
	expect_unfinished(q, 1);
	got_int(q);
	assert_int_equal(ipc_queue_task_done(q), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ipc_queue_task_done(q), -EINVAL);
	expect_unfinished(q, 0);
	close_queue(q);
}

/* what failed is no task: it neither was put nor is held */
static void test_calls_that_fail_do_not_count(void **state)
{
	struct ipc_queue *q = new_joinable();
	int items[9] = {0};
	(void)state;

	assert_int_equal(ipc_queue_get(q, items, 4, 0), -EAGAIN);
	assert_int_equal(ipc_queue_task_done(q), -EINVAL);
	assert_int_equal(ipc_queue_put_many(q, items, 4, 9, 0), 8);
	assert_int_equal(ipc_queue_put(q, items, 4, 0), -EAGAIN);
	assert_int_equal(ipc_queue_put(q, items, 5, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_put(q, NULL, 4, 0), -EINVAL);
	expect_unfinished(q, 8);
	assert_int_equal(ipc_queue_get(q, items, 3, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_get(q, NULL, 4, 0), -EINVAL);
	assert_int_equal(ipc_queue_task_done(q), -EINVAL);
	expect_unfinished(q, 8);
	close_queue(q);
}

static void test_timeouts(void **state)
{
	struct ipc_queue *q = new_joinable();
	(void)state;

	put_int(q, 1);
	expect_timeout(ipc_queue_join(q, 1), 1);
	expect_timeout(ipc_queue_join(q, 100), 100);
	got_int(q);
	expect_timeout(ipc_queue_join(q, 100), 100);
	expect_unfinished(q, 1);
	close_queue(q);
}

/* more tasks went through than ever fit */
static void test_many_laps(void **state)
{
	struct ipc_queue *q = new_joinable();
	(void)state;

	for (int i = 0; i < 1000; i++) {
		put_int(q, i);
		put_int(q, i);
		got_int(q);
		got_int(q);
		assert_int_equal(ipc_queue_task_done(q), 0);
		expect_unfinished(q, 1);
		assert_int_equal(ipc_queue_task_done(q), 0);
		expect_unfinished(q, 0);
	}
	close_queue(q);
}

/* the flag goes with the name, not with the handle */
static void test_named(void **state)
{
	const struct ipc_queue_opts opts = {.maxsize = 2,
					    .flags = LIBIPC_JOINABLE};
	struct ipc_queue *q, *again;
	char name[64];
	(void)state;

	unique_name(name, "joinable");
	assert_int_equal(ipc_queue_create(&q, name, &opts), 0);
	assert_int_equal(ipc_queue_open(&again, name), 0);
	put_int(q, 1);
	expect_unfinished(again, 1);
	got_int(again);
	assert_int_equal(ipc_queue_task_done(again), 0);
	expect_unfinished(q, 0);
	close_queue(q);
	close_queue(again);
	assert_int_equal(ipc_unlink(name), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_tasks),
		TEST(test_from_put_to_done),
		TEST(test_several_tasks_held),
		TEST(test_get_many_takes_many_tasks),
		TEST(test_done_without_a_task),
		TEST(test_calls_that_fail_do_not_count),
		TEST(test_timeouts),
		TEST(test_many_laps),
		TEST(test_named),
	};

	return RUN_TESTS(tests);
}
