/* SPDX-License-Identifier: MIT */
/*
 * test_queue_growing_threads.c - chunks handed from getters to putters and back
 * while both are at work; for TSan, too
 */
#include "grow_util.h"
#include "traffic.h"

static void run(int producers, int consumers, size_t maxsize, size_t item_size,
		uint32_t flags)
{
	struct traffic *t = shared_alloc(sizeof(*t));

	t->q = new_queue(maxsize, item_size, flags);
	t->producers = producers;
	t->consumers = consumers;
	t->items = 24000;
	t->put_batch = 60;
	t->get_batch = 40;
	run_in_threads(t);
	expect_empty(t->q);
	close_queue(t->q);
}

static void test_slots_in_chunks(void **state)
{
	(void)state;
	run(3, 3, 0, KIB, 0);
	run(1, 1, 0, KIB, LIBIPC_SINGLE_PRODUCER | LIBIPC_SINGLE_CONSUMER);
}

/* ------------------------------------------------------------- long items */

enum { N = 3000, LIMIT = 300000 };

struct mixed {
	struct ipc_queue *q;
	_Atomic uint32_t next_put, got;
	_Atomic uint8_t seen[N];
};

/* an item says who it is */
static int put_mixed(void *arg)
{
	struct mixed *m = arg;
	unsigned char *item = malloc(LIMIT);
	uint32_t i;

	while ((i = m->next_put++) < N) {
		size_t len = 4 + some_length(i, LIMIT - 4);

		memcpy(item, &i, 4);
		fill_item(item + 4, len - 4, i);
		child_check(ipc_queue_put(m->q, item, len, -1) == 0);
	}
	free(item);
	return 0;
}

static int get_mixed(void *arg)
{
	struct mixed *m = arg;
	unsigned char *item = malloc(LIMIT);
	uint32_t i;

	while (m->got++ < N) {
		int len = ipc_queue_get(m->q, item, LIMIT, -1);

		child_check(len >= 4);
		memcpy(&i, item, 4);
		child_check(i < N && !m->seen[i]++);
		child_check(len == 4 + (int)some_length(i, LIMIT - 4));
		child_check(is_item(item + 4, (size_t)len - 4, i));
	}
	free(item);
	return 0;
}

static void mixed(size_t maxsize)
{
	struct mixed *m = shared_alloc(sizeof(*m));
	struct test_thread *thread[4];

	m->q = new_queue(maxsize, LIMIT, 0);
	for (int i = 0; i < 4; i++)
		thread[i] = start_thread(i % 2 ? get_mixed : put_mixed, m);
	for (int i = 0; i < 4; i++)
		assert_int_equal(join_thread(thread[i]), 0);
	expect_empty(m->q);
	for (int i = 0; i < N; i++)
		assert_int_equal(m->seen[i], 1);
	close_queue(m->q);
}

static void test_long_items(void **state)
{
	(void)state;
	mixed(50);
	mixed(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_slots_in_chunks),
		TEST(test_long_items),
	};

	return RUN_TESTS(tests);
}
