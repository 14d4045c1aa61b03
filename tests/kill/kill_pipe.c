/* SPDX-License-Identifier: MIT */
/*
 * kill_pipe.c - send, recv and close, killed at each instruction
 *
 * Executes the KILLED rows of struct pipe_shm: T1 .. T5, V1 .. V5, W1,
 * X1 .. X3, and of struct life_shm: Z1, Z2.
 *
 * Another holder of the same end goes on afterwards. Whatever the row: nobody
 * sleeps though there is a message, or room; each message comes whole, in
 * order, and once, if its send returned; of one that was torn, nothing comes.
 * When the dead one was the last holder of its end, the other side hears so.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <libipc.h>
#include "region.h"
#include "ring.h"
#include "sweep.h"

enum {
	RING = 64,	   /* bytes: four small messages */
	SMALL = 8,	   /* bytes of a small message; in the ring, 16 */
	LARGE = 150,	   /* of one that goes in pieces */
	LARGEST_NEED = 32, /* bytes of room that a sender of pieces waits for */
	CLOSED_MS = 250,   /* within which the other side hears of the end */
	AHEAD_S = 3600,
	MESSAGES = 16,
};

/* messages are numbers; the last digit of a large one is 9 */
enum {
	BEFORE = 1, /* the parent's, before the victim was there */
	VICTIM = 10,
	VICTIM_LARGE = 19,
	PEER = 20, /* the process at the other end */
	PEER_LARGE = 29,
	AFTER = 30, /* the parent's, afterwards */
	AFTER_LARGE = 39,
	LAST = 40,
	DAMAGED = 99,
};

enum op { SEND, RECV, CLOSE };

struct row {
	enum op op;
	int message;	  /* that the victim sends */
	int filled;	  /* small messages that are there before */
	bool receiver;	  /* there is one, asleep, that takes all */
	const int *sends; /* there is a sender, asleep, that sends these */
	int after;	  /* that the parent sends afterwards */
	int closes;	  /* 0, the receiving end, or 1, the sending one */
	bool holder;	  /* the parent keeps the end that the victim closes */
	bool asks;	  /* the victim waits, until the parent acts */
	bool watched; /* the victim stands for its end, from its first send */
};

struct log {
	_Atomic int n;
	int message[MESSAGES];
	_Atomic int end; /* what the last call said, if it failed */
};

static struct shared {
	struct log peer, parent;
	_Atomic bool sent;     /* the victim's send has returned */
	_Atomic int taken_len; /* and its recv, with this */
	unsigned char taken[LARGE];
} * shared;

/* 0 receives, 1 sends */
static struct ipc_pipe *pipe_end[2];
static struct proc *peer;
static struct direction_shm *words;
static bool asked;
static uint64_t sent_at_death, taken_at_death;

static struct pipe_shm *inside(const struct ipc_pipe *end)
{
	struct ipci_region *const *core = (const void *)end;

	return (struct pipe_shm *)(*core)->body;
}

/* ------------------------------------------------------------------- clock */

static time_t ahead;

/*
 * Who sleeps at a pipe looks up every 50 ms, and would find what nobody told
 * it. In a process whose clock is ahead, that time never comes: only a wake-up
 * ends its sleep. (In place of libc's, for the library, too.)
 */
int clock_gettime(clockid_t clock, struct timespec *t)
{
	int r = (int)syscall(SYS_clock_gettime, clock, t);

	t->tv_sec += ahead;
	return r;
}

/* --------------------------------------------------------------- messages */

static size_t length_of(int message)
{
	return message % 10 == 9 ? LARGE : SMALL;
}

static void fill(unsigned char *data, int message)
{
	for (int i = 0; i < LARGE; i++)
		data[i] = (unsigned char)(message + i * 7);
}

static int send_message(int message, int timeout_ms)
{
	unsigned char data[LARGE];

	fill(data, message);
	return ipc_pipe_send(pipe_end[1], data, length_of(message), timeout_ms);
}

