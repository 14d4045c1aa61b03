/* SPDX-License-Identifier: MIT */
/*
 * test_joinable_faults.c - tasks got, done and waited for, with each call
 * failing once: what could not be remembered was not taken
 */
#include "faults.h"

static struct ipc_queue *q;
static pid_t other;
static char got[8];

static void make(void)
{
	const struct ipc_queue_opts opts = {
		.maxsize = 4, .item_size = 8, .flags = LIBIPC_JOINABLE};

	child_check(ipc_queue_create(&q, NULL, &opts) == 0);
	child_check(ipc_queue_put_many(q, "ab", 1, 2, 0) == 2);
}

static void drop(void)
{
	child_check(ipc_queue_unfinished(q) == 0);
	child_check(ipc_queue_join(q, 0) == 0);
	child_check(ipc_queue_task_done(q) == -EINVAL);
	child_check(ipc_queue_close(q) == 0);
}

/* these wait, and those that this thread holds are n more */
static void finish(const char *waiting, int n)
{
	char c;

	child_check(ipc_queue_unfinished(q) == n + (long)strlen(waiting));
	for (; *waiting; waiting++, n++) {
		child_check(ipc_queue_get(q, &c, 1, 0) == 1);
		child_check(c == *waiting);
	}
	child_check(ipc_queue_get(q, &c, 1, 0) == -EAGAIN);
	for (; n; n--)
		child_check(ipc_queue_task_done(q) == 0);
	drop();
}

static int put(void)
{
	return ipc_queue_put(q, "c", 1, 5);
}

static void has_abc(void)
{
	finish("abc", 0);
}

static int get(void)
{
	return ipc_queue_get(q, got, 8, 5);
}

static void got_a(void)
{
	child_check(got[0] == 'a');
	finish("b", 1);
}

static int get_two(void)
{
	size_t lens[2];

	return ipc_queue_get_many(q, got, 4, lens, 2, 5);
}

static void got_ab(void)
{
	child_check(got[0] == 'a' && got[4] == 'b');
	finish("", 2);
}

/* a thread that ends may not leave a task undone */
static int get_and_done(void)
{
	int r = get();

	if (r > 0)
		child_check(ipc_queue_task_done(q) == 0);
	return r;
}

static void has_b(void)
{
	finish("b", 0);
}

static void make_one_got(void)
{
	make();
	child_check(get() == 1);
}

static int done(void)
{
	return ipc_queue_task_done(q);
}

static int join(void)
{
	return ipc_queue_join(q, 5);
}

static void make_idle(void)
{
	make();
	child_check(get_two() == 2);
	child_check(done() == 0 && done() == 0);
}

static int get_in_vain(void)
{
	return get();
}

/* ------------------------------------------- tickets, and tasks set aside */

static struct ipc_task task;

static int get_task(void)
{
	return ipc_queue_get_task(q, got, 8, &task, 5);
}

static void make_ticket(void)
{
	make();
	child_check(get_task() == 1);
}

static int done_ticket(void)
{
	return ipc_queue_task_done_ticket(q, task.ticket);
}

static int get_and_die(void *arg)
{
	(void)arg;
	child_check(get() == 1);
	return 0;
}

/* the worker that got the first one has ended */
static void make_orphan(void)
{
	make();
	expect_exit(spawn_child(get_and_die, NULL), 0);
}

static int get_orphan(void)
{
	int r = get_task();

	child_check(r < 0 || task.attempts == 2);
	return r;
}

/* both were delivered once too often */
static void make_failed(void)
{
	const struct ipc_queue_opts opts = {.maxsize = 4,
					    .item_size = 8,
					    .flags = LIBIPC_JOINABLE,
					    .max_attempts = 1};

	child_check(ipc_queue_create(&q, NULL, &opts) == 0);
	child_check(ipc_queue_put(q, "a", 1, 0) == 0);
	expect_exit(spawn_child(get_and_die, NULL), 0);
}

static int get_failed(void)
{
	return ipc_queue_get_failed(q, got, 8, 5);
}

static void failed_was_a(void)
{
	child_check(got[0] == 'a');
	drop();
}

static int join_failed(void)
{
	return ipc_queue_join(q, 5);
}

static void take_failed(void)
{
	child_check(get_failed() == 1);
	failed_was_a();
}

static int close_with_task(void)
{
	return ipc_queue_close(q);
}

/* ------------------------------------------------------------------- asleep */

static int die_later(void *arg)
{
	const int *fds = arg;

	child_check(get() == 1);
	child_check(write(fds[1], "", 1) == 1);
	child_check(eventually(harness_state(getppid()) == 'S', 5000));
	return 0;
}

/* one that holds the only task ends while we sleep */
static void make_orphan_later(void)
{
	int fds[2];
	char c;

	make();
	child_check(get() == 1 && done() == 0);
	child_check(pipe(fds) == 0);
	other = spawn_child(die_later, fds);
	child_check(read(fds[0], &c, 1) == 1);
	close(fds[0]);
	close(fds[1]);
}

