/* SPDX-License-Identifier: MIT */
/*
 * peer_kernel.c - what the kernel carries: pipe(2), sockets, POSIX mq
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

struct pair {
	int in, out;
};

static void *pair_of(int in, int out)
{
	struct pair *p = malloc(sizeof(*p));

	if (!p)
		fail("no memory");
	*p = (struct pair){in, out};
	return p;
}

static void pair_close(void *t)
{
	struct pair *p = t;

	close(p->in);
	close(p->out);
	free(p);
}

/* ---- pipe(2): writes of up to PIPE_BUF bytes go in whole ---- */

static void *pipe_open(size_t len)
{
	int fds[2];

	(void)len;
	return pipe(fds) ? NULL : pair_of(fds[0], fds[1]);
}

static int pipe_put(void *t, const void *item, size_t len)
{
	return write(((struct pair *)t)->out, item, len) == (ssize_t)len ? 0
									 : -1;
}

static int pipe_get(void *t, void *buf, size_t size)
{
	return (int)read(((struct pair *)t)->in, buf, size);
}

/* some at once are one write, and what is there one read */
static int pipe_put_many(void *t, const void *items, size_t len, size_t n)
{
	return pipe_put(t, items, n * len) ? -1 : (int)n;
}

static int pipe_get_many(void *t, void *items, size_t size, size_t n)
{
	int got = pipe_get(t, items, n * size);

	return got < 0 || (size_t)got % size ? -1 : got / (int)size;
}

const struct transport kernel_pipe = {
	.name = "pipe(2)",
	.open = pipe_open,
	.close = pair_close,
	.put = pipe_put,
	.get = pipe_get,
	.put_many = pipe_put_many,
	.get_many = pipe_get_many,
};

/* ---- sockets ---- */

static void *socket_open(size_t len)
{
	int fds[2];

	(void)len;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds))
		return NULL;
	return pair_of(fds[0], fds[1]);
}

static int socket_put(void *t, const void *item, size_t len)
{
	return send(((struct pair *)t)->out, item, len, 0) == (ssize_t)len ? 0
									   : -1;
}

static int socket_get(void *t, void *buf, size_t size)
{
	return (int)recv(((struct pair *)t)->in, buf, size, 0);
}

const struct transport kernel_socket = {
	.name = "socketpair SEQPACKET",
	.open = socket_open,
	.close = pair_close,
	.put = socket_put,
	.get = socket_get,
};

/* ---- POSIX mq: the system may allow few messages, so the name says it ---- */

static char mq_name[40] = "POSIX mq";

static mqd_t mq_make(size_t len, long depth)
{
	struct mq_attr attr = {.mq_maxmsg = depth, .mq_msgsize = (long)len};
	char name[32];
	mqd_t mq;

	snprintf(name, sizeof(name), "/libipc-bench-%d", (int)getpid());
	mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);
	if (mq != (mqd_t)-1)
		mq_unlink(name);
	return mq;
}

static void *mq_open_deepest(size_t len)
{
	static const long depths[] = {DEPTH, DEPTH / 4, 10};
	size_t n = sizeof(depths) / sizeof(*depths);

	for (size_t i = 0; i < n; i++) {
		mqd_t mq = mq_make(len, depths[i]);

		if (mq == (mqd_t)-1)
			continue;
		if (depths[i] < DEPTH)
			snprintf(mq_name, sizeof(mq_name),
				 "POSIX mq (depth %ld)", depths[i]);
		return pair_of((int)mq, -1);
	}
	return NULL;
}

static void mq_close_it(void *t)
{
	mq_close(((struct pair *)t)->in);
	free(t);
}

static int mq_put(void *t, const void *item, size_t len)
{
	return mq_send(((struct pair *)t)->in, item, len, 0);
}

static int mq_get(void *t, void *buf, size_t size)
{
	return (int)mq_receive(((struct pair *)t)->in, buf, size, NULL);
}

const struct transport kernel_mq = {
	.name = mq_name,
	.open = mq_open_deepest,
	.close = mq_close_it,
	.put = mq_put,
	.get = mq_get,
};
