/* SPDX-License-Identifier: MIT */
/*
 * kill_cross.c - one process frozen after each instruction, another killed
 *
 * What one death cannot show: two processes in the middle of the same gate.
 */
#include <stdio.h>
#include <string.h>

#include <libipc.h>
#include "region.h"
#include "sweep.h"

enum {
	CAPACITY = 2,
	SLEEPERS = 4,
	BRIEF_MS = 30, /* longer than all that comes before it runs out */
};

enum side { GETTERS, PUTTERS };

static struct ipc_queue *queue;
static struct proc *sleeper[SLEEPERS];
static int sleepers;

static struct queue_shm *words(void)
{
	return (struct queue_shm *)((struct ipci_region *)queue)->body;
}

/* --------------------------------------------------------------- processes */

static int put(int timeout_ms)
{
	return ipc_queue_put(queue, "x", 1, timeout_ms);
}

static int get(int timeout_ms)
{
	char item;

	return ipc_queue_get(queue, &item, 1, timeout_ms);
}

static int get_one(const void *arg)
{
	sweep_marker();
	return get(arg ? BRIEF_MS : -1);
}

static int put_one(const void *arg)
{
	sweep_marker();
	return put(arg ? BRIEF_MS : -1);
}

/* one who sleeps on that side, and one who wakes him */
static int (*waits(enum side side))(const void *)
{
	return side == GETTERS ? get_one : put_one;
}

static int (*wakes(enum side side))(const void *)
{
	return side == GETTERS ? put_one : get_one;
}

/* the parent does the one or the other */
static int go_on(enum side side)
{
	return side == GETTERS ? get(sweep_limit_ms()) : put(sweep_limit_ms());
}

static int give(enum side side)
{
	return side == GETTERS ? put(sweep_limit_ms()) : get(sweep_limit_ms());
}

/* there is nothing to get, or no room to put */
static void make_queue(enum side side)
{
	struct ipc_queue_opts opts = {.maxsize = CAPACITY, .item_size = 8};

	sweep_require(ipc_queue_create(&queue, NULL, &opts) == 0);
	for (int i = 0; side == PUTTERS && i < CAPACITY; i++)
		sweep_require(put(0) == 0);
	sleepers = 0;
}

static bool blocked(enum side side)
{
	return side == GETTERS ? ipc_queue_empty(queue) : ipc_queue_full(queue);
}

static bool nobody_waits_in_vain(const void *arg)
{
	int waiting = 0;

	for (int i = 0; i < sleepers; i++)
		waiting += !sweep_ended(sleeper[i]);
	return waiting == 0 || blocked(*(const enum side *)arg);
}

static void note_words(void)
{
	sweep_note_side("put", &words()->put);
	sweep_note_side("get", &words()->get);
}

static struct side_shm *side_of(enum side side)
{
	return side == GETTERS ? &words()->get : &words()->put;
}

static void step(struct proc *p, unsigned long n)
{
	while (n--)
		sweep_require(sweep_step(p));
}

/* up to n instructions; true: it has come to its end */
static bool step_until_returned(struct proc *p, unsigned long n)
{
	sweep_require(sweep_steps(p, n));
	return sweep_returned(p, NULL);
}

static bool is_inside(enum side side, const struct proc *p)
{
	return (side_of(side)->word & IPCI_GATE_OWNER) ==
	       (uint64_t)sweep_pid(p);
}

/* after a death: those who sleep do so with reason, and the next one wakes */
static const char *judge(enum side side)
{
	const char *wrong = NULL;

	for (int i = 0; i < sleepers; i++)
		sweep_let_go(sleeper[i]);
	sweep_until_quiet();
	if (!sweep_eventually(nobody_waits_in_vain, &side))
		wrong = "somebody sleeps though the dead one gave";
	for (int i = 0; i < sleepers && !wrong; i++) {
		if (blocked(side) && give(side) < 0)
			wrong = "it cannot be used";
		else if (!sweep_eventually(nobody_waits_in_vain, &side))
			wrong = "somebody sleeps though there is something";
	}
	if (wrong)
		note_words();
	ipc_queue_close(queue);
	return wrong;
}

/* -------------------------------------------------------------------- hint */

struct hint_row {
	enum side side;
	unsigned int later; /* instructions of the firer, after they came */
	enum { IN_FLIGHT, ASLEEP, LEAVES } how;
	bool goes_on; /* the firer, instead of being killed */
};

