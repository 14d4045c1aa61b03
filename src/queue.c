/* SPDX-License-Identifier: MIT */
/*
 * queue.c - a ring of slots and two gates
 *
 * Producers take turns at one gate, consumers at the other; one store commits
 * (struct queue_shm in layout.h has the steps P1 .. P6, E1 .. E6, and what a
 * death after each of them leaves).
 */
#include <limits.h>
#include <string.h>

#include <ipc/queue.h>
#include "gate.h"
#include "items.h"
#include "joinable.h"
#include "region.h"

/* items that may wait in a queue without maxsize */
#define UNBOUNDED (UINT64_C(1) << 62)

enum {
	ITEM_SIZE = 256,
	MAX_ATTEMPTS = 16,
	TRIES = 100, /* to find a moment in which nothing moves */
	SOME = 64,   /* tasks got at once where nobody asks for lengths */
	FLAGS = LIBIPC_JOINABLE | LIBIPC_SINGLE_PRODUCER |
		LIBIPC_SINGLE_CONSUMER,
};

/* for those inside a gate that we want, when our own time is up */
#define GRACE_NS INT64_C(20000000)

/*
 * One side of the ring. How many items it may move is
 *
 *	limit - (index - opposite index)
 *
 * with limit = maxsize for put and 0 for get. More than maxsize is damage.
 */
struct side {
	struct ipci_gate gate;
	struct side_shm *s;
	const struct side_shm *opposite;
	uint64_t limit;
	uint64_t maxsize;
	const struct ipci_pool *pool;	/* to be entered within; or NULL */
	const struct ipci_tasks *tasks; /* that may wait again; or NULL */
	const struct rare_shm *rare;	/* whether it is shut down */
	bool alone; /* one thread at a time, by promise: no lock */
};

struct ipc_queue {
	struct ipci_region region;
	struct ipci_items items;
	struct side put;
	struct side get;
	struct ipci_tasks tasks;
	uint64_t maxsize;
	size_t item_size;
	enum ipc_order order;
	bool joinable;
};

/* ---- one side ---- */

static inline uint64_t own_index(const struct side *d)
{
	return atomic_load_explicit(&d->s->index, memory_order_relaxed);
}

/* as of the last time that we looked over there: enough, or look again */
static inline uint64_t movable(const struct side *d, uint64_t want)
{
	uint64_t own = own_index(d), n = d->limit - (own - d->s->seen);

	if (n >= want)
		return n;
	/* acquire: pairs with the commit over there, so its slots are ours */
	d->s->seen =
		atomic_load_explicit(&d->opposite->index, memory_order_acquire);
	return d->limit - (own - d->s->seen);
}

static inline uint64_t state_of(const struct side *d)
{
	return atomic_load_explicit(&d->rare->state, memory_order_seq_cst);
}

/*
 * The gate's condition. The own index is read first: so a "no" was true at
 * that moment, even when both indexes move.
 */
static bool is_movable(const void *arg)
{
	const struct side *d = arg;
	uint64_t own = atomic_load_explicit(&d->s->index, memory_order_seq_cst);

	return d->limit != own - atomic_load_explicit(&d->opposite->index,
						      memory_order_seq_cst) ||
	       state_of(d) & IPCI_STATE_SHUT ||
	       (d->tasks && ipci_tasks_pending(d->tasks));
}

static int watch_workers(const void *arg, struct ipci_still *more, int room)
{
	const struct side *d = arg;

	return ipci_workers_watch(&d->tasks->workers, IPCI_GETTERS, more, room);
}

static inline void leave_gate(struct ipci_self *self, const struct side *d)
{
	if (d->alone) {
		ipci_gate_settle(self);
		return;
	}
	ipci_gate_announce(self, &d->gate); /* P6, E6: R1 .. R6 */
	ipci_gate_pop(self);
	ipci_gate_release(self, &d->gate);
}

static inline void leave(struct ipci_self *self, const struct side *d)
{
	if (d->pool)
		ipci_pool_leave(self, d->pool, true);
	leave_gate(self, d);
}

static int wait_in_line(struct ipci_self *self, const struct side *d,
			int64_t deadline)
{
	int r = ipci_gate_enter(self, &d->gate, deadline);

	if (r == 0)
		ipci_gate_push(self, &d->gate);
	return r;
}

/* whether n items may be moved; they may be got after a shutdown, too */
static inline int admit(const struct side *d, uint64_t n)
{
	uint64_t state = state_of(d);

	if (state & IPCI_STATE_SHUT &&
	    (d->limit || !n || state & IPCI_STATE_DROPPED))
		return -ESHUTDOWN;
	return n && n <= d->maxsize ? 0 : -EBADMSG;
}

