/* SPDX-License-Identifier: MIT */
/*
 * kill_cross_lease.c - one who waits for a task, or for the end of all, or
 * counts those that wait, frozen after each instruction, while a worker is
 * killed; or stopped as it woke
 *
 * What it had looked at before it was frozen is no longer true when it goes on.
 * Whatever the row: who went on is served by the death alone, without another
 * call; each task is done once, or set aside; nobody sleeps in vain.
 */
#include <errno.h>

#include <libipc.h>
#include "queue.h"
#include "sweep.h"

enum {
	SLEEPERS = 4, /* of a class */
	NUMBERS = 32,
	STUCK = 1000, /* instructions: who is frozen is inside */
};

enum class { GETTERS, JOINERS, CLASSES };

static struct shared {
	_Atomic unsigned int did[NUMBERS];
	_Atomic bool miscounted; /* its attempts */
	_Atomic bool early;	 /* a join that returned */
	_Atomic long counted;	 /* by one that was frozen; plus one */
} * shared;

static struct ipc_queue *queue;
static struct proc *sleeper[CLASSES][SLEEPERS];
static int sleepers[CLASSES];
static unsigned int n_put;
static unsigned int set_aside; /* how many must be, in the end */

static struct queue_shm *words(void)
{
	return (struct queue_shm *)((struct ipci_region *)queue)->body;
}

/* done or set aside, by whomever (L6) */
static uint64_t finished(void)
{
	return words()->done.index + ipci_workers_done(&queue->tasks.workers);
}

/* --------------------------------------------------------------- processes */

static int take(unsigned int *task, int timeout_ms)
{
	struct ipc_task t;
	int r = ipc_queue_get_task(queue, task, sizeof(*task), &t, timeout_ms);

	if (r < 0)
		return r;
	if (*task >= NUMBERS || t.attempts < 1 || t.attempts > 3)
		shared->miscounted = true;
	return *task < NUMBERS ? 1 : -EBADMSG;
}

static int finish(unsigned int task)
{
	int r = ipc_queue_task_done(queue);

	shared->did[task] += r == 0;
	return r;
}

static int work_once(const void *arg)
{
	unsigned int task;
	int r;

	(void)arg;
	ipc_queue_get(queue, NULL, 0, 0); /* takes no task, but a row */
	sweep_marker();
	r = take(&task, -1);
	return r < 0 ? r : finish(task);
}

static int join_once(const void *arg)
{
	int r;

	(void)arg;
	sweep_marker();
	r = ipc_queue_join(queue, -1);
	if (r >= 0 && ipc_queue_unfinished(queue) != 0)
		shared->early = true;
	return r;
}

static int (*const waits[CLASSES])(const void *) = {work_once, join_once};

/* the one that dies: with tasks, in get, or in task_done */
struct worker {
	enum { HOLDS, GOT, DONE } dies;
	unsigned int tasks;
	unsigned int later; /* instructions, after its commit */
};

static int work(const void *arg)
{
	const struct worker *w = arg;
	unsigned int task;

	for (unsigned int i = 0; w->dies != GOT && i < w->tasks; i++)
		sweep_require(take(&task, 0) > 0);
	if (w->dies == GOT)
		ipc_queue_get(queue, NULL, 0, 0);
	sweep_marker();
	if (w->dies == GOT)
		return take(&task, -1);
	return w->dies == DONE ? ipc_queue_task_done(queue) : 0;
}

/* ------------------------------------------------------------------- begin */

static int put_task(void)
{
	sweep_require(n_put < NUMBERS);
	return ipc_queue_put(queue, &n_put, sizeof(n_put), sweep_limit_ms()) < 0
		       ? -1
		       : (int)n_put++;
}

static void make_queue(unsigned int max_attempts)
{
	struct ipc_queue_opts opts = {.maxsize = 4,
				      .item_size = sizeof(unsigned int),
				      .max_attempts = max_attempts,
				      .flags = LIBIPC_JOINABLE};

	sweep_require(ipc_queue_create(&queue, NULL, &opts) == 0);
	sleepers[GETTERS] = sleepers[JOINERS] = 0;
	n_put = set_aside = 0;
}

static void add_asleep(enum class class, unsigned int n)
{
	while (n--) {
		struct proc *p = sweep_spawn(waits[class], NULL);

		sleeper[class][sleepers[class]++] = p;
		sweep_until_asleep(p);
	}
}

static struct proc *add_traced(enum class class)
{
	return sleeper[class][sleepers[class]++] =
		       sweep_trace(waits[class], NULL);
}

