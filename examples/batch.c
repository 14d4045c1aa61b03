/* SPDX-License-Identifier: MIT */
/*
 * batch - workers are killed at random while a batch runs; the sum is right
 *
 *	batch [--tasks N] [--workers N] [--kills N]
 *
 * Each task is a number, and doing it means to add it to the sum. A worker that
 * was killed in the middle of a task left it undone: it goes to another worker,
 * who sees by task.attempts that it is not the first. So join returns when each
 * task was done, however many workers died on the way.
 *
 * Adding a number and saying task_done are two steps, and a worker may be
 * killed between them. Therefore the result is written so that doing it twice
 * does no harm: each task has a place of its own, and main adds them up.
 */
#include <libipc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"

enum {
	WORKERS_MAX = 64,
};

struct batch {
	struct ipc_queue *tasks;
	struct ipc_shared *memory;
	struct {
		_Atomic long again;    /* deliveries that were not the first */
		_Atomic long result[]; /* [i]: written by who does task i */
	} * shared;
};

static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "batch: %s: %s\n", what, strerror(-r));
		exit(1);
	}
}

/* work that takes a moment, in which a worker may be killed */
static long square(long n)
{
	volatile long idle = 0;

	while (idle < 100000)
		idle++;
	return n * n;
}

static int worker(void *arg)
{
	struct batch *b = arg;
	struct ipc_task task;
	long n;

	for (;;) {
		must(ipc_queue_get_task(b->tasks, &n, sizeof(n), &task,
					LIBIPC_FOREVER),
		     "get");
		if (task.attempts > 1)
			b->shared->again++;
		b->shared->result[n] = square(n);
		must(ipc_queue_task_done(b->tasks), "task_done");
	}
	return 0;
}

static struct ipc_process *hire(struct batch *b)
{
	const struct ipc_process_opts opts = {.flags = LIBIPC_DAEMON};
	struct ipc_process *p;

	must(ipc_process_create(&p, worker, b, &opts), "create a process");
	must(ipc_process_start(p), "start a process");
	return p;
}

static void lay_off(struct ipc_process *p)
{
	must(ipc_process_kill(p), "kill");
	must(ipc_process_join(p, LIBIPC_FOREVER), "join a process");
	must(ipc_process_close(p), "close a process");
}

/* puts all tasks, and on the way kills a worker now and then */
static void run(struct batch *b, long tasks, long workers, long kills)
{
	struct ipc_process *crew[WORKERS_MAX];
	long killed = 0;

	for (long i = 0; i < workers; i++)
		crew[i] = hire(b);
	for (long n = 0; n < tasks; n++) {
		must(ipc_queue_put(b->tasks, &n, sizeof(n), LIBIPC_FOREVER),
		     "put");
		while (killed < kills && killed < kills * (n + 1) / tasks) {
			long unlucky = rand() % workers;

			lay_off(crew[unlucky]);
			crew[unlucky] = hire(b);
			killed++;
		}
	}
	must(ipc_queue_join(b->tasks, LIBIPC_FOREVER), "join the queue");
	for (long i = 0; i < workers; i++)
		lay_off(crew[i]);
}

static void open_batch(struct batch *b, long tasks)
{
	const struct ipc_queue_opts opts = {.maxsize = 16,
					    .item_size = sizeof(long),
					    .flags = LIBIPC_JOINABLE,
					    .max_attempts = 1000};

	must(ipc_queue_create(&b->tasks, NULL, &opts), "create a queue");
	must(ipc_shared_create(
		     &b->memory, NULL,
		     sizeof(*b->shared) + (size_t)tasks * sizeof(long), NULL),
	     "create shared data");
	b->shared = ipc_shared_data(b->memory);
}

int main(int argc, char **argv)
{
	long tasks = 2000, workers = 4, kills = 100, sum = 0, right = 0;
	struct batch b;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--tasks"))
			tasks = arg_number(argv, &i, 1, 100000);
		else if (!strcmp(argv[i], "--workers"))
			workers = arg_number(argv, &i, 1, WORKERS_MAX);
		else if (!strcmp(argv[i], "--kills"))
			kills = arg_number(argv, &i, 0, 100000);
		else
			arg_unknown(argv, i,
				    "[--tasks N] [--workers N] [--kills N]");
	}
	open_batch(&b, tasks);
	run(&b, tasks, workers, kills);
	for (long n = 0; n < tasks; n++) {
		sum += b.shared->result[n];
		right += n * n;
	}
	printf("tasks: %ld, workers killed: %ld, redelivered: %ld\n", tasks,
	       kills, (long)b.shared->again);
	printf("sum: %ld, right: %s\n", sum, sum == right ? "yes" : "no");
	must(fflush(stdout) ? -EIO : 0, "standard output");
	return sum != right;
}