static bool is_left(enum side side)
{
	return side_of(side)->hint & IPCI_HINT_LEFT;
}

/*
 * The hint says that there are sleepers, and there are none: so the next one
 * to fire will take it back (F4). That is how it stands after a sleeper came,
 * was woken and went.
 */
static void make_hint_stale(enum side side)
{
	struct proc *p = sweep_spawn(waits(side), NULL);

	sweep_until_asleep(p);
	sweep_require(give(side) >= 0);
	while (!sweep_ended(p))
		;
	sweep_require(is_left(side));
}

static void add_sleepers(const struct hint_row *row)
{
	const enum side side = row->side;
	struct proc *p;

	p = sleeper[sleepers++] =
		sweep_trace(waits(side), row->how == LEAVES ? "brief" : NULL);
	sweep_to_sleep_entry(p);
	if (row->how == LEAVES) {
		sweep_call(p); /* its time may have run out already */
		p = sleeper[sleepers++] = sweep_spawn(waits(side), NULL);
		sweep_until_asleep(p);
	} else if (row->how == ASLEEP) {
		sweep_into_sleep(p);
	}
}

/*
 * A process is on its way out of a put, where it finds that nobody sleeps and
 * takes the hint back. There it stands while its item is taken, and somebody
 * goes to sleep. It goes on for a few instructions, and is killed. The next
 * item must wake the sleeper.
 */
static const char *hint_point(const void *arg, unsigned long k, bool *over)
{
	const struct hint_row *row = arg;
	struct proc *firer;

	make_queue(row->side);
	make_hint_stale(row->side);
	firer = sweep_trace(wakes(row->side), NULL);
	*over = step_until_returned(firer, k);
	if (!blocked(row->side))
		sweep_require(go_on(row->side) >= 0);
	add_sleepers(row);
	step(firer, row->later);
	note_words();
	sweep_slay(firer);
	if (row->how == LEAVES) {
		double until = sweep_now_ms() + BRIEF_MS;

		while (sweep_now_ms() < until)
			;
	}
	return judge(row->side);
}

/*
 * The same hint again? One leaves its hint and stalls. The item that it saw not
 * yet comes, its firer finds nobody, and stands k instructions into that, and
 * the item goes. Another one leaves a hint, and dies before it sleeps: so there
 * is a hint as the first one left it, but of another generation. The firer goes
 * on for a few instructions, and is killed; and the first one goes to sleep.
 */
static const char *stale_point(const void *arg, unsigned long k, bool *over)
{
	const struct hint_row *row = arg;
	struct proc *firer, *shot, *stalled;

	make_queue(row->side);
	stalled = sleeper[sleepers++] = sweep_trace(waits(row->side), NULL);
	while (!is_left(row->side))
		step(stalled, 1);
	firer = sweep_trace(wakes(row->side), NULL);
	*over = step_until_returned(firer, k);
	if (!blocked(row->side))
		sweep_require(go_on(row->side) >= 0);
	shot = sweep_trace(waits(row->side), NULL);
	sweep_to_sleep_entry(shot);
	sweep_slay(shot);
	sweep_to_sleep_entry(stalled);
	if (row->how == ASLEEP)
		sweep_let_go(stalled);
	if (row->how == ASLEEP)
		sweep_until_quiet();
	step(firer, row->later);
	note_words();
	if (row->goes_on)
		sweep_let_go(firer);
	else
		sweep_slay(firer);
	return judge(row->side);
}

/*
 * One who leaves a hint long after it looked. It has been inside and found
 * nothing; somebody else falls asleep, so the word need not change for it. It
 * is frozen k instructions later. The sleeper gets its item and goes; the next
 * firer is about to take back the hint of that time. Then a new one falls
 * asleep. The frozen one goes on, leaves its hint, cannot sleep, and takes what
 * there is.
 */
static struct proc *begin_late(enum side side)
{
	struct proc *frozen;

	make_queue(side);
	frozen = sweep_trace(waits(side), NULL);
	while (!is_inside(side, frozen))
		step(frozen, 1);
	while (is_inside(side, frozen))
		step(frozen, 1);
	sweep_until_asleep(sweep_spawn(waits(side), NULL));
	return frozen;
}

static struct proc *bring_firer(enum side side)
{
	sweep_require(give(side) >= 0);
	sweep_until_quiet();
	return sweep_trace(wakes(side), NULL);
}