/* P1: comes in and finds how many items it may move: 1, ... , want, or more */
static inline int enter(struct ipci_self *self, const struct side *d,
			uint64_t want, int timeout_ms, uint64_t *n)
{
	int r;

	*n = 0;
	if (d->alone) {
		*n = movable(d, want);
	} else if (ipci_gate_take(self, &d->gate)) {
		ipci_gate_push(self, &d->gate);
		*n = movable(d, want);
		if (!*n)
			leave_gate(self, d);
	}
	if (!*n) {
		int64_t deadline = ipci_deadline(timeout_ms);

		r = d->alone ? ipci_gate_await(self, &d->gate, deadline)
			     : wait_in_line(self, d, deadline);
		if (r < 0)
			return ipci_gave_up(timeout_ms);
		*n = movable(d, want);
	}
	r = admit(d, *n);
	if (!r && d->pool)
		r = ipci_pool_enter(self, d->pool, ipci_deadline(timeout_ms));
	if (r < 0)
		leave_gate(self, d);
	return r == -ETIMEDOUT ? ipci_gave_up(timeout_ms) : r;
}

/* P3 .. P5, or E3 .. E5, or T3 .. T5: the slots are written, or read */
static inline void commit(struct ipci_self *self, const struct side *d,
			  const struct side *opposite, uint64_t n)
{
	ipci_gate_owe(self, &opposite->gate); /* P3 E3 T3 */
	/* seq_cst: against the hint; its release half publishes the slots */
	atomic_exchange_explicit(&d->s->index, own_index(d) + n,
				 memory_order_seq_cst); /* P4 E4 T4 COMMIT */
	ipci_gate_notify(&opposite->gate);		/* P5 E5 T5 */
}

/* ---- put and get ---- */

static int check_put(const struct ipc_queue *q, const void *items, size_t len,
		     size_t n)
{
	if (!q || !n || (!items && len))
		return -EINVAL;
	return len > q->item_size ? -EMSGSIZE : 0;
}

/* P2: how many, or that not even the first one goes */
static inline int write_items(struct ipc_queue *q, const void *items,
			      size_t len, size_t n, int64_t priority)
{
	uint64_t tail = ipci_items_tail(&q->items);
	size_t i;
	int r;

	ipci_items_putting(&q->items, tail);
	for (i = 0; i < n; i++) {
		r = ipci_items_write(&q->items, tail + i,
				     (const char *)items + i * len, len,
				     priority);
		if (r < 0)
			return i ? (int)i : r;
	}
	return (int)i;
}

static inline int put(struct ipc_queue *q, const void *items, size_t len,
		      size_t n, int64_t priority, int timeout_ms)
{
	struct ipci_self *self = ipci_self();
	uint64_t room;
	int r = check_put(q, items, len, n);

	if (r < 0)
		return r;
	if (!self)
		return -ENOSYS;
	r = enter(self, &q->put, n, timeout_ms, &room);
	if (r < 0)
		return r;
	r = write_items(q, items, len, n < room ? n : (size_t)room, priority);
	if (r > 0)
		commit(self, &q->put, &q->get, (uint64_t)r);
	leave(self, &q->put);
	return r;
}

/* E2: as many as there are, up to n, until one is too long for its room */
static inline int read_items(struct ipc_queue *q, void *items, size_t size,
			     size_t *lens, size_t n)
{
	uint64_t head = ipci_items_head(&q->items);
	size_t i;

	ipci_items_getting(&q->items, head);
	for (i = 0; i < n; i++) {
		int len = ipci_items_read(&q->items, head + i,
					  (char *)items + i * size, size);

		if (len < 0)
			return i ? (int)i : len;
		if (lens)
			lens[i] = (size_t)len;
	}
	return (int)i;
}

/* E3 .. E5 */
static inline void take_out(struct ipci_self *self, struct ipc_queue *q,
			    uint64_t n)
{
	ipci_items_leave(&q->items);
	commit(self, &q->get, &q->put, n);
	ipci_items_left(&q->items);
}

static inline int get_items(struct ipc_queue *q, void *items, size_t size,
			    size_t *lens, size_t n, int timeout_ms)
{
	struct ipci_self *self = ipci_self();
	uint64_t there;
	int r = enter(self, &q->get, n, timeout_ms, &there);

	if (r < 0)
		return r;
	r = read_items(q, items, size, lens, n < there ? n : (size_t)there);
	if (r > 0)
		take_out(self, q, (uint64_t)r);
	leave(self, &q->get);
	return r;
}

/* ---- both gates: for the ends of a FIFO queue, and to shut down ---- */

/* two that meet, each in the gate that the other one wants, both step back:
   nobody waits for a gate while he is in one */
struct patience {
	int64_t deadline;
	int64_t grace; /* 0: not asked yet */
};

