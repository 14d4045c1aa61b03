/* SPDX-License-Identifier: MIT */
/*
 * test_pool_order.c - what comes out of a pool, beside a plain model of it
 */
#include "pool_util.h"

static const uint64_t sizes[] = {1, 2, 3, 5, 8, 16, 31, 64};

/* few different priorities, so that there are equals */
static int64_t some_priority(unsigned int *seed)
{
	static const int64_t far[] = {INT64_MIN, INT64_MAX, 0, -1};
	int r = rand_r(seed);

	return r % 8 ? r / 8 % 5 : far[r / 8 % 4];
}

static void check_at_random(uint64_t maxsize, bool lifo, unsigned int *seed)
{
	struct test_pool t;
	long next = 0;

	make_pool(&t, maxsize, lifo);
	for (int i = 0; i < 2000; i++) {
		bool puts = rand_r(seed) % 2;

		if (puts ? t.n == maxsize : !t.n)
			continue;
		if (puts)
			pool_put(&t, next++, lifo ? 0 : some_priority(seed));
		else
			pool_take(&t);
	}
	drain_pool(&t);
	assert_int_equal(pool_put_index(&t), next);
	free_pool(&t);
}

static void test_by_priority(void **state)
{
	unsigned int seed = test_seed();
	(void)state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		check_at_random(sizes[i], false, &seed);
}

static void test_the_youngest_first(void **state)
{
	unsigned int seed = test_seed();
	(void)state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		check_at_random(sizes[i], true, &seed);
}

static void check_batches(bool lifo, unsigned int *seed)
{
	struct test_pool t;
	long next = 0;

	make_pool(&t, POOL_MAX, lifo);
	for (int i = 0; i < 500; i++) {
		size_t in = (size_t)rand_r(seed) % (POOL_MAX - t.n + 1), out;

		enter_pool(&t);
		for (size_t k = 0; k < in; k++, next++) {
			int64_t priority = lifo ? 0 : some_priority(seed);

			write_one(&t, k, next, priority);
			model_put(&t, next, priority);
		}
		t.shm->put.index += in;
		leave_pool(&t);
		out = (size_t)rand_r(seed) % (t.n + 1);
		enter_pool(&t);
		for (size_t k = 0; k < out; k++)
			assert_int_equal(take_one(&t, k), model_take(&t));
		t.shm->get.index += out;
		leave_pool(&t);
	}
	drain_pool(&t);
	free_pool(&t);
}

static void test_several_at_once(void **state)
{
	unsigned int seed = test_seed();
	(void)state;

	check_batches(false, &seed);
	check_batches(true, &seed);
}

static void test_no_more_than_there_is(void **state)
{
	struct test_pool t;
	long item = 7;
	(void)state;

	make_pool(&t, 2, false);
	enter_pool(&t);
	assert_int_equal(ipci_pool_take(&t.pool, 0, &item, sizeof(item)),
			 -EBADMSG);
	leave_pool(&t);
	pool_put(&t, 1, 0);
	pool_put(&t, 2, 0);
	enter_pool(&t);
	assert_int_equal(ipci_pool_write(&t.pool, 2, &item, sizeof(item), 0),
			 -EBADMSG);
	leave_pool(&t);
	drain_pool(&t);
	free_pool(&t);
}

static void test_too_long_stays(void **state)
{
	struct test_pool t;
	char small[3] = "ab";
	(void)state;

	make_pool(&t, 4, false);
	pool_put(&t, 11, 1);
	pool_put(&t, 12, 0);
	enter_pool(&t);
	assert_int_equal(ipci_pool_take(&t.pool, 0, small, sizeof(small)),
			 -EMSGSIZE);
	leave_pool(&t);
	assert_string_equal(small, "ab");
	drain_pool(&t);
	free_pool(&t);
}

static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(ipci_pool_bytes(0, 8), 0);
	assert_int_equal(ipci_pool_bytes(1, 0), 64 + 32);
	assert_int_equal(ipci_pool_bytes(16, 8), 64 + 16 * 40);
	assert_int_equal(ipci_pool_bytes(17, 1), 128 + 17 * 40);
	assert_int_equal(ipci_pool_bytes((uint64_t)UINT32_MAX + 1, 8), 0);
	assert_true(ipci_pool_bytes(UINT32_MAX, 8) != 0);
	assert_int_equal(ipci_pool_bytes(UINT32_MAX, UINT32_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_by_priority),	    TEST(test_the_youngest_first),
		TEST(test_several_at_once), TEST(test_no_more_than_there_is),
		TEST(test_too_long_stays),  TEST(test_sizes),
	};

	return RUN_TESTS(tests);
}
