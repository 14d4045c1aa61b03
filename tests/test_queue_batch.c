/* SPDX-License-Identifier: MIT */
/*
 * test_queue_batch.c - what one put_many took is visible together, with
 * nobody else's in between, while several processes put
 */
#include "queue_util.h"

enum {
	PRODUCERS = 3,
	BATCH = 8,
	CALLS = 1500,
};

struct item {
	int producer;
	int call;
	int number; /* in its call */
};

struct shop {
	struct ipc_queue *q;
	_Atomic int producers; /* numbers given out */
	_Atomic int ended;     /* producers that put all of theirs */
	_Atomic int batches;   /* taken by consumers */
	short took[PRODUCERS][CALLS];
};

static int put_batches(void *arg)
{
	struct shop *shop = arg;
	struct item items[BATCH];
	int me = shop->producers++;

	for (int call = 0; call < CALLS; call++) {
		for (int i = 0; i < BATCH; i++)
			items[i] = (struct item){me, call, i};
		shop->took[me][call] = (short)ipc_queue_put_many(
			shop->q, items, sizeof(*items), BATCH, LIBIPC_FOREVER);
	}
	shop->ended++;
	return 0;
}

static void spawn_producers(struct shop *shop, pid_t pid[PRODUCERS])
{
	for (int i = 0; i < PRODUCERS; i++)
		pid[i] = spawn_child(put_batches, shop);
}

/* --------------------------------------------------- whole batches, always */

static void check_batch(const struct item *items)
{
	for (int i = 0; i < BATCH; i++) {
		child_check(items[i].producer == items[0].producer);
		child_check(items[i].call == items[0].call);
		child_check(items[i].number == i);
	}
}

static int get_batches(void *arg)
{
	struct shop *shop = arg;
	struct item items[BATCH];

	while (shop->batches++ < PRODUCERS * CALLS) {
		child_check(ipc_queue_get_many(shop->q, items, sizeof(*items),
					       NULL, BATCH,
					       LIBIPC_FOREVER) == BATCH);
		check_batch(items);
	}
	return 0;
}

/*
 * The room, and what waits, are always whole batches, if each call moves a
 * whole one; so nobody ever sees another number.
 */
static void test_nobody_sees_half_a_batch(void **state)
{
	struct shop *shop = shared_alloc(sizeof(*shop));
	pid_t producer[PRODUCERS], consumer[2];
	(void)state;

	shop->q = new_queue(4 * BATCH, sizeof(struct item), 0);
	for (int i = 0; i < 2; i++)
		consumer[i] = spawn_child(get_batches, shop);
	spawn_producers(shop, producer);
	while (shop->batches < PRODUCERS * CALLS)
		assert_int_equal(ipc_queue_size(shop->q) % BATCH, 0);
	for (int i = 0; i < PRODUCERS; i++)
		expect_exit(producer[i], 0);
	for (int i = 0; i < 2; i++)
		expect_exit(consumer[i], 0);
	for (int i = 0; i < PRODUCERS * CALLS; i++)
		assert_int_equal(shop->took[i / CALLS][i % CALLS], BATCH);
	expect_empty(shop->q);
	close_queue(shop->q);
}

/* ------------------------------------------------------- parts of batches */

/*
 * Where only a part fits, the part is together: items[] is what came out, in
 * order, and after the last of a call nothing of it may follow.
 */
static void check_parts(const struct shop *shop, const struct item *items,
			int n)
{
	int next_call[PRODUCERS] = {0};

	for (int i = 0; i < n;) {
		int producer = items[i].producer, call = items[i].call;
		int took = shop->took[producer][call];

		assert_int_equal(call, next_call[producer]++);
		assert_in_range(took, 1, BATCH);
		assert_true(i + took <= n);
		for (int k = 0; k < took; k++, i++) {
			assert_int_equal(items[i].producer, producer);
			assert_int_equal(items[i].call, call);
			assert_int_equal(items[i].number, k);
		}
	}
	for (int p = 0; p < PRODUCERS; p++)
		assert_int_equal(next_call[p], CALLS);
}

static int all_took(const struct shop *shop)
{
	int n = 0;

	for (int i = 0; i < PRODUCERS * CALLS; i++)
		n += shop->took[i / CALLS][i % CALLS];
	return n;
}

static void test_a_part_of_a_batch_is_together(void **state)
{
	struct shop *shop = shared_alloc(sizeof(*shop));
	size_t most = (size_t)PRODUCERS * CALLS * BATCH, n = 0;
	struct item *items = malloc(most * sizeof(*items));
	pid_t pid[PRODUCERS];
	(void)state;

	shop->q = new_queue(BATCH + 3, sizeof(struct item), 0);
	spawn_producers(shop, pid);
	while (shop->ended < PRODUCERS || !ipc_queue_empty(shop->q)) {
		int r = ipc_queue_get_many(shop->q, items + n, sizeof(*items),
					   NULL, n % 5 + 1, 10);

		assert_true(r > 0 || r == -ETIMEDOUT);
		n += r > 0 ? (size_t)r : 0;
	}
	for (int i = 0; i < PRODUCERS; i++)
		expect_exit(pid[i], 0);
	assert_int_equal(n, all_took(shop));
	check_parts(shop, items, (int)n);
	free(items);
	close_queue(shop->q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nobody_sees_half_a_batch),
		TEST(test_a_part_of_a_batch_is_together),
	};

	return RUN_TESTS(tests);
}
