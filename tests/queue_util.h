/* SPDX-License-Identifier: MIT */
/*
 * queue_util.h - what the tests of queues have in common
 */
#ifndef LIBIPC_TESTS_QUEUE_UTIL_H
#define LIBIPC_TESTS_QUEUE_UTIL_H

#include "observe.h"
#include "region.h"

/* ----------------------------------------------------- for the test itself */

static inline struct ipc_queue *new_queue(size_t maxsize, size_t item_size,
					  uint32_t flags)
{
	const struct ipc_queue_opts opts = {
		.maxsize = maxsize, .item_size = item_size, .flags = flags};
	struct ipc_queue *q = NULL;

	assert_int_equal(ipc_queue_create(&q, NULL, &opts), 0);
	assert_non_null(q);
	return q;
}

static inline struct ipc_queue *new_queue_of(enum ipc_order order,
					     size_t maxsize, uint32_t flags)
{
	const struct ipc_queue_opts opts = {.maxsize = maxsize,
					    .item_size = 16,
					    .order = order,
					    .flags = flags};
	struct ipc_queue *q = NULL;

	assert_int_equal(ipc_queue_create(&q, NULL, &opts), 0);
	return q;
}

static inline void close_queue(struct ipc_queue *q)
{
	assert_int_equal(ipc_queue_close(q), 0);
}

/* one int, at once */
static inline void put_int(struct ipc_queue *q, int item)
{
	assert_int_equal(ipc_queue_put(q, &item, sizeof(item), 0), 0);
}

static inline int got_int(struct ipc_queue *q)
{
	int item = -1;

	assert_int_equal(ipc_queue_get(q, &item, sizeof(item), 0),
			 sizeof(item));
	return item;
}

/* nothing is there, and nothing is left in the way of a full queue */
static inline void expect_empty(struct ipc_queue *q)
{
	int item;

	assert_int_equal(ipc_queue_size(q), 0);
	assert_int_equal(ipc_queue_empty(q), 1);
	assert_int_equal(ipc_queue_get(q, &item, sizeof(item), 0), -EAGAIN);
}

/* ------------------------------------------------ for children and threads */

static inline void child_put(struct ipc_queue *q, int item)
{
	child_check(ipc_queue_put(q, &item, sizeof(item), LIBIPC_FOREVER) == 0);
}

static inline int child_get(struct ipc_queue *q)
{
	int item = -1;

	child_check(ipc_queue_get(q, &item, sizeof(item), LIBIPC_FOREVER) ==
		    sizeof(item));
	return item;
}

/* ------------------------------------------------------- behind the scenes */

/* a handle begins with its region */
static inline struct queue_shm *inside(const struct ipc_queue *q)
{
	return (struct queue_shm *)((const struct ipci_region *)q)->body;
}

static inline void print_side(const char *name, const struct side_shm *s)
{
	print_error("  %-4s word %016llx index %llu seen %llu hint %016llx\n",
		    name, (unsigned long long)s->word,
		    (unsigned long long)s->index, (unsigned long long)s->seen,
		    (unsigned long long)s->hint);
}

/* what to know about a queue that does not go on */
static inline void print_queue(const char *name, const struct ipc_queue *q)
{
	print_error("%s\n", name);
	print_side("put", &inside(q)->put);
	print_side("get", &inside(q)->get);
	print_side("done", &inside(q)->done);
}

#endif
