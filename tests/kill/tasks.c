/* SPDX-License-Identifier: MIT */
/*
 * tasks.c - the story of a joinable queue; see tasks.h
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "lease.h"
#include "tasks.h"
#include "worker.h"

enum {
	MAXSIZE = 4,
	SLEEPERS = 4, /* of a class */
	MANY = 3,     /* tasks that get_many asks for */
	NUMBERS = 64,
	PUTTERS = 32, /* the first number of those that sleepers put */
	VICTIM = 48,  /* ... and of those of the victim */
};

enum class { GETTER, JOINER, FAILER, PUTTER, CLASSES };

static struct shared {
	_Atomic unsigned int begun, done;    /* task_done of the victim */
	_Atomic unsigned int took;	     /* get_failed of the victim */
	_Atomic bool put;		     /* the victim's put has returned */
	_Atomic unsigned int did[NUMBERS];   /* by survivors */
	_Atomic unsigned int aside[NUMBERS]; /* ... got as failed */
	_Atomic unsigned int victims[NUMBERS]; /* done by the victim */
	_Atomic unsigned int doomed[NUMBERS];  /* was held by one who died */
	_Atomic bool miscounted;	       /* its attempts */
	_Atomic bool early;		       /* a join that returned */
	_Atomic bool ready;		       /* a thread has its tasks */
} * shared;

static struct ipc_queue *queue;
static struct proc *proc[CLASSES][SLEEPERS];
static int procs[CLASSES];
static struct proc *dying[SLEEPERS];
static int dead;
static unsigned int next_task, ours;
static unsigned int our_task[NUMBERS];
static bool asked;

static struct queue_shm *words(void)
{
	return (struct queue_shm *)((struct ipci_region *)queue)->body;
}

static bool is_shut(void)
{
	return words()->rare.state & IPCI_STATE_SHUT;
}

void tasks_setup(void)
{
	shared = sweep_shared(sizeof(*shared));
}

/* --------------------------------------------------------------- processes */

/* how often it may have been delivered: once more for each that died with it,
   and for the victim, which may have had it */
static void check_attempts(unsigned int task, uint32_t attempts)
{
	uint32_t least = 1 + shared->doomed[task];

	if (attempts < least || attempts > least + 1)
		shared->miscounted = true;
}

static int take_task(unsigned int *task, int timeout_ms)
{
	struct ipc_task t;
	int r = ipc_queue_get_task(queue, task, sizeof(*task), &t, timeout_ms);

	if (r != sizeof(*task) || *task >= NUMBERS)
		return r < 0 ? r : -EBADMSG;
	check_attempts(*task, t.attempts);
	return 1;
}

static int do_task(unsigned int task)
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
	sweep_marker();
	r = take_task(&task, -1);
	return r < 0 ? r : do_task(task);
}

/* nothing is put while anybody joins, so what is done stays done */
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

static int take_failed(int timeout_ms)
{
	unsigned int task;
	int r = ipc_queue_get_failed(queue, &task, sizeof(task), timeout_ms);

	if (r >= 0 && task < NUMBERS)
		shared->aside[task]++;
	return r;
}

static int fail_once(const void *arg)
{
	(void)arg;
	sweep_marker();
	return take_failed(-1);
}

static int put_once(const void *arg)
{
	unsigned int task = PUTTERS + (unsigned int)*(const int *)arg;

	sweep_marker();
	return ipc_queue_put(queue, &task, sizeof(task), -1);
}

/* stands still, with its tasks */
static int die_with(const void *arg)
{
	unsigned int task, n = *(const unsigned int *)arg;

	for (unsigned int i = 0; i < n; i++) {
		sweep_require(take_task(&task, 0) > 0);
		shared->doomed[task]++;
	}
	sweep_marker();
	return 0;
}

/* -------------------------------------------------------------- the victim */

static struct {
	unsigned int n;
	unsigned int task[NUMBERS];
	uint64_t ticket[NUMBERS];
} mine; /* in the victim */

static void get_mine(unsigned int n)
{
	struct ipc_task t;

	for (; mine.n < n; mine.n++) {
		sweep_require(ipc_queue_get_task(queue, &mine.task[mine.n],
						 sizeof(mine.task[0]), &t,
						 0) > 0);
		mine.ticket[mine.n] = t.ticket;
	}
}

