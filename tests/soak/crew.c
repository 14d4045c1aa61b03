/* SPDX-License-Identifier: MIT */
/*
 * crew.c - what the members do, and what it means when one is killed
 */
#include "soak.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGE = 9000 }; /* a message in pieces: the pipes have 4096 bytes */

/* ----------------------------------------------------------------- numbers */

struct soak_item soak_item(int series, uint64_t number)
{
	struct soak_item item = {.number = number, .series = series};

	item.check = (uint32_t)(number * 2654435761u) ^ (uint32_t)series;
	return item;
}

bool soak_item_ok(const struct soak_item *item)
{
	struct soak_item want = soak_item(item->series, item->number);

	return item->check == want.check && item->series >= SOAK_STOP &&
	       item->series < soak->n_series;
}

_Atomic uint8_t *soak_mark(int series, uint64_t number)
{
	return &soak->series[series].mark[number % SOAK_WINDOW];
}

/* every so many tasks of such a group end their worker */
bool soak_is_poison(int group, uint64_t number)
{
	return soak->group[group].poisoned && number % 64 == 0;
}

/* once; a second time is a breach */
static void mark_once(const struct soak_member *m, const struct soak_item *item,
		      uint8_t bit)
{
	if (atomic_fetch_or(soak_mark(item->series, item->number), bit) & bit)
		soak_breach("%s, %s: number %llu of series %d twice",
			    soak->group[m->group].what, m->role->name,
			    (unsigned long long)item->number, item->series);
}

/* ------------------------------------------------------------------- calls */

static double began;

static void before_call(void)
{
	began = soak_ms();
}

static void after_call(struct soak_member *m)
{
	uint64_t us = (uint64_t)((soak_ms() - began) * 1000);

	if (us > m->slowest_us)
		m->slowest_us = us;
	m->calls++;
}

static void expect(const struct soak_member *m, bool ok, const char *call,
		   int r)
{
	if (!ok)
		soak_breach("%s, %s: %s answers %d", soak->group[m->group].what,
			    m->role->name, call, r);
}

/* until main lets all go on; nothing is under way */
static void park(struct soak_member *m)
{
	m->parked = true;
	while (soak->pausing)
		soak_sleep_ms(1);
	m->parked = false;
}

static void maybe_park(struct soak_member *m)
{
	if (soak->pausing)
		park(m);
}

/* those of a named queue came by its name */
static struct ipc_queue *queue_of(const struct soak_member *m)
{
	struct soak_group *g = &soak->group[m->group];
	struct ipc_queue *q = soak_of(g)->q[0];
	int r;

	if (!g->name[0])
		return q;
	r = ipc_queue_open(&q, g->name);
	expect(m, r == 0, "open", r);
	return q;
}

/* ------------------------------------------------------------------ queues */

/* the window is what the accounts can hold until the next pause */
static bool has_room(const struct soak_member *m)
{
	return m->put + SOAK_BATCH - soak->series[m->series].base <
	       SOAK_WINDOW - SOAK_BATCH;
}

static void run_producer(struct soak_member *m)
{
	struct ipc_queue *q = queue_of(m);
	struct soak_item items[SOAK_BATCH];

	for (;;) {
		int n = m->batch, r;

		maybe_park(m);
		if (soak->group[m->group].poisoned)
			soak_sleep_ms(2);
		if (!has_room(m)) {
			soak_sleep_ms(1);
			continue;
		}
		for (int i = 0; i < n; i++)
			items[i] =
				soak_item(m->series, m->put + (uint64_t)i + 1);
		before_call();
		m->tried = m->put + (uint64_t)n;
		r = n == 1 ? ipc_queue_put(q, items, sizeof(*items),
					   LIBIPC_FOREVER)
			   : ipc_queue_put_many(q, items, sizeof(*items),
						(size_t)n, LIBIPC_FOREVER);
		expect(m, r >= 0 && r <= n, "put", r);
		m->put += (uint64_t)(n == 1 ? 1 : r);
		m->tried = m->put;
		after_call(m);
	}
}

static void producer_died(struct soak_member *m)
{
	for (uint64_t n = m->put + 1; n <= m->tried; n++) {
		*soak_mark(m->series, n) |= SOAK_MAYBE_PUT;
		soak->maybe++;
	}
	m->put = m->tried;
}

/* one consumer sees the numbers of a series in their order */
static int take_note(struct soak_member *m, const struct soak_item *item,
		     uint64_t last[SOAK_SERIES])
{
	expect(m, soak_item_ok(item), "get: a damaged item", 0);
	if (item->series == SOAK_STOP)
		return 1;
	mark_once(m, item, SOAK_SEEN);
	if (item->number <= last[item->series])
		soak_breach("%s: number %llu of series %d after %llu",
			    soak->group[m->group].what,
			    (unsigned long long)item->number, item->series,
			    (unsigned long long)last[item->series]);
	last[item->series] = item->number;
	return 0;
}

