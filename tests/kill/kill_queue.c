/* SPDX-License-Identifier: MIT */
/*
 * kill_queue.c - put, get, put_many and get_many, killed at each instruction
 *
 * Executes the KILLED rows of the gate word and of struct queue_shm: A, R, S
 * and F in passing, P1 .. P6 by the rows that put, E1 .. E6 by those that get.
 */
#include "queue_story.h"

static const struct sweep sweeps[] = {
	ROW("put, idle", 13, .op = PUT, .maxsize = 4, .filled = 1),
	ROW("put, 1 getter asleep", 3, .op = PUT, .maxsize = 4, .getters = 1),
	ROW("put, 3 getters asleep", 17, .op = PUT, .maxsize = 4, .getters = 3),
	ROW("put, 1 getter about to sleep", 17, .op = PUT, .maxsize = 4,
	    .getters = 1, .in_flight = true),
	ROW("put, 3 getters about to sleep", 17, .op = PUT, .maxsize = 4,
	    .getters = 3, .in_flight = true),
	ROW("put that sleeps, 1 behind", 37, .op = PUT, .maxsize = 2,
	    .filled = 2, .asks = true, .behind = 1),
	ROW("put that sleeps, 2 behind", 37, .op = PUT, .maxsize = 2,
	    .filled = 2, .asks = true, .behind = 2),
	ROW("put that gives up, 1 behind", 29, .op = PUT, .maxsize = 2,
	    .filled = 2, .asks = true, .behind = 1, .timeout_ms = 20),
	ROW("put, another inside", 31, .op = PUT, .maxsize = 4, .filled = 1,
	    .asks = true, .inside = true),
	ROW("put, another inside, 1 behind", 31, .op = PUT, .maxsize = 4,
	    .filled = 1, .asks = true, .inside = true, .deep = 30, .behind = 1),
	ROW("put, another inside, which dies", 31, .op = PUT, .maxsize = 4,
	    .filled = 1, .asks = true, .inside = true, .it_dies = true),
	ROW("put, single producer, 1 getter asleep", 13, .op = PUT,
	    .maxsize = 4, .getters = 1, .flags = LIBIPC_SINGLE_PRODUCER),
	ROW("put that sleeps, single producer", 37, .op = PUT, .maxsize = 2,
	    .filled = 2, .asks = true, .flags = LIBIPC_SINGLE_PRODUCER),

	ROW("get, idle", 13, .op = GET, .maxsize = 4, .filled = 2),
	ROW("get, 1 putter asleep", 3, .op = GET, .maxsize = 4, .filled = 4,
	    .putters = 1),
	ROW("get, 2 putters asleep", 17, .op = GET, .maxsize = 4, .filled = 4,
	    .putters = 2),
	ROW("get, 3 putters asleep", 19, .op = GET, .maxsize = 4, .filled = 4,
	    .putters = 3),
	ROW("get, 2 putters about to sleep", 17, .op = GET, .maxsize = 4,
	    .filled = 4, .putters = 2, .in_flight = true),
	ROW("get that sleeps, 1 behind", 37, .op = GET, .maxsize = 4,
	    .asks = true, .behind = 1),
	ROW("get that sleeps, 2 behind", 37, .op = GET, .maxsize = 4,
	    .asks = true, .behind = 2),
	ROW("get that gives up, 1 behind", 31, .op = GET, .maxsize = 4,
	    .asks = true, .behind = 1, .timeout_ms = 20),
	ROW("get, another inside", 31, .op = GET, .maxsize = 4, .filled = 3,
	    .asks = true, .inside = true),
	ROW("get, another inside, 1 behind", 23, .op = GET, .maxsize = 4,
	    .filled = 3, .asks = true, .inside = true, .deep = 30, .behind = 1),
	ROW("get, another inside, which dies", 31, .op = GET, .maxsize = 4,
	    .filled = 3, .asks = true, .inside = true, .it_dies = true),
	ROW("get, single consumer, 1 putter asleep", 17, .op = GET,
	    .maxsize = 4, .filled = 4, .putters = 1,
	    .flags = LIBIPC_SINGLE_CONSUMER),
	ROW("get that sleeps, single consumer", 37, .op = GET, .maxsize = 4,
	    .asks = true, .flags = LIBIPC_SINGLE_CONSUMER),

	ROW("put_many, idle", 17, .op = PUT_MANY, .maxsize = 4, .filled = 1),
	ROW("put_many, room for some", 13, .op = PUT_MANY, .maxsize = 4,
	    .filled = 2),
	ROW("put_many, 1 getter asleep", 23, .op = PUT_MANY, .maxsize = 4,
	    .getters = 1),
	ROW("put_many, another inside", 41, .op = PUT_MANY, .maxsize = 4,
	    .filled = 1, .asks = true, .inside = true),
	ROW("put_many, 3 getters asleep", 19, .op = PUT_MANY, .maxsize = 4,
	    .getters = 3),
	ROW("put_many that sleeps, 1 behind", 37, .op = PUT_MANY, .maxsize = 2,
	    .filled = 2, .asks = true, .behind = 1),
	ROW("get_many, idle", 19, .op = GET_MANY, .maxsize = 4, .filled = 4),
	ROW("get_many, 1 putter asleep", 23, .op = GET_MANY, .maxsize = 4,
	    .filled = 4, .putters = 1),
	ROW("get_many, another inside", 41, .op = GET_MANY, .maxsize = 4,
	    .filled = 4, .asks = true, .inside = true),
	ROW("get_many, 3 putters asleep", 23, .op = GET_MANY, .maxsize = 4,
	    .filled = 4, .putters = 3),
	ROW("get_many that sleeps, 1 behind", 37, .op = GET_MANY, .maxsize = 4,
	    .asks = true, .behind = 1),
};

int main(int argc, char **argv)
{
	return queue_story_main(argc, argv, sweeps,
				sizeof(sweeps) / sizeof(*sweeps));
}
