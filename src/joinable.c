/* SPDX-License-Identifier: MIT */
/*
 * joinable.c - what is done with leases under the lease gate, and join
 *
 * See struct leases_shm in layout.h for the steps T1 .. T9, D1 .. D9, X1 .. X5.
 */
#include <limits.h>

#include "joinable.h"
#include "ring.h"

enum {
	TRIES = 1000,	       /* to find a moment with nobody inside */
	IN_VAIN_MAX = 1 << 14, /* looks, four for each row that there can be */
};

static struct ipci_when when(const struct ipci_tasks *t)
{
	return (struct ipci_when){ipci_index(t->got), ipci_index(t->done)};
}

static uint32_t number(const _Atomic uint32_t *n)
{
	return atomic_load_explicit(n, memory_order_seq_cst);
}

/* a count that sleepers and others read: one store, seq_cst against hints */
static void add(_Atomic uint32_t *n, uint32_t change)
{
	atomic_fetch_add_explicit(n, change, memory_order_seq_cst);
}

static uint64_t state_of(const struct ipci_tasks *t)
{
	return atomic_load_explicit(&t->rare->state, memory_order_seq_cst);
}

/* done or set aside (L6); it only grows */
static uint64_t finished(const struct ipci_tasks *t)
{
	return ipci_index(t->done) + ipci_workers_done(&t->workers);
}

/*
 * Put, or, when what waited was dropped, got: and not done. Those done are
 * counted first: so 0 was right at that moment, and more may be too many.
 */
static uint64_t unfinished(const struct ipci_tasks *t)
{
	uint64_t n = finished(t);

	return ipci_index(state_of(t) & IPCI_STATE_DROPPED ? t->got : t->put) -
	       n;
}

/* more done than put is damage; true, so that nobody sleeps over it */
static bool all_done(const struct ipci_tasks *t)
{
	uint64_t n = unfinished(t);

	return n == 0 || n > LONG_MAX;
}

/* the same, for who asks after each task: what rows say, all of them write, so
   it looks there only if nothing waits any more, or there is damage */
static bool all_done_now(const struct ipci_tasks *t)
{
	uint64_t got = ipci_index(t->got), put = ipci_index(t->put);

	if (got != put && !(state_of(t) & IPCI_STATE_DROPPED) &&
	    put - ipci_index(t->done) <= LONG_MAX)
		return false;
	return all_done(t);
}

/* ---- done and set aside: D2 .. D5, D9 ---- */

/*
 * D5, D9, by one that has moved a count, or for one that did not live to; all:
 * as after a shutdown, for getters sleep there, too. Two that do the last two
 * tasks, each by a store of its own, must not miss each other: so a fence, for
 * whoever has seen a hint. Nothing is owed for it: all who sleep at done watch
 * the row that held the task, and whoever makes it done dies with the row's
 * thread, or looks after its death.
 */
static void tell_joiners(const struct ipci_tasks *t, bool all)
{
	if (!ipci_gate_slept_at(&t->joiners))
		return;
	IPCI_FENCE();
	if (all || state_of(t) & IPCI_STATE_SHUT || all_done_now(t))
		ipci_gate_fire(&t->joiners);
}

/* one that holds the lease gate moves done.index */
static void finish(struct ipci_tasks *t, uint32_t i, bool all)
{
	uint64_t n = ipci_index(t->done);

	t->leases.lease[i].gone = n;			       /* D2 */
	ipci_gate_commit(&t->joiners, &t->done->index, n + 1); /* D4 COMMIT */
	tell_joiners(t, all);				       /* D5 */
}

/* X4; it may have no row, and whom the worker's death woke may be stopped */
static void set_aside(struct ipci_self *self, struct ipci_tasks *t, uint32_t i)
{
	add(&t->leases.s->failed, 1);
	add(&t->leases.s->again, UINT32_MAX);
	ipci_gate_owe(self, &t->joiners); /* D3 */
	finish(t, i, true);
}

/* ---- T9 ---- */

/* the row's lease is free */
IPCI_INLINE void let_go(struct ipci_tasks *t, uint32_t i, uint32_t row)
{
	ipci_lease_free(&t->leases, i);
	ipci_tasks_count_held(t, row, UINT32_MAX);
}

