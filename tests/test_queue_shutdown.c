/* SPDX-License-Identifier: MIT */
/*
 * test_queue_shutdown.c - nothing is put any more; what waits is drained, or
 * dropped
 */
#include "queue_util.h"

static const enum ipc_order kinds[] = {LIBIPC_FIFO, LIBIPC_LIFO,
				       LIBIPC_PRIORITY};

#define EACH_KIND(k) for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)

static void expect_no_put(struct ipc_queue *q, enum ipc_order order)
{
	int item = 5;

	expect_at_once(ipc_queue_put(q, &item, 4, 0), -ESHUTDOWN);
	expect_at_once(ipc_queue_put(q, &item, 4, 100), -ESHUTDOWN);
	expect_at_once(ipc_queue_put(q, &item, 4, LIBIPC_FOREVER), -ESHUTDOWN);
	expect_at_once(ipc_queue_put_many(q, &item, 4, 1, -1), -ESHUTDOWN);
	expect_at_once(ipc_queue_put_front(q, &item, 4, -1),
		       order == LIBIPC_FIFO ? -ESHUTDOWN : -EINVAL);
	expect_at_once(ipc_queue_put_priority(q, &item, 4, 1, -1),
		       order == LIBIPC_PRIORITY ? -ESHUTDOWN : -EINVAL);
}

static void expect_no_get(struct ipc_queue *q, enum ipc_order order)
{
	int item = 5;

	expect_at_once(ipc_queue_get(q, &item, 4, 0), -ESHUTDOWN);
	expect_at_once(ipc_queue_get(q, &item, 4, 100), -ESHUTDOWN);
	expect_at_once(ipc_queue_get(q, &item, 4, LIBIPC_FOREVER), -ESHUTDOWN);
	expect_at_once(ipc_queue_get_many(q, &item, 4, NULL, 1, -1),
		       -ESHUTDOWN);
	expect_at_once(ipc_queue_get_back(q, &item, 4, -1),
		       order == LIBIPC_FIFO ? -ESHUTDOWN : -EINVAL);
	assert_int_equal(item, 5);
	assert_int_equal(ipc_queue_size(q), 0);
	assert_int_equal(ipc_queue_empty(q), 1);
	assert_int_equal(ipc_queue_full(q), 0);
}

static void test_drains(void **state)
{
	int items[3];
	(void)state;

	EACH_KIND(k)
	{
		struct ipc_queue *q = new_queue_of(kinds[k], 4, 0);

		for (int i = 0; i < 4; i++)
			put_int(q, i);
		assert_int_equal(ipc_queue_shutdown(q, false), 0);
		expect_no_put(q, kinds[k]);
		assert_int_equal(ipc_queue_full(q), 1);
		assert_int_equal(got_int(q), kinds[k] == LIBIPC_LIFO ? 3 : 0);
		expect_no_put(q, kinds[k]);
		assert_int_equal(ipc_queue_size(q), 3);
		assert_int_equal(ipc_queue_get_many(q, items, 4, NULL, 3, -1),
				 3);
		expect_no_get(q, kinds[k]);
		expect_no_put(q, kinds[k]);
		close_queue(q);
	}
}

static void test_immediate_drops(void **state)
{
	(void)state;

	EACH_KIND(k)
	{
		struct ipc_queue *q = new_queue_of(kinds[k], 4, 0);

		put_int(q, 1);
		put_int(q, 2);
		assert_int_equal(ipc_queue_shutdown(q, true), 0);
		expect_no_get(q, kinds[k]);
		expect_no_put(q, kinds[k]);
		close_queue(q);
	}
}

/* again, and from the one to the other, but never back */
static void test_again(void **state)
{
	struct ipc_queue *q = new_queue(4, 8, 0);
	(void)state;

	put_int(q, 1);
	put_int(q, 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ipc_queue_shutdown(q, false), 0);
	assert_int_equal(got_int(q), 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ipc_queue_shutdown(q, true), 0);
	expect_no_get(q, LIBIPC_FIFO);
	assert_int_equal(ipc_queue_shutdown(q, false), 0);
	expect_no_get(q, LIBIPC_FIFO);
	expect_no_put(q, LIBIPC_FIFO);
	close_queue(q);
}