/* whether there is time for another try, after a pause */
static bool step_back(struct patience *p)
{
	if (!p->grace)
		p->grace = ipci_now_ns() + GRACE_NS;
	if (ipci_expired(p->deadline) && ipci_expired(p->grace))
		return false;
	ipci_gate_pause();
	return true;
}

static bool enter_other(struct ipci_self *self, const struct side *other)
{
	if (!ipci_gate_seize(self, &other->gate))
		return false;
	ipci_gate_push_within(self, &other->gate);
	return true;
}

/* the gate that was entered last, first: its release looks who sleeps there */
static void leave_other(struct ipci_self *self, const struct side *other)
{
	ipci_gate_announce(self, &other->gate);
	ipci_gate_pop_within(self);
	ipci_gate_release(self, &other->gate);
}

/* K3, P3, P4 */
static void turn(struct ipci_self *self, struct ipc_queue *q,
		 const struct side *d, const struct side *other)
{
	ipci_items_turn(&q->items, d == &q->put ? IPCI_PUT : IPCI_GET);
	ipci_gate_owe(self, &other->gate);
	atomic_exchange_explicit(&d->s->index, own_index(d) + 1,
				 memory_order_seq_cst); /* COMMIT */
	if (d == &q->get)
		ipci_items_took_back(&q->items);
}

/* K2 of get: 1 */
static int read_last(struct ipc_queue *q, void *buf, size_t size, size_t *len)
{
	int r = ipci_items_read_back(&q->items, buf, size);

	if (r < 0)
		return r;
	*len = (size_t)r;
	return 1;
}

static bool is_shut(const struct ipc_queue *q)
{
	return state_of(&q->put) & IPCI_STATE_SHUT;
}

static bool is_dropped(const struct ipc_queue *q)
{
	return state_of(&q->put) & IPCI_STATE_DROPPED;
}

/* ---- get, where each item is a task: a lease comes between ---- */

struct wanted {
	void *items;
	size_t size;
	size_t *lens;
	size_t n;
	bool back; /* of the queue; n is 1 */
	struct ipci_worker *worker;
};

/* tasks that were delivered before: how many, 0 */
static int take_again(struct ipc_queue *q, const struct wanted *w)
{
	size_t i;

	for (i = 0; i < w->n; i++) {
		int len = ipci_tasks_again(&q->tasks, w->worker,
					   (char *)w->items + i * w->size,
					   w->size);

		if (len < 0)
			return i || len == -EAGAIN ? (int)i : len;
		w->lens[i] = (size_t)len;
	}
	return (int)i;
}

/* T2: leases for n items that were read: for how many there was room */
static int lease_items(struct ipc_queue *q, const struct wanted *w, int n)
{
	uint64_t index = own_index(&q->get);

	for (int i = 0; i < n; i++) {
		int r = ipci_tasks_lease(&q->tasks, w->worker,
					 index + (uint64_t)i,
					 (char *)w->items + (size_t)i * w->size,
					 w->lens[i]);

		if (r < 0)
			return i ? i : r;
	}
	return n;
}

/* E2, T2 .. T5: new ones; the pool, if there is one, is entered */
static int take_there(struct ipci_self *self, struct ipc_queue *q,
		      const struct wanted *w, uint64_t there)
{
	int n = read_items(q, w->items, w->size, w->lens,
			   w->n < there ? w->n : (size_t)there);
	int r = lease_items(q, w, n);

	if (r > 0)
		take_out(self, q, (uint64_t)r);
	if (q->get.pool)
		ipci_pool_leave(self, q->get.pool, r >= n);
	return n < 0 ? n : r;
}

/* the same from the back, where somebody may put: -EBUSY, then */
static int take_last(struct ipci_self *self, struct ipc_queue *q,
		     const struct wanted *w)
{
	int r;

	if (!enter_other(self, &q->put))
		return -EBUSY;
	r = read_last(q, w->items, w->size, w->lens);
	if (r > 0)
		r = lease_items(q, w, r);
	if (r > 0)
		turn(self, q, &q->get, &q->put);
	leave_other(self, &q->put);
	return r;
}

/* new ones: how many, 0 */
static int take_fresh(struct ipci_self *self, struct ipc_queue *q,
		      const struct wanted *w, int64_t deadline)
{
	uint64_t there = is_dropped(q) ? 0 : movable(&q->get, w->n);
	int r = there > q->get.maxsize ? -EBADMSG : 0;

	if (!there || r < 0)
		return r;
	if (w->back)
		return take_last(self, q, w);
	if (q->get.pool)
		r = ipci_pool_enter(self, q->get.pool, deadline);
	return r < 0 ? r : take_there(self, q, w, there);
}

