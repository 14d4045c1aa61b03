/* SPDX-License-Identifier: MIT */
/*
 * test_queue_lifo.c - the youngest first
 */
#include "queue_util.h"

static void test_youngest_first(void **state)
{
	struct ipc_queue *q = new_queue_of(LIBIPC_LIFO, 5, 0);
	(void)state;

	for (int lap = 0; lap < 3; lap++) {
		for (int i = 0; i < 5; i++)
			put_int(q, i);
		assert_int_equal(ipc_queue_put(q, "x", 1, 0), -EAGAIN);
		for (int i = 5; i-- > 0;)
			assert_int_equal(got_int(q), i);
		expect_empty(q);
	}
	close_queue(q);
}

static void test_put_and_get_in_turn(void **state)
{
	struct ipc_queue *q = new_queue_of(LIBIPC_LIFO, 4, 0);
	(void)state;

	put_int(q, 1);
	put_int(q, 2);
	assert_int_equal(got_int(q), 2);
	put_int(q, 3);
	put_int(q, 4);
	assert_int_equal(got_int(q), 4);
	assert_int_equal(got_int(q), 3);
	put_int(q, 5);
	assert_int_equal(got_int(q), 5);
	assert_int_equal(got_int(q), 1);
	expect_empty(q);
	close_queue(q);
}

/* put_many puts one after another; get_many takes them off one by one */
static void test_many(void **state)
{
	struct ipc_queue *q = new_queue_of(LIBIPC_LIFO, 6, 0);
	int in[5] = {1, 2, 3, 4, 5}, out[6];
	(void)state;

	put_int(q, 0);
	assert_int_equal(ipc_queue_put_many(q, in, 4, 5, 0), 5);
	assert_int_equal(ipc_queue_get_many(q, out, 4, NULL, 2, 0), 2);
	assert_int_equal(out[0], 5);
	assert_int_equal(out[1], 4);
	assert_int_equal(ipc_queue_put_many(q, in, 4, 5, 0), 2);
	assert_int_equal(ipc_queue_get_many(q, out, 4, NULL, 9, 0), 6);
	assert_int_equal(out[0], 2);
	assert_int_equal(out[1], 1);
	assert_int_equal(out[2], 3);
	assert_int_equal(out[5], 0);
	expect_empty(q);
	close_queue(q);
}

static void test_too_long_stays(void **state)
{
	struct ipc_queue *q = new_queue_of(LIBIPC_LIFO, 4, 0);
	char out[16];
	(void)state;

	assert_int_equal(ipc_queue_put(q, "ab", 2, 0), 0);
	assert_int_equal(ipc_queue_put(q, "12345678", 8, 0), 0);
	assert_int_equal(ipc_queue_get(q, out, 4, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_size(q), 2);
	assert_int_equal(ipc_queue_get(q, out, 8, 0), 8);
	assert_memory_equal(out, "12345678", 8);
	assert_int_equal(ipc_queue_get(q, out, 2, 0), 2);
	close_queue(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_youngest_first),
		TEST(test_put_and_get_in_turn),
		TEST(test_many),
		TEST(test_too_long_stays),
	};

	return RUN_TESTS(tests);
}
