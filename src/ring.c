/* SPDX-License-Identifier: MIT */
/*
 * ring.c - sizes, and the copies that wrap
 */
#include "ring.h"

/* the smallest power of two that is at least n; n is at most 2^62 */
static uint64_t power_of_two(uint64_t n)
{
	uint64_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

/* lengths lie at multiples of 8; item_size is at most UINT32_MAX */
static uint64_t stride_for(size_t item_size)
{
	return (offsetof(struct slot_shm, item) + (uint64_t)item_size + 7) &
	       ~UINT64_C(7);
}

uint64_t ipci_slots_bytes(uint64_t maxsize, size_t item_size)
{
	uint64_t slots, stride;

	if (maxsize == 0 || maxsize > UINT64_C(1) << 62 ||
	    item_size > UINT32_MAX)
		return 0;
	stride = stride_for(item_size);
	slots = power_of_two(maxsize);
	return slots > INT64_MAX / stride ? 0 : slots * stride;
}

void ipci_slots_init(struct ipci_slots *r, unsigned char *base,
		     uint64_t maxsize, size_t item_size)
{
	r->base = base;
	r->mask = power_of_two(maxsize) - 1;
	r->stride = (size_t)stride_for(item_size);
	r->maxsize = maxsize;
	r->item_size = item_size;
}

uint64_t ipci_bytes_for(uint64_t len)
{
	uint64_t need = len > UINT64_C(1) << 61 ? 0 : ipci_record_bytes(len);

	if (!need)
		return 0;
	return power_of_two(need < 64 ? 64 : need);
}

/* ---- where it goes on at the beginning ---- */

void ipci_bytes_write_around(const struct ipci_bytes *r, uint64_t at,
			     const void *data, size_t len)
{
	size_t first = (size_t)(r->size - at);

	memcpy(r->base + at, data, first);
	memcpy(r->base, (const unsigned char *)data + first, len - first);
}

void ipci_bytes_read_around(const struct ipci_bytes *r, uint64_t at, void *data,
			    size_t len)
{
	size_t first = (size_t)(r->size - at);

	memcpy(data, r->base + at, first);
	memcpy((unsigned char *)data + first, r->base, len - first);
}