/* of one mark; not: damage, or who was killed in here has done it */
static bool clear_mark(struct ipci_tasks *t, uint32_t row, uint64_t ticket)
{
	uint32_t i = ipci_lease_of_row(&t->leases, ticket, row);

	if (i == IPCI_NO_LEASE)
		return false;
	let_go(t, i, row);
	return true;
}

uint32_t ipci_tasks_clear_marks(struct ipci_tasks *t, uint32_t row)
{
	struct worker_shm *w = &t->workers.row[row];
	uint64_t end, n;
	uint32_t cleared = 0;

	for (n = ipci_row_marks(w, &end); n != end; n++)
		cleared += clear_mark(t, row, ipci_row_mark(w, n));
	/* release: the marks were read; the owner may write there */
	atomic_store_explicit(&w->freed, end, memory_order_release);
	return cleared;
}

static uint32_t clear_all_marks(struct ipci_tasks *t)
{
	uint32_t cleared = 0, rows = ipci_workers_rows(&t->workers);

	for (uint32_t row = 0; row < rows; row++)
		cleared += ipci_tasks_clear_marks(t, row);
	return cleared;
}

int ipci_tasks_lease_scarce(struct ipci_tasks *t, struct ipci_worker *mine,
			    uint64_t index, const void *item, size_t len,
			    int why)
{
	return clear_all_marks(t) ? ipci_lease_take(&t->leases, mine->row,
						    index, item, len)
				  : why;
}

/* ---- reap: X1 .. X5 ---- */

/*
 * All who sleep at done are told first, of what the dead one may have done; so
 * are, after a shutdown, all getters, who sleep there then. Until the row is
 * buried nobody goes to sleep again.
 */
static void give_back(struct ipci_self *self, struct ipci_tasks *t,
		      uint32_t row)
{
	_Atomic uint32_t *held = &t->workers.row[row].held;
	uint32_t n;

	if (IPCI_CLEARED())
		ipci_tasks_clear_marks(t, row);
	tell_joiners(t, false); /* its death woke only one of them */
	if (!number(held))
		return;
	ipci_gate_owe(self, t->getters); /* X1 */
	n = ipci_lease_revoke(&t->leases, row, when(t));
	add(&t->leases.s->again, n);
	atomic_store_explicit(held, 0, memory_order_seq_cst);
	ipci_gate_notify(t->getters); /* X3 */
}

static void set_exhausted_aside(struct ipci_self *self, struct ipci_tasks *t)
{
	int i;

	while (ipci_tasks_back(t) &&
	       (i = ipci_lease_exhausted(&t->leases, t->max_attempts,
					 when(t))) >= 0)
		set_aside(self, t, (uint32_t)i);
}

void ipci_tasks_reap(struct ipci_self *self, struct ipci_tasks *t)
{
	uint32_t row = ipci_workers_ended(&t->workers, 0);

	for (; row != IPCI_NO_ROW;
	     row = ipci_workers_ended(&t->workers, row + 1)) {
		give_back(self, t, row);
		set_exhausted_aside(self, t);
		ipci_worker_bury(&t->workers, row); /* X5 */
	}
}

/* ---- the lease gate ---- */

static bool is_free(const void *arg)
{
	const struct ipci_tasks *t = arg;

	return ipci_gate_owner(&t->lock) == 0;
}

/*
 * L2, Y1 .. Y3. The dead one may have made something true that it did not tell,
 * or not to all: the kernel wakes one sleeper, for whom it may be no news. So
 * all are told, before the row that speaks of the death is buried. It may also
 * have been about to set a task aside. Nothing is owed: until the row is buried
 * nobody goes to sleep, and whoever was woken by the death tells the others.
 */
void ipci_tasks_repair(struct ipci_self *self, struct ipci_tasks *t)
{
	ipci_leases_repair(&t->leases, when(t), t->workers.row,
			   ipci_workers_rows(&t->workers)); /* Y1 */
	clear_all_marks(t);
	ipci_gate_notify(t->getters); /* Y2 */
	ipci_gate_fire(&t->joiners);  /* Y3 */
	set_exhausted_aside(self, t);
}

