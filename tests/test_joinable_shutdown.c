/* SPDX-License-Identifier: MIT */
/*
 * test_joinable_shutdown.c - the tasks of a queue that is shut down: done,
 * dropped, or come back from a worker that died
 */
#include "queue_util.h"

static const enum ipc_order kinds[] = {LIBIPC_FIFO, LIBIPC_LIFO,
				       LIBIPC_PRIORITY};

#define EACH_KIND(k) for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)

static void expect_over(struct ipc_queue *q)
{
	int item;

	expect_at_once(ipc_queue_get(q, &item, 4, 0), -ESHUTDOWN);
	expect_at_once(ipc_queue_get(q, &item, 4, 100), -ESHUTDOWN);
	expect_at_once(ipc_queue_get(q, &item, 4, -1), -ESHUTDOWN);
}

static void test_what_waits_is_to_be_done(void **state)
{
	(void)state;

	EACH_KIND(k)
	{
		struct ipc_queue *q =
			new_queue_of(kinds[k], 4, LIBIPC_JOINABLE);

		put_int(q, 1);
		put_int(q, 2);
		assert_int_equal(ipc_queue_shutdown(q, false), 0);
		assert_int_equal(ipc_queue_join(q, 0), -EAGAIN);
		assert_int_equal(ipc_queue_unfinished(q), 2);
		got_int(q);
		assert_int_equal(ipc_queue_task_done(q), 0);
		got_int(q);
		/* the calling thread's own task is none that comes back */
		expect_over(q);
		assert_int_equal(ipc_queue_unfinished(q), 1);
		assert_int_equal(ipc_queue_task_done(q), 0);
		expect_over(q);
		assert_int_equal(ipc_queue_join(q, -1), 0);
		close_queue(q);
	}
}

static void test_dropped_is_done(void **state)
{
	(void)state;

	EACH_KIND(k)
	{
		struct ipc_queue *q =
			new_queue_of(kinds[k], 4, LIBIPC_JOINABLE);

		for (int i = 0; i < 4; i++)
			put_int(q, i);
		got_int(q);
		assert_int_equal(ipc_queue_shutdown(q, true), 0);
		assert_int_equal(ipc_queue_size(q), 0);
		assert_int_equal(ipc_queue_unfinished(q), 1);
		assert_int_equal(ipc_queue_join(q, 0), -EAGAIN);
		expect_over(q);
		assert_int_equal(ipc_queue_task_done(q), 0);
		assert_int_equal(ipc_queue_task_done(q), -EINVAL);
		assert_int_equal(ipc_queue_unfinished(q), 0);
		assert_int_equal(ipc_queue_join(q, -1), 0);
		assert_int_equal(ipc_queue_shutdown(q, true), 0);
		assert_int_equal(ipc_queue_unfinished(q), 0);
		close_queue(q);
	}
}

static int join_for_ever(void *arg)
{
	return ipc_queue_join(arg, LIBIPC_FOREVER);
}

static void test_dropping_wakes_joiners(void **state)
{
	struct ipc_queue *q = new_queue(4, 8, LIBIPC_JOINABLE);
	pid_t pid[3];
	(void)state;

	put_int(q, 1);
	put_int(q, 2);
	for (int i = 0; i < 3; i++) {
		pid[i] = spawn_child(join_for_ever, q);
		wait_asleep(pid[i]);
	}
	assert_int_equal(ipc_queue_shutdown(q, false), 0);
	assert_false(has_ended(pid[0]));
	assert_int_equal(ipc_queue_shutdown(q, true), 0);
	for (int i = 0; i < 3; i++)
		expect_exit(pid[i], 0);
	close_queue(q);
}

/* ------------------------------------------------ tasks that others hold */

struct scene {
	struct ipc_queue *q;
	_Atomic bool holds, finish;
};

static int hold(void *arg)
{
	struct scene *s = arg;

	child_get(s->q);
	s->holds = true;
	child_check(eventually(s->finish, 20000));
	child_check(ipc_queue_task_done(s->q) == 0);
	return 0;
}

static int get_until_shut(void *arg)
{
	struct scene *s = arg;
	int item;

	child_check(ipc_queue_get(s->q, &item, 4, LIBIPC_FOREVER) ==
		    -ESHUTDOWN);
	return 0;
}

static int get_what_comes_back(void *arg)
{
	struct scene *s = arg;
	int item = child_get(s->q);

	child_check(ipc_queue_get(s->q, &item, 4, LIBIPC_FOREVER) ==
		    -ESHUTDOWN);
	child_check(ipc_queue_task_done(s->q) == 0);
	return item;
}

static struct scene *begin(enum ipc_order order, pid_t *holder)
{
	struct scene *s = shared_alloc(sizeof(*s));

	s->q = new_queue_of(order, 4, LIBIPC_JOINABLE);
	put_int(s->q, 7);
	*holder = spawn_child(hold, s);
	assert_true(eventually(s->holds, 10000));
	return s;
}

