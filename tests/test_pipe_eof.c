/* SPDX-License-Identifier: MIT */
/*
 * test_pipe_eof.c - when the last holder of the other end is gone, however it
 * went, the receiver drains what was sent and then sees the end
 */
#include "pipe_util.h"

enum way { BY_CLOSE, BY_EXIT, BY_SIGKILL, WAYS };

static const char *const way_names[] = {"close", "exit", "SIGKILL"};

/* the child goes when it is told, having sent so many messages */
struct job {
	struct ends p;
	enum way way;
	unsigned int messages;
	_Atomic bool go;
	_Atomic pid_t wait_for; /* or when this process sleeps */
	double gone_ms;
	_Atomic bool closed;
};

static struct job *new_job(enum way way, unsigned int messages)
{
	struct job *job = shared_alloc(sizeof(*job));

	job->p = new_pipe(4096, 0);
	job->way = way;
	job->messages = messages;
	return job;
}

static int send_and_go(void *arg)
{
	struct job *job = arg;

	child_check(ipc_pipe_close(job->p.end[0]) == 0);
	for (unsigned int i = 0; i < job->messages; i++)
		child_check(send_message(job->p.end[1], i * 10, i, -1) == 0);
	while (!job->go && !job->wait_for)
		sleep_ms(0.2);
	if (job->wait_for)
		wait_asleep(job->wait_for);
	job->gone_ms = now_ms();
	switch (job->way) {
	case BY_CLOSE:
		child_check(ipc_pipe_close(job->p.end[1]) == 0);
		job->closed = true;
		while (pause() != 0)
			;
		break;
	case BY_SIGKILL:
		raise(SIGKILL);
		break;
	default:
		break;
	}
	return 0;
}

static void reap(pid_t pid, enum way way)
{
	if (way == BY_CLOSE)
		kill_child(pid);
	else if (way == BY_EXIT)
		expect_exit(pid, 0);
	else
		expect_killed(pid, SIGKILL);
}

static void expect_drained(struct job *job)
{
	for (unsigned int i = 0; i < job->messages; i++)
		assert_int_equal(recv_message(job->p.end[0], i * 10, i, 0),
				 i * 10);
}

/* the receiver is in recv already, which ends in time */
static double while_it_sleeps(enum way way, unsigned int messages)
{
	struct job *job = new_job(way, messages);
	pid_t pid = spawn_child(send_and_go, job);
	double took;

	close_end(job->p.end[1]);
	for (unsigned int i = 0; i < messages; i++)
		assert_int_equal(recv_message(job->p.end[0], i * 10, i, -1),
				 i * 10);
	job->wait_for = getpid();
	assert_int_equal(ipc_pipe_recv(job->p.end[0], NULL, 0, -1), -EPIPE);
	took = now_ms() - job->gone_ms;
	expect_end(job->p.end[0]);
	reap(pid, way);
	close_end(job->p.end[0]);
	return took;
}

static void test_while_the_receiver_sleeps(void **state)
{
	(void)state;

	for (enum way way = 0; way < WAYS; way++) {
		double most = 0;

		for (unsigned int messages = 0; messages < 4; messages++) {
			double took = while_it_sleeps(way, messages);

			most = took > most ? took : most;
		}
		print_message("end seen %.1f ms after %s\n", most,
			      way_names[way]);
		assert_true(most < 1000.0 * test_slow());
	}
}

/* a death is looked for, a close tells; on a busy machine not each time soon */
static void test_a_close_wakes_the_receiver(void **state)
{
	double best = while_it_sleeps(BY_CLOSE, 0);
	(void)state;

	for (int i = 0; i < 50 && best > 20; i++) {
		double took = while_it_sleeps(BY_CLOSE, 0);

		best = took < best ? took : best;
	}
	assert_true(best <= 20);
}

/* whether its hint tells of a sleeper; who fires for nobody finds out */
static bool is_slept_at(const struct side_shm *side)
{
	return side->hint & IPCI_HINT_LEFT;
}

/* both who receives at the other end and who sends there, not only when they
   look by themselves */
static void test_a_close_wakes_both(void **state)
{
	(void)state;
	need_exact_wakes();

	for (int e = 0; e < 2; e++) {
		struct ends p = new_pipe(0, 0);
		struct pipe_shm *s = inside_pipe(p.end[e]);
		struct side_shm *receiver = &s->direction[e].recv;
		struct side_shm *sender = &s->direction[1 - e].send;

		receiver->hint = sender->hint =
			IPCI_HINT_LEFT | IPCI_HINT_FENCED;
		close_end(p.end[e]);
		assert_false(is_slept_at(receiver));
		assert_false(is_slept_at(sender));
		close_end(p.end[1 - e]);
	}
}

/* the receiver comes later: first what was sent, and then the end, at once
   after a close */
static void while_it_is_elsewhere(enum way way, unsigned int messages)
{
	struct job *job = new_job(way, messages);
	pid_t pid;

	job->go = true;
	pid = spawn_child(send_and_go, job);
	close_end(job->p.end[1]);
	if (way == BY_CLOSE)
		assert_true(eventually(job->closed, 10000));
	else
		reap(pid, way);
	if (messages)
		assert_int_equal(ipc_pipe_poll(job->p.end[0], 0), 1);
	expect_drained(job);
	expect_end(job->p.end[0]);
	if (way == BY_CLOSE)
		kill_child(pid);
	close_end(job->p.end[0]);
}