static int get_some(struct soak_member *m, struct ipc_queue *q,
		    struct soak_item items[SOAK_BATCH])
{
	int r;

	before_call();
	m->asks = (uint64_t)m->batch;
	if (m->batch == 1) {
		r = ipc_queue_get(q, items, sizeof(*items), LIBIPC_FOREVER);
		expect(m, r == (int)sizeof(*items), "get", r);
		r = 1;
	} else {
		r = ipc_queue_get_many(q, items, sizeof(*items), NULL,
				       (size_t)m->batch, LIBIPC_FOREVER);
		expect(m, r >= 1 && r <= m->batch, "get_many", r);
	}
	after_call(m);
	return r;
}

/* of the items that tell to pause there is one for each */
static void pause_after(struct soak_member *m, struct ipc_queue *q, int stops)
{
	struct soak_item stop = soak_item(SOAK_STOP, 0);

	for (; stops > 1; stops--)
		ipc_queue_put(q, &stop, sizeof(stop), LIBIPC_FOREVER);
	if (stops)
		park(m);
}

static void run_consumer(struct soak_member *m)
{
	struct ipc_queue *q = queue_of(m);
	struct soak_item items[SOAK_BATCH];
	uint64_t last[SOAK_SERIES] = {0};

	for (;;) {
		int n = get_some(m, q, items), stops = 0;

		for (int i = 0; i < n; i++)
			stops += take_note(m, &items[i], last);
		m->asks = 0;
		pause_after(m, q, stops);
	}
}

static void consumer_died(struct soak_member *m)
{
	soak->group[m->group].lost += m->asks;
	soak->maybe += m->asks;
	m->asks = 0;
}

/* ------------------------------------------------------------------- tasks */

static void do_task(struct soak_member *m, struct ipc_queue *q,
		    const struct soak_item *item)
{
	int r;

	expect(m, soak_item_ok(item), "get: a damaged task", 0);
	if (item->series != SOAK_STOP && soak_is_poison(m->group, item->number))
		raise(SIGKILL);
	if (item->number % 256 == 0)
		soak_sleep_ms(1);
	m->ending_series = item->series;
	m->ending = item->number;
	r = ipc_queue_task_done(q);
	expect(m, r == 0, "task_done", r);
	if (item->series != SOAK_STOP)
		mark_once(m, item, SOAK_DONE);
	m->ending = 0;
}

/* one, and how often it came before */
static int get_task(struct soak_member *m, struct ipc_queue *q,
		    struct soak_item *item)
{
	const struct soak_group *g = &soak->group[m->group];
	struct ipc_task task;
	int r;

	before_call();
	r = ipc_queue_get_task(q, item, sizeof(*item), &task, LIBIPC_FOREVER);
	expect(m, r == (int)sizeof(*item), "get_task", r);
	expect(m, task.attempts >= 1 && task.attempts <= g->max_attempts,
	       "get_task: attempts", (int)task.attempts);
	soak->redelivered += task.attempts > 1;
	after_call(m);
	return 1;
}

static void run_worker(struct soak_member *m)
{
	struct ipc_queue *q = queue_of(m);
	struct soak_item items[SOAK_BATCH];

	for (;;) {
		int n = m->batch == 1 ? get_task(m, q, items)
				      : get_some(m, q, items);
		int stops = 0;

		for (int i = 0; i < n; i++) {
			stops += items[i].series == SOAK_STOP;
			do_task(m, q, &items[i]);
		}
		m->asks = 0;
		pause_after(m, q, stops);
	}
}

/* nothing may be lost: what it held goes to others. Only of the one task whose
   end was under way nobody knows. */
static void worker_died(struct soak_member *m)
{
	if (m->ending && m->ending_series != SOAK_STOP) {
		*soak_mark(m->ending_series, m->ending) |= SOAK_MAYBE_DONE;
		soak->maybe++;
	}
	m->ending = 0;
	m->asks = 0;
}

/* ------------------------------------------------------------------- mutex */

static void inside(struct soak_member *m, struct soak_group *g, bool news)
{
	uint64_t count;

	if (g->inside && !news)
		soak_breach("%s: %d is inside, too", g->what, (int)g->inside);
	g->inside = getpid();
	count = atomic_load_explicit(&g->counter, memory_order_relaxed);
	m->tried = m->put + 1;
	atomic_store_explicit(&g->counter, count + 1, memory_order_relaxed);
	m->put = m->tried;
	if (g->inside != getpid())
		soak_breach("%s: %d came in", g->what, (int)g->inside);
	g->inside = 0;
}

