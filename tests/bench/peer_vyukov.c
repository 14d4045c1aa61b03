/* SPDX-License-Identifier: MIT */
/*
 * peer_vyukov.c - Dmitry Vyukov's bounded MPMC ring: a sequence number in each
 * slot says whose turn it is. Nobody sleeps: who has to wait spins, and yields
 * after a while. A producer that is killed in the middle stops all.
 */
#include <string.h>

#include "bench.h"

struct slot {
	_Atomic uint64_t turn;
	char item[];
};

struct ring {
	_Alignas(LINE) _Atomic uint64_t tail;
	_Alignas(LINE) _Atomic uint64_t head;
	_Alignas(LINE) size_t len;
	size_t stride, bytes;
	_Alignas(LINE) char slots[];
};

static struct slot *slot_of(struct ring *r, uint64_t i)
{
	return (struct slot *)(r->slots + i % DEPTH * r->stride);
}

static void *ring_open(size_t len)
{
	size_t stride = (sizeof(struct slot) + len + 7) / 8 * 8;
	size_t bytes = sizeof(struct ring) + DEPTH * stride;
	struct ring *r = share(bytes);

	r->len = len;
	r->stride = stride;
	r->bytes = bytes;
	for (uint64_t i = 0; i < DEPTH; i++)
		atomic_init(&slot_of(r, i)->turn, i);
	return r;
}

static void ring_close(void *t)
{
	give_back(t, ((struct ring *)t)->bytes);
}

/* the slot that is ours now; it has the turn `i + ahead` */
static struct slot *claim(struct ring *r, _Atomic uint64_t *end, uint64_t ahead,
			  uint64_t *i)
{
	struct backoff b = {0};

	*i = atomic_load_explicit(end, memory_order_relaxed);
	for (;;) {
		struct slot *s = slot_of(r, *i);
		uint64_t turn =
			atomic_load_explicit(&s->turn, memory_order_acquire);
		int64_t diff = (int64_t)(turn - (*i + ahead));

		if (diff == 0 && atomic_compare_exchange_weak_explicit(
					 end, i, *i + 1, memory_order_relaxed,
					 memory_order_relaxed))
			return s;
		if (diff < 0)
			back_off(&b);
		if (diff != 0)
			*i = atomic_load_explicit(end, memory_order_relaxed);
	}
}

static int put(void *t, const void *item, size_t len)
{
	struct ring *r = t;
	uint64_t i;
	struct slot *s = claim(r, &r->tail, 0, &i);

	memcpy(s->item, item, len);
	atomic_store_explicit(&s->turn, i + 1, memory_order_release);
	return 0;
}

static int get(void *t, void *buf, size_t size)
{
	struct ring *r = t;
	uint64_t i;
	struct slot *s = claim(r, &r->head, 1, &i);

	memcpy(buf, s->item, size);
	atomic_store_explicit(&s->turn, i + DEPTH, memory_order_release);
	return (int)size;
}

const struct transport vyukov_ring = {
	.name = "Vyukov MPMC ring",
	.spins = true,
	.open = ring_open,
	.close = ring_close,
	.put = put,
	.get = get,
};
