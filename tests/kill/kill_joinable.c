/* SPDX-License-Identifier: MIT */
/*
 * kill_joinable.c - task_done, join and get of a joinable queue, killed at each
 * instruction
 *
 * Executes D1 .. D4 and "join" in the KILLED rows of struct queue_shm.
 *
 * Whatever the row: unfinished is what was put and not done; when it is 0, each
 * join returns, and before that none does. A task that was got and not done by
 * the dead one goes to somebody else, once; no other task comes twice, and none
 * is lost: what the dead one had done and what others get is what was put.
 */
#include <errno.h>
#include <stdio.h>

#include <libipc.h>
#include "region.h"
#include "sweep.h"

enum {
	CAPACITY = 4,
	SLEEPERS = 4,
	TASKS = 8,
};

enum op { DONE, JOIN, WORK };

struct row {
	enum op op; /* WORK: get and task_done, until `mine` are done */
	enum ipc_order order;
	bool back; /* the victim gets from there */
	unsigned int tasks;
	unsigned int mine;    /* tasks of the victim */
	unsigned int ours;    /* tasks that the parent has got, too */
	unsigned int joiners; /* asleep when the victim begins */
	bool in_flight;	      /* they are not yet asleep, but about to be */
	bool one_stopped;     /* the first of them, as soon as it is woken */
	bool asks;	      /* the victim waits for something */
	unsigned int behind;  /* joiners, or getters, behind the victim */
	int timeout_ms;	      /* of the victim, which waits in vain; 0: none */
};

static struct shared {
	_Atomic unsigned int begun, done; /* task_done of the victim */
	_Atomic unsigned int got[TASKS];  /* how often by others than the
					     victim */
	_Atomic bool early;		  /* a join returned too early */
} * shared;

static struct ipc_queue *queue;
static struct proc *joiner[SLEEPERS], *getter[SLEEPERS];
static int joiners, getters;
static unsigned int next_task, ours;
static bool asked;
static uint64_t done_at_death;

static struct queue_shm *words(void)
{
	return (struct queue_shm *)((struct ipci_region *)queue)->body;
}

/* --------------------------------------------------------------- processes */

static int take_task(unsigned int *task, bool back, int timeout_ms)
{
	int r = back ? ipc_queue_get_back(queue, task, sizeof(*task),
					  timeout_ms)
		     : ipc_queue_get(queue, task, sizeof(*task), timeout_ms);

	return r == sizeof(*task) && *task < TASKS ? 1 : r;
}

static int get_task(int timeout_ms)
{
	unsigned int task;
	int r = take_task(&task, false, timeout_ms);

	if (r == 1)
		shared->got[task]++;
	return r;
}

static bool put_task(void)
{
	return next_task < TASKS &&
	       ipc_queue_put(queue, &next_task, sizeof(next_task),
			     sweep_limit_ms()) == 0 &&
	       ++next_task;
}

/* nothing is put while anybody joins, so what is done stays done */
static int join_once(const void *arg)
{
	int r;

	(void)arg;
	sweep_marker();
	r = ipc_queue_join(queue, -1);
	if (r == 0 && ipc_queue_unfinished(queue) != 0)
		shared->early = true;
	return r;
}

static int work_once(const void *arg)
{
	int r;

	(void)arg;
	sweep_marker();
	r = get_task(-1);
	return r < 0 ? r : ipc_queue_task_done(queue);
}

static int do_task(void)
{
	int r;

	shared->begun++;
	r = ipc_queue_task_done(queue);
	shared->done += r == 0;
	return r;
}

static int victim(const void *arg)
{
	const struct row *row = arg;
	unsigned int task;
	int r = 0;

	for (unsigned int i = 0; row->op == DONE && i < row->mine; i++)
		sweep_require(take_task(&task, row->back, 0) > 0);
	sweep_marker();
	if (row->op == JOIN)
		return ipc_queue_join(queue,
				      row->timeout_ms ? row->timeout_ms : -1);
	for (unsigned int i = 0; r >= 0 && i < row->mine; i++) {
		if (row->op == WORK)
			r = take_task(&task, row->back, -1);
		if (r >= 0)
			r = do_task();
	}
	return r;
}

/* ------------------------------------------------------------------- begin */

