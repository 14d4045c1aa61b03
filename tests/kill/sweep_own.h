/* SPDX-License-Identifier: MIT */
/*
 * sweep_own.h - between sweep.c, which tells the stories, and sweep_proc.c,
 * which has the processes in them
 */
#ifndef LIBIPC_TESTS_KILL_SWEEP_OWN_H
#define LIBIPC_TESTS_KILL_SWEEP_OWN_H

#include "sweep.h"

struct proc {
	pid_t pid;
	int slot;
	bool traced;
	bool stopped; /* traced, and stands still */
	bool loose;   /* no longer to be traced, as soon as it stops */
	bool ended;   /* and reaped */
	int signal;   /* it stopped for this, which is no step: it crashed */
};

/* TEST_SLOW, by which all limits are multiplied */
extern int sweep_slow;

/* before the first process; who shares a lane shares a CPU */
void sweep_prepare(unsigned int lane);
/* the end of a point */
void sweep_slay_all(void);

/* sleeps until a child has changed, or for a short while */
void sweep_wait_a_little(void);

/* nobody but the parent will ever do anything */
bool sweep_is_quiet(void);

/* where it stands: an address for addr2line, if it is in the program */
unsigned long sweep_place(const struct proc *p);

/* zeroed, and shared with the children */
void *sweep_map(size_t size);

#endif
