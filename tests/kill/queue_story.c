/* SPDX-License-Identifier: MIT */
/*
 * queue_story.c - what happens in each point of a sweep over a queue
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libipc.h>
#include "queue_story.h"
#include "region.h"

/* items are numbers; who put them */
enum {
	BEFORE = 1,   /* the parent, before the victim was there */
	VICTIM = 101, /* the victim */
	OTHERS = 201, /* the sleepers, one each; in no special order */
	AFTER = 301,  /* the parent, after the victim began */
	NUMBERS = 400,
	SLEEPERS = 4,
	MANY = 3,
};

/* in the order of taking */
struct log {
	_Atomic int n;
	long item[NUMBERS];
};

static struct shared {
	struct log sleeper[SLEEPERS];
	struct log victim;
	struct log parent;
	int victim_put; /* how many its put reported */
} * shared;

static struct ipc_queue *queue;
static struct proc *getter[SLEEPERS], *putter[SLEEPERS], *insider;
static int getters, putters;
static bool asked;
static long next_after;

static struct queue_shm *words(void)
{
	return (struct queue_shm *)((struct ipci_region *)queue)->body;
}

/* -------------------------------------------------------------- processes */

static bool puts_items(enum op op)
{
	return op != GET && op != GET_MANY && op != GET_BACK;
}

/* its item comes before all others */
static bool puts_first(enum op op)
{
	return op == PUT_FRONT || op == PUT_FIRST;
}

static void log_item(struct log *log, long item)
{
	log->item[log->n] = item;
	log->n++;
}

static int get_one(const void *arg)
{
	struct log *log = &shared->sleeper[*(const int *)arg];
	long item;

	sweep_marker();
	if (ipc_queue_get(queue, &item, sizeof(item), -1) == sizeof(item))
		log_item(log, item);
	return 0;
}

static int put_one(const void *arg)
{
	long item = OTHERS + *(const int *)arg;

	sweep_marker();
	return ipc_queue_put(queue, &item, sizeof(item), -1);
}

int queue_story_victim(const void *arg)
{
	static const long mine[MANY] = {VICTIM, VICTIM + 1, VICTIM + 2};
	const struct row *row = arg;
	int r = 0, timeout_ms = row->timeout_ms ? row->timeout_ms : -1;
	long got[MANY];

	sweep_marker();
	switch (row->op) {
	case PUT:
		r = ipc_queue_put(queue, mine, sizeof(long), timeout_ms);
		shared->victim_put = r == 0;
		return r;
	case PUT_MANY:
		r = ipc_queue_put_many(queue, mine, sizeof(long), MANY,
				       timeout_ms);
		shared->victim_put = r < 0 ? 0 : r;
		return r;
	case PUT_FRONT:
		r = ipc_queue_put_front(queue, mine, sizeof(long), timeout_ms);
		shared->victim_put = r == 0;
		return r;
	case PUT_FIRST:
		r = ipc_queue_put_priority(queue, mine, sizeof(long), -1,
					   timeout_ms);
		shared->victim_put = r == 0;
		return r;
	case GET:
		r = ipc_queue_get(queue, got, sizeof(long), timeout_ms);
		r = r < 0 ? r : 1;
		break;
	case GET_BACK:
		r = ipc_queue_get_back(queue, got, sizeof(long), timeout_ms);
		r = r < 0 ? r : 1;
		break;
	case GET_MANY:
		r = ipc_queue_get_many(queue, got, sizeof(long), NULL, MANY,
				       timeout_ms);
		break;
	}
	for (int i = 0; i < r; i++)
		shared->victim.item[i] = got[i];
	if (r > 0)
		shared->victim.n = r; /* told all at once */
	return r;
}

/* ------------------------------------------------------------------ begin */

static const int number[SLEEPERS] = {0, 1, 2, 3};

static struct proc *sleeper(int (*fn)(const void *), int i, bool in_flight)
{
	struct proc *p;

	if (in_flight) {
		p = sweep_trace(fn, &number[i]);
		sweep_to_sleep_entry(p);
	} else {
		p = sweep_spawn(fn, &number[i]);
		sweep_until_asleep(p);
	}
	return p;
}

static void add_getters(unsigned int n, bool in_flight)
{
	for (unsigned int i = 0; i < n; i++, getters++)
		getter[getters] = sleeper(get_one, getters, in_flight);
}

static void add_putters(unsigned int n, bool in_flight)
{
	for (unsigned int i = 0; i < n; i++, putters++)
		putter[putters] = sleeper(put_one, putters, in_flight);
}

/*
 * One that is stopped as the holder of the gate that the victim will want: that
 * of its own side; or the one behind it, where somebody from across can be: the
 * pool, or the gate of the other end.
 */
