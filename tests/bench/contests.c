/* SPDX-License-Identifier: MIT */
/*
 * contests.c - the list of contests
 *
 * The first entrant is the library's, the others are what it is compared with.
 */
#include "bench.h"

/* clang-format off */

/* for many producers and many consumers */
#define SLEEPING                                                               \
	{.transport = &boost_mq}, {.transport = &kernel_pipe},                 \
	{.transport = &kernel_socket}, {.transport = &kernel_mq},              \
	{.transport = &kernel_sysv}

#define SPINNING                                                               \
	{.transport = &vyukov_ring}, {.transport = &ck_mpmc},                  \
	{.transport = &boost_queue}

#define QUEUES                                                                 \
	{.transport = &our_queue}, {.transport = &textbook_queue},             \
	SPINNING, SLEEPING

/* for one of each, too */
#define QUEUES_1P1C QUEUES, {.transport = &qb_ring}

#define PIPES                                                                  \
	{.transport = &our_pipe},                                              \
	{.transport = &spsc_ring}, {.transport = &ck_spsc},                    \
	{.transport = &boost_spsc}, {.transport = &qb_ring},                   \
	{.transport = &kernel_pipe}, {.transport = &kernel_socket}

#define TASKS                                                                  \
	{.transport = &our_tasks}, {.transport = &our_queue, .goal = {0.7}},   \
	{.transport = &textbook_tasks, .goal = {1}},                           \
	{.program = &python_tasks, .goal = {100}}

#define UNBOUNDED                                                              \
	{.transport = &our_queue_unbounded},                                   \
	{.transport = &our_queue, .goal = {1 / 1.5}}

/* clang-format on */

#define STREAM .run = run_stream, .apart = true, .min_steps = 1000

/* against those that sleep: 1.5 times as fast; those that spin: as fast */
#define QUEUE_GOALS .goal_sleeping = 1.5, .goal_spinning = 1

#define PINGPONG                                                               \
	.figure = {"p50", "p99"}, .run = run_pingpong, .min_steps = 300,       \
	.len = 64,                                                             \
	.entrants = {{.transport = &our_queue},                                \
		     {.transport = &textbook_queue},                           \
		     SLEEPING,                                                 \
		     {.transport = &qb_ring}}

/* at most 1.2 times as slow */
#define FLAT (1 / 1.2)