/* what its commit moves */
static uint64_t progress(const struct worker *w)
{
	return w->dies == GOT ? words()->get.index : finished();
}

/* to its commit, and so far behind it; false: it cannot get there */
static bool commits(struct proc *p, const struct worker *w)
{
	uint64_t was = progress(w);

	if (w->dies == HOLDS)
		return true;
	for (int n = 0; progress(w) == was; n++)
		if (n == STUCK || !sweep_step(p))
			return false;
	for (unsigned int i = 0; i < w->later && !sweep_returned(p, NULL); i++)
		sweep_step(p);
	return true;
}

/* how many tasks are left by it, to be done again or set aside */
static unsigned int kill_worker(struct proc *p, const struct worker *w)
{
	bool committed = commits(p, w);

	sweep_slay(p);
	if (w->dies == GOT && !committed)
		return 0;
	if (w->dies == DONE && committed) {
		shared->did[0]++;
		return w->tasks - 1;
	}
	return w->tasks;
}

/* ------------------------------------------------------------------- judge */

static int waiting(enum class class)
{
	int n = 0;

	for (int i = 0; i < sleepers[class]; i++)
		n += !sweep_ended(sleeper[class][i]);
	return n;
}

static bool all_are_served(const void *arg)
{
	return waiting(*(const enum class *)arg) == 0;
}

static bool nobody_waits_in_vain(const void *arg)
{
	(void)arg;
	return (!waiting(GETTERS) || ipc_queue_size(queue) == 0) &&
	       (!waiting(JOINERS) || ipc_queue_unfinished(queue) != 0);
}

static bool do_what_is_there(void)
{
	unsigned int task;

	while (take(&task, 0) > 0)
		if (finish(task) < 0)
			return false;
	return true;
}

static const char *account(void)
{
	unsigned int aside = 0;
	long failed = ipc_queue_failed(queue);

	for (unsigned int i = 0; i < n_put; i++) {
		if (shared->did[i] > 1)
			return "a task was done twice";
		aside += !shared->did[i];
	}
	if (aside != set_aside || failed != (long)set_aside)
		return "a task is lost, or wrongly set aside";
	if (ipc_queue_unfinished(queue) || ipc_queue_size(queue))
		return "unfinished or size is wrong";
	if (ipc_queue_join(queue, 0) != failed)
		return "join is wrong";
	if (shared->miscounted)
		return "attempts is wrong";
	return shared->early ? "a join returned before all was done" : NULL;
}

/* all have gone on; whoever still waits has a reason, until it is taken away */
static const char *judge(void)
{
	static const enum class joiners = JOINERS;

	if (!sweep_eventually(nobody_waits_in_vain, NULL))
		return "somebody sleeps with no reason";
	while (waiting(GETTERS))
		if (put_task() < 0 ||
		    !sweep_eventually(nobody_waits_in_vain, NULL))
			return "a getter sleeps though there is a task";
	if (!do_what_is_there())
		return "task_done fails";
	if (!sweep_eventually(all_are_served, &joiners))
		return "join sleeps though all is done";
	return account();
}

static const char *over_with(const char *wrong)
{
	if (wrong) {
		sweep_note_side("get", &words()->get);
		sweep_note_side("done", &words()->done);
		sweep_note(", again %u", words()->leases.again);
	}
	ipc_queue_close(queue);
	return wrong;
}

/* ------------------------------------------------------------------ frozen */

struct frozen_row {
	enum class frozen;
	struct worker worker;
	unsigned int max_attempts;
	unsigned int getters, joiners; /* asleep beside it */
};

/* one who can be served by the death alone is */
static const char *served_by_the_death(const struct frozen_row *row,
				       unsigned int left)
{
	const enum class class = row->frozen;

	if (class == JOINERS && left > set_aside)
		return NULL; /* first somebody must do them */
	return sweep_eventually(all_are_served, &class)
		       ? NULL
		       : "it sleeps though the worker is dead";
}

/*
 * Somebody is frozen between its call and its sleep. A worker is killed, which
 * has a task, or has just got or done one. Who was frozen goes on.
 */
