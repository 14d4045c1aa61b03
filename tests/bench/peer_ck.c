/* SPDX-License-Identifier: MIT */
/*
 * peer_ck.c - Concurrency Kit's ring, for one producer and one consumer and
 * for many. Who finds no room, or no message, spins, and yields after a while;
 * so does a producer that waits for another one, where Concurrency Kit would
 * only spin. A producer that is killed in the middle stops all.
 */
#include "bench.h"
#include "peers.h"

#ifdef HAVE_CK
#include <sched.h>

#include <ck_pr.h>

static void stall(void);
#define ck_pr_stall stall
#include <ck_ring.h>
#undef ck_pr_stall

static void stall(void)
{
	static unsigned int stalls;

	if (++stalls % 128 == 0)
		sched_yield();
	else
		relax();
}

struct ring {
	struct ck_ring ring;
	size_t bytes;
	_Alignas(LINE) char slots[];
};

static void *ring_open(size_t len)
{
	size_t bytes = sizeof(struct ring) + DEPTH * len;
	struct ring *r = share(bytes);

	ck_ring_init(&r->ring, DEPTH);
	r->bytes = bytes;
	return r;
}

static void ring_close(void *t)
{
	give_back(t, ((struct ring *)t)->bytes);
}

/* a message as a type, as the macros of Concurrency Kit have it */
struct m8 {
	char bytes[8];
};
struct m64 {
	char bytes[64];
};
struct m1024 {
	char bytes[1024];
};
CK_RING_PROTOTYPE(m8, m8)
CK_RING_PROTOTYPE(m64, m64)
CK_RING_PROTOTYPE(m1024, m1024)

#define RING &r->ring, (void *)r->slots
#define TRY(call, arg)                                                         \
	(len == 8      ? call##_m8(RING, arg)                                  \
	 : len == 64   ? call##_m64(RING, arg)                                 \
	 : len == 1024 ? call##_m1024(RING, arg)                               \
		       : wrong_length(len))

static bool wrong_length(size_t len)
{
	fail("ck_ring: no messages of %zu bytes", len);
}

static int spsc_put(void *t, const void *item, size_t len)
{
	struct ring *r = t;
	struct backoff b = {0};

	while (!TRY(ck_ring_enqueue_spsc, (void *)(uintptr_t)item))
		back_off(&b);
	return 0;
}

static int spsc_get(void *t, void *buf, size_t len)
{
	struct ring *r = t;
	struct backoff b = {0};

	while (!TRY(ck_ring_dequeue_spsc, buf))
		back_off(&b);
	return (int)len;
}

static int mpmc_put(void *t, const void *item, size_t len)
{
	struct ring *r = t;
	struct backoff b = {0};

	while (!TRY(ck_ring_enqueue_mpmc, (void *)(uintptr_t)item))
		back_off(&b);
	return 0;
}

static int mpmc_get(void *t, void *buf, size_t len)
{
	struct ring *r = t;
	struct backoff b = {0};

	while (!TRY(ck_ring_dequeue_mpmc, buf))
		back_off(&b);
	return (int)len;
}

#define HAS_RING(end)                                                          \
	.open = ring_open, .close = ring_close, .put = end##_put,              \
	.get = end##_get
#else
#define HAS_RING(end) .open = NULL
#endif

const struct transport ck_spsc = {
	.name = "ck_ring SPSC",
	.package = "libck-dev",
	.spins = true,
	HAS_RING(spsc),
};

const struct transport ck_mpmc = {
	.name = "ck_ring MPMC",
	.package = "libck-dev",
	.spins = true,
	HAS_RING(mpmc),
};