/* being traced, it stops when it is woken */
static void add_stopped_joiner(void)
{
	struct proc *p = joiner[joiners++] = sweep_trace(join_once, NULL);

	sweep_to_sleep_entry(p);
	sweep_into_sleep(p);
}

static void add_joiners(unsigned int n, bool in_flight)
{
	for (unsigned int i = 0; i < n; i++, joiners++) {
		struct proc **p = &joiner[joiners];

		if (in_flight) {
			*p = sweep_trace(join_once, NULL);
			sweep_to_sleep_entry(*p);
		} else {
			*p = sweep_spawn(join_once, NULL);
			sweep_until_asleep(*p);
		}
	}
}

static void begin(const void *arg)
{
	const struct row *row = arg;
	struct ipc_queue_opts opts = {.maxsize = CAPACITY,
				      .item_size = sizeof(unsigned int),
				      .order = row->order,
				      .flags = LIBIPC_JOINABLE};

	sweep_require(ipc_queue_create(&queue, NULL, &opts) == 0);
	joiners = getters = 0;
	next_task = ours = 0;
	asked = false;
	while (next_task < row->tasks)
		sweep_require(put_task());
	if (row->one_stopped)
		add_stopped_joiner();
	add_joiners(row->joiners, row->in_flight);
}

/* the victim has got its tasks */
static void marked(const void *arg)
{
	const struct row *row = arg;

	for (; ours < row->ours; ours++)
		sweep_require(get_task(0) > 0);
}

static bool do_ours(void)
{
	for (; ours; ours--)
		if (ipc_queue_task_done(queue) < 0)
			return false;
	return true;
}

/* what the victim waits for: that the last task is done, or that one is put */
static void ask(const void *arg)
{
	const struct row *row = arg;

	asked = true;
	if (row->op == JOIN)
		add_joiners(row->behind, false);
	for (unsigned int i = 0; row->op == WORK && i < row->behind; i++) {
		getter[getters] = sweep_spawn(work_once, NULL);
		sweep_until_asleep(getter[getters++]);
	}
	if (row->op == WORK)
		sweep_require(put_task());
	else if (!row->timeout_ms)
		sweep_require(do_ours());
}

static void end(const void *arg)
{
	(void)arg;
	ipc_queue_close(queue);
}

/* ------------------------------------------------------------------- judge */

static void look(const void *arg)
{
	(void)arg;
	done_at_death = words()->done.index;
	sweep_note_side("put", &words()->put);
	sweep_note_side("get", &words()->get);
	sweep_note_side("done", &words()->done);
}

static int waiting(struct proc *const *p, int n)
{
	int waits = 0;

	for (int i = 0; i < n; i++)
		waits += !sweep_ended(p[i]);
	return waits;
}

static bool nobody_waits_in_vain(const void *arg)
{
	(void)arg;
	return (ipc_queue_unfinished(queue) || !waiting(joiner, joiners)) &&
	       (ipc_queue_empty(queue) || !waiting(getter, getters));
}

/* each of those that the parent or a getter takes is done at once */
static const char *do_the_rest(void)
{
	if (!do_ours())
		return "task_done fails";
	while (waiting(getter, getters)) {
		if (!put_task())
			return "put fails though there is room";
		if (!sweep_eventually(nobody_waits_in_vain, NULL))
			return "a getter sleeps though a task was put";
	}
	/* with what the victim had got and did not do */
	while (ipc_queue_size(queue) > 0)
		if (get_task(0) < 0 || ipc_queue_task_done(queue) < 0)
			return "a task cannot be got and done";
	return ipc_queue_size(queue) == 0 ? NULL : "size is wrong";
}

static const char *account(const struct row *row)
{
	uint64_t done = row->op == JOIN ? 0 : done_at_death, got = 0;

	for (unsigned int i = 0; i < next_task; i++) {
		if (shared->got[i] > 1)
			return "a task came twice";
		got += shared->got[i];
	}
	if (!getters && (done < shared->done || done > shared->begun))
		return "done is wrong";
	if (!getters && got + done != next_task)
		return "a task is lost, or came though it was done";
	/* one that the victim may have done while others were at work */
	if (got > next_task || got + shared->begun < next_task)
		return "a task is lost";
	if (ipc_queue_unfinished(queue) || ipc_queue_failed(queue))
		return "unfinished is wrong";
	return NULL;
}

static bool all_but_the_first_are_back(const void *arg)
{
	(void)arg;
	return waiting(joiner + 1, joiners - 1) == 0;
}

