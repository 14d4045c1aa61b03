/* SPDX-License-Identifier: MIT */
/*
 * test_joinable_join.c - who waits in join returns when the last task is done,
 * and not before
 */
#include "queue_util.h"

struct job {
	struct ipc_queue *q;
	_Atomic int finished; /* joins that returned */
	_Atomic int done;     /* tasks */
	_Atomic long signals;
};

static struct job *new_job(uint32_t flags)
{
	struct job *job = shared_alloc(sizeof(*job));

	job->q = new_queue(64, sizeof(int), LIBIPC_JOINABLE | flags);
	return job;
}

static int join_for_ever(void *arg)
{
	struct job *job = arg;

	child_check(ipc_queue_join(job->q, LIBIPC_FOREVER) == 0);
	job->finished++;
	return 0;
}

static void finish_one(struct job *job)
{
	got_int(job->q);
	assert_int_equal(ipc_queue_task_done(job->q), 0);
}

static void test_until_the_last_one(void **state)
{
	struct job *job = new_job(0);
	pid_t pid;
	(void)state;

	for (int i = 0; i < 5; i++)
		put_int(job->q, i);
	pid = spawn_child(join_for_ever, job);
	for (int i = 0; i < 4; i++) {
		wait_asleep(pid);
		finish_one(job);
		sleep_ms(5);
		assert_int_equal(job->finished, 0);
	}
	finish_one(job);
	expect_exit(pid, 0);
	close_queue(job->q);
}

/* empty is not enough: somebody still works on it */
static void test_got_is_not_done(void **state)
{
	struct job *job = new_job(0);
	pid_t pid;
	(void)state;

	put_int(job->q, 1);
	pid = spawn_child(join_for_ever, job);
	wait_asleep(pid);
	got_int(job->q);
	expect_empty(job->q);
	sleep_ms(50);
	assert_int_equal(job->finished, 0);
	assert_int_equal(ipc_queue_task_done(job->q), 0);
	expect_exit(pid, 0);
	close_queue(job->q);
}

static void test_tasks_that_came_later_count(void **state)
{
	struct job *job = new_job(0);
	pid_t pid;
	(void)state;

	put_int(job->q, 1);
	pid = spawn_child(join_for_ever, job);
	wait_asleep(pid);
	put_int(job->q, 2);
	finish_one(job);
	sleep_ms(20);
	assert_int_equal(job->finished, 0);
	finish_one(job);
	expect_exit(pid, 0);
	close_queue(job->q);
}

static void test_several_joiners(void **state)
{
	enum { N = 20 };
	struct job *job = new_job(0);
	pid_t pid[N];
	(void)state;

	put_int(job->q, 1);
	for (int i = 0; i < N; i++)
		pid[i] = spawn_child(join_for_ever, job);
	for (int i = 0; i < N; i++)
		wait_asleep(pid[i]);
	assert_int_equal(job->finished, 0);
	finish_one(job);
	for (int i = 0; i < N; i++)
		expect_exit(pid[i], 0);
	assert_int_equal(job->finished, N);
	close_queue(job->q);
}

/* one who was killed, or stopped, while it waited is in nobody's way */
static void test_joiners_that_do_not_come_back(void **state)
{
	struct job *job = new_job(0);
	pid_t pid[4];
	(void)state;

	put_int(job->q, 1);
	for (int i = 0; i < 4; i++) {
		pid[i] = spawn_child(join_for_ever, job);
		wait_asleep(pid[i]);
	}
	kill_child(pid[0]);
	assert_true(stop_child(pid[1]));
	finish_one(job);
	expect_exit(pid[2], 0);
	expect_exit(pid[3], 0);
	kill(pid[1], SIGCONT);
	expect_exit(pid[1], 0);
	close_queue(job->q);
}

/* ------------------------------------------------------------ with workers */

static int work_slowly(void *arg)
{
	struct job *job = arg;

	while (child_get(job->q)) {
		sleep_ms(2);
		job->done++;
		child_check(ipc_queue_task_done(job->q) == 0);
	}
	child_check(ipc_queue_task_done(job->q) == 0);
	return 0;
}

static void test_workers_finish_it(void **state)
{
	struct job *job = new_job(0);
	pid_t pid[3];
	(void)state;

	for (int i = 0; i < 3; i++)
		pid[i] = spawn_child(work_slowly, job);
	for (int lap = 1; lap <= 5; lap++) {
		for (int i = 0; i < 20; i++)
			put_int(job->q, 1);
		assert_int_equal(ipc_queue_join(job->q, LIBIPC_FOREVER), 0);
		assert_int_equal(job->done, 20 * lap);
		assert_int_equal(ipc_queue_unfinished(job->q), 0);
	}
	for (int i = 0; i < 3; i++)
		put_int(job->q, 0);
	for (int i = 0; i < 3; i++)
		expect_exit(pid[i], 0);
	assert_int_equal(ipc_queue_join(job->q, 0), 0);
	close_queue(job->q);
}

/* a task may make new ones before it is done, as in a walk over a tree */
static int work_on_a_tree(void *arg)
{
	struct job *job = arg;

	for (;;) {
		int depth = child_get(job->q);

		for (int i = 0; i < 2 && depth > 1; i++)
			child_put(job->q, depth - 1);
		job->done++;
		child_check(ipc_queue_task_done(job->q) == 0);
	}
	return 0;
}

static void test_tasks_that_make_tasks(void **state)
{
	struct job *job = new_job(0);
	pid_t pid[2];
	(void)state;

	for (int i = 0; i < 2; i++)
		pid[i] = spawn_child(work_on_a_tree, job);
	for (int lap = 1; lap <= 50; lap++) {
		put_int(job->q, 5);
		assert_int_equal(ipc_queue_join(job->q, LIBIPC_FOREVER), 0);
		assert_int_equal(job->done, 31 * lap);
	}
	for (int i = 0; i < 2; i++)
		kill_child(pid[i]);
	close_queue(job->q);
}

/* ----------------------------------------------------------------- signals */

static int join_in_a_storm(void *arg)
{
	struct job *job = arg;
	double start;

	storm_begin(&job->signals);
	start = now_ms();
	child_check(ipc_queue_join(job->q, 100) == -ETIMEDOUT);
	child_check(now_ms() - start >= 100);
	return join_for_ever(job);
}

static void test_signals_change_nothing(void **state)
{
	struct job *job = new_job(0);
	pid_t pid;
	(void)state;

	put_int(job->q, 1);
	pid = spawn_child(join_in_a_storm, job);
	assert_true(eventually(job->signals > 400, 10000));
	assert_int_equal(job->finished, 0);
	finish_one(job);
	expect_exit(pid, 0);
	close_queue(job->q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_until_the_last_one),
		TEST(test_got_is_not_done),
		TEST(test_tasks_that_came_later_count),
		TEST(test_several_joiners),
		TEST(test_joiners_that_do_not_come_back),
		TEST(test_workers_finish_it),
		TEST(test_tasks_that_make_tasks),
		TEST(test_signals_change_nothing),
	};

	return RUN_TESTS(tests);
}
