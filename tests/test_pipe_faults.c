/* SPDX-License-Identifier: MIT */
/*
 * test_pipe_faults.c - create, send, recv, next, poll and close, with each call
 * failing once; and a system that lacks something for good
 */
#include "faults.h"
#include "pipe_util.h"
#include "process_util.h"

#include <sys/resource.h>

enum { LARGE = 1 << 16 };

static struct ends p;
static pid_t other;
static unsigned char data[LARGE];

static void make_with(size_t capacity)
{
	const struct ipc_pipe_opts opts = {.capacity = capacity};

	child_check(ipc_pipe_create(p.end, &opts) == 0);
}

static void make(void)
{
	make_with(64);
}

static void drop(void)
{
	child_check(ipc_pipe_next(p.end[0]) == -EAGAIN);
	for (int i = 0; i < 2; i++)
		child_check(ipc_pipe_close(p.end[i]) == 0);
}

static int create(void)
{
	int r = ipc_pipe_create(p.end, NULL);

	child_check((r == 0) == (p.end[0] != NULL));
	child_check((r == 0) == (p.end[1] != NULL));
	return r;
}

static void use_and_drop(void)
{
	child_check(ipc_pipe_send(p.end[1], "x", 1, 0) == 0);
	child_check(ipc_pipe_recv(p.end[0], data, 1, 0) == 1);
	drop();
}

/* ------------------------------------------------------------------ at once */

/* after 6 ms a sender asks whether anybody is there */
static void make_and_wait(void)
{
	make();
	sleep_ms(30);
}

/* as send_message and recv_message, without their malloc() */
static int send_one(void)
{
	char message[24];

	fill_message(message, 24, 1);
	return ipc_pipe_send(p.end[1], message, 24, 5);
}

static void one_came(void)
{
	child_check(recv_message(p.end[0], 24, 1, 0) == 24);
	drop();
}

static void make_sent(void)
{
	make();
	child_check(send_one() == 0);
}

static int recv_one(void)
{
	char message[24];
	int r = ipc_pipe_recv(p.end[0], message, 24, 5);

	child_check(r < 0 || is_message(message, 24, 1));
	return r;
}

static int next_and_poll(void)
{
	long r = ipc_pipe_next(p.end[0]);

	return r < 0 ? (int)r : ipc_pipe_poll(p.end[0], 0);
}

static int sent;

static void make_full(void)
{
	make();
	while (send_message(p.end[1], 24, 1, 0) == 0)
		sent++;
}

static int drain(void)
{
	int n = 0;

	while (recv_message(p.end[0], 24, 1, 0) == 24)
		n++;
	return n;
}

static void all_came(void)
{
	child_check(sent > 1 && drain() == sent);
	drop();
}

static int poll_none(void)
{
	return ipc_pipe_poll(p.end[0], 5);
}

static int close_one(void)
{
	return ipc_pipe_close(p.end[1]);
}

/* seen at once, although the descriptor may not be gone */
static void is_broken(void)
{
	child_check(ipc_pipe_recv(p.end[0], data, LARGE, 1000) == -EPIPE);
	child_check(ipc_pipe_send(p.end[0], "x", 1, 0) == -EPIPE);
	child_check(ipc_pipe_close(p.end[0]) == 0);
}

static void make_broken(void)
{
	make();
	child_check(ipc_pipe_close(p.end[1]) == 0);
}

static int send_broken(void)
{
	return ipc_pipe_send(p.end[0], "x", 1, 100);
}

static int recv_broken(void)
{
	return ipc_pipe_recv(p.end[0], data, LARGE, 1000);
}

/* ------------------------------------------------------------------- asleep */

static int recv_it(void *arg)
{
	(void)arg;
	return recv_message(p.end[0], 24, 1, -1) != 24;
}

static void make_receiver_asleep(void)
{
	make();
	other = spawn_child(recv_it, NULL);
	wait_asleep(other);
}

static void receiver_has_it(void)
{
	expect_exit(other, 0);
	drop();
}

static int send_it(void *arg)
{
	(void)arg;
	return send_message(p.end[1], 24, 1, -1);
}

static void make_sender_asleep(void)
{
	make_full();
	other = spawn_child(send_it, NULL);
	wait_asleep(other);
}

static void sender_sent_it(void)
{
	expect_exit(other, 0);
	all_came();
}

static int wait_for_end(void *arg)
{
	(void)arg;
	child_check(ipc_pipe_close(p.end[1]) == 0);
	return ipc_pipe_recv(p.end[0], data, LARGE, -1) != -EPIPE;
}

