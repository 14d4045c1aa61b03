/* SPDX-License-Identifier: MIT */
/*
 * test_pipe_timeout.c - never early, at once if told so, signals change
 * nothing, and waiting costs next to nothing
 */
#include "pipe_util.h"

#include <limits.h>

static void test_recv_from_an_empty_pipe(void **state)
{
	struct ends p = new_pipe(0, 0);
	char byte = 'x';
	(void)state;

	expect_at_once(ipc_pipe_recv(p.end[0], &byte, 1, 0), -EAGAIN);
	for (int ms = 1; ms < 150; ms += 49)
		expect_timeout(ipc_pipe_recv(p.end[0], &byte, 1, ms), ms);
	assert_int_equal(byte, 'x');
	close_both(p);
}

static void test_send_into_a_full_pipe(void **state)
{
	struct ends p = new_pipe(1000, 0);
	unsigned int sent = 0;
	(void)state;

	while (send_message(p.end[0], 100, sent, 0) == 0)
		sent++;
	assert_in_range(sent, 9, 11);
	expect_at_once(send_message(p.end[0], 100, 99, 0), -EAGAIN);
	for (int ms = 1; ms < 150; ms += 49)
		expect_timeout(send_message(p.end[0], 100, 99, ms), ms);
	/* longer than the capacity, it does not even begin */
	expect_at_once(send_message(p.end[0], 5000, 99, 0), -EAGAIN);
	/* one out, one in */
	assert_int_equal(recv_message(p.end[1], 100, 0, 0), 100);
	assert_int_equal(send_message(p.end[0], 100, sent++, 0), 0);
	expect_at_once(send_message(p.end[0], 100, 99, 0), -EAGAIN);
	for (unsigned int i = 1; i < sent; i++)
		assert_int_equal(recv_message(p.end[1], 100, i, 0), 100);
	expect_no_message(p.end[1]);
	close_both(p);
}

static void test_what_is_there_is_taken_whatever_the_timeout(void **state)
{
	static const int timeouts[] = {0, 1, 1000, INT_MAX, -1, -2, INT_MIN};
	struct ends p = new_pipe(0, 0);
	(void)state;

	for (unsigned int i = 0; i < sizeof(timeouts) / sizeof(int); i++) {
		expect_at_once(send_message(p.end[0], 10, i, timeouts[i]), 0);
		expect_at_once(ipc_pipe_poll(p.end[1], timeouts[i]), 1);
		expect_at_once(recv_message(p.end[1], 10, i, timeouts[i]), 10);
	}
	close_both(p);
}

/* ---------------------------------------------- there is an end to waiting */

struct job {
	struct ends p;
	int timeout_ms;
	_Atomic long signals;
	bool storm;
};

static int receive_it(void *arg)
{
	struct job *job = arg;

	if (job->storm)
		storm_begin(&job->signals);
	child_check(ipc_pipe_close(job->p.end[0]) == 0);
	child_check(recv_message(job->p.end[1], 10, 5, job->timeout_ms) == 10);
	return 0;
}

static int send_it(void *arg)
{
	struct job *job = arg;

	if (job->storm)
		storm_begin(&job->signals);
	child_check(ipc_pipe_close(job->p.end[0]) == 0);
	child_check(send_message(job->p.end[1], 3000, 6, job->timeout_ms) == 0);
	return 0;
}

static struct job *new_job(int timeout_ms, bool storm)
{
	struct job *job = shared_alloc(sizeof(*job));

	job->p = new_pipe(4000, 0);
	job->timeout_ms = timeout_ms;
	job->storm = storm;
	return job;
}

static void wait_until_it_waits(struct job *job, pid_t pid)
{
	if (job->storm)
		assert_true(eventually(job->signals > 50, 10000));
	else
		wait_asleep(pid);
}

static void wait_in_both(int timeout_ms, bool storm)
{
	struct job *job = new_job(timeout_ms, storm);
	pid_t pid = spawn_child(receive_it, job);

	wait_until_it_waits(job, pid);
	assert_int_equal(send_message(job->p.end[0], 10, 5, 0), 0);
	expect_exit(pid, 0);
	assert_int_equal(send_message(job->p.end[1], 3000, 4, 0), 0);
	job->signals = 0;
	pid = spawn_child(send_it, job);
	wait_until_it_waits(job, pid);
	assert_int_equal(recv_message(job->p.end[0], 3000, 4, 0), 3000);
	expect_exit(pid, 0);
	assert_int_equal(recv_message(job->p.end[0], 3000, 6, 0), 3000);
	close_both(job->p);
}

static void test_woken_by_the_other_side(void **state)
{
	(void)state;
	wait_in_both(30000, false);
	wait_in_both(INT_MAX, false);
	wait_in_both(LIBIPC_FOREVER, false);
	wait_in_both(INT_MIN, false);
}

/*
 * Sleepers look now and then whether somebody died. Who has a message for them
 * does not leave it to that: it wakes them. On a busy machine that may take its
 * time, but not each time.
 */
enum { TRIALS = 50, SOON_MS = 20 };

