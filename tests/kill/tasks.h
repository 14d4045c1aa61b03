/* SPDX-License-Identifier: MIT */
/*
 * tasks.h - the story of a joinable queue, told by all sweeps of leases
 *
 * Tasks are numbers, put one after another. Some workers have died with tasks,
 * some processes sleep for tasks, for the end of all, for one that is set
 * aside, or for room. A victim is killed in one of its calls. Whatever the row:
 *
 *	- nobody sleeps without reason
 *	- each task is done once, by a survivor or by the dead one, or is set
 *	  aside; none is delivered to two who live
 *	- how often a task was delivered is told right
 *	- size, unfinished and failed are right, at once where nobody else could
 *	  have repaired anything, and the table is consistent in the end
 */
#ifndef LIBIPC_TESTS_KILL_TASKS_H
#define LIBIPC_TESTS_KILL_TASKS_H

#include <libipc.h>
#include "sweep.h"

enum tasks_op {
	TASKS_HOLD, /* the victim only has its tasks */
	TASKS_DONE,
	TASKS_TICKET, /* done, by a thread that did not get them */
	TASKS_JOIN,
	TASKS_GET,
	TASKS_GET_MANY,
	TASKS_GET_BACK,
	TASKS_WORK, /* get (back: from there) and task_done, `calls` times */
	TASKS_PUT,
	TASKS_PUT_FRONT,
	TASKS_FAILED, /* get_failed */
	TASKS_CLOSE,
};

struct tasks_row {
	enum tasks_op op;
	enum ipc_order order;
	bool back;
	unsigned int maxsize; /* 0: 4 */
	unsigned int max_attempts;
	unsigned int tasks; /* put before anything else */
	unsigned int dying; /* tasks of a worker that dies: when the victim
			       stands at its marker, or waits (asks) */
	bool each;	    /* a worker for each of them */
	bool shut;	    /* the queue, when they have them */
	bool reaped;	    /* and the parent has looked after it */
	unsigned int mine;  /* tasks that the victim has from before */
	bool others;	    /* or another thread of it has them */
	unsigned int ours;  /* tasks of the parent */
	bool first;	    /* the victim never got anything: it has no row */
	unsigned int calls; /* of the victim; 0: 1 */
	int timeout_ms;	    /* of the victim, which waits in vain; 0: none */

	/* asleep when the victim begins */
	unsigned int getters, joiners, failers, putters;
	enum {
		TASKS_ASLEEP,
		TASKS_ABOUT,   /* or just about to be, until it asks */
		TASKS_STOPPED, /* asleep, and stopped as soon as they wake */
	} how;
	bool one_stopped; /* only the first of them: others must not wait */
	bool late;	  /* then one task is put; it is meant for him */

	/* that the victim waits for something, and who comes behind it */
	bool asks;
	unsigned int getters_behind, joiners_behind;
	bool puts; /* what it waits for is a new task */
};

void tasks_setup(void);
void tasks_begin(const void *row);
int tasks_victim(const void *row);
void tasks_marked(const void *row);
void tasks_asleep(const void *row);
void tasks_look(const void *row);
const char *tasks_judge(const void *row);
void tasks_end(const void *row);

#define TASKS(text, every, ...)                                                \
	{                                                                      \
		.name = text, .row = &(const struct tasks_row){__VA_ARGS__},   \
		.begin = tasks_begin, .victim = tasks_victim,                  \
		.marked = tasks_marked, .asleep = tasks_asleep,                \
		.look = tasks_look, .judge = tasks_judge, .end = tasks_end,    \
		.stride = every                                                \
	}

#endif
