/* SPDX-License-Identifier: MIT */
/*
 * test_queue_unbounded.c - maxsize 0: never full, and otherwise a queue like
 * every other
 */
#include "grow_util.h"
#include "traffic.h"

static void test_never_full(void **state)
{
	struct ipc_queue *q = new_queue(0, sizeof(int), 0);
	(void)state;

	assert_int_equal(ipc_queue_maxsize(q), 0);
	assert_int_equal(ipc_queue_item_size(q), sizeof(int));
	expect_empty(q);
	for (int i = 0; i < 300000; i++) {
		put_int(q, i);
		assert_int_equal(ipc_queue_full(q), 0);
	}
	assert_int_equal(ipc_queue_size(q), 300000);
	assert_int_equal(ipc_queue_empty(q), 0);
	for (int i = 0; i < 300000; i++)
		assert_int_equal(got_int(q), i);
	expect_empty(q);
	close_queue(q);
}

/* NULL: all defaults, and so is maxsize */
static void test_by_default(void **state)
{
	struct ipc_queue *q = NULL;
	char item[256] = "x";
	(void)state;

	assert_int_equal(ipc_queue_create(&q, NULL, NULL), 0);
	assert_int_equal(ipc_queue_maxsize(q), 0);
	assert_int_equal(ipc_queue_item_size(q), 256);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(ipc_queue_put(q, item, sizeof(item), 0), 0);
	assert_int_equal(ipc_queue_size(q), 5000);
	assert_int_equal(ipc_queue_put(q, item, 257, 0), -EMSGSIZE);
	close_queue(q);
}

/* grows and shrinks, and never the same way */
static void ebb_and_flow(size_t item_size)
{
	struct ipc_queue *q = new_queue(0, item_size, 0);
	unsigned char *room = malloc(item_size);
	uint32_t in = 0, out = 0;

	assert_non_null(room);
	for (uint32_t tide = 1; tide < 60; tide++) {
		for (uint32_t i = 0; i < tide * 37 % 1000; i++, in++)
			assert_int_equal(put_item(q, room,
						  some_length(in, item_size),
						  in),
					 0);
		for (uint32_t i = 0; i < tide * 53 % 1000 && out < in;
		     i++, out++)
			assert_true(got_item(q, room, item_size,
					     some_length(out, item_size), out));
		assert_int_equal(ipc_queue_size(q), in - out);
	}
	for (; out < in; out++)
		assert_true(got_item(q, room, item_size,
				     some_length(out, item_size), out));
	expect_empty(q);
	free(room);
	close_queue(q);
}

static void test_ebb_and_flow(void **state)
{
	(void)state;
	ebb_and_flow(1);
	ebb_and_flow(1000);
	ebb_and_flow(1024);
	ebb_and_flow(1025);
	/* where addresses are few, a queue has 128 MiB of them */
	ebb_and_flow(sizeof(void *) > 4 ? 100000 : 10000);
}

/* all that goes at once, across the borders of chunks */
static void test_many_at_once(void **state)
{
	enum { N = 100000 };
	struct ipc_queue *q = new_queue(0, sizeof(int), 0);
	int *items = calloc(N, sizeof(int)), *got = calloc(N, sizeof(int));
	size_t *lens = calloc(N, sizeof(*lens));
	int done = 0;
	(void)state;

	for (int i = 0; i < N; i++)
		items[i] = i;
	while (done < N) {
		int r = ipc_queue_put_many(q, items + done, sizeof(int),
					   (size_t)(N - done), 0);

		assert_true(r >= 1);
		done += r;
		assert_int_equal(ipc_queue_size(q), done);
	}
	assert_int_equal(
		ipc_queue_get_many(q, got, sizeof(int), lens, 2 * N, 0), N);
	assert_memory_equal(items, got, N * sizeof(int));
	for (int i = 0; i < N; i++)
		assert_int_equal(lens[i], sizeof(int));
	expect_empty(q);
	free(items);
	free(got);
	free(lens);
	close_queue(q);
}

static int put_later(void *q)
{
	for (int i = 0; i < 70000; i++)
		child_put(q, i);
	return 0;
}

/* what a child put, the parent gets; an empty queue is waited at */
static void test_across_a_fork(void **state)
{
	struct ipc_queue *q = new_queue(0, 100, 0);
	pid_t pid = spawn_child(put_later, q);
	(void)state;

	for (int i = 0; i < 70000; i++)
		assert_int_equal(child_get(q), i);
	expect_exit(pid, 0);
	expect_timeout(ipc_queue_get(q, NULL, 0, 20), 20);
	close_queue(q);
}

static void traffic(int producers, int consumers, size_t item_size,
		    uint32_t flags)
{
	struct traffic *t = shared_alloc(sizeof(*t));

	t->q = new_queue(0, item_size, flags);
	t->producers = producers;
	t->consumers = consumers;
	t->items = 42000;
	t->put_batch = 50;
	t->get_batch = 30;
	t->joinable = flags & LIBIPC_JOINABLE;
	run_in_processes(t);
	expect_empty(t->q);
	close_queue(t->q);
}

static void test_traffic(void **state)
{
	(void)state;
	traffic(3, 3, 1024, 0);
	traffic(2, 2, 8, 0);
	traffic(1, 1, 1000, LIBIPC_SINGLE_PRODUCER | LIBIPC_SINGLE_CONSUMER);
	traffic(2, 2, 1000, LIBIPC_JOINABLE);
}

/* two handles of one process and one of another, on one named queue */
static int open_and_get(void *name)
{
	struct ipc_queue *q = NULL;

	child_check(ipc_queue_open(&q, name) == 0);
	child_check(ipc_queue_maxsize(q) == 0);
	child_check(ipc_queue_item_size(q) == 500);
	for (int i = 0; i < 3000; i++)
		child_check(child_get(q) == i);
	child_check(ipc_queue_put(q, "back", 4, 0) == 0);
	child_check(ipc_queue_close(q) == 0);
	return 0;
}

static void test_named(void **state)
{
	struct ipc_queue *q, *same = NULL;
	char name[64], back[500];
	(void)state;

	q = new_named(unique_name(name, "unbounded"), 0, 500);
	assert_int_equal(ipc_queue_open(&same, name), 0);
	for (int i = 0; i < 3000; i++)
		put_int(i % 3 ? q : same, i);
	assert_int_equal(ipc_queue_size(same), 3000);
	expect_exit(spawn_child(open_and_get, name), 0);
	assert_int_equal(ipc_queue_get(same, back, sizeof(back), 0), 4);
	assert_memory_equal(back, "back", 4);
	expect_empty(q);
	close_queue(same);
	close_queue(q);
	assert_int_equal(ipc_unlink(name), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_never_full),	  TEST(test_by_default),
		TEST(test_ebb_and_flow),  TEST(test_many_at_once),
		TEST(test_across_a_fork), TEST(test_traffic),
		TEST(test_named),
	};

	return RUN_TESTS(tests);
}
