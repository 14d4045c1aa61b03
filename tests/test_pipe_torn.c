/* SPDX-License-Identifier: MIT */
/*
 * test_pipe_torn.c - a message whose sender died or gave up in the middle is
 * never delivered, nor the rest of one whose receiver died, and what comes
 * after it is
 */
#include "pipe_util.h"
#include "ring.h"

enum { CAPACITY = 4096, LARGE = 1 << 20, HUNDRED = 100 };

static void test_the_sender_gave_up(void **state)
{
	struct ends p = new_pipe(CAPACITY, 0);
	(void)state;

	for (int i = 0; i < 3; i++) {
		expect_timeout(send_message(p.end[0], LARGE, 1, 20), 20);
		expect_no_message(p.end[1]); /* which takes the pieces out */
		pass_message(p.end[0], p.end[1], 100, 2);
		expect_no_message(p.end[1]);
	}
	close_both(p);
}

struct job {
	struct ends p;
	_Atomic unsigned int sent; /* and no more on the way */
};

static int send_one_after_another(void *arg)
{
	struct job *job = arg;

	child_check(ipc_pipe_close(job->p.end[0]) == 0);
	child_check(send_message(job->p.end[1], 50, 1, -1) == 0);
	child_check(send_message(job->p.end[1], LARGE, 2, -1) == 0);
	return 0;
}

/* large ones, small ones, until it is killed */
static size_t length_of(unsigned int n)
{
	return n % 3 ? n % 97 : 20000 + n % 5000;
}

static int send_for_ever(void *arg)
{
	struct job *job = arg;

	child_check(ipc_pipe_close(job->p.end[0]) == 0);
	for (unsigned int n = 0;; n++) {
		child_check(send_message(job->p.end[1], length_of(n), n, -1) ==
			    0);
		job->sent = n + 1;
	}
	return 0;
}

/* someone else, who has the same end, goes on, with messages of any length */
static void killed_in_the_middle(size_t next_len)
{
	struct job *job = shared_alloc(sizeof(*job));
	pid_t pid;

	job->p = new_pipe(CAPACITY, 0);
	pid = spawn_child(send_one_after_another, job);
	wait_asleep(pid); /* full of the first message and of pieces */
	kill_child(pid);
	assert_int_equal(recv_message(job->p.end[0], 50, 1, 0), 50);
	expect_no_message(job->p.end[0]);
	pass_message(job->p.end[1], job->p.end[0], next_len, 3);
	pass_message(job->p.end[1], job->p.end[0], 0, 4);
	close_end(job->p.end[1]);
	expect_end(job->p.end[0]);
	close_end(job->p.end[0]);
}

static void test_killed_in_the_middle(void **state)
{
	(void)state;
	killed_in_the_middle(0);
	killed_in_the_middle(10);
	killed_in_the_middle(CAPACITY);
}

static int send_large(void *arg)
{
	struct job *job = arg;

	child_check(ipc_pipe_close(job->p.end[0]) == 0);
	child_check(send_message(job->p.end[1], LARGE, 2, -1) == 0);
	return 0;
}

/* the next one is in pieces, too: its beginning is not the old one's rest */
static void test_a_large_one_after_a_torn_one(void **state)
{
	struct job *job = shared_alloc(sizeof(*job));
	pid_t pid;
	(void)state;

	job->p = new_pipe(CAPACITY, 0);
	for (int i = 0; i < 4; i++) {
		pid = spawn_child(send_large, job);
		wait_asleep(pid);
		kill_child(pid);
		/* the old pieces are in the ring still, or were received */
		if (i % 2)
			expect_no_message(job->p.end[0]);
		pid = spawn_child(send_large, job);
		assert_int_equal(recv_message(job->p.end[0], LARGE, 2, -1),
				 LARGE);
		expect_exit(pid, 0);
	}
	expect_no_message(job->p.end[0]);
	close_both(job->p);
}

static int receive_for_ever(void *arg)
{
	const struct job *job = arg;

	child_check(ipc_pipe_close(job->p.end[1]) == 0);
	child_check(recv_message(job->p.end[0], 50, 1, -1) == 50);
	child_check(recv_message(job->p.end[0], LARGE, 2, -1) == LARGE);
	return 0;
}

/* its first part was received by somebody who died: the rest is nobody's */
static void test_the_receiver_is_killed_in_the_middle(void **state)
{
	struct job *job = shared_alloc(sizeof(*job));
	pid_t sender, receiver;
	(void)state;

	job->p = new_pipe(CAPACITY, 0);
	sender = spawn_child(send_one_after_another, job);
	wait_asleep(sender);
	assert_true(stop_child(sender));
	receiver = spawn_child(receive_for_ever, job);
	wait_asleep(receiver); /* having taken what there was */
	kill_child(receiver);
	kill(sender, SIGCONT);
	do
		expect_timeout(ipc_pipe_recv(job->p.end[0], NULL, 0, 1), 1);
	while (!has_ended(sender));
	expect_exit(sender, 0);
	expect_no_message(job->p.end[0]);
	pass_message(job->p.end[1], job->p.end[0], 10, 3);
	sender = spawn_child(send_one_after_another, job);
	assert_int_equal(recv_message(job->p.end[0], 50, 1, -1), 50);
	assert_int_equal(recv_message(job->p.end[0], LARGE, 2, -1), LARGE);
	expect_exit(sender, 0);
	close_both(job->p);
}

