/* SPDX-License-Identifier: MIT */
/*
 * baozi - a cook who waits until everything is eaten, and a guest who stays
 *
 *	baozi
 *
 * On a joinable queue each item is a task: whoever took it says task_done when
 * he is done with it, and join waits until that has happened for all of them.
 * So the cook knows when everything is eaten, and no sentinel is needed: the
 * guest is a daemon process, which eats for ever and goes when main goes.
 */
#include <libipc.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAOZI 10

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
		fprintf(stderr, "baozi: %s: %s\n", what, strerror(-r));
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
		must(ipc_queue_put(k->counter, item, (size_t)len,
				   LIBIPC_FOREVER),
		     "put");
		k->tally->made++;
	}
	must(ipc_queue_join(k->counter, LIBIPC_FOREVER), "join the queue");
	printf("cook: everything is eaten\n");
	return 0;
}

static int guest(void *arg)
{
	struct kitchen *k = arg;
	char item[32];
	int len;

	while ((len = ipc_queue_get(k->counter, item, sizeof(item),
				    LIBIPC_FOREVER)) >= 0) {
		printf("guest eats %.*s\n", len, item);
		k->tally->eaten++; /* before task_done: then join sees it */
		must(ipc_queue_task_done(k->counter), "task_done");
	}
	must(len, "get");
	return 0;
}

static struct ipc_process *start(ipc_process_fn *fn, struct kitchen *k,
				 uint32_t flags)
{
	struct ipc_process_opts opts = {.flags = flags};
	struct ipc_process *p;

	must(ipc_process_create(&p, fn, k, &opts), "create a process");
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
	struct ipc_queue_opts opts = {
		.maxsize = 3, .item_size = 32, .flags = LIBIPC_JOINABLE};
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

	start(guest, &k, LIBIPC_DAEMON); /* before the cook who waits for him */
	bool failed = finish(start(cook, &k, 0)) != 0;

	/* the cook has joined the queue, so the guest has nothing to count */
	printf("made: %ld, eaten: %ld\n", k.tally->made, k.tally->eaten);
	must(ferror(stdout) ? -EIO : 0, "standard output");
	failed |= k.tally->made != k.tally->eaten;
	must(ipc_shared_close(k.tally_shm), "close the tally");
	must(ipc_queue_close(k.counter), "close the queue");
	return failed; /* and now the guest goes too */
}