static void *get_and_stay(void *arg)
{
	get_mine(((const struct tasks_row *)arg)->mine);
	shared->ready = true;
	for (;;)
		pause();
	return NULL;
}

static bool gets(enum tasks_op op)
{
	return op == TASKS_GET || op == TASKS_GET_MANY ||
	       op == TASKS_GET_BACK || op == TASKS_WORK;
}

static void prepare(const struct tasks_row *row)
{
	pthread_t t;

	/* a buffer that is too small takes no task, but a row */
	if (gets(row->op) && !row->first)
		ipc_queue_get(queue, NULL, 0, 0);
	if (!row->others) {
		get_mine(row->mine);
		return;
	}
	sweep_require(!pthread_create(&t, NULL, get_and_stay, (void *)row));
	while (!shared->ready)
		usleep(100);
}

static int finish(const struct tasks_row *row, unsigned int i)
{
	int r;

	shared->begun++;
	r = row->op == TASKS_TICKET
		    ? ipc_queue_task_done_ticket(queue, mine.ticket[i])
		    : ipc_queue_task_done(queue);
	shared->victims[mine.task[i]] += r == 0;
	shared->done += r == 0;
	return r;
}

static int work(const struct tasks_row *row)
{
	unsigned int *task = &mine.task[mine.n];
	int r = row->back ? ipc_queue_get_back(queue, task, sizeof(*task), -1)
			  : ipc_queue_get(queue, task, sizeof(*task), -1);

	return r < 0 ? r : finish(row, mine.n++);
}

static int call(const struct tasks_row *row, unsigned int i, int timeout_ms)
{
	unsigned int task = VICTIM + i, many[MANY];
	int r;

	switch (row->op) {
	case TASKS_HOLD:
		return 0;
	case TASKS_DONE:
	case TASKS_TICKET:
		return finish(row, i);
	case TASKS_JOIN:
		return ipc_queue_join(queue, timeout_ms);
	case TASKS_GET:
		return ipc_queue_get(queue, &task, sizeof(task), timeout_ms);
	case TASKS_GET_MANY:
		return ipc_queue_get_many(queue, many, sizeof(many[0]), NULL,
					  MANY, timeout_ms);
	case TASKS_GET_BACK:
		return ipc_queue_get_back(queue, &task, sizeof(task),
					  timeout_ms);
	case TASKS_WORK:
		return work(row);
	case TASKS_PUT:
	case TASKS_PUT_FRONT:
		r = row->op == TASKS_PUT
			    ? ipc_queue_put(queue, &task, sizeof(task),
					    timeout_ms)
			    : ipc_queue_put_front(queue, &task, sizeof(task),
						  timeout_ms);
		shared->put = r == 0;
		return r;
	case TASKS_FAILED:
		r = ipc_queue_get_failed(queue, &task, sizeof(task),
					 timeout_ms);
		shared->took += r >= 0;
		return r;
	case TASKS_CLOSE:
		return ipc_queue_close(queue);
	}
	return -EINVAL;
}

int tasks_victim(const void *arg)
{
	const struct tasks_row *row = arg;
	unsigned int calls = row->calls ? row->calls : 1;
	int r = 0;

	prepare(row);
	sweep_marker();
	for (unsigned int i = 0; r >= 0 && i < calls; i++)
		r = call(row, i, row->timeout_ms ? row->timeout_ms : -1);
	return r;
}

/* ------------------------------------------------------------------- begin */

static bool put_task(void)
{
	return next_task < PUTTERS &&
	       ipc_queue_put(queue, &next_task, sizeof(next_task),
			     sweep_limit_ms()) == 0 &&
	       ++next_task;
}

static void add(enum class class, unsigned int n, int how)
{
	static int (*const fn[])(const void *) = {work_once, join_once,
						  fail_once, put_once};
	static const int number[SLEEPERS] = {0, 1, 2, 3};

	while (n--) {
		int i = procs[class]++;
		struct proc **p = &proc[class][i];

		if (how == TASKS_ASLEEP) {
			*p = sweep_spawn(fn[class], &number[i]);
			sweep_until_asleep(*p);
			continue;
		}
		*p = sweep_trace(fn[class], &number[i]);
		sweep_to_sleep_entry(*p);
		if (how == TASKS_STOPPED)
			sweep_into_sleep(*p);
	}
}

/* all have their rows before the first one sleeps: a row that is taken wakes
   those who sleep, and it is a death, or a task, that is to wake him */
