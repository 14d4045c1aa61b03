/* SPDX-License-Identifier: MIT */
/*
 * test_pool_rebuild.c - whatever a dead one left of a pool's table, the next
 * one makes it anew from the slots
 *
 * A death is played: the pool is left dirty, with a put or a get under way that
 * was not committed, or just was, and with a table in which anything stands.
 */
#include "pool_util.h"

enum { MAXSIZE = 40 };

static void fill(struct test_pool *t, size_t n, unsigned int *seed)
{
	static _Thread_local long next;

	while (t->n < n)
		pool_put(t, next++, t->lifo ? 0 : rand_r(seed) % 5);
}

/* some of the entries, so also half of an exchange */
static void spoil_table(struct test_pool *t, unsigned int *seed)
{
	uint64_t used = t->shm->pool.used;

	for (int i = rand_r(seed) % 50; i && used; i--)
		t->pool.table[(uint64_t)rand_r(seed) % used] =
			(uint32_t)rand_r(seed) % MAXSIZE;
}

/* the lock is let go as the kernel does it, so it stays dirty */
static void die(struct test_pool *t)
{
	leave_pool(t);
	t->shm->pool.dirty = 1;
}

static void die_in_put(struct test_pool *t, bool committed, unsigned int *seed)
{
	uint64_t n = (uint64_t)rand_r(seed) % (MAXSIZE - t->n + 1);

	enter_pool(t);
	for (uint64_t k = 0; k < n; k++) {
		write_one(t, k, -9 - (long)k, t->lifo ? 0 : 2);
		if (committed)
			model_put(t, -9 - (long)k, t->lifo ? 0 : 2);
	}
	if (committed)
		t->shm->put.index += n;
	spoil_table(t, seed);
	die(t);
}

static void die_in_get(struct test_pool *t, bool committed, unsigned int *seed)
{
	uint64_t n = (uint64_t)rand_r(seed) % (t->n + 1);

	enter_pool(t);
	for (uint64_t k = 0; k < n; k++) {
		long item = take_one(t, k);

		if (committed)
			assert_int_equal(item, model_take(t));
	}
	if (committed)
		t->shm->get.index += n;
	spoil_table(t, seed);
	die(t);
}

static void check(bool lifo, unsigned int *seed)
{
	struct test_pool t;

	make_pool(&t, MAXSIZE, lifo);
	for (int i = 0; i < 1000; i++) {
		bool committed = rand_r(seed) % 2;

		if (rand_r(seed) % 2)
			die_in_put(&t, committed, seed);
		else
			die_in_get(&t, committed, seed);
		if (rand_r(seed) % 3 == 0)
			drain_pool(&t);
		fill(&t, (size_t)rand_r(seed) % MAXSIZE, seed);
	}
	drain_pool(&t);
	free_pool(&t);
}

static void test_by_priority(void **state)
{
	unsigned int seed = test_seed();
	(void)state;

	check(false, &seed);
}

static void test_the_youngest_first(void **state)
{
	unsigned int seed = test_seed();
	(void)state;

	check(true, &seed);
}

/* twice is the same as once, also when the first time was cut short */
static void test_rebuilt_and_rebuilt(void **state)
{
	unsigned int seed = test_seed();
	struct test_pool t;
	(void)state;

	make_pool(&t, MAXSIZE, false);
	fill(&t, 30, &seed);
	for (int i = 0; i < 10; i++) {
		t.shm->pool.dirty = 1;
		spoil_table(&t, &seed);
		enter_pool(&t);
		spoil_table(&t, &seed);
		die(&t);
	}
	drain_pool(&t);
	free_pool(&t);
}

/* a slot that was never used is not read: its memory may not be there */
static void test_only_what_was_used(void **state)
{
	struct test_pool t;
	(void)state;

	make_pool(&t, MAXSIZE, false);
	pool_put(&t, 1, 3);
	pool_put(&t, 2, 3);
	assert_int_equal(t.shm->pool.used, 2);
	t.shm->pool.dirty = 1;
	pool_take(&t);
	pool_put(&t, 3, 1);
	assert_int_equal(t.shm->pool.used, 2);
	for (size_t i = 2; i < MAXSIZE; i++)
		assert_int_equal(t.pool.table[i], 0);
	drain_pool(&t);
	free_pool(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_by_priority),
		TEST(test_the_youngest_first),
		TEST(test_rebuilt_and_rebuilt),
		TEST(test_only_what_was_used),
	};

	return RUN_TESTS(tests);
}