static const char *judge(const void *arg)
{
	const struct row *row = arg;
	const char *wrong;

	for (int i = row->one_stopped; i < joiners; i++)
		sweep_let_go(joiner[i]);
	if (row->one_stopped && shared->done &&
	    !sweep_eventually(all_but_the_first_are_back, NULL))
		return "they sleep because one is stopped";
	if (row->one_stopped)
		sweep_let_go(joiner[0]);
	if (row->asks && !asked)
		ask(row);
	if (!sweep_eventually(nobody_waits_in_vain, NULL))
		return "somebody sleeps with no reason";
	wrong = do_the_rest();
	if (!wrong && !sweep_eventually(nobody_waits_in_vain, NULL))
		wrong = "join sleeps though all is done";
	if (!wrong)
		wrong = account(row);
	if (wrong)
		return wrong;
	if (shared->early)
		return "a join returned before all was done";
	if (ipc_queue_join(queue, 0) !=
	    (ipc_queue_unfinished(queue) ? -EAGAIN : 0))
		return "join is wrong";
	return NULL;
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
	ROW("task_done, nobody joins", 7, .op = DONE, .tasks = 2, .mine = 1,
	    .ours = 1),
	ROW("task_done, 1 joiner asleep", 3, .op = DONE, .tasks = 1, .mine = 1,
	    .joiners = 1),
	ROW("task_done, 3 joiners asleep", 11, .op = DONE, .tasks = 1,
	    .mine = 1, .joiners = 3),
	ROW("task_done, 3 joiners asleep, one is stopped", 11, .op = DONE,
	    .tasks = 1, .mine = 1, .joiners = 2, .one_stopped = true),
	ROW("task_done, 3 joiners about to sleep", 11, .op = DONE, .tasks = 1,
	    .mine = 1, .joiners = 3, .in_flight = true),
	ROW("task_done, not the last one, 3 joiners asleep", 7, .op = DONE,
	    .tasks = 2, .mine = 1, .ours = 1, .joiners = 3),
	ROW("task_done twice, 1 joiner asleep", 17, .op = DONE, .tasks = 2,
	    .mine = 2, .joiners = 1),

	ROW("join, nothing unfinished", 5, .op = JOIN),
	ROW("join that sleeps, 1 behind", 29, .op = JOIN, .tasks = 1, .ours = 1,
	    .asks = true, .behind = 1),
	ROW("join that sleeps, 3 behind", 29, .op = JOIN, .tasks = 1, .ours = 1,
	    .asks = true, .behind = 3),
	ROW("join that sleeps, 1 before, 1 behind", 29, .op = JOIN, .tasks = 1,
	    .ours = 1, .asks = true, .joiners = 1, .behind = 1),
	ROW("join that gives up, 1 behind", 23, .op = JOIN, .tasks = 1,
	    .ours = 1, .asks = true, .behind = 1, .timeout_ms = 20),

	ROW("get and task_done", 29, .op = WORK, .tasks = 3, .mine = 1),
	ROW("get and task_done of all, 2 joiners asleep", 47, .op = WORK,
	    .tasks = 2, .mine = 2, .joiners = 2),
	ROW("get that sleeps and task_done, 2 getters behind", 47, .op = WORK,
	    .mine = 1, .asks = true, .behind = 2),
	ROW("priority get and task_done", 41, .op = WORK,
	    .order = LIBIPC_PRIORITY, .tasks = 4, .mine = 1),
	ROW("priority get and task_done of all, 2 joiners asleep", 83,
	    .op = WORK, .order = LIBIPC_PRIORITY, .tasks = 3, .mine = 3,
	    .joiners = 2),
	ROW("LIFO get and task_done", 53, .op = WORK, .order = LIBIPC_LIFO,
	    .tasks = 3, .mine = 1),
	ROW("get_back and task_done", 41, .op = WORK, .back = true, .tasks = 3,
	    .mine = 1),
	ROW("get_back that sleeps and task_done, 1 getter behind", 71,
	    .op = WORK, .back = true, .mine = 1, .asks = true, .behind = 1),
};

int main(int argc, char **argv)
{
	shared = sweep_shared(sizeof(*shared));
	return sweep_main(argc, argv, sweeps, sizeof(sweeps) / sizeof(*sweeps));
}