static int number_of(const unsigned char *data, size_t len)
{
	int message = data[0];

	if (len != length_of(message))
		return DAMAGED;
	for (size_t i = 0; i < len; i++)
		if (data[i] != (unsigned char)(message + (int)i * 7))
			return DAMAGED;
	return message;
}

/* the number of the message, or negative errno */
static int recv_message(struct log *log, int timeout_ms)
{
	unsigned char data[LARGE] = {0};
	int r = ipc_pipe_recv(pipe_end[0], data, sizeof(data), timeout_ms);

	if (r < 0) {
		log->end = r;
		return r;
	}
	r = number_of(data, (size_t)r);
	sweep_require(log->n < MESSAGES);
	log->message[log->n] = r;
	log->n++;
	return r;
}

/* --------------------------------------------------------------- processes */

static void close_end(int end)
{
	if (pipe_end[end])
		ipc_pipe_close(pipe_end[end]);
	pipe_end[end] = NULL;
}

static void settle_down(const struct row *row)
{
	if (row->op == CLOSE)
		close_end(row->closes);
	else
		ahead = sweep_exact() ? AHEAD_S : 0;
	sweep_marker();
}

static int receive_all(const void *arg)
{
	int r;

	settle_down(arg);
	do
		r = recv_message(&shared->peer, -1);
	while (r >= 0 && r != LAST);
	return r;
}

static int send_all(const void *arg)
{
	const struct row *row = arg;
	int r = 0;

	settle_down(row);
	for (const int *m = row->sends; *m && r == 0; m++)
		r = send_message(*m, -1);
	shared->peer.end = r;
	return r;
}

static int victim(const void *arg)
{
	const struct row *row = arg;
	unsigned char data[LARGE];
	int r = 0;

	fill(data, row->message);
	if (row->op != CLOSE)
		ahead = sweep_exact() ? AHEAD_S : 0;
	else if (row->watched)
		sweep_require(send_message(VICTIM, 0) == 0);
	sweep_marker();
	switch (row->op) {
	case SEND:
		r = ipc_pipe_send(pipe_end[1], data, length_of(row->message),
				  -1);
		shared->sent = r == 0;
		break;
	case RECV:
		r = ipc_pipe_recv(pipe_end[0], shared->taken, LARGE, -1);
		shared->taken_len = r;
		break;
	case CLOSE:
		r = ipc_pipe_close(pipe_end[row->closes]);
		break;
	}
	return r;
}

/* ------------------------------------------------------------------- begin */

static void begin(const void *arg)
{
	const struct ipc_pipe_opts opts = {.capacity = RING - 8,
					   .flags = LIBIPC_SIMPLEX};
	const struct row *row = arg;

	sweep_require(ipc_pipe_create(pipe_end, &opts) == 0);
	for (int i = 0; i < row->filled; i++)
		sweep_require(send_message(BEFORE + i, 0) == 0);
	asked = false;
	words = &inside(pipe_end[0])->direction[1];
	if (row->watched)
		inside(pipe_end[0])->holder[1] = 0;
	peer = NULL;
	if (row->receiver)
		peer = sweep_spawn(receive_all, row);
	if (row->sends)
		peer = sweep_spawn(send_all, row);
	if (peer)
		sweep_until_asleep(peer);
}

/* from here on the victim is the last holder of its end */
static void marked(const void *arg)
{
	const struct row *row = arg;

	if (row->op == CLOSE && !row->holder)
		close_end(row->closes);
	if (row->watched)
		sweep_until_asleep(peer);
}

/* one message, or room for one */
static void ask(const void *arg)
{
	const struct row *row = arg;

	asked = true;
	if (row->asks && row->op == RECV)
		sweep_require(send_message(AFTER, 0) == 0);
	else if (row->asks)
		sweep_require(recv_message(&shared->parent, 0) >= 0);
}

