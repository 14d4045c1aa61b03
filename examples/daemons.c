/* SPDX-License-Identifier: MIT */
/*
 * daemons - a clerk, a guard, and a boss who leaves without a word
 *
 *	daemons
 *
 * A process is a function that runs in a child. You may wait for it (join), ask
 * it to go (terminate), or make it a daemon and forget it: daemons go when the
 * one who started them goes, even if that one is killed.
 */
#include <libipc.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "daemons: %s: %s\n", what, strerror(-r));
		exit(1);
	}
}

static struct ipc_process *create(const char *name, ipc_process_fn *fn,
				  uint32_t flags)
{
	struct ipc_process_opts opts = {.name = name, .flags = flags};
	struct ipc_process *p;

	must(ipc_process_create(&p, fn, NULL, &opts), "create a process");
	return p;
}

static void tell(struct ipc_process *p, const char *when)
{
	printf("%s, %s: daemon %d, alive %d\n", ipc_process_name(p), when,
	       ipc_process_daemon(p), ipc_process_is_alive(p));
}

/* ---- what the children do ---- */

static int write_letter(void *arg)
{
	(void)arg;
	printf("clerk writes a letter\n");
	return 3; /* pages */
}

static int watch(void *arg)
{
	(void)arg;
	while (pause() != 0)
		;
	return 0;
}

/* Without names they are numbered, in each process from 1. */
static int hire_and_leave(void *arg)
{
	struct ipc_process *hired[2];

	(void)arg;
	for (int i = 0; i < 2; i++) {
		hired[i] = create(NULL, watch, LIBIPC_DAEMON);
		must(ipc_process_start(hired[i]), "start");
		printf("boss hires %s\n", ipc_process_name(hired[i]));
	}
	printf("boss leaves, %d still watch\n", ipc_process_active(NULL, 0));
	return 0;
}

/* ---- and what their parent does with them ---- */

/* Started, waited for, asked for its result. */
static void clerk(void)
{
	struct ipc_process *p = create("clerk", write_letter, 0);
	int pages;

	tell(p, "hired");
	must(ipc_process_start(p), "start");
	must(ipc_process_join(p, LIBIPC_FOREVER), "join");
	must(ipc_process_exit_code(p, &pages), "exit code");
	tell(p, "joined");
	printf("clerk ended with %d\n", pages);
	must(ipc_process_close(p), "close");
}

/* Would watch for ever. A join with a timeout just looks whether it is over. */
static void guard(void)
{
	struct ipc_process *p = create("guard", watch, LIBIPC_DAEMON);
	int code;

	must(ipc_process_start(p), "start");
	tell(p, "started");
	printf("guard is another process: %s\n",
	       ipc_process_pid(p) != getpid() ? "yes" : "no");
	if (ipc_process_join(p, 50) == -ETIMEDOUT)
		printf("guard does not end within 50 ms\n");
	must(ipc_process_terminate(p), "terminate");
	must(ipc_process_join(p, LIBIPC_FOREVER), "join");
	must(ipc_process_exit_code(p, &code), "exit code");
	tell(p, "terminated");
	printf("guard ended by %s\n", code == -SIGTERM ? "SIGTERM" : "?");
	must(ipc_process_close(p), "close");
}

/* He does not care for his daemons: when his function returns, they go. */
static void boss(void)
{
	struct ipc_process *p = create("boss", hire_and_leave, 0);

	must(ipc_process_start(p), "start");
	must(ipc_process_join(p, LIBIPC_FOREVER), "join");
	tell(p, "joined");
	must(ipc_process_close(p), "close");
}

int main(int argc, char **argv)
{
	struct ipc_process *porter;
	int zombies = 0;

	if (argc > 1) {
		fprintf(stderr, "usage: %s\n", argv[0]);
		return 2;
	}
	porter = create("porter", watch, LIBIPC_DAEMON);
	must(ipc_process_start(porter), "start");
	clerk();
	guard();
	boss();
	tell(porter, "at the end"); /* he goes with us, when main returns */

	/* a zombie is a child that has ended and that nobody has waited for */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		zombies++;
	printf("zombies: %d\n", zombies);
	fflush(stdout);
	must(ferror(stdout) ? -EIO : 0, "standard output");
	return zombies != 0;
}
