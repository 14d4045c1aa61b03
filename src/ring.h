/* SPDX-License-Identifier: MIT */
/*
 * ring.h - index arithmetic and copies; no lock, no wait, no system call
 *
 * Two rings: slots of one size, for the queue, and bytes, for the pipe. Their
 * geometry is in private memory and was checked when it was made: whatever an
 * index or a length says, no access leaves the ring.
 *
 * Indexes count for ever and are masked on use; differences are right across
 * the wrap of 64 bits, too.
 */
#ifndef IPCI_RING_H
#define IPCI_RING_H

#include <errno.h>
#include <string.h>

#include "layout.h"

static inline uint64_t ipci_index(const struct side_shm *side)
{
	return atomic_load_explicit(&side->index, memory_order_seq_cst);
}

/* how far one index is ahead of another: exact at one moment, for the one
   behind was the same before and after the one ahead was read */
static inline uint64_t ipci_distance(const struct side_shm *ahead,
				     const struct side_shm *behind)
{
	uint64_t b, a, again;

	again = ipci_index(behind);
	do {
		b = again;
		a = ipci_index(ahead);
		again = ipci_index(behind);
	} while (again != b);
	return a - b;
}

/* ---- slots ---- */

struct ipci_slots {
	unsigned char *base;
	uint64_t mask;	  /* number of slots, a power of two, minus one */
	size_t stride;	  /* bytes from one slot to the next */
	uint64_t maxsize; /* items that may wait, at most the slots */
	size_t item_size; /* bytes that an item may have */
};

/* bytes that the slots need; 0: more than can be */
uint64_t ipci_slots_bytes(uint64_t maxsize, size_t item_size);

void ipci_slots_init(struct ipci_slots *r, unsigned char *base,
		     uint64_t maxsize, size_t item_size);

/* negative control: an index that is taken as it is; the fuzzer must notice */
#ifdef IPCI_CONTROL_NO_MASK
#define IPCI_MASKED(index, mask) (index)
#else
#define IPCI_MASKED(index, mask) ((index) & (mask))
#endif

IPCI_INLINE struct slot_shm *ipci_slot(const struct ipci_slots *r,
				       uint64_t index)
{
	return (struct slot_shm *)(r->base +
				   IPCI_MASKED(index, r->mask) * r->stride);
}

/* the item at that index is committed, and n - 1 more */
IPCI_INLINE void ipci_slot_stamp(const struct ipci_slots *r, uint64_t index,
				 uint64_t n)
{
	/* release: after the commit, which it tells of */
	atomic_store_explicit(&ipci_slot(r, index)->stamp,
			      (uint32_t)(index + n), memory_order_release);
}

/* how many from index on are committed, as its slot knows: fewer, or 0, than
   there are */
static inline uint64_t ipci_slot_stamped(const struct ipci_slots *r,
					 uint64_t index)
{
	/* acquire: pairs with the release there, so the slots are ours */
	uint32_t n = atomic_load_explicit(&ipci_slot(r, index)->stamp,
					  memory_order_acquire) -
		     (uint32_t)index;

	return n <= r->maxsize && r->mask < INT32_MAX ? n : 0;
}

/* len is at most item_size */
IPCI_INLINE void ipci_slot_write(const struct ipci_slots *r, uint64_t index,
				 const void *item, size_t len)
{
	struct slot_shm *s = ipci_slot(r, index);

	s->len = (uint32_t)len;
	atomic_store_explicit(&s->stamp, (uint32_t)index, memory_order_relaxed);
	if (len)
		memcpy(s->item, item, len);
}

/* the item's length, or -EBADMSG, or -EMSGSIZE when it is longer than size */
IPCI_INLINE int ipci_slot_read(const struct ipci_slots *r, uint64_t index,
			       void *buf, size_t size)
{
	struct slot_shm *s = ipci_slot(r, index);
	uint32_t len = *(volatile uint32_t *)&s->len; /* once, then checked */

	if (len > r->item_size)
		return -EBADMSG;
	if (len > size)
		return -EMSGSIZE;
	if (len)
		memcpy(buf, s->item, len);
	return (int)len;
}

/* ---- bytes ---- */

struct ipci_bytes {
	unsigned char *base;
	uint64_t size; /* a power of two, at least 64 */
};

/* the smallest ring that takes a record of len bytes whole; 0: none can */
uint64_t ipci_bytes_for(uint64_t len);

/* of len bytes from offset at on, more than there are before the end */
void ipci_bytes_write_around(const struct ipci_bytes *r, uint64_t at,
			     const void *data, size_t len);
void ipci_bytes_read_around(const struct ipci_bytes *r, uint64_t at, void *data,
			    size_t len);

/* copies that go on at the beginning when they come to the end; len is at most
   the ring's size */
static inline void ipci_bytes_write(const struct ipci_bytes *r, uint64_t index,
				    const void *data, size_t len)
{
	uint64_t at = index & (r->size - 1);

	if (len > r->size - at)
		ipci_bytes_write_around(r, at, data, len);
	else if (len)
		memcpy(r->base + at, data, len);
}

static inline void ipci_bytes_read(const struct ipci_bytes *r, uint64_t index,
				   void *data, size_t len)
{
	uint64_t at = index & (r->size - 1);

	if (len > r->size - at)
		ipci_bytes_read_around(r, at, data, len);
	else if (len)
		memcpy(data, r->base + at, len);
}

/* what a record takes in the ring */
static inline uint64_t ipci_record_bytes(uint64_t len)
{
	return 8 + ((len + 7) & ~UINT64_C(7));
}

/* index is a multiple of 8, so a record's first word is in one piece */
static inline void ipci_record_begin(const struct ipci_bytes *r, uint64_t index,
				     enum ipci_record kind, uint32_t len)
{
	uint64_t word = (uint64_t)kind << 32 | len;

	memcpy(r->base + (index & (r->size - 1) & ~UINT64_C(7)), &word, 8);
}

static inline uint64_t ipci_record_word(const struct ipci_bytes *r,
					uint64_t index)
{
	uint64_t word;

	memcpy(&word, r->base + (index & (r->size - 1) & ~UINT64_C(7)), 8);
	return word;
}

#endif
