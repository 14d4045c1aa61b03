/* SPDX-License-Identifier: MIT */
/*
 * test_tool_tasks.c - libipc stat tells who has which task of a joinable queue,
 * for the how many-th time, and which ones wait again or were set aside
 */
#include "tool_util.h"

static struct ran r;

static const char *stat_of(const char *name)
{
	run_tool(&r, "stat", (char *)(uintptr_t)name);
	expect_well(&r);
	run_tool(&r, "-j", "stat", (char *)(uintptr_t)name);
	expect_well(&r);
	assert_true(json_is_valid(r.out));
	return r.out;
}

static void expect_counts(const char *o, const char *held, const char *again,
			  const char *aside)
{
	expect_json(o, "held", held);
	expect_json(o, "wait_again", again);
	expect_json(o, "set_aside", aside);
}

static struct ipc_queue *new_queue(const char *name, size_t maxsize,
				   size_t item_size, enum ipc_order order)
{
	const struct ipc_queue_opts opts = {.maxsize = maxsize,
					    .item_size = item_size,
					    .order = order,
					    .flags = LIBIPC_JOINABLE,
					    .max_attempts = 2};
	struct ipc_queue *q;

	assert_int_equal(ipc_queue_create(&q, name, &opts), 0);
	return q;
}

struct worker {
	struct ipc_queue *q;
	int tasks;
	_Atomic int there;
};

static int take_and_stay(void *arg)
{
	struct worker *w = arg;
	char buf[40];

	for (int i = 0; i < w->tasks; i++)
		child_check(ipc_queue_get(w->q, buf, sizeof(buf), 5000) == 3);
	w->there = 1;
	for (;;)
		pause();
	return 0;
}

static pid_t start_worker(struct worker *w, struct ipc_queue *q, int tasks)
{
	pid_t pid;

	w->q = q;
	w->tasks = tasks;
	w->there = 0;
	pid = spawn_child(take_and_stay, w);
	assert_true(eventually(w->there, 10000));
	return pid;
}

static void expect_task(const char *o, int i, const char *state,
			const char *attempts, pid_t pid)
{
	const char *task = json_element(json_member(o, "tasks"), i);
	char buf[32];

	expect_json(task, "state", state);
	expect_json(task, "attempts", attempts);
	expect_json(task, "length", "3");
	snprintf(buf, sizeof(buf), "%d", (int)pid);
	if (pid)
		expect_json(json_member(task, "holder"), "pid", buf);
	else
		expect_json(task, "holder", "null");
}

static void follow_tasks(const char *name, struct ipc_queue *q)
{
	struct worker *w = shared_alloc(sizeof(*w));
	char buf[40];
	const char *o;
	pid_t pid;

	for (int i = 0; i < 3; i++)
		assert_int_equal(ipc_queue_put(q, "job", 3, 0), 0);
	o = stat_of(name);
	expect_json(o, "tasks", "[]");
	expect_counts(o, "0", "0", "0");
	expect_json(o, "max_attempts", "2");

	pid = start_worker(w, q, 2);
	o = stat_of(name);
	expect_json(o, "items", "1");
	expect_json(o, "unfinished", "3");
	expect_counts(o, "2", "0", "0");
	expect_task(o, 0, "\"held\"", "1", pid);
	expect_task(o, 1, "\"held\"", "1", pid);

	kill_child(pid);
	o = stat_of(name);
	expect_counts(o, "0", "2", "0");
	expect_task(o, 0, "\"waits again\"", "1", 0);

	pid = start_worker(w, q, 2);
	o = stat_of(name);
	expect_counts(o, "2", "0", "0");
	expect_task(o, 0, "\"held\"", "2", pid);
	kill_child(pid);

	/* they were delivered twice: the last one is what is left */
	assert_int_equal(ipc_queue_get(q, buf, sizeof(buf), 0), 3);
	o = stat_of(name);
	expect_counts(o, "1", "0", "2");
	expect_json(o, "unfinished", "1");
	assert_int_equal(ipc_queue_task_done(q), 0);
	expect_counts(stat_of(name), "0", "0", "2");
	assert_int_equal(ipc_queue_join(q, 0), 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(ipc_queue_get_failed(q, buf, sizeof(buf), 0),
				 3);
	expect_counts(stat_of(name), "0", "0", "0");
	assert_int_equal(ipc_queue_close(q), 0);
	assert_int_equal(ipc_unlink(name), 0);
}

static void test_fifo(void **state)
{
	char name[64];
	(void)state;

	need_exact_wakes(); /* else a death is not written down at once */
	follow_tasks(name,
		     new_queue(unique_name(name, "fifo"), 8, 40, LIBIPC_FIFO));
}

static void test_priority(void **state)
{
	char name[64];
	struct ipc_queue *q;
	(void)state;

	need_exact_wakes(); /* else a death is not written down at once */
	q = new_queue(unique_name(name, "prio"), 8, 40, LIBIPC_PRIORITY);
	expect_json(stat_of(name), "order", "\"priority\"");
	follow_tasks(name, q);
}

static void test_unbounded(void **state)
{
	char name[64];
	struct ipc_queue *q;
	(void)state;

	need_exact_wakes(); /* else a death is not written down at once */
	q = new_queue(unique_name(name, "unbounded"), 0, 40, LIBIPC_FIFO);
	expect_json(stat_of(name), "maxsize", "null");
	follow_tasks(name, q);
}

static void test_long_items(void **state)
{
	char name[64];
	struct ipc_queue *q;
	(void)state;

	need_exact_wakes(); /* else a death is not written down at once */
	q = new_queue(unique_name(name, "long"), 8, 1 << 20, LIBIPC_FIFO);
	expect_json(stat_of(name), "item_size", "1048576");
	follow_tasks(name, q);
}

/* more tasks than are listed: all are counted */
static void test_many_tasks(void **state)
{
	const struct ipc_queue_opts opts = {
		.maxsize = 500, .item_size = 8, .flags = LIBIPC_JOINABLE};
	struct ipc_queue *q;
	char name[64], buf[8];
	const char *list;
	(void)state;

	assert_int_equal(ipc_queue_create(&q, unique_name(name, "many"), &opts),
			 0);
	for (int i = 0; i < 300; i++)
		assert_int_equal(ipc_queue_put(q, "x", 1, 0), 0);
	for (int i = 0; i < 300; i++)
		assert_int_equal(ipc_queue_get(q, buf, sizeof(buf), 0), 1);
	expect_counts(stat_of(name), "300", "0", "0");
	list = json_member(r.out, "tasks");
	assert_non_null(json_element(list, 99));
	assert_null(json_element(list, 100));
	for (int i = 0; i < 300; i++)
		assert_int_equal(ipc_queue_task_done(q), 0);
	expect_counts(stat_of(name), "0", "0", "0");
	assert_int_equal(ipc_queue_close(q), 0);
	assert_int_equal(ipc_unlink(name), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fifo),       TEST(test_priority),
		TEST(test_unbounded),  TEST(test_long_items),
		TEST(test_many_tasks),
	};

	return RUN_TESTS(tests);
}