/* within the get gate */
static int try_tasks(struct ipci_self *self, struct ipc_queue *q,
		     const struct wanted *w, int64_t deadline)
{
	int r = ipci_tasks_enter(self, &q->tasks, deadline);

	if (r == 0) {
		r = take_again(q, w);
		if (r == 0)
			r = take_fresh(self, q, w, deadline);
		if (r == 0 && is_shut(q) &&
		    ipci_tasks_over(&q->tasks, w->worker))
			r = -ESHUTDOWN;
		ipci_tasks_leave(self, &q->tasks);
	}
	leave_gate(self, &q->get);
	return r;
}

/* until it is worth another try: 0, and the get gate is ours. Where nothing is
   put any more, only what others hold can come. */
static int wait_for_task(struct ipci_self *self, struct ipc_queue *q,
			 const struct wanted *w, int64_t deadline)
{
	int r = 0;

	if (is_shut(q))
		r = ipci_tasks_await_over(self, &q->tasks, w->worker, deadline);
	return r < 0 ? r : wait_in_line(self, &q->get, deadline);
}

/* what there was may have been no more than a worker that has ended: then it
   waits on */
static int get_tasks(struct ipci_self *self, struct ipc_queue *q,
		     const struct wanted *w, int timeout_ms)
{
	int64_t deadline = ipci_deadline(timeout_ms);
	struct patience patience = {.deadline = deadline};
	int r = 0;

	if (ipci_gate_take(self, &q->get.gate)) { /* E1 */
		ipci_gate_push(self, &q->get.gate);
		r = try_tasks(self, q, w, deadline);
	}
	while (r == 0 || (r == -EBUSY && step_back(&patience))) {
		r = wait_for_task(self, q, w, deadline);
		if (r == 0)
			r = try_tasks(self, q, w, deadline);
	}
	return r == -ETIMEDOUT || r == -EBUSY ? ipci_gave_up(timeout_ms) : r;
}

/* lens may be NULL */
static int attach_and_get(struct ipc_queue *q, struct wanted *w, int timeout_ms)
{
	struct ipci_self *self = ipci_self();
	size_t some[SOME];
	int r;

	if (!w->lens) {
		w->lens = some;
		w->n = w->n < SOME ? w->n : SOME;
	}
	r = ipci_tasks_attach(self, &q->tasks, w->n, &w->worker);
	return r < 0 ? r : get_tasks(self, q, w, timeout_ms);
}

static int check_get(const struct ipc_queue *q, const void *items, size_t size)
{
	if (!q || (!items && size))
		return -EINVAL;
	return ipci_self() ? 0 : -ENOSYS;
}

static inline int get(struct ipc_queue *q, void *items, size_t size,
		      size_t *lens, size_t n, int timeout_ms)
{
	struct wanted w = {.items = items, .size = size, .lens = lens, .n = n};
	int r = n ? check_get(q, items, size) : -EINVAL;

	if (r < 0)
		return r;
	return q->joinable ? attach_and_get(q, &w, timeout_ms)
			   : get_items(q, items, size, lens, n, timeout_ms);
}

int ipc_queue_put(struct ipc_queue *q, const void *item, size_t len,
		  int timeout_ms)
{
	int r = put(q, item, len, 1, 0, timeout_ms);

	return r < 0 ? r : 0;
}

int ipc_queue_put_priority(struct ipc_queue *q, const void *item, size_t len,
			   int64_t priority, int timeout_ms)
{
	int r = q && q->order != LIBIPC_PRIORITY
			? -EINVAL
			: put(q, item, len, 1, priority, timeout_ms);

	return r < 0 ? r : 0;
}

int ipc_queue_get(struct ipc_queue *q, void *buf, size_t size, int timeout_ms)
{
	size_t len;
	int r = get(q, buf, size, &len, 1, timeout_ms);

	return r < 0 ? r : (int)len;
}

int ipc_queue_put_many(struct ipc_queue *q, const void *items, size_t len,
		       size_t n, int timeout_ms)
{
	return put(q, items, len, n < INT_MAX ? n : INT_MAX, 0, timeout_ms);
}

int ipc_queue_get_many(struct ipc_queue *q, void *items, size_t size,
		       size_t *lens, size_t n, int timeout_ms)
{
	return get(q, items, size, lens, n < INT_MAX ? n : INT_MAX, timeout_ms);
}

/* ---- both ends of a FIFO queue ---- */

static bool has_ends(const struct ipc_queue *q)
{
	return q->order == LIBIPC_FIFO;
}

static int left_ms(int64_t deadline)
{
	int64_t now;

	if (deadline == IPCI_NEVER)
		return LIBIPC_FOREVER;
	now = ipci_now_ns();
	return deadline <= now ? 0 : (int)((deadline - now + 999999) / 1000000);
}

/* K1: into the gate of d, where one item must be movable, and then into the
   other one */
