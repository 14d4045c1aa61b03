/* SPDX-License-Identifier: MIT */
/*
 * grow_util.h - items of many lengths that can be told apart, and how much
 * memory a queue has, seen from outside
 */
#ifndef LIBIPC_TESTS_GROW_UTIL_H
#define LIBIPC_TESTS_GROW_UTIL_H

#include "queue_util.h"

#include <sys/stat.h>

enum {
	KIB = 1024,
	MIB = 1024 * KIB,
};

/* ------------------------------------------------------------------- items */

/* the bytes of item `number` */
static inline void fill_item(unsigned char *item, size_t len, uint32_t number)
{
	uint32_t x = number * 2654435761u + (uint32_t)len;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		item[i] = (unsigned char)(x >> 24);
	}
}

static inline bool is_item(const unsigned char *item, size_t len,
			   uint32_t number)
{
	uint32_t x = number * 2654435761u + (uint32_t)len;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		if (item[i] != (unsigned char)(x >> 24))
			return false;
	}
	return true;
}

/* lengths in no order, most of them short, from 0 to limit */
static inline size_t some_length(uint32_t number, size_t limit)
{
	uint32_t x = number * 2246822519u + 3266489917u;
	size_t most = (size_t)1 << ((x >> 16) % 21);

	x ^= x >> 15;
	return x % ((most < limit ? most : limit) + 1);
}

static inline int put_item(struct ipc_queue *q, unsigned char *room, size_t len,
			   uint32_t number)
{
	fill_item(room, len, number);
	return ipc_queue_put(q, room, len, 0);
}

static inline bool got_item(struct ipc_queue *q, unsigned char *room,
			    size_t size, size_t len, uint32_t number)
{
	memset(room, 0, len);
	return ipc_queue_get(q, room, size, 0) == (int)len &&
	       is_item(room, len, number);
}

/* ------------------------------------------------------------------ memory */

/* bytes that this process has, shared ones included; with a sanitizer, which
   keeps an account of each of them and does not give it back, only those */
static inline long resident(void)
{
	bool own = under_sanitizer();
	FILE *f = fopen(own ? "/proc/self/status" : "/proc/self/smaps_rollup",
			"re");
	char line[256];
	long kib = -1;

	while (f && kib < 0 && fgets(line, sizeof(line), f))
		sscanf(line, own ? "RssShmem: %ld" : "Rss: %ld", &kib);
	if (f)
		fclose(f);
	return kib < 0 ? -1 : kib * KIB;
}

/* bytes of /dev/shm that the object of that name takes */
static inline long stored(const char *name)
{
	char path[80];
	struct stat st;

	snprintf(path, sizeof(path), "/dev/shm%s", name);
	return stat(path, &st) ? -1 : (long)st.st_blocks * 512;
}

static inline struct ipc_queue *new_named(const char *name, size_t maxsize,
					  size_t item_size)
{
	const struct ipc_queue_opts opts = {.maxsize = maxsize,
					    .item_size = item_size};
	struct ipc_queue *q = NULL;

	assert_int_equal(ipc_queue_create(&q, name, &opts), 0);
	return q;
}

#endif