static void test_waits_for_the_tasks_of_others(void **state)
{
	pid_t holder, pid[3];
	int item;
	(void)state;

	EACH_KIND(k)
	{
		struct scene *s = begin(kinds[k], &holder);

		for (int i = 0; i < 3; i++) {
			pid[i] = spawn_child(get_until_shut, s);
			wait_asleep(pid[i]);
			if (i == 1) /* asleep before, and after */
				ipc_queue_shutdown(s->q, k == 1);
		}
		assert_int_equal(ipc_queue_get(s->q, &item, 4, 0), -EAGAIN);
		expect_timeout(ipc_queue_get(s->q, &item, 4, 30), 30);
		for (int i = 0; i < 3; i++) {
			wait_asleep(pid[i]);
			assert_false(has_ended(pid[i]));
		}
		s->finish = true;
		for (int i = 0; i < 3; i++)
			expect_exit(pid[i], 0);
		expect_exit(holder, 0);
		expect_over(s->q);
		assert_int_equal(ipc_queue_join(s->q, -1), 0);
		close_queue(s->q);
	}
}

/* dropped or not: what a dead one held comes back */
static void test_a_task_comes_back(void **state)
{
	pid_t holder, pid;
	(void)state;

	EACH_KIND(k)
	{
		struct scene *s = begin(kinds[k], &holder);

		put_int(s->q, 8);
		assert_int_equal(ipc_queue_shutdown(s->q, true), 0);
		pid = spawn_child(get_what_comes_back, s);
		wait_asleep(pid);
		kill_child(holder);
		expect_exit(pid, 7);
		expect_over(s->q);
		assert_int_equal(ipc_queue_join(s->q, -1), 0);
		close_queue(s->q);
	}
}

/* what a getter has itself will not come: it waits for those of others only,
   though it is not the end of all tasks. Nobody dies, who would wake it. */
static void test_its_own_task_is_no_reason(void **state)
{
	struct scene *s = shared_alloc(sizeof(*s));
	pid_t pid;
	(void)state;

	s->q = new_queue(4, 8, LIBIPC_JOINABLE);
	put_int(s->q, 7);
	assert_int_equal(got_int(s->q), 7);
	put_int(s->q, 8);
	pid = spawn_child(get_what_comes_back, s);
	wait_asleep(pid);
	assert_int_equal(ipc_queue_shutdown(s->q, false), 0);
	wait_asleep(pid);
	assert_false(has_ended(pid));
	assert_int_equal(ipc_queue_task_done(s->q), 0);
	expect_exit(pid, 8);
	assert_int_equal(ipc_queue_join(s->q, -1), 0);
	close_queue(s->q);
}

static int get_it_or_nothing(void *arg)
{
	struct scene *s = arg;
	int item = 0, r = ipc_queue_get(s->q, &item, 4, LIBIPC_FOREVER);

	child_check(r == 4 ? ipc_queue_task_done(s->q) == 0 : r == -ESHUTDOWN);
	return item;
}

static int exit_code(pid_t pid)
{
	siginfo_t info;

	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	return info.si_status;
}

/* it goes to one of them; the others wait for that one */
static void test_several_wait_for_what_comes_back(void **state)
{
	pid_t holder, pid[3];
	int got = 0;
	struct scene *s = begin(LIBIPC_FIFO, &holder);
	(void)state;

	assert_int_equal(ipc_queue_shutdown(s->q, false), 0);
	for (int i = 0; i < 3; i++) {
		pid[i] = spawn_child(get_it_or_nothing, s);
		wait_asleep(pid[i]);
	}
	kill_child(holder);
	for (int i = 0; i < 3; i++) {
		int code = exit_code(pid[i]);

		got += code;
		expect_exit(pid[i], code);
	}
	assert_int_equal(got, 7);
	assert_int_equal(ipc_queue_join(s->q, -1), 0);
	close_queue(s->q);
}

static void test_at_the_back(void **state)
{
	pid_t holder;
	int item;
	struct scene *s = begin(LIBIPC_FIFO, &holder);
	(void)state;

	put_int(s->q, 8);
	put_int(s->q, 9);
	assert_int_equal(ipc_queue_shutdown(s->q, false), 0);
	assert_int_equal(ipc_queue_get_back(s->q, &item, 4, 0), 4);
	assert_int_equal(item, 9);
	assert_int_equal(ipc_queue_get_back(s->q, &item, 4, 0), 4);
	assert_int_equal(item, 8);
	assert_int_equal(ipc_queue_get_back(s->q, &item, 4, 0), -EAGAIN);
	kill_child(holder);
	assert_int_equal(ipc_queue_get_back(s->q, &item, 4, -1), 4);
	assert_int_equal(item, 7);
	assert_int_equal(ipc_queue_get_back(s->q, &item, 4, -1), -ESHUTDOWN);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ipc_queue_task_done(s->q), 0);
	assert_int_equal(ipc_queue_join(s->q, -1), 0);
	close_queue(s->q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_waits_is_to_be_done),
		TEST(test_dropped_is_done),
		TEST(test_dropping_wakes_joiners),
		TEST(test_waits_for_the_tasks_of_others),
		TEST(test_a_task_comes_back),
		TEST(test_its_own_task_is_no_reason),
		TEST(test_several_wait_for_what_comes_back),
		TEST(test_at_the_back),
	};

	return RUN_TESTS(tests);
}