static const char *frozen_point(const void *arg, unsigned long k, bool *over)
{
	const struct frozen_row *row = arg;
	const struct worker *w = &row->worker;
	bool late = row->frozen == GETTERS && w->dies == GOT;
	struct proc *frozen, *worker;
	const char *wrong;
	unsigned int left;

	make_queue(row->max_attempts);
	while (!late && n_put < w->tasks)
		sweep_require(put_task() >= 0);
	worker = sweep_trace(work, w);
	add_asleep(GETTERS, row->getters);
	add_asleep(JOINERS, row->joiners);
	frozen = add_traced(row->frozen);
	*over = !sweep_steps(frozen, k);
	while (late && n_put < w->tasks)
		sweep_require(put_task() >= 0);
	left = kill_worker(worker, w);
	if (row->max_attempts)
		set_aside = left;
	sweep_let_go(frozen);
	/* not got before it died: still in its slot */
	wrong = served_by_the_death(row,
				    w->dies == GOT && !left ? w->tasks : left);
	return over_with(wrong ? wrong : judge());
}

/* ---------------------------------------------------------------- counting */

static int count_once(const void *arg)
{
	(void)arg;
	sweep_marker();
	shared->counted = ipc_queue_size(queue) + 1;
	return 0;
}

static bool has_counted(const void *arg)
{
	(void)arg;
	return shared->counted;
}

/* so that the next two tasks come into the second lease, and then the first */
static void turn_leases_round(void)
{
	unsigned int task[2];

	for (int i = 0; i < 2; i++)
		sweep_require(put_task() >= 0 && take(&task[i], 0) > 0);
	for (int i = 0; i < 2; i++)
		sweep_require(finish(task[i]) == 0);
}

/*
 * Two have a task each, and one of them dies. Somebody is frozen while it
 * counts what waits, lease by lease. Meanwhile the other one dies, too, and the
 * first of the two tasks, which is in the lease that is looked at last, is got.
 * There was one that waited at each moment, or there were two.
 */
static const char *counting_point(const void *arg, unsigned long k, bool *over)
{
	static const struct worker holder = {HOLDS, 1, 0};
	struct proc *worker[2], *frozen;
	const char *wrong = NULL;
	unsigned int task;

	(void)arg;
	make_queue(0);
	turn_leases_round();
	for (int i = 0; i < 2; i++) {
		sweep_require(put_task() >= 0);
		worker[i] = sweep_trace(work, &holder);
	}
	sweep_slay(worker[0]);
	frozen = sweep_trace(count_once, NULL);
	sweep_steps(frozen, k);
	*over = sweep_returned(frozen, NULL);
	sweep_slay(worker[1]);
	sweep_require(take(&task, 0) > 0);
	sweep_let_go(frozen);
	sweep_require(sweep_eventually(has_counted, NULL));
	if (shared->counted != 2 && shared->counted != 3)
		wrong = "it never was so many that wait";
	sweep_note(", counted %ld", shared->counted - 1);
	sweep_require(finish(task) == 0);
	return over_with(wrong ? wrong : judge());
}

/* ----------------------------------------------------------------- stopped */

struct stopped_row {
	enum class class; /* joiners: it was the last attempt */
	enum { PUT, GET, TASK_DONE, JOIN, CONT, DEATH } then;
};

static bool others_are_served(const void *arg)
{
	const struct stopped_row *row = arg;

	for (int i = 1; i < sleepers[row->class]; i++)
		if (!sweep_ended(sleeper[row->class][i]))
			return nobody_waits_in_vain(NULL);
	return true;
}

static int then(const struct stopped_row *row, unsigned int ours)
{
	unsigned int task;
	int r;

	switch (row->then) {
	case PUT:
		return put_task();
	case GET:
		r = take(&task, 0);
		return r > 0 ? finish(task) : r == -EAGAIN ? 0 : r;
	case TASK_DONE:
		return finish(ours);
	case JOIN:
		r = ipc_queue_join(queue, 0);
		return r == -EAGAIN ? 0 : r;
	case CONT:
		sweep_let_go(sleeper[row->class][0]);
		return 0;
	case DEATH:
		/* it may have done its task, and not told yet */
		if (row->class == GETTERS)
			shared->did[0] = finished() > 0;
		sweep_slay(sleeper[row->class][0]);
		return 0;
	}
	return -EINVAL;
}

/* one that was stopped inside blocks that side until it goes on */
static bool is_inside(const struct proc *p)
{
	const uint64_t word[] = {words()->get.word, words()->done.word,
				 words()->lease.word};

	for (int i = 0; i < 3; i++)
		if ((word[i] & IPCI_GATE_OWNER) == (uint64_t)sweep_pid(p))
			return true;
	return false;
}

static void bring_sleepers(enum class class)
{
	for (int i = 0; i < 3; i++) {
		struct proc *p = add_traced(class);

		sweep_to_sleep_entry(p);
		sweep_into_sleep(p);
		if (i > 0)
			sweep_let_go(p);
	}
}

