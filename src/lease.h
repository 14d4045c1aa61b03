/* SPDX-License-Identifier: MIT */
/*
 * lease.h - the table of tasks that were got and are not done
 *
 * layout.h (leases_shm) says what the states of a lease are and what each death
 * leaves. All of this is called with the lease gate held; nothing here waits,
 * wakes, or moves an index. Whatever stands in shared memory is checked against
 * the geometry, which is private.
 */
#ifndef IPCI_LEASE_H
#define IPCI_LEASE_H

#include <stdbool.h>
#include <string.h>

#include "region.h"

enum {
	IPCI_LEASES_MAX = 1 << 20, /* a ticket has 20 bits for it */
	IPCI_LEASE_DENSE = 4096,   /* longer items get memory one by one */
};

#define IPCI_NO_LEASE UINT32_MAX

struct ipci_leases {
	struct ipci_region *region;
	struct leases_shm *s;
	struct lease_shm *lease;
	unsigned char *items;
	size_t stride;	  /* bytes from one item to the next */
	size_t item_size; /* bytes that an item may have */
	uint32_t max;	  /* leases that there can be */
};

/* bytes of both tables behind the slots, for leases of that many bytes */
uint64_t ipci_leases_bytes(uint64_t maxsize, size_t item_size);

/* at offset in the region's body, a multiple of the page size */
void ipci_leases_init(struct ipci_leases *l, struct ipci_region *r,
		      struct leases_shm *s, size_t offset, uint64_t maxsize,
		      size_t item_size);

/* L5: at create; 0, -ENOSPC, -ENOMEM */
int ipci_leases_prepare(struct ipci_leases *l);

/* where the table stands: the two indexes that give the words their meaning */
struct ipci_when {
	uint64_t got;  /* get.index */
	uint64_t done; /* done.index */
};

/* the item's length; -EMSGSIZE, -EBADMSG as ipci_slot_read */
int ipci_lease_read(const struct ipci_leases *l, uint32_t i, void *buf,
		    size_t size);

/* the oldest that waits again, or is set aside; -1: none */
int ipci_lease_again(const struct ipci_leases *l, struct ipci_when when);
int ipci_lease_failed(const struct ipci_leases *l, struct ipci_when when);

/* how many are in such a state, from the leases themselves */
uint32_t ipci_lease_count(const struct ipci_leases *l, struct ipci_when when,
			  bool (*is)(const struct lease_shm *, struct ipci_when,
				     const void *),
			  const void *arg);

/* states to ask for */
bool ipci_lease_waits_again(const struct lease_shm *x, struct ipci_when when);
bool ipci_lease_set_aside(const struct lease_shm *x, struct ipci_when when);

/* T7: it goes to row, as one delivery more */
void ipci_lease_renew(struct ipci_leases *l, uint32_t i, uint32_t row);

/* X2: what row held waits again; how many that were */
uint32_t ipci_lease_revoke(struct ipci_leases *l, uint32_t row,
			   struct ipci_when when);

/* one that waits again and was delivered that often; -1: none */
int ipci_lease_exhausted(const struct ipci_leases *l, uint32_t max_attempts,
			 struct ipci_when when);

/*
 * The repair: all words of the table that can be known from the leases, made
 * anew; held[row] for rows of them. May be killed and run again.
 */
void ipci_leases_repair(struct ipci_leases *l, struct ipci_when when,
			struct worker_shm *row, uint32_t rows);

/* ---- one lease ---- */

static inline uint32_t ipci_lease_row(const struct lease_shm *x)
{
	return (uint32_t)x->owner - 1; /* UINT32_MAX: nobody's */
}

static inline uint32_t ipci_lease_attempts(const struct lease_shm *x)
{
	return (uint32_t)(x->owner >> 32);
}

static inline unsigned char *ipci_lease_item(const struct ipci_leases *l,
					     uint32_t i)
{
	return l->items + (size_t)i * l->stride;
}

/* leases in use so far; more than there can be is damage */
static inline uint32_t ipci_leases_in_use(const struct ipci_leases *l)
{
	uint32_t n = *(volatile uint32_t *)&l->s->fresh;

	return n < l->max ? n : l->max;
}

/* index a is before b; both go on for ever */
static inline bool ipci_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

/* a negative control (gate.h): a stamp counts as soon as it is written, whether
   its index came to be moved or not */
#ifdef IPCI_CONTROL_NO_STAMPS
#define IPCI_STAMPED(reached) ((void)(reached), true)
#else
#define IPCI_STAMPED(reached) (reached)
#endif

static inline bool ipci_lease_committed(const struct lease_shm *x,
					struct ipci_when when)
{
	return x->born != IPCI_LEASE_NONE &&
	       IPCI_STAMPED(ipci_before(x->born, when.got));
}

static inline bool ipci_lease_gone(const struct lease_shm *x,
				   struct ipci_when when)
{
	return x->gone != IPCI_LEASE_NONE &&
	       IPCI_STAMPED(ipci_before(x->gone, when.done));
}

