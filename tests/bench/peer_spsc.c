/* SPDX-License-Identifier: MIT */
/*
 * peer_spsc.c - the fastest ring for one producer and one consumer: each side
 * remembers the other's index. Nobody sleeps: who has to wait spins, and
 * yields after a while.
 */
#include <string.h>

#include "bench.h"

struct ring {
	_Alignas(LINE) _Atomic uint64_t tail;
	uint64_t head_seen;
	_Alignas(LINE) _Atomic uint64_t head;
	uint64_t tail_seen;
	_Alignas(LINE) size_t len;
	size_t bytes;
	_Alignas(LINE) char slots[];
};

static void *ring_open(size_t len)
{
	size_t bytes = sizeof(struct ring) + DEPTH * len;
	struct ring *r = share(bytes);

	r->len = len;
	r->bytes = bytes;
	return r;
}

static void ring_close(void *t)
{
	give_back(t, ((struct ring *)t)->bytes);
}

static int put(void *t, const void *item, size_t len)
{
	struct ring *r = t;
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	struct backoff b = {0};

	while (tail - r->head_seen == DEPTH) {
		r->head_seen =
			atomic_load_explicit(&r->head, memory_order_acquire);
		if (tail - r->head_seen == DEPTH)
			back_off(&b);
	}
	memcpy(r->slots + tail % DEPTH * r->len, item, len);
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	return 0;
}

static int get(void *t, void *buf, size_t size)
{
	struct ring *r = t;
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	struct backoff b = {0};

	while (head == r->tail_seen) {
		r->tail_seen =
			atomic_load_explicit(&r->tail, memory_order_acquire);
		if (head == r->tail_seen)
			back_off(&b);
	}
	memcpy(buf, r->slots + head % DEPTH * r->len, size);
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return (int)size;
}

const struct transport spsc_ring = {
	.name = "SPSC ring",
	.spins = true,
	.open = ring_open,
	.close = ring_close,
	.put = put,
	.get = get,
};
