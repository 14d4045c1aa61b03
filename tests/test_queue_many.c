/* SPDX-License-Identifier: MIT */
/*
 * test_queue_many.c - several items at once: as many as go, in order
 */
#include "queue_util.h"

#include <limits.h>

static void test_all_fit(void **state)
{
	struct ipc_queue *q = new_queue(5, sizeof(int), 0);
	int in[4] = {1, 2, 3, 4}, out[5] = {0, 0, 0, 0, 99};
	size_t lens[5] = {0, 0, 0, 0, 99};
	(void)state;

	assert_int_equal(ipc_queue_put_many(q, in, 4, 4, 0), 4);
	assert_int_equal(ipc_queue_size(q), 4);
	assert_int_equal(ipc_queue_get_many(q, out, 4, lens, 5, 0), 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(out[i], in[i]);
		assert_int_equal(lens[i], 4);
	}
	assert_int_equal(out[4], 99);
	assert_int_equal(lens[4], 99);
	expect_empty(q);
	close_queue(q);
}

static void test_as_many_as_fit(void **state)
{
	struct ipc_queue *q = new_queue(5, sizeof(int), 0);
	int in[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, out[9];
	(void)state;

	put_int(q, 100);
	assert_int_equal(ipc_queue_put_many(q, in, 4, 9, 0), 4);
	assert_int_equal(ipc_queue_full(q), 1);
	assert_int_equal(ipc_queue_put_many(q, in, 4, 9, 0), -EAGAIN);
	assert_int_equal(ipc_queue_get_many(q, out, 4, NULL, 2, 0), 2);
	assert_int_equal(ipc_queue_put_many(q, in + 4, 4, 5, -1), 2);
	assert_int_equal(out[0], 100);
	assert_int_equal(out[1], 1);
	assert_int_equal(ipc_queue_get_many(q, out, 4, NULL, 9, -1), 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(out[i], i + 2);
	close_queue(q);
}

/* more than maxsize, and more than anybody can count */
static void test_more_than_can_ever_fit(void **state)
{
	static const size_t n[] = {4, 1000, INT_MAX, (size_t)INT_MAX + 2,
				   SIZE_MAX};
	struct ipc_queue *q = new_queue(3, sizeof(int), 0);
	int in[4] = {1, 2, 3, 4}, out[4];
	(void)state;

	for (size_t i = 0; i < sizeof(n) / sizeof(*n); i++) {
		assert_int_equal(ipc_queue_put_many(q, in, 4, n[i], 0), 3);
		assert_int_equal(ipc_queue_get_many(q, out, 4, NULL, n[i], 0),
				 3);
		assert_memory_equal(in, out, 12);
	}
	close_queue(q);
}

static void test_over_the_end_of_the_ring(void **state)
{
	struct ipc_queue *q = new_queue(7, sizeof(int), 0);
	int next = 0, expected = 0, items[7];
	(void)state;

	for (int lap = 0; lap < 100; lap++) {
		int n = 1 + lap % 7;

		for (int i = 0; i < n; i++)
			items[i] = next++;
		assert_int_equal(ipc_queue_put_many(q, items, 4, (size_t)n, 0),
				 n);
		memset(items, 0, sizeof(items));
		assert_int_equal(ipc_queue_get_many(q, items, 4, NULL, 7, 0),
				 n);
		for (int i = 0; i < n; i++)
			assert_int_equal(items[i], expected++);
	}
	close_queue(q);
}

static void test_items_lie_size_bytes_apart(void **state)
{
	struct ipc_queue *q = new_queue(4, 8, 0);
	char out[4 * 10 + 1];
	size_t lens[4];
	(void)state;

	assert_int_equal(ipc_queue_put(q, "a", 1, 0), 0);
	assert_int_equal(ipc_queue_put(q, NULL, 0, 0), 0);
	assert_int_equal(ipc_queue_put(q, "12345678", 8, 0), 0);
	assert_int_equal(ipc_queue_put(q, "xyz", 3, 0), 0);
	memset(out, '.', sizeof(out));
	out[40] = '\0';
	assert_int_equal(ipc_queue_get_many(q, out, 10, lens, 4, 0), 4);
	assert_string_equal(out,
			    "a..................." /* the second is empty */
			    "12345678..xyz.......");
	assert_int_equal(lens[0], 1);
	assert_int_equal(lens[1], 0);
	assert_int_equal(lens[2], 8);
	assert_int_equal(lens[3], 3);
	close_queue(q);
}

static void test_stops_before_one_that_is_too_long(void **state)
{
	struct ipc_queue *q = new_queue(4, 8, 0);
	char out[16];
	size_t lens[4] = {77, 77, 77, 77};
	(void)state;

	memset(out, '.', sizeof(out));
	assert_int_equal(ipc_queue_put(q, "ab", 2, 0), 0);
	assert_int_equal(ipc_queue_put(q, "cdef", 4, 0), 0);
	assert_int_equal(ipc_queue_put(q, "long.", 5, 0), 0);
	assert_int_equal(ipc_queue_put(q, "gh", 2, 0), 0);
	assert_int_equal(ipc_queue_get_many(q, out, 4, lens, 4, 0), 2);
	assert_memory_equal(out, "ab..cdef........", 16);
	assert_int_equal(lens[0], 2);
	assert_int_equal(lens[1], 4);
	assert_int_equal(lens[2], 77);
	assert_int_equal(ipc_queue_get_many(q, out, 4, lens, 4, 0), -EMSGSIZE);
	assert_int_equal(lens[0], 2);
	assert_int_equal(ipc_queue_size(q), 2);
	assert_int_equal(ipc_queue_get_many(q, out, 5, lens, 3, 0), 2);
	assert_memory_equal(out, "long.gh", 7);
	expect_empty(q);
	close_queue(q);
}

static void test_items_of_no_bytes(void **state)
{
	struct ipc_queue *q = new_queue(4, 8, 0);
	size_t lens[4] = {77, 77, 77, 77};
	(void)state;

	assert_int_equal(ipc_queue_put_many(q, NULL, 0, 3, 0), 3);
	assert_int_equal(ipc_queue_size(q), 3);
	assert_int_equal(ipc_queue_get_many(q, NULL, 0, lens, 4, 0), 3);
	assert_int_equal(lens[0] + lens[1] + lens[2], 0);
	assert_int_equal(lens[3], 77);
	expect_empty(q);
	close_queue(q);
}

/* ------------------------------------------------------------ others wait */

static int put_three(void *arg)
{
	int items[3] = {1, 2, 3};

	return ipc_queue_put_many(arg, items, 4, 3, LIBIPC_FOREVER);
}

static void test_put_waits_for_room_for_one(void **state)
{
	struct ipc_queue *q = new_queue(2, sizeof(int), 0);
	pid_t pid;
	(void)state;

	put_int(q, 10);
	put_int(q, 20);
	pid = spawn_child(put_three, q);
	wait_asleep(pid);
	assert_int_equal(got_int(q), 10);
	expect_exit(pid, 1);
	assert_int_equal(got_int(q), 20);
	assert_int_equal(got_int(q), 1);
	expect_empty(q);
	close_queue(q);
}

static int get_three(void *arg)
{
	int items[3];

	return ipc_queue_get_many(arg, items, 4, NULL, 3, LIBIPC_FOREVER);
}

static void test_get_waits_for_one(void **state)
{
	struct ipc_queue *q = new_queue(4, sizeof(int), 0);
	pid_t pid = spawn_child(get_three, q);
	(void)state;

	wait_asleep(pid);
	put_int(q, 1);
	expect_exit(pid, 1);
	expect_empty(q);
	close_queue(q);
}

static int get_one(void *arg)
{
	return child_get(arg);
}

/* one wake-up is owed for each item, not for each call */
static void test_many_items_wake_many(void **state)
{
	struct ipc_queue *q = new_queue(3, sizeof(int), 0);
	int items[3] = {5, 5, 5};
	pid_t pid[3];
	(void)state;

	for (int i = 0; i < 3; i++) {
		pid[i] = spawn_child(get_one, q);
		wait_asleep(pid[i]);
	}
	assert_int_equal(ipc_queue_put_many(q, items, 4, 3, 0), 3);
	for (int i = 0; i < 3; i++)
		expect_exit(pid[i], 5);
	close_queue(q);
}

static int put_one(void *arg)
{
	child_put(arg, 6);
	return 0;
}

static void test_much_room_wakes_many(void **state)
{
	struct ipc_queue *q = new_queue(3, sizeof(int), 0);
	int items[3] = {5, 5, 5};
	pid_t pid[3];
	(void)state;

	assert_int_equal(ipc_queue_put_many(q, items, 4, 3, 0), 3);
	for (int i = 0; i < 3; i++) {
		pid[i] = spawn_child(put_one, q);
		wait_asleep(pid[i]);
	}
	assert_int_equal(ipc_queue_get_many(q, items, 4, NULL, 3, 0), 3);
	for (int i = 0; i < 3; i++)
		expect_exit(pid[i], 0);
	assert_int_equal(ipc_queue_size(q), 3);
	close_queue(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_fit),
		TEST(test_as_many_as_fit),
		TEST(test_more_than_can_ever_fit),
		TEST(test_over_the_end_of_the_ring),
		TEST(test_items_lie_size_bytes_apart),
		TEST(test_stops_before_one_that_is_too_long),
		TEST(test_items_of_no_bytes),
		TEST(test_put_waits_for_room_for_one),
		TEST(test_get_waits_for_one),
		TEST(test_many_items_wake_many),
		TEST(test_much_room_wakes_many),
	};

	return RUN_TESTS(tests);
}
