/* SPDX-License-Identifier: MIT */
/*
 * joinable.h - tasks: got as a lease, done, delivered again, set aside, joined
 *
 * See leases_shm in layout.h for the protocol and its steps.
 */
#ifndef IPCI_JOINABLE_H
#define IPCI_JOINABLE_H

#include "lease.h"
#include "worker.h"

struct ipci_tasks {
	struct side_shm *done;	     /* its index counts the tasks done */
	const struct side_shm *put;  /* its index counts the tasks put */
	const struct side_shm *got;  /* its index counts those taken */
	const struct rare_shm *rare; /* whether it is shut down */
	const struct ipci_gate *getters;
	struct ipci_gate lock;	   /* the lease gate */
	struct ipci_gate joiners;  /* of done; condition: all are done */
	struct ipci_gate failures; /* of done; condition: one is set aside */
	struct ipci_workers workers;
	struct ipci_leases leases;
	uint32_t max_attempts;
};

/* bytes of the tables behind the slots */
uint64_t ipci_tasks_bytes(uint64_t maxsize, size_t item_size);

/* the tables begin at offset in the region's body, on a page */
void ipci_tasks_init(struct ipci_tasks *t, struct ipci_region *r, size_t offset,
		     const struct head_shm *head,
		     const struct ipci_gate *getters);

/* L5: what the first getter cannot do without, while a queue is created */
int ipci_tasks_prepare(struct ipci_region *r, size_t offset,
		       const struct head_shm *head);

/* to be called before the region is closed: what this process has goes back */
void ipci_tasks_close(struct ipci_tasks *t);

/* ---- for get ---- */

/* the calling thread as a worker, with room for n tasks more; negative errno */
int ipci_tasks_attach_slow(struct ipci_self *self, struct ipci_tasks *t,
			   size_t n, struct ipci_worker **mine);

static inline int ipci_tasks_attach(struct ipci_self *self,
				    struct ipci_tasks *t, size_t n,
				    struct ipci_worker **mine)
{
	*mine = ipci_worker_find(self, &t->workers);
	if (*mine && ipci_worker_has_room(*mine, n))
		return 0;
	return ipci_tasks_attach_slow(self, t, n, mine);
}

/* the lease gate, where it is not free: announced; or as ipci_tasks_enter */
int ipci_tasks_wait(struct ipci_self *self, const struct ipci_tasks *t,
		    int64_t deadline);

/* within it: Y1 .. Y3, and X1 .. X5 of all rows that ask for it */
void ipci_tasks_repair(struct ipci_self *self, struct ipci_tasks *t);
void ipci_tasks_reap(struct ipci_self *self, struct ipci_tasks *t);

/* T1: the lease gate; the table is in order, the dead are reaped; -ETIMEDOUT,
   or without a deadline -EBADMSG: the word names somebody who is not there */
IPCI_INLINE int ipci_tasks_enter(struct ipci_self *self, struct ipci_tasks *t,
				 int64_t deadline)
{
	int r = 0;

	if (!ipci_gate_take(self, &t->lock))
		r = ipci_tasks_wait(self, t, deadline);
	if (r < 0)
		return r;
	ipci_gate_push_within(self, &t->lock);
	if (IPCI_VISITED(ipci_gate_bounded(&t->lock)))
		atomic_fetch_add_explicit(&t->leases.s->visits, 1,
					  memory_order_seq_cst);
	if (IPCI_DIRTY(t->leases.s->dirty))
		ipci_tasks_repair(self, t);
	t->leases.s->dirty = 1;
	ipci_order();
	if (ipci_workers_any_ended(&t->workers))
		ipci_tasks_reap(self, t);
	return 0;
}

/* T6 */
IPCI_INLINE void ipci_tasks_leave(struct ipci_self *self, struct ipci_tasks *t)
{
	ipci_order();
	t->leases.s->dirty = 0;
	ipci_gate_leave_within(self, &t->lock);
}

/* how many wait again */
static inline uint32_t ipci_tasks_back(const struct ipci_tasks *t)
{
	return atomic_load_explicit(&t->leases.s->again, memory_order_seq_cst);
}

/* whether a task waits again, or may, for its worker has died */
bool ipci_tasks_pending(const struct ipci_tasks *t);

/* a row's own count; only within the lease gate */
static inline void ipci_tasks_count_held(const struct ipci_tasks *t,
					 uint32_t row, uint32_t change)
{
	_Atomic uint32_t *held = &t->workers.row[row].held;
	uint32_t n = atomic_load_explicit(held, memory_order_relaxed);

	atomic_store_explicit(held, n + change, memory_order_relaxed);
}