int ipci_tasks_wait(struct ipci_self *self, const struct ipci_tasks *t,
		    int64_t deadline)
{
	int64_t grace = ipci_now_ns() + IPCI_GRACE_NS;

	if (deadline == IPCI_NEVER)
		return ipci_gate_enter_surely(self, &t->lock);
	return ipci_gate_enter(self, &t->lock,
			       deadline > grace ? deadline : grace);
}

/* ---- get ---- */

/* forgets the tickets of tasks that others marked done for the thread; or does
   it another time, where it cannot come in: a get has its timeout */
static void prune(struct ipci_self *self, struct ipci_tasks *t,
		  struct ipci_worker *mine)
{
	size_t i = mine->first, end = mine->end;

	if (i == end || ipci_tasks_enter(self, t, 0) < 0)
		return;
	for (mine->end = i; i < end; i++) {
		uint64_t ticket = mine->ticket[i & (mine->room - 1)];

		if (ipci_lease_of_ticket(&t->leases, ticket, when(t)) >= 0)
			ipci_worker_remember(mine, ticket);
	}
	ipci_tasks_leave(self, t);
}

int ipci_tasks_attach_slow(struct ipci_self *self, struct ipci_tasks *t,
			   size_t n, struct ipci_worker **mine)
{
	int r = ipci_worker_attach(self, &t->workers, mine);

	if ((r == -ENOBUFS || r == -ENOSPC || r == -ENOMEM) &&
	    ipci_tasks_enter(self, t, 0) == 0) {
		ipci_tasks_leave(self, t); /* the dead were reaped */
		r = ipci_worker_attach(self, &t->workers, mine);
	}
	if (r < 0)
		return r;
	if (!ipci_worker_has_room(*mine, n))
		prune(self, t, *mine);
	return ipci_worker_make_room(*mine, n);
}

bool ipci_tasks_pending(const struct ipci_tasks *t)
{
	return ipci_tasks_back(t) ||
	       ipci_workers_mourn(&t->workers, IPCI_GETTERS);
}

int ipci_tasks_again(struct ipci_tasks *t, struct ipci_worker *mine, void *buf,
		     size_t size)
{
	int i, len;

	if (!ipci_tasks_back(t))
		return -EAGAIN;
	i = ipci_lease_again(&t->leases, when(t));
	if (i < 0)
		return -EBADMSG;
	len = ipci_lease_read(&t->leases, (uint32_t)i, buf, size);
	if (len < 0)
		return len;
	ipci_lease_renew(&t->leases, (uint32_t)i, mine->row); /* T7 COMMIT */
	add(&t->leases.s->again, UINT32_MAX);
	ipci_tasks_count_held(t, mine->row, 1);
	mine->attempts = ipci_lease_attempts(&t->leases.lease[i]);
	ipci_worker_remember(mine, ipci_lease_ticket(&t->leases, (uint32_t)i));
	return len;
}

/* ---- task_done ---- */

/* D2 .. D6 of lease i, after D1 */
IPCI_INLINE void done(struct ipci_tasks *t, uint32_t i, uint32_t row)
{
	finish(t, i, false);
	let_go(t, i, row); /* D6 */
}

/* within the gate: unless another thread was faster */
static int done_within(struct ipci_self *self, struct ipci_tasks *t,
		       const struct ipci_worker *mine, uint64_t ticket)
{
	int i;

	if (ipci_tasks_enter(self, t, IPCI_NEVER) < 0)
		return -EBADMSG;
	ipci_tasks_clear_marks(t, mine->row);
	i = ipci_lease_of_ticket(&t->leases, ticket, when(t));
	if (i >= 0)
		done(t, (uint32_t)i, mine->row);
	ipci_tasks_leave(self, t);
	return i < 0 ? -EINVAL : 0;
}

/* D9; and whom a death woke may be stopped: then any call looks after it */
static __attribute__((noinline)) void look_after_sleepers(
	struct ipci_self *self, struct ipci_tasks *t)
{
	tell_joiners(t, false);
	if (ipci_workers_any_ended(&t->workers) &&
	    ipci_tasks_enter(self, t, 0) == 0)
		ipci_tasks_leave(self, t);
}