/* instructions of the firer until it has taken the hint back */
static unsigned long count_until_hint_is_gone(enum side side)
{
	struct proc *firer, *frozen = begin_late(side);
	unsigned long n = 0;

	firer = bring_firer(side);
	sweep_require(is_left(side));
	for (; is_left(side); n++)
		step(firer, 1);
	sweep_slay(firer);
	sweep_slay(frozen);
	ipc_queue_close(queue);
	return n;
}

static const char *late_point(const void *arg, unsigned long k, bool *over)
{
	const enum side side = *(const enum side *)arg;
	unsigned long n = count_until_hint_is_gone(side);
	struct proc *frozen = begin_late(side), *firer;

	sleeper[sleepers++] = frozen;
	*over = !sweep_steps(frozen, k);
	firer = bring_firer(side);
	step(firer, n - 1);
	if (!blocked(side))
		sweep_require(go_on(side) >= 0);
	sleeper[sleepers++] = sweep_spawn(waits(side), NULL);
	sweep_until_asleep(sleeper[1]);
	if (!*over)
		sweep_to_sleep_entry(frozen);
	step(firer, 1);
	note_words();
	sweep_let_go(firer);
	sweep_require(give(side) >= 0);
	return judge(side);
}

/* ------------------------------------------------------------------ frozen */

struct frozen_row {
	enum side side;
	unsigned int later; /* instructions of the giver, after its commit */
};

static bool all_are_served(const void *arg)
{
	(void)arg;
	for (int i = 0; i < sleepers; i++)
		if (!sweep_ended(sleeper[i]))
			return false;
	return true;
}

/*
 * A getter is frozen, anywhere between its call and its sleep. A putter
 * commits, and is killed. The getter goes on, and must take the item.
 */
static const char *frozen_point(const void *arg, unsigned long k, bool *over)
{
	const struct frozen_row *row = arg;
	const _Atomic uint64_t *index;
	struct proc *giver;

	make_queue(row->side);
	index = &side_of(row->side == GETTERS ? PUTTERS : GETTERS)->index;
	sleeper[sleepers++] = sweep_trace(waits(row->side), NULL);
	*over = !sweep_steps(sleeper[0], k);
	giver = sweep_trace(wakes(row->side), NULL);
	for (uint64_t was = *index; *index == was;)
		step(giver, 1);
	step(giver, row->later);
	note_words();
	sweep_slay(giver);
	sweep_let_go(sleeper[0]);
	if (!sweep_eventually(all_are_served, NULL)) {
		ipc_queue_close(queue);
		return "it sleeps though the dead one gave";
	}
	return judge(row->side);
}

/* ----------------------------------------------------------------- stopped */

struct stopped_row {
	enum side side;
	bool taken; /* the next call takes the item, instead of giving one */
};

static bool others_wait_in_vain_no_more(const void *arg)
{
	const struct stopped_row *row = arg;

	return blocked(row->side) ||
	       (sweep_ended(sleeper[1]) && sweep_ended(sleeper[2]));
}

/* the next call after the one whose wake-up was swallowed */
static const char *next_call(const struct stopped_row *row)
{
	if (!blocked(row->side) && row->taken && go_on(row->side) < 0)
		return "what is there cannot be taken";
	if (!row->taken && give(row->side) < 0)
		return "it cannot be given to";
	return sweep_eventually(others_wait_in_vain_no_more, row)
		       ? NULL
		       : "they sleep because one is stopped";
}

/* the kernel need not choose the first: then there is no story, but nothing
   may lie there either */
static const char *another_was_woken(const struct stopped_row *row)
{
	if (blocked(row->side)) {
		sweep_let_go(sleeper[0]);
		return judge(row->side);
	}
	ipc_queue_close(queue);
	return "nobody was woken";
}

/*
 * Three sleep. The first one is woken and, as by SIGSTOP, stands still after a
 * few instructions. Unless that is inside the gate, the others must get what
 * there is, at the latest with the next put or get.
 */
static const char *stopped_point(const void *arg, unsigned long k, bool *over)
{
	const struct stopped_row *row = arg;
	const char *wrong = NULL;

	make_queue(row->side);
	for (int i = 0; i < 3; i++) {
		sleeper[i] = sweep_trace(waits(row->side), NULL);
		sweep_to_sleep_entry(sleeper[i]);
		sweep_into_sleep(sleeper[i]);
		if (i > 0)
			sweep_let_go(sleeper[i]);
	}
	sleepers = 3;
	sweep_require(give(row->side) >= 0);
	if (!sweep_wakes(sleeper[0]))
		return another_was_woken(row);
	*over = step_until_returned(sleeper[0], k);
	note_words();
	if (!is_inside(row->side, sleeper[0])) {
		sweep_until_quiet();
		wrong = next_call(row);
	}
	if (wrong) {
		ipc_queue_close(queue);
		return wrong;
	}
	return judge(row->side);
}

