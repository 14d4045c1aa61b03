/* SPDX-License-Identifier: MIT */
/*
 * test_queue_kinds.c - what LIFO and priority queues have in common with FIFO:
 * names, timeouts, sleepers, tasks, damage, traffic
 */
#include "traffic.h"

static const enum ipc_order kinds[] = {LIBIPC_LIFO, LIBIPC_PRIORITY};

#define EACH_KIND(k) for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)

static void test_another_handle_by_name(void **state)
{
	char name[64];
	(void)state;

	EACH_KIND(k)
	{
		const struct ipc_queue_opts opts = {
			.maxsize = 3, .item_size = 8, .order = kinds[k]};
		struct ipc_queue *a, *b;

		unique_name(name, "kinds");
		assert_int_equal(ipc_queue_create(&a, name, &opts), 0);
		assert_int_equal(ipc_queue_open(&b, name), 0);
		for (int i = 0; i < 3; i++)
			put_int(i % 2 ? a : b, i);
		assert_int_equal(ipc_queue_maxsize(b), 3);
		assert_int_equal(ipc_queue_item_size(b), 8);
		assert_int_equal(ipc_queue_full(b), 1);
		assert_int_equal(ipc_queue_put_priority(b, NULL, 0, 1, 0),
				 kinds[k] == LIBIPC_LIFO ? -EINVAL : -EAGAIN);
		for (int i = 0; i < 3; i++)
			assert_int_equal(got_int(i % 2 ? b : a),
					 kinds[k] == LIBIPC_LIFO ? 2 - i : i);
		close_queue(a);
		close_queue(b);
		assert_int_equal(ipc_unlink(name), 0);
	}
}

static void test_timeouts(void **state)
{
	char c;
	(void)state;

	EACH_KIND(k)
	{
		struct ipc_queue *q = new_queue_of(kinds[k], 1, 0);

		assert_int_equal(ipc_queue_get(q, &c, 1, 0), -EAGAIN);
		expect_timeout(ipc_queue_get(q, &c, 1, 30), 30);
		assert_int_equal(ipc_queue_put(q, "a", 1, LIBIPC_FOREVER), 0);
		assert_int_equal(ipc_queue_put(q, "b", 1, 0), -EAGAIN);
		expect_timeout(ipc_queue_put(q, "b", 1, 30), 30);
		assert_int_equal(ipc_queue_get(q, &c, 1, LIBIPC_FOREVER), 1);
		close_queue(q);
	}
}

static int get_one(void *arg)
{
	return child_get(arg);
}

static int put_one(void *arg)
{
	child_put(arg, 6);
	return 0;
}

static void test_sleepers_are_woken(void **state)
{
	pid_t pid[3];
	(void)state;

	EACH_KIND(k)
	{
		struct ipc_queue *q = new_queue_of(kinds[k], 3, 0);
		int items[3] = {5, 5, 5};

		for (int i = 0; i < 3; i++) {
			pid[i] = spawn_child(get_one, q);
			wait_asleep(pid[i]);
		}
		assert_int_equal(ipc_queue_put_many(q, items, 4, 3, 0), 3);
		for (int i = 0; i < 3; i++)
			expect_exit(pid[i], 5);
		assert_int_equal(ipc_queue_put_many(q, items, 4, 3, 0), 3);
		for (int i = 0; i < 3; i++) {
			pid[i] = spawn_child(put_one, q);
			wait_asleep(pid[i]);
		}
		assert_int_equal(ipc_queue_get_many(q, items, 4, NULL, 3, 0),
				 3);
		for (int i = 0; i < 3; i++)
			expect_exit(pid[i], 0);
		assert_int_equal(ipc_queue_size(q), 3);
		close_queue(q);
	}
}

static void test_joinable(void **state)
{
	(void)state;

	EACH_KIND(k)
	{
		struct ipc_queue *q =
			new_queue_of(kinds[k], 3, LIBIPC_JOINABLE);

		for (int i = 0; i < 3; i++)
			put_int(q, i);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(got_int(q),
					 kinds[k] == LIBIPC_LIFO ? 2 - i : i);
			assert_int_equal(ipc_queue_join(q, 0), -EAGAIN);
			assert_int_equal(ipc_queue_task_done(q), 0);
		}
		assert_int_equal(ipc_queue_task_done(q), -EINVAL);
		assert_int_equal(ipc_queue_join(q, LIBIPC_FOREVER), 0);
		close_queue(q);
	}
}

static void run(enum ipc_order order, int n, size_t maxsize, uint32_t flags)
{
	struct traffic *t = shared_alloc(sizeof(*t));

	t->q = new_queue_of(order, maxsize, flags);
	t->producers = flags & LIBIPC_SINGLE_PRODUCER ? 1 : n;
	t->consumers = flags & LIBIPC_SINGLE_CONSUMER ? 1 : n;
	t->items = 30000;
	t->put_batch = t->get_batch = 20;
	t->joinable = flags & LIBIPC_JOINABLE;
	t->any_order = order == LIBIPC_LIFO;
	run_in_processes(t);
	assert_int_equal(ipc_queue_size(t->q), 0);
	close_queue(t->q);
}

static void test_traffic(void **state)
{
	(void)state;

	EACH_KIND(k)
	{
		run(kinds[k], 4, 100, 0);
		run(kinds[k], 3, 1, 0);
		run(kinds[k], 3, 7, LIBIPC_SINGLE_PRODUCER);
		run(kinds[k], 3, 7, LIBIPC_SINGLE_CONSUMER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_another_handle_by_name), TEST(test_timeouts),
		TEST(test_sleepers_are_woken),	   TEST(test_joinable),
		TEST_LIMIT(test_traffic, 60),
	};

	return RUN_TESTS(tests);
}
