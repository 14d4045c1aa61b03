/* SPDX-License-Identifier: MIT */
/*
 * test_gate_fences.c - a store that is late to leave its CPU loses no wake-up
 *
 * A commit is a plain store, and then a look at the hint. Here it has to wait
 * behind many stores into memory that is far away, and meanwhile the look has
 * been. The same with two who do the last two tasks of a joinable queue, each
 * with a store of its own, and then look whether all is done; and with two who
 * mark the same task. The library without the sleeper's barrier, or without the
 * fence of who has seen a hint, loses a wake-up soon; where nobody heeds who
 * helps, a task is done twice (tests/soak/run.sh runs these, for 20 seconds).
 * The real one never does. On one CPU nothing is late.
 */
#include "gate_util.h"
#include "queue.h"
#include "queue_util.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

enum {
	FAR = 100, /* lines; more than a store buffer holds */
	EARLY = 128,
	LATE = 2048,	/* looks at something else, before it */
	LOST_MS = 3000, /* no scheduler lets one wait that long */
};

struct litmus {
	struct test_gate t;
	_Alignas(64) _Atomic uint64_t want; /* ready: the index is that */
	_Alignas(64) _Atomic uint64_t held, go, woken;
	struct ipc_queue *q;
	struct ipc_task task;
	int helped; /* what who helps was told */
};

static struct {
	_Alignas(64) volatile uint64_t line[8];
} far_away[FAR];

static cpu_set_t everywhere;
static uint64_t seed = 88172645463325252u;

static unsigned int any(unsigned int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed >> 32) % below;
}

/* any time, but short ones more often */
static void delay(unsigned int max)
{
	unsigned int n = any(1 + any(max));

	for (volatile unsigned int i = 0; i < n; i++)
		;
}

static void send_far_away(void)
{
#ifdef __SSE2__
	for (int i = 0; i < FAR; i++)
		__builtin_ia32_clflush((const void *)far_away[i].line);
#endif
	atomic_thread_fence(memory_order_seq_cst);
}

static void store_far_away(uint64_t n)
{
	for (int i = 0; i < FAR; i++)
		far_away[i].line[0] = n;
}

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* at once, if the other one has a CPU of its own */
static void reach(const _Atomic uint64_t *at, uint64_t n)
{
	for (unsigned int i = 1; atomic_load(at) < n; i++)
		if (i % 4096 == 0)
			sched_yield();
}

static bool is_wanted(const void *arg)
{
	const struct litmus *l = arg;

	return atomic_load(&l->t.opposite.index) >= atomic_load(&l->want);
}

static struct litmus *new_litmus(void)
{
	struct litmus *l = shared_alloc(sizeof(*l));
	cpu_set_t set;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	if (!CPU_ISSET(0, &set) || !CPU_ISSET(1, &set)) {
		print_message("needs the CPUs 0 and 1\n");
		skip();
	}
	assert_true(ipc_caps() > 0);
	everywhere = set;
	l->t.gate = (struct ipci_gate){.word = &l->t.side.word,
				       .hint = &l->t.side.hint,
				       .index = &l->t.opposite.index,
				       .ready = is_wanted,
				       .arg = l};
	return l;
}

/* who looks a while before it sleeps comes too late for all this */
static void await_at_once(struct litmus *l)
{
	struct ipci_self *self = ipci_self();

	self->spin = self->yields = 0;
	self->waits = self->in_vain = 1;
	child_check(ipci_gate_await(self, &l->t.gate, IPCI_NEVER) == 0);
}

/* sleep in the moment of the commit: the index is not there yet */
static _Noreturn int sleep_now(void *arg)
{
	struct litmus *l = arg;

	pin(1);
	for (uint64_t n = 1;; n++) {
		reach(&l->go, n);
		delay(EARLY);
		await_at_once(l);
		atomic_store(&l->woken, n);
	}
}

/* sleep, while somebody is inside */
static _Noreturn int sleep_while_held(void *arg)
{
	struct litmus *l = arg;

	pin(0);
	for (uint64_t n = 1;; n++) {
		while (atomic_load(&l->held) < n)
			usleep(10);
		await_at_once(l);
		atomic_store(&l->woken, n);
	}
}