/* up to n instructions; true: it has come to its end, or sleeps again */
static bool step_until_returned(struct proc *p, unsigned long n)
{
	return !sweep_steps(p, n) || sweep_returned(p, NULL);
}

/*
 * Three sleep, and a worker dies. The first of them is woken and, as by
 * SIGSTOP, stands still after some instructions. The next call, or that it goes
 * on or dies, lets the others have what there is.
 */
static const char *stopped_point(const void *arg, unsigned long k, bool *over)
{
	static const struct worker holder = {HOLDS, 1, 0};
	const struct stopped_row *row = arg;
	struct proc *worker, *stopped;
	unsigned int ours = 0;
	const char *wrong = NULL;

	make_queue(row->class == JOINERS ? 1 : 0);
	sweep_require(put_task() >= 0);
	if (row->then == TASK_DONE)
		sweep_require(take(&ours, 0) > 0 && put_task() >= 0);
	worker = sweep_trace(work, &holder);
	bring_sleepers(row->class);
	stopped = sleeper[row->class][0];
	sweep_slay(worker);
	set_aside = row->class == JOINERS;
	sweep_require(sweep_wakes(stopped));
	*over = step_until_returned(stopped, k);
	if (!*over && !is_inside(stopped)) {
		sweep_until_quiet();
		if (then(row, ours) < 0)
			wrong = "the next call fails";
		else if (!sweep_eventually(others_are_served, row))
			wrong = "they sleep because one is stopped";
	} else if (row->then == TASK_DONE) {
		sweep_let_go(stopped);
		sweep_require(finish(ours) == 0);
	}
	sweep_let_go(stopped);
	return over_with(wrong ? wrong : judge());
}

/* --------------------------------------------------------------- contended */

struct contended_row {
	struct worker worker; /* the victim */
	bool it_dies;	      /* the other one, that is inside */
};

static struct proc *insider;

static void contended_begin(const void *arg)
{
	const struct contended_row *row = arg;

	make_queue(0);
	insider = NULL;
	for (unsigned int i = 0; i <= row->worker.tasks; i++)
		sweep_require(put_task() >= 0);
}

static int contended_victim(const void *arg)
{
	return work(&((const struct contended_row *)arg)->worker);
}

/* a getter, with the lease gate */
static void bring_insider(const void *arg)
{
	(void)arg;
	insider = add_traced(GETTERS);
	while ((words()->lease.word & IPCI_GATE_OWNER) !=
	       (uint64_t)sweep_pid(insider))
		sweep_require(sweep_step(insider));
}

static void insider_leaves(const void *arg)
{
	if (insider && ((const struct contended_row *)arg)->it_dies)
		sweep_slay(insider);
	else if (insider)
		sweep_let_go(insider);
	insider = NULL;
}

/* what was done, and by no survivor, the victim did */
static const char *contended_judge(const void *arg)
{
	uint64_t done;
	const char *wrong;

	insider_leaves(arg);
	if (!sweep_eventually(nobody_waits_in_vain, NULL))
		return over_with("somebody sleeps with no reason");
	if (!do_what_is_there())
		return over_with("task_done fails");
	done = finished();
	for (int i = 0; i < NUMBERS; i++)
		done -= shared->did[i];
	shared->did[0] += (unsigned int)done;
	wrong = judge();
	return over_with(wrong);
}

static void contended_end(const void *arg)
{
	(void)arg; /* its judge has closed the queue */
}

/* -------------------------------------------------------------------- rows */

#define FROZEN(text, every, ...)                                               \
	{                                                                      \
		.name = text, .point = frozen_point, .stride = every,          \
		.row = &(const struct frozen_row)                              \
		{                                                              \
			__VA_ARGS__                                            \
		}                                                              \
	}
#define STOPPED(text, every, ...)                                              \
	{                                                                      \
		.name = "stopped when woken by a death, " text,                \
		.point = stopped_point, .stride = every,                       \
		.row = &(const struct stopped_row)                             \
		{                                                              \
			__VA_ARGS__                                            \
		}                                                              \
	}

#define CONTENDED(text, every, ...)                                            \
	{                                                                      \
		.name = text, .point = sweep_point, .stride = every,           \
		.row = &(const struct sweep)                                   \
		{                                                              \
			.row = &(const struct contended_row){__VA_ARGS__},     \
			.begin = contended_begin, .victim = contended_victim,  \
			.marked = bring_insider, .asleep = insider_leaves,     \
			.judge = contended_judge, .end = contended_end         \
		}                                                              \
	}

