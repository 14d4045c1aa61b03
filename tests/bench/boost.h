/* SPDX-License-Identifier: MIT */
/*
 * boost.h - what boost.cc offers to peer_boost.c: Boost's templates as plain
 * functions
 */
#ifndef LIBIPC_BENCH_BOOST_H
#define LIBIPC_BENCH_BOOST_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* makes a ring for messages of len bytes in memory that allocate gave, and says
   in bytes how much it was; NULL: not for this length */
void *boost_queue_make(size_t len, void *(*allocate)(size_t), size_t *bytes);
void *boost_spsc_make(size_t len, void *(*allocate)(size_t), size_t *bytes);

/* false when there is no room, or no message */
bool boost_try_put(void *ring, const void *item);
bool boost_try_get(void *ring, void *buf);

void *boost_mq_open(const char *name, size_t len, size_t depth); /* or NULL */
void boost_mq_close(void *q);
int boost_mq_put(void *q, const void *item, size_t len);
int boost_mq_get(void *q, void *buf, size_t size);

#ifdef __cplusplus
}
#endif

#endif
