/* SPDX-License-Identifier: MIT */
/*
 * named_util.h - the three kinds of objects that have names, seen as one
 *
 * Each call below checks on the way that a handle's pointer is untouched when
 * create or open fails. They may be used in children too.
 */
#ifndef LIBIPC_TESTS_NAMED_UTIL_H
#define LIBIPC_TESTS_NAMED_UTIL_H

#include "harness.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* an object of about that many bytes, or of the usual size if it is 0 */
struct kind {
	const char *tag;
	int (*create)(void **o, const char *name, uint32_t mode, size_t bytes);
	int (*open)(void **o, const char *name);
	int (*close)(void *o);
	/* 0 if it works: what is put into one handle comes out of the other,
	   which may be the same */
	int (*use)(void *o, void *other);
};

static inline int named_mutex_create(void **o, const char *name, uint32_t mode,
				     size_t bytes)
{
	const struct ipc_mutex_opts opts = {.mode = mode};
	struct ipc_mutex *m = *o;
	int r = ipc_mutex_create(&m, name, &opts);

	(void)bytes;
	*o = m;
	return r;
}

static inline int named_mutex_open(void **o, const char *name)
{
	struct ipc_mutex *m = *o;
	int r = ipc_mutex_open(&m, name);

	*o = m;
	return r;
}

static inline int named_mutex_close(void *o)
{
	return ipc_mutex_close(o);
}

static inline int named_mutex_use(void *o, void *other)
{
	if (ipc_mutex_lock(o, 0) != 0)
		return 1;
	if (ipc_mutex_lock(other, 0) != -EDEADLK)
		return 2;
	return ipc_mutex_unlock(o);
}

static inline int named_shared_create(void **o, const char *name, uint32_t mode,
				      size_t bytes)
{
	const struct ipc_shared_opts opts = {.mode = mode};
	struct ipc_shared *s = *o;
	int r = ipc_shared_create(&s, name, bytes ? bytes : 100, &opts);

	*o = s;
	return r;
}

static inline int named_shared_open(void **o, const char *name)
{
	struct ipc_shared *s = *o;
	int r = ipc_shared_open(&s, name);

	*o = s;
	return r;
}

static inline int named_shared_close(void *o)
{
	return ipc_shared_close(o);
}

static inline int named_shared_use(void *o, void *other)
{
	volatile unsigned char *in = ipc_shared_data(o);
	volatile unsigned char *out = ipc_shared_data(other);

	in[0]++;
	if (out[0] != in[0])
		return 1;
	if (ipc_shared_lock(o, 0) != 0)
		return 2;
	return ipc_shared_unlock(o);
}

static inline int named_queue_create(void **o, const char *name, uint32_t mode,
				     size_t bytes)
{
	const struct ipc_queue_opts opts = {.maxsize = bytes ? bytes / 1024 + 1
							     : 5,
					    .item_size = bytes ? 1016 : 24,
					    .mode = mode};
	struct ipc_queue *q = *o;
	int r = ipc_queue_create(&q, name, &opts);

	*o = q;
	return r;
}

static inline int named_queue_open(void **o, const char *name)
{
	struct ipc_queue *q = *o;
	int r = ipc_queue_open(&q, name);

	*o = q;
	return r;
}

static inline int named_queue_close(void *o)
{
	return ipc_queue_close(o);
}

static inline int named_queue_use(void *o, void *other)
{
	char buf[2000];

	if (ipc_queue_put(o, "hello", 5, 0) != 0)
		return 1;
	if (ipc_queue_get(other, buf, sizeof(buf), 0) != 5)
		return 2;
	return memcmp(buf, "hello", 5);
}

enum { MUTEX, SHARED, QUEUE, KINDS };

static const struct kind kinds[KINDS] = {
	{"mutex", named_mutex_create, named_mutex_open, named_mutex_close,
	 named_mutex_use},
	{"shared", named_shared_create, named_shared_open, named_shared_close,
	 named_shared_use},
	{"queue", named_queue_create, named_queue_open, named_queue_close,
	 named_queue_use},
};

/* ------------------------------------------------------ what a call returns */

#define SENTINEL ((void *)(uintptr_t)0x5e57)

/* a failing call must leave the pointer alone */
static inline int checked(const char *what, const char *tag, int r, void *o)
{
	if (r == 0 ? o != SENTINEL && o : o == SENTINEL)
		return r;
	dprintf(STDERR_FILENO, "%s %s: returned %d, and the pointer is %p\n",
		what, tag, r, o);
	return 1000;
}

/* the object that was made or opened is closed again */
static inline int try_create(const struct kind *k, const char *name,
			     uint32_t mode, size_t bytes)
{
	void *o = SENTINEL;
	int r = k->create(&o, name, mode, bytes);

	r = checked("create", k->tag, r, o);
	if (r == 0)
		k->close(o);
	return r;
}

static inline int try_open(const struct kind *k, const char *name)
{
	void *o = SENTINEL;
	int r = k->open(&o, name);

	r = checked("open", k->tag, r, o);
	if (r == 0)
		k->close(o);
	return r;
}

/* for the test itself */
static inline void *new_object(const struct kind *k, const char *name,
			       uint32_t mode)
{
	void *o = SENTINEL;

	assert_int_equal(k->create(&o, name, mode, 0), 0);
	return o;
}

static inline void *open_object(const struct kind *k, const char *name)
{
	void *o = SENTINEL;

	assert_int_equal(k->open(&o, name), 0);
	return o;
}

#define expect_closed(k, o)   assert_int_equal((k)->close(o), 0)
#define expect_unlinked(name) assert_int_equal(ipc_unlink(name), 0)

/* a name of which nothing is there */
static inline void expect_nothing(const char *name)
{
	assert_int_equal(ipc_unlink(name), -ENOENT);
	for (int i = 0; i < KINDS; i++)
		assert_int_equal(try_open(&kinds[i], name), -ENOENT);
}

/* where the name is in the file system */
static inline char *path_of(char buf[300], const char *name)
{
	snprintf(buf, 300, "/dev/shm%s", name);
	return buf;
}

#endif