/* what stands in our own list is ours, unless another thread has marked it */
IPCI_INLINE int done_own(struct ipci_self *self, struct ipci_tasks *t,
			 const struct ipci_worker *mine, uint64_t ticket)
{
	if (!ipci_worker_mark(mine, ticket))
		return done_within(self, t, mine, ticket);
	if (ipci_gate_slept_at(&t->joiners) || ipci_gate_slept_at(t->getters))
		look_after_sleepers(self, t);
	return 0;
}

/* the oldest one that nobody has marked for us */
int ipci_tasks_done(struct ipci_tasks *t)
{
	struct ipci_self *self = ipci_self();
	struct ipci_worker *mine =
		self ? ipci_worker_find(self, &t->workers) : NULL;
	int r = -EINVAL;

	while (r == -EINVAL && mine && mine->first != mine->end) {
		r = done_own(self, t, mine,
			     mine->ticket[mine->first & (mine->room - 1)]);
		mine->first += r != -EBADMSG;
	}
	return r;
}

/*
 * What another thread of this process holds, within the gate: 0; -EAGAIN, that
 * thread does not know of us yet, a barrier first; -EINVAL: nobody does, or
 * that thread is about to mark it itself (D7).
 */
static int done_for(struct ipci_tasks *t, uint64_t ticket, bool known)
{
	int i = ipci_lease_of_ticket(&t->leases, ticket, when(t));
	uint32_t row =
		i < 0 ? IPCI_NO_ROW : ipci_lease_row(&t->leases.lease[i]);

	if (row >= ipci_workers_rows(&t->workers) ||
	    !ipci_worker_ours(&t->workers, row))
		return -EINVAL;
	if (!ipci_worker_is_helped(&t->workers, row, known)) /* N7 */
		return -EAGAIN;
	ipci_tasks_clear_marks(t, row);
	if (ipci_lease_of_ticket(&t->leases, ticket, when(t)) < 0 ||
	    ipci_row_is_marking(&t->workers.row[row], ticket))
		return -EINVAL;
	done(t, (uint32_t)i, row);
	return 0;
}

/* N8; refused, by a filter that came late: after a while they know, too */
static void make_help_known(void)
{
	if (!IPCI_BARRIER())
		ipci_gate_pause();
}

static int done_for_another(struct ipci_self *self, struct ipci_tasks *t,
			    uint64_t ticket)
{
	int r = -EAGAIN;

	for (bool known = false; r == -EAGAIN; known = true) {
		if (known)
			make_help_known();
		if (ipci_tasks_enter(self, t, IPCI_NEVER) < 0)
			return -EBADMSG;
		r = done_for(t, ticket, known);
		ipci_tasks_leave(self, t);
	}
	return r;
}

int ipci_tasks_done_ticket(struct ipci_tasks *t, uint64_t ticket)
{
	struct ipci_self *self = ipci_self();
	struct ipci_worker *mine;
	size_t place;
	int r;

	if (!self)
		return -ENOSYS;
	mine = ipci_worker_find(self, &t->workers);
	place = mine ? ipci_worker_find_ticket(mine, ticket) : 0;
	if (!mine || place == mine->end)
		return done_for_another(self, t, ticket);
	r = done_own(self, t, mine, ticket);
	if (r != -EBADMSG)
		ipci_worker_forget(mine, place);
	return r;
}

/* ---- again and again ---- */

/* moves with whatever may be news: each of them only grows */
static uint64_t moved(const struct ipci_tasks *t)
{
	return ipci_index(t->put) + ipci_index(t->got) + finished(t) +
	       state_of(t) +
	       atomic_load_explicit(&t->leases.s->version,
				    memory_order_seq_cst);
}

/*
 * What seems to be worth a look, and is not: the end of a worker, or what
 * another one was faster to get. Of the first there are no more than two for
 * each row, unless a row is taken, which moves version (but for one killed in
 * N2, and so many are not); the second was put, done, or the end of a worker.
 * So what is in vain that often, while nothing moves, is damage.
 */
int ipci_tasks_until(const struct ipci_tasks *t, int64_t deadline,
		     int (*look)(void *arg, int64_t deadline), void *arg)
{
	uint64_t before = moved(t), now;
	int r, in_vain = 0;

	while ((r = look(arg, deadline)) == -EAGAIN) {
		if (ipci_expired(deadline))
			return -ETIMEDOUT;
		now = moved(t);
		in_vain = now == before ? in_vain + 1 : 0;
		before = now;
		if (in_vain == IN_VAIN_MAX)
			return -EBADMSG;
	}
	return r;
}