/* T9: what the row's thread has marked done; how many leases are free now */
uint32_t ipci_tasks_clear_marks(struct ipci_tasks *t, uint32_t row);

/*
 * T9 and T2 at once: the lease of the task that the thread has marked done is
 * that of the next one, and nobody's in between: else its new words, with the
 * mark, could be taken for a task that is held. Its number, or -EAGAIN: it has
 * marked none, or that one has no room.
 */
IPCI_INLINE int ipci_tasks_lease_over(const struct ipci_tasks *t,
				      const struct ipci_worker *mine,
				      uint64_t index, const void *item,
				      size_t len)
{
	struct worker_shm *row = &t->workers.row[mine->row];
	uint64_t n = atomic_load_explicit(&row->freed, memory_order_relaxed);
	uint32_t i;

	if (atomic_load_explicit(&row->done, memory_order_relaxed) == n)
		return -EAGAIN;
	i = ipci_lease_of_row(&t->leases, ipci_row_mark(row, n), mine->row);
	if (i == IPCI_NO_LEASE || !ipci_lease_has_room(&t->leases, i, len))
		return -EAGAIN;
	t->leases.lease[i].born = IPCI_LEASE_NONE;
	ipci_order();
	ipci_lease_fill(&t->leases, i, mine->row, index, item, len);
	atomic_store_explicit(&row->freed, n + 1, memory_order_release);
	return (int)i;
}

/* T2 where there is no lease, or none with memory: after T9 of all rows; or why
   there is none */
int ipci_tasks_lease_scarce(struct ipci_tasks *t, struct ipci_worker *mine,
			    uint64_t index, const void *item, size_t len,
			    int why);

/* T2: the task that will be number index of those got: 0, or negative errno */
IPCI_INLINE int ipci_tasks_lease(struct ipci_tasks *t, struct ipci_worker *mine,
				 uint64_t index, const void *item, size_t len)
{
	int i = ipci_tasks_lease_over(t, mine, index, item, len);

	if (i < 0) {
		i = ipci_lease_take(&t->leases, mine->row, index, item, len);
		if (i < 0)
			i = ipci_tasks_lease_scarce(t, mine, index, item, len,
						    i);
		if (i < 0)
			return i;
		ipci_tasks_count_held(t, mine->row, 1);
	}
	mine->attempts = 1;
	ipci_worker_remember(mine, ipci_ticket(1, index, (uint32_t)i));
	return 0;
}

/* T7: a task that waits again: its length; -EAGAIN: none; as ipci_slot_read */
int ipci_tasks_again(struct ipci_tasks *t, struct ipci_worker *mine, void *buf,
		     size_t size);

/*
 * After a shutdown, when nothing waits: whether it is over, for no other thread
 * than mine holds a task that might come back; within the lease gate.
 */
bool ipci_tasks_over(const struct ipci_tasks *t,
		     const struct ipci_worker *mine);

/* and until it is over, or a task has come back: 0 or -ETIMEDOUT */
int ipci_tasks_await_over(struct ipci_self *self, const struct ipci_tasks *t,
			  const struct ipci_worker *mine, int64_t deadline);

/*
 * look() until it answers something else than -EAGAIN, which means: it seemed
 * worth it, and was not. -ETIMEDOUT: the time is up, whatever the memory says;
 * -EBADMSG: it seems worth it again and again, and nothing moves.
 */
int ipci_tasks_until(const struct ipci_tasks *t, int64_t deadline,
		     int (*look)(void *arg, int64_t deadline), void *arg);

/* the ticket of the task that the thread got last */
static inline uint64_t ipci_tasks_ticket(const struct ipci_worker *mine)
{
	return mine->ticket[(mine->end - 1) & (mine->room - 1)];
}

/* ---- as the public functions of the same name ---- */

int ipci_tasks_done(struct ipci_tasks *t);
int ipci_tasks_done_ticket(struct ipci_tasks *t, uint64_t ticket);
int ipci_tasks_join(struct ipci_tasks *t, int timeout_ms);
int ipci_tasks_get_failed(struct ipci_tasks *t, void *buf, size_t size,
			  int timeout_ms);
long ipci_tasks_unfinished(const struct ipci_tasks *t);
long ipci_tasks_failed(const struct ipci_tasks *t);

/* tasks that wait again, with those whose worker has ended */
long ipci_tasks_waiting(const struct ipci_tasks *t);

#endif
