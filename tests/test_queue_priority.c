/* SPDX-License-Identifier: MIT */
/*
 * test_queue_priority.c - the smallest priority first, of equals the oldest
 */
#include "queue_util.h"

static void put_with(struct ipc_queue *q, int item, int64_t priority)
{
	assert_int_equal(
		ipc_queue_put_priority(q, &item, sizeof(item), priority, 0), 0);
}

static void test_smallest_first(void **state)
{
	static const int64_t priority[] = {5,  -3,	  0,  INT64_MAX,
					   -1, INT64_MIN, 99, 1};
	static const int order[] = {5, 1, 4, 2, 7, 0, 6, 3};
	struct ipc_queue *q = new_queue_of(LIBIPC_PRIORITY, 8, 0);
	(void)state;

	for (int i = 0; i < 8; i++)
		put_with(q, i, priority[i]);
	for (int i = 0; i < 8; i++)
		assert_int_equal(got_int(q), order[i]);
	expect_empty(q);
	close_queue(q);
}

static void test_of_equals_the_oldest(void **state)
{
	struct ipc_queue *q = new_queue_of(LIBIPC_PRIORITY, 100, 0);
	(void)state;

	for (int i = 0; i < 100; i++)
		put_with(q, i, i % 3);
	for (int p = 0; p < 3; p++)
		for (int i = p; i < 100; i += 3)
			assert_int_equal(got_int(q), i);
	close_queue(q);
}

static void test_plain_put_is_priority_0(void **state)
{
	struct ipc_queue *q = new_queue_of(LIBIPC_PRIORITY, 8, 0);
	int many[2] = {4, 5};
	(void)state;

	put_with(q, 1, 1);
	put_int(q, 2);
	put_with(q, 3, -1);
	assert_int_equal(ipc_queue_put_many(q, many, 4, 2, 0), 2);
	put_with(q, 6, 0);
	assert_int_equal(got_int(q), 3);
	assert_int_equal(got_int(q), 2);
	assert_int_equal(got_int(q), 4);
	assert_int_equal(got_int(q), 5);
	assert_int_equal(got_int(q), 6);
	assert_int_equal(got_int(q), 1);
	close_queue(q);
}

/* the best at the moment of the get, not of the put */
static void test_a_better_one_comes_later(void **state)
{
	struct ipc_queue *q = new_queue_of(LIBIPC_PRIORITY, 3, 0);
	(void)state;

	put_with(q, 20, 20);
	put_with(q, 30, 30);
	assert_int_equal(got_int(q), 20);
	put_with(q, 10, 10);
	put_with(q, 40, 40);
	assert_int_equal(ipc_queue_full(q), 1);
	assert_int_equal(got_int(q), 10);
	assert_int_equal(got_int(q), 30);
	assert_int_equal(got_int(q), 40);
	close_queue(q);
}

static void test_get_many(void **state)
{
	struct ipc_queue *q = new_queue_of(LIBIPC_PRIORITY, 8, 0);
	int out[8];
	(void)state;

	for (int i = 0; i < 8; i++)
		put_with(q, i, 8 - i);
	assert_int_equal(ipc_queue_get_many(q, out, 4, NULL, 3, 0), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(out[i], 7 - i);
	assert_int_equal(ipc_queue_get_many(q, out, 4, NULL, 8, 0), 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(out[i], 4 - i);
	close_queue(q);
}

/* the next one is too long; one behind it would not be */
static void test_too_long_stays(void **state)
{
	struct ipc_queue *q = new_queue_of(LIBIPC_PRIORITY, 8, 0);
	char out[16];
	size_t lens[3];
	(void)state;

	assert_int_equal(ipc_queue_put_priority(q, "12345678", 8, 2, 0), 0);
	assert_int_equal(ipc_queue_put_priority(q, "ab", 2, 3, 0), 0);
	assert_int_equal(ipc_queue_put_priority(q, NULL, 0, 1, 0), 0);
	assert_int_equal(ipc_queue_get_many(q, out, 4, lens, 3, 0), 1);
	assert_int_equal(lens[0], 0);
	assert_int_equal(ipc_queue_get(q, out, 4, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_size(q), 2);
	assert_int_equal(ipc_queue_get(q, out, 8, 0), 8);
	assert_int_equal(ipc_queue_get(q, out, 8, 0), 2);
	assert_int_equal(ipc_queue_put_priority(q, out, 17, 0, 0), -EMSGSIZE);
	expect_empty(q);
	close_queue(q);
}

static void test_a_million(void **state)
{
	enum { N = 1000000 };
	const struct ipc_queue_opts opts = {
		.maxsize = N, .item_size = 8, .order = LIBIPC_PRIORITY};
	struct ipc_queue *q;
	unsigned int seed = test_seed();
	int64_t last = INT64_MIN, item;
	(void)state;

	assert_int_equal(ipc_queue_create(&q, NULL, &opts), 0);
	for (int i = 0; i < N; i++) {
		item = rand_r(&seed) % 100000;
		assert_int_equal(ipc_queue_put_priority(q, &item, 8, item, 0),
				 0);
	}
	assert_int_equal(ipc_queue_full(q), 1);
	for (int i = 0; i < N; i++) {
		assert_int_equal(ipc_queue_get(q, &item, 8, 0), 8);
		assert_true(item >= last);
		last = item;
	}
	assert_int_equal(ipc_queue_empty(q), 1);
	close_queue(q);
}

static void test_only_on_a_priority_queue(void **state)
{
	struct ipc_queue *fifo = new_queue_of(LIBIPC_FIFO, 2, 0);
	struct ipc_queue *lifo = new_queue_of(LIBIPC_LIFO, 2, 0);
	struct ipc_queue *q = new_queue_of(LIBIPC_PRIORITY, 2, 0);
	(void)state;

	assert_int_equal(ipc_queue_put_priority(fifo, "a", 1, 0, 0), -EINVAL);
	assert_int_equal(ipc_queue_put_priority(lifo, "a", 1, 5, 0), -EINVAL);
	assert_int_equal(ipc_queue_put_priority(q, NULL, 1, 5, 0), -EINVAL);
	expect_empty(fifo);
	expect_empty(lifo);
	expect_empty(q);
	close_queue(fifo);
	close_queue(lifo);
	close_queue(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_smallest_first),
		TEST(test_of_equals_the_oldest),
		TEST(test_plain_put_is_priority_0),
		TEST(test_a_better_one_comes_later),
		TEST(test_get_many),
		TEST(test_too_long_stays),
		TEST_LIMIT(test_a_million, 60),
		TEST(test_only_on_a_priority_queue),
	};

	return RUN_TESTS(tests);
}
