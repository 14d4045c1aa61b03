/* SPDX-License-Identifier: MIT */
/*
 * test_pipe_idle.c - whoever waits at a pipe sleeps until there is something to
 * do; and learns all the same when the last holder of the other end is gone,
 * whoever holds it, knows of it, or has let it go
 */
#include <pthread.h>

#include "pipe_util.h"

enum {
	LEN = 100,
	CAPACITY = 1024,
};

/* one child waits at its end; others hold the other one */
struct job {
	struct ends p;
	int at;		   /* the end of who waits */
	bool full;	   /* he waits to send */
	_Atomic bool use;  /* a holder is to use his end */
	_Atomic bool used; /* he has */
	_Atomic bool go;   /* he is to close it */
	_Atomic bool gone; /* he has */
	_Atomic int answer;
	_Atomic bool answered;
};

static struct job *new_job(int at, bool full)
{
	struct job *job = shared_alloc(sizeof(*job));

	job->p = new_pipe(CAPACITY, 0);
	job->at = at;
	job->full = full;
	return job;
}

static struct ipc_pipe *other_end(const struct job *job)
{
	return job->p.end[1 - job->at];
}

/* until it gets an answer that is no message */
static int wait_there(void *arg)
{
	struct job *job = arg;
	struct ipc_pipe *end = job->p.end[job->at];
	int r;

	if (other_end(job))
		child_check(ipc_pipe_close(other_end(job)) == 0);
	do
		r = job->full ? send_message(end, LEN, 1, -1)
			      : recv_message(end, LEN, 1, -1);
	while (r >= 0);
	job->answer = r;
	job->answered = true;
	return 0;
}

static _Noreturn void stay(void)
{
	for (;;)
		pause();
}

/* the other end of a receiver: uses it once, closes it when told, lives on */
static int use_and_close(void *arg)
{
	struct job *job = arg;

	child_check(ipc_pipe_close(job->p.end[job->at]) == 0);
	while (!job->use)
		sleep_ms(0.2);
	child_check(send_message(other_end(job), LEN, 1, -1) == 0);
	job->used = true;
	while (!job->go)
		sleep_ms(0.2);
	child_check(ipc_pipe_close(other_end(job)) == 0);
	job->gone = true;
	stay();
}

static int only_hold(void *arg)
{
	(void)arg;
	stay();
}

static int close_both_and_stay(void *arg)
{
	struct job *job = arg;

	child_check(ipc_pipe_close(job->p.end[0]) == 0);
	child_check(ipc_pipe_close(job->p.end[1]) == 0);
	job->gone = true;
	stay();
}

static pid_t start_waiter(struct job *job)
{
	pid_t pid = spawn_child(wait_there, job);

	wait_asleep(pid);
	return pid;
}

/* we have no end any more, when the other one is used */
static pid_t start_user(struct job *job)
{
	pid_t pid = spawn_child(use_and_close, job);

	close_both(job->p);
	job->use = true;
	assert_true(eventually(job->used, 10e3));
	return pid;
}

static void expect_idle(pid_t pid)
{
	long before;

	assert_true(settle(&pid, &before, 1));
	sleep_ms(300);
	assert_int_equal(switches(pid), before);
}

static void expect_the_end(struct job *job, pid_t waiter)
{
	assert_true(eventually(job->answered, 10e3));
	assert_int_equal(job->answer, -EPIPE);
	expect_exit(waiter, 0);
}

static void expect_no_end(struct job *job)
{
	sleep_ms(200);
	assert_false(job->answered);
}

/* ------------------------------------------------------------ nothing to do */

static void idle_while_we_hold(int at, bool full)
{
	struct job *job = new_job(at, full);
	pid_t waiter = start_waiter(job);

	expect_idle(waiter);
	close_both(job->p);
	expect_the_end(job, waiter);
}

static void test_an_idle_receiver(void **state)
{
	(void)state;
	need_exact_wakes();
	idle_while_we_hold(0, false);
	idle_while_we_hold(1, false);
}

static void test_an_idle_sender(void **state)
{
	(void)state;
	need_exact_wakes();
	idle_while_we_hold(0, true);
	idle_while_we_hold(1, true);
}

/* and not who made the pipe */
static void test_idle_while_a_child_holds(void **state)
{
	struct job *job;
	pid_t waiter, holder;
	(void)state;

	need_exact_wakes();
	job = new_job(0, false);
	waiter = start_waiter(job);
	holder = start_user(job);
	expect_idle(waiter);
	kill_child(holder);
	expect_the_end(job, waiter);
}

/* somebody else closes copies that he does not need */
static void test_idle_when_others_close(void **state)
{
	struct job *job;
	pid_t waiter, other;
	(void)state;

	need_exact_wakes();
	job = new_job(0, false);
	waiter = start_waiter(job);
	other = spawn_child(close_both_and_stay, job);
	assert_true(eventually(job->gone, 10e3));
	expect_idle(waiter);
	kill_child(other);
	close_both(job->p);
	expect_the_end(job, waiter);
}

