/* SPDX-License-Identifier: MIT */
/*
 * ledger - a recursive mutex, and a clerk that dies two locks deep
 *
 *	ledger
 *
 * Withdraw and deposit each lock the ledger, and so does transfer, which calls
 * both: the mutex is recursive. A clerk is killed between the two, with the
 * money in neither account. The next one to lock is told so once, undoes what
 * was half done from the note that transfer had left, and holds the lock once,
 * however often the dead one had locked it.
 */
#include <libipc.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ledger {
	long account[2];
	long before[2];		/* the transfer that is under way */
	_Atomic bool under_way; /* set after the one, cleared after the other */
};

static struct ipc_mutex *mutex;
static struct ipc_shared *memory;
static struct ledger *ledger;

static int must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "ledger: %s: %s\n", what, strerror(-r));
		exit(1);
	}
	return r;
}

static void leave(void)
{
	must(ipc_mutex_unlock(mutex), "unlock");
}

static void enter(void)
{
	int r = must(ipc_mutex_lock(mutex, LIBIPC_FOREVER), "lock");

	if (r != LIBIPC_OWNER_DIED || !ledger->under_way)
		return;
	printf("told: a clerk died, %ld + %ld was left\n", ledger->account[0],
	       ledger->account[1]);
	memcpy(ledger->account, ledger->before, sizeof(ledger->account));
	ledger->under_way = false;
}

static void change(int account, long amount)
{
	enter();
	ledger->account[account] += amount;
	leave();
}

static void transfer(int from, int to, long amount, bool die)
{
	enter();
	memcpy(ledger->before, ledger->account, sizeof(ledger->account));
	ledger->under_way = true;
	change(from, -amount);
	if (die) {
		enter();
		raise(SIGKILL);
	}
	change(to, amount);
	ledger->under_way = false;
	leave();
}

static void audit(const char *who)
{
	enter();
	printf("%s: %ld + %ld = %ld\n", who, ledger->account[0],
	       ledger->account[1], ledger->account[0] + ledger->account[1]);
	leave();
}

static int good_clerk(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++)
		transfer(i % 2, 1 - i % 2, 10, false);
	transfer(0, 1, 100, false);
	return 0;
}

static int unlucky_clerk(void *arg)
{
	(void)arg;
	transfer(0, 1, 200, true);
	return 0;
}

static void send(int (*clerk)(void *), const char *name)
{
	struct ipc_process *p;
	int code;

	must(ipc_process_create(&p, clerk, NULL, NULL), "create a process");
	must(ipc_process_start(p), "start a process");
	must(ipc_process_join(p, LIBIPC_FOREVER), "join a process");
	must(ipc_process_exit_code(p, &code), "exit code");
	if (code < 0)
		printf("%s: killed by signal %d\n", name, -code);
	else if (code > 0)
		exit(1);
	must(ipc_process_close(p), "close a process");
}

int main(int argc, char **argv)
{
	const struct ipc_mutex_opts opts = {.flags = LIBIPC_MUTEX_RECURSIVE};

	if (argc > 1) {
		fprintf(stderr, "usage: %s\n", argv[0]);
		return 2;
	}
	must(ipc_mutex_create(&mutex, NULL, &opts), "create a mutex");
	must(ipc_shared_create(&memory, NULL, sizeof(*ledger), NULL),
	     "create shared data");
	ledger = ipc_shared_data(memory);
	ledger->account[0] = 1000;
	send(good_clerk, "good clerk");
	audit("after the good clerk");
	send(unlucky_clerk, "unlucky clerk");
	audit("after the unlucky clerk");
	must(ipc_mutex_close(mutex), "close the mutex");
	must(ipc_shared_close(memory), "close shared data");
	must(fflush(stdout) ? -EIO : 0, "standard output");
	return 0;
}
