/* SPDX-License-Identifier: MIT */
/*
 * items.h - where the items of a queue lie: in a ring, or in a pool
 *
 * A put writes items at places tail, tail + 1, ..., a get reads them from head,
 * head + 1, ..., each under the gate of its side, and commits by moving its
 * index. Which item a place of the pool is, the pool knows (pool.h).
 *
 * A ring has a turn: places are index + turn. It is 0, unless items were put
 * at the front or taken at the back (struct rare_shm in layout.h).
 */
#ifndef IPCI_ITEMS_H
#define IPCI_ITEMS_H

#include "pool.h"
#include "ring.h"

struct ipci_items {
	struct queue_shm *s;
	struct ipci_slots ring;
	struct ipci_pool pool;
	bool pooled;
};

/* of a side_shm in a queue_shm */
enum ipci_side {
	IPCI_PUT = 0,
	IPCI_GET = 1,
};

/* how far the ring is turned, for who holds that side's gate; slow */
uint64_t ipci_items_turned(const struct ipci_items *it, enum ipci_side side);

static inline bool ipci_items_never_turned(const struct ipci_items *it)
{
	return atomic_load_explicit(&it->s->rare.state, memory_order_relaxed) <
	       IPCI_STATE_TURN;
}

/* the first place to write; the put gate is held */
static inline uint64_t ipci_items_tail(const struct ipci_items *it)
{
	uint64_t index =
		atomic_load_explicit(&it->s->put.index, memory_order_relaxed);

	return ipci_items_never_turned(it)
		       ? index
		       : index + ipci_items_turned(it, IPCI_PUT);
}

/* the first place to read; the get gate is held */
static inline uint64_t ipci_items_head(const struct ipci_items *it)
{
	uint64_t index =
		atomic_load_explicit(&it->s->get.index, memory_order_relaxed);

	return ipci_items_never_turned(it)
		       ? index
		       : index + ipci_items_turned(it, IPCI_GET);
}

/* an item that is there once the put is committed: 0 or -EBADMSG */
static inline int ipci_items_write(const struct ipci_items *it, uint64_t place,
				   const void *item, size_t len,
				   int64_t priority)
{
	if (it->pooled)
		return ipci_pool_write(&it->pool, place, item, len, priority);
	ipci_slot_write(&it->ring, place, item, len);
	return 0;
}

/* an item that is gone once the get is committed: its length; -EMSGSIZE,
   -EBADMSG */
static inline int ipci_items_read(const struct ipci_items *it, uint64_t place,
				  void *buf, size_t size)
{
	if (it->pooled)
		return ipci_pool_take(&it->pool, place, buf, size);
	return ipci_slot_read(&it->ring, place, buf, size);
}

/*
 * K2 .. K3: once that side's index has moved by one, the ring is turned back
 * by one. Both gates are held.
 */
void ipci_items_turn(const struct ipci_items *it, enum ipci_side side);

#endif
