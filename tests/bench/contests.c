/* SPDX-License-Identifier: MIT */
/*
 * contests.c - the list of contests
 *
 * The first entrant is the library's, the others are what it is compared with.
 */
#include "bench.h"

/* who spins instead of sleeping says so in its name */
#define QUEUES                                                                 \
	{.transport = &our_queue}, {.transport = &textbook_queue},             \
		{.transport = &vyukov_ring}, {.transport = &kernel_pipe},      \
		{.transport = &kernel_socket},                                 \
	{                                                                      \
		.transport = &kernel_mq                                        \
	}

#define PIPES                                                                  \
	{.transport = &our_pipe}, {.transport = &spsc_ring},                   \
		{.transport = &textbook_queue},                                \
	{                                                                      \
		.transport = &kernel_pipe                                      \
	}

#define STREAM .run = run_stream, .apart = true, .min_steps = 1000

#define PINGPONG                                                               \
	.figure = {"p50", "p99"}, .run = run_pingpong, .min_steps = 1000,      \
	.len = 64,                                                             \
	.entrants = {                                                          \
		{.transport = &our_queue},                                     \
		{.transport = &textbook_queue},                                \
		{.transport = &kernel_pipe},                                   \
	}

const struct contest contests[] = {
	{
		.name = "put+get, 64 B",
		.run = run_pair,
		.len = 64,
		.min_steps = 1000,
		.entrants = {QUEUES},
	},
	{
		.name = "queue 1P1C, 8 B",
		STREAM,
		.len = 8,
		.pairs = 1,
		.entrants = {QUEUES},
	},
	{
		.name = "queue 1P1C, 64 B",
		STREAM,
		.len = 64,
		.pairs = 1,
		.entrants = {QUEUES},
	},
	{
		.name = "queue 1P1C, 1 KiB",
		STREAM,
		.len = 1024,
		.pairs = 1,
		.entrants = {QUEUES},
	},
	{
		.name = "queue 2P2C, 64 B",
		STREAM,
		.len = 64,
		.pairs = 2,
		.entrants = {QUEUES},
	},
	{
		.name = "queue 4P4C, 64 B",
		STREAM,
		.len = 64,
		.pairs = 4,
		.entrants = {QUEUES},
	},
	{
		.name = "put_many of 16, 64 B",
		STREAM,
		.len = 64,
		.pairs = 1,
		.batch = 16,
		.entrants = {{.transport = &our_queue},
			     {.transport = &our_queue_singly},
			     {.transport = &textbook_queue},
			     {.transport = &vyukov_ring},
			     {.transport = &kernel_pipe}},
	},
	{
		.name = "SINGLE_* queue 1P1C, 64 B",
		STREAM,
		.len = 64,
		.pairs = 1,
		.entrants = {{.transport = &our_queue_alone},
			     {.transport = &our_queue},
			     {.transport = &spsc_ring}},
	},
	{
		.name = "send+recv, 64 B",
		.run = run_pair,
		.len = 64,
		.min_steps = 1000,
		.entrants = {PIPES},
	},
	{
		.name = "pipe 1P1C, 8 B",
		STREAM,
		.len = 8,
		.pairs = 1,
		.entrants = {PIPES},
	},
	{
		.name = "pipe 1P1C, 64 B",
		STREAM,
		.len = 64,
		.pairs = 1,
		.entrants = {PIPES},
	},
	{
		.name = "pipe 1P1C, 1 KiB",
		STREAM,
		.len = 1024,
		.pairs = 1,
		.entrants = {PIPES},
	},
	{
		.name = "put+get+done, 64 B",
		.run = run_pair,
		.len = 64,
		.min_steps = 1000,
		.entrants = {{.transport = &our_tasks},
			     {.transport = &our_queue},
			     {.transport = &textbook_tasks}},
	},
	{
		.name = "joinable 1P1C, 64 B",
		STREAM,
		.len = 64,
		.pairs = 1,
		.entrants = {{.transport = &our_tasks},
			     {.transport = &our_queue},
			     {.transport = &textbook_tasks}},
	},
	{
		.name = "lock+unlock",
		.run = run_lock,
		.min_steps = 1000,
		.entrants = {{.lock = &our_mutex},
			     {.lock = &robust_mutex},
			     {.lock = &pthread_mutex}},
	},
	{
		.name = "ping-pong, two CPUs",
		PINGPONG,
		.apart = true,
	},
	{
		.name = "ping-pong, one CPU",
		PINGPONG,
	},
	{
		.name = "process start+join",
		.run = run_starter,
		.min_steps = 20,
		.entrants = {{.starter = &our_process},
			     {.starter = &plain_fork}},
	},
};

const size_t n_contests = sizeof(contests) / sizeof(*contests);
