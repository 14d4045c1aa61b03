/* SPDX-License-Identifier: MIT */
/*
 * pipe_talk - a guest and a cook talk over a pipe, until one of them hangs up
 *
 *	pipe_talk
 *
 * A pipe has two ends, and each can send and receive whole messages. When the
 * last process that has an end open closes it, or dies, the other end is told:
 * recv returns -EPIPE, once everything that was sent has been received. That
 * is why each side first closes the end that it does not use.
 */
#include <libipc.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 10000 /* nobody waits longer for a word */

static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "pipe_talk: %s: %s\n", what, strerror(-r));
		exit(1);
	}
}

static void say(struct ipc_pipe *end, const char *text)
{
	must(ipc_pipe_send(end, text, strlen(text), PATIENCE_MS), "send");
}

/* false: the other side has closed, and there is nothing left to hear */
static bool hear(struct ipc_pipe *end, const char *me)
{
	char text[100];
	int len = ipc_pipe_recv(end, text, sizeof(text), PATIENCE_MS);

	if (len == -EPIPE)
		return false;
	must(len, "recv");
	printf("%s hears: %.*s\n", me, len, text);
	return true;
}

static int cook(void *arg)
{
	struct ipc_pipe **ends = arg;

	must(ipc_pipe_close(ends[0]), "close the guest's end");
	while (hear(ends[1], "cook"))
		say(ends[1], "coming!");
	printf("cook: the guest has hung up\n");
	must(ipc_pipe_close(ends[1]), "close the cook's end");
	return 0;
}

static void order(struct ipc_pipe *end, const char *what)
{
	say(end, what);
	must(hear(end, "guest") ? 0 : -EPIPE, "the cook is gone");
}

int main(int argc, char **argv)
{
	struct ipc_pipe *ends[2];
	struct ipc_process *p;
	int code;

	if (argc > 1) {
		fprintf(stderr, "usage: %s\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* a line at a time, never a piece */

	must(ipc_pipe_create(ends, NULL), "create the pipe");
	must(ipc_process_create(&p, cook, ends, NULL), "create the cook");
	must(ipc_process_start(p), "start the cook");
	must(ipc_pipe_close(ends[1]), "close the cook's end");

	order(ends[0], "one 包子, please");
	order(ends[0], "and a 豆浆");
	must(ipc_pipe_close(ends[0]), "hang up");

	must(ipc_process_join(p, LIBIPC_FOREVER), "join the cook");
	must(ipc_process_exit_code(p, &code), "exit code of the cook");
	must(ipc_process_close(p), "close the cook");
	printf("guest: the cook has gone home\n");
	must(ferror(stdout) ? -EIO : 0, "standard output");
	return code != 0;
}
