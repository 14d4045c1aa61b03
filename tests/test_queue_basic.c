/* SPDX-License-Identifier: MIT */
/*
 * test_queue_basic.c - items come out in order, whole, and as many as fit
 */
#include "queue_util.h"

static void test_first_in_first_out(void **state)
{
	struct ipc_queue *q = new_queue(10, sizeof(int), 0);
	(void)state;

	for (int i = 0; i < 10; i++)
		put_int(q, i);
	for (int i = 0; i < 10; i++)
		assert_int_equal(got_int(q), i);
	expect_empty(q);
	close_queue(q);
}

/* an item of len bytes, and not one byte more, comes out as it went in */
static void pass_item(struct ipc_queue *q, size_t len, size_t size)
{
	unsigned char in[40], out[40], untouched[40];

	memset(in, 0xee, sizeof(in));
	for (size_t i = 0; i < len; i++)
		in[i] = (unsigned char)(len * 7 + i);
	memset(out, 0x55, sizeof(out));
	memset(untouched, 0x55, sizeof(untouched));
	assert_int_equal(ipc_queue_put(q, in, len, 0), 0);
	memset(in + len, 0, sizeof(in) - len);
	assert_int_equal(ipc_queue_get(q, out, size, 0), len);
	assert_memory_equal(out, in, len);
	assert_memory_equal(out + len, untouched, sizeof(out) - len);
}

static void test_every_length(void **state)
{
	struct ipc_queue *q = new_queue(3, 37, 0);
	(void)state;

	for (size_t len = 0; len <= 37; len++) {
		pass_item(q, len, 37);
		pass_item(q, len, len);
	}
	assert_int_equal(ipc_queue_item_size(q), 37);
	close_queue(q);
}

static void test_neighbours_do_not_touch(void **state)
{
	static const size_t len[] = {37, 0, 1, 36, 37, 8, 7};
	struct ipc_queue *q = new_queue(7, 37, 0);
	unsigned char item[37], out[37];
	(void)state;

	for (int i = 0; i < 7; i++) {
		memset(item, 'a' + i, sizeof(item));
		assert_int_equal(ipc_queue_put(q, item, len[i], 0), 0);
	}
	for (int i = 0; i < 7; i++) {
		memset(item, 'a' + i, sizeof(item));
		assert_int_equal(ipc_queue_get(q, out, sizeof(out), 0), len[i]);
		assert_memory_equal(out, item, len[i]);
	}
	close_queue(q);
}

static void test_null_of_no_bytes(void **state)
{
	struct ipc_queue *q = new_queue(4, 8, 0);
	char byte = 'x';
	(void)state;

	assert_int_equal(ipc_queue_put(q, NULL, 0, 0), 0);
	assert_int_equal(ipc_queue_put(q, NULL, 0, 0), 0);
	assert_int_equal(ipc_queue_get(q, NULL, 0, 0), 0);
	assert_int_equal(ipc_queue_get(q, &byte, 1, 0), 0);
	assert_int_equal(byte, 'x');
	expect_empty(q);
	close_queue(q);
}

static void test_default_item_size(void **state)
{
	struct ipc_queue *q = new_queue(1, 0, 0);
	char item[257] = "";
	(void)state;

	assert_int_equal(ipc_queue_item_size(q), 256);
	assert_int_equal(ipc_queue_put(q, item, 257, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_put(q, item, 256, 0), 0);
	assert_int_equal(ipc_queue_get(q, item, 257, 0), 256);
	close_queue(q);
}

static void test_large_items(void **state)
{
	enum { SIZE = 1 << 20 };
	struct ipc_queue *q = new_queue(3, SIZE, 0);
	unsigned char *in = malloc(SIZE), *out = malloc(SIZE);
	(void)state;

	for (int lap = 0; lap < 5; lap++) {
		for (size_t i = 0; i < SIZE; i++)
			in[i] = (unsigned char)(i * 13 + (i >> 8) +
						(size_t)lap);
		assert_int_equal(ipc_queue_put(q, in, SIZE, 0), 0);
		assert_int_equal(ipc_queue_get(q, out, SIZE, 0), SIZE);
		assert_memory_equal(in, out, SIZE);
	}
	free(in);
	free(out);
	close_queue(q);
}

/* n items wait, and everything that tells of it says so */
static void expect_waiting(struct ipc_queue *q, size_t n, size_t maxsize)
{
	assert_int_equal(ipc_queue_size(q), n);
	assert_int_equal(ipc_queue_empty(q), n == 0);
	assert_int_equal(ipc_queue_full(q), n == maxsize);
	assert_int_equal(ipc_queue_maxsize(q), maxsize);
}

static void fill_and_drain(struct ipc_queue *q, size_t maxsize, int *next)
{
	int first = *next, item = -1;

	for (size_t n = 0; n < maxsize; n++) {
		expect_waiting(q, n, maxsize);
		put_int(q, (*next)++);
	}
	expect_waiting(q, maxsize, maxsize);
	assert_int_equal(ipc_queue_put(q, &item, sizeof(item), 0), -EAGAIN);
	for (size_t n = maxsize; n > 0; n--) {
		expect_waiting(q, n, maxsize);
		assert_int_equal(got_int(q), first++);
	}
	expect_empty(q);
}

/* exactly maxsize items fit, also where that is no power of two, and wherever
   in the ring they begin */
static void test_exactly_maxsize_fit(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 100};
	(void)state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct ipc_queue *q = new_queue(sizes[i], sizeof(int), 0);
		int next = 0;

		for (size_t lap = 0; lap < 2 * sizes[i] + 3; lap++) {
			fill_and_drain(q, sizes[i], &next);
			put_int(q, 0);
			got_int(q);
		}
		close_queue(q);
	}
}

static void test_maxsize_1_alternates(void **state)
{
	struct ipc_queue *q = new_queue(1, sizeof(int), 0);
	int item = 0;
	(void)state;

	for (int i = 0; i < 100; i++) {
		put_int(q, i);
		assert_int_equal(ipc_queue_full(q), 1);
		assert_int_equal(ipc_queue_put(q, &item, sizeof(item), 0),
				 -EAGAIN);
		assert_int_equal(got_int(q), i);
		expect_empty(q);
	}
	close_queue(q);
}

static void test_queues_are_apart(void **state)
{
	struct ipc_queue *a = new_queue(2, sizeof(int), 0);
	struct ipc_queue *b = new_queue(2, sizeof(int), 0);
	(void)state;

	put_int(a, 1);
	put_int(b, 2);
	assert_int_equal(got_int(a), 1);
	expect_empty(a);
	close_queue(a);
	assert_int_equal(got_int(b), 2);
	close_queue(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first_in_first_out),
		TEST(test_every_length),
		TEST(test_neighbours_do_not_touch),
		TEST(test_null_of_no_bytes),
		TEST(test_default_item_size),
		TEST(test_large_items),
		TEST(test_exactly_maxsize_fit),
		TEST(test_maxsize_1_alternates),
		TEST(test_queues_are_apart),
	};

	return RUN_TESTS(tests);
}
