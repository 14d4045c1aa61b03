/* SPDX-License-Identifier: MIT */
/*
 * test_joinable_owner.c - a task belongs to who got it, of the queue that it
 * came from
 */
#include "queue_util.h"

static struct ipc_queue *new_joinable(void)
{
	return new_queue(16, sizeof(int), LIBIPC_JOINABLE);
}

static int holds_none(void *arg)
{
	child_check(ipc_queue_task_done(arg) == -EINVAL);
	return 0;
}

static void test_a_child_has_none_of_its_parents(void **state)
{
	struct ipc_queue *q = new_joinable();
	(void)state;

	put_int(q, 1);
	put_int(q, 2);
	got_int(q);
	expect_exit(spawn_child(holds_none, q), 0);
	assert_int_equal(ipc_queue_unfinished(q), 2);
	assert_int_equal(ipc_queue_task_done(q), 0);
	expect_exit(spawn_child(holds_none, q), 0);
	assert_int_equal(ipc_queue_unfinished(q), 1);
	close_queue(q);
}

static int work_once(void *arg)
{
	holds_none(arg);
	child_check(child_get(arg) == 2);
	child_check(ipc_queue_task_done(arg) == 0);
	holds_none(arg);
	return 0;
}

/* the child's own task is its own, though the parent holds one as well */
static void test_each_has_its_own(void **state)
{
	struct ipc_queue *q = new_joinable();
	(void)state;

	put_int(q, 1);
	put_int(q, 2);
	got_int(q);
	expect_exit(spawn_child(work_once, q), 0);
	assert_int_equal(ipc_queue_unfinished(q), 1);
	assert_int_equal(ipc_queue_task_done(q), 0);
	assert_int_equal(ipc_queue_task_done(q), -EINVAL);
	assert_int_equal(ipc_queue_unfinished(q), 0);
	close_queue(q);
}

/* got in the child: the parent cannot say that it is done */
static int get_and_wait(void *arg)
{
	child_get(arg);
	raise(SIGSTOP);
	child_check(ipc_queue_task_done(arg) == 0);
	return 0;
}

static void test_a_childs_task_is_not_its_parents(void **state)
{
	struct ipc_queue *q = new_joinable();
	siginfo_t info;
	pid_t pid;
	(void)state;

	put_int(q, 1);
	pid = spawn_child(get_and_wait, q);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED), 0);
	assert_int_equal(ipc_queue_task_done(q), -EINVAL);
	assert_int_equal(ipc_queue_unfinished(q), 1);
	kill(pid, SIGCONT);
	expect_exit(pid, 0);
	assert_int_equal(ipc_queue_unfinished(q), 0);
	close_queue(q);
}

static int child_of_a_child(void *arg)
{
	child_get(arg);
	expect_exit(spawn_child(holds_none, arg), 0);
	child_check(ipc_queue_task_done(arg) == 0);
	expect_exit(spawn_child(holds_none, arg), 0);
	return 0;
}

static void test_grandchildren(void **state)
{
	struct ipc_queue *q = new_joinable();
	(void)state;

	put_int(q, 1);
	put_int(q, 1);
	got_int(q);
	expect_exit(spawn_child(child_of_a_child, q), 0);
	assert_int_equal(ipc_queue_task_done(q), 0);
	assert_int_equal(ipc_queue_unfinished(q), 0);
	close_queue(q);
}

/* ---------------------------------------------------------- several queues */

static void test_two_queues_at_once(void **state)
{
	struct ipc_queue *a = new_joinable(), *b = new_joinable();
	(void)state;

	put_int(a, 1);
	put_int(a, 2);
	put_int(b, 3);
	got_int(a);
	assert_int_equal(ipc_queue_task_done(b), -EINVAL);
	got_int(b);
	got_int(a);
	assert_int_equal(ipc_queue_task_done(b), 0);
	assert_int_equal(ipc_queue_task_done(b), -EINVAL);
	assert_int_equal(ipc_queue_unfinished(a), 2);
	assert_int_equal(ipc_queue_task_done(a), 0);
	assert_int_equal(ipc_queue_task_done(a), 0);
	assert_int_equal(ipc_queue_task_done(a), -EINVAL);
	assert_int_equal(ipc_queue_unfinished(a), 0);
	assert_int_equal(ipc_queue_unfinished(b), 0);
	close_queue(a);
	close_queue(b);
}

/* queue i gives i + 1 tasks, taken in turns and done in another order */
static void test_many_queues_at_once(void **state)
{
	enum { N = 50, MOST = 16 };
	struct ipc_queue *q[N];
	int tasks[N];
	(void)state;

	for (int i = 0; i < N; i++) {
		q[i] = new_joinable();
		tasks[i] = 1 + i % MOST;
		for (int k = 0; k < tasks[i]; k++)
			put_int(q[i], k);
	}
	for (int k = 0; k < MOST; k++)
		for (int i = 0; i < N; i++)
			if (k < tasks[i])
				assert_int_equal(got_int(q[i]), k);
	for (int k = 0; k < MOST; k++)
		for (int i = N - 1; i >= 0; i--)
			assert_int_equal(ipc_queue_task_done(q[i]),
					 k < tasks[i] ? 0 : -EINVAL);
	for (int i = 0; i < N; i++) {
		assert_int_equal(ipc_queue_unfinished(q[i]), 0);
		close_queue(q[i]);
	}
}

/* a new queue has nothing to do with an old one, whose tasks were held */
static void test_a_closed_queue_is_forgotten(void **state)
{
	(void)state;

	for (int i = 0; i < 100; i++) {
		struct ipc_queue *q = new_joinable();

		put_int(q, 1);
		assert_int_equal(ipc_queue_task_done(q), -EINVAL);
		got_int(q);
		close_queue(q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_child_has_none_of_its_parents),
		TEST(test_each_has_its_own),
		TEST(test_a_childs_task_is_not_its_parents),
		TEST(test_grandchildren),
		TEST(test_two_queues_at_once),
		TEST(test_many_queues_at_once),
		TEST(test_a_closed_queue_is_forgotten),
	};

	return RUN_TESTS(tests);
}