/* -------------------------------------------------------------------- rows */

#define STORY(text, fn, every, type, ...)                                      \
	{                                                                      \
		.name = text, .point = fn, .stride = every,                    \
		.row = &(const struct type)                                    \
		{                                                              \
			__VA_ARGS__                                            \
		}                                                              \
	}
#define HINT(text, ...)                                                        \
	STORY("hint, " text, hint_point, 23, hint_row, __VA_ARGS__)
#define STALE(text, ...)                                                       \
	STORY("hint of a dead " text, stale_point, 19, hint_row, __VA_ARGS__)
#define LATE(text, ...)                                                        \
	{                                                                      \
		.name = "late hint, " text, .point = late_point, .stride = 11, \
		.row = &(const enum side)                                      \
		{                                                              \
			__VA_ARGS__                                            \
		}                                                              \
	}
#define FROZEN(text, every, ...)                                               \
	STORY(text, frozen_point, every, frozen_row, __VA_ARGS__)
#define STOPPED(text, ...)                                                     \
	STORY(text, stopped_point, 17, stopped_row, __VA_ARGS__)

static const struct story stories[] = {
	HINT("getter about to sleep, 0 later", GETTERS, 0, IN_FLIGHT, false),
	HINT("getter about to sleep, 1 later", GETTERS, 1, IN_FLIGHT, false),
	HINT("getter about to sleep, 2 later", GETTERS, 2, IN_FLIGHT, false),
	HINT("getter about to sleep, 4 later", GETTERS, 4, IN_FLIGHT, false),
	HINT("getter asleep, 1 later", GETTERS, 1, ASLEEP, false),
	HINT("getter asleep, 4 later", GETTERS, 4, ASLEEP, false),
	HINT("getter that leaves, 1 later", GETTERS, 1, LEAVES, false),
	HINT("getter that leaves, 4 later", GETTERS, 4, LEAVES, false),
	HINT("putter about to sleep, 1 later", PUTTERS, 1, IN_FLIGHT, false),
	HINT("putter about to sleep, 4 later", PUTTERS, 4, IN_FLIGHT, false),

	STALE("getter, 0 later", GETTERS, 0, IN_FLIGHT, false),
	STALE("getter, 1 later", GETTERS, 1, IN_FLIGHT, false),
	STALE("getter, 2 later", GETTERS, 2, IN_FLIGHT, false),
	STALE("getter, 4 later", GETTERS, 4, IN_FLIGHT, false),
	STALE("getter, the firer goes on", GETTERS, 1, IN_FLIGHT, true),
	STALE("getter, asleep, 1 later", GETTERS, 1, ASLEEP, false),
	STALE("getter, asleep, the firer goes on", GETTERS, 1, ASLEEP, true),
	STALE("putter, 1 later", PUTTERS, 1, IN_FLIGHT, false),

	LATE("getter", GETTERS),
	LATE("putter", PUTTERS),

	FROZEN("get frozen, put killed, 0 later", 5, GETTERS, 0),
	FROZEN("get frozen, put killed, 1 later", 13, GETTERS, 1),
	FROZEN("get frozen, put killed, 10 later", 13, GETTERS, 10),
	FROZEN("get frozen, put killed, 40 later", 13, GETTERS, 40),
	FROZEN("put frozen, get killed, 0 later", 13, PUTTERS, 0),
	FROZEN("put frozen, get killed, 1 later", 13, PUTTERS, 1),

	STOPPED("stopped when woken, then a put", GETTERS, false),
	STOPPED("stopped when woken, then a get", GETTERS, true),
	STOPPED("putter stopped when woken, then a get", PUTTERS, false),
	STOPPED("putter stopped when woken, then a put", PUTTERS, true),
};

/* the other stories are about the words of the exact gate */
int main(int argc, char **argv)
{
	size_t first = 0, n = sizeof(stories) / sizeof(*stories);

	while (!sweep_exact() && stories[first].point != frozen_point)
		first++;
	n -= first;
	while (!sweep_exact() && stories[first + n - 1].point != frozen_point)
		n--;
	return story_main(argc, argv, stories + first, n);
}