static int enter_both(struct ipci_self *self, const struct side *d,
		      const struct side *other, int timeout_ms)
{
	struct patience patience = {.deadline = ipci_deadline(timeout_ms)};
	uint64_t n;
	int r;

	do {
		r = enter(self, d, 1, left_ms(patience.deadline), &n);
		if (r < 0)
			return r == -EAGAIN ? ipci_gave_up(timeout_ms) : r;
		if (enter_other(self, other))
			return 0;
		leave(self, d);
	} while (step_back(&patience));
	return ipci_gave_up(timeout_ms);
}

int ipc_queue_put_front(struct ipc_queue *q, const void *item, size_t len,
			int timeout_ms)
{
	struct ipci_self *self = ipci_self();
	int r = q && (!has_ends(q) || q->get.alone)
			? -EINVAL
			: check_put(q, item, len, 1);

	if (r < 0)
		return r;
	if (!self)
		return -ENOSYS;
	r = enter_both(self, &q->put, &q->get, timeout_ms);
	if (r < 0)
		return r;
	r = ipci_items_write_front(&q->items, item, len); /* K2 */
	if (r == 0)
		turn(self, q, &q->put, &q->get);
	leave_other(self, &q->get);
	leave(self, &q->put);
	return r;
}

static int get_last(struct ipci_self *self, struct ipc_queue *q,
		    const struct wanted *w, int timeout_ms)
{
	int r = enter_both(self, &q->get, &q->put, timeout_ms);

	if (r < 0)
		return r;
	r = read_last(q, w->items, w->size, w->lens);
	if (r > 0)
		turn(self, q, &q->get, &q->put);
	leave_other(self, &q->put);
	leave(self, &q->get);
	return r;
}

int ipc_queue_get_back(struct ipc_queue *q, void *buf, size_t size,
		       int timeout_ms)
{
	size_t len;
	struct wanted w = {
		.items = buf, .size = size, .lens = &len, .n = 1, .back = true};
	int r = check_get(q, buf, size);

	if (r == 0 && (!has_ends(q) || q->put.alone))
		r = -EINVAL;
	if (r == 0)
		r = q->joinable ? attach_and_get(q, &w, timeout_ms)
				: get_last(ipci_self(), q, &w, timeout_ms);
	return r < 0 ? r : (int)len;
}

/* ---- shutdown ---- */

/* K5: 0; others leave soon, or one that was stopped inside is waited for.
   -EBADMSG: one that is not there */
static int enter_to_shut(struct ipci_self *self, const struct ipc_queue *q)
{
	const struct side *in;

	do {
		in = &q->put;
		if (enter_other(self, in)) {
			in = &q->get;
			if (enter_other(self, in))
				return 0;
			leave_other(self, &q->put);
		}
		ipci_gate_pause();
	} while (!ipci_gate_haunted(self, &in->gate));
	ipci_gate_settle(self);
	return -EBADMSG;
}

/* one was woken by the release, and tells the next one, and so on; but it may
   be stopped */
static void wake_all(struct ipci_self *self, const struct side *d)
{
	struct ipci_gate all = d->gate;

	all.all = true;
	ipci_gate_owe(self, &all);
	ipci_gate_fire(&all);
	ipci_gate_settle(self);
}

int ipc_queue_shutdown(struct ipc_queue *q, bool immediate)
{
	struct ipci_self *self = ipci_self();
	uint64_t to = IPCI_STATE_SHUT | (immediate ? IPCI_STATE_DROPPED : 0);
	int r;

	if (!q)
		return -EINVAL;
	if (!self)
		return -ENOSYS;
	r = enter_to_shut(self, q);
	if (r < 0)
		return r;
	if (q->joinable)
		ipci_gate_owe(self, &q->tasks.joiners); /* K6 */
	/* seq_cst: against those who are about to sleep at done */
	atomic_fetch_or_explicit(&q->items.s->rare.state, to,
				 memory_order_seq_cst); /* K7 COMMIT */
	if (q->joinable)
		ipci_gate_fire(&q->tasks.joiners); /* K8 */
	leave_other(self, &q->get);		   /* K9 */
	leave_other(self, &q->put);
	wake_all(self, &q->get);
	wake_all(self, &q->put);
	return 0;
}

int ipc_queue_get_task(struct ipc_queue *q, void *buf, size_t size,
		       struct ipc_task *task, int timeout_ms)
{
	size_t len;
	struct wanted w = {.items = buf, .size = size, .lens = &len, .n = 1};
	int r = task ? check_get(q, buf, size) : -EINVAL;

	if (r == 0)
		r = q->joinable ? attach_and_get(q, &w, timeout_ms) : -EINVAL;
	if (r < 0)
		return r;
	*task = (struct ipc_task){.ticket = ipci_tasks_ticket(w.worker),
				  .attempts = w.worker->attempts};
	return (int)len;
}

/* ---- how it stands ---- */

