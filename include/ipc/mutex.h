/* SPDX-License-Identifier: MIT */
/*
 * mutex.h - mutual exclusion between processes and threads
 *
 * The thread that locked is the holder, and only it can unlock. When a holder
 * dies, by any cause, the next one gets the lock and is told: lock returns
 * LIBIPC_OWNER_DIED, which is positive because the lock IS held. Look at what
 * the lock protects, repair it, and unlock as always; there is nothing to
 * "make consistent". Killed while it waited for the lock, or after unlock had
 * begun to let go, a thread leaves no news: nobody was inside. In the last few
 * instructions of lock itself it may be either.
 *
 *	int r = ipc_mutex_lock(m, LIBIPC_FOREVER);
 *	if (r < 0)
 *		return r;
 *	if (r == LIBIPC_OWNER_DIED)
 *		repair(data);
 *	work(data);
 *	ipc_mutex_unlock(m);
 *
 * Recursive mutexes (LIBIPC_MUTEX_RECURSIVE) can be locked again by the thread
 * that holds them, through the same or another handle, and are let go by the
 * last of as many unlocks. If the holder dies, at whatever depth, the next one
 * is told once and holds it at depth one.
 *
 * A thread may hold up to 1024 of them beside any pthread mutexes, and release
 * them in any order. There is no fairness: a thread that comes along may get
 * the lock before one that waits.
 */
#ifndef LIBIPC_MUTEX_H
#define LIBIPC_MUTEX_H

#include <ipc/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ipc_mutex;

/* ipc_mutex_opts.flags: the holder may lock again, a million times at most */
#define LIBIPC_MUTEX_RECURSIVE 0x1

struct ipc_mutex_opts {
	uint32_t flags;
	uint32_t mode; /* permissions of a named mutex; 0: 0600 */
	uint64_t reserved[2];
};

/**
 * ipc_mutex_create - make a mutex, unlocked
 * @m:          receives the handle
 * @name:       NULL: anonymous, shared with children; else see base.h
 * @opts:       NULL for defaults
 *
 * Returns  0, or
 *          -EEXIST  the name is taken      -EACCES  not permitted
 *          -ENOSPC  no room for it         -ENOMEM  no memory for the handle
 *          -ENOSYS  see ipc_caps()         -EMFILE, -ENFILE  no descriptor
 *          -EIO     the file system failed
 *          -EINVAL, -ENAMETOOLONG  bad arguments
 * Crash    there is a complete mutex of that name, or none.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_mutex_create(struct ipc_mutex **m, const char *name,
				const struct ipc_mutex_opts *opts);

/**
 * ipc_mutex_open - open a named mutex that some process created
 * @m:          receives the handle
 * @name:       as given to create
 *
 * Returns  0, or
 *          -ENOENT  no such name           -EACCES  not permitted
 *          -EPROTO  not a mutex, made by an incompatible build, or in
 *                   another PID namespace
 *          -EBADMSG damaged                -ENOMEM  no memory
 *          -ENOSYS  see ipc_caps()         -EMFILE, -ENFILE  no descriptor
 *          -EIO     the file system failed
 *          -EINVAL, -ENAMETOOLONG  bad arguments
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_mutex_open(struct ipc_mutex **m, const char *name);

/**
 * ipc_mutex_close - free this handle
 * @m:          the handle
 *
 * Returns  0, or
 *          -EBUSY   a thread of this process holds it through this handle
 *          -EINVAL  @m is NULL
 * Crash    changes nothing for others.
 * Safety   thread no | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_mutex_close(struct ipc_mutex *m);

/**
 * ipc_mutex_lock - become the holder
 * @m:          the mutex
 * @timeout_ms: milliseconds; 0 tries once, LIBIPC_FOREVER waits
 *
 * Returns  0, held;
 *          LIBIPC_OWNER_DIED, held, and the last holder died inside; or
 *          -EDEADLK   this thread holds it already, whatever the timeout, and
 *                     it is not recursive
 *          -EOVERFLOW recursive, and locked a million times
 *          -EAGAIN    held by another, @timeout_ms was 0
 *          -ETIMEDOUT still held by another
 *          -ENOLCK    this thread holds 1024 mutexes, or (where there are no
 *                     robust ones) there is no memory to see to its end
 *          -EINVAL    @m is NULL
 * Crash    killed inside: not held, or held and released as a dead holder's;
 *          the next one gets it.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_mutex_lock(struct ipc_mutex *m, int timeout_ms);

/**
 * ipc_mutex_unlock - let the next one in, or undo one lock of a recursive one
 * @m:          the mutex, locked by this thread through this handle
 *
 * Returns  0, or
 *          -EPERM   this thread does not hold it (through this handle)
 *          -EBADMSG somebody has written over the lock: it is no longer held
 *          -EINVAL  @m is NULL
 * Crash    killed inside: released; news for the next one only if the call had
 *          not yet begun to let go, or was not the last of as many.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_mutex_unlock(struct ipc_mutex *m);

#ifdef __cplusplus
}
#endif
#endif
