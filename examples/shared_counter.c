/* SPDX-License-Identifier: MIT */
/*
 * shared_counter - four processes count in shared memory, with and without lock
 *
 *	shared_counter
 *
 * To count one more is to read, add and write. If two processes read the same
 * value, both write the same sum, and one of the two increments is lost. The
 * first line shows how many survived; it is different every time. With the lock
 * that shared data brings along, nothing is lost.
 */
#include <libipc.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROCESSES      4
#define TIMES_UNLOCKED 20000000
#define TIMES_LOCKED   10000

static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "shared_counter: %s: %s\n", what, strerror(-r));
		exit(1);
	}
}

/* volatile: really read and write each time, as the point is to be wrong */
static int count_unlocked(void *arg)
{
	volatile long *counter = ipc_shared_data(arg);

	for (long i = 0; i < TIMES_UNLOCKED; i++) {
		long seen = *counter;
		*counter = seen + 1;
	}
	return 0;
}

static int count_locked(void *arg)
{
	struct ipc_shared *s = arg;
	long *counter = ipc_shared_data(s);

	for (long i = 0; i < TIMES_LOCKED; i++) {
		must(ipc_shared_lock(s, LIBIPC_FOREVER), "lock");
		*counter += 1;
		must(ipc_shared_unlock(s), "unlock");
	}
	return 0;
}

static void finish(struct ipc_process *p)
{
	int code;

	must(ipc_process_join(p, LIBIPC_FOREVER), "join a process");
	must(ipc_process_exit_code(p, &code), "exit code of a process");
	must(ipc_process_close(p), "close a process");
	if (code != 0)
		exit(1);
}

/* what the counter says after all processes have done count */
static long run(ipc_process_fn *count)
{
	struct ipc_process *p[PROCESSES];
	struct ipc_shared *s;

	must(ipc_shared_create(&s, NULL, sizeof(long), NULL), "create");
	for (int i = 0; i < PROCESSES; i++) {
		must(ipc_process_create(&p[i], count, s, NULL),
		     "create a process");
		must(ipc_process_start(p[i]), "start a process");
	}
	for (int i = 0; i < PROCESSES; i++)
		finish(p[i]);
	long sum = *(long *)ipc_shared_data(s);
	must(ipc_shared_close(s), "close");
	return sum;
}

int main(int argc, char **argv)
{
	long all = (long)PROCESSES * TIMES_LOCKED;

	if (argc > 1) {
		fprintf(stderr, "usage: %s\n", argv[0]);
		return 2;
	}
	printf("without the lock: %ld of %ld\n", run(count_unlocked),
	       (long)PROCESSES * TIMES_UNLOCKED);
	long sum = run(count_locked);
	printf("with the lock: %ld of %ld\n", sum, all);
	must(ferror(stdout) ? -EIO : 0, "standard output");
	return sum != all;
}
