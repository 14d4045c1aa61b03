/* SPDX-License-Identifier: MIT */
/*
 * queue.h - what the files of the queue have in common: its two sides
 *
 *	queue.c		put, get, how it stands
 *	queue_side.c	come in where it is not at once
 *	queue_tasks.c	get, where each item is a task; done, join
 *	queue_ends.c	both gates at once: put_front, get_back, shutdown
 *	queue_make.c	create, open, close
 *
 * Producers take turns at one gate, consumers at the other; one store commits
 * (struct queue_shm in layout.h has the steps P1 .. P6, E1 .. E6, and what a
 * death after each of them leaves).
 */
#ifndef IPCI_QUEUE_H
#define IPCI_QUEUE_H

#include <ipc/queue.h>
#include "gate.h"
#include "items.h"
#include "joinable.h"
#include "region.h"

/* items that may wait in a queue without maxsize */
#define IPCI_UNBOUNDED (UINT64_C(1) << 62)

/*
 * One side of the ring. How many items it may move is
 *
 *	limit - (index - opposite index)
 *
 * with limit = maxsize for put and 0 for get. More than maxsize is damage.
 */
struct ipci_queue_side {
	struct ipci_gate gate;
	struct side_shm *s;
	const struct side_shm *opposite;
	uint64_t limit;
	uint64_t maxsize;
	const struct ipci_pool *pool; /* to be entered within; or NULL */
	const struct ipci_items
		*stamps;		/* that tell what can be got; or NULL */
	const struct ipci_tasks *tasks; /* that may wait again; or NULL */
	const struct rare_shm *rare;	/* whether it is shut down */
	bool alone; /* one thread at a time, by promise: no lock */
};

struct ipc_queue {
	struct ipci_region region;
	struct ipci_items items;
	struct ipci_queue_side put;
	struct ipci_queue_side get;
	struct ipci_tasks tasks;
	uint64_t maxsize;
	size_t item_size;
	enum ipc_order order;
	bool joinable;
};

/* ---- one side ---- */

static inline uint64_t ipci_side_index(const struct ipci_queue_side *d)
{
	return atomic_load_explicit(&d->s->index, memory_order_relaxed);
}

/* as of the last time that we looked over there: enough, or look again */
IPCI_INLINE uint64_t ipci_side_movable(const struct ipci_queue_side *d,
				       uint64_t want)
{
	uint64_t own = ipci_side_index(d), n = d->limit - (own - d->s->seen);

	if (n >= want)
		return n;
	if (want == 1 && d->stamps) {
		n = ipci_items_stamped(d->stamps, own);
		if (n) {
			d->s->seen = own + n;
			return n;
		}
	}
	/* acquire: pairs with the commit over there, so its slots are ours */
	d->s->seen =
		atomic_load_explicit(&d->opposite->index, memory_order_acquire);
	return d->limit - (own - d->s->seen);
}

static inline uint64_t ipci_side_state(const struct ipci_queue_side *d)
{
	return atomic_load_explicit(&d->rare->state, memory_order_seq_cst);
}

IPCI_INLINE void ipci_side_leave_gate(struct ipci_self *self,
				      const struct ipci_queue_side *d)
{
	if (d->alone) {
		ipci_gate_settle(self);
		return;
	}
	ipci_gate_announce(self, &d->gate); /* P6, E6: R1 .. R6 */
	ipci_gate_pop(self);
	ipci_gate_release(self, &d->gate);
}

IPCI_INLINE void ipci_side_leave(struct ipci_self *self,
				 const struct ipci_queue_side *d)
{
	if (d->pool)
		ipci_pool_leave(self, d->pool, true);
	ipci_side_leave_gate(self, d);
}

static inline int ipci_side_wait(struct ipci_self *self,
				 const struct ipci_queue_side *d,
				 int64_t deadline)
{
	int r = ipci_gate_enter(self, &d->gate, deadline);

	if (r == 0)
		ipci_gate_push(self, &d->gate);
	return r;
}

/* inside, and n items could be moved: 0; or out again, and why it is refused */
int ipci_side_admit(struct ipci_self *self, const struct ipci_queue_side *d,
		    uint64_t n, int timeout_ms);

/* P1 where the first look found nothing to move */
int ipci_side_enter_slow(struct ipci_self *self,
			 const struct ipci_queue_side *d, uint64_t want,
			 int timeout_ms, uint64_t *n);

/* whether it takes no more than to be inside */
static inline bool ipci_side_is_open(const struct ipci_queue_side *d,
				     uint64_t n)
{
	return n <= d->maxsize && !(ipci_side_state(d) & IPCI_STATE_SHUT) &&
	       !d->pool;
}

