/* SPDX-License-Identifier: MIT */
/*
 * pipe_util.h - what the tests of pipes have in common
 *
 * Message number n of length len has the bytes that fill_message() writes, so
 * a receiver can tell that it is whole, and which it is.
 */
#ifndef LIBIPC_TESTS_PIPE_UTIL_H
#define LIBIPC_TESTS_PIPE_UTIL_H

#include "observe.h"
#include "region.h"

/* in the order in which ipc_pipe_create() makes them */
struct ends {
	struct ipc_pipe *end[2];
};

static inline struct ends new_pipe(size_t capacity, uint32_t flags)
{
	const struct ipc_pipe_opts opts = {.capacity = capacity,
					   .flags = flags};
	struct ends p = {{NULL, NULL}};

	assert_int_equal(ipc_pipe_create(p.end, &opts), 0);
	assert_non_null(p.end[0]);
	assert_non_null(p.end[1]);
	return p;
}

static inline void close_end(struct ipc_pipe *end)
{
	assert_int_equal(ipc_pipe_close(end), 0);
}

static inline void close_both(struct ends p)
{
	close_end(p.end[0]);
	close_end(p.end[1]);
}

/* ---------------------------------------------------------------- messages */

static inline unsigned char byte_of(unsigned int n, size_t i)
{
	return (unsigned char)(n * 31 + i + (i >> 8) * 7 + (i >> 16) * 11);
}

static inline void fill_message(void *data, size_t len, unsigned int n)
{
	for (size_t i = 0; i < len; i++)
		((unsigned char *)data)[i] = byte_of(n, i);
}

static inline bool is_message(const void *data, size_t len, unsigned int n)
{
	for (size_t i = 0; i < len; i++)
		if (((const unsigned char *)data)[i] != byte_of(n, i))
			return false;
	return true;
}

/* sends message n, or receives it: the same answer as send and recv, but
   -EILSEQ when it is another message, or not whole */
static inline int send_message(struct ipc_pipe *end, size_t len, unsigned int n,
			       int timeout_ms)
{
	unsigned char *data = malloc(len + 1);
	int r;

	fill_message(data, len, n);
	r = ipc_pipe_send(end, data, len, timeout_ms);
	free(data);
	return r;
}

static inline int recv_message(struct ipc_pipe *end, size_t len, unsigned int n,
			       int timeout_ms)
{
	unsigned char *data = malloc(len + 1);
	int r;

	r = ipc_pipe_recv(end, data, len, timeout_ms);
	if (r >= 0 && ((size_t)r != len || !is_message(data, len, n)))
		r = -EILSEQ;
	free(data);
	return r;
}

/* ----------------------------------------------------- for the test itself */

/* one small message there, at once */
static inline void pass_message(struct ipc_pipe *from, struct ipc_pipe *to,
				size_t len, unsigned int n)
{
	assert_int_equal(send_message(from, len, n, 0), 0);
	assert_int_equal(recv_message(to, len, n, 0), len);
}

/* no message is there, but somebody may still send one */
static inline void expect_no_message(struct ipc_pipe *end)
{
	char byte;

	assert_int_equal(ipc_pipe_recv(end, &byte, 1, 0), -EAGAIN);
	assert_int_equal(ipc_pipe_next(end), -EAGAIN);
	assert_int_equal(ipc_pipe_poll(end, 0), 0);
}

/* and nobody can: every way to look says so, each time */
static inline void expect_end(struct ipc_pipe *end)
{
	char byte;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(ipc_pipe_recv(end, &byte, 1, 0), -EPIPE);
		assert_int_equal(ipc_pipe_recv(end, NULL, 0, -1), -EPIPE);
		assert_int_equal(ipc_pipe_next(end), -EPIPE);
		assert_int_equal(ipc_pipe_poll(end, 0), 1);
		assert_int_equal(ipc_pipe_poll(end, -1), 1);
	}
}

/* ------------------------------------------------------- behind the scenes */

/* a handle begins with what both handles share, which begins with the region */
static inline struct pipe_shm *inside_pipe(const struct ipc_pipe *end)
{
	struct ipci_region *const *core = (const void *)end;

	return (struct pipe_shm *)(*core)->body;
}

#endif
