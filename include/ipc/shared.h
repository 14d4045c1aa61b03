/* SPDX-License-Identifier: MIT */
/*
 * shared.h - plain bytes that processes share, with a lock to use if you like
 *
 *	struct ipc_shared *s;
 *	ipc_shared_create(&s, NULL, sizeof(long), NULL);
 *	long *counter = ipc_shared_data(s);
 *	...
 *	ipc_shared_lock(s, LIBIPC_FOREVER);
 *	*counter += 1;
 *	ipc_shared_unlock(s);
 *
 * The bytes are zeroed at creation and aligned for any type. Pointers stored
 * in them mean nothing to other processes, which may map them elsewhere.
 */
#ifndef LIBIPC_SHARED_H
#define LIBIPC_SHARED_H

#include <ipc/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ipc_shared;

struct ipc_shared_opts {
	uint32_t flags; /* none yet */
	uint32_t mode;	/* permissions of a named object; 0: 0600 */
	uint64_t reserved[2];
};

/**
 * ipc_shared_create - make shared bytes, all zero
 * @s:          receives the handle
 * @name:       NULL: anonymous, shared with children; else see base.h
 * @size:       bytes, at least 1
 * @opts:       NULL for defaults
 *
 * Returns  0, or
 *          -EEXIST  the name is taken      -EACCES  not permitted
 *          -ENOSPC  no room for it         -ENOMEM  no memory for the handle
 *          -ENOSYS  see ipc_caps()         -EMFILE, -ENFILE  no descriptor
 *          -EIO     the file system failed
 *          -EINVAL, -ENAMETOOLONG  bad arguments
 * Crash    there is a complete object of that name, or none.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_shared_create(struct ipc_shared **s, const char *name,
				 size_t size,
				 const struct ipc_shared_opts *opts);

/**
 * ipc_shared_open - open named shared bytes that some process created
 * @s:          receives the handle
 * @name:       as given to create
 *
 * Returns  0, or
 *          -ENOENT  no such name           -EACCES  not permitted
 *          -EPROTO  not shared bytes, made by an incompatible build, or in
 *                   another PID namespace
 *          -EBADMSG damaged                -ENOMEM  no memory
 *          -ENOSYS  see ipc_caps()         -EMFILE, -ENFILE  no descriptor
 *          -EIO     the file system failed
 *          -EINVAL, -ENAMETOOLONG  bad arguments
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_shared_open(struct ipc_shared **s, const char *name);

/**
 * ipc_shared_data - where the bytes are in this process
 * @s:          the object
 *
 * Returns  the first byte, valid until close; NULL if @s is NULL.
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal yes | fork yes | cancel no
 */
LIBIPC_API void *ipc_shared_data(struct ipc_shared *s);

/**
 * ipc_shared_size - how many bytes there are
 * @s:          the object
 *
 * Returns  bytes, as given to create; 0 if @s is NULL.
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal yes | fork yes | cancel no
 */
LIBIPC_API size_t ipc_shared_size(struct ipc_shared *s);

/**
 * ipc_shared_lock - lock the object's own mutex
 * @s:          the object
 * @timeout_ms: milliseconds; 0 tries once, LIBIPC_FOREVER waits
 *
 * Returns  0 or LIBIPC_OWNER_DIED, held; or
 *          -EDEADLK, -EAGAIN, -ETIMEDOUT, -ENOLCK, -EINVAL as ipc_mutex_lock()
 * Crash    as ipc_mutex_lock(); the bytes are as the dead one left them.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_shared_lock(struct ipc_shared *s, int timeout_ms);

/**
 * ipc_shared_unlock - unlock the object's own mutex
 * @s:          the object, locked by this thread through this handle
 *
 * Returns  0, or -EPERM, -EBADMSG, -EINVAL as ipc_mutex_unlock()
 * Crash    as ipc_mutex_unlock()
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_shared_unlock(struct ipc_shared *s);

/**
 * ipc_shared_close - free this handle; its data pointer ends with it
 * @s:          the handle
 *
 * Returns  0, or
 *          -EBUSY   a thread of this process holds the lock through it
 *          -EINVAL  @s is NULL
 * Crash    changes nothing for others.
 * Safety   thread no | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_shared_close(struct ipc_shared *s);

#ifdef __cplusplus
}
#endif
#endif