static void run_locker(struct soak_member *m)
{
	struct soak_group *g = &soak->group[m->group];
	struct ipc_mutex *mutex = soak_of(g)->m;
	int r = g->name[0] ? ipc_mutex_open(&mutex, g->name) : 0;

	expect(m, r == 0, "open", r);
	for (;;) {
		maybe_park(m);
		before_call();
		r = ipc_mutex_lock(mutex, LIBIPC_FOREVER);
		expect(m, r == 0 || r == LIBIPC_OWNER_DIED, "lock", r);
		after_call(m);
		inside(m, g, r == LIBIPC_OWNER_DIED);
		r = ipc_mutex_unlock(mutex);
		expect(m, r == 0, "unlock", r);
	}
}

/* whether it had counted is not known */
static void locker_died(struct soak_member *m)
{
	m->tried = m->put;
}

/* -------------------------------------------------------------------- pipe */

static size_t length_of(uint64_t number)
{
	return number % 50 ? 8 + number % 200 : LARGE;
}

static void fill(unsigned char *data, uint64_t number)
{
	memset(data, (int)(number * 37), length_of(number));
	memcpy(data, &number, sizeof(number));
}

/* the other end of this process is nothing to it */
static struct ipc_pipe *own_end(const struct soak_member *m, int e)
{
	struct soak_group *g = &soak->group[m->group];

	ipc_pipe_close(soak_of(g)->ends[1 - e]);
	return soak_of(g)->ends[e];
}

static void run_sender(struct soak_member *m)
{
	struct ipc_pipe *end = own_end(m, 1);
	static unsigned char data[LARGE];
	int r = 0;

	while (r == 0) {
		maybe_park(m);
		fill(data, m->put + 1);
		before_call();
		m->tried = m->put + 1;
		r = ipc_pipe_send(end, data, length_of(m->tried),
				  LIBIPC_FOREVER);
		if (r == 0)
			m->put = m->tried;
		after_call(m);
	}
	expect(m, r == -EPIPE, "send", r);
}

static void run_receiver(struct soak_member *m)
{
	struct ipc_pipe *end = own_end(m, 0);
	static unsigned char data[LARGE], want[LARGE];
	int r;

	for (;;) {
		before_call();
		r = ipc_pipe_recv(end, data, sizeof(data), LIBIPC_FOREVER);
		if (r < 0)
			break;
		fill(want, m->put + 1);
		if ((size_t)r != length_of(m->put + 1) ||
		    memcmp(data, want, (size_t)r))
			soak_breach("pipe: not message %llu",
				    (unsigned long long)m->put + 1);
		m->put++;
		after_call(m);
	}
	expect(m, r == -EPIPE, "recv", r);
}

/* --------------------------------------------------------------- ping-pong */

static void pass(struct soak_member *m, struct ipc_queue *from,
		 struct ipc_queue *to)
{
	uint64_t number;
	int r = ipc_queue_get(from, &number, sizeof(number), LIBIPC_FOREVER);

	expect(m, r == (int)sizeof(number), "get", r);
	if (number != m->put + 1)
		soak_breach("ping-pong: %llu, not %llu",
			    (unsigned long long)number,
			    (unsigned long long)m->put + 1);
	m->put = number;
	number += to == soak_of(&soak->group[m->group])->q[0];
	r = ipc_queue_put(to, &number, sizeof(number), LIBIPC_FOREVER);
	expect(m, r == 0, "put", r);
}

/* 0: the ball goes there; 1: and comes back */
static void run_pinger(struct soak_member *m)
{
	struct soak_group *g = &soak->group[m->group];
	uint64_t first = 1;

	ipc_queue_put(soak_of(g)->q[0], &first, sizeof(first), LIBIPC_FOREVER);
	for (;;) {
		maybe_park(m);
		before_call();
		pass(m, soak_of(g)->q[1], soak_of(g)->q[0]);
		after_call(m);
	}
}

static void run_ponger(struct soak_member *m)
{
	struct soak_group *g = &soak->group[m->group];

	for (;;) {
		pass(m, soak_of(g)->q[0], soak_of(g)->q[1]);
		m->calls++;
	}
}

static void nothing_to_allow(struct soak_member *m)
{
	(void)m;
}

const struct soak_role soak_producer = {"producer", run_producer,
					producer_died};
const struct soak_role soak_consumer = {"consumer", run_consumer,
					consumer_died};
const struct soak_role soak_worker = {"worker", run_worker, worker_died};
const struct soak_role soak_locker = {"locker", run_locker, locker_died};
const struct soak_role soak_sender = {"sender", run_sender, nothing_to_allow};
const struct soak_role soak_receiver = {"receiver", run_receiver,
					nothing_to_allow};
const struct soak_role soak_pinger = {"pinger", run_pinger, nothing_to_allow};
const struct soak_role soak_ponger = {"ponger", run_ponger, nothing_to_allow};
