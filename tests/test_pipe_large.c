/* SPDX-License-Identifier: MIT */
/*
 * test_pipe_large.c - messages larger than the capacity flow through in pieces
 */
#include "pipe_util.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

struct job {
	struct ends p;
	size_t len;
	size_t step;
	unsigned int n;
};

/* n messages, from len on, each step bytes longer than the one before */
static int send_all(void *arg)
{
	const struct job *job = arg;

	child_check(ipc_pipe_close(job->p.end[0]) == 0);
	for (unsigned int i = 0; i < job->n; i++)
		child_check(send_message(job->p.end[1],
					 job->len + i * job->step, i,
					 LIBIPC_FOREVER) == 0);
	return 0;
}

static void run(size_t capacity, size_t len, size_t step, unsigned int n)
{
	struct job job = {new_pipe(capacity, LIBIPC_SIMPLEX), len, step, n};
	pid_t pid = spawn_child(send_all, &job);

	close_end(job.p.end[1]);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(recv_message(job.p.end[0], len + i * step, i,
					      LIBIPC_FOREVER),
				 len + i * step);
	assert_int_equal(ipc_pipe_recv(job.p.end[0], NULL, 0, -1), -EPIPE);
	expect_exit(pid, 0);
	close_end(job.p.end[0]);
}

static void test_1_mib_through_4_kib(void **state)
{
	(void)state;
	run(4 * KIB, MIB, 0, 5);
}

static void test_50_mib_through_the_default(void **state)
{
	(void)state;
	run(0, 50 * MIB, 0, 1);
}

/* from those that fit to those that come in many pieces, the last one short */
static void test_every_length_around_the_capacity(void **state)
{
	(void)state;
	run(64, 0, 1, 400);
	run(4 * KIB, 4 * KIB - 100, 1, 300);
	run(4 * KIB, 8 * KIB - 100, 1, 300);
}

static void test_long_and_short_ones(void **state)
{
	(void)state;
	run(1 * KIB, 0, 331, 100);
}

/* ------------------------------------------------------ waits for the rest */

static void test_nobody_receives(void **state)
{
	struct ends p = new_pipe(4 * KIB, 0);
	(void)state;

	expect_timeout(send_message(p.end[0], MIB, 1, 100), 100);
	close_both(p);
}

/* in one call nothing can be received meanwhile, so it takes more than a try */
static void test_not_in_one_try(void **state)
{
	struct ends p = new_pipe(4 * KIB, 0);
	(void)state;

	for (int i = 0; i < 3; i++) {
		expect_at_once(send_message(p.end[0], 4 * MIB, 1, 0), -EAGAIN);
		expect_no_message(p.end[1]);
		pass_message(p.end[0], p.end[1], 100, 2);
	}
	close_both(p);
}

static void test_too_small_a_buffer(void **state)
{
	struct job job = {new_pipe(4 * KIB, 0), MIB, 1, 2};
	pid_t pid = spawn_child(send_all, &job);
	char small[100];
	(void)state;

	close_end(job.p.end[1]);
	memset(small, '.', sizeof(small));
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(ipc_pipe_recv(job.p.end[0], small, 100, -1),
				 -EMSGSIZE);
		assert_int_equal(ipc_pipe_recv(job.p.end[0], NULL, 0, 0),
				 -EMSGSIZE);
		assert_int_equal(small[0], '.');
		assert_int_equal(ipc_pipe_next(job.p.end[0]), MIB + i);
		assert_int_equal(ipc_pipe_poll(job.p.end[0], 0), 1);
		assert_int_equal(recv_message(job.p.end[0], MIB + i, i, 0),
				 MIB + i);
	}
	assert_int_equal(ipc_pipe_poll(job.p.end[0], -1), 1);
	expect_end(job.p.end[0]);
	expect_exit(pid, 0);
	close_end(job.p.end[0]);
}

/* the receiver's time runs out on the way; the rest comes with the next call */
static void test_the_sender_pauses(void **state)
{
	struct job job = {new_pipe(4 * KIB, 0), MIB, 0, 1};
	pid_t pid = spawn_child(send_all, &job);
	unsigned char *data = malloc(MIB);
	(void)state;

	close_end(job.p.end[1]);
	wait_asleep(pid); /* the ring is full of the first pieces */
	assert_true(stop_child(pid));
	for (int i = 0; i < 2; i++) {
		expect_timeout(ipc_pipe_recv(job.p.end[0], data, MIB, 50), 50);
		expect_no_message(job.p.end[0]);
	}
	kill(pid, SIGCONT);
	assert_int_equal(ipc_pipe_recv(job.p.end[0], data, MIB, -1), MIB);
	assert_true(is_message(data, MIB, 0));
	expect_exit(pid, 0);
	expect_end(job.p.end[0]);
	free(data);
	close_end(job.p.end[0]);
}

/* -------------------------------------------------------- there and back */

static int send_back(void *arg)
{
	const struct job *job = arg;
	unsigned char *data = malloc(job->len);
	int r;

	child_check(ipc_pipe_close(job->p.end[0]) == 0);
	while ((r = ipc_pipe_recv(job->p.end[1], data, job->len, -1)) >= 0)
		child_check(ipc_pipe_send(job->p.end[1], data, (size_t)r, -1) ==
			    0);
	child_check(r == -EPIPE);
	return 0;
}

static void test_there_and_back(void **state)
{
	struct job job = {new_pipe(4 * KIB, 0), 300 * KIB, 0, 0};
	pid_t pid = spawn_child(send_back, &job);
	(void)state;

	close_end(job.p.end[1]);
	for (unsigned int i = 0; i < 30; i++) {
		size_t len = i * 6000;

		assert_int_equal(send_message(job.p.end[0], len, i, -1), 0);
		assert_int_equal(recv_message(job.p.end[0], len, i, -1), len);
	}
	close_end(job.p.end[0]);
	expect_exit(pid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_1_mib_through_4_kib),
		TEST_LIMIT(test_50_mib_through_the_default, 60),
		TEST(test_every_length_around_the_capacity),
		TEST(test_long_and_short_ones),
		TEST(test_nobody_receives),
		TEST(test_not_in_one_try),
		TEST(test_too_small_a_buffer),
		TEST(test_the_sender_pauses),
		TEST_LIMIT(test_there_and_back, 30),
	};

	return RUN_TESTS(tests);
}
