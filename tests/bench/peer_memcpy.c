/* SPDX-License-Identifier: MIT */
/*
 * peer_memcpy.c - what a message costs that is only copied, in and out of as
 * many slots as the queue has: no queue of large messages can be faster, in one
 * process.
 */
#include <string.h>

#include "bench.h"

struct slots {
	size_t len, bytes;
	uint64_t in, out;
	_Alignas(LINE) char slots[];
};

static void *slots_open(size_t len)
{
	size_t bytes = sizeof(struct slots) + DEPTH_LARGE * len;
	struct slots *s = share(bytes);

	s->len = len;
	s->bytes = bytes;
	return s;
}

static void slots_close(void *t)
{
	give_back(t, ((struct slots *)t)->bytes);
}

static int copy_in(void *t, const void *item, size_t len)
{
	struct slots *s = t;

	memcpy(s->slots + s->in++ % DEPTH_LARGE * s->len, item, len);
	return 0;
}

static int copy_out(void *t, void *buf, size_t size)
{
	struct slots *s = t;

	memcpy(buf, s->slots + s->out++ % DEPTH_LARGE * s->len, size);
	return (int)size;
}

const struct transport two_memcpys = {
	.name = "two memcpys",
	.depth = DEPTH_LARGE,
	.open = slots_open,
	.close = slots_close,
	.put = copy_in,
	.get = copy_out,
};
