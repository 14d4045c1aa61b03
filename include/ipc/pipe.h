/* SPDX-License-Identifier: MIT */
/*
 * pipe.h - messages between two ends, in shared memory
 *
 * A pipe has two ends and, unless it is made with LIBIPC_SIMPLEX, carries
 * messages both ways. A message arrives whole or not at all, and in order.
 *
 *	struct ipc_pipe *ends[2];
 *	ipc_pipe_create(ends, NULL);
 *	if (fork() == 0) {
 *		ipc_pipe_close(ends[0]);
 *		ipc_pipe_send(ends[1], "hello", 5, LIBIPC_FOREVER);
 *		_exit(0);
 *	}
 *	ipc_pipe_close(ends[1]);
 *	while ((n = ipc_pipe_recv(ends[0], buf, sizeof(buf), -1)) >= 0)
 *		...;
 *	// n is -EPIPE: the child is gone, and all that it sent was received
 *
 * The rule of pipe(2): an end is open while any process that holds it lives
 * and has not closed it. So close the copies that you do not use, or the other
 * side will not see the end.
 *
 * A pipe is a queue without the lock, which is why it is faster: on each end
 * one thread at a time may send, and one may receive. Each end costs one file
 * descriptor (close-on-exec), by which the kernel tells who is still there.
 *
 * A message that is larger than the capacity flows through in pieces, while
 * the receiver takes them out: recv, poll and next collect them. Once a process
 * has received the first piece, the message is its own: the same process must
 * receive the rest, and a child that it forks meanwhile does not get it.
 */
#ifndef LIBIPC_PIPE_H
#define LIBIPC_PIPE_H

#include <ipc/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ipc_pipe;

/* ipc_pipe_opts.flags: one way only: ends[0] receives, ends[1] sends */
#define LIBIPC_SIMPLEX 0x1

struct ipc_pipe_opts {
	size_t capacity; /* bytes per direction that a message fits into whole,
			    rounded up; 0: 64 KiB */
	uint32_t flags;
	uint32_t reserved32;
	uint64_t reserved[2];
};

/**
 * ipc_pipe_create - make the two ends of a pipe
 * @ends:       receives two handles
 * @opts:       NULL for defaults
 *
 * Returns  0, or
 *          -ENOSPC  no room for it         -ENOMEM  no memory for the handles
 *          -EMFILE, -ENFILE  no descriptor
 *          -ENOSYS  see ipc_caps()         -EINVAL  bad arguments
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_pipe_create(struct ipc_pipe *ends[2],
			       const struct ipc_pipe_opts *opts);

/**
 * ipc_pipe_send - send one message, waiting while there is no room
 * @end:        the end to send from
 * @data:       @len bytes, copied before return; may be NULL if @len is 0
 * @len:        bytes, any number up to INT_MAX
 * @timeout_ms: milliseconds; 0 tries once, LIBIPC_FOREVER waits
 *
 * Returns  0, the whole message is in the pipe; or
 *          -EPIPE     nobody can receive it: at once after a close, within
 *                     100 ms after a death. There is no SIGPIPE.
 *          -EAGAIN    no room, @timeout_ms was 0 (always, for a message that
 *                     is larger than the capacity)
 *          -ETIMEDOUT still no room               -EINVAL  bad arguments
 *          -EMSGSIZE  @len is more than INT_MAX
 *          -EBADF     this end only receives
 *          -EBADMSG   the shared memory is damaged
 *          If a message that is larger than the capacity fails on the way, the
 *          receiver drops the pieces that it has got.
 * Crash    killed inside: the whole message is in the pipe, or the receiver
 *          never sees any of it.
 * Safety   thread one at a time | process one at a time | signal no | fork yes
 *          | cancel no
 */
LIBIPC_API int ipc_pipe_send(struct ipc_pipe *end, const void *data, size_t len,
			     int timeout_ms);

/**
 * ipc_pipe_recv - receive one message, waiting until there is one
 * @end:        the end to receive from
 * @buf:        receives the message; may be NULL if @size is 0
 * @size:       bytes of room in @buf
 * @timeout_ms: milliseconds; 0 tries once, LIBIPC_FOREVER waits
 *
 * Returns  the length of the message in bytes (0 is a legal message); or
 *          -EPIPE     nobody can send, and all that was sent was received;
 *                     at once after a close, within 100 ms after a death
 *          -EMSGSIZE  @size is too small; the message stays, see next
 *          -EAGAIN    none, @timeout_ms was 0     -ETIMEDOUT  still none
 *          -ENOMEM    no memory to collect a message larger than the capacity
 *          -EBADF     this end only sends         -EINVAL  bad arguments
 *          -EBADMSG   the shared memory is damaged
 * Crash    killed inside: the message is still there, or is gone with the
 *          caller.
 * Safety   thread one at a time | process one at a time | signal no | fork yes
 *          | cancel no
 */
LIBIPC_API int ipc_pipe_recv(struct ipc_pipe *end, void *buf, size_t size,
			     int timeout_ms);

/**
 * ipc_pipe_next - the length of the message that recv would return
 * @end:        the end to receive from
 *
 * Returns  bytes; or
 *          -EAGAIN  no whole message is there yet
 *          -EPIPE, -ENOMEM, -EBADF, -EINVAL, -EBADMSG as recv
 * Crash    changes nothing.
 * Safety   as ipc_pipe_recv()
 */
LIBIPC_API long ipc_pipe_next(struct ipc_pipe *end);

/**
 * ipc_pipe_poll - wait until recv would not block
 * @end:        the end to receive from
 * @timeout_ms: milliseconds; 0 looks once, LIBIPC_FOREVER waits
 *
 * Returns  1, a message or the end of the pipe is there;
 *          0, not within @timeout_ms; or
 *          -ENOMEM, -EBADF, -EINVAL, -EBADMSG as recv
 * Crash    changes nothing.
 * Safety   as ipc_pipe_recv()
 */
LIBIPC_API int ipc_pipe_poll(struct ipc_pipe *end, int timeout_ms);

/**
 * ipc_pipe_close - close this process's copy of an end
 * @end:        the handle, freed
 *
 * Returns  0, or -EINVAL: @end is NULL
 * Crash    closed, as by any death.
 * Safety   thread no | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_pipe_close(struct ipc_pipe *end);

#ifdef __cplusplus
}
#endif
#endif
