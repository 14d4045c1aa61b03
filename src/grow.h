/* SPDX-License-Identifier: MIT */
/*
 * grow.h - where the items of a FIFO queue lie that takes memory as it needs it
 *
 * Without maxsize, slots come and go in chunks; long items have their bytes in
 * chunks, too. See struct grow_shm in layout.h for what a chunk is, the steps
 * K1 .. K5 and L1 .. L4, and what a death after each of them leaves.
 *
 * Places are those of items.h: of the next item to put, and to get.
 *
 * put, with the put gate held (or alone, by promise):
 *
 *	ipci_grow_putting(g, tail, turned);
 *	ipci_grow_write(g, tail + i, item, len);	each, until one fails
 *	... commit ...
 *
 * get, with the get gate held:
 *
 *	ipci_grow_getting(g, head, turned);
 *	ipci_grow_read(g, head + i, buf, size);		for each
 *	ipci_grow_leave(g);
 *	... commit ...					as many, or fewer
 *	ipci_grow_left(g, head + n);
 *
 * At the other ends, with both gates held: both of the first lines, and
 *
 *	ipci_grow_write_front(g, head - 1, item, len);
 *	... commit ...
 *	ipci_grow_wrote_front(g);
 *
 *	ipci_grow_read_back(g, tail - 1, buf, size);
 *	... commit ...
 *	ipci_grow_took_back(g, tail - 1);
 */
#ifndef IPCI_GROW_H
#define IPCI_GROW_H

#include <stdbool.h>

#include "region.h"
#include "ring.h"

/*
 * Negative controls: nothing tells what put took, or what get left behind;
 * chunks are handed over before they are settled. The kill sweep must notice
 * (tests/kill).
 */
#ifdef IPCI_CONTROL_NO_TAKEN
#define IPCI_TAKEN(entry) ((entry)&0)
#else
#define IPCI_TAKEN(entry) (entry)
#endif
#ifdef IPCI_CONTROL_NO_LEAVING
#define IPCI_LEAVING 0
#else
#define IPCI_LEAVING 1
#endif
#ifdef IPCI_CONTROL_NO_SETTLED
#define IPCI_SETTLED 0
#else
#define IPCI_SETTLED 1
#endif

enum {
	IPCI_LEFT_MAX = 16,
};

/* the chunk of slots that one side is in */
struct ipci_lane {
	uint64_t first; /* index of its first slot */
	unsigned char *slots;
	uint32_t chunk;
	uint64_t turned; /* when that was so: see items.h */
};

/* one process's view. The lanes and what is below them: private memory, but
   guarded by the gate of their side. */
struct ipci_grow {
	const struct ipci_region *region;
	struct grow_shm *s;
	struct chunk_shm *table;
	unsigned char *chunks;
	uint32_t max;		 /* chunks that there can be */
	struct ipci_slots *ring; /* or NULL: the slots are in chunks */
	size_t item_size;	 /* bytes that an item may have */
	size_t direct;		 /* longer ones have their bytes elsewhere */
	size_t stride;
	uint64_t per_chunk; /* slots */
	uint64_t bias;	    /* added to places, for they may go below 0 */
	const struct side_shm *tails, *heads; /* of put, of get */

	struct ipci_lane put;
	uint64_t tail;	    /* where this put began */
	unsigned int takes; /* entries of taken, in this put */
	bool front;	    /* it is one at the front */

	struct ipci_lane get;
	uint32_t bytes_in;	   /* what is to be s->bytes_in */
	uint32_t found, found_run; /* where the long item that was found lies */
	uint64_t found_at;
	unsigned int lefts; /* more than there is room for: all */
	struct ipci_left {
		uint32_t chunk, n;
	} left[IPCI_LEFT_MAX];
};

/* ---- geometry ---- */

/* bytes of an item that lie in its slot; less than item_size: it may be long */
size_t ipci_grow_direct(uint64_t maxsize, size_t item_size);

/* whether such a queue needs chunks at all */
static inline bool ipci_grows(uint64_t maxsize, size_t item_size)
{
	return maxsize == 0 || ipci_grow_direct(maxsize, item_size) < item_size;
}

/* how many chunks there should be, and the fewest that are of any use */
uint32_t ipci_grow_chunks(uint64_t maxsize, size_t item_size);
#define IPCI_CHUNKS_MIN 16u

/* where the range ends that begins with the table at offset `at`, on a page;
   0: too large */
uint64_t ipci_grow_end(uint64_t at, uint64_t chunks);

/* of the queue q; s: in the part that is there from the beginning */
void ipci_grow_init(struct ipci_grow *g, const struct ipci_region *r,
		    const struct queue_shm *q, struct grow_shm *s, size_t at,
		    uint32_t chunks, size_t item_size, struct ipci_slots *ring,
		    size_t direct);

/* ---- put ---- */

/* K5: what those before us took and did not use */
void ipci_grow_settle(struct ipci_grow *g, uint64_t index);

/* what a lane says is true until the queue is turned (by anybody) */
static inline void ipci_grow_turn(struct ipci_grow *g, struct ipci_lane *lane,
				  uint64_t turned)
{
	if (lane->turned != turned) {
		lane->turned = turned;
		lane->first = 0 - g->per_chunk;
	}
}

static inline void ipci_grow_putting(struct ipci_grow *g, uint64_t tail,
				     uint64_t turned)
{
	ipci_grow_turn(g, &g->put, turned);
	g->takes = 0;
	g->tail = tail + g->bias;
	if (g->s->taken[0])
		ipci_grow_settle(g, g->tail);
}

/* the lane goes on to index: 0, or no memory, as below */
int ipci_grow_put_lane(struct ipci_grow *g, uint64_t index);

