/* SPDX-License-Identifier: MIT */
/*
 * toilet - three people, one toilet: what a mutex is for
 *
 *	toilet
 *
 * Three processes want in at the same time. The mutex lets in one after the
 * other, so "begin" and "end" of two people never mix, whoever comes first.
 */
#include <libipc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PEOPLE 3

static const char *const names[PEOPLE] = {"Alice", "Bob", "Carol"};

struct visitor {
	struct ipc_mutex *door;
	const char *name;
};

/* Each call says by its sign whether it worked: negative is an errno. */
static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "toilet: %s: %s\n", what, strerror(-r));
		exit(1);
	}
}

/* what each child process does */
static int visit(void *arg)
{
	const struct visitor *me = arg;
	struct timespec a_while = {.tv_nsec = 20 * 1000000};

	must(ipc_mutex_lock(me->door, LIBIPC_FOREVER), "lock");
	printf("%s: begin\n", me->name);
	nanosleep(&a_while, NULL);
	printf("%s: end\n", me->name);
	must(ipc_mutex_unlock(me->door), "unlock");
	return 0;
}

static struct ipc_process *start(struct visitor *v)
{
	struct ipc_process_opts opts = {.name = v->name};
	struct ipc_process *p;

	must(ipc_process_create(&p, visit, v, &opts), "create a process");
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
	struct ipc_process *people[PEOPLE];
	struct visitor v;
	bool failed = false;

	if (argc > 1) {
		fprintf(stderr, "usage: %s\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* a line at a time, never a piece */

	/* no name: a mutex for us and the children that we start */
	must(ipc_mutex_create(&v.door, NULL, NULL), "create the mutex");
	for (int i = 0; i < PEOPLE; i++) {
		v.name = names[i]; /* start forks: each child has its own v */
		people[i] = start(&v);
	}
	for (int i = 0; i < PEOPLE; i++)
		failed |= finish(people[i]) != 0;
	must(ipc_mutex_close(v.door), "close the mutex");
	return failed;
}
