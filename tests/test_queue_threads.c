/* SPDX-License-Identifier: MIT */
/*
 * test_queue_threads.c - threads of one process: every item exactly once, and
 * each producer's in its order
 */
#include "traffic.h"

static void run(int producers, int consumers, int items, size_t maxsize,
		uint32_t flags)
{
	struct traffic *t = shared_alloc(sizeof(*t));

	t->q = new_queue(maxsize, sizeof(struct tagged), flags);
	t->producers = producers;
	t->consumers = consumers;
	t->items = items;
	t->put_batch = 20;
	t->get_batch = 20;
	run_in_threads(t);
	expect_empty(t->q);
	close_queue(t->q);
}

static void test_4_put_4_get(void **state)
{
	(void)state;
	run(4, 4, 20000, 100, 0);
}

static void test_room_for_one(void **state)
{
	(void)state;
	run(2, 2, 2000, 1, 0);
}

static void run_kind(enum ipc_order order, uint32_t flags)
{
	struct traffic *t = shared_alloc(sizeof(*t));

	t->q = new_queue_of(order, 20, flags);
	t->producers = t->consumers = 3;
	t->items = 6000;
	t->put_batch = t->get_batch = 7;
	t->joinable = flags & LIBIPC_JOINABLE;
	t->any_order = order == LIBIPC_LIFO;
	run_in_threads(t);
	close_queue(t->q);
}

static void test_other_kinds(void **state)
{
	(void)state;
	run_kind(LIBIPC_LIFO, 0);
	run_kind(LIBIPC_PRIORITY, 0);
	run_kind(LIBIPC_PRIORITY, LIBIPC_JOINABLE);
}

static void test_one_puts_one_gets(void **state)
{
	(void)state;
	run(1, 1, 20000, 10, 0);
	run(1, 1, 20000, 10, LIBIPC_SINGLE_CONSUMER);
}

static void test_many_put_one_gets_alone(void **state)
{
	(void)state;
	run(4, 1, 10000, 7, LIBIPC_SINGLE_CONSUMER);
}

/* ------------------------------------------------- other than get and put */

struct onlookers {
	struct ipc_queue *q;
	_Atomic bool over;
};

static int look_on(void *arg)
{
	const struct onlookers *o = arg;

	while (!o->over) {
		long n = ipc_queue_size(o->q);
		int empty = ipc_queue_empty(o->q), full = ipc_queue_full(o->q);

		child_check(n >= 0 && n <= 5);
		child_check(empty == 0 || empty == 1);
		child_check(full == 0 || full == 1);
	}
	return 0;
}

static int put_and_get(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		child_put(arg, i);
		child_get(arg);
	}
	return 0;
}

static void test_others_look_on(void **state)
{
	struct onlookers o = {new_queue(5, sizeof(int), 0), false};
	struct test_thread *busy[3], *onlooker = start_thread(look_on, &o);
	(void)state;

	for (int i = 0; i < 3; i++)
		busy[i] = start_thread(put_and_get, o.q);
	for (int i = 0; i < 3; i++)
		join_thread(busy[i]);
	o.over = true;
	join_thread(onlooker);
	expect_empty(o.q);
	close_queue(o.q);
}

static int get_one(void *arg)
{
	return child_get(arg);
}

/* one sleeps in a thread, the other in a process */
static void test_threads_and_processes(void **state)
{
	struct ipc_queue *q = new_queue(2, sizeof(int), 0);
	struct test_thread *thread = start_thread(get_one, q);
	pid_t pid = spawn_child(get_one, q);
	(void)state;

	wait_asleep_tid(thread_tid(thread));
	wait_asleep(pid);
	put_int(q, 9);
	put_int(q, 9);
	expect_exit(pid, 9);
	assert_int_equal(join_thread(thread), 9);
	close_queue(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_4_put_4_get, 30),
		TEST_LIMIT(test_room_for_one, 30),
		TEST_LIMIT(test_other_kinds, 60),
		TEST_LIMIT(test_one_puts_one_gets, 30),
		TEST_LIMIT(test_many_put_one_gets_alone, 30),
		TEST_LIMIT(test_others_look_on, 30),
		TEST(test_threads_and_processes),
	};

	return RUN_TESTS(tests);
}