/* ---- join and get_failed ---- */

/* a call that sleeps where joiners do */
struct visit {
	struct ipci_self *self;
	struct ipci_tasks *tasks;
	void *buf;
	size_t size;
};

static bool worth_joining(const void *arg)
{
	const struct ipci_tasks *t = arg;

	return all_done(t) || ipci_workers_mourn(&t->workers, IPCI_JOINERS);
}

static bool worth_looking(const void *arg)
{
	const struct ipci_tasks *t = arg;

	return number(&t->leases.s->failed) ||
	       ipci_workers_mourn(&t->workers, IPCI_JOINERS);
}

/*
 * Inside the lease gate, when it is worth it: then a death has been looked
 * after, though nobody may be left to get the task. -ETIMEDOUT.
 */
static int enter_when(struct ipci_self *self, struct ipci_tasks *t,
		      const struct ipci_gate *g, int64_t deadline)
{
	int r = ipci_gate_await(self, g, deadline);

	return r < 0 ? r : ipci_tasks_enter(self, t, deadline);
}

/* how many were set aside; -EAGAIN: not all is done */
static int joined(const struct ipci_tasks *t)
{
	uint32_t failed = number(&t->leases.s->failed);
	uint64_t n = unfinished(t);

	if (n > LONG_MAX || failed > t->leases.max)
		return -EBADMSG;
	if (n)
		return -EAGAIN;
	return (int)failed;
}

static int look_joined(void *arg, int64_t deadline)
{
	const struct visit *v = arg;
	struct ipci_tasks *t = v->tasks;
	int r = enter_when(v->self, t, &t->joiners, deadline);

	if (r < 0)
		return r;
	r = joined(t);
	ipci_tasks_leave(v->self, t);
	return r;
}

static int visit(struct visit *v, int timeout_ms,
		 int (*look)(void *arg, int64_t deadline))
{
	int r;

	v->self = ipci_self();
	if (!v->self)
		return -ENOSYS;
	r = ipci_tasks_until(v->tasks, ipci_deadline(timeout_ms), look, v);
	return r == -ETIMEDOUT ? ipci_gave_up(timeout_ms) : r;
}

int ipci_tasks_join(struct ipci_tasks *t, int timeout_ms)
{
	struct visit v = {.tasks = t};

	return visit(&v, timeout_ms, look_joined);
}

/* ---- after a shutdown ---- */

static int watch(const void *arg, struct ipci_still *more, int room)
{
	const struct ipci_tasks *t = arg;
	int n;

	more[0] = (struct ipci_still){&t->rare->state, state_of(t)};
	n = ipci_workers_watch(&t->workers, IPCI_JOINERS, more + 1, room - 1);
	return n < 0 ? n : n + 1;
}

struct survivor {
	const struct ipci_tasks *tasks;
	const struct ipci_worker *mine;
};

/*
 * Exact within the lease gate, where mine has no marks; else it may be true too
 * early, and who comes in sees that it is not; and when a task that is done, or
 * the end of a worker, makes it true, whoever sleeps is told.
 */
static bool is_over(const struct ipci_tasks *t, const struct ipci_worker *mine)
{
	uint64_t n = finished(t), out = ipci_index(t->got) - n;
	uint64_t own = number(&t->workers.row[mine->row].held);

	return out > LONG_MAX || out <= own + ipci_tasks_back(t);
}

bool ipci_tasks_over(const struct ipci_tasks *t, const struct ipci_worker *mine)
{
	return !ipci_tasks_back(t) && is_over(t, mine);
}

static bool worth_coming_back(const void *arg)
{
	const struct survivor *s = arg;

	return is_over(s->tasks, s->mine) || ipci_tasks_back(s->tasks) ||
	       ipci_workers_mourn(&s->tasks->workers, IPCI_JOINERS);
}

static int watch_all(const void *arg, struct ipci_still *more, int room)
{
	return watch(((const struct survivor *)arg)->tasks, more, room);
}