/* held, or waiting again */
static inline bool ipci_lease_open(const struct lease_shm *x,
				   struct ipci_when when)
{
	return ipci_lease_committed(x, when) && !ipci_lease_gone(x, when);
}

/*
 * A ticket names one delivery of one task: attempts:8 | born:36 | lease:20, so
 * that an old one cannot be taken for another.
 */
static inline uint64_t ipci_ticket(uint32_t attempts, uint64_t born, uint32_t i)
{
	return (uint64_t)attempts << 56 | (born & UINT64_C(0xfffffffff)) << 20 |
	       i;
}

static inline uint64_t ipci_ticket_of(const struct lease_shm *x, uint32_t i)
{
	return ipci_ticket(ipci_lease_attempts(x), x->born, i);
}

static inline uint64_t ipci_lease_ticket(const struct ipci_leases *l,
					 uint32_t i)
{
	return ipci_ticket_of(&l->lease[i], i);
}

/* the lease that the ticket names and that is held, or -1 */
static inline int ipci_lease_of_ticket(const struct ipci_leases *l,
				       uint64_t ticket, struct ipci_when when)
{
	uint32_t i = ticket & (IPCI_LEASES_MAX - 1);
	const struct lease_shm *x = &l->lease[i];

	if (i >= ipci_leases_in_use(l) || !ipci_lease_open(x, when) ||
	    (uint32_t)x->owner == 0 || ipci_lease_ticket(l, i) != ticket)
		return -1;
	return (int)i;
}

/* the lease that the ticket names and that is row's: it is not done, or marked;
   who moves done.index for it frees it before he is out again (D6) */
static inline uint32_t ipci_lease_of_row(const struct ipci_leases *l,
					 uint64_t ticket, uint32_t row)
{
	uint32_t i = ticket & (IPCI_LEASES_MAX - 1);

	if (i >= ipci_leases_in_use(l) || ipci_lease_row(&l->lease[i]) != row ||
	    ipci_lease_ticket(l, i) != ticket)
		return IPCI_NO_LEASE;
	return i;
}

/* ---- take and free ---- */

/* one that was never used, now the first free one; or -ENOBUFS, -ENOSPC */
int ipci_lease_fresh(struct ipci_leases *l);

/* memory for len bytes of i; if there is none, another lease that is free and
   has it, now the first free one. Which, or -ENOSPC. */
int ipci_lease_make_room(struct ipci_leases *l, uint32_t i, size_t len);

/* L5: before an item of len bytes is put, within the put gate: 0, -ENOSPC */
int ipci_lease_promise_slow(struct ipci_leases *l, size_t len);

static inline int ipci_lease_promise(struct ipci_leases *l, size_t len)
{
	return len > atomic_load_explicit(&l->s->promised, memory_order_relaxed)
		       ? ipci_lease_promise_slow(l, len)
		       : 0;
}

/* it stays where it is until it is used */
static inline int ipci_lease_pick(struct ipci_leases *l)
{
	uint32_t i = *(volatile uint32_t *)&l->s->free - 1;

	return i < ipci_leases_in_use(l) ? (int)i : ipci_lease_fresh(l);
}

/* a lease that nothing names, with room: it is row's, from index born */
IPCI_INLINE void ipci_lease_fill(const struct ipci_leases *l, uint32_t i,
				 uint32_t row, uint64_t born, const void *item,
				 size_t len)
{
	struct lease_shm *x = &l->lease[i];

	x->gone = IPCI_LEASE_NONE;
	x->owner = UINT64_C(1) << 32 | (row + 1);
	x->len = (uint32_t)len;
	x->born = born;
	if (len)
		memcpy(ipci_lease_item(l, i), item, len);
}

static inline bool ipci_lease_has_room(const struct ipci_leases *l, uint32_t i,
				       size_t len)
{
	return len <= *(volatile uint32_t *)&l->lease[i].room;
}

/*
 * T2: a lease for an item of len bytes, at most item_size, that row takes from
 * index born: its number, or -ENOBUFS: too many tasks are held, -ENOSPC: no
 * memory.
 */
IPCI_INLINE int ipci_lease_take(struct ipci_leases *l, uint32_t row,
				uint64_t born, const void *item, size_t len)
{
	int i = ipci_lease_pick(l);

	if (i >= 0 && !ipci_lease_has_room(l, (uint32_t)i, len))
		i = ipci_lease_make_room(l, (uint32_t)i, len);
	if (i < 0)
		return i;
	if (l->s->free == (uint32_t)i + 1)
		l->s->free = l->lease[i].next;
	ipci_lease_fill(l, (uint32_t)i, row, born, item, len);
	return i;
}

/* the lease is free again, for whatever reason */
static inline void ipci_lease_free(struct ipci_leases *l, uint32_t i)
{
	l->lease[i].born = IPCI_LEASE_NONE;
	l->lease[i].next = l->s->free;
	l->s->free = i + 1;
}

#endif
