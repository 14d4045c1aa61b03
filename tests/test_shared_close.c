/* SPDX-License-Identifier: MIT */
/*
 * test_shared_close.c - close refuses a handle that a thread of this process
 * holds the lock through, and gives the memory back otherwise
 */
#include "shared_util.h"

static void test_held(void **state)
{
	struct ipc_shared *s = new_shared(100);
	(void)state;

	memset(ipc_shared_data(s), 1, 100);
	expect_lock(s, 0);
	assert_int_equal(ipc_shared_close(s), -EBUSY);
	assert_int_equal(((char *)ipc_shared_data(s))[99], 1);
	assert_int_equal(ipc_shared_lock(s, 0), -EDEADLK);
	expect_unlock(s);
	expect_close(s);
}

static int close_fails(void *arg)
{
	child_check(ipc_shared_close(arg) == -EBUSY);
	return 0;
}

static int close_works(void *arg)
{
	child_check(ipc_shared_close(arg) == 0);
	return 0;
}

static void test_held_by_another_thread(void **state)
{
	struct ipc_shared *s = new_shared(100);
	(void)state;

	expect_lock(s, 0);
	join_thread(start_thread(close_fails, s));
	expect_unlock(s);
	expect_close(s);
}

static void test_held_by_the_parent(void **state)
{
	struct ipc_shared *s = new_shared(100);
	(void)state;

	expect_lock(s, 0);
	expect_exit(spawn_child(close_works, s), 0);
	assert_int_equal(ipc_shared_lock(s, 0), -EDEADLK);
	expect_unlock(s);
	expect_close(s);
}

static void test_held_through_another_handle(void **state)
{
	struct ipc_shared *s, *same;
	char name[64];
	(void)state;

	unique_name(name, "close");
	assert_int_equal(ipc_shared_create(&s, name, 100, NULL), 0);
	assert_int_equal(ipc_shared_open(&same, name), 0);
	assert_int_equal(ipc_unlink(name), 0);
	expect_lock(s, 0);
	expect_close(same);
	assert_int_equal(ipc_shared_close(s), -EBUSY);
	expect_unlock(s);
	expect_close(s);
}

static int lock_and_end(void *arg)
{
	child_check(ipc_shared_lock(arg, LIBIPC_FOREVER) == 0);
	return 0;
}

static void test_the_thread_that_held_it_has_ended(void **state)
{
	struct ipc_shared *s = new_shared(100);
	(void)state;

	join_thread(start_thread(lock_and_end, s));
	expect_close(s);
}

/* bytes that this process has mapped */
static long mapped(void)
{
	long pages = -1;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld", &pages), 1);
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static void test_memory_comes_back(void **state)
{
	long before;
	(void)state;

	expect_close(new_shared(1 << 20));
	before = mapped();
	for (int i = 0; i < 100; i++)
		expect_close(new_shared(1 << 20));
	assert_in_range(mapped(), 0, before + (10 << 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_held),
		TEST(test_held_by_another_thread),
		TEST(test_held_by_the_parent),
		TEST(test_held_through_another_handle),
		TEST(test_the_thread_that_held_it_has_ended),
		TEST(test_memory_comes_back),
	};

	return RUN_TESTS(tests);
}