static int get_asleep(void)
{
	return ipc_queue_get_task(q, got, 8, &task, LIBIPC_FOREVER);
}

static void orphan_came(void)
{
	expect_exit(other, 0);
	child_check(got[0] == 'b' && task.attempts == 2);
	finish("", 1);
}

static int wait_for_all(void *arg)
{
	(void)arg;
	return ipc_queue_join(q, LIBIPC_FOREVER);
}

static void make_joiner_asleep(void)
{
	make();
	child_check(get_two() == 2);
	child_check(done() == 0);
	other = spawn_child(wait_for_all, NULL);
	wait_asleep(other);
}

static void joiner_is_done(void)
{
	expect_exit(other, 0);
	drop();
}

static int work_later(void *arg)
{
	(void)arg;
	child_check(eventually(harness_state(getppid()) == 'S', 5000));
	for (int i = 0; i < 2; i++)
		child_check(get() == 1 && done() == 0);
	return 0;
}

static void make_work_later(void)
{
	make();
	other = spawn_child(work_later, NULL);
}

static int join_asleep(void)
{
	return ipc_queue_join(q, LIBIPC_FOREVER);
}

static const struct fault_case cases[] = {
	{"put", make, put, has_abc, 0, {0}, FAULTS_THREAD},
	{"get", make, get, got_a, 1, {ENOMEM}, FAULTS_THREAD},
	{"get and task_done, first use",
	 make,
	 get_and_done,
	 has_b,
	 1,
	 {ENOMEM, ENOSYS},
	 FAULTS_FRESH | FAULTS_THREAD},
	{"get_many", make, get_two, got_ab, 2, {ENOMEM}, FAULTS_THREAD},
	{"get, empty",
	 make_idle,
	 get_in_vain,
	 drop,
	 -ETIMEDOUT,
	 {ENOMEM},
	 FAULTS_THREAD | FAULTS_LOOSE},
	{"task_done", make_one_got, done, has_b, 0, {0}, FAULTS_THREAD},
	{"task_done, a joiner asleep",
	 make_joiner_asleep,
	 done,
	 joiner_is_done,
	 0,
	 {0},
	 FAULTS_THREAD | FAULTS_LOOSE},
	{"join", make_idle, join, drop, 0, {0}, FAULTS_THREAD},
	{"join, unfinished",
	 make_one_got,
	 join,
	 got_a,
	 -ETIMEDOUT,
	 {0},
	 FAULTS_THREAD | FAULTS_LOOSE},
	{"get_task", make, get_task, got_a, 1, {ENOMEM}, FAULTS_THREAD},
	{"task_done_ticket",
	 make_ticket,
	 done_ticket,
	 has_b,
	 0,
	 {0},
	 FAULTS_THREAD},
	{"get, of a dead worker",
	 make_orphan,
	 get_orphan,
	 got_a,
	 1,
	 {ENOMEM},
	 FAULTS_THREAD | FAULTS_LOOSE},
	{"get_failed",
	 make_failed,
	 get_failed,
	 failed_was_a,
	 1,
	 {0},
	 FAULTS_THREAD},
	{"join, one set aside",
	 make_failed,
	 join_failed,
	 take_failed,
	 1,
	 {0},
	 FAULTS_THREAD | FAULTS_LOOSE},
	{"close, with a task",
	 make_one_got,
	 close_with_task,
	 NULL,
	 0,
	 {0},
	 FAULTS_THREAD},
	{"get, asleep, then a worker dies",
	 make_orphan_later,
	 get_asleep,
	 orphan_came,
	 1,
	 {ENOMEM},
	 FAULTS_THREAD | FAULTS_LOOSE},
	{"join, asleep, then all is done",
	 make_work_later,
	 join_asleep,
	 joiner_is_done,
	 0,
	 {0},
	 FAULTS_LOOSE},
};

static void test_tasks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_faults(&cases[i]);
}

/* ------------------------------------------- what is held does not suffer */

enum { MANY = 12 };

static struct ipc_queue *queues[MANY];

static void make_many(void)
{
	for (int i = 0; i < MANY; i++) {
		make();
		queues[i] = q;
	}
}

/* the table of what a thread holds grows on the way */
static int get_of_each(void)
{
	static int held;
	int r = 1;

	while (held < MANY && r == 1) {
		r = ipc_queue_get(queues[held], got, 8, 0);
		held += r == 1;
	}
	return r;
}

static void finish_many(void)
{
	for (int i = 0; i < MANY; i++) {
		q = queues[i];
		finish("b", 1);
	}
}

static void test_many_queues(void **state)
{
	static const struct fault_case c = {
		"get, of many queues", make_many, get_of_each,
		finish_many,	       1,	  {ENOMEM},
		FAULTS_THREAD};
	(void)state;

	expect_faults(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_tasks, 60),
		TEST_LIMIT(test_many_queues, 60),
	};

	return RUN_TESTS(tests);
}