static void add_behind_stopped(enum class class, unsigned int n)
{
	add(class, n, TASKS_ABOUT);
	sweep_into_sleep(proc[class][0]);
	for (unsigned int i = 1; i < n; i++) {
		sweep_let_go(proc[class][i]);
		sweep_until_asleep(proc[class][i]);
	}
}

static void add_sleepers(const struct tasks_row *row)
{
	unsigned int n[CLASSES] = {row->getters, row->joiners, row->failers,
				   row->putters};

	for (int class = 0; class < CLASSES; class ++) {
		if (n[class] && row->one_stopped)
			add_behind_stopped(class, n[class]);
		else
			add(class, n[class], row->how);
	}
}

static void add_dying(const struct tasks_row *row)
{
	static const unsigned int one = 1;

	if (row->dying && !row->each)
		dying[dead++] = sweep_trace(die_with, &row->dying);
	for (unsigned int i = 0; row->each && i < row->dying; i++)
		dying[dead++] = sweep_trace(die_with, &one);
}

static void let_them_die(void)
{
	while (dead)
		sweep_slay(dying[--dead]);
}

void tasks_begin(const void *arg)
{
	const struct tasks_row *row = arg;
	struct ipc_queue_opts opts = {.maxsize = row->maxsize ? row->maxsize
							      : MAXSIZE,
				      .item_size = sizeof(unsigned int),
				      .order = row->order,
				      .max_attempts = row->max_attempts,
				      .flags = LIBIPC_JOINABLE};

	sweep_require(ipc_queue_create(&queue, NULL, &opts) == 0);
	for (int class = 0; class < CLASSES; class ++)
		procs[class] = 0;
	dead = 0;
	next_task = ours = 0;
	asked = false;
	while (next_task < row->tasks)
		sweep_require(put_task());
	add_dying(row);
	for (; ours < row->ours; ours++)
		sweep_require(take_task(&our_task[ours], 0) > 0);
	if (row->shut)
		sweep_require(ipc_queue_shutdown(queue, false) == 0);
}

/* the victim has got its tasks */
void tasks_marked(const void *arg)
{
	const struct tasks_row *row = arg;

	add_sleepers(row);
	if (!row->asks)
		let_them_die();
	if (row->reaped)
		ipc_queue_join(queue, 0);
	if (row->late)
		sweep_require(put_task());
	/* until who was woken stands still: before that a second wake-up may be
	   for him, too */
	if (row->one_stopped)
		sweep_until_quiet();
}

static void let_go(int first)
{
	for (int class = 0; class < CLASSES; class ++)
		for (int i = first; i < procs[class]; i++)
			sweep_let_go(proc[class][i]);
}

static bool do_ours(void)
{
	while (ours)
		if (do_task(our_task[--ours]) < 0)
			return false;
	return true;
}

/* what the victim waits for: a death, a new task, or that the last is done */
void tasks_asleep(const void *arg)
{
	const struct tasks_row *row = arg;

	if (asked || !row->asks)
		return;
	asked = true;
	add(GETTER, row->getters_behind, TASKS_ASLEEP);
	add(JOINER, row->joiners_behind, TASKS_ASLEEP);
	if (row->how == TASKS_ABOUT) {
		let_go(0);
		sweep_until_quiet();
	}
	if (row->timeout_ms)
		return;
	if (row->op == TASKS_PUT || row->op == TASKS_PUT_FRONT) {
		unsigned int task;

		sweep_require(take_task(&task, 0) > 0 && !do_task(task));
	} else if (dead) {
		let_them_die();
	} else if (row->puts) {
		sweep_require(put_task());
	} else {
		sweep_require(do_ours());
	}
}

void tasks_end(const void *arg)
{
	(void)arg;
	ipc_queue_close(queue);
}

/* ------------------------------------------------------------------- judge */

void tasks_look(const void *arg)
{
	(void)arg;
	sweep_note_side("put", &words()->put);
	sweep_note_side("get", &words()->get);
	sweep_note_side("done", &words()->done);
	sweep_note(", again %u failed %u", words()->leases.again,
		   words()->leases.failed);
}

static int waiting_from(enum class class, int first)
{
	int waits = 0;

	for (int i = first; i < procs[class]; i++)
		waits += !sweep_ended(proc[class][i]);
	return waits;
}

