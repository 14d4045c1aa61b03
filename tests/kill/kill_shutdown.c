/* SPDX-License-Identifier: MIT */
/*
 * kill_shutdown.c - ipc_queue_shutdown, and the last task_done after it, killed
 * at each instruction
 *
 * Executes K5 .. K9 in the KILLED rows of struct rare_shm.
 *
 * Whatever the row: it is shut down, or it is not. If it is, everybody who
 * slept for what cannot come any more is back and knows it; if it is not, all
 * go on as before. What waited is there, unless it was dropped; then it counts
 * as done.
 */
#include <errno.h>
#include <stdio.h>

#include <libipc.h>
#include "region.h"
#include "sweep.h"

enum {
	CAPACITY = 3,
	SLEEPERS = 3,
};

struct row {
	enum ipc_order order;
	bool immediate;
	bool before; /* it was shut down before, but nothing was dropped */
	unsigned int filled;
	unsigned int getters; /* asleep when the victim begins */
	unsigned int putters;
	unsigned int joiners;
	bool in_flight;	      /* they are not yet asleep, but about to be */
	unsigned int stopped; /* of them, as they wake; they keep nobody */
	bool inside;	      /* a putter is stopped in its gate */
	bool holds; /* the victim marks its task done, after a shutdown */
	uint32_t flags;
};

static struct ipc_queue *queue;
static struct proc *sleeper[SLEEPERS + 1], *insider;
static unsigned int sleepers;
static uint64_t state;
static _Atomic int *returned; /* the victim's call has */

static struct queue_shm *words(void)
{
	return (struct queue_shm *)((struct ipci_region *)queue)->body;
}

/* --------------------------------------------------------------- processes */

static int get_one(const void *arg)
{
	long item;

	(void)arg;
	sweep_marker();
	return ipc_queue_get(queue, &item, sizeof(item), -1);
}

static int put_one(const void *arg)
{
	long item = 9;

	(void)arg;
	sweep_marker();
	return ipc_queue_put(queue, &item, sizeof(item), -1);
}

static int join_once(const void *arg)
{
	(void)arg;
	sweep_marker();
	return ipc_queue_join(queue, -1);
}

static int victim(const void *arg)
{
	const struct row *row = arg;
	long item;
	int r;

	if (row->holds)
		sweep_require(ipc_queue_get(queue, &item, sizeof(item), 0) > 0);
	sweep_marker();
	r = row->holds ? ipc_queue_task_done(queue)
		       : ipc_queue_shutdown(queue, row->immediate);
	*returned = true;
	return r;
}

/* ------------------------------------------------------------------- begin */

static void add(unsigned int n, int (*fn)(const void *), bool in_flight)
{
	for (unsigned int i = 0; i < n; i++, sleepers++) {
		struct proc **p = &sleeper[sleepers];

		if (in_flight) {
			*p = sweep_trace(fn, NULL);
			sweep_to_sleep_entry(*p);
		} else {
			*p = sweep_spawn(fn, NULL);
			sweep_until_asleep(*p);
		}
	}
}

/* asleep, the first in line; as they wake, they stand still */
static void add_stopped(unsigned int n, int (*fn)(const void *))
{
	for (; sleepers < n; sleepers++) {
		sleeper[sleepers] = sweep_trace(fn, NULL);
		sweep_to_sleep_entry(sleeper[sleepers]);
		sweep_into_sleep(sleeper[sleepers]);
	}
}

static void add_insider(void)
{
	insider = sweep_trace(put_one, NULL);
	while ((words()->put.word & IPCI_GATE_OWNER) !=
	       (uint64_t)sweep_pid(insider))
		sweep_require(sweep_step(insider));
}

static void begin(const void *arg)
{
	const struct row *row = arg;
	struct ipc_queue_opts opts = {.maxsize = CAPACITY,
				      .item_size = sizeof(long),
				      .order = row->order,
				      .flags = row->flags};

	sweep_require(ipc_queue_create(&queue, NULL, &opts) == 0);
	for (long i = 0; i < row->filled; i++)
		sweep_require(!ipc_queue_put(queue, &i, sizeof(i), 0));
	if (row->before)
		sweep_require(ipc_queue_shutdown(queue, false) == 0);
	sleepers = 0;
	insider = NULL;
	if (row->holds)
		return;
	add_stopped(row->stopped, row->getters ? get_one : put_one);
	add(row->getters, get_one, row->in_flight);
	add(row->putters, put_one, row->in_flight);
	add(row->joiners, join_once, row->in_flight);
	if (row->inside)
		add_insider();
}

