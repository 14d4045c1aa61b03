/* SPDX-License-Identifier: MIT */
/*
 * test_queue_fork.c - handles made before fork() work in children; an item
 * that was put does not need its putter any more
 */
#include "queue_util.h"

static int put_and_end(void *arg)
{
	child_put(arg, 42);
	return 0;
}

static void test_visible_at_return(void **state)
{
	struct ipc_queue *q = new_queue(1, sizeof(int), 0);
	(void)state;

	for (int i = 0; i < 300; i++) {
		expect_exit(spawn_child(put_and_end, q), 0);
		assert_int_equal(got_int(q), 42);
	}
	close_queue(q);
}

static int put_and_die(void *arg)
{
	child_put(arg, 43);
	return raise(SIGKILL);
}

static void test_safe_from_the_putters_death(void **state)
{
	struct ipc_queue *q = new_queue(2, sizeof(int), 0);
	(void)state;

	for (int i = 0; i < 100; i++) {
		expect_killed(spawn_child(put_and_die, q), SIGKILL);
		assert_int_equal(got_int(q), 43);
		expect_empty(q);
	}
	close_queue(q);
}

/* item n makes n - 1 in a child of its own */
static int count_down(void *arg)
{
	int n = child_get(arg);

	child_put(arg, n - 1);
	if (n > 1)
		expect_exit(spawn_child(count_down, arg), 0);
	return 0;
}

static void test_grandchildren(void **state)
{
	struct ipc_queue *q = new_queue(1, sizeof(int), 0);
	(void)state;

	put_int(q, 5);
	expect_exit(spawn_child(count_down, q), 0);
	assert_int_equal(got_int(q), 0);
	expect_empty(q);
	close_queue(q);
}

static int close_and_end(void *arg)
{
	child_put(arg, 1);
	child_check(ipc_queue_close(arg) == 0);
	return 0;
}

static void test_close_in_the_child(void **state)
{
	struct ipc_queue *q = new_queue(4, sizeof(int), 0);
	(void)state;

	put_int(q, 0);
	expect_exit(spawn_child(close_and_end, q), 0);
	put_int(q, 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(got_int(q), i);
	expect_empty(q);
	close_queue(q);
}

struct relay {
	struct ipc_queue *from, *to;
};

static int relay(void *arg)
{
	const struct relay *r = arg;

	for (int i = 0; i < 100; i++)
		child_put(r->to, child_get(r->from) + 1);
	return 0;
}

/* the parent may close its handle, and children that have it do not notice */
static void test_close_in_the_parent(void **state)
{
	struct ipc_queue *a = new_queue(2, sizeof(int), 0);
	struct ipc_queue *b = new_queue(2, sizeof(int), 0);
	struct ipc_queue *c = new_queue(100, sizeof(int), 0);
	pid_t first = spawn_child(relay, &(struct relay){a, b});
	pid_t second = spawn_child(relay, &(struct relay){b, c});
	(void)state;

	close_queue(b);
	for (int i = 0; i < 100; i++)
		child_put(a, i);
	close_queue(a);
	expect_exit(first, 0);
	expect_exit(second, 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(got_int(c), i + 2);
	close_queue(c);
}

/* the parent used it before, with its own cached view; so does the child */
static void test_both_go_on(void **state)
{
	struct ipc_queue *q = new_queue(3, sizeof(int), 0);
	(void)state;

	for (int i = 0; i < 50; i++) {
		put_int(q, i);
		expect_exit(spawn_child(put_and_end, q), 0);
		put_int(q, i);
		assert_int_equal(got_int(q), i);
		assert_int_equal(got_int(q), 42);
		assert_int_equal(got_int(q), i);
		expect_empty(q);
	}
	close_queue(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_visible_at_return),
		TEST(test_safe_from_the_putters_death),
		TEST(test_grandchildren),
		TEST(test_close_in_the_child),
		TEST(test_close_in_the_parent),
		TEST(test_both_go_on),
	};

	return RUN_TESTS(tests);
}