/* sleeps where joiners do: a task that is done is told there */
int ipci_tasks_await_over(struct ipci_self *self, const struct ipci_tasks *t,
			  const struct ipci_worker *mine, int64_t deadline)
{
	const struct survivor s = {t, mine};
	struct ipci_gate g = t->joiners;

	g.ready = worth_coming_back;
	g.watch = watch_all;
	g.arg = &s;
	return ipci_gate_await(self, &g, deadline);
}

/* T8: the oldest one; -EAGAIN: none */
static int take_failed(struct ipci_tasks *t, void *buf, size_t size)
{
	int i = ipci_lease_failed(&t->leases, when(t)), len;

	if (i < 0)
		return number(&t->leases.s->failed) ? -EBADMSG : -EAGAIN;
	len = ipci_lease_read(&t->leases, (uint32_t)i, buf, size);
	if (len < 0)
		return len;
	ipci_lease_free(&t->leases, (uint32_t)i); /* T8 COMMIT */
	add(&t->leases.s->failed, UINT32_MAX);
	return len;
}

static int look_failed(void *arg, int64_t deadline)
{
	const struct visit *v = arg;
	struct ipci_tasks *t = v->tasks;
	int r = enter_when(v->self, t, &t->failures, deadline);

	if (r < 0)
		return r;
	r = take_failed(t, v->buf, v->size);
	ipci_tasks_leave(v->self, t);
	return r;
}

int ipci_tasks_get_failed(struct ipci_tasks *t, void *buf, size_t size,
			  int timeout_ms)
{
	struct visit v = {.tasks = t, .buf = buf, .size = size};

	return visit(&v, timeout_ms, look_failed);
}

/* ---- how it stands ---- */

/* somebody is inside, or has ended, and nobody has looked after that yet */
static bool untidy(const struct ipci_tasks *t)
{
	return *(volatile uint32_t *)&t->leases.s->dirty ||
	       ipci_workers_mourn(&t->workers, IPCI_GETTERS) ||
	       ipci_workers_mourn(&t->workers, IPCI_JOINERS);
}

/*
 * Has an owner while somebody is inside, and is another one when somebody was.
 * The count of them first: whoever changes it later is still inside, or has
 * come later.
 */
static uint64_t entry(const struct ipci_tasks *t)
{
	uint64_t visits = number(&t->leases.s->visits);
	uint64_t word = ipci_gate_word(&t->lock);

	return ipci_gate_bounded(&t->lock)
		       ? visits << 32 | (word & IPCI_GATE_OWNER)
		       : word;
}

/*
 * What a word of the table says is right when nobody is inside, and nobody has
 * died; else the leases themselves are counted, until they stood still
 * meanwhile.
 */
static uint64_t steady(const struct ipci_tasks *t, const _Atomic uint32_t *word,
		       bool (*is)(const struct lease_shm *, struct ipci_when,
				  const void *))
{
	uint64_t n = 0;

	for (int tries = 0; tries < TRIES; tries++) {
		uint64_t before = entry(t);

		if (!untidy(t))
			return word ? number(word) : 0;
		n = ipci_lease_count(&t->leases, when(t), is, t);
		if (!(before & IPCI_GATE_OWNER) && entry(t) == before)
			break;
		ipci_relax();
	}
	return n;
}

/* it waits again, or will when somebody reaps its worker */
static bool is_back(const struct lease_shm *x, struct ipci_when now,
		    const struct ipci_tasks *t)
{
	uint32_t row = ipci_lease_row(x);

	return ipci_lease_waits_again(x, now) ||
	       (ipci_lease_open(x, now) &&
		row < ipci_workers_rows(&t->workers) &&
		ipci_worker_ended(&t->workers, row) &&
		!ipci_row_has_marked(
			&t->workers.row[row],
			ipci_ticket_of(x, (uint32_t)(x - t->leases.lease))));
}

static bool is_waiting(const struct lease_shm *x, struct ipci_when now,
		       const void *arg)
{
	const struct ipci_tasks *t = arg;

	return is_back(x, now, t) && ipci_lease_attempts(x) < t->max_attempts;
}

