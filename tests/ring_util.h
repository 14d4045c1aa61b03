/* SPDX-License-Identifier: MIT */
/*
 * ring_util.h - memory in which one byte too far is a fault
 */
#ifndef LIBIPC_TESTS_RING_UTIL_H
#define LIBIPC_TESTS_RING_UTIL_H

#include "harness.h"
#include "ring.h"

#include <limits.h>
#include <sys/mman.h>

struct fence {
	unsigned char *map;
	size_t map_size;
};

/*
 * size bytes that end where a page begins that nobody may touch, or, at_start,
 * that begin where such a page ends
 */
static inline unsigned char *fence_make(struct fence *f, size_t size,
					bool at_start)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t inner = (size + page - 1) / page * page;

	f->map_size = inner + 2 * page;
	f->map = mmap(NULL, f->map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	assert_ptr_not_equal(f->map, MAP_FAILED);
	assert_int_equal(mprotect(f->map + page, inner, PROT_READ | PROT_WRITE),
			 0);
	return f->map + page + (at_start ? 0 : inner - size);
}

static inline void fence_free(struct fence *f)
{
	munmap(f->map, f->map_size);
}

/* where indexes are interesting: at zero, around 2^32, around 2^64 */
static const uint64_t ring_origins[] = {0, (UINT64_C(1) << 32) - 64,
					UINT64_MAX - 63};
#define RING_ORIGINS (sizeof(ring_origins) / sizeof(ring_origins[0]))

/* byte k of the item with that index and length; no two look the same */
static inline unsigned char pattern(uint64_t index, size_t len, size_t k)
{
	return (unsigned char)(index * 31 + len * 7 + k * 3 + 1);
}

#endif
