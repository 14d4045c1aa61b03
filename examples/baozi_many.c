/* SPDX-License-Identifier: MIT */
/*
 * baozi_many - three cooks and two guests share one counter
 *
 *	baozi_many [--items N] [--producers N] [--consumers N]
 *
 * Each producer makes N items (10 if not told) of its own kind: 包子, 骨头,
 * 豆浆. All put into one joinable queue, the consumers, which are daemons, take
 * whatever comes next, and each producer waits in join until all is eaten.
 *
 * That every item is eaten exactly once is not believed but counted, item by
 * item, in shared bytes that every process can see.
 */
#include <libipc.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"

#define CROWD 100 /* producers, and consumers, at most */
#define USAGE "[--items N] [--producers N] [--consumers N]"

struct item {
	long number; /* over all producers, from 0 */
	char name[64];
};

struct tally {
	long made;
	long eaten;
	unsigned char times[]; /* how often each item was eaten */
};

struct kitchen {
	long items; /* of each producer */
	long producers;
	long consumers;
	long me; /* which producer or consumer this process is, from 0 */
	struct ipc_queue *counter;
	struct ipc_shared *shared; /* its bytes are a struct tally */
};

/* The children wait for each other, so if one of main's calls fails it ends
   them all. A child has no children of its own here and just ends. */
static void must(int r, const char *what)
{
	struct ipc_process *child[2 * CROWD];

	if (r >= 0)
		return;
	fprintf(stderr, "baozi_many: %s: %s\n", what, strerror(-r));
	for (int n = ipc_process_active(child, 2 * CROWD); n > 0; n--)
		ipc_process_kill(child[n - 1]);
	exit(1);
}

static struct tally *lock_tally(struct kitchen *k)
{
	must(ipc_shared_lock(k->shared, LIBIPC_FOREVER), "lock the tally");
	return ipc_shared_data(k->shared);
}

static void unlock_tally(struct kitchen *k)
{
	must(ipc_shared_unlock(k->shared), "unlock the tally");
}

/* 包子 1, or 包子-2 1 for the second producer of 包子 */
static struct item make(struct kitchen *k, long i)
{
	static const char *const kinds[] = {"包子", "骨头", "豆浆"};
	struct item it = {.number = k->me * k->items + i};
	char cook[24] = "";

	if (k->me >= 3)
		snprintf(cook, sizeof(cook), "-%ld", k->me / 3 + 1);
	snprintf(it.name, sizeof(it.name), "%s%s %ld", kinds[k->me % 3], cook,
		 i + 1);
	return it;
}

static int produce(void *arg)
{
	struct kitchen *k = arg;

	for (long i = 0; i < k->items; i++) {
		struct item it = make(k, i);
		printf("producer %ld makes %s\n", k->me + 1, it.name);
		must(ipc_queue_put(k->counter, &it, sizeof(it), LIBIPC_FOREVER),
		     "put");
		lock_tally(k)->made++;
		unlock_tally(k);
	}
	must(ipc_queue_join(k->counter, LIBIPC_FOREVER), "join the queue");
	return 0;
}

static int consume(void *arg)
{
	struct kitchen *k = arg;
	struct item it;
	int len;

	while ((len = ipc_queue_get(k->counter, &it, sizeof(it),
				    LIBIPC_FOREVER)) >= 0) {
		printf("consumer %ld eats %s\n", k->me + 1, it.name);
		struct tally *t = lock_tally(k);
		t->eaten++;
		t->times[it.number]++;
		unlock_tally(k);
		/* only now, so that who comes back from join sees it counted */
		must(ipc_queue_task_done(k->counter), "task_done");
	}
	must(len, "get");
	return 0;
}

static void start(struct ipc_process **p, ipc_process_fn *fn, long n,
		  struct kitchen *k, uint32_t flags)
{
	struct ipc_process_opts opts = {.flags = flags};

	for (k->me = 0; k->me < n; k->me++) { /* each child has its own k */
		must(ipc_process_create(&p[k->me], fn, k, &opts), "create");
		must(ipc_process_start(p[k->me]), "start a process");
	}
}

static int finish(struct ipc_process *p)
{
	int code;

	must(ipc_process_join(p, LIBIPC_FOREVER), "join a process");
	must(ipc_process_exit_code(p, &code), "exit code of a process");
	must(ipc_process_close(p), "close a process");
	return code;
}

/* whether all was made, and each item eaten exactly once */
static bool report(struct kitchen *k)
{
	struct tally *t = lock_tally(k);
	long all = k->items * k->producers;
	bool right = t->made == all && t->eaten == all;

	for (long i = 0; i < all; i++) {
		if (t->times[i] == 1)
			continue;
		fprintf(stderr, "baozi_many: item %ld was eaten %d times\n", i,
			t->times[i]);
		right = false;
	}
	printf("made: %ld, eaten: %ld\n", t->made, t->eaten);
	unlock_tally(k);
	return right;
}

static struct kitchen options(int argc, char **argv)
{
	struct kitchen k = {.items = 10, .producers = 3, .consumers = 2};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--items") == 0)
			k.items = arg_number(argv, &i, 1, 100000);
		else if (strcmp(argv[i], "--producers") == 0)
			k.producers = arg_number(argv, &i, 1, CROWD);
		else if (strcmp(argv[i], "--consumers") == 0)
			k.consumers = arg_number(argv, &i, 1, CROWD);
		else
			arg_unknown(argv, i, USAGE);
	}
	return k;
}

int main(int argc, char **argv)
{
	struct kitchen k = options(argc, argv);
	struct ipc_queue_opts opts = {.maxsize = 5,
				      .item_size = sizeof(struct item),
				      .flags = LIBIPC_JOINABLE};
	struct ipc_process *producers[CROWD], *consumers[CROWD];
	size_t size = sizeof(struct tally) + (size_t)(k.items * k.producers);
	bool failed = false;

	setvbuf(stdout, NULL, _IOLBF, 0); /* a line at a time, never a piece */
	signal(SIGPIPE, SIG_IGN);	  /* cook on, even if nobody reads */
	must(ipc_queue_create(&k.counter, NULL, &opts), "create the queue");
	must(ipc_shared_create(&k.shared, NULL, size, NULL),
	     "create the tally");
	start(consumers, consume, k.consumers, &k, LIBIPC_DAEMON);
	start(producers, produce, k.producers, &k, 0);
	for (long i = 0; i < k.producers; i++)
		failed |= finish(producers[i]) != 0;
	failed |= !report(&k);
	must(ferror(stdout) ? -EIO : 0, "standard output");
	must(ipc_shared_close(k.shared), "close the tally");
	must(ipc_queue_close(k.counter), "close the queue");
	return failed; /* and now the consumers go too */
}
