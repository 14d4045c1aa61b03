/* SPDX-License-Identifier: MIT */
/*
 * test_queue_long.c - items of any length up to a large item_size, which is a
 * limit and not a price
 */
#include "grow_util.h"

static unsigned char room[4 * MIB];

static const size_t lengths[] = {
	0,	1,	     247,     248,     249,    4096,
	65535,	65536,	     65537,   262143,  262144, 262145,
	524288, 1000000,     MIB - 1, MIB,     5,      2 * MIB,
	MIB,	3 * MIB + 1, 248,     100,     262144, 64,
	65536,	300,	     2 * MIB, 4 * MIB, 0,      4 * MIB - 1,
};

enum { LENGTHS = sizeof(lengths) / sizeof(*lengths) };

static void all_lengths(struct ipc_queue *q)
{
	for (uint32_t depth = 1; depth <= LENGTHS; depth += 7) {
		for (uint32_t i = 0; i < 3 * LENGTHS + depth; i++) {
			if (i < 3 * LENGTHS)
				assert_int_equal(put_item(q, room,
							  lengths[i % LENGTHS],
							  i),
						 0);
			if (i >= depth)
				assert_true(
					got_item(q, room, sizeof(room),
						 lengths[(i - depth) % LENGTHS],
						 i - depth));
		}
		expect_empty(q);
	}
}

static void test_all_lengths(void **state)
{
	struct ipc_queue *q;
	char name[64];
	(void)state;

	q = new_queue(LENGTHS, sizeof(room), 0);
	all_lengths(q);
	close_queue(q);
	q = new_queue(0, sizeof(room), 0);
	all_lengths(q);
	close_queue(q);
	q = new_named(unique_name(name, "long"), LENGTHS, sizeof(room));
	all_lengths(q);
	close_queue(q);
	assert_int_equal(ipc_unlink(name), 0);
}

/* in no order, in a queue that is mostly full, or mostly empty */
static void mixture(struct ipc_queue *q, uint32_t depth)
{
	uint32_t in = 0, out = 0;

	for (; out < 6000; out++) {
		for (; in < 6000 && in - out < depth; in++)
			assert_int_equal(put_item(q, room,
						  some_length(in, 100000), in),
					 0);
		assert_true(got_item(q, room, sizeof(room),
				     some_length(out, 100000), out));
	}
	expect_empty(q);
}

static void test_mixture(void **state)
{
	struct ipc_queue *q = new_queue(100, sizeof(room), 0);
	(void)state;

	mixture(q, 1);
	mixture(q, 10);
	mixture(q, 100);
	assert_int_equal(ipc_queue_maxsize(q), 100);
	close_queue(q);
}

static void test_full(void **state)
{
	struct ipc_queue *q = new_queue(3, MIB, 0);
	(void)state;

	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(put_item(q, room, MIB, i), 0);
	assert_int_equal(ipc_queue_full(q), 1);
	assert_int_equal(ipc_queue_put(q, room, MIB, 0), -EAGAIN);
	expect_timeout(ipc_queue_put(q, room, 1, 20), 20);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(got_item(q, room, sizeof(room), MIB, i));
	close_queue(q);
}

static void test_too_large(void **state)
{
	struct ipc_queue *q = new_queue(3, MIB, 0);
	(void)state;

	put_int(q, 1);
	assert_int_equal(ipc_queue_put(q, room, MIB + 1, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_put(q, room, MIB + 1, -1), -EMSGSIZE);
	assert_int_equal(ipc_queue_put_many(q, room, MIB + 1, 2, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_size(q), 1);
	assert_int_equal(got_int(q), 1);
	/* too long for the getter: it stays */
	assert_int_equal(put_item(q, room, 300000, 7), 0);
	assert_int_equal(ipc_queue_get(q, room, 299999, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_get(q, room, 0, -1), -EMSGSIZE);
	assert_true(got_item(q, room, 300000, 300000, 7));
	expect_empty(q);
	close_queue(q);
}

/* as many as go at once, and all in order */
static void many(struct ipc_queue *q, size_t len, uint32_t n)
{
	size_t lens[64];
	uint32_t in = 0, out = 0;

	while (out < n) {
		int r;

		for (uint32_t i = in; i < n; i++)
			fill_item(room + (i - in) * len, len, i);
		r = in < n ? ipc_queue_put_many(q, room, len, n - in, 0) : 0;
		assert_true(r >= 1 || (in == n && r == 0));
		in += (uint32_t)r;
		r = ipc_queue_get_many(q, room, len, lens, n, 0);
		assert_int_equal(r, in - out);
		for (int i = 0; i < r; i++, out++) {
			assert_int_equal(lens[i], len);
			assert_true(is_item(room + (size_t)i * len, len, out));
		}
	}
	expect_empty(q);
}

static void test_many_at_once(void **state)
{
	struct ipc_queue *q = new_queue(64, MIB, 0);
	(void)state;

	many(q, 100, 64);
	many(q, 1000, 64);
	many(q, 60000, 64);
	many(q, 65536, 64);
	many(q, 70000, 50);
	many(q, MIB, 4);
	close_queue(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_lengths),	 TEST(test_mixture),
		TEST(test_full),	 TEST(test_too_large),
		TEST(test_many_at_once),
	};

	return RUN_TESTS(tests);
}
