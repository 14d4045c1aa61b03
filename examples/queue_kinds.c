/* SPDX-License-Identifier: MIT */
/*
 * queue_kinds - one pile of orders, four ways to take from it
 *
 *	queue_kinds
 *
 * The same dishes are ordered in the same order; a cook in another process
 * takes them until the kitchen is closed. What comes next depends on the kind
 * of queue: first in, first out; last in, first out, as from a stack of plates;
 * the most urgent first; or, at both ends, what the waiter put in front first
 * and what the guest took back from the end never.
 */
#include <libipc.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *dish;
	int64_t priority; /* the smallest first */
} orders[] = {
	{"soup", 2}, {"rice", 3}, {"tea", 1}, {"noodles", 3}, {"dumplings", 2},
};

enum { ORDERS = sizeof(orders) / sizeof(*orders) };

static int must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "queue_kinds: %s: %s\n", what, strerror(-r));
		exit(1);
	}
	return r;
}

/* until nothing is left, and nothing can come */
static int cook(void *arg)
{
	char dish[32];
	int n;

	while ((n = ipc_queue_get(arg, dish, sizeof(dish), LIBIPC_FOREVER)) >=
	       0)
		printf(" %.*s", n, dish);
	printf("\n");
	return n == -ESHUTDOWN ? 0 : 1;
}

static void order(struct ipc_queue *q, enum ipc_order kind, int i)
{
	const char *dish = orders[i].dish;
	int r = kind == LIBIPC_PRIORITY
			? ipc_queue_put_priority(q, dish, strlen(dish),
						 orders[i].priority,
						 LIBIPC_FOREVER)
			: ipc_queue_put(q, dish, strlen(dish), LIBIPC_FOREVER);

	must(r, "put");
}

/* somebody pays well, and somebody leaves */
static void use_both_ends(struct ipc_queue *q)
{
	char dish[32];

	must(ipc_queue_put_front(q, "cake", 4, LIBIPC_FOREVER), "put_front");
	must(ipc_queue_get_back(q, dish, sizeof(dish), LIBIPC_FOREVER),
	     "get_back");
}

static void serve(const char *what, enum ipc_order kind, bool both_ends)
{
	const struct ipc_queue_opts opts = {
		.maxsize = 8, .item_size = 32, .order = kind};
	struct ipc_process *p;
	struct ipc_queue *q;
	int code;

	must(ipc_queue_create(&q, NULL, &opts), "create");
	for (int i = 0; i < ORDERS; i++)
		order(q, kind, i);
	if (both_ends)
		use_both_ends(q);
	must(ipc_queue_shutdown(q, false), "shutdown");
	printf("%s", what);
	must(ipc_process_create(&p, cook, q, NULL), "create a process");
	must(ipc_process_start(p), "start");
	must(ipc_process_join(p, LIBIPC_FOREVER), "join");
	must(ipc_process_exit_code(p, &code), "exit code");
	if (code)
		exit(1);
	ipc_process_close(p);
	ipc_queue_close(q);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		fprintf(stderr, "queue_kinds: unknown option \"%s\"\n",
			argv[1]);
		return 2;
	}
	serve("first in, first out:", LIBIPC_FIFO, false);
	serve("last in, first out:", LIBIPC_LIFO, false);
	serve("by priority:", LIBIPC_PRIORITY, false);
	serve("both ends:", LIBIPC_FIFO, true);
	return 0;
}
