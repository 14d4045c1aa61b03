/* SPDX-License-Identifier: MIT */
/*
 * pool.h - the items of a LIFO or priority queue
 *
 * struct pool_shm in layout.h has the slots, the table, and what a death
 * leaves. Whoever is in the gate of a side comes in here before it writes or
 * takes an item, and goes after it has committed:
 *
 *	r = ipci_pool_enter(self, p, deadline);
 *	ipci_pool_write(p, put.index + k, ...)     k = 0, 1, ...
 *	... commit ...
 *	ipci_pool_leave(self, p, true);
 *
 * Numbers of slots that come from shared memory are checked before they are
 * used, and no loop is longer than the pool: no value in it leads outside.
 */
#ifndef IPCI_POOL_H
#define IPCI_POOL_H

#include "gate.h"
#include "region.h"

struct ipci_pool {
	struct ipci_gate gate;
	struct pool_shm *s;
	const struct side_shm *put;
	const struct side_shm *get;
	uint32_t *table;
	unsigned char *slots;
	size_t stride;
	uint64_t maxsize;
	size_t item_size;
	bool lifo; /* or by priority */

	/* where memory comes with the items; else region is NULL */
	const struct ipci_region *region;
	uint64_t step; /* slots that get it at a time; 0: each as it needs */
	uint64_t keep; /* slots that keep it ... */
	size_t trim;   /* ... for so many bytes of an item */
};

/* bytes that table and slots need; 0: more than can be */
uint64_t ipci_pool_bytes(uint64_t maxsize, size_t item_size);

/* base: that many bytes, a multiple of 64 from the beginning of a page */
void ipci_pool_init(struct ipci_pool *p, struct queue_shm *s,
		    unsigned char *base, uint64_t maxsize, size_t item_size,
		    bool lifo);

/* whether its memory had better come with the items */
bool ipci_pool_grows(uint64_t maxsize, size_t item_size);

/* how many items fit into so many bytes */
uint64_t ipci_pool_fit(uint64_t bytes, size_t item_size);

/* memory comes with the items: base lies in the body of r, on a page */
void ipci_pool_grow(struct ipci_pool *p, const struct ipci_region *r);

/* B1, B2: 0, -ETIMEDOUT, or -EBADMSG: nothing is held */
int ipci_pool_enter(struct ipci_self *self, const struct ipci_pool *p,
		    int64_t deadline);

/* B5, B6. all: what was written or taken was committed; else the next one
   makes the table anew. */
void ipci_pool_leave(struct ipci_self *self, const struct ipci_pool *p,
		     bool all);

/*
 * B3, B4: the item that waits once put.index is more than index; all from
 * put.index on, one after another. len is at most item_size. 0 or -EBADMSG;
 * -ENOSPC (named) or -ENOMEM: no memory for it.
 */
int ipci_pool_write(const struct ipci_pool *p, uint64_t index, const void *item,
		    size_t len, int64_t priority);

/*
 * B7: the item that is gone once get.index is more than index; all from
 * get.index on, one after another. Its length; or nothing happened: -EMSGSIZE,
 * it is longer than size, or -EBADMSG.
 */
int ipci_pool_take(const struct ipci_pool *p, uint64_t index, void *buf,
		   size_t size);

#endif
