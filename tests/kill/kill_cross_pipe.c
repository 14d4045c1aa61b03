/* SPDX-License-Identifier: MIT */
/*
 * kill_cross_pipe.c - a receiver is frozen after each instruction; meanwhile
 * the other end sends its last message and is closed, or dies
 *
 * Whoever finds that the other end is gone, has not yet seen what it sent
 * before: the message comes first, and then -EPIPE.
 */
#include <errno.h>
#include <signal.h>

#include <libipc.h>
#include "sweep.h"

/* instructions: its first look at everything, and into the first sleep; those
   end by themselves, so there are always more */
enum { FAR = 400 };

struct row {
	bool dies; /* the sender, instead of closing its end */
};

static struct ipc_pipe *end[2];
static struct {
	int first, second;
} * got;

static int recv_twice(const void *arg)
{
	char message[8];

	(void)arg;
	ipc_pipe_close(end[1]);
	sweep_marker();
	got->first = ipc_pipe_recv(end[0], message, sizeof(message), -1);
	got->second = ipc_pipe_recv(end[0], message, sizeof(message), -1);
	return 0;
}

static int send_and_die(const void *arg)
{
	(void)arg;
	sweep_require(ipc_pipe_send(end[1], "last", 5, 0) == 0);
	raise(SIGKILL);
	return 0;
}

static void send_last(const struct row *row)
{
	struct proc *sender;

	if (row->dies) {
		sender = sweep_spawn(send_and_die, NULL);
		while (!sweep_ended(sender))
			;
	} else {
		sweep_require(ipc_pipe_send(end[1], "last", 5, 0) == 0);
	}
	sweep_require(ipc_pipe_close(end[1]) == 0);
}

static bool has_returned(const void *receiver)
{
	return sweep_ended((struct proc *)(uintptr_t)receiver);
}

static const char *point(const void *arg, unsigned long k, bool *over)
{
	struct proc *receiver;
	bool ended;

	sweep_require(ipc_pipe_create(end, NULL) == 0);
	receiver = sweep_trace(recv_twice, NULL);
	sweep_steps(receiver, k);
	*over = k >= FAR;
	send_last(arg);
	sweep_let_go(receiver);
	ended = sweep_eventually(has_returned, receiver);
	ipc_pipe_close(end[0]);
	if (!ended)
		return "it sleeps though the other end is gone";
	sweep_note(", %d, then %d", got->first, got->second);
	if (got->first != 5)
		return "what was sent is missed";
	return got->second == -EPIPE ? NULL : "the end is missed";
}

static const struct story stories[] = {
	{"recv frozen, the last one sent, and closed", &(struct row){false},
	 point, 3},
	{"recv frozen, the last one sent, and killed", &(struct row){true},
	 point, 17},
};

int main(int argc, char **argv)
{
	got = sweep_shared(sizeof(*got));
	return story_main(argc, argv, stories,
			  sizeof(stories) / sizeof(*stories));
}
