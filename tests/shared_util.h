/* SPDX-License-Identifier: MIT */
/*
 * shared_util.h - what the tests of shared data have in common
 */
#ifndef LIBIPC_TESTS_SHARED_UTIL_H
#define LIBIPC_TESTS_SHARED_UTIL_H

#include "harness.h"

static inline struct ipc_shared *new_shared(size_t size)
{
	struct ipc_shared *s = NULL;

	assert_int_equal(ipc_shared_create(&s, NULL, size, NULL), 0);
	assert_non_null(s);
	return s;
}

#define expect_lock(s, news)                                                   \
	assert_int_equal(ipc_shared_lock(s, 10000 * test_slow()), news)
#define expect_unlock(s) assert_int_equal(ipc_shared_unlock(s), 0)
#define expect_close(s)	 assert_int_equal(ipc_shared_close(s), 0)

/* free, without news, and in working order */
#define expect_sound(s)                                                        \
	do {                                                                   \
		assert_int_equal(ipc_shared_lock(s, 0), 0);                    \
		assert_int_equal(ipc_shared_lock(s, 0), -EDEADLK);             \
		assert_int_equal(ipc_shared_unlock(s), 0);                     \
		assert_int_equal(ipc_shared_unlock(s), -EPERM);                \
	} while (0)

#endif
