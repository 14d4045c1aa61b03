/* SPDX-License-Identifier: MIT */
/*
 * test_shared_fork.c - what one process writes the others read, over fork() in
 * both directions
 */
#include "shared_util.h"

enum { SIZE = 10000 };

static bool all_are(struct ipc_shared *s, int value)
{
	const unsigned char *bytes = ipc_shared_data(s);

	for (size_t i = 0; i < SIZE; i++) {
		if (bytes[i] != value)
			return false;
	}
	return true;
}

static int read_ones_write_twos(void *arg)
{
	child_check(ipc_shared_size(arg) == SIZE);
	child_check(all_are(arg, 1));
	memset(ipc_shared_data(arg), 2, SIZE);
	return 0;
}

static void test_both_ways(void **state)
{
	struct ipc_shared *s = new_shared(SIZE);
	(void)state;

	memset(ipc_shared_data(s), 1, SIZE);
	expect_exit(spawn_child(read_ones_write_twos, s), 0);
	assert_true(all_are(s, 2));
	expect_close(s);
}

static int in_grandchild(void *arg)
{
	expect_exit(spawn_child(read_ones_write_twos, arg), 0);
	child_check(all_are(arg, 2));
	memset(ipc_shared_data(arg), 3, SIZE);
	return 0;
}

static void test_grandchild(void **state)
{
	struct ipc_shared *s = new_shared(SIZE);
	(void)state;

	memset(ipc_shared_data(s), 1, SIZE);
	expect_exit(spawn_child(in_grandchild, s), 0);
	assert_true(all_are(s, 3));
	expect_close(s);
}

/* while both live: a game of ping-pong */
static int answer(void *arg)
{
	_Atomic int *ball = ipc_shared_data(arg);

	for (int i = 0; i < 100; i++) {
		child_check(eventually(*ball == 2 * i + 1, 10000));
		*ball = 2 * i + 2;
	}
	return 0;
}

static void test_at_the_same_time(void **state)
{
	struct ipc_shared *s = new_shared(sizeof(int));
	_Atomic int *ball = ipc_shared_data(s);
	pid_t pid = spawn_child(answer, s);
	(void)state;

	for (int i = 0; i < 100; i++) {
		*ball = 2 * i + 1;
		assert_true(eventually(*ball == 2 * i + 2, 10000));
	}
	expect_exit(pid, 0);
	expect_close(s);
}

static int close_it(void *arg)
{
	child_check(ipc_shared_close(arg) == 0);
	return 0;
}

static void test_child_closes(void **state)
{
	struct ipc_shared *s = new_shared(SIZE);
	(void)state;

	memset(ipc_shared_data(s), 1, SIZE);
	expect_exit(spawn_child(close_it, s), 0);
	assert_true(all_are(s, 1));
	expect_sound(s);
	expect_close(s);
}

struct orphan {
	struct ipc_shared *s;
	_Atomic int *closed;
};

static int use_after_parents_close(void *arg)
{
	struct orphan *o = arg;

	child_check(eventually(*o->closed, 10000));
	child_check(all_are(o->s, 1));
	child_check(ipc_shared_lock(o->s, 0) == 0);
	child_check(ipc_shared_unlock(o->s) == 0);
	expect_exit(spawn_child(read_ones_write_twos, o->s), 0);
	child_check(all_are(o->s, 2));
	child_check(ipc_shared_close(o->s) == 0);
	return 0;
}

/* the memory goes with the last that has it */
static void test_parent_closes(void **state)
{
	struct orphan o = {new_shared(SIZE), shared_alloc(sizeof(int))};
	pid_t pid = spawn_child(use_after_parents_close, &o);
	(void)state;

	memset(ipc_shared_data(o.s), 1, SIZE);
	expect_close(o.s);
	*o.closed = 1;
	expect_exit(pid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_both_ways),	     TEST(test_grandchild),
		TEST(test_at_the_same_time), TEST(test_child_closes),
		TEST(test_parent_closes),
	};

	return RUN_TESTS(tests);
}
