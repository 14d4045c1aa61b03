/* SPDX-License-Identifier: MIT */
/*
 * joinable.c - task_done, join, and the tasks that each thread holds
 *
 * See struct queue_shm in layout.h for the steps D1 .. D4.
 */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "joinable.h"
#include "ring.h"

/* ---- what the calling thread holds: private memory ---- */

struct held {
	uint64_t queue;
	unsigned long tasks; /* 0: the entry is free */
};

static _Thread_local struct {
	struct held *entry;
	size_t n;
	uint32_t generation;
} ledger;

static pthread_key_t ledger_key;

/* only here to free a thread's entries when it ends */
static void make_key(void)
{
	pthread_key_create(&ledger_key, free);
}

/* a forked child is a new thread: it holds none of its parent's tasks */
static void forget_parent(void)
{
	uint32_t now = ipci_generation();

	if (ledger.generation == now)
		return;
	for (size_t i = 0; i < ledger.n; i++)
		ledger.entry[i].tasks = 0;
	ledger.generation = now;
}

static struct held *find(uint64_t queue)
{
	forget_parent();
	for (size_t i = 0; i < ledger.n; i++)
		if (ledger.entry[i].queue == queue && ledger.entry[i].tasks)
			return &ledger.entry[i];
	return NULL;
}

static struct held *find_free(void)
{
	for (size_t i = 0; i < ledger.n; i++)
		if (!ledger.entry[i].tasks)
			return &ledger.entry[i];
	return NULL;
}

static struct held *grow(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	size_t n = ledger.n ? 2 * ledger.n : 4;
	struct held *more = realloc(ledger.entry, n * sizeof(*more));

	if (!more)
		return NULL;
	pthread_once(&once, make_key);
	for (size_t i = ledger.n; i < n; i++)
		more[i].tasks = 0;
	ledger.entry = more;
	pthread_setspecific(ledger_key, more);
	more += ledger.n;
	ledger.n = n;
	return more;
}

unsigned long *ipci_tasks_held(const struct ipci_tasks *t)
{
	struct held *h = find(t->queue);

	if (h)
		return &h->tasks;
	h = find_free();
	if (!h)
		h = grow();
	if (!h)
		return NULL;
	h->queue = t->queue;
	return &h->tasks;
}

/* ---- done and join ---- */

/* more done than put is damage; true, so that nobody sleeps over it */
static bool all_done(const void *arg)
{
	const struct ipci_tasks *t = arg;
	uint64_t n = ipci_distance(t->put, t->done);

	return n == 0 || n > LONG_MAX;
}

void ipci_tasks_init(struct ipci_tasks *t, struct side_shm *done,
		     const struct side_shm *put)
{
	static _Atomic uint64_t handles;

	t->done = done;
	t->put = put;
	t->gate = (struct ipci_gate){.word = &done->word,
				     .hint = &done->hint,
				     .index = &done->index,
				     .ready = all_done,
				     .arg = t,
				     .all = true};
	t->queue = atomic_fetch_add_explicit(&handles, 1, memory_order_relaxed);
}

int ipci_tasks_done(const struct ipci_tasks *t)
{
	struct ipci_self *self = ipci_self();
	struct held *h = find(t->queue);

	if (!h || !self)
		return -EINVAL;
	h->tasks--;
	ipci_gate_owe(self, &t->gate);			 /* D1 */
	atomic_fetch_add_explicit(&t->done->index, 1,	 /* D2 COMMIT */
				  memory_order_seq_cst); /* pairs: side_shm */
	if (all_done(t))				 /* D3 */
		ipci_gate_fire(&t->gate);
	ipci_gate_settle(self); /* D4 */
	return 0;
}

long ipci_tasks_unfinished(const struct ipci_tasks *t)
{
	uint64_t n = ipci_distance(t->put, t->done);

	return n > LONG_MAX ? -EBADMSG : (long)n;
}

int ipci_tasks_join(const struct ipci_tasks *t, int timeout_ms)
{
	struct ipci_self *self = ipci_self();
	int r;

	if (!self)
		return -ENOSYS;
	r = ipci_gate_await(self, &t->gate, ipci_deadline(timeout_ms));
	if (r < 0)
		return ipci_gave_up(timeout_ms);
	return ipci_distance(t->put, t->done) > LONG_MAX ? -EBADMSG : 0;
}
