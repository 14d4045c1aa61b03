/* SPDX-License-Identifier: MIT */
/*
 * kill_joinable.c - task_done, join and get of a joinable queue, killed at each
 * instruction while nobody else dies
 *
 * Executes T1 .. T6, D1 .. D6 of struct leases_shm, and "join" of
 * struct queue_shm.
 */
#include "tasks.h"

static const struct sweep sweeps[] = {
	TASKS("task_done, nobody joins", 2, .op = TASKS_DONE, .tasks = 2,
	      .mine = 1, .ours = 1),
	TASKS("task_done, 1 joiner asleep", 5, .op = TASKS_DONE, .tasks = 1,
	      .mine = 1, .joiners = 1),
	TASKS("task_done, 3 joiners asleep", 17, .op = TASKS_DONE, .tasks = 1,
	      .mine = 1, .joiners = 3),
	TASKS("task_done, 3 joiners asleep, one is stopped", 3,
	      .op = TASKS_DONE, .tasks = 1, .mine = 1, .joiners = 3,
	      .one_stopped = true),
	TASKS("task_done, 3 joiners about to sleep", 17, .op = TASKS_DONE,
	      .tasks = 1, .mine = 1, .joiners = 3, .how = TASKS_ABOUT),
	TASKS("task_done, not the last one, 3 joiners asleep", 17,
	      .op = TASKS_DONE, .tasks = 2, .mine = 1, .ours = 1, .joiners = 3),
	TASKS("task_done twice, 1 joiner asleep", 29, .op = TASKS_DONE,
	      .calls = 2, .tasks = 2, .mine = 2, .joiners = 1),
	TASKS("task_done by ticket, another thread's, 1 joiner asleep", 23,
	      .op = TASKS_TICKET, .tasks = 2, .mine = 2, .others = true,
	      .calls = 2, .joiners = 1),

	TASKS("join, nothing unfinished", 7, .op = TASKS_JOIN),
	TASKS("join that sleeps, 1 behind", 37, .op = TASKS_JOIN, .tasks = 1,
	      .ours = 1, .asks = true, .joiners_behind = 1),
	TASKS("join that sleeps, 3 behind", 37, .op = TASKS_JOIN, .tasks = 1,
	      .ours = 1, .asks = true, .joiners_behind = 3),
	TASKS("join that sleeps, 1 before, 1 behind", 37, .op = TASKS_JOIN,
	      .tasks = 1, .ours = 1, .asks = true, .joiners = 1,
	      .joiners_behind = 1),
	TASKS("join that gives up, 1 behind", 31, .op = TASKS_JOIN, .tasks = 1,
	      .ours = 1, .asks = true, .joiners_behind = 1, .timeout_ms = 20),

	TASKS("get and task_done", 53, .op = TASKS_WORK, .tasks = 3),
	TASKS("get and task_done of all, 2 joiners asleep", 97,
	      .op = TASKS_WORK, .calls = 2, .tasks = 2, .joiners = 2),
	TASKS("get that sleeps and task_done, 2 getters behind", 97,
	      .op = TASKS_WORK, .asks = true, .puts = true,
	      .getters_behind = 2),
	TASKS("get of the last one that fits, 1 putter asleep", 47,
	      .op = TASKS_GET, .tasks = 4, .putters = 1),
	TASKS("get, full, 3 putters asleep", 61, .op = TASKS_GET, .tasks = 4,
	      .putters = 3),
	TASKS("get_many, full, 3 putters asleep", 61, .op = TASKS_GET_MANY,
	      .tasks = 4, .putters = 3),
	TASKS("put, 3 getters asleep", 31, .op = TASKS_PUT, .getters = 3),

	TASKS("put_front, 1 getter asleep", 37, .op = TASKS_PUT_FRONT,
	      .getters = 1),
	TASKS("put_front, 2 getters about to sleep", 37, .op = TASKS_PUT_FRONT,
	      .getters = 2, .how = TASKS_ABOUT),
	TASKS("get_back, 2 putters asleep", 61, .op = TASKS_GET_BACK,
	      .tasks = 4, .putters = 2),
	TASKS("get_back and task_done, 1 joiner asleep", 61, .op = TASKS_WORK,
	      .back = true, .tasks = 1, .joiners = 1),
	TASKS("get_back that sleeps and task_done, 1 getter behind", 71,
	      .op = TASKS_WORK, .back = true, .asks = true, .puts = true,
	      .getters_behind = 1),
	TASKS("LIFO get and task_done, full, 1 putter asleep", 61,
	      .op = TASKS_WORK, .order = LIBIPC_LIFO, .tasks = 4, .putters = 1),
	TASKS("priority get_many, full, 2 putters asleep", 61,
	      .op = TASKS_GET_MANY, .order = LIBIPC_PRIORITY, .tasks = 4,
	      .putters = 2),
	TASKS("priority get and task_done of all, 2 joiners asleep", 97,
	      .op = TASKS_WORK, .order = LIBIPC_PRIORITY, .calls = 3,
	      .tasks = 3, .joiners = 2),
};

int main(int argc, char **argv)
{
	tasks_setup();
	return sweep_main(argc, argv, sweeps, sizeof(sweeps) / sizeof(*sweeps));
}