/* P1: comes in and finds how many items it may move: 1, ... , want, or more */
IPCI_INLINE int ipci_side_enter(struct ipci_self *self,
				const struct ipci_queue_side *d, uint64_t want,
				int timeout_ms, uint64_t *n)
{
	if (d->alone) {
		*n = ipci_side_movable(d, want);
	} else if (ipci_gate_take(self, &d->gate)) {
		ipci_gate_push(self, &d->gate);
		*n = ipci_side_movable(d, want);
		if (!*n)
			ipci_side_leave_gate(self, d);
	} else {
		*n = 0;
	}
	if (!*n)
		return ipci_side_enter_slow(self, d, want, timeout_ms, n);
	if (ipci_side_is_open(d, *n))
		return 0;
	return ipci_side_admit(self, d, *n, timeout_ms);
}

/* P3, P4, or E3, E4, or T3, T4: the slots are written, or read */
IPCI_INLINE void ipci_side_move(struct ipci_self *self,
				const struct ipci_queue_side *d,
				const struct ipci_queue_side *opposite,
				uint64_t n)
{
	ipci_gate_owe(self, &opposite->gate);
	ipci_gate_commit(&opposite->gate, &d->s->index,
			 ipci_side_index(d) + n); /* COMMIT */
}

/* ---- what all kinds of put and get do ---- */

static inline int ipci_queue_check_put(const struct ipc_queue *q,
				       const void *items, size_t len, size_t n)
{
	if (!q || !n || (!items && len))
		return -EINVAL;
	return len > q->item_size ? -EMSGSIZE : 0;
}

/* P2 of a joinable queue: however little memory is left, a getter will have
   some for the task (L5); what is not long has it since create */
IPCI_INLINE int ipci_queue_promise(struct ipc_queue *q, size_t len)
{
	return len > IPCI_LEASE_DENSE && q->joinable
		       ? ipci_lease_promise(&q->tasks.leases, len)
		       : 0;
}

static inline int ipci_queue_check_get(const struct ipc_queue *q,
				       const void *items, size_t size)
{
	if (!q || (!items && size))
		return -EINVAL;
	return ipci_self() ? 0 : -ENOSYS;
}

/* E2: as many as there are, up to n, until one is too long for its room */
IPCI_INLINE int ipci_queue_read(struct ipc_queue *q, void *items, size_t size,
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
IPCI_INLINE void ipci_queue_take_out(struct ipci_self *self,
				     struct ipc_queue *q, uint64_t n)
{
	ipci_items_leave(&q->items);
	ipci_side_move(self, &q->get, &q->put, n);
	ipci_gate_notify(&q->put.gate); /* E5 T5 */
	ipci_items_left(&q->items);
}

static inline bool ipci_queue_is_shut(const struct ipc_queue *q)
{
	return ipci_side_state(&q->put) & IPCI_STATE_SHUT;
}

static inline bool ipci_queue_is_dropped(const struct ipc_queue *q)
{
	return ipci_side_state(&q->put) & IPCI_STATE_DROPPED;
}

/* ---- both gates: queue_ends.c ---- */

/* two that meet, each in the gate that the other one wants, both step back:
   nobody waits for a gate while he is in one */
struct ipci_patience {
	int64_t deadline;
	int64_t grace; /* 0: not asked yet */
};

/* whether there is time for another try, after a pause */
bool ipci_queue_step_back(struct ipci_patience *p);

/* the gate of another side, within one's own; it does not wait */
bool ipci_side_enter_within(struct ipci_self *self,
			    const struct ipci_queue_side *other);
void ipci_side_leave_within(struct ipci_self *self,
			    const struct ipci_queue_side *other);

/* K2 of get: 1 */
int ipci_queue_read_last(struct ipc_queue *q, void *buf, size_t size,
			 size_t *len);

/* K3, P4 */
void ipci_queue_turn(struct ipc_queue *q, const struct ipci_queue_side *d,
		     const struct ipci_queue_side *other);

/* ---- tasks: queue_tasks.c ---- */

struct ipci_wanted {
	void *items;
	size_t size;
	size_t *lens;
	size_t n;
	bool back; /* of the queue; n is 1 */
	struct ipci_worker *worker;
};

/* as ipc_queue_get */
int ipci_queue_get_one_task(struct ipc_queue *q, void *buf, size_t size,
			    int timeout_ms);

/* as ipc_queue_get_many and _get_back; lens may be NULL */
int ipci_queue_get_tasks(struct ipc_queue *q, struct ipci_wanted *w,
			 int timeout_ms);

#endif