const struct contest contests[] = {
	{
		.name = "put+get, 64 B",
		.run = run_pair,
		.len = 64,
		.min_steps = 1000,
		.entrants = {{.transport = &our_queue},
			     {.transport = &textbook_queue, .goal = {1 / 0.8}},
			     SPINNING,
			     SLEEPING,
			     {.transport = &qb_ring}},
	},
	{
		.name = "queue 1P1C, 8 B",
		STREAM,
		.len = 8,
		.pairs = 1,
		QUEUE_GOALS,
		.entrants = {QUEUES_1P1C},
	},
	{
		.name = "queue 1P1C, 64 B",
		STREAM,
		.len = 64,
		.pairs = 1,
		QUEUE_GOALS,
		.entrants = {QUEUES_1P1C},
	},
	{
		.name = "queue 1P1C, 1 KiB",
		STREAM,
		.len = 1024,
		.pairs = 1,
		QUEUE_GOALS,
		.entrants = {QUEUES_1P1C},
	},
	{
		.name = "queue 2P2C, 64 B",
		STREAM,
		.len = 64,
		.pairs = 2,
		QUEUE_GOALS,
		.entrants = {QUEUES},
	},
	{
		.name = "queue 4P4C, 64 B",
		STREAM,
		.len = 64,
		.pairs = 4,
		QUEUE_GOALS,
		.entrants = {QUEUES},
	},
	{
		.name = "put_many of 16, 64 B",
		STREAM,
		.len = 64,
		.pairs = 1,
		.batch = 16,
		.goal_sleeping = 2,
		.goal_spinning = 2,
		.entrants = {QUEUES_1P1C,
			     {.transport = &our_queue_singly, .goal = {3}}},
	},
	{
		.name = "SINGLE_* queue 1P1C, 64 B",
		STREAM,
		.len = 64,
		.pairs = 1,
		.entrants = {{.transport = &our_queue_alone},
			     {.transport = &our_queue},
			     {.transport = &spsc_ring},
			     {.transport = &ck_spsc},
			     {.transport = &boost_spsc}},
	},
	{
		.name = "send+recv, 64 B",
		.run = run_pair,
		.len = 64,
		.min_steps = 1000,
		.entrants = {PIPES,
			     {.transport = &textbook_queue, .goal = {1 / 0.6}}},
	},
	{
		.name = "pipe 1P1C, 8 B",
		STREAM,
		.len = 8,
		.pairs = 1,
		.goal_spinning = 1,
		.entrants = {PIPES, {.transport = &textbook_queue}},
	},
	{
		.name = "pipe 1P1C, 64 B",
		STREAM,
		.len = 64,
		.pairs = 1,
		.goal_spinning = 1,
		.entrants = {PIPES, {.transport = &textbook_queue}},
	},
	{
		.name = "pipe 1P1C, 1 KiB",
		STREAM,
		.len = 1024,
		.pairs = 1,
		.goal_spinning = 1,
		.entrants = {PIPES, {.transport = &textbook_queue}},
	},
	{
		.name = "put+get+done, 64 B",
		.run = run_pair,
		.len = 64,
		.min_steps = 1000,
		.entrants = {TASKS},
	},
	{
		.name = "joinable 1P1C, 64 B",
		STREAM,
		.len = 64,
		.pairs = 1,
		.entrants = {TASKS},
	},
	{
		.name = "lock+unlock",
		.run = run_lock,
		.min_steps = 1000,
		.entrants = {{.lock = &our_mutex},
			     {.lock = &robust_mutex, .goal = {1 / 0.6}},
			     {.lock = &pthread_mutex, .goal = {1 / 0.9}}},
	},
	{
		.name = "ping-pong, two CPUs",
		PINGPONG,
		.goal_sleeping = 10,
		.apart = true,
	},
	{
		.name = "ping-pong, one CPU",
		PINGPONG,
		.goal_sleeping = 1,
	},
	{
		.name = "64 KiB put+get",
		.run = run_pair,
		.len = MAX_LEN,
		.min_steps = 1000,
		.entrants = {{.transport = &our_queue_16},
			     {.transport = &two_memcpys, .goal = {0.8}}},
	},
	{
		.name = "growth: put+get, 1 Mi slots",
		.run = run_pair,
		.len = 64,
		.min_steps = 1000,
		.entrants = {{.transport = &our_queue_1m},
			     {.transport = &our_queue_16, .goal = {FLAT}},
			     {.transport = &our_queue_1k},
			     {.transport = &our_queue_32k}},
	},
	{
		.name = "no maxsize: put+get, 64 B",
		.run = run_pair,
		.len = 64,
		.min_steps = 1000,
		.entrants = {UNBOUNDED},
	},
	{
		.name = "no maxsize: 1P1C, 64 B",
		STREAM,
		.len = 64,
		.pairs = 1,
		.entrants = {UNBOUNDED},
	},
	{
		.name = "growth: 64 joiners",
		.run = run_beside,
		.apart = true,
		.min_steps = 1000,
		.entrants = {{.transport = &our_tasks,
			      .sleepers = 64,
			      .name = "64 joiners"},
			     {.transport = &our_tasks,
			      .sleepers = 0,
			      .name = "no joiner",
			      .goal = {FLAT}}},
	},
	/* the answer is no goal: the process that slept the longest finds the
	   caches cold, whatever it slept in */
	{
		.name = "growth: 64 getters",
		.figure = {"put", "answer", "wake-ups"},
		.run = run_answer,
		.apart = true,
		.min_steps = 50,
		.entrants = {{.transport = &our_queue,
			      .sleepers = 64,
			      .name = "64 getters"},
			     {.transport = &our_queue,
			      .sleepers = 1,
			      .name = "one getter",
			      .goal = {FLAT, 0, 0.9}},
			     {.transport = &textbook_queue,
			      .sleepers = 64,
			      .name = "mutex + 2 condvars, 64"},
			     {.transport = &textbook_queue,
			      .sleepers = 1,
			      .name = "mutex + 2 condvars, one"}},
	},
	{
		.name = "process start+join",
		.run = run_starter,
		.min_steps = 20,
		.entrants = {{.starter = &our_process},
			     {.starter = &plain_fork, .goal = {1 / 1.15}}},
	},
};

const size_t n_contests = sizeof(contests) / sizeof(*contests);