static int waiting(enum class class)
{
	return waiting_from(class, 0);
}

static bool has_reason(enum class class)
{
	switch (class) {
	case GETTER:
		return ipc_queue_size(queue) == 0;
	case JOINER:
		return ipc_queue_unfinished(queue) != 0;
	case FAILER:
		return ipc_queue_failed(queue) == 0;
	default:
		return ipc_queue_full(queue) == 1;
	}
}

static bool nobody_waits_in_vain(const void *arg)
{
	const int first = arg ? *(const int *)arg : 0;

	for (int class = 0; class < CLASSES; class ++)
		if (waiting_from(class, first) && !has_reason(class))
			return false;
	return true;
}

static bool others_live(void)
{
	int n = 0;

	for (int class = 0; class < CLASSES; class ++)
		n += procs[class];
	return n;
}

/* the victim died before it made anything true; or, in task_done, perhaps
   before it told anybody */
static bool told_nobody(const struct tasks_row *row)
{
	switch (row->op) {
	case TASKS_DONE:
		return !shared->done;
	case TASKS_JOIN:
	case TASKS_FAILED:
		return !(row->getters ? words()->leases.again
				      : words()->done.index);
	default:
		return false;
	}
}

/* one who was stopped when it was woken has what it was woken for; what a dead
   one held is not that */
static const char *without_the_stopped(const struct tasks_row *row)
{
	const int first = 1;

	let_go(first);
	if (row->late && words()->get.index != words()->put.index)
		return NULL; /* the task is still in its slot */
	/*
	 * A death and a stop at once: they wait for the next call (base.h),
	 * made when the stopped one stands still. Before that the kernel may
	 * still count him as asleep, and wake him a second time.
	 */
	if (told_nobody(row)) {
		sweep_until_quiet();
		sweep_require(ipc_queue_join(queue, 0) != -EBADMSG);
	}
	return sweep_eventually(nobody_waits_in_vain, &first)
		       ? NULL
		       : "they sleep because one is stopped";
}

static const char *feed(enum class class)
{
	static const unsigned int one = 1;
	unsigned int task;

	switch (class) {
	case GETTER:
		return put_task() ? NULL : "put fails though there is room";
	case FAILER:
		if (!put_task())
			return "put fails though there is room";
		sweep_slay(sweep_trace(die_with, &one));
		return NULL;
	case PUTTER:
		if (take_task(&task, 0) < 0 || do_task(task) < 0)
			return "what there is cannot be got and done";
		return NULL;
	default:
		return NULL;
	}
}

static const char *satisfy(enum class class)
{
	const char *wrong;

	while (waiting(class)) {
		wrong = feed(class);
		if (!wrong && !sweep_eventually(nobody_waits_in_vain, NULL))
			wrong = "somebody sleeps though he need not";
		if (wrong)
			return wrong;
	}
	return NULL;
}

static bool nobody_gets(const void *arg)
{
	(void)arg;
	return waiting(GETTER) == 0;
}

static const char *do_the_rest(void)
{
	static const enum class others[] = {PUTTER, GETTER, FAILER};
	const char *wrong = do_ours() ? NULL : "task_done fails";

	if (!wrong && !sweep_eventually(nobody_waits_in_vain, NULL))
		wrong = "join sleeps though all is done";
	if (!wrong && ipc_queue_size(queue) == 0 && is_shut() &&
	    !sweep_eventually(nobody_gets, NULL))
		wrong = "get sleeps though it is over";
	for (int i = 0; i < 3 && !wrong; i++)
		wrong = satisfy(others[i]);
	while (!wrong && ipc_queue_size(queue) > 0)
		wrong = feed(PUTTER);
	if (!wrong && ipc_queue_unfinished(queue))
		wrong = "a task is not done, and cannot be got";
	return wrong;
}

static bool nobody_joins(const void *arg)
{
	(void)arg;
	return waiting(JOINER) == 0;
}

/* ----------------------------------------------------------------- account */

