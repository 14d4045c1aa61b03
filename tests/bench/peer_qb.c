/* SPDX-License-Identifier: MIT */
/*
 * peer_qb.c - libqb's ring buffer, for one producer and one consumer. get
 * sleeps in a semaphore; a put that finds no room is only refused, so it spins
 * and yields after a while.
 */
#include "bench.h"
#include "peers.h"

#ifdef HAVE_QB
#include <errno.h>
#include <unistd.h>

#include <qb/qbrb.h>

/* a chunk has 8 bytes before it and 4 behind */
static void *ring_open(size_t len)
{
	static int made;
	char name[48];

	snprintf(name, sizeof(name), "libipc-bench-%d-%d", (int)getpid(),
		 made++);
	return qb_rb_open(name, DEPTH * (len + 12),
			  QB_RB_FLAG_CREATE | QB_RB_FLAG_SHARED_PROCESS, 0);
}

static void ring_close(void *t)
{
	qb_rb_close(t);
}

static int ring_put(void *t, const void *item, size_t len)
{
	struct backoff b = {0};
	ssize_t r;

	while ((r = qb_rb_chunk_write(t, item, len)) == -EAGAIN)
		back_off(&b);
	return r == (ssize_t)len ? 0 : -1;
}

static int ring_get(void *t, void *buf, size_t size)
{
	return (int)qb_rb_chunk_read(t, buf, size, -1);
}
#define HAS_RING                                                               \
	.open = ring_open, .close = ring_close, .put = ring_put, .get = ring_get
#else
#define HAS_RING .open = NULL
#endif

const struct transport qb_ring = {
	.name = "libqb ring buffer",
	.package = "libqb-dev",
	HAS_RING,
};
