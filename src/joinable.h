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

/* to be called before the region is closed: what this process has goes back */
void ipci_tasks_close(struct ipci_tasks *t);

/* ---- for get ---- */

/* the calling thread as a worker, with room for n tasks more; negative errno */
int ipci_tasks_attach(struct ipci_self *self, struct ipci_tasks *t, size_t n,
		      struct ipci_worker **mine);

/* T1: the lease gate; the table is in order, the dead are reaped; -ETIMEDOUT,
   or without a deadline -EBADMSG: the word names somebody who is not there */
int ipci_tasks_enter(struct ipci_self *self, struct ipci_tasks *t,
		     int64_t deadline);

/* T6 */
void ipci_tasks_leave(struct ipci_self *self, struct ipci_tasks *t);

/* whether a task waits again, or may, for its worker has died */
bool ipci_tasks_pending(const struct ipci_tasks *t);

/* T2: the task that will be number index of those got: 0, or negative errno */
int ipci_tasks_lease(struct ipci_tasks *t, struct ipci_worker *mine,
		     uint64_t index, const void *item, size_t len);

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
uint64_t ipci_tasks_ticket(const struct ipci_worker *mine);

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