static void add_insider(const struct row *row)
{
	bool puts = puts_items(row->op) != row->across;
	_Atomic uint64_t *word = puts ? &words()->put.word : &words()->get.word;
	int *count = puts ? &putters : &getters;
	struct proc **slot = puts ? &putter[putters] : &getter[getters];

	if (row->pooled)
		word = &words()->pool.word;
	*slot = sweep_trace(puts ? put_one : get_one, &number[*count]);
	insider = *slot;
	++*count;
	while ((*word & IPCI_GATE_OWNER) != (uint64_t)sweep_pid(insider))
		sweep_require(sweep_step(insider));
	while (row->after_death && !words()->pool.dirty)
		sweep_require(sweep_step(insider));
	for (unsigned int i = 0; i < row->deep; i++)
		sweep_require(sweep_step(insider));
	sweep_require(*word & IPCI_GATE_OWNER);
}

/* ... and that has died there, so that the victim begins with a rebuild */
static void add_dead_insider(const struct row *row)
{
	add_insider(row);
	sweep_slay(insider);
	sweep_require(words()->pool.dirty);
}

static bool put_after(void)
{
	long item = next_after;

	if (ipc_queue_put(queue, &item, sizeof(item), sweep_limit_ms()) < 0)
		return false;
	next_after++;
	return true;
}

static int take(int timeout_ms)
{
	long item;
	int r = ipc_queue_get(queue, &item, sizeof(item), timeout_ms);

	if (r == sizeof(item))
		log_item(&shared->parent, item);
	return r;
}

/* so that what the victim finds, is not what it was born with */
static void turn(void)
{
	long item;

	for (int i = 0; i < 2; i++) {
		sweep_require(
			ipc_queue_get_back(queue, &item, sizeof(item), 0) > 0);
		sweep_require(!ipc_queue_put(queue, &item, sizeof(item), 0));
		sweep_require(ipc_queue_get(queue, &item, sizeof(item), 0) > 0);
		sweep_require(
			!ipc_queue_put_front(queue, &item, sizeof(item), 0));
	}
}

/* what the victim writes to, is not new */
static void use_all(unsigned int maxsize)
{
	long item = BEFORE;

	for (unsigned int i = 0; i < maxsize; i++)
		sweep_require(!ipc_queue_put(queue, &item, sizeof(item), 0));
	for (unsigned int i = 0; i < maxsize; i++)
		sweep_require(ipc_queue_get(queue, &item, sizeof(item), 0) > 0);
}

void queue_story_begin(const void *arg)
{
	const struct row *row = arg;
	struct ipc_queue_opts opts = {
		.maxsize = row->maxsize,
		.item_size = row->item_size ? row->item_size : sizeof(long),
		.order = row->order,
		.flags = row->flags};

	sweep_require(ipc_queue_create(&queue, NULL, &opts) == 0);
	if (row->used)
		use_all(row->maxsize);
	for (long i = 0; i < (long)row->filled; i++) {
		long item = BEFORE + i;

		sweep_require(!ipc_queue_put(queue, &item, sizeof(item), 0));
	}
	if (row->turned)
		turn();
	getters = putters = 0;
	insider = NULL;
	asked = false;
	next_after = AFTER;
	add_getters(row->getters, row->in_flight);
	add_putters(row->putters, row->in_flight);
	if (row->after_death)
		add_dead_insider(row);
	else if (row->inside)
		add_insider(row);
}

/*
 * What the victim waits for: others begin to wait behind it, and then the one
 * inside goes on, or there is one item, or room for one.
 */
void queue_story_ask(const void *arg)
{
	const struct row *row = arg;

	asked = true;
	if (puts_items(row->op))
		add_putters(row->behind, false);
	else
		add_getters(row->behind, false);
	if (row->timeout_ms)
		return;
	if (insider && !row->after_death && row->it_dies)
		sweep_slay(insider);
	else if (insider && !row->after_death)
		sweep_let_go(insider);
	else if (puts_items(row->op))
		sweep_require(take(0) > 0);
	else
		sweep_require(put_after());
}

void queue_story_end(const void *arg)
{
	(void)arg;
	ipc_queue_close(queue);
}

/* ------------------------------------------------------------------ judge */

static int waiting(struct proc *const *p, int n)
{
	int waits = 0;

	for (int i = 0; i < n; i++)
		waits += !sweep_ended(p[i]);
	return waits;
}

/* those who wait have reason to */
static bool nobody_waits_in_vain(const void *arg)
{
	long n = ipc_queue_size(queue);

	(void)arg;
	return (n == 0 || waiting(getter, getters) == 0) &&
	       (n == ipc_queue_maxsize(queue) || waiting(putter, putters) == 0);
}

/* where an item comes among those that wait, or wherever it likes: 0 */
static long rank(const struct row *row, long item)
{
	if (item >= OTHERS && item < AFTER)
		return 0;
	if (item >= VICTIM && item < OTHERS && puts_first(row->op))
		return 1;
	return row->order == LIBIPC_LIFO ? NUMBERS - item : item + 1;
}

/* n items that were taken one after another, with none put in between */
static bool in_order(const struct row *row, const long *item, int n)
{
	long last = 0;

	for (int i = 0; i < n; i++) {
		long now = rank(row, item[i]);

		if (now && now <= last)
			return false;
		last = now ? now : last;
	}
	return true;
}

