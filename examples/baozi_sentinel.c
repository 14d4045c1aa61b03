/* SPDX-License-Identifier: MIT */
/*
 * baozi_sentinel - a cook, a guest, and a last item that says: no more
 *
 *	baozi_sentinel
 *
 * The cook puts 包子 on a counter that holds three, and waits while it is full.
 * The guest takes them off, and waits while it is empty. How does he know when
 * to go home? The cook puts an empty item at the end: the sentinel. That is
 * simple with one cook and one guest; see baozi.c for a better way.
 */
#include <libipc.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAOZI	    10
#define PATIENCE_MS 10000 /* nobody waits longer for the other */

struct kitchen {
	struct ipc_queue *counter;
	struct ipc_shared *tally_shm;
	struct tally {
		long made;  /* written by the cook only */
		long eaten; /* written by the guest only */
	} * tally;
};

static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "baozi_sentinel: %s: %s\n", what, strerror(-r));
		exit(1);
	}
}

static int cook(void *arg)
{
	struct kitchen *k = arg;
	char item[32];

	for (int i = 1; i <= BAOZI; i++) {
		int len = snprintf(item, sizeof(item), "包子 %d", i);
		printf("cook makes %s\n", item);
		must(ipc_queue_put(k->counter, item, (size_t)len, PATIENCE_MS),
		     "put");
		k->tally->made++;
	}
	must(ipc_queue_put(k->counter, NULL, 0, PATIENCE_MS), "put the end");
	return 0;
}

static int guest(void *arg)
{
	struct kitchen *k = arg;
	char item[32];
	int len;

	/* get returns the length: 0 is the sentinel, negative an error */
	while ((len = ipc_queue_get(k->counter, item, sizeof(item),
				    PATIENCE_MS)) > 0) {
		printf("guest eats %.*s\n", len, item);
		k->tally->eaten++;
	}
	must(len, "get");
	printf("guest goes home\n");
	return 0;
}

static struct ipc_process *start(ipc_process_fn *fn, struct kitchen *k)
{
	struct ipc_process *p;

	must(ipc_process_create(&p, fn, k, NULL), "create a process");
	must(ipc_process_start(p), "start a process");
	return p;
}

static int finish(struct ipc_process *p)
{
	int code;

	must(ipc_process_join(p, LIBIPC_FOREVER), "join a process");
	must(ipc_process_exit_code(p, &code), "exit code of a process");
	must(ipc_process_close(p), "close a process");
	return code;
}

int main(int argc, char **argv)
{
	struct ipc_queue_opts opts = {.maxsize = 3, .item_size = 32};
	struct kitchen k;

	if (argc > 1) {
		fprintf(stderr, "usage: %s\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* a line at a time, never a piece */
	signal(SIGPIPE, SIG_IGN);	  /* cook on, even if nobody reads */

	must(ipc_queue_create(&k.counter, NULL, &opts), "create the queue");
	must(ipc_shared_create(&k.tally_shm, NULL, sizeof(*k.tally), NULL),
	     "create the tally");
	k.tally = ipc_shared_data(k.tally_shm);

	struct ipc_process *c = start(cook, &k);
	struct ipc_process *g = start(guest, &k);
	bool failed = finish(c) != 0;
	failed |= finish(g) != 0;

	/* both are gone, so the numbers stand still */
	printf("made: %ld, eaten: %ld\n", k.tally->made, k.tally->eaten);
	must(ferror(stdout) ? -EIO : 0, "standard output");
	failed |= k.tally->made != k.tally->eaten;
	must(ipc_shared_close(k.tally_shm), "close the tally");
	must(ipc_queue_close(k.counter), "close the queue");
	return failed;
}