static void test_while_the_receiver_is_elsewhere(void **state)
{
	(void)state;
	for (enum way way = 0; way < WAYS; way++)
		for (unsigned int messages = 0; messages < 4; messages++)
			while_it_is_elsewhere(way, messages);
}

/* ---------------------------------------------------------- in one process */

static void test_both_ends_in_one_process(void **state)
{
	(void)state;

	for (unsigned int e = 0; e < 2; e++) {
		struct ends p = new_pipe(0, 0);

		assert_int_equal(send_message(p.end[e], 100, 7, 0), 0);
		close_end(p.end[e]);
		assert_int_equal(recv_message(p.end[1 - e], 100, 7, 0), 100);
		expect_end(p.end[1 - e]);
		close_end(p.end[1 - e]);
	}
}

/* what it did not receive is no reason to keep from us what it sent */
static void test_closed_with_unread_messages(void **state)
{
	struct ends p = new_pipe(0, 0);
	(void)state;

	assert_int_equal(send_message(p.end[0], 10, 1, 0), 0);
	assert_int_equal(send_message(p.end[1], 20, 2, 0), 0);
	close_end(p.end[0]);
	assert_int_equal(ipc_pipe_send(p.end[1], "x", 1, 0), -EPIPE);
	assert_int_equal(recv_message(p.end[1], 10, 1, 0), 10);
	expect_end(p.end[1]);
	close_end(p.end[1]);
}

/* -------------------------------------------------------- forgotten copies */

static int hold_and_wait(void *arg)
{
	const struct job *job = arg;

	child_check(ipc_pipe_close(job->p.end[0]) == 0);
	while (!job->go)
		sleep_ms(0.2);
	child_check(ipc_pipe_close(job->p.end[1]) == 0);
	while (pause() != 0)
		;
	return 0;
}

/* the classic mistake: the parent did not close its own copy */
static void test_the_receiver_has_a_copy_itself(void **state)
{
	struct job *job = new_job(BY_EXIT, 0);
	(void)state;

	job->go = true;
	expect_exit(spawn_child(send_and_go, job), 0);
	expect_timeout(ipc_pipe_recv(job->p.end[0], NULL, 0, 200), 200);
	assert_int_equal(ipc_pipe_next(job->p.end[0]), -EAGAIN);
	close_end(job->p.end[1]);
	expect_end(job->p.end[0]);
	close_end(job->p.end[0]);
}

static void another_process_has_a_copy(bool killed)
{
	struct job *job = new_job(BY_EXIT, 2), *holder = new_job(BY_CLOSE, 0);
	pid_t pid;

	close_both(holder->p);
	holder->p = job->p;
	job->go = true;
	pid = spawn_child(hold_and_wait, holder);
	expect_exit(spawn_child(send_and_go, job), 0);
	close_end(job->p.end[1]);
	expect_drained(job);
	expect_timeout(ipc_pipe_recv(job->p.end[0], NULL, 0, 200), 200);
	if (killed)
		kill_child(pid);
	else
		holder->go = true;
	assert_int_equal(ipc_pipe_recv(job->p.end[0], NULL, 0, 10000), -EPIPE);
	expect_end(job->p.end[0]);
	if (!killed)
		kill_child(pid);
	close_end(job->p.end[0]);
}

static void test_another_process_has_a_copy(void **state)
{
	(void)state;
	another_process_has_a_copy(false);
	another_process_has_a_copy(true);
}

/* ----------------------------------------------------------- the other way */

static int receive_to_the_end(void *arg)
{
	const struct job *job = arg;

	child_check(ipc_pipe_close(job->p.end[0]) == 0);
	child_check(recv_message(job->p.end[1], 10, 1, -1) == 10);
	child_check(ipc_pipe_recv(job->p.end[1], NULL, 0, -1) == -EPIPE);
	return 0;
}

/* several children see it, each on a pipe that the later ones inherited, too */
static void test_the_parent_closes(void **state)
{
	enum { N = 4 };
	struct job *job[N];
	pid_t pid[N];
	(void)state;

	for (int i = 0; i < N; i++) {
		job[i] = new_job(BY_CLOSE, 0);
		pid[i] = spawn_child(receive_to_the_end, job[i]);
		close_end(job[i]->p.end[1]);
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(send_message(job[i]->p.end[0], 10, 1, 0), 0);
	/* the last child has copies of all the parent's ends but its own */
	for (int i = N - 1; i >= 0; i--) {
		wait_asleep(pid[i]);
		close_end(job[i]->p.end[0]);
		expect_exit(pid[i], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_while_the_receiver_sleeps),
		TEST_LIMIT(test_a_close_wakes_the_receiver, 40),
		TEST(test_a_close_wakes_both),
		TEST(test_while_the_receiver_is_elsewhere),
		TEST(test_both_ends_in_one_process),
		TEST(test_closed_with_unread_messages),
		TEST(test_the_receiver_has_a_copy_itself),
		TEST(test_another_process_has_a_copy),
		TEST(test_the_parent_closes),
	};

	return RUN_TESTS(tests);
}