static void make_reader_asleep(void)
{
	make();
	other = spawn_child(wait_for_end, NULL);
	wait_asleep(other);
}

static void reader_ended(void)
{
	expect_exit(other, 0);
	is_broken();
}

/* ------------------------------------------------- larger than the capacity */

static int send_large(void *arg)
{
	(void)arg;
	child_check(ipc_pipe_close(p.end[0]) == 0);
	child_check(send_message(p.end[1], LARGE, 1, -1) == 0);
	child_check(send_message(p.end[1], 24, 1, -1) == 0);
	return 0;
}

/* it can be tried again: what came so far is kept, the rest is in the pipe */
static void make_large(void)
{
	make_with(4096);
	other = spawn_child(send_large, NULL);
	wait_asleep(other); /* the ring is full */
}

static int recv_large(void)
{
	return ipc_pipe_recv(p.end[0], data, LARGE, -1);
}

static int poll_large(void)
{
	return ipc_pipe_poll(p.end[0], -1);
}

static void large_came(void)
{
	child_check(is_message(data, LARGE, 1));
	child_check(recv_message(p.end[0], 24, 1, -1) == 24);
	expect_exit(other, 0);
	drop();
}

static void large_comes(void)
{
	child_check(recv_large() == LARGE);
	large_came();
}

/* the second time that a thread's list is asked for is the one that counts;
   there is one where libc registers it late (musl) */
#ifdef __GLIBC__
#define LATE 0
#else
#define LATE ENOSYS
#endif

static const struct fault_case cases[] = {
	{"create",
	 NULL,
	 create,
	 use_and_drop,
	 0,
	 {ENOSPC, ENOMEM, EMFILE, ENFILE, ENOSYS},
	 0},
	{"send", make_and_wait, send_one, one_came, 0, {LATE}, 0},
	{"send, first use",
	 make_and_wait,
	 send_one,
	 one_came,
	 0,
	 {ENOSYS},
	 FAULTS_FRESH},
	{"send, full",
	 make_full,
	 send_one,
	 all_came,
	 -ETIMEDOUT,
	 {LATE},
	 FAULTS_LOOSE},
	{"send, receiver asleep",
	 make_receiver_asleep,
	 send_one,
	 receiver_has_it,
	 0,
	 {LATE},
	 FAULTS_LOOSE},
	{"send, nobody there",
	 make_broken,
	 send_broken,
	 is_broken,
	 -EPIPE,
	 {LATE},
	 FAULTS_LOOSE},
	{"recv", make_sent, recv_one, drop, 24, {LATE}, 0},
	{"recv, none", make, recv_one, drop, -ETIMEDOUT, {LATE}, FAULTS_LOOSE},
	{"recv, sender asleep",
	 make_sender_asleep,
	 recv_one,
	 sender_sent_it,
	 24,
	 {LATE},
	 FAULTS_LOOSE},
	{"recv, nobody there",
	 make_broken,
	 recv_broken,
	 is_broken,
	 -EPIPE,
	 {LATE},
	 FAULTS_LOOSE},
	{"next and poll", make_sent, next_and_poll, one_came, 1, {LATE}, 0},
	{"poll, none", make, poll_none, drop, 0, {LATE}, FAULTS_LOOSE},
	{"close", make, close_one, is_broken, 0, {LATE}, 0},
	{"close, reader asleep",
	 make_reader_asleep,
	 close_one,
	 reader_ended,
	 0,
	 {LATE},
	 FAULTS_LOOSE},
	{"recv, large",
	 make_large,
	 recv_large,
	 large_came,
	 LARGE,
	 {ENOMEM, LATE},
	 FAULTS_LOOSE | FAULTS_KEEPS},
	{"poll, large",
	 make_large,
	 poll_large,
	 large_comes,
	 1,
	 {ENOMEM, LATE},
	 FAULTS_LOOSE | FAULTS_KEEPS},
};

static void test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_faults(&cases[i]);
}

/* ----------------------------------------------------------- a bare system */

static int without_descriptors(void *arg)
{
	const struct rlimit none = {3, 3};

	(void)arg;
	child_check(setrlimit(RLIMIT_NOFILE, &none) == 0);
	return create() != -EMFILE;
}

static void test_no_descriptors(void **state)
{
	(void)state;
	expect_exit(spawn_child(without_descriptors, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_messages, 60),
		TEST(test_no_descriptors),
	};

	return RUN_EXACT_TESTS(tests);
}