/* room for a long item's bytes: how far it is from the first chunk */
int64_t ipci_grow_place(struct ipci_grow *g, uint64_t index, size_t len);

static inline unsigned char *ipci_lane_slot(const struct ipci_grow *g,
					    const struct ipci_lane *lane,
					    uint64_t index)
{
	return lane->slots + (size_t)(index - lane->first) * g->stride;
}

/* a chunk that was taken in vain may be undone: look again, next time */
static inline int ipci_grow_failed(struct ipci_grow *g, int err)
{
	g->put.first = 0 - g->per_chunk;
	return err;
}

/*
 * P2: the item, not yet committed; len is at most item_size. 0, -ENOSPC (named)
 * or -ENOMEM: no memory for it; -ENOBUFS: enough for one put, commit first.
 */
static inline int ipci_grow_write(struct ipci_grow *g, uint64_t place,
				  const void *item, size_t len)
{
	uint64_t index = place + g->bias;
	struct slot_shm *slot;
	int64_t at;
	int err;

	if (g->ring) {
		slot = ipci_slot(g->ring, place);
	} else {
		if (index - g->put.first >= g->per_chunk) {
			err = ipci_grow_put_lane(g, index);
			if (err)
				return ipci_grow_failed(g, err);
		}
		slot = (struct slot_shm *)ipci_lane_slot(g, &g->put, index);
	}
	slot->len = (uint32_t)len;
	if (len > g->direct) {
		at = ipci_grow_place(g, index, len);
		if (at < 0)
			return ipci_grow_failed(g, (int)at);
		memcpy(slot->item, &at, sizeof(at));
		memcpy(g->chunks + at, item, len);
	} else if (len) {
		memcpy(slot->item, item, len);
	}
	return 0;
}

/* the same, in front of all others: K2 of items.h */
int ipci_grow_write_front(struct ipci_grow *g, uint64_t place, const void *item,
			  size_t len);
void ipci_grow_wrote_front(struct ipci_grow *g);

/* ---- get ---- */

/* all chunks that getters before us left behind and did not settle */
void ipci_grow_repair(struct ipci_grow *g, uint64_t index);

static inline void ipci_grow_getting(struct ipci_grow *g, uint64_t head,
				     uint64_t turned)
{
	ipci_grow_turn(g, &g->get, turned);
	if (g->s->leaving)
		ipci_grow_repair(g, head + g->bias);
	g->lefts = 0;
	g->bytes_in = g->s->bytes_in;
}

int ipci_grow_get_lane(struct ipci_grow *g, uint64_t index);

/* where the bytes of a long item are, or NULL: damaged */
const unsigned char *ipci_grow_bytes(struct ipci_grow *g,
				     const struct slot_shm *slot, size_t len);

/* the item's length, and where it lies; -EBADMSG */
static inline int ipci_grow_find(struct ipci_grow *g, uint64_t place,
				 const unsigned char **item)
{
	uint64_t index = place + g->bias;
	const struct slot_shm *slot;
	uint32_t len;
	int err;

	if (g->ring) {
		slot = ipci_slot(g->ring, place);
	} else {
		if (index - g->get.first >= g->per_chunk) {
			err = ipci_grow_get_lane(g, index);
			if (err)
				return err;
		}
		slot = (const struct slot_shm *)ipci_lane_slot(g, &g->get,
							       index);
	}
	len = *(const volatile uint32_t *)&slot->len; /* once, then checked */
	if (len > g->item_size)
		return -EBADMSG;
	g->found = 0;
	*item = slot->item;
	if (len > g->direct) {
		*item = ipci_grow_bytes(g, slot, len);
		if (!*item)
			return -EBADMSG;
	}
	return (int)len;
}

void ipci_grow_add_left(struct ipci_grow *g, uint32_t chunk, uint32_t n);
void ipci_grow_took_bytes(struct ipci_grow *g);

/* the item that was just found is to go */
static inline void ipci_grow_took(struct ipci_grow *g, uint64_t place)
{
	if (g->found)
		ipci_grow_took_bytes(g);
	if (!g->ring && place + g->bias - g->get.first == g->per_chunk - 1)
		ipci_grow_add_left(g, g->get.chunk, 1);
}

/* E2: as ipci_slot_read */
static inline int ipci_grow_copy(struct ipci_grow *g, uint64_t place, void *buf,
				 size_t size)
{
	const unsigned char *item = NULL;
	int len = ipci_grow_find(g, place, &item);

	if (len < 0)
		return len;
	if ((size_t)len > size)
		return -EMSGSIZE;
	if (len)
		memcpy(buf, item, (size_t)len);
	return len;
}

static inline int ipci_grow_read(struct ipci_grow *g, uint64_t place, void *buf,
				 size_t size)
{
	int len = ipci_grow_copy(g, place, buf, size);

	if (len >= 0)
		ipci_grow_took(g, place);
	return len;
}

int ipci_grow_read_back(struct ipci_grow *g, uint64_t place, void *buf,
			size_t size);

/* what it leaves empty is free at once */
void ipci_grow_took_back(struct ipci_grow *g, uint64_t place);

/* L1: before the commit */
static inline void ipci_grow_leave(struct ipci_grow *g)
{
	if (g->lefts)
		g->s->leaving = IPCI_LEAVING;
}

/* L2 .. L4 */
void ipci_grow_settle_left(struct ipci_grow *g, uint64_t index);

/* after it: to where the head is now */
static inline void ipci_grow_left(struct ipci_grow *g, uint64_t head)
{
	if (g->s->bytes_in != g->bytes_in)
		g->s->bytes_in = g->bytes_in;
	if (g->lefts)
		ipci_grow_settle_left(g, head + g->bias);
}

#endif
