/* SPDX-License-Identifier: MIT */
/*
 * peer_boost.c - Boost: Lockfree's queue and spsc_queue, which spin; and
 * Interprocess's message_queue, which sleeps. See boost.cc.
 */
#include <unistd.h>

#include "bench.h"
#include "boost.h"
#include "peers.h"

#ifdef HAVE_LOCKFREE

struct handle {
	void *ring;
	size_t bytes;
};

static void *ring_open(void *(*make)(size_t, void *(*)(size_t), size_t *),
		       size_t len)
{
	struct handle *h = malloc(sizeof(*h));

	if (!h)
		fail("no memory");
	h->ring = make(len, share, &h->bytes);
	if (h->ring)
		return h;
	free(h);
	return NULL;
}

static void *queue_open(size_t len)
{
	return ring_open(boost_queue_make, len);
}

static void *spsc_open(size_t len)
{
	return ring_open(boost_spsc_make, len);
}

static void ring_close(void *t)
{
	struct handle *h = t;

	give_back(h->ring, h->bytes);
	free(h);
}

static int ring_put(void *t, const void *item, size_t len)
{
	struct handle *h = t;
	struct backoff b = {0};

	(void)len;
	while (!boost_try_put(h->ring, item))
		back_off(&b);
	return 0;
}

static int ring_get(void *t, void *buf, size_t size)
{
	struct handle *h = t;
	struct backoff b = {0};

	while (!boost_try_get(h->ring, buf))
		back_off(&b);
	return (int)size;
}

#define HAS_RING(kind)                                                         \
	.open = kind##_open, .close = ring_close, .put = ring_put,             \
	.get = ring_get
#else
#define HAS_RING(kind) .open = NULL
#endif

const struct transport boost_queue = {
	.name = "Boost.Lockfree queue",
	.package = "libboost-dev",
	.spins = true,
	HAS_RING(queue),
};

const struct transport boost_spsc = {
	.name = "Boost.Lockfree spsc_queue",
	.package = "libboost-dev",
	.spins = true,
	HAS_RING(spsc),
};

#ifdef HAVE_INTERPROCESS
static void *mq_open(size_t len)
{
	static int made;
	char name[48];

	snprintf(name, sizeof(name), "libipc-bench-%d-%d", (int)getpid(),
		 made++);
	return boost_mq_open(name, len, DEPTH);
}
#define HAS_MQ                                                                 \
	.open = mq_open, .close = boost_mq_close, .put = boost_mq_put,         \
	.get = boost_mq_get
#else
#define HAS_MQ .open = NULL
#endif

const struct transport boost_mq = {
	.name = "Boost.Interprocess mq",
	.package = "libboost-dev",
	HAS_MQ,
};