struct latency {
	struct ends p;
	_Atomic pid_t wait_for;
	_Atomic bool sends;
	double sent_ms;
};

static int move_when_it_sleeps(void *arg)
{
	struct latency *l = arg;

	wait_asleep(l->wait_for);
	l->sent_ms = now_ms();
	if (l->sends)
		child_check(send_message(l->p.end[0], 3000, 1, 0) == 0);
	else
		child_check(recv_message(l->p.end[0], 3000, 1, 0) == 3000);
	return 0;
}

static void expect_soon(bool receive)
{
	struct latency *l = shared_alloc(sizeof(*l));
	double best = 1e9;

	l->wait_for = getpid();
	l->sends = receive;
	l->p = new_pipe(4000, 0);
	if (!receive)
		assert_int_equal(send_message(l->p.end[1], 3000, 1, 0), 0);
	for (int i = 0; i < TRIALS && best > SOON_MS; i++) {
		pid_t pid = spawn_child(move_when_it_sleeps, l);

		if (receive)
			assert_int_equal(recv_message(l->p.end[1], 3000, 1, -1),
					 3000);
		else
			assert_int_equal(send_message(l->p.end[1], 3000, 1, -1),
					 0);
		if (now_ms() - l->sent_ms < best)
			best = now_ms() - l->sent_ms;
		expect_exit(pid, 0);
	}
	assert_true(best <= SOON_MS);
	close_both(l->p);
}

static void test_woken_and_not_only_looked_after(void **state)
{
	(void)state;
	expect_soon(true);
	expect_soon(false);
}

/* ----------------------------------------------------------------- signals */

static void test_signals_and_waiting_for_ever(void **state)
{
	(void)state;
	wait_in_both(LIBIPC_FOREVER, true);
}

static _Atomic long signals; /* in this process */

static void test_signals_and_timeouts(void **state)
{
	struct ends p = new_pipe(1000, 0);
	char byte;
	(void)state;

	signals = 0;
	storm_begin(&signals);
	expect_timeout(ipc_pipe_recv(p.end[0], &byte, 1, 150), 150);
	while (send_message(p.end[0], 100, 1, 0) == 0)
		;
	expect_timeout(send_message(p.end[0], 100, 1, 150), 150);
	expect_timeout(send_message(p.end[1], 100000, 1, 150), 150);
	storm_end();
	assert_true(signals > 0);
	close_both(p);
}

static int echo_in_a_storm(void *arg)
{
	struct job *job = arg;
	unsigned char *data = malloc(10000);
	int r;

	storm_begin(&job->signals);
	child_check(ipc_pipe_close(job->p.end[0]) == 0);
	while ((r = ipc_pipe_recv(job->p.end[1], data, 10000, -1)) >= 0)
		child_check(ipc_pipe_send(job->p.end[1], data, (size_t)r, -1) ==
			    0);
	child_check(r == -EPIPE);
	return 0;
}

static void test_signals_and_much_to_do(void **state)
{
	struct job *job = new_job(0, true);
	pid_t pid = spawn_child(echo_in_a_storm, job);
	double until = now_ms() + 700;
	(void)state;

	close_end(job->p.end[1]);
	signals = 0;
	storm_begin(&signals);
	for (unsigned int i = 0; now_ms() < until || job->signals < 20; i++) {
		size_t len = i * 97 % 10000;

		assert_int_equal(send_message(job->p.end[0], len, i, -1), 0);
		assert_int_equal(recv_message(job->p.end[0], len, i, -1), len);
	}
	storm_end();
	assert_true(signals > 0);
	close_end(job->p.end[0]);
	expect_exit(pid, 0);
}

/* -------------------------------------------------------------------- idle */

/* it looks now and then whether somebody died, and that is all */
static void test_idle_costs_next_to_nothing(void **state)
{
	struct job *job = new_job(LIBIPC_FOREVER, false);
	pid_t pid = spawn_child(receive_it, job);
	double used;
	long ran;
	(void)state;

	wait_asleep(pid);
	used = cpu_ms(pid);
	ran = switches(pid);
	sleep_ms(1000);
	used = cpu_ms(pid) - used;
	ran = switches(pid) - ran;
	print_message("in a second: %.1f ms of CPU, %ld looks\n", used, ran);
	assert_true(used < 50);
	assert_in_range(ran, 0, 100);
	assert_int_equal(send_message(job->p.end[0], 10, 5, 0), 0);
	expect_exit(pid, 0);
	close_both(job->p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_recv_from_an_empty_pipe),
		TEST(test_send_into_a_full_pipe),
		TEST(test_what_is_there_is_taken_whatever_the_timeout),
		TEST(test_woken_by_the_other_side),
		TEST_LIMIT(test_woken_and_not_only_looked_after, 40),
		TEST(test_signals_and_waiting_for_ever),
		TEST(test_signals_and_timeouts),
		TEST_LIMIT(test_signals_and_much_to_do, 40),
		TEST(test_idle_costs_next_to_nothing),
	};

	return RUN_TESTS(tests);
}