/* all that is there */
static const char *drain(const struct row *row)
{
	int before = shared->parent.n;

	while (ipc_queue_size(queue) > 0)
		if (take(sweep_limit_ms()) < 0)
			return "get fails though there are items";
	if (take(0) != -EAGAIN)
		return "an item too many";
	return in_order(row, shared->parent.item + before,
			shared->parent.n - before)
		       ? NULL
		       : "out of order";
}

/* gives the sleepers what they wait for, and takes out what is left */
static const char *satisfy_all(const struct row *row)
{
	while (waiting(getter, getters)) {
		if (!put_after())
			return "put fails though there is room";
		if (!sweep_eventually(nobody_waits_in_vain, NULL))
			return "a getter sleeps though an item was put";
	}
	while (waiting(putter, putters)) {
		if (take(sweep_limit_ms()) < 0)
			return "get fails though it is full";
		if (!sweep_eventually(nobody_waits_in_vain, NULL))
			return "a putter sleeps though an item was taken";
	}
	return drain(row);
}

static const char *use_it_all(const struct row *row)
{
	for (unsigned int i = 0; i < row->maxsize; i++)
		if (!put_after())
			return "the capacity has shrunk";
	if (ipc_queue_full(queue) != 1)
		return "not full";
	return drain(row);
}

static void count(const struct log *log, int seen[NUMBERS])
{
	for (int i = 0; i < log->n; i++)
		if (log->item[i] >= 0 && log->item[i] < NUMBERS)
			seen[log->item[i]]++;
		else
			seen[0]++;
}

/* all or nothing of what the victim put; all, if it returned */
static const char *check_put(const int *seen)
{
	int there = 0;

	for (int i = 0; i < MANY; i++)
		there += seen[VICTIM + i];
	if (shared->victim_put && there != shared->victim_put)
		return "a put had returned, and not all of it is there";
	for (int i = 0; i < there; i++)
		if (!seen[VICTIM + i])
			return "a put is there in parts";
	return NULL;
}

/* whose put had returned, and that nobody got */
static unsigned int count_lost(const struct row *row, const int *seen)
{
	unsigned int lost = 0;

	for (unsigned int i = 0; i < row->filled; i++)
		lost += !seen[BEFORE + i];
	for (long i = AFTER; i < next_after; i++)
		lost += !seen[i];
	for (int i = 0; i < putters; i++)
		lost += sweep_returned(putter[i], NULL) && !seen[OTHERS + i];
	return lost;
}

/* getters that were killed took all that they would have reported, or nothing;
   one that returned has told us what it took */
static bool went_with_the_dead(const struct row *row, unsigned int n)
{
	unsigned int there = row->filled ? row->filled : 1, victims = 0;
	unsigned int insiders =
		row->it_dies && puts_items(row->op) == row->across;

	if ((row->op == GET || row->op == GET_BACK) && !shared->victim.n)
		victims = 1;
	if (row->op == GET_MANY && !shared->victim.n)
		victims = there < MANY ? there : MANY;
	return n == 0 || n == victims || n == insiders ||
	       n == victims + insiders;
}

static const char *account(const struct row *row)
{
	int seen[NUMBERS] = {0};

	for (int i = 0; i < SLEEPERS; i++)
		count(&shared->sleeper[i], seen);
	count(&shared->victim, seen);
	count(&shared->parent, seen);
	if (seen[0])
		return "an item that nobody put";
	for (int i = 0; i < NUMBERS; i++)
		if (seen[i] > 1)
			return "an item came twice";
	if (!in_order(row, shared->victim.item, shared->victim.n))
		return "the victim got them out of order";
	if (!went_with_the_dead(row, count_lost(row, seen)))
		return "an item is lost";
	return check_put(seen);
}

void queue_story_look(const void *arg)
{
	(void)arg;
	sweep_note_side("put", &words()->put);
	sweep_note_side("get", &words()->get);
}

static void let_fly(void)
{
	for (int i = 0; i < getters; i++)
		if (getter[i] != insider)
			sweep_let_go(getter[i]);
	for (int i = 0; i < putters; i++)
		if (putter[i] != insider)
			sweep_let_go(putter[i]);
}

const char *queue_story_judge(const void *arg)
{
	const struct row *row = arg;
	const char *wrong;

	let_fly();
	if (row->asks && !asked)
		queue_story_ask(row);
	if (!sweep_eventually(nobody_waits_in_vain, NULL))
		return "somebody sleeps though there is an item, or room";
	wrong = satisfy_all(row);
	if (!wrong)
		wrong = use_it_all(row);
	return wrong ? wrong : account(row);
}

int queue_story_main(int argc, char **argv, const struct sweep *sweeps,
		     size_t n)
{
	shared = sweep_shared(sizeof(*shared));
	return sweep_main(argc, argv, sweeps, n);
}
