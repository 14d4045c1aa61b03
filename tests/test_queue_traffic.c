/* SPDX-License-Identifier: MIT */
/*
 * test_queue_traffic.c - processes: every item exactly once, and each
 * producer's in its order
 */
#include "traffic.h"

static void run(int producers, int consumers, int items, size_t maxsize)
{
	struct traffic *t = shared_alloc(sizeof(*t));

	t->q = new_queue(maxsize, sizeof(struct tagged), 0);
	t->producers = producers;
	t->consumers = consumers;
	t->items = items;
	t->put_batch = 20;
	t->get_batch = 20;
	run_in_processes(t);
	expect_empty(t->q);
	close_queue(t->q);
}

static void test_4_put_4_get(void **state)
{
	(void)state;
	run(4, 4, 200000, 100);
}

static void test_room_for_one(void **state)
{
	(void)state;
	run(3, 3, 15000, 1);
}

static void test_many_put_one_gets(void **state)
{
	(void)state;
	run(8, 1, 40000, 7);
}

static void test_one_puts_many_get(void **state)
{
	(void)state;
	run(1, 8, 40000, 7);
}

static void test_room_for_all(void **state)
{
	(void)state;
	run(4, 4, 100000, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_4_put_4_get, 60),
		TEST_LIMIT(test_room_for_one, 60),
		TEST_LIMIT(test_many_put_one_gets, 60),
		TEST_LIMIT(test_one_puts_many_get, 60),
		TEST_LIMIT(test_room_for_all, 60),
	};

	return RUN_TESTS(tests);
}