/* or it will be set aside then: so it counts already */
static bool is_exhausted(const struct lease_shm *x, struct ipci_when now,
			 const void *arg)
{
	const struct ipci_tasks *t = arg;

	return is_back(x, now, t) && ipci_lease_attempts(x) >= t->max_attempts;
}

static bool is_failed(const struct lease_shm *x, struct ipci_when now,
		      const void *arg)
{
	return ipci_lease_set_aside(x, now) || is_exhausted(x, now, arg);
}

long ipci_tasks_unfinished(const struct ipci_tasks *t)
{
	uint64_t n, done;

	do {
		done = finished(t);
		n = unfinished(t) - steady(t, NULL, is_exhausted);
	} while (done != finished(t));
	return n > LONG_MAX ? -EBADMSG : (long)n;
}

long ipci_tasks_failed(const struct ipci_tasks *t)
{
	uint64_t n = steady(t, &t->leases.s->failed, is_failed);

	return n > t->leases.max ? -EBADMSG : (long)n;
}

long ipci_tasks_waiting(const struct ipci_tasks *t)
{
	uint64_t n = steady(t, &t->leases.s->again, is_waiting);

	return n > t->leases.max ? -EBADMSG : (long)n;
}

/* ---- set up and close ---- */

uint64_t ipci_tasks_bytes(uint64_t maxsize, size_t item_size)
{
	return ipci_workers_bytes() + ipci_leases_bytes(maxsize, item_size);
}

static void init_leases(struct ipci_leases *l, struct ipci_region *r,
			size_t offset, const struct head_shm *head)
{
	struct queue_shm *s = (struct queue_shm *)r->body;

	ipci_leases_init(l, r, &s->leases, offset + ipci_workers_bytes(),
			 head->u.queue.maxsize,
			 (size_t)head->u.queue.item_size);
}

int ipci_tasks_prepare(struct ipci_region *r, size_t offset,
		       const struct head_shm *head)
{
	struct ipci_leases l;
	int err = ipci_region_reserve(r, offset, sizeof(struct worker_shm));

	init_leases(&l, r, offset, head);
	return err ? err : ipci_leases_prepare(&l);
}

static struct ipci_gate gate_of_done(const struct ipci_tasks *t,
				     bool (*ready)(const void *))
{
	struct ipci_gate g = {.word = &t->done->word,
			      .hint = &t->done->hint,
			      .index = &t->done->index,
			      .ready = ready,
			      .arg = t,
			      .all = true,
			      .watch = watch};

	ipci_gate_furnish(&g, &t->done->room);
	return g;
}

void ipci_tasks_init(struct ipci_tasks *t, struct ipci_region *r, size_t offset,
		     const struct head_shm *head,
		     const struct ipci_gate *getters)
{
	struct queue_shm *s = (struct queue_shm *)r->body;

	t->done = &s->done;
	t->put = &s->put;
	t->got = &s->get;
	t->rare = &s->rare;
	t->getters = getters;
	t->max_attempts = head->u.queue.max_attempts;
	t->lock = (struct ipci_gate){
		.word = &s->lease.word, .ready = is_free, .arg = t};
	ipci_gate_furnish(&t->lock, &s->lease.room);
	t->joiners = gate_of_done(t, worth_joining);
	t->failures = gate_of_done(t, worth_looking);
	ipci_workers_init(&t->workers, r, &s->leases, offset);
	t->workers.lock = &t->lock;
	t->workers.sleepers[IPCI_GETTERS] = getters;
	t->workers.sleepers[IPCI_JOINERS] = &t->joiners;
	init_leases(&t->leases, r, offset, head);
}

void ipci_tasks_close(struct ipci_tasks *t)
{
	struct ipci_self *self = ipci_self();
	uint32_t rows = ipci_workers_rows(&t->workers);

	if (!self)
		return;
	/* first, whatever the memory says: what is private is given back */
	ipci_workers_close(self, &t->workers);
	if (!rows || ipci_tasks_enter(self, t, 0) < 0)
		return;
	/* those of other threads. A row is buried within the gate, so none of
	   them gets another owner before we leave. */
	for (uint32_t row = 0; row < rows; row++)
		if (ipci_worker_ours(&t->workers, row))
			give_back(self, t, row);
	set_exhausted_aside(self, t);
	ipci_tasks_leave(self, t);
}