static void end(const void *arg)
{
	(void)arg;
	close_end(0);
	close_end(1);
}

/* ------------------------------------------------------------------- judge */

static void look(const void *arg)
{
	(void)arg;
	sent_at_death = words->send.index;
	taken_at_death = words->recv.index;
	sweep_note_side("send", &words->send);
	sweep_note_side("recv", &words->recv);
}

static bool peer_ended(const void *arg)
{
	(void)arg;
	return sweep_ended(peer);
}

/* the one that sleeps at the other end has taken all, or is in want of room */
static bool nobody_waits_in_vain(const void *arg)
{
	const struct row *row = arg;
	uint64_t used = words->send.index - words->recv.index;

	if (!peer || sweep_ended(peer))
		return true;
	return row->receiver ? used == 0 : RING - used < LARGEST_NEED;
}

/* the parent takes what is there, and what the sender has yet to send */
static const char *take_all(const struct row *row)
{
	bool more = row->sends != NULL;
	int r;

	do
		r = recv_message(&shared->parent, more ? sweep_limit_ms() : 0);
	while (r >= 0 && r != LAST);
	if (r == LAST || (!more && r == -EAGAIN))
		return NULL;
	return "it cannot be received from";
}

/* what the parent sends, the receiver takes, or the parent itself */
static const char *go_on(const struct row *row)
{
	const char *wrong = NULL;

	if (!row->receiver)
		wrong = take_all(row);
	if (wrong || row->sends)
		return wrong;
	if (row->after && send_message(row->after, sweep_limit_ms()) < 0)
		return "it cannot be sent to";
	if (send_message(LAST, sweep_limit_ms()) < 0)
		return "it cannot be sent to, the second time";
	if (!row->receiver)
		return take_all(row);
	return sweep_eventually(peer_ended, NULL) ? NULL
						  : "the receiver does not end";
}

/* ------------------------------------------------------------------- order */

static int expected[MESSAGES], expectations;

static void expect(int message)
{
	expected[expectations++] = message;
}

/* in the order of sending; the victim's too, if it committed all of it */
static void expect_all(const struct row *row, bool with_victims)
{
	expectations = 0;
	for (int i = 0; i < row->filled; i++)
		expect(BEFORE + i);
	if (row->op == RECV && row->asks)
		expect(AFTER);
	if (with_victims)
		expect(row->message);
	for (const int *m = row->sends; m && *m; m++)
		expect(*m);
	if (row->after)
		expect(row->after);
	if (!row->sends)
		expect(LAST);
}

/* skips: the one at the front went with the dead receiver */
static bool came(const struct log *log, int first)
{
	if (log->n != expectations - first)
		return false;
	return memcmp(log->message, expected + first,
		      (size_t)log->n * sizeof(*expected)) == 0;
}

static void note_log(const char *who, const struct log *log)
{
	sweep_note(", %s:", who);
	for (int i = 0; i < log->n; i++)
		sweep_note(" %d", log->message[i]);
}

/* a large one is there when its last piece is */
static bool must_be_there(const struct row *row)
{
	uint64_t before = (uint64_t)row->filled * ipci_record_bytes(SMALL);

	return shared->sent || (row->op == SEND && row->message == VICTIM &&
				sent_at_death > before);
}

static const char *check_sent(const struct row *row)
{
	const struct log *log = row->receiver ? &shared->peer : &shared->parent;

	expect_all(row, true);
	if (came(log, 0))
		return NULL;
	expect_all(row, false);
	if (came(log, 0))
		return must_be_there(row) ? "what was sent is not there" : NULL;
	return "what came is not what was sent";
}

/* once it had taken the beginning, the message is the dead one's */
static const char *check_received(const struct row *row)
{
	expect_all(row, false);
	if (shared->taken_len &&
	    number_of(shared->taken, (size_t)shared->taken_len) != expected[0])
		return "it took a wrong one";
	return came(&shared->parent, taken_at_death ? 1 : 0)
		       ? NULL
		       : "what came is not what was sent";
}