static void test_at_both_ends(void **state)
{
	struct ipc_queue *q = new_queue(4, 8, 0);
	int item = 9;
	(void)state;

	assert_int_equal(ipc_queue_put_front(q, &item, 4, 0), 0);
	put_int(q, 1);
	put_int(q, 2);
	assert_int_equal(ipc_queue_shutdown(q, false), 0);
	assert_int_equal(ipc_queue_get_back(q, &item, 4, 0), 4);
	assert_int_equal(item, 2);
	assert_int_equal(got_int(q), 9);
	assert_int_equal(ipc_queue_get_back(q, &item, 4, -1), 4);
	assert_int_equal(item, 1);
	item = 5;
	expect_no_get(q, LIBIPC_FIFO);
	close_queue(q);
}

static void test_by_name_and_for_who_comes_later(void **state)
{
	const struct ipc_queue_opts opts = {.maxsize = 2, .item_size = 8};
	struct ipc_queue *a, *b;
	char name[64];
	(void)state;

	unique_name(name, "shut");
	assert_int_equal(ipc_queue_create(&a, name, &opts), 0);
	put_int(a, 3);
	assert_int_equal(ipc_queue_shutdown(a, false), 0);
	assert_int_equal(ipc_queue_open(&b, name), 0);
	expect_no_put(b, LIBIPC_FIFO);
	assert_int_equal(got_int(b), 3);
	expect_no_get(b, LIBIPC_FIFO);
	expect_no_get(a, LIBIPC_FIFO);
	close_queue(a);
	close_queue(b);
	assert_int_equal(ipc_unlink(name), 0);
}

