/* SPDX-License-Identifier: MIT */
/*
 * queue.c - put, get, and how the queue stands
 */
#include <limits.h>

#include "queue.h"

enum {
	TRIES = 100, /* to find a moment in which nothing moves */
};

/* P2: how many, or that not even the first one goes */
IPCI_INLINE int write_items(struct ipc_queue *q, const void *items, size_t len,
			    size_t n, uint64_t tail, int64_t priority)
{
	size_t i;
	int r;

	r = ipci_queue_promise(q, len);
	if (r < 0)
		return r;
	ipci_items_putting(&q->items, tail);
	for (i = 0; i < n; i++) {
		r = ipci_items_write(&q->items, tail + i,
				     (const char *)items + i * len, len,
				     priority);
		if (r < 0)
			return i ? (int)i : r;
	}
	return (int)i;
}

/* P3 .. P5 */
IPCI_INLINE void commit_put(struct ipci_self *self, struct ipc_queue *q,
			    uint64_t tail, uint64_t n)
{
	ipci_side_move(self, &q->put, &q->get, n);
	ipci_items_stamp(&q->items, tail, n);
	ipci_gate_notify(&q->get.gate);
}

IPCI_INLINE int put(struct ipc_queue *q, const void *items, size_t len,
		    size_t n, int64_t priority, int timeout_ms)
{
	struct ipci_self *self = ipci_self();
	uint64_t room, tail;
	int r = ipci_queue_check_put(q, items, len, n);

	if (r < 0)
		return r;
	if (!self)
		return -ENOSYS;
	r = ipci_side_enter(self, &q->put, n, timeout_ms, &room);
	if (r < 0)
		return r;
	tail = ipci_items_tail(&q->items);
	r = write_items(q, items, len, n < room ? n : (size_t)room, tail,
			priority);
	if (r > 0)
		commit_put(self, q, tail, (uint64_t)r);
	ipci_side_leave(self, &q->put);
	return r;
}

IPCI_INLINE int get_items(struct ipc_queue *q, void *items, size_t size,
			  size_t *lens, size_t n, int timeout_ms)
{
	struct ipci_self *self = ipci_self();
	uint64_t there;
	int r = ipci_side_enter(self, &q->get, n, timeout_ms, &there);

	if (r < 0)
		return r;
	r = ipci_queue_read(q, items, size, lens,
			    n < there ? n : (size_t)there);
	if (r > 0)
		ipci_queue_take_out(self, q, (uint64_t)r);
	ipci_side_leave(self, &q->get);
	return r;
}

IPCI_INLINE int get(struct ipc_queue *q, void *items, size_t size, size_t *lens,
		    size_t n, int timeout_ms)
{
	struct ipci_wanted w = {
		.items = items, .size = size, .lens = lens, .n = n};
	int r = n ? ipci_queue_check_get(q, items, size) : -EINVAL;

	if (r < 0)
		return r;
	return q->joinable ? ipci_queue_get_tasks(q, &w, timeout_ms)
			   : get_items(q, items, size, lens, n, timeout_ms);
}

int ipc_queue_put(struct ipc_queue *q, const void *item, size_t len,
		  int timeout_ms)
{
	int r = put(q, item, len, 1, 0, timeout_ms);

	return r < 0 ? r : 0;
}

int ipc_queue_put_priority(struct ipc_queue *q, const void *item, size_t len,
			   int64_t priority, int timeout_ms)
{
	int r = q && q->order != LIBIPC_PRIORITY
			? -EINVAL
			: put(q, item, len, 1, priority, timeout_ms);

	return r < 0 ? r : 0;
}

int ipc_queue_get(struct ipc_queue *q, void *buf, size_t size, int timeout_ms)
{
	int r = ipci_queue_check_get(q, buf, size);
	size_t len = 0;

	if (r < 0)
		return r;
	if (__builtin_expect(q->joinable, false))
		return ipci_queue_get_one_task(q, buf, size, timeout_ms);
	r = get_items(q, buf, size, &len, 1, timeout_ms);
	return r < 0 ? r : (int)len;
}

int ipc_queue_put_many(struct ipc_queue *q, const void *items, size_t len,
		       size_t n, int timeout_ms)
{
	return put(q, items, len, n < INT_MAX ? n : INT_MAX, 0, timeout_ms);
}

int ipc_queue_get_many(struct ipc_queue *q, void *items, size_t size,
		       size_t *lens, size_t n, int timeout_ms)
{
	return get(q, items, size, lens, n < INT_MAX ? n : INT_MAX, timeout_ms);
}

/* ---- how it stands ---- */

static long checked(const struct ipc_queue *q, uint64_t n)
{
	return n > q->maxsize ? -EBADMSG : (long)n;
}

static long in_slots(const struct ipc_queue *q)
{
	if (ipci_queue_is_dropped(q))
		return 0;
	return checked(q, ipci_distance(q->put.s, q->get.s));
}

/* with the tasks that wait again: at one moment, if there is one in which
   neither index moved */
static long size_of_tasks(const struct ipc_queue *q)
{
	for (int tries = 0; tries < TRIES; tries++) {
		uint64_t got = ipci_index(q->get.s);
		uint64_t put = ipci_index(q->put.s);
		long n = ipci_queue_is_dropped(q) ? 0 : checked(q, put - got);
		long again = ipci_tasks_waiting(&q->tasks);

		if (got == ipci_index(q->get.s) && put == ipci_index(q->put.s))
			return n < 0 || again < 0 ? -EBADMSG : n + again;
	}
	return in_slots(q); /* as good as any other moment of these */
}

long ipc_queue_size(struct ipc_queue *q)
{
	if (!q)
		return -EINVAL;
	return q->joinable ? size_of_tasks(q) : in_slots(q);
}

int ipc_queue_empty(struct ipc_queue *q)
{
	long n = ipc_queue_size(q);

	return n < 0 ? (int)n : n == 0;
}

int ipc_queue_full(struct ipc_queue *q)
{
	long n = q ? in_slots(q) : -EINVAL;

	return n < 0 ? (int)n : n == (long)q->maxsize;
}

long ipc_queue_maxsize(struct ipc_queue *q)
{
	if (!q)
		return -EINVAL;
	return q->maxsize == IPCI_UNBOUNDED ? 0 : (long)q->maxsize;
}

size_t ipc_queue_item_size(struct ipc_queue *q)
{
	return q ? q->item_size : 0;
}