static long checked(const struct ipc_queue *q, uint64_t n)
{
	return n > q->maxsize ? -EBADMSG : (long)n;
}

static long in_slots(const struct ipc_queue *q)
{
	if (is_dropped(q))
		return 0;
	return checked(q, ipci_distance(q->put.s, q->get.s));
}

/* with the tasks that wait again: at one moment, if there is one in which
   neither index moved */
static long size_of_tasks(const struct ipc_queue *q)
{
	for (int tries = 0; tries < TRIES; tries++) {
		uint64_t got = ipci_index(q->get.s);
		uint64_t put = ipci_index(q->put.s);
		long n = is_dropped(q) ? 0 : checked(q, put - got);
		long again = ipci_tasks_waiting(&q->tasks);

		if (got == ipci_index(q->get.s) && put == ipci_index(q->put.s))
			return n < 0 || again < 0 ? -EBADMSG : n + again;
	}
	return in_slots(q); /* as good as any other moment of these */
}

long ipc_queue_size(struct ipc_queue *q)
{
	if (!q)
		return -EINVAL;
	return q->joinable ? size_of_tasks(q) : in_slots(q);
}

int ipc_queue_empty(struct ipc_queue *q)
{
	long n = ipc_queue_size(q);

	return n < 0 ? (int)n : n == 0;
}

int ipc_queue_full(struct ipc_queue *q)
{
	long n = q ? in_slots(q) : -EINVAL;

	return n < 0 ? (int)n : n == (long)q->maxsize;
}

long ipc_queue_maxsize(struct ipc_queue *q)
{
	if (!q)
		return -EINVAL;
	return q->maxsize == UNBOUNDED ? 0 : (long)q->maxsize;
}

size_t ipc_queue_item_size(struct ipc_queue *q)
{
	return q ? q->item_size : 0;
}

/* ---- joinable ---- */

int ipc_queue_task_done(struct ipc_queue *q)
{
	return q && q->joinable ? ipci_tasks_done(&q->tasks) : -EINVAL;
}

int ipc_queue_task_done_ticket(struct ipc_queue *q, uint64_t ticket)
{
	return q && q->joinable ? ipci_tasks_done_ticket(&q->tasks, ticket)
				: -EINVAL;
}

int ipc_queue_get_failed(struct ipc_queue *q, void *buf, size_t size,
			 int timeout_ms)
{
	if (!q || !q->joinable || (!buf && size))
		return -EINVAL;
	return ipci_tasks_get_failed(&q->tasks, buf, size, timeout_ms);
}

long ipc_queue_failed(struct ipc_queue *q)
{
	return q && q->joinable ? ipci_tasks_failed(&q->tasks) : -EINVAL;
}

int ipc_queue_join(struct ipc_queue *q, int timeout_ms)
{
	return q && q->joinable ? ipci_tasks_join(&q->tasks, timeout_ms)
				: -EINVAL;
}

long ipc_queue_unfinished(struct ipc_queue *q)
{
	return q && q->joinable ? ipci_tasks_unfinished(&q->tasks) : -EINVAL;
}

/* ---- create, open, close ---- */

static void init_side(struct side *d, struct side_shm *s,
		      const struct side_shm *opposite, uint64_t limit,
		      const struct ipc_queue *q, bool alone)
{
	d->gate = (struct ipci_gate){.word = &s->word,
				     .hint = &s->hint,
				     .index = &opposite->index,
				     .ready = is_movable,
				     .arg = d};
	ipci_gate_furnish(&d->gate, &s->room);
	d->s = s;
	d->opposite = opposite;
	d->limit = limit;
	d->maxsize = q->maxsize;
	d->pool = q->items.pooled ? &q->items.pool : NULL;
	d->rare = &q->items.s->rare;
	d->alone = alone;
}

/* where the parts of the body lie, in this order, and where it ends */
struct plan {
	bool grows;
	size_t direct; /* bytes of an item that lie in its slot */
	uint64_t
		grow; /* behind the slots; what grows has no other fixed part */
	uint64_t fixed;	 /* up to here there is memory from the beginning */
	uint64_t tasks;	 /* bytes of the tables of joinable queues */
	uint64_t pool;	 /* items that fit into the pool, if there is one */
	bool pool_grows; /* then it is the last part */
	uint64_t end;
};

static uint64_t table_bytes(const struct head_shm *head)
{
	if (!(head->u.queue.flags & LIBIPC_JOINABLE))
		return 0;
	return ipci_region_round(ipci_tasks_bytes(
		head->u.queue.maxsize, (size_t)head->u.queue.item_size));
}

static bool grows(const struct head_shm *head)
{
	return head->u.queue.order == LIBIPC_FIFO &&
	       ipci_grows(head->u.queue.maxsize,
			  (size_t)head->u.queue.item_size);
}

