/* SPDX-License-Identifier: MIT */
/*
 * mutex.h - the mutex that a region carries, for mutex.c and shared.c
 */
#ifndef IPCI_MUTEX_H
#define IPCI_MUTEX_H

#include "gate.h"
#include "region.h"

struct ipci_mutex {
	struct ipci_gate gate;
	struct mutex_shm *s;
	_Atomic uint64_t held_by; /* ipci_self()->id, if through this handle */
	_Atomic uint32_t held_mark; /* how the gate's word names that thread */
	uint32_t times;		    /* how often; only the holder looks */
	bool recursive;
	bool simple; /* neither recursive nor with a room */
	/*
	 * With a room: locked through this handle, and not let go through it,
	 * but maybe, if it is recursive, through another one. Maybe libc's list
	 * of held mutexes passes through here.
	 */
	bool anchored;
};

void ipci_mutex_init(struct ipci_mutex *m, const struct ipci_region *r,
		     bool recursive);

/* whether a thread of this process holds it through this handle */
bool ipci_mutex_busy(const struct ipci_mutex *m);

/* as ipc_mutex_lock and ipc_mutex_unlock */
int ipci_mutex_lock(struct ipci_mutex *m, int timeout_ms);
int ipci_mutex_unlock(struct ipci_mutex *m);

#endif
