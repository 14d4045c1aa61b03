/* SPDX-License-Identifier: MIT */
/*
 * test_pool_hostile.c - whatever stands in a pool's shared memory, nobody reads
 * or writes outside of it, and nobody goes round for ever
 */
#include "pool_util.h"

enum { MAXSIZE = 13 };

static uint64_t odd_value(unsigned int *seed)
{
	static const uint64_t near[] = {0, MAXSIZE, UINT32_MAX,
					UINT64_C(1) << 31, UINT64_C(1) << 63};

	return near[rand_r(seed) % 5] + (uint64_t)(rand_r(seed) % 9) - 4;
}

static struct pool_slot_shm *some_slot(struct test_pool *t, unsigned int *seed)
{
	size_t i = (size_t)rand_r(seed) % MAXSIZE;

	return (struct pool_slot_shm *)(void *)(t->pool.slots +
						i * t->pool.stride);
}

static void damage(struct test_pool *t, unsigned int *seed)
{
	struct pool_slot_shm *s = some_slot(t, seed);

	switch (rand_r(seed) % 9) {
	case 0:
		t->shm->put.index = odd_value(seed);
		break;
	case 1:
		t->shm->get.index = odd_value(seed);
		break;
	case 2:
		t->shm->pool.used = (uint32_t)odd_value(seed);
		break;
	case 3:
		t->shm->pool.dirty = 1;
		break;
	case 4:
		s->born = odd_value(seed);
		break;
	case 5:
		s->gone = odd_value(seed);
		break;
	case 6:
		s->len = (uint32_t)odd_value(seed);
		break;
	case 7:
		s->priority = (int64_t)odd_value(seed);
		break;
	default:
		t->pool.table[rand_r(seed) % MAXSIZE] =
			(uint32_t)odd_value(seed);
		break;
	}
}

static void use(struct test_pool *t, unsigned int *seed)
{
	long item = 5, out[2] = {0, 77};
	int r;

	r = ipci_pool_enter(ipci_self(), &t->pool, IPCI_NEVER);
	assert_true(r == 0 || r == -EBADMSG);
	if (r)
		return;
	r = ipci_pool_write(&t->pool, pool_put_index(t), &item, sizeof(item),
			    rand_r(seed) % 4);
	assert_true(r == 0 || r == -EBADMSG);
	t->shm->put.index += !r;
	r = ipci_pool_take(&t->pool, pool_get_index(t), out, sizeof(*out));
	assert_true((r >= 0 && r <= 8) || r == -EBADMSG);
	assert_int_equal(out[1], 77);
	t->shm->get.index += r >= 0;
	leave_pool(t);
}

static void test_any_field_at_random(void **state)
{
	unsigned int seed = test_seed();
	(void)state;

	for (int i = 0; i < 2000; i++) {
		struct test_pool t;

		make_pool(&t, MAXSIZE, i % 2);
		for (int k = 0; k < 6; k++)
			pool_put(&t, k, 0);
		for (int k = 0; k < 20; k++) {
			damage(&t, &seed);
			use(&t, &seed);
		}
		assert_int_equal(t.shm->pool.word & IPCI_GATE_OWNER, 0);
		free_pool(&t);
	}
}

/* a slot that does not wait is not handed out, nor one that does overwritten */
static void test_table_against_slots(void **state)
{
	struct test_pool t;
	long item = 9;
	(void)state;

	make_pool(&t, MAXSIZE, false);
	pool_put(&t, 1, 0);
	pool_put(&t, 2, 0);
	t.pool.table[0] = 5; /* a free one */
	enter_pool(&t);
	assert_int_equal(ipci_pool_take(&t.pool, 0, &item, sizeof(item)),
			 -EBADMSG);
	t.pool.table[2] = 1 ^ 2; /* one that waits */
	assert_int_equal(ipci_pool_write(&t.pool, 2, &item, sizeof(item), 0),
			 -EBADMSG);
	leave_pool(&t);
	assert_int_equal(item, 9);
	free_pool(&t);
}

static void test_slots_that_do_not_add_up(void **state)
{
	struct test_pool t;
	(void)state;

	make_pool(&t, MAXSIZE, false);
	pool_put(&t, 1, 0);
	pool_put(&t, 2, 0);
	t.shm->put.index = 3;
	t.shm->pool.dirty = 1;
	for (int i = 0; i < 2; i++)
		assert_int_equal(ipci_pool_enter(ipci_self(), &t.pool,
						 IPCI_NEVER),
				 -EBADMSG);
	t.shm->put.index = 2;
	drain_pool(&t);
	free_pool(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_any_field_at_random),
		TEST(test_table_against_slots),
		TEST(test_slots_that_do_not_add_up),
	};

	return RUN_TESTS(tests);
}
