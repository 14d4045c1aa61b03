/* SPDX-License-Identifier: MIT */
/*
 * libipc - locks, queues, pipes, shared data and processes that survive
 * SIGKILL. This is the one header to include; link with -lipc, or ask
 * pkg-config for libipc.
 *
 *	struct ipc_queue *q;
 *	struct ipc_queue_opts opts = {.maxsize = 16};
 *	char buf[256];
 *
 *	ipc_queue_create(&q, NULL, &opts);
 *	if (fork() == 0) {
 *		int len = ipc_queue_get(q, buf, sizeof(buf), LIBIPC_FOREVER);
 *		_exit(len == 5 ? 0 : 1);
 *	}
 *	ipc_queue_put(q, "hello", 5, LIBIPC_FOREVER);
 *
 * One rule for every function that returns int or long: negative is an errno
 * (-ETIMEDOUT, -EINVAL, ...) and means that nothing happened and nothing is
 * owned; zero or positive means that it happened. The variable errno says
 * nothing, and may change.
 */
#ifndef LIBIPC_H
#define LIBIPC_H

#include <ipc/base.h>
#include <ipc/mutex.h>
#include <ipc/queue.h>
#include <ipc/pipe.h>
#include <ipc/shared.h>
#include <ipc/process.h>

#endif