/* whether as many addresses are taken as there may be memory */
static bool has_chunks(const struct head_shm *head)
{
	return head->u.queue.maxsize == 0 || grows(head);
}

/* a ring, and what grows beside it or instead of it */
static bool plan_ring(struct plan *p, const struct head_shm *head)
{
	uint64_t maxsize = head->u.queue.maxsize, bytes = 0;
	size_t item_size = (size_t)head->u.queue.item_size;

	p->grows = grows(head);
	p->direct = p->grows ? ipci_grow_direct(maxsize, item_size) : item_size;
	if (maxsize && !(bytes = ipci_slots_bytes(maxsize, p->direct)))
		return false;
	p->grow = sizeof(struct queue_shm) + bytes;
	p->fixed = ipci_region_round(p->grow +
				     (p->grows ? sizeof(struct grow_shm) : 0));
	p->end = p->fixed + p->tasks;
	if (p->grows)
		p->end = ipci_grow_end(p->end, head->u.queue.chunks);
	return p->end > 0;
}

static bool plan_pool(struct plan *p, const struct head_shm *head)
{
	uint64_t maxsize = head->u.queue.maxsize, bytes;
	size_t item_size = (size_t)head->u.queue.item_size;

	p->pool = maxsize ? maxsize
			  : ipci_pool_fit(head->u.queue.chunks * IPCI_CHUNK,
					  item_size);
	p->pool_grows = ipci_pool_grows(maxsize, item_size);
	bytes = ipci_pool_bytes(p->pool, item_size);
	p->fixed = ipci_region_round(sizeof(struct queue_shm) +
				     (p->pool_grows ? 0 : bytes));
	p->end = p->fixed + p->tasks + (p->pool_grows ? bytes : 0);
	return bytes > 0;
}

/* whether there can be such a queue */
static bool make_plan(struct plan *p, const struct head_shm *head)
{
	*p = (struct plan){.tasks = table_bytes(head)};
	return head->u.queue.order == LIBIPC_FIFO ? plan_ring(p, head)
						  : plan_pool(p, head);
}

static void make_joinable(struct ipc_queue *q, const struct head_shm *head,
			  const struct plan *plan)
{
	ipci_tasks_init(&q->tasks, &q->region, (size_t)plan->fixed, head,
			&q->get.gate);
	q->get.alone = false;
	q->get.tasks = &q->tasks;
	q->get.gate.watch = watch_workers;
}

static void place_pool(struct ipc_queue *q, const struct plan *plan)
{
	size_t at = plan->pool_grows ? (size_t)(plan->fixed + plan->tasks)
				     : sizeof(struct queue_shm);

	ipci_pool_init(&q->items.pool, q->items.s, q->region.body + at,
		       plan->pool, q->item_size, q->order == LIBIPC_LIFO);
	if (plan->pool_grows)
		ipci_pool_grow(&q->items.pool, &q->region);
}

static void place_items(struct ipc_queue *q, const struct head_shm *head,
			const struct plan *plan)
{
	unsigned char *body = q->region.body;
	struct ipci_items *it = &q->items;
	struct queue_shm *s = (struct queue_shm *)body;
	uint64_t maxsize = head->u.queue.maxsize;

	it->s = s;
	it->pooled = q->order != LIBIPC_FIFO;
	it->grows = plan->grows;
	it->plain = !it->pooled && !it->grows;
	if (it->pooled)
		place_pool(q, plan);
	else if (maxsize)
		ipci_slots_init(&it->ring, body + sizeof(*s), maxsize,
				plan->direct);
	if (it->grows)
		ipci_grow_init(&it->grow, &q->region,
			       (struct grow_shm *)(body + plan->grow),
			       (size_t)(plan->fixed + plan->tasks),
			       (uint32_t)head->u.queue.chunks, q->item_size,
			       maxsize ? &it->ring : NULL, plan->direct);
}

/* head is private and checked */
static struct ipc_queue *attach(struct ipci_region *r,
				const struct head_shm *head)
{
	struct ipc_queue *q = (struct ipc_queue *)r;
	struct queue_shm *s = (struct queue_shm *)r->body;
	uint32_t flags = head->u.queue.flags;
	struct plan plan;

	make_plan(&plan, head);
	q->maxsize = head->u.queue.maxsize ? head->u.queue.maxsize : UNBOUNDED;
	q->item_size = (size_t)head->u.queue.item_size;
	q->order = (enum ipc_order)head->u.queue.order;
	place_items(q, head, &plan);
	init_side(&q->put, &s->put, &s->get, q->maxsize, q,
		  flags & LIBIPC_SINGLE_PRODUCER);
	init_side(&q->get, &s->get, &s->put, 0, q,
		  flags & LIBIPC_SINGLE_CONSUMER);
	q->joinable = flags & LIBIPC_JOINABLE;
	if (q->joinable)
		make_joinable(q, head, &plan);
	return q;
}

