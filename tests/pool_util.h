/* SPDX-License-Identifier: MIT */
/*
 * pool_util.h - a pool in private memory, and a plain model of it
 */
#ifndef LIBIPC_TESTS_POOL_UTIL_H
#define LIBIPC_TESTS_POOL_UTIL_H

#include "observe.h"
#include "pool.h"

enum { POOL_MAX = 64 };

struct test_pool {
	struct ipci_pool pool;
	struct queue_shm *shm; /* and table and slots behind it */
	size_t bytes;
	bool lifo;

	/* the model: what waits, the oldest first */
	struct test_item {
		long item;
		int64_t priority;
	} waiting[POOL_MAX];
	size_t n;
};

static inline void make_pool(struct test_pool *t, uint64_t maxsize, bool lifo)
{
	memset(t, 0, sizeof(*t));
	t->bytes = sizeof(*t->shm) +
		   (size_t)ipci_pool_bytes(maxsize, sizeof(long));
	t->shm = aligned_alloc(64, (t->bytes + 63) / 64 * 64);
	assert_non_null(t->shm);
	memset(t->shm, 0, t->bytes);
	t->lifo = lifo;
	ipci_pool_init(&t->pool, t->shm, (unsigned char *)(t->shm + 1), maxsize,
		       sizeof(long), lifo);
}

static inline void free_pool(struct test_pool *t)
{
	free(t->shm);
}

static inline void enter_pool(struct test_pool *t)
{
	assert_int_equal(ipci_pool_enter(ipci_self(), &t->pool, IPCI_NEVER), 0);
}

static inline void leave_pool(struct test_pool *t)
{
	ipci_pool_leave(ipci_self(), &t->pool, true);
}

static inline uint64_t pool_put_index(struct test_pool *t)
{
	return t->shm->put.index;
}

static inline uint64_t pool_get_index(struct test_pool *t)
{
	return t->shm->get.index;
}

/* the k-th of a put under way */
static inline void write_one(struct test_pool *t, uint64_t k, long item,
			     int64_t priority)
{
	assert_int_equal(ipci_pool_write(&t->pool, pool_put_index(t) + k, &item,
					 sizeof(item), priority),
			 0);
}

static inline long take_one(struct test_pool *t, uint64_t k)
{
	long item = -1;

	assert_int_equal(ipci_pool_take(&t->pool, pool_get_index(t) + k, &item,
					sizeof(item)),
			 sizeof(item));
	return item;
}

/* -------------------------------------------- whole calls, and the model */

static inline void model_put(struct test_pool *t, long item, int64_t priority)
{
	t->waiting[t->n++] = (struct test_item){item, priority};
}

static inline long model_take(struct test_pool *t)
{
	size_t best = t->lifo ? t->n - 1 : 0;
	long item;

	for (size_t i = 0; !t->lifo && i < t->n; i++)
		if (t->waiting[i].priority < t->waiting[best].priority)
			best = i;
	item = t->waiting[best].item;
	t->n--;
	memmove(&t->waiting[best], &t->waiting[best + 1],
		(t->n - best) * sizeof(*t->waiting));
	return item;
}

static inline void pool_put(struct test_pool *t, long item, int64_t priority)
{
	enter_pool(t);
	write_one(t, 0, item, priority);
	t->shm->put.index++;
	leave_pool(t);
	model_put(t, item, priority);
}

static inline void pool_take(struct test_pool *t)
{
	long item;

	enter_pool(t);
	item = take_one(t, 0);
	t->shm->get.index++;
	leave_pool(t);
	assert_int_equal(item, model_take(t));
}

static inline void drain_pool(struct test_pool *t)
{
	while (t->n)
		pool_take(t);
	assert_int_equal(pool_put_index(t), pool_get_index(t));
}

#endif
