/* SPDX-License-Identifier: MIT */
/*
 * test_pipe_broken.c - the sender learns that nobody can receive: at once
 * after a close, soon after a death, and without a signal
 */
#include "pipe_util.h"

struct job {
	struct ends p;
	bool by_close;
	_Atomic bool go, closed;
	_Atomic pid_t wait_for;
	double gone_ms;
};

static struct job *new_job(bool by_close, size_t capacity)
{
	struct job *job = shared_alloc(sizeof(*job));

	job->p = new_pipe(capacity, 0);
	job->by_close = by_close;
	return job;
}

/* has the end to receive from, and goes when it is told */
static int hold_and_go(void *arg)
{
	struct job *job = arg;

	child_check(ipc_pipe_close(job->p.end[1]) == 0);
	while (!job->go && !job->wait_for)
		sleep_ms(0.2);
	if (job->wait_for)
		wait_asleep(job->wait_for);
	job->gone_ms = now_ms();
	if (!job->by_close)
		return raise(SIGKILL);
	child_check(ipc_pipe_close(job->p.end[0]) == 0);
	job->closed = true;
	while (pause() != 0)
		;
	return 0;
}

static pid_t spawn_holder(struct job *job)
{
	pid_t pid = spawn_child(hold_and_go, job);

	close_end(job->p.end[0]);
	return pid;
}

/* whoever holds a signal handler or not: the default is to be killed by it */
static void expect_no_sigpipe(void)
{
	struct sigaction action;

	sigaction(SIGPIPE, NULL, &action);
	assert_ptr_equal(action.sa_handler, SIG_DFL);
}

static void test_a_close_is_seen_at_once(void **state)
{
	(void)state;

	expect_no_sigpipe();
	for (int i = 0; i < 50; i++) {
		struct job *job = new_job(true, 4096);
		pid_t pid = spawn_holder(job);

		assert_int_equal(send_message(job->p.end[1], 10, 1, 0), 0);
		job->go = true;
		assert_true(eventually(job->closed, 10000));
		assert_int_equal(send_message(job->p.end[1], 10, 1, 0), -EPIPE);
		assert_int_equal(ipc_pipe_send(job->p.end[1], NULL, 0, -1),
				 -EPIPE);
		assert_int_equal(send_message(job->p.end[1], 100000, 1, 0),
				 -EPIPE);
		assert_int_equal(send_message(job->p.end[1], 100000, 1, -1),
				 -EPIPE);
		kill_child(pid);
		close_end(job->p.end[1]);
	}
}

static void test_a_close_in_the_same_process(void **state)
{
	struct ends p = new_pipe(0, 0);
	(void)state;

	close_end(p.end[1]);
	assert_int_equal(ipc_pipe_send(p.end[0], "x", 1, 0), -EPIPE);
	close_end(p.end[0]);
	p = new_pipe(0, LIBIPC_SIMPLEX);
	close_end(p.end[0]);
	assert_int_equal(ipc_pipe_send(p.end[1], "x", 1, 0), -EPIPE);
	close_end(p.end[1]);
}

static void test_a_death_is_seen_in_time(void **state)
{
	double most = 0;
	(void)state;

	for (int i = 0; i < 20; i++) {
		struct job *job = new_job(false, 1 << 20);
		pid_t pid = spawn_holder(job);
		double took;
		int r;

		job->go = true;
		expect_killed(pid, SIGKILL);
		do {
			r = ipc_pipe_send(job->p.end[1], "x", 1, 0);
			took = now_ms() - job->gone_ms;
		} while ((r == 0 || r == -EAGAIN) && took < 20000);
		assert_int_equal(r, -EPIPE);
		most = took > most ? took : most;
		close_end(job->p.end[1]);
	}
	print_message("death seen after %.1f ms\n", most);
	assert_true(most < 1000.0 * test_slow());
}

/* ------------------------------------------------------- blocked in a send */

static void blocked(bool by_close, size_t len)
{
	struct job *job = new_job(by_close, 4096);
	pid_t pid = spawn_holder(job);
	double took;

	while (send_message(job->p.end[1], 1000, 1, 0) == 0)
		;
	job->wait_for = getpid();
	assert_int_equal(send_message(job->p.end[1], len, 1, -1), -EPIPE);
	took = now_ms() - job->gone_ms;
	print_message("%s seen after %.1f ms\n", by_close ? "close" : "death",
		      took);
	assert_true(took < 1000.0 * test_slow());
	assert_int_equal(send_message(job->p.end[1], len, 1, -1), -EPIPE);
	if (by_close)
		kill_child(pid);
	else
		expect_killed(pid, SIGKILL);
	close_end(job->p.end[1]);
}

static void test_while_the_pipe_is_full(void **state)
{
	(void)state;
	blocked(true, 1000);
	blocked(false, 1000);
}

static void test_in_the_middle_of_a_large_message(void **state)
{
	(void)state;
	blocked(true, 1 << 20);
	blocked(false, 1 << 20);
}

/* ------------------------------------------------------------------ copies */

static int hold(void *arg)
{
	const struct job *job = arg;

	child_check(ipc_pipe_close(job->p.end[1]) == 0);
	while (pause() != 0)
		;
	return 0;
}

/* while anybody holds the other end, it is open */
static void test_another_process_has_a_copy(void **state)
{
	struct job *job = new_job(true, 4096);
	pid_t holder = spawn_child(hold, job), pid = spawn_holder(job);
	(void)state;

	job->go = true;
	assert_true(eventually(job->closed, 10000));
	assert_int_equal(send_message(job->p.end[1], 10, 1, 0), 0);
	kill_child(pid);
	sleep_ms(50);
	assert_int_equal(send_message(job->p.end[1], 10, 1, 0), 0);
	kill_child(holder);
	sleep_ms(50);
	assert_int_equal(send_message(job->p.end[1], 10, 1, 0), -EPIPE);
	close_end(job->p.end[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_close_is_seen_at_once),
		TEST(test_a_close_in_the_same_process),
		TEST_LIMIT(test_a_death_is_seen_in_time, 60),
		TEST(test_while_the_pipe_is_full),
		TEST(test_in_the_middle_of_a_large_message),
		TEST(test_another_process_has_a_copy),
	};

	return RUN_TESTS(tests);
}
