/* SPDX-License-Identifier: MIT */
/*
 * joinable.h - which tasks a thread holds, and when all are done
 *
 * A task that was got belongs to the thread that got it, until that thread
 * calls task_done. How many it holds, of which queue, is the thread's own
 * business and lives in its private memory.
 */
#ifndef IPCI_JOINABLE_H
#define IPCI_JOINABLE_H

#include "gate.h"

struct ipci_tasks {
	struct side_shm *done;	    /* its index counts the tasks done */
	const struct side_shm *put; /* its index counts the tasks put */
	struct ipci_gate gate;	    /* of done; condition: all are done */
	uint64_t queue;		    /* this handle, never the same again */
};

void ipci_tasks_init(struct ipci_tasks *t, struct side_shm *done,
		     const struct side_shm *put);

/*
 * Room to remember that the calling thread holds tasks of this queue; to be
 * called before a task is taken, so that taking it cannot fail afterwards.
 * NULL: no memory. Valid until the thread's next call here.
 */
unsigned long *ipci_tasks_held(const struct ipci_tasks *t);

/* as ipc_queue_task_done, _unfinished and _join; negative errno */
int ipci_tasks_done(const struct ipci_tasks *t);
long ipci_tasks_unfinished(const struct ipci_tasks *t);
int ipci_tasks_join(const struct ipci_tasks *t, int timeout_ms);

#endif