/*
 * A record, as a sender of message n, of a hundred bytes, leaves it: the
 * beginning, or a piece of so many bytes from there on
 */
static void leave_record(const struct ends *p, enum ipci_record kind,
			 unsigned int n, size_t from, uint32_t len)
{
	struct pipe_shm *s = inside_pipe(p->end[0]);
	struct side_shm *send = &s->direction[1].send;
	const struct ipci_bytes ring = {(unsigned char *)(s + 1),
					ipci_bytes_for(CAPACITY)};
	unsigned char message[HUNDRED];

	fill_message(message, HUNDRED, n);
	ipci_record_begin(&ring, send->index, kind, len);
	if (kind == IPCI_RECORD_PIECE)
		ipci_bytes_write(&ring, send->index + 8, message + from, len);
	send->index += kind == IPCI_RECORD_PIECE ? ipci_record_bytes(len) : 8;
}

static int take_and_die(void *arg)
{
	child_check(ipc_pipe_next(arg) == -EAGAIN);
	kill(getpid(), SIGKILL);
	return 1;
}

/*
 * We have the beginning of one message. Another process takes its rest, which
 * is nothing without it, and the beginning of the next, and dies. Then comes
 * the rest of that: it would fill up what we have.
 */
static void test_pieces_of_two_are_not_joined(void **state)
{
	struct ends p = new_pipe(CAPACITY, 0);
	(void)state;

	leave_record(&p, IPCI_RECORD_BEGIN, 1, 0, HUNDRED);
	leave_record(&p, IPCI_RECORD_PIECE, 1, 0, 40);
	expect_no_message(p.end[0]); /* which takes the piece out */
	leave_record(&p, IPCI_RECORD_PIECE, 1, 40, 60);
	leave_record(&p, IPCI_RECORD_BEGIN, 2, 0, HUNDRED);
	leave_record(&p, IPCI_RECORD_PIECE, 2, 0, 40);
	expect_killed(spawn_child(take_and_die, p.end[0]), SIGKILL);
	leave_record(&p, IPCI_RECORD_PIECE, 2, 40, 60);
	expect_no_message(p.end[0]);
	pass_message(p.end[1], p.end[0], 10, 3);
	close_both(p);
}

/* nobody is left: the end, and nothing of the torn one */
static void test_the_end_after_a_torn_one(void **state)
{
	struct job *job = shared_alloc(sizeof(*job));
	unsigned char *data = malloc(LARGE);
	pid_t pid;
	(void)state;

	job->p = new_pipe(CAPACITY, 0);
	pid = spawn_child(send_one_after_another, job);
	close_end(job->p.end[1]);
	wait_asleep(pid);
	kill_child(pid);
	assert_int_equal(ipc_pipe_recv(job->p.end[0], data, LARGE, -1), 50);
	assert_int_equal(ipc_pipe_recv(job->p.end[0], data, LARGE, -1), -EPIPE);
	expect_end(job->p.end[0]);
	free(data);
	close_end(job->p.end[0]);
}

/*
 * Killed at any moment while the receiver takes: it gets each message that was
 * sent, at most one more, each of them whole, and then the one that the other
 * holder of the end sends.
 */
static int recv_next(struct ipc_pipe *end, unsigned int *n, int timeout_ms)
{
	int r = recv_message(end, length_of(*n), *n, timeout_ms);

	if (r >= 0)
		++*n;
	assert_int_not_equal(r, -EILSEQ);
	assert_int_not_equal(r, -EMSGSIZE);
	return r;
}

static void killed_at_random(struct job *job, unsigned int *seed)
{
	double when = now_ms() + rand_r(seed) % 8000 / 1000.0;
	unsigned int n = 0;
	pid_t pid;
	int r;

	job->sent = 0;
	pid = spawn_child(send_for_ever, job);
	do
		recv_next(job->p.end[0], &n, 1);
	while (now_ms() < when);
	kill_child(pid);
	do
		r = recv_next(job->p.end[0], &n, 0);
	while (r >= 0);
	assert_int_equal(r, -EAGAIN);
	assert_in_range(n, job->sent, job->sent + 1);
	pass_message(job->p.end[1], job->p.end[0], 99, 12345);
}

static void test_killed_at_random(void **state)
{
	struct job *job = shared_alloc(sizeof(*job));
	unsigned int seed = test_seed();
	(void)state;

	job->p = new_pipe(CAPACITY, 0);
	for (int i = 0; i < 100; i++)
		killed_at_random(job, &seed);
	close_both(job->p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_sender_gave_up),
		TEST(test_killed_in_the_middle),
		TEST(test_a_large_one_after_a_torn_one),
		TEST(test_the_receiver_is_killed_in_the_middle),
		TEST(test_pieces_of_two_are_not_joined),
		TEST(test_the_end_after_a_torn_one),
		TEST_LIMIT(test_killed_at_random, 40),
	};

	return RUN_TESTS(tests);
}