/* be inside, and come out in the moment of the commit */
static _Noreturn int come_out_now(void *arg)
{
	struct litmus *l = arg;
	struct ipci_self *self = ipci_self();

	pin(1);
	seed++;
	for (uint64_t n = 1;; n++) {
		reach(&l->want, n);
		while (!ipci_gate_take(self, &l->t.gate))
			;
		ipci_gate_push(self, &l->t.gate);
		atomic_store(&l->held, n);
		reach(&l->go, n);
		delay(LATE);
		ipci_gate_announce(self, &l->t.gate);
		ipci_gate_pop(self);
		ipci_gate_release(self, &l->t.gate);
	}
}

/* nobody sleeps, and nobody did lately */
static void forget(struct litmus *l, uint64_t n)
{
	atomic_store(&l->t.side.hint, 2 * n * IPCI_HINT_GENERATION);
	send_far_away();
	atomic_store(&l->want, n);
}

static void commit_late(struct litmus *l, uint64_t n)
{
	struct ipci_self *self = ipci_self();

	atomic_store_explicit(&l->go, n, memory_order_release);
	delay(EARLY);
	ipci_gate_owe(self, &l->t.gate);
	store_far_away(n);
	ipci_gate_commit(&l->t.gate, &l->t.opposite.index, n);
	ipci_gate_notify(&l->t.gate);
	ipci_gate_settle(self);
}

static bool is_woken(struct litmus *l, uint64_t n)
{
	int64_t until = ipci_now_ns() + LOST_MS * INT64_C(1000000);

	for (unsigned int i = 1; atomic_load(&l->woken) < n; i++) {
		if (i % 1024)
			continue;
		if (ipci_now_ns() > until)
			return false;
		usleep(10);
	}
	return true;
}

static int64_t until(void)
{
	const char *s = getenv("FENCES_SECONDS");

	return ipci_now_ns() + (s ? atoi(s) : 1) * INT64_C(1000000000);
}

static void tell(uint64_t n)
{
	sched_setaffinity(0, sizeof(everywhere), &everywhere);
	print_message("%llu commits\n", (unsigned long long)n);
}

static void test_the_sleeper_fences(void **state)
{
	struct litmus *l = new_litmus();
	int64_t end = until();
	bool lost = false;
	uint64_t n = 0;
	pid_t pid;
	(void)state;

	/* the kernel would look at it long after us, and make up for us */
	l->t.gate.index = NULL;
	pid = spawn_child(sleep_now, l);
	pin(0);
	while (!lost && ipci_now_ns() < end) {
		forget(l, ++n);
		commit_late(l, n);
		lost = !is_woken(l, n);
	}
	kill_child(pid);
	tell(n);
	assert_false(lost);
}

static void test_who_sees_a_hint_fences(void **state)
{
	struct litmus *l = new_litmus();
	pid_t sleeper, holder;
	int64_t end = until();
	bool lost = false;
	uint64_t n = 0;
	(void)state;

	sleeper = spawn_child(sleep_while_held, l);
	holder = spawn_child(come_out_now, l);
	pin(0);
	while (!lost && ipci_now_ns() < end) {
		forget(l, ++n);
		while (atomic_load(&l->held) < n ||
		       hint_bits(&l->t) != (LEFT | FENCED))
			usleep(10);
		commit_late(l, n);
		lost = !is_woken(l, n);
	}
	kill_child(holder);
	kill_child(sleeper);
	tell(n);
	assert_false(lost);
}

/* waits for two tasks to be done, again and again */
static _Noreturn int join_each(void *arg)
{
	struct litmus *l = arg;

	for (uint64_t n = 1;; n++) {
		while (atomic_load(&l->held) < n)
			usleep(10);
		child_check(ipc_queue_join(l->q, LIBIPC_FOREVER) == 0);
		atomic_store(&l->woken, n);
	}
}

static void do_late(struct litmus *l, uint64_t n, unsigned int max)
{
	delay(max);
	store_far_away(n);
	child_check(ipc_queue_task_done(l->q) == 0);
}

