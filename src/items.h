/* SPDX-License-Identifier: MIT */
/*
 * items.h - where the items of a queue lie: in a ring, in a pool, or in memory
 * that grows
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

#include "grow.h"
#include "pool.h"
#include "ring.h"

struct ipci_items {
	struct queue_shm *s;
	struct ipci_slots ring;
	struct ipci_pool pool;
	struct ipci_grow grow; /* instead of the ring, or beside it */
	bool pooled;
	bool grows;
	bool plain; /* neither: in the ring */
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
IPCI_INLINE uint64_t ipci_items_tail(const struct ipci_items *it)
{
	uint64_t index =
		atomic_load_explicit(&it->s->put.index, memory_order_relaxed);

	return ipci_items_never_turned(it)
		       ? index
		       : index + ipci_items_turned(it, IPCI_PUT);
}

/* the first place to read; the get gate is held */
IPCI_INLINE uint64_t ipci_items_head(const struct ipci_items *it)
{
	uint64_t index =
		atomic_load_explicit(&it->s->get.index, memory_order_relaxed);

	return ipci_items_never_turned(it)
		       ? index
		       : index + ipci_items_turned(it, IPCI_GET);
}

/* how often the ring was turned */
static inline uint64_t ipci_items_turns(const struct ipci_items *it)
{
	return atomic_load_explicit(&it->s->rare.state, memory_order_relaxed) /
	       IPCI_STATE_TURN;
}

/* before the first write, and the first read, within the gate */
IPCI_INLINE void ipci_items_putting(struct ipci_items *it, uint64_t tail)
{
	if (it->grows)
		ipci_grow_putting(&it->grow, tail, ipci_items_turns(it));
}

IPCI_INLINE void ipci_items_getting(struct ipci_items *it, uint64_t head)
{
	if (it->grows)
		ipci_grow_getting(&it->grow, head, ipci_items_turns(it));
}

/* an item that is there once the put is committed: 0, -EBADMSG, -ENOSPC,
   -ENOMEM; -ENOBUFS: enough for one put, commit first */
IPCI_INLINE int ipci_items_write(struct ipci_items *it, uint64_t place,
				 const void *item, size_t len, int64_t priority)
{
	if (it->plain)
		ipci_slot_write(&it->ring, place, item, len);
	else if (it->grows)
		return ipci_grow_write(&it->grow, place, item, len);
	else
		return ipci_pool_write(&it->pool, place, item, len, priority);
	return 0;
}

/* n items from place on are committed: so a getter finds them sooner */
IPCI_INLINE void ipci_items_stamp(const struct ipci_items *it, uint64_t place,
				  uint64_t n)
{
	if (it->plain)
		ipci_slot_stamp(&it->ring, place, n);
}

/* how many, from index on, the stamps tell of; the ring may have been turned
   since we asked, but the stamps of one that was not, stay */
static inline uint64_t ipci_items_stamped(const struct ipci_items *it,
					  uint64_t index)
{
	if (!it->plain || !ipci_items_never_turned(it))
		return 0;
	return ipci_slot_stamped(&it->ring, index);
}

/* an item that is gone once the get is committed: its length; -EMSGSIZE,
   -EBADMSG */
IPCI_INLINE int ipci_items_read(struct ipci_items *it, uint64_t place,
				void *buf, size_t size)
{
	if (it->plain)
		return ipci_slot_read(&it->ring, place, buf, size);
	if (it->grows)
		return ipci_grow_read(&it->grow, place, buf, size);
	return ipci_pool_take(&it->pool, place, buf, size);
}

/* around the commit of a get */
IPCI_INLINE void ipci_items_leave(struct ipci_items *it)
{
	if (it->grows)
		ipci_grow_leave(&it->grow);
}

IPCI_INLINE void ipci_items_left(struct ipci_items *it)
{
	if (it->grows)
		ipci_grow_left(&it->grow, ipci_items_head(it));
}

/* ---- at the other ends of a ring; both gates are held ---- */

/* K2: as the first or the last but one of the others */
int ipci_items_write_front(struct ipci_items *it, const void *item, size_t len);
int ipci_items_read_back(struct ipci_items *it, void *buf, size_t size);

/* the item that was written at the front is there */
void ipci_items_wrote_front(struct ipci_items *it);

/* the item that was read at the back is gone */
void ipci_items_took_back(struct ipci_items *it);

/*
 * K2 .. K3: once that side's index has moved by one, the ring is turned back
 * by one. Both gates are held.
 */
void ipci_items_turn(const struct ipci_items *it, enum ipci_side side);

#endif