/* ---------------------------------------------------- whom it does not know */

/* the one that it watches dies; another one has a copy, and never used it */
static void test_the_last_holder_was_never_seen(void **state)
{
	struct job *job = new_job(0, false);
	pid_t quiet = spawn_child(only_hold, job);
	pid_t known, waiter = start_waiter(job);
	(void)state;

	known = start_user(job);
	kill_child(known);
	expect_no_end(job);
	kill_child(quiet);
	expect_the_end(job, waiter);
}

/* he lives on, but has closed it */
static void test_the_one_it_watches_closes(void **state)
{
	struct job *job = new_job(0, false);
	pid_t quiet = spawn_child(only_hold, job);
	pid_t known, waiter = start_waiter(job);
	(void)state;

	known = start_user(job);
	job->go = true;
	assert_true(eventually(job->gone, 10e3));
	expect_no_end(job);
	kill_child(quiet);
	expect_the_end(job, waiter);
	kill_child(known);
}

/* who made it knows both ends, and closes one before anybody waits */
static void test_closed_before_anybody_waits(void **state)
{
	struct job *job = new_job(0, false);
	pid_t quiet = spawn_child(only_hold, job), waiter;
	(void)state;

	close_end(job->p.end[1]);
	job->p.end[1] = NULL;
	waiter = spawn_child(wait_there, job);
	expect_no_end(job);
	kill_child(quiet);
	expect_the_end(job, waiter);
	close_end(job->p.end[0]);
}

/* -------------------------------------------------------------- its threads */

static void *send_one(void *arg)
{
	return (void *)(intptr_t)send_message(arg, LEN, 1, -1);
}

/* a thread that used the end is gone; its process is not */
static int use_in_a_thread(void *arg)
{
	struct job *job = arg;
	pthread_t thread;
	void *answer;

	child_check(ipc_pipe_close(job->p.end[job->at]) == 0);
	while (!job->use)
		sleep_ms(0.2);
	child_check(!pthread_create(&thread, NULL, send_one, other_end(job)));
	child_check(!pthread_join(thread, &answer) && !answer);
	job->used = true;
	stay();
}

static void test_the_thread_that_it_watches_ends(void **state)
{
	struct job *job = new_job(0, false);
	pid_t waiter = start_waiter(job);
	pid_t holder = spawn_child(use_in_a_thread, job);
	(void)state;

	close_both(job->p);
	job->use = true;
	assert_true(eventually(job->used, 10e3));
	expect_no_end(job);
	kill_child(holder);
	expect_the_end(job, waiter);
}

static void *make_one(void *arg)
{
	return (void *)(intptr_t)ipc_pipe_create(arg, NULL);
}

static int make_in_a_thread(void *arg)
{
	struct ipc_pipe *end[2];
	pthread_t thread;
	void *answer;

	(void)arg;
	child_check(!pthread_create(&thread, NULL, make_one, end));
	child_check(!pthread_join(thread, &answer) && !answer);
	child_check(send_message(end[0], LEN, 1, 0) == 0);
	child_check(recv_message(end[1], LEN, 1, 0) == LEN);
	return ipc_pipe_close(end[0]) || ipc_pipe_close(end[1]);
}

/* in a process where nobody made one before */
static void test_made_by_a_thread_that_ends(void **state)
{
	(void)state;
	expect_exit(spawn_child(make_in_a_thread, NULL), 0);
}

/* ------------------------------------------------------------------- damage */

/* a name of nobody: the next one has to look for itself */
static void test_a_holder_that_nobody_is(void **state)
{
	static const uint64_t names[] = {1, UINT64_MAX, UINT64_C(7) << 32,
					 UINT64_C(0xffffffff) << 32 | 1024};
	(void)state;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct job *job = new_job(0, false);
		pid_t waiter, quiet = spawn_child(only_hold, job);

		inside_pipe(job->p.end[0])->holder[1] = names[i];
		waiter = start_waiter(job);
		close_both(job->p);
		expect_no_end(job);
		kill_child(quiet);
		expect_the_end(job, waiter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_made_by_a_thread_that_ends), /* the first */
		TEST(test_an_idle_receiver),
		TEST(test_an_idle_sender),
		TEST(test_idle_while_a_child_holds),
		TEST(test_idle_when_others_close),
		TEST(test_the_last_holder_was_never_seen),
		TEST(test_the_one_it_watches_closes),
		TEST(test_closed_before_anybody_waits),
		TEST(test_the_thread_that_it_watches_ends),
		TEST(test_a_holder_that_nobody_is),
	};

	return RUN_TESTS(tests);
}