/* does one of the two */
static _Noreturn int do_one(void *arg)
{
	struct litmus *l = arg;
	int task;

	pin(1);
	seed++;
	for (uint64_t n = 1;; n++) {
		reach(&l->want, n);
		child_check(ipc_queue_get(l->q, &task, sizeof(task), 0) ==
			    sizeof(task));
		send_far_away();
		atomic_store(&l->held, n);
		reach(&l->go, n);
		do_late(l, n, EARLY);
	}
}

static bool joins(const struct ipc_queue *q)
{
	return (inside(q)->done.hint & IPCI_HINT_BITS) == (LEFT | FENCED);
}

static void test_who_does_the_last_tasks_fences(void **state)
{
	struct litmus *l = new_litmus();
	pid_t joiner, worker;
	int64_t end = until();
	bool lost = false;
	uint64_t n = 0;
	(void)state;

	l->q = new_queue(2, sizeof(int), LIBIPC_JOINABLE);
	joiner = spawn_child(join_each, l);
	worker = spawn_child(do_one, l);
	pin(0);
	while (!lost && ipci_now_ns() < end) {
		put_int(l->q, 1);
		put_int(l->q, 2);
		(void)got_int(l->q);
		atomic_store(&l->want, ++n);
		while (atomic_load(&l->held) < n || !joins(l->q))
			usleep(10);
		send_far_away();
		atomic_store_explicit(&l->go, n, memory_order_release);
		do_late(l, n, 4 * EARLY);
		lost = !is_woken(l, n);
	}
	kill_child(worker);
	kill_child(joiner);
	tell(n);
	close_queue(l->q);
	assert_false(lost);
}

/* another thread marks the task by its ticket, in the same moment */
static void *help(void *arg)
{
	struct litmus *l = arg;

	pin(1);
	for (uint64_t n = 1;; n++) {
		reach(&l->go, n);
		if (!l->task.attempts)
			return NULL;
		delay(EARLY);
		l->helped = ipc_queue_task_done_ticket(l->q, l->task.ticket);
		atomic_store(&l->woken, n);
	}
}

static bool only_one_did_it(struct litmus *l, int own)
{
	return own + l->helped == -EINVAL && (!own || !l->helped) &&
	       ipc_queue_unfinished(l->q) == 0;
}

static bool do_helped(struct litmus *l, uint64_t n)
{
	int task, own;

	/* who was helped once, knows of it for ever */
	l->q->tasks.workers.row[0].helped = 0;
	put_int(l->q, 1);
	assert_int_equal(ipc_queue_get_task(l->q, &task, sizeof(task), &l->task,
					    0),
			 sizeof(task));
	send_far_away();
	atomic_store_explicit(&l->go, n, memory_order_release);
	delay(LATE);
	store_far_away(n);
	own = ipc_queue_task_done(l->q);
	return is_woken(l, n) && only_one_did_it(l, own);
}

static void test_who_helps_fences(void **state)
{
	struct litmus *l = new_litmus();
	int64_t end = until();
	pthread_t helper;
	bool lost = false;
	uint64_t n = 0;
	(void)state;

	l->q = new_queue(1, sizeof(int), LIBIPC_JOINABLE);
	assert_int_equal(pthread_create(&helper, NULL, help, l), 0);
	pin(0);
	while (!lost && ipci_now_ns() < end)
		lost = !do_helped(l, ++n);
	l->task.attempts = 0;
	atomic_store(&l->go, n + 1);
	pthread_join(helper, NULL);
	tell(n);
	close_queue(l->q);
	assert_false(lost);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_the_sleeper_fences, 60),
		TEST_LIMIT(test_who_sees_a_hint_fences, 60),
		TEST_LIMIT(test_who_does_the_last_tasks_fences, 60),
		TEST_LIMIT(test_who_helps_fences, 60),
	};

	if (getenv("FENCES_TEST"))
		cmocka_set_test_filter(getenv("FENCES_TEST"));
	return RUN_EXACT_TESTS(tests);
}
