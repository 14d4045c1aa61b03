/* SPDX-License-Identifier: MIT */
/*
 * test_pipe_poll.c - whether a message is there, and how long it is, without
 * taking it
 */
#include "pipe_util.h"

enum { LARGE = 1 << 20 };

static void test_nothing_there(void **state)
{
	struct ends p = new_pipe(0, 0);
	double start;
	(void)state;

	expect_at_once(ipc_pipe_poll(p.end[0], 0), 0);
	for (int ms = 1; ms <= 100; ms += 33) {
		start = now_ms();
		assert_int_equal(ipc_pipe_poll(p.end[0], ms), 0);
		assert_true(now_ms() - start >= ms);
	}
	assert_int_equal(ipc_pipe_next(p.end[0]), -EAGAIN);
	close_both(p);
}

static void test_a_message_stays(void **state)
{
	static const size_t lens[] = {5, 0, 60000};
	struct ends p = new_pipe(0, 0);
	(void)state;

	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(send_message(p.end[0], lens[i], i, 0), 0);
	for (unsigned int i = 0; i < 3; i++) {
		for (int k = 0; k < 3; k++) {
			expect_at_once(ipc_pipe_poll(p.end[1], k - 1), 1);
			assert_int_equal(ipc_pipe_next(p.end[1]), lens[i]);
		}
		assert_int_equal(recv_message(p.end[1], lens[i], i, 0),
				 lens[i]);
	}
	expect_no_message(p.end[1]);
	close_both(p);
}

static void test_the_end_is_there(void **state)
{
	struct ends p = new_pipe(0, 0);
	(void)state;

	assert_int_equal(send_message(p.end[0], 5, 1, 0), 0);
	close_end(p.end[0]);
	assert_int_equal(ipc_pipe_poll(p.end[1], -1), 1);
	assert_int_equal(ipc_pipe_next(p.end[1]), 5);
	assert_int_equal(recv_message(p.end[1], 5, 1, 0), 5);
	expect_end(p.end[1]);
	close_end(p.end[1]);
}

/* ----------------------------------------------------------------- waiting */

struct job {
	struct ends p;
	_Atomic int polled;
};

static int poll_for_ever(void *arg)
{
	struct job *job = arg;

	child_check(ipc_pipe_close(job->p.end[1]) == 0);
	child_check(ipc_pipe_poll(job->p.end[0], -1) == 1);
	child_check(recv_message(job->p.end[0], 100, 7, 0) == 100);
	job->polled = 1;
	child_check(ipc_pipe_poll(job->p.end[0], 30000) == 1);
	child_check(ipc_pipe_next(job->p.end[0]) == -EPIPE);
	return 0;
}

static void test_waits_for_a_message_and_for_the_end(void **state)
{
	struct job *job = shared_alloc(sizeof(*job));
	pid_t pid;
	(void)state;

	job->p = new_pipe(0, 0);
	pid = spawn_child(poll_for_ever, job);
	close_end(job->p.end[0]);
	wait_asleep(pid);
	assert_int_equal(job->polled, 0);
	assert_int_equal(send_message(job->p.end[1], 100, 7, 0), 0);
	assert_true(eventually(job->polled, 10000));
	wait_asleep(pid);
	close_end(job->p.end[1]);
	expect_exit(pid, 0);
}

/* ----------------------------------------------------- a part of a message */

static int send_large(void *arg)
{
	const struct job *job = arg;

	child_check(ipc_pipe_close(job->p.end[0]) == 0);
	child_check(send_message(job->p.end[1], LARGE, 3, -1) == 0);
	child_check(send_message(job->p.end[1], 10, 4, -1) == 0);
	return 0;
}

/* a part is nothing that recv would return; when all of it is there, it is */
static void test_a_part_is_not_a_message(void **state)
{
	struct job *job = shared_alloc(sizeof(*job));
	double start;
	pid_t pid;
	(void)state;

	job->p = new_pipe(4096, 0);
	pid = spawn_child(send_large, job);
	close_end(job->p.end[1]);
	wait_asleep(pid);
	assert_true(stop_child(pid));
	start = now_ms();
	assert_int_equal(ipc_pipe_poll(job->p.end[0], 50), 0);
	assert_true(now_ms() - start >= 50);
	assert_int_equal(ipc_pipe_poll(job->p.end[0], 0), 0);
	assert_int_equal(ipc_pipe_next(job->p.end[0]), -EAGAIN);
	kill(pid, SIGCONT);
	assert_int_equal(ipc_pipe_poll(job->p.end[0], -1), 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ipc_pipe_poll(job->p.end[0], 0), 1);
		assert_int_equal(ipc_pipe_next(job->p.end[0]), LARGE);
	}
	assert_int_equal(recv_message(job->p.end[0], LARGE, 3, 0), LARGE);
	assert_int_equal(recv_message(job->p.end[0], 10, 4, -1), 10);
	expect_exit(pid, 0);
	close_end(job->p.end[0]);
}

/* next alone takes it in, piece after piece, so its sender can go on */
static void test_next_collects(void **state)
{
	struct job *job = shared_alloc(sizeof(*job));
	pid_t pid;
	(void)state;

	job->p = new_pipe(4096, 0);
	pid = spawn_child(send_large, job);
	close_end(job->p.end[1]);
	assert_true(eventually(ipc_pipe_next(job->p.end[0]) == LARGE, 15000));
	expect_exit(pid, 0);
	assert_int_equal(recv_message(job->p.end[0], LARGE, 3, 0), LARGE);
	assert_int_equal(ipc_pipe_next(job->p.end[0]), 10);
	assert_int_equal(recv_message(job->p.end[0], 10, 4, 0), 10);
	expect_end(job->p.end[0]);
	close_end(job->p.end[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_there),
		TEST(test_a_message_stays),
		TEST(test_the_end_is_there),
		TEST(test_waits_for_a_message_and_for_the_end),
		TEST(test_a_part_is_not_a_message),
		TEST(test_next_collects),
	};

	return RUN_TESTS(tests);
}
