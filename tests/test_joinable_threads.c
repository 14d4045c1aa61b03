/* SPDX-License-Identifier: MIT */
/*
 * test_joinable_threads.c - a task belongs to the thread that got it; many
 * threads put, work and join
 */
#include "traffic.h"

struct meeting {
	struct ipc_queue *q;
	_Atomic int got, go;
};

static void wait_for(_Atomic int *flag)
{
	while (!*flag)
		sleep_ms(0.1);
}

static int holds_none(void *arg)
{
	struct meeting *m = arg;

	child_check(ipc_queue_task_done(m->q) == -EINVAL);
	return 0;
}

static int get_and_wait(void *arg)
{
	struct meeting *m = arg;

	holds_none(m);
	child_get(m->q);
	m->got = 1;
	wait_for(&m->go);
	child_check(ipc_queue_task_done(m->q) == 0);
	return holds_none(m);
}

static void test_another_threads_task_is_not_mine(void **state)
{
	struct meeting m = {new_queue(4, sizeof(int), LIBIPC_JOINABLE), 0, 0};
	struct test_thread *t = start_thread(get_and_wait, &m);
	(void)state;

	put_int(m.q, 1);
	wait_for(&m.got);
	assert_int_equal(ipc_queue_task_done(m.q), -EINVAL);
	join_thread(start_thread(holds_none, &m));
	assert_int_equal(ipc_queue_unfinished(m.q), 1);
	m.go = 1;
	join_thread(t);
	assert_int_equal(ipc_queue_unfinished(m.q), 0);
	close_queue(m.q);
}

/* a child of the thread has none of them, neither its nor another thread's */
static int fork_with_a_task(void *arg)
{
	struct meeting *m = arg;

	child_get(m->q);
	expect_exit(spawn_child(holds_none, m), 0);
	child_check(ipc_queue_task_done(m->q) == 0);
	return 0;
}

static void test_a_child_of_a_thread(void **state)
{
	struct meeting m = {new_queue(4, sizeof(int), LIBIPC_JOINABLE), 0, 0};
	(void)state;

	put_int(m.q, 1);
	put_int(m.q, 2);
	got_int(m.q);
	join_thread(start_thread(fork_with_a_task, &m));
	assert_int_equal(ipc_queue_task_done(m.q), 0);
	assert_int_equal(ipc_queue_unfinished(m.q), 0);
	close_queue(m.q);
}

static int join_it(void *arg)
{
	struct traffic *t = arg;

	child_check(ipc_queue_join(t->q, LIBIPC_FOREVER) == 0);
	return 0;
}

static void test_many_threads(void **state)
{
	struct traffic *t = shared_alloc(sizeof(*t));
	struct test_thread *joiner[2];
	(void)state;

	t->q = new_queue(50, sizeof(struct tagged), LIBIPC_JOINABLE);
	t->producers = 3;
	t->consumers = 3;
	t->items = 9000;
	t->put_batch = 20;
	t->get_batch = 20;
	t->joinable = true;
	for (int i = 0; i < 2; i++)
		joiner[i] = start_thread(join_it, t);
	run_in_threads(t);
	for (int i = 0; i < 2; i++)
		join_thread(joiner[i]);
	assert_int_equal(ipc_queue_unfinished(t->q), 0);
	close_queue(t->q);
}

/* several queues, and each thread has its own account of each */
static int work_on_all(void *arg)
{
	struct ipc_queue **q = arg;

	for (int lap = 0; lap < 20; lap++) {
		for (int i = 0; i < 10; i++) {
			child_put(q[i], i);
			child_get(q[i]);
		}
		for (int i = 9; i >= 0; i--)
			child_check(ipc_queue_task_done(q[i]) == 0);
		for (int i = 0; i < 10; i++)
			child_check(ipc_queue_task_done(q[i]) == -EINVAL);
	}
	return 0;
}

static void test_many_threads_many_queues(void **state)
{
	struct test_thread *t[4];
	struct ipc_queue *q[10];
	(void)state;

	for (int i = 0; i < 10; i++)
		q[i] = new_queue(4, sizeof(int), LIBIPC_JOINABLE);
	for (int i = 0; i < 4; i++)
		t[i] = start_thread(work_on_all, q);
	for (int i = 0; i < 4; i++)
		join_thread(t[i]);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(ipc_queue_join(q[i], 0), 0);
		close_queue(q[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_another_threads_task_is_not_mine),
		TEST(test_a_child_of_a_thread),
		TEST_LIMIT(test_many_threads, 30),
		TEST_LIMIT(test_many_threads_many_queues, 30),
	};

	return RUN_TESTS(tests);
}
