/* SPDX-License-Identifier: MIT */
/*
 * ours.c - the library, through its public interface
 *
 * Only what the watchdog prints looks inside: the gates of a queue that hangs.
 */
#include <libipc.h>
#include "bench.h"
#include "region.h"

/* ---- for the watchdog ---- */

static void describe_word(const char *name, uint64_t word, FILE *out)
{
	fprintf(out, "  %-5s word %016llx: epoch %llu, owner %llu%s%s\n", name,
		(unsigned long long)word,
		(unsigned long long)(word / IPCI_GATE_EPOCH),
		(unsigned long long)(word & IPCI_GATE_OWNER),
		word & IPCI_GATE_SLEEPERS ? ", SLEEPERS" : "",
		word & IPCI_GATE_FIRED ? ", FIRED" : "");
}

static void describe_side(const char *name, const struct side_shm *s, FILE *out)
{
	describe_word(name, atomic_load(&s->word), out);
	fprintf(out, "        hint %016llx, index %llu, seen %llu\n",
		(unsigned long long)atomic_load(&s->hint),
		(unsigned long long)atomic_load(&s->index),
		(unsigned long long)s->seen);
}

/* a handle begins with its region */
static void mutex_describe(void *l, FILE *out)
{
	const struct mutex_shm *s = ((const struct ipci_region *)l)->mutex;

	describe_word("mutex", atomic_load(&s->word), out);
	fprintf(out, "        holder %u\n",
		(unsigned int)atomic_load(&s->holder));
}

static void queue_describe(void *t, FILE *out)
{
	const struct ipci_region *r = t;
	const struct queue_shm *s = (const struct queue_shm *)r->body;

	describe_side("put", &s->put, out);
	describe_side("get", &s->get, out);
	describe_side("done", &s->done, out);
}

struct pipe {
	struct ipc_pipe *ends[2];
};

/* a pipe's handle begins with a pointer to its region */
static void pipe_describe(void *t, FILE *out)
{
	const struct pipe *p = t;
	struct ipci_region *const *r = (struct ipci_region *const *)p->ends[0];
	const struct pipe_shm *s = (const struct pipe_shm *)(*r)->body;

	describe_side("send", &s->direction[1].send, out);
	describe_side("recv", &s->direction[1].recv, out);
}

/* ---- queue ---- */

static void *queue_open_deep(size_t len, size_t depth, uint32_t flags)
{
	const struct ipc_queue_opts opts = {
		.maxsize = depth, .item_size = len, .flags = flags};
	struct ipc_queue *q;
	int r = ipc_queue_create(&q, NULL, &opts);

	if (r < 0)
		fail("ipc_queue_create answers %d", r);
	return q;
}

static void *queue_open_with(size_t len, uint32_t flags)
{
	return queue_open_deep(len, DEPTH, flags);
}

static void *queue_open(size_t len)
{
	return queue_open_with(len, 0);
}

static void *queue_open_alone(size_t len)
{
	return queue_open_with(len,
			       LIBIPC_SINGLE_PRODUCER | LIBIPC_SINGLE_CONSUMER);
}

static void *queue_open_tasks(size_t len)
{
	return queue_open_with(len, LIBIPC_JOINABLE);
}

static void queue_close(void *t)
{
	ipc_queue_close(t);
}

static int queue_put(void *t, const void *item, size_t len)
{
	return ipc_queue_put(t, item, len, LIBIPC_FOREVER);
}

static int queue_get(void *t, void *buf, size_t size)
{
	return ipc_queue_get(t, buf, size, LIBIPC_FOREVER);
}

static int queue_put_many(void *t, const void *items, size_t len, size_t n)
{
	return ipc_queue_put_many(t, items, len, n, LIBIPC_FOREVER);
}

static int queue_get_many(void *t, void *items, size_t size, size_t n)
{
	return ipc_queue_get_many(t, items, size, NULL, n, LIBIPC_FOREVER);
}

static int queue_done(void *t)
{
	return ipc_queue_task_done(t);
}

#define QUEUE                                                                  \
	.ours = true, .close = queue_close, .put = queue_put,                  \
	.get = queue_get, .describe = queue_describe