static void test_bad_arguments_first(void **state)
{
	struct ipc_queue *q = new_queue(2, 4, 0);
	char item[8] = "";
	(void)state;

	assert_int_equal(ipc_queue_shutdown(NULL, false), -EINVAL);
	assert_int_equal(ipc_queue_shutdown(NULL, true), -EINVAL);
	assert_int_equal(ipc_queue_shutdown(q, false), 0);
	assert_int_equal(ipc_queue_put(q, NULL, 1, 0), -EINVAL);
	assert_int_equal(ipc_queue_put(q, item, 5, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_get(q, NULL, 1, 0), -EINVAL);
	close_queue(q);
}

/* ------------------------------------------------------------- who waits */

static int get_until_shut(void *arg)
{
	int item;

	child_check(ipc_queue_get(arg, &item, 4, LIBIPC_FOREVER) == -ESHUTDOWN);
	return 0;
}

static int put_until_shut(void *arg)
{
	child_check(ipc_queue_put(arg, "abc", 4, LIBIPC_FOREVER) == -ESHUTDOWN);
	return 0;
}

static int put_in_front_until_shut(void *arg)
{
	child_check(ipc_queue_put_front(arg, "abc", 4, LIBIPC_FOREVER) ==
		    -ESHUTDOWN);
	return 0;
}

enum { SLEEPERS = 5 };

static void check_sleepers(struct ipc_queue *q, int (*fn)(void *), bool drop)
{
	pid_t pid[SLEEPERS];

	for (int i = 0; i < SLEEPERS; i++) {
		pid[i] = spawn_child(fn, q);
		wait_asleep(pid[i]);
	}
	assert_int_equal(ipc_queue_shutdown(q, drop), 0);
	for (int i = 0; i < SLEEPERS; i++)
		expect_exit(pid[i], 0);
}

static void test_wakes_getters(void **state)
{
	static const uint32_t flags[] = {0, LIBIPC_SINGLE_PRODUCER};
	(void)state;

	EACH_KIND(k)
	{
		for (int f = 0; f < 2; f++) {
			struct ipc_queue *q =
				new_queue_of(kinds[k], 2, flags[f]);

			check_sleepers(q, get_until_shut, f);
			close_queue(q);
		}
	}
}

static void test_wakes_putters(void **state)
{
	static const uint32_t flags[] = {0, LIBIPC_SINGLE_CONSUMER};
	(void)state;

	EACH_KIND(k)
	{
		for (int f = 0; f < 2; f++) {
			struct ipc_queue *q =
				new_queue_of(kinds[k], 2, flags[f]);

			put_int(q, 1);
			put_int(q, 2);
			check_sleepers(q, put_until_shut, f);
			assert_int_equal(ipc_queue_size(q), f ? 0 : 2);
			close_queue(q);
		}
	}
}

static void test_wakes_those_at_the_front(void **state)
{
	struct ipc_queue *q = new_queue(1, 8, 0);
	(void)state;

	put_int(q, 1);
	check_sleepers(q, put_in_front_until_shut, false);
	assert_int_equal(got_int(q), 1);
	close_queue(q);
}

/* the only one of its side, which has no lock */
static void test_wakes_a_single_one(void **state)
{
	const uint32_t flags = LIBIPC_SINGLE_PRODUCER | LIBIPC_SINGLE_CONSUMER;
	struct ipc_queue *q = new_queue(1, 8, flags);
	pid_t pid = spawn_child(get_until_shut, q);
	(void)state;

	wait_asleep(pid);
	assert_int_equal(ipc_queue_shutdown(q, false), 0);
	expect_exit(pid, 0);
	close_queue(q);
	q = new_queue(1, 8, flags);
	put_int(q, 1);
	pid = spawn_child(put_until_shut, q);
	wait_asleep(pid);
	assert_int_equal(ipc_queue_shutdown(q, false), 0);
	expect_exit(pid, 0);
	assert_int_equal(got_int(q), 1);
	close_queue(q);
}

/* one that is stopped keeps the others from nothing */
static void test_one_of_them_is_stopped(void **state)
{
	struct ipc_queue *q = new_queue(2, 8, 0);
	pid_t pid[3];
	(void)state;

	for (int i = 0; i < 3; i++) {
		pid[i] = spawn_child(get_until_shut, q);
		wait_asleep(pid[i]);
	}
	assert_true(stop_child(pid[0]));
	assert_int_equal(ipc_queue_shutdown(q, false), 0);
	expect_exit(pid[1], 0);
	expect_exit(pid[2], 0);
	kill(pid[0], SIGCONT);
	expect_exit(pid[0], 0);
	close_queue(q);
}

/* ------------------------------------------------- in the middle of traffic */

enum { WORKERS = 3 };

struct crowd {
	struct ipc_queue *q;
	_Atomic long put, got;
	_Atomic int over;
};

static int put_all_the_time(void *arg)
{
	struct crowd *c = arg;
	int r, item = 1;

	while ((r = ipc_queue_put(c->q, &item, 4, LIBIPC_FOREVER)) == 0)
		c->put++;
	child_check(r == -ESHUTDOWN);
	return 0;
}

static int get_all_the_time(void *arg)
{
	struct crowd *c = arg;
	int r, item;

	while ((r = ipc_queue_get(c->q, &item, 4, LIBIPC_FOREVER)) == 4)
		c->got++;
	child_check(r == -ESHUTDOWN);
	return 0;
}

/* what was put was got, and nothing comes after the first -ESHUTDOWN */
static void test_nothing_is_lost(void **state)
{
	(void)state;

	EACH_KIND(k)
	{
		struct crowd *c = shared_alloc(sizeof(*c));
		pid_t pid[2 * WORKERS];

		c->q = new_queue_of(kinds[k], 7, 0);
		for (int i = 0; i < 2 * WORKERS; i++)
			pid[i] = spawn_child(
				i % 2 ? get_all_the_time : put_all_the_time, c);
		assert_true(eventually(c->got > 1000, 10000));
		assert_int_equal(ipc_queue_shutdown(c->q, false), 0);
		for (int i = 0; i < 2 * WORKERS; i++)
			expect_exit(pid[i], 0);
		assert_int_equal(c->put, c->got);
		close_queue(c->q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_drains),
		TEST(test_immediate_drops),
		TEST(test_again),
		TEST(test_at_both_ends),
		TEST(test_by_name_and_for_who_comes_later),
		TEST(test_bad_arguments_first),
		TEST(test_wakes_getters),
		TEST(test_wakes_putters),
		TEST(test_wakes_those_at_the_front),
		TEST(test_wakes_a_single_one),
		TEST(test_one_of_them_is_stopped),
		TEST_LIMIT(test_nothing_is_lost, 60),
	};

	return RUN_TESTS(tests);
}