static bool is_order(uint32_t order)
{
	return order == LIBIPC_FIFO || order == LIBIPC_LIFO ||
	       order == LIBIPC_PRIORITY;
}

static int check_opts(const struct ipc_queue_opts *o)
{
	for (size_t i = 0; i < sizeof(o->reserved) / sizeof(*o->reserved); i++)
		if (o->reserved[i])
			return -EINVAL;
	if ((o->flags & ~(uint32_t)FLAGS) || o->item_size > INT_MAX ||
	    o->maxsize > LONG_MAX)
		return -EINVAL;
	return is_order(o->order) ? 0 : -EINVAL;
}

static void describe(struct head_shm *head, const struct ipc_queue_opts *o)
{
	size_t item_size = o->item_size ? o->item_size : ITEM_SIZE;

	*head = (struct head_shm){
		.kind = IPCI_KIND_QUEUE,
		.u.queue = {.maxsize = o->maxsize,
			    .item_size = item_size,
			    .order = o->order,
			    .flags = o->flags,
			    .max_attempts = o->max_attempts ? o->max_attempts
							    : MAX_ATTEMPTS},
	};
	if (has_chunks(head))
		head->u.queue.chunks = ipci_grow_chunks(o->maxsize, item_size);
}

/* the rooms of all gates but those of workers, which come with them */
static void prepare(struct ipci_region *r)
{
	struct queue_shm *s = (struct queue_shm *)r->body;

	ipci_room_init(&s->put.room);
	ipci_room_init(&s->get.room);
	ipci_room_init(&s->done.room);
	ipci_room_init(&s->lease.room);
	ipci_room_init(&s->pool_room);
}

static int create(struct ipci_region **r, const char *name, uint32_t mode,
		  struct head_shm *head)
{
	struct plan plan;

	if (!make_plan(&plan, head))
		return -ENOSPC;
	head->body_size = plan.end;
	head->fixed_size = plan.fixed;
	return ipci_region_create(r, sizeof(struct ipc_queue), name, mode, head,
				  prepare);
}

/* where addresses are few, fewer will do */
static int create_fitting(struct ipci_region **r, const char *name,
			  uint32_t mode, struct head_shm *head)
{
	int err = create(r, name, mode, head);

	while (err == -ENOSPC && head->u.queue.chunks > IPCI_CHUNKS_MIN) {
		head->u.queue.chunks /= 4;
		if (head->u.queue.chunks < IPCI_CHUNKS_MIN)
			head->u.queue.chunks = IPCI_CHUNKS_MIN;
		err = create(r, name, mode, head);
	}
	return err;
}

int ipc_queue_create(struct ipc_queue **q, const char *name,
		     const struct ipc_queue_opts *opts)
{
	static const struct ipc_queue_opts defaults;
	struct ipci_region *r;
	struct head_shm head;
	int err;

	if (!q)
		return -EINVAL;
	if (!opts)
		opts = &defaults;
	err = check_opts(opts);
	if (err)
		return err;
	describe(&head, opts);
	err = create_fitting(&r, name, opts->mode, &head);
	if (!err)
		*q = attach(r, &head);
	return err;
}

/* nothing in the head is taken on trust */
static int check_head(const struct head_shm *head)
{
	uint64_t maxsize = head->u.queue.maxsize, chunks = head->u.queue.chunks;
	uint64_t item_size = head->u.queue.item_size;
	struct plan plan;

	if (item_size == 0 || item_size > INT_MAX || maxsize > LONG_MAX ||
	    !is_order(head->u.queue.order) ||
	    (head->u.queue.flags & ~(uint32_t)FLAGS) ||
	    head->u.queue.max_attempts == 0)
		return -EBADMSG;
	if (has_chunks(head) ? chunks < IPCI_CHUNKS_MIN || chunks > INT_MAX
			     : chunks != 0)
		return -EBADMSG;
	if (!make_plan(&plan, head) || head->fixed_size != plan.fixed ||
	    head->body_size != ipci_region_round(plan.end))
		return -EBADMSG;
	return 0;
}

int ipc_queue_open(struct ipc_queue **q, const char *name)
{
	struct ipci_region *r;
	struct head_shm head;
	int err;

	if (!q)
		return -EINVAL;
	err = ipci_region_open(&r, sizeof(**q), name, IPCI_KIND_QUEUE, &head);
	if (err)
		return err;
	err = check_head(&head);
	if (err)
		ipci_region_close(r);
	else
		*q = attach(r, &head);
	return err;
}

int ipc_queue_close(struct ipc_queue *q)
{
	if (!q)
		return -EINVAL;
	if (q->joinable)
		ipci_tasks_close(&q->tasks);
	ipci_region_close(&q->region);
	return 0;
}