const struct transport our_queue = {
	.name = "libipc queue",
	.open = queue_open,
	QUEUE,
	.put_many = queue_put_many,
	.get_many = queue_get_many,
};

const struct transport our_queue_singly = {
	.name = "libipc queue, one by one",
	.open = queue_open,
	QUEUE,
};

const struct transport our_queue_alone = {
	.name = "libipc queue, SINGLE_*",
	.open = queue_open_alone,
	QUEUE,
};

const struct transport our_tasks = {
	.name = "libipc joinable queue",
	.open = queue_open_tasks,
	QUEUE,
	.done = queue_done,
};

/* ---- queues of other sizes ---- */

#define QUEUE_OF(id, slots, text)                                              \
	static void *queue_open_##id(size_t len)                               \
	{                                                                      \
		return queue_open_deep(len, slots, 0);                         \
	}                                                                      \
                                                                               \
	const struct transport our_queue_##id = {                              \
		.name = "libipc queue, " text,                                 \
		.depth = slots,                                                \
		.open = queue_open_##id,                                       \
		QUEUE,                                                         \
	}

QUEUE_OF(16, 16, "16 slots");
QUEUE_OF(1k, 1024, "1 Ki slots");
QUEUE_OF(32k, 32 * 1024, "32 Ki slots");
QUEUE_OF(1m, 1024 * 1024, "1 Mi slots");
QUEUE_OF(unbounded, 0, "no maxsize");

/* ---- pipe ---- */

/*
 * Nearly as deep as the others: a ring of DEPTH * len bytes, which must take a
 * message of the capacity and 8 bytes that say how long it is.
 */
static void *pipe_open(size_t len)
{
	const struct ipc_pipe_opts opts = {.capacity = DEPTH * len - 8,
					   .flags = LIBIPC_SIMPLEX};
	struct pipe *p = malloc(sizeof(*p));
	int r = p ? ipc_pipe_create(p->ends, &opts) : -1;

	if (r < 0)
		fail("ipc_pipe_create answers %d", r);
	return p;
}

static void pipe_close(void *t)
{
	struct pipe *p = t;

	ipc_pipe_close(p->ends[0]);
	ipc_pipe_close(p->ends[1]);
	free(p);
}

static int pipe_put(void *t, const void *item, size_t len)
{
	return ipc_pipe_send(((struct pipe *)t)->ends[1], item, len,
			     LIBIPC_FOREVER);
}

static int pipe_get(void *t, void *buf, size_t size)
{
	return ipc_pipe_recv(((struct pipe *)t)->ends[0], buf, size,
			     LIBIPC_FOREVER);
}

const struct transport our_pipe = {
	.name = "libipc pipe",
	.ours = true,
	.open = pipe_open,
	.close = pipe_close,
	.put = pipe_put,
	.get = pipe_get,
	.describe = pipe_describe,
};

/* ---- mutex, process ---- */

static void *mutex_open(void)
{
	struct ipc_mutex *m;
	int r = ipc_mutex_create(&m, NULL, NULL);

	if (r < 0)
		fail("ipc_mutex_create answers %d", r);
	return m;
}

static void mutex_close(void *l)
{
	ipc_mutex_close(l);
}

static int mutex_lock(void *l)
{
	return ipc_mutex_lock(l, LIBIPC_FOREVER);
}

static int mutex_unlock(void *l)
{
	return ipc_mutex_unlock(l);
}

const struct lock our_mutex = {
	.name = "libipc mutex",
	.open = mutex_open,
	.close = mutex_close,
	.lock = mutex_lock,
	.unlock = mutex_unlock,
	.describe = mutex_describe,
};

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int start_and_join(void)
{
	struct ipc_process *p;

	if (ipc_process_create(&p, nothing, NULL, NULL) ||
	    ipc_process_start(p) || ipc_process_join(p, LIBIPC_FOREVER))
		return -1;
	return ipc_process_close(p);
}

const struct starter our_process = {
	.name = "libipc process",
	.start_and_join = start_and_join,
};