/* the victim has its task: nobody else gets anything until it is done */
static void marked(const void *arg)
{
	const struct row *row = arg;

	if (!row->holds)
		return;
	sweep_require(ipc_queue_shutdown(queue, false) == 0);
	add(row->getters, get_one, row->in_flight);
	add(row->joiners, join_once, row->in_flight);
}

/* the victim waits for the one inside */
static void ask(const void *arg)
{
	(void)arg;
	if (insider)
		sweep_let_go(insider);
}

static void look(const void *arg)
{
	(void)arg;
	state = words()->rare.state;
	sweep_note(", state %llu", (unsigned long long)state);
	sweep_note_side("put", &words()->put);
	sweep_note_side("get", &words()->get);
	sweep_note_side("done", &words()->done);
}

static void end(const void *arg)
{
	(void)arg;
	ipc_queue_close(queue);
}

/* ------------------------------------------------------------------- judge */

static bool all_ended(const void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < sleepers; i++)
		if (!sweep_ended(sleeper[i]))
			return false;
	return true;
}

static bool others_ended(const void *arg)
{
	const struct row *row = arg;

	for (unsigned int i = row->stopped; i < sleepers; i++)
		if (!sweep_ended(sleeper[i]))
			return false;
	return true;
}

/* the victim's death woke one, who may be stopped; whoever comes next wakes
   another one */
static const char *without_the_stopped(const struct row *row)
{
	for (unsigned int i = 0; !*returned && i < row->stopped; i++) {
		ipc_queue_put(queue, NULL, 0, 0);
		ipc_queue_get(queue, NULL, 0, 0);
	}
	return sweep_eventually(others_ended, row)
		       ? NULL
		       : "others sleep, for some are stopped";
}

/* they were added last */
static bool only_joiners_sleep(const void *arg)
{
	const struct row *row = arg;

	for (unsigned int i = 0; i < row->getters; i++)
		if (!sweep_ended(sleeper[i]))
			return false;
	return true;
}

static bool nobody_ended(void)
{
	for (unsigned int i = 0; i < sleepers; i++)
		if (sweep_ended(sleeper[i]))
			return false;
	return true;
}

/* getters and putters are told, joiners have what they waited for */
static const char *what_they_got(const struct row *row)
{
	for (unsigned int i = 0; i < sleepers; i++) {
		int value = 1;

		if (!sweep_returned(sleeper[i], &value) ||
		    value != (row->joiners ? 0 : -ESHUTDOWN))
			return "a sleeper got a wrong answer";
	}
	return NULL;
}

static const char *finish(const struct row *row, bool dropped)
{
	long item = 5, left = row->filled + (insider != NULL);

	if (!sweep_eventually(all_ended, NULL))
		return "somebody sleeps though it is shut down";
	if (ipc_queue_put(queue, &item, sizeof(item), 0) != -ESHUTDOWN)
		return "something can be put";
	if (ipc_queue_size(queue) != (dropped ? 0 : left))
		return "what waits is not what was put";
	while (ipc_queue_get(queue, &item, sizeof(item), 0) > 0)
		if (row->flags & LIBIPC_JOINABLE)
			sweep_require(ipc_queue_task_done(queue) == 0);
	if (ipc_queue_get(queue, &item, sizeof(item), -1) != -ESHUTDOWN)
		return "a get does not end";
	if (row->flags & LIBIPC_JOINABLE && ipc_queue_join(queue, 0))
		return "a join does not end";
	return what_they_got(row);
}

/* it was done; or it came back, and went from one getter that ended without
   having done it to the next, and at last to us */
static const char *judge_last_task(const struct row *row)
{
	long item;
	int r;

	for (unsigned int i = 0; i < sleepers; i++)
		sweep_let_go(sleeper[i]);
	if (ipc_queue_unfinished(queue) &&
	    !sweep_eventually(only_joiners_sleep, row))
		return "a getter sleeps though the task has come back";
	r = ipc_queue_get(queue, &item, sizeof(item), sweep_limit_ms());
	if (r > 0)
		r = ipc_queue_task_done(queue);
	if (r < 0 && r != -ESHUTDOWN)
		return "the task cannot be had and done";
	if (!sweep_eventually(all_ended, NULL))
		return "somebody sleeps though all is done";
	return ipc_queue_unfinished(queue) ? "unfinished is wrong" : NULL;
}

static bool insider_is_out(const void *arg)
{
	(void)arg;
	return sweep_returned(insider, NULL);
}

