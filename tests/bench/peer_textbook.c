/* SPDX-License-Identifier: MIT */
/*
 * peer_textbook.c - the queue of the textbooks: one mutex, two condition
 * variables, all process-shared. With a counter of unfinished tasks it is
 * joinable. A process that is killed inside hangs it.
 */
#include <pthread.h>
#include <string.h>

#include "bench.h"

struct textbook {
	pthread_mutex_t mutex;
	pthread_cond_t not_empty, not_full, all_done;
	uint64_t head, tail, unfinished;
	size_t len, bytes;
	_Alignas(LINE) char slots[];
};

static void init_cond(pthread_cond_t *c)
{
	pthread_condattr_t a;

	pthread_condattr_init(&a);
	pthread_condattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(c, &a);
	pthread_condattr_destroy(&a);
}

static void *textbook_open(size_t len)
{
	size_t bytes = sizeof(struct textbook) + DEPTH * len;
	struct textbook *t = share(bytes);
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&t->mutex, &a);
	pthread_mutexattr_destroy(&a);
	init_cond(&t->not_empty);
	init_cond(&t->not_full);
	init_cond(&t->all_done);
	t->len = len;
	t->bytes = bytes;
	return t;
}

static void textbook_close(void *arg)
{
	give_back(arg, ((struct textbook *)arg)->bytes);
}

static char *slot(struct textbook *t, uint64_t i)
{
	return t->slots + i % DEPTH * t->len;
}

static void wake(pthread_cond_t *c, size_t n)
{
	if (n > 1)
		pthread_cond_broadcast(c);
	else
		pthread_cond_signal(c);
}

static int put_many(void *arg, const void *items, size_t len, size_t n)
{
	struct textbook *t = arg;
	size_t i;

	pthread_mutex_lock(&t->mutex);
	while (t->tail - t->head == DEPTH)
		pthread_cond_wait(&t->not_full, &t->mutex);
	for (i = 0; i < n && t->tail - t->head < DEPTH; i++)
		memcpy(slot(t, t->tail++), (const char *)items + i * len, len);
	t->unfinished += i;
	wake(&t->not_empty, i);
	pthread_mutex_unlock(&t->mutex);
	return (int)i;
}

static int get_many(void *arg, void *items, size_t size, size_t n)
{
	struct textbook *t = arg;
	size_t i;

	pthread_mutex_lock(&t->mutex);
	while (t->tail == t->head)
		pthread_cond_wait(&t->not_empty, &t->mutex);
	for (i = 0; i < n && t->tail != t->head; i++)
		memcpy((char *)items + i * size, slot(t, t->head++), size);
	wake(&t->not_full, i);
	pthread_mutex_unlock(&t->mutex);
	return (int)i;
}

static int put(void *arg, const void *item, size_t len)
{
	struct textbook *t = arg;

	pthread_mutex_lock(&t->mutex);
	while (t->tail - t->head == DEPTH)
		pthread_cond_wait(&t->not_full, &t->mutex);
	memcpy(slot(t, t->tail++), item, len);
	t->unfinished++;
	pthread_cond_signal(&t->not_empty);
	pthread_mutex_unlock(&t->mutex);
	return 0;
}

static int get(void *arg, void *buf, size_t size)
{
	struct textbook *t = arg;

	pthread_mutex_lock(&t->mutex);
	while (t->tail == t->head)
		pthread_cond_wait(&t->not_empty, &t->mutex);
	memcpy(buf, slot(t, t->head++), size);
	pthread_cond_signal(&t->not_full);
	pthread_mutex_unlock(&t->mutex);
	return (int)size;
}

static int done(void *arg)
{
	struct textbook *t = arg;

	pthread_mutex_lock(&t->mutex);
	if (--t->unfinished == 0)
		pthread_cond_broadcast(&t->all_done);
	pthread_mutex_unlock(&t->mutex);
	return 0;
}

static void describe(void *arg, FILE *out)
{
	const struct textbook *t = arg;

	fprintf(out, "  head %llu, tail %llu\n", (unsigned long long)t->head,
		(unsigned long long)t->tail);
}

#define TEXTBOOK                                                               \
	.open = textbook_open, .close = textbook_close, .put = put,            \
	.get = get, .describe = describe

const struct transport textbook_queue = {
	.name = "mutex + 2 condvars",
	TEXTBOOK,
	.put_many = put_many,
	.get_many = get_many,
};

const struct transport textbook_tasks = {
	.name = "mutex + 3 condvars + counter",
	TEXTBOOK,
	.done = done,
};
