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
	bool stopped;	 /* traced, and stands still */
	bool loose;	 /* no longer to be traced, as soon as it stops */
	bool ended;	 /* and reaped */
	int signal;	 /* it stopped for this, which is no step: it crashed */
	struct way *way; /* or NULL: it is not led */
	unsigned long steps; /* on it */
};

/* TEST_SLOW, by which all limits are multiplied */
extern int sweep_slow;

/* before the first process; who shares a lane shares a CPU */
void sweep_prepare(unsigned int lane);
/* on with it, until it stops again or ends; false: it sleeps */
bool sweep_go_on(struct proc *p);
/* the end of a point */
void sweep_slay_all(void);

/* sleeps until a child has changed, or for a short while */
void sweep_wait_a_little(void);

/* nobody but the parent will ever do anything */
bool sweep_is_quiet(void);

/* where it stands: an address for addr2line, if it is in the program */
unsigned long sweep_place(const struct proc *p);

/* before a sweep; before each point of it */
void sweep_ways_forget(void);
void sweep_ways_begin(void);
/* one did not find the way: the point is to be told again */
bool sweep_strayed(void);
/* it is about to take a step; it sleeps in it */
void sweep_way_step(struct proc *p);
void sweep_way_sleeps(const struct proc *p);

/* zeroed, and shared with the children */
void *sweep_map(size_t size);

#endif