static const struct story stories[] = {
	{"size frozen, a holder killed, another's task got", NULL,
	 counting_point, 31},
	FROZEN("get frozen, a holder killed", 83, .frozen = GETTERS,
	       .worker = {HOLDS, 1, 0}),
	FROZEN("get frozen, 1 getter asleep, a holder of 2 killed", 181,
	       .frozen = GETTERS, .worker = {HOLDS, 2, 0}, .getters = 1),
	FROZEN("get frozen, 1 joiner asleep, a holder killed", 181,
	       .frozen = GETTERS, .worker = {HOLDS, 1, 0}, .joiners = 1),
	FROZEN("get frozen, get killed, 0 later", 181, .frozen = GETTERS,
	       .worker = {GOT, 1, 0}),
	FROZEN("get frozen, get killed, 1 later", 181, .frozen = GETTERS,
	       .worker = {GOT, 1, 1}),
	FROZEN("get frozen, get killed, 20 later", 181, .frozen = GETTERS,
	       .worker = {GOT, 1, 20}),
	FROZEN("get frozen, task_done killed, 1 left", 181, .frozen = GETTERS,
	       .worker = {DONE, 2, 0}),
	FROZEN("get frozen, task_done killed, 1 left, 20 later", 181,
	       .frozen = GETTERS, .worker = {DONE, 2, 20}),

	FROZEN("join frozen, a holder killed", 43, .frozen = JOINERS,
	       .worker = {HOLDS, 1, 0}),
	FROZEN("join frozen, last attempt, a holder killed", 43,
	       .frozen = JOINERS, .worker = {HOLDS, 1, 0}, .max_attempts = 1),
	FROZEN("join frozen, 1 joiner asleep, last attempts, holder killed", 61,
	       .frozen = JOINERS, .worker = {HOLDS, 2, 0}, .max_attempts = 1,
	       .joiners = 1),
	FROZEN("join frozen, last attempt, get killed", 61, .frozen = JOINERS,
	       .worker = {GOT, 1, 0}, .max_attempts = 1),
	FROZEN("join frozen, last attempt, get killed, 20 later", 61,
	       .frozen = JOINERS, .worker = {GOT, 1, 20}, .max_attempts = 1),
	FROZEN("join frozen, task_done killed, 0 later", 17, .frozen = JOINERS,
	       .worker = {DONE, 1, 0}),
	FROZEN("join frozen, task_done killed, 1 later", 61, .frozen = JOINERS,
	       .worker = {DONE, 1, 1}),
	FROZEN("join frozen, task_done killed, 20 later", 61, .frozen = JOINERS,
	       .worker = {DONE, 1, 20}),
	FROZEN("join frozen, last attempt, task_done killed, 1 left", 61,
	       .frozen = JOINERS, .worker = {DONE, 2, 0}, .max_attempts = 1),

	CONTENDED("task_done, a getter inside", 47, .worker = {DONE, 1, 0}),
	CONTENDED("task_done, a getter inside, which dies", 47,
		  .worker = {DONE, 1, 0}, .it_dies = true),
	CONTENDED("get of a task, a getter inside", 67, .worker = {GOT, 1, 0}),
	CONTENDED("get of a task, a getter inside, which dies", 67,
		  .worker = {GOT, 1, 0}, .it_dies = true),

	STOPPED("then a put", 211, GETTERS, PUT),
	STOPPED("then a get", 211, GETTERS, GET),
	STOPPED("then a task_done", 211, GETTERS, TASK_DONE),
	STOPPED("then a join", 211, GETTERS, JOIN),
	STOPPED("then it goes on", 211, GETTERS, CONT),
	STOPPED("then it dies", 211, GETTERS, DEATH),
	STOPPED("the last attempt, then a get", 211, JOINERS, GET),
	STOPPED("the last attempt, then a task_done", 211, JOINERS, TASK_DONE),
	STOPPED("the last attempt, then a join", 211, JOINERS, JOIN),
	STOPPED("the last attempt, then it goes on", 211, JOINERS, CONT),
	STOPPED("the last attempt, then it dies", 211, JOINERS, DEATH),
};

/* where one that is inside or stopped stands, only the exact gate tells */
int main(int argc, char **argv)
{
	size_t n = sizeof(stories) / sizeof(*stories);

	shared = sweep_shared(sizeof(*shared));
	while (!sweep_exact() && stories[n - 1].point != frozen_point)
		n--;
	return story_main(argc, argv, stories, n);
}