static const char *judge(const void *arg)
{
	const struct row *row = arg;
	bool done =
		state & (row->immediate ? IPCI_STATE_DROPPED : IPCI_STATE_SHUT);
	const char *wrong = NULL;

	if (row->holds)
		return judge_last_task(row);
	if (row->stopped && done)
		wrong = without_the_stopped(row);
	for (unsigned int i = 0; i < sleepers; i++)
		sweep_let_go(sleeper[i]);
	if (wrong)
		return wrong;
	if (insider)
		sweep_let_go(insider);
	if (insider && !sweep_eventually(insider_is_out, NULL))
		return "the one inside does not come out";
	if (!done) {
		sweep_until_quiet();
		if (!nobody_ended())
			return "somebody is back though nothing happened";
		if (ipc_queue_shutdown(queue, row->immediate))
			return "shutdown fails";
	}
	return finish(row, row->immediate);
}

/* -------------------------------------------------------------------- rows */

#define ROW(text, every, ...)                                                  \
	{                                                                      \
		.name = text, .row = &(const struct row){__VA_ARGS__},         \
		.begin = begin, .victim = victim, .marked = marked,            \
		.asleep = ask, .look = look, .judge = judge, .end = end,       \
		.stride = every                                                \
	}

static const struct sweep sweeps[] = {
	ROW("shutdown, idle", 11, .filled = 2),
	ROW("shutdown, 1 getter asleep", 7, .getters = 1),
	ROW("shutdown, 3 getters asleep", 11, .getters = 3),
	ROW("shutdown, 3 getters about to sleep", 17, .getters = 3,
	    .in_flight = true),
	ROW("shutdown, 3 putters asleep", 11, .filled = 3, .putters = 3),
	ROW("shutdown, 3 putters about to sleep", 17, .filled = 3, .putters = 3,
	    .in_flight = true),
	ROW("shutdown, 2 of 3 getters stopped as they woke", 13, .getters = 1,
	    .stopped = 2),
	ROW("shutdown, 2 of 3 putters stopped as they woke", 13, .filled = 3,
	    .putters = 1, .stopped = 2),
	ROW("shutdown, a putter inside", 17, .filled = 1, .inside = true),
	ROW("shutdown, LIFO, 3 getters asleep", 19, .order = LIBIPC_LIFO,
	    .getters = 3),
	ROW("shutdown, by priority, 3 putters asleep", 19,
	    .order = LIBIPC_PRIORITY, .filled = 3, .putters = 3),
	ROW("shutdown, single consumer asleep", 11, .getters = 1,
	    .flags = LIBIPC_SINGLE_CONSUMER),
	ROW("shutdown, single producer asleep", 11, .filled = 3, .putters = 1,
	    .flags = LIBIPC_SINGLE_PRODUCER),
	ROW("shutdown, joinable, 3 getters asleep", 17, .getters = 3,
	    .flags = LIBIPC_JOINABLE),
	ROW("shutdown at once, idle", 11, .immediate = true, .filled = 2),
	ROW("shutdown at once, 3 putters asleep", 13, .immediate = true,
	    .filled = 3, .putters = 3),
	ROW("shutdown at once, 1 joiner asleep", 11, .immediate = true,
	    .filled = 2, .joiners = 1, .flags = LIBIPC_JOINABLE),
	ROW("shutdown at once, 3 joiners asleep", 13, .immediate = true,
	    .filled = 2, .joiners = 3, .flags = LIBIPC_JOINABLE),
	ROW("shutdown at once, 3 joiners about to sleep", 13, .immediate = true,
	    .filled = 2, .joiners = 3, .in_flight = true,
	    .flags = LIBIPC_JOINABLE),
	ROW("shutdown at once after another, 3 joiners asleep", 13,
	    .immediate = true, .before = true, .filled = 2, .joiners = 3,
	    .flags = LIBIPC_JOINABLE),
	ROW("task_done after a shutdown, 1 getter asleep", 11, .holds = true,
	    .filled = 1, .getters = 1, .flags = LIBIPC_JOINABLE),
	ROW("task_done after a shutdown, 2 getters and a joiner asleep", 13,
	    .holds = true, .filled = 1, .getters = 2, .joiners = 1,
	    .flags = LIBIPC_JOINABLE),
	ROW("task_done after a shutdown, 3 getters about to sleep", 17,
	    .holds = true, .filled = 1, .getters = 3, .in_flight = true,
	    .flags = LIBIPC_JOINABLE),
};

int main(int argc, char **argv)
{
	returned = sweep_shared(sizeof(*returned));
	return sweep_main(argc, argv, sweeps, sizeof(sweeps) / sizeof(*sweeps));
}
