/* SPDX-License-Identifier: MIT */
/*
 * queue_story.h - a sweep over a queue, of whatever kind; see queue_story.c
 *
 * Whatever the row, the survivors must see the same: nobody sleeps though there
 * is an item, or room; each item comes out once, if its put returned; those
 * that wait come in their order; the whole capacity can still be used.
 */
#ifndef LIBIPC_TESTS_KILL_QUEUE_STORY_H
#define LIBIPC_TESTS_KILL_QUEUE_STORY_H

#include <ipc/queue.h>
#include "sweep.h"

/* PUT_FIRST: with a priority that comes before all others */
enum op { PUT, GET, PUT_MANY, GET_MANY, PUT_FRONT, GET_BACK, PUT_FIRST };

struct row {
	enum op op;
	enum ipc_order order;
	unsigned int maxsize;
	unsigned int filled;
	unsigned int getters; /* asleep when the victim begins */
	unsigned int putters;
	unsigned int behind; /* on the victim's side, when it sleeps itself */
	bool in_flight;	     /* they are not yet asleep, but about to be */
	bool asks;	     /* the victim waits for something */
	bool turned;	     /* it was used at both ends before */
	bool used;	     /* all its slots held items before */
	bool inside;	  /* another one is in the gate that the victim wants */
	bool across;	  /* ... of the other side, in the gate wanted second */
	bool pooled;	  /* ... which is that of the pool */
	bool it_dies;	  /* and does not come out */
	bool after_death; /* it did so before the victim begins */
	unsigned int deep; /* instructions that it went on inside */
	int timeout_ms;	   /* of the victim, which waits in vain; 0: none */
	size_t item_size;  /* 0: that of one; more: memory comes with them */
	uint32_t flags;	   /* of the queue */
};

void queue_story_begin(const void *row);
int queue_story_victim(const void *row);
void queue_story_ask(const void *row);
void queue_story_look(const void *row);
const char *queue_story_judge(const void *row);
void queue_story_end(const void *row);

#define ROW(text, every, ...)                                                  \
	{                                                                      \
		.name = text, .row = &(const struct row){__VA_ARGS__},         \
		.begin = queue_story_begin, .victim = queue_story_victim,      \
		.asleep = queue_story_ask, .look = queue_story_look,           \
		.judge = queue_story_judge, .end = queue_story_end,            \
		.stride = every                                                \
	}

int queue_story_main(int argc, char **argv, const struct sweep *sweeps,
		     size_t n);

#endif
