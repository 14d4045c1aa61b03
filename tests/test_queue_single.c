/* SPDX-License-Identifier: MIT */
/*
 * test_queue_single.c - queues whose one side, or both, has no lock
 */
#include "traffic.h"

static const uint32_t combinations[] = {
	LIBIPC_SINGLE_PRODUCER,
	LIBIPC_SINGLE_CONSUMER,
	LIBIPC_SINGLE_PRODUCER | LIBIPC_SINGLE_CONSUMER,
};

static void run(uint32_t flags, size_t maxsize, int items)
{
	struct traffic *t = shared_alloc(sizeof(*t));

	t->q = new_queue(maxsize, sizeof(struct tagged), flags);
	t->producers = flags & LIBIPC_SINGLE_PRODUCER ? 1 : 4;
	t->consumers = flags & LIBIPC_SINGLE_CONSUMER ? 1 : 4;
	t->items = items;
	t->put_batch = 20;
	/* many consumers may give back ends, which a single producer's queue
	   does not allow */
	t->get_batch = flags & LIBIPC_SINGLE_PRODUCER ? 1 : 20;
	run_in_processes(t);
	expect_empty(t->q);
	close_queue(t->q);
}

static void test_single_producer(void **state)
{
	(void)state;
	run(LIBIPC_SINGLE_PRODUCER, 100, 60000);
	run(LIBIPC_SINGLE_PRODUCER, 1, 4000);
}

static void test_single_consumer(void **state)
{
	(void)state;
	run(LIBIPC_SINGLE_CONSUMER, 100, 60000);
	run(LIBIPC_SINGLE_CONSUMER, 1, 4000);
}

static void test_single_both(void **state)
{
	(void)state;
	run(LIBIPC_SINGLE_PRODUCER | LIBIPC_SINGLE_CONSUMER, 100, 200000);
	run(LIBIPC_SINGLE_PRODUCER | LIBIPC_SINGLE_CONSUMER, 1, 10000);
}

/* ------------------------------------------- the same answers as with lock */

static void check_answers(struct ipc_queue *q)
{
	int items[3] = {1, 2, 3};

	expect_at_once(ipc_queue_get(q, items, 4, 0), -EAGAIN);
	expect_timeout(ipc_queue_get(q, items, 4, 50), 50);
	assert_int_equal(ipc_queue_put_many(q, items, 4, 3, 0), 2);
	expect_at_once(ipc_queue_put(q, items, 4, 0), -EAGAIN);
	expect_timeout(ipc_queue_put(q, items, 4, 50), 50);
	assert_int_equal(ipc_queue_put(q, items, 5, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_get(q, items, 3, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_full(q), 1);
	assert_int_equal(got_int(q), 1);
	assert_int_equal(got_int(q), 2);
	expect_empty(q);
}

static void test_errors_and_timeouts(void **state)
{
	(void)state;

	for (size_t i = 0; i < 3; i++) {
		struct ipc_queue *q = new_queue(2, 4, combinations[i]);

		for (int lap = 0; lap < 2; lap++)
			check_answers(q);
		close_queue(q);
	}
}

/* one at a time, but not always the same */
static int put_some(void *arg)
{
	for (int i = 0; i < 3; i++)
		child_put(arg, i);
	return 0;
}

static int get_some(void *arg)
{
	for (int i = 0; i < 3; i++)
		child_check(child_get(arg) == i);
	return 0;
}

static void test_one_after_another(void **state)
{
	(void)state;

	for (size_t i = 0; i < 3; i++) {
		struct ipc_queue *q = new_queue(4, 4, combinations[i]);

		for (int lap = 0; lap < 3; lap++) {
			expect_exit(spawn_child(put_some, q), 0);
			expect_exit(spawn_child(get_some, q), 0);
			put_some(q);
			expect_exit(spawn_child(get_some, q), 0);
			expect_exit(spawn_child(put_some, q), 0);
			get_some(q);
		}
		close_queue(q);
	}
}

/* the next one finds what the killed one left: no lock, no half item */
static void test_killed_while_it_sleeps(void **state)
{
	(void)state;

	for (size_t i = 0; i < 3; i++) {
		struct ipc_queue *q = new_queue(1, 4, combinations[i]);
		pid_t pid = spawn_child(get_some, q);

		wait_asleep(pid);
		kill_child(pid);
		put_int(q, 0);
		pid = spawn_child(put_some, q);
		wait_asleep(pid);
		kill_child(pid);
		assert_int_equal(got_int(q), 0);
		expect_empty(q);
		close_queue(q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_single_producer, 60),
		TEST_LIMIT(test_single_consumer, 60),
		TEST_LIMIT(test_single_both, 60),
		TEST(test_errors_and_timeouts),
		TEST(test_one_after_another),
		TEST(test_killed_while_it_sleeps),
	};

	return RUN_TESTS(tests);
}