static const char *judge_use(const struct row *row)
{
	const char *wrong;

	if (!sweep_eventually(nobody_waits_in_vain, row))
		return "somebody sleeps though there is a message, or room";
	wrong = go_on(row);
	if (!wrong)
		wrong = row->op == RECV ? check_received(row) : check_sent(row);
	note_log("peer got", &shared->peer);
	note_log("parent got", &shared->parent);
	return wrong;
}

/* ------------------------------------------------------------------- close */

static const char *judge_close(const struct row *row)
{
	int r;

	if (peer) {
		if (!sweep_within(CLOSED_MS, peer_ended, NULL))
			return "the other side does not hear of the end";
		r = shared->peer.end;
	} else {
		for (int i = 0; i < row->filled; i++)
			if (recv_message(&shared->parent, 0) != BEFORE + i)
				return "what was sent is gone";
		r = recv_message(&shared->parent, sweep_limit_ms());
	}
	return r == -EPIPE ? NULL : "it is not -EPIPE";
}

static const char *judge(const void *arg)
{
	const struct row *row = arg;

	if (row->asks && !asked)
		ask(row);
	return row->op == CLOSE && !row->holder ? judge_close(row)
						: judge_use(row);
}

/* -------------------------------------------------------------------- rows */

static const int large_small[] = {PEER_LARGE, PEER, PEER_LARGE, LAST, 0};
static const int small[] = {PEER, LAST, 0};

#define ROW(text, every, ...)                                                  \
	{                                                                      \
		.name = text, .row = &(const struct row){__VA_ARGS__},         \
		.begin = begin, .victim = victim, .marked = marked,            \
		.asleep = ask, .look = look, .judge = judge, .end = end,       \
		.stride = every                                                \
	}

static const struct sweep sweeps[] = {
	ROW("send, idle", 13, .op = SEND, .message = VICTIM, .filled = 1),
	ROW("send, receiver asleep", 3, .op = SEND, .message = VICTIM,
	    .receiver = true, .after = AFTER),
	ROW("send, the first, receiver asleep", 11, .op = SEND,
	    .message = VICTIM, .receiver = true, .after = AFTER,
	    .watched = true),
	ROW("send that sleeps", 29, .op = SEND, .message = VICTIM, .filled = 4,
	    .asks = true),
	ROW("send large, receiver asleep", 47, .op = SEND,
	    .message = VICTIM_LARGE, .receiver = true, .after = AFTER),
	ROW("send large, then another large one", 53, .op = SEND,
	    .message = VICTIM_LARGE, .receiver = true, .after = AFTER_LARGE),

	ROW("recv, idle", 13, .op = RECV, .filled = 2),
	ROW("recv, sender asleep", 7, .op = RECV, .filled = 4, .sends = small),
	ROW("recv that sleeps", 29, .op = RECV, .asks = true),
	ROW("recv large, sender asleep", 59, .op = RECV, .sends = large_small),

	ROW("close, receiver asleep", 23, .op = CLOSE, .closes = 1,
	    .receiver = true),
	ROW("close, receiver asleep, who watches", 23, .op = CLOSE, .closes = 1,
	    .receiver = true, .watched = true),
	ROW("close, sender asleep", 23, .op = CLOSE, .closes = 0, .filled = 4,
	    .sends = small),
	ROW("close, messages left", 23, .op = CLOSE, .closes = 1, .filled = 3),
	ROW("close, another holder stays", 29, .op = CLOSE, .closes = 1,
	    .holder = true, .receiver = true, .after = AFTER),
};

int main(int argc, char **argv)
{
	shared = sweep_shared(sizeof(*shared));
	return sweep_main(argc, argv, sweeps, sizeof(sweeps) / sizeof(*sweeps));
}
