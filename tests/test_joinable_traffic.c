/* SPDX-License-Identifier: MIT */
/*
 * test_joinable_traffic.c - many processes put tasks and do them: all are
 * counted, exactly, at any time
 */
#include "traffic.h"

struct gauge {
	struct ipc_queue *q;
	_Atomic bool over;
	_Atomic long looks, signals;
	long most; /* that can be unfinished at one moment */
};

/* interrupted now and then, so that a look may take its time */
static int look_on(void *arg)
{
	struct gauge *g = arg;

	storm_begin(&g->signals);
	while (!g->over) {
		long n = ipc_queue_unfinished(g->q);

		child_check(n >= 0);
		child_check(n <= g->most);
		g->looks++;
	}
	return 0;
}

static void run(int producers, int consumers, int items, size_t maxsize)
{
	struct traffic *t = shared_alloc(sizeof(*t));
	struct gauge *g = shared_alloc(sizeof(*g));
	pid_t onlooker;

	t->q = g->q =
		new_queue(maxsize, sizeof(struct tagged), LIBIPC_JOINABLE);
	t->producers = producers;
	t->consumers = consumers;
	t->items = items;
	t->put_batch = 20;
	t->get_batch = 20;
	t->joinable = true;
	g->most = (long)maxsize + 20 * consumers;
	onlooker = spawn_child(look_on, g);
	run_in_processes(t);
	g->over = true;
	expect_exit(onlooker, 0);
	assert_true(g->looks > 0);
	assert_int_equal(ipc_queue_unfinished(t->q), 0);
	assert_int_equal(ipc_queue_join(t->q, 0), 0);
	close_queue(t->q);
}

static void test_4_put_4_work(void **state)
{
	(void)state;
	run(4, 4, 80000, 100);
}

static void test_room_for_one(void **state)
{
	(void)state;
	run(2, 2, 5000, 1);
}

/* ------------------------------------------------- each producer joins */

enum { TASKS = 3000, KITCHENS = 3 };

static int eat(void *arg)
{
	int item;

	while (ipc_queue_get(arg, &item, sizeof(item), LIBIPC_FOREVER) ==
	       sizeof(item))
		child_check(ipc_queue_task_done(arg) == 0);
	return 0;
}

static int cook_and_join(void *arg)
{
	for (int i = 0; i < TASKS; i++)
		child_put(arg, i);
	child_check(ipc_queue_join(arg, LIBIPC_FOREVER) == 0);
	return 0;
}

static void test_each_producer_joins(void **state)
{
	struct ipc_queue *q = new_queue(10, sizeof(int), LIBIPC_JOINABLE);
	pid_t cook[KITCHENS], eater[2];
	(void)state;

	for (int i = 0; i < 2; i++)
		eater[i] = spawn_child(eat, q);
	for (int i = 0; i < KITCHENS; i++)
		cook[i] = spawn_child(cook_and_join, q);
	for (int i = 0; i < KITCHENS; i++)
		wait_for_end(cook[i]);
	assert_int_equal(ipc_queue_join(q, 0), 0);
	assert_int_equal(ipc_queue_unfinished(q), 0);
	expect_empty(q);
	for (int i = 0; i < 2; i++)
		kill_child(eater[i]);
	close_queue(q);
}

/* ------------------------------------------------------------- both ends */

/* who works at an end needs the gates of both sides */
static int put_at_both_ends(void *arg)
{
	struct traffic *t = arg;
	uint32_t me = (uint32_t)t->put_ids++;

	for (uint32_t i = 0; i < items_each(t); i++) {
		struct tagged item = {me, i};
		int r = i % 2 ? ipc_queue_put(t->q, &item, sizeof(item), -1)
			      : ipc_queue_put_front(t->q, &item, sizeof(item),
						    -1);

		child_check(r == 0);
	}
	return 0;
}

static int work_at_both_ends(void *arg)
{
	struct traffic *t = arg;
	int64_t last[MAX_SIDE] = {0};
	struct tagged item;

	for (uint32_t i = 0;; i++) {
		int r = i % 4 ? ipc_queue_get(t->q, &item, sizeof(item), -1)
			      : ipc_queue_get_back(t->q, &item, sizeof(item),
						   -1);

		child_check(r == sizeof(item));
		take_note(t, &item, last);
		child_check(ipc_queue_task_done(t->q) == 0);
	}
}

static void test_both_ends(void **state)
{
	struct traffic *t = shared_alloc(sizeof(*t));
	pid_t producer[2], worker[2];
	(void)state;

	t->q = new_queue(10, sizeof(struct tagged), LIBIPC_JOINABLE);
	t->producers = 2;
	t->items = 50000;
	t->any_order = true;
	for (int i = 0; i < 2; i++) {
		producer[i] = spawn_child(put_at_both_ends, t);
		worker[i] = spawn_child(work_at_both_ends, t);
	}
	for (int i = 0; i < 2; i++)
		expect_exit(producer[i], 0);
	assert_int_equal(ipc_queue_join(t->q, LIBIPC_FOREVER), 0);
	for (int i = 0; i < t->items; i++)
		assert_int_equal(t->seen[i], 1);
	for (int i = 0; i < 2; i++)
		kill_child(worker[i]);
	close_queue(t->q);
}

/* --------------------------------------------------------------- exactly */

static int one_task_at_a_time(void *arg)
{
	struct gauge *g = arg;

	while (!g->over) {
		child_put(g->q, 1);
		child_get(g->q);
		child_check(ipc_queue_task_done(g->q) == 0);
	}
	return 0;
}

/* never more than one, and so nobody may see more than one */
static void test_unfinished_is_exact(void **state)
{
	struct gauge *g = shared_alloc(sizeof(*g));
	pid_t worker, onlooker;
	(void)state;

	g->q = new_queue(4, sizeof(int), LIBIPC_JOINABLE);
	g->most = 1;
	worker = spawn_child(one_task_at_a_time, g);
	onlooker = spawn_child(look_on, g);
	sleep_ms(500);
	assert_true(eventually(g->looks > 10000, 10000));
	g->over = true;
	expect_exit(onlooker, 0);
	expect_exit(worker, 0);
	assert_int_equal(ipc_queue_unfinished(g->q), 0);
	close_queue(g->q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_4_put_4_work, 60),
		TEST_LIMIT(test_room_for_one, 60),
		TEST_LIMIT(test_each_producer_joins, 60),
		TEST_LIMIT(test_both_ends, 60),
		TEST_LIMIT(test_unfinished_is_exact, 30),
	};

	return RUN_TESTS(tests);
}