static const char *account(const struct tasks_row *row)
{
	unsigned int did = 0, aside = 0, put, over;

	for (unsigned int i = 0; i < NUMBERS; i++) {
		did += shared->did[i];
		aside += shared->aside[i];
		if (shared->did[i] + shared->aside[i] + shared->victims[i] > 1)
			return "a task was done twice";
	}
	put = next_task + (unsigned int)procs[PUTTER] + shared->put;
	if (words()->put.index < put)
		return "a task is lost";
	put = (unsigned int)words()->put.index;
	aside += (unsigned int)ipc_queue_failed(queue);
	over = put - did - aside; /* by the victim, or gone with it */
	if (over > shared->begun + (row->op == TASKS_FAILED) ||
	    over < shared->done + shared->took)
		return "a task was done or lost that was not";
	if (row->max_attempts != 1 && aside)
		return "a task was set aside too early";
	if (shared->miscounted)
		return "attempts is wrong";
	return NULL;
}

/* ------------------------------------------------------------------- table */

struct table {
	struct leases_shm *s;
	struct worker_shm *row;
	struct lease_shm *lease;
	struct ipci_when when;
};

static struct table table(void)
{
	struct ipci_region *r = (struct ipci_region *)queue;
	unsigned char *at = r->body + r->head->fixed_size;

	return (struct table){
		.s = &words()->leases,
		.row = (struct worker_shm *)at,
		.lease = (struct lease_shm *)(at + ipci_workers_bytes()),
		.when = {words()->get.index, words()->done.index}};
}

static unsigned int count_free(const struct table *t)
{
	unsigned int n = 0;

	for (uint32_t i = t->s->free; i && n <= t->s->fresh; n++)
		i = t->lease[i - 1].born == IPCI_LEASE_NONE
			    ? t->lease[i - 1].next
			    : 0;
	return n;
}

static unsigned int count_held(const struct table *t, uint32_t row)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < t->s->fresh; i++)
		n += ipci_lease_open(&t->lease[i], t->when) &&
		     ipci_lease_row(&t->lease[i]) == row;
	return n;
}

/* what is stored is what follows from the leases; those in use are none, or
   set aside */
static const char *check_table(void)
{
	const struct table t = table();
	unsigned int again = 0, failed = 0, is_free = 0, is_marked = 0;

	for (uint32_t i = 0; i < t.s->fresh; i++) {
		const struct lease_shm *x = &t.lease[i];
		bool nobody = (uint32_t)x->owner == 0;

		/* marked done, and nobody who wanted it came in since */
		is_marked += ipci_lease_open(x, t.when) && !nobody &&
			     ipci_row_has_marked(&t.row[ipci_lease_row(x)],
						 ipci_ticket_of(x, i));
		is_free += x->born == IPCI_LEASE_NONE;
		again += nobody && ipci_lease_open(x, t.when);
		failed += nobody && ipci_lease_committed(x, t.when) &&
			  ipci_lease_gone(x, t.when);
	}
	for (uint32_t i = 0; i < t.s->rows; i++)
		if (count_held(&t, i) != t.row[i].held)
			return "held is wrong";
	if (again != t.s->again || failed != t.s->failed || t.s->dirty)
		return "again, failed or dirty is wrong";
	if (count_free(&t) != is_free ||
	    is_free + is_marked + failed != t.s->fresh)
		return "a lease is lost";
	return NULL;
}

/* when only we are left, and before anybody has repaired anything */
static const char *check_size(void)
{
	if (ipc_queue_size(queue) + (long)ours != ipc_queue_unfinished(queue))
		return "size is wrong";
	return NULL;
}

static const char *check_end(const struct tasks_row *row)
{
	const char *wrong = account(row);
	long failed = ipc_queue_failed(queue);

	if (wrong)
		return wrong;
	if (shared->early)
		return "a join returned before all was done";
	if (ipc_queue_join(queue, 0) != failed)
		return "join is wrong";
	return check_table();
}

const char *tasks_judge(const void *arg)
{
	const struct tasks_row *row = arg;
	const char *wrong = others_live() || dead ? NULL : check_size();

	if (!wrong && row->one_stopped)
		wrong = without_the_stopped(row);
	let_go(0);
	if (row->asks)
		tasks_asleep(row);
	if (!wrong && !sweep_eventually(nobody_waits_in_vain, NULL))
		wrong = "somebody sleeps with no reason";
	let_them_die();
	if (!wrong && !sweep_eventually(nobody_waits_in_vain, NULL))
		wrong = "somebody sleeps though a worker has died";
	if (!wrong)
		wrong = do_the_rest();
	if (!wrong && !sweep_eventually(nobody_joins, NULL))
		wrong = "join sleeps though all is done";
	return wrong ? wrong : check_end(row);
}
