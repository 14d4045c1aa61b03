/* SPDX-License-Identifier: MIT */
/*
 * test_shared_threads.c - threads write shared bytes under the lock, through
 * one handle or each through its own, and nothing is lost
 */
#include "shared_util.h"

#include <sched.h>

enum { THREADS = 4, ROUNDS = 10000, BYTES = 100 };

static int add_to_all(void *arg)
{
	unsigned char *bytes = ipc_shared_data(arg);

	for (int i = 0; i < ROUNDS; i++) {
		child_check(ipc_shared_lock(arg, LIBIPC_FOREVER) == 0);
		for (int k = 1; k < BYTES; k++)
			child_check(bytes[k] == bytes[0]);
		for (int k = 0; k < BYTES; k++)
			bytes[k]++;
		if (i % 64 == 0)
			sched_yield(); /* let another one run into the lock */
		child_check(ipc_shared_unlock(arg) == 0);
	}
	return 0;
}

static void expect_sum(struct ipc_shared *s[THREADS])
{
	struct test_thread *thread[THREADS];
	unsigned char *bytes = ipc_shared_data(s[0]);

	for (int i = 0; i < THREADS; i++)
		thread[i] = start_thread(add_to_all, s[i]);
	for (int i = 0; i < THREADS; i++)
		join_thread(thread[i]);
	for (int k = 0; k < BYTES; k++)
		assert_int_equal(bytes[k], THREADS * ROUNDS % 256);
}

static void test_one_handle(void **state)
{
	struct ipc_shared *one = new_shared(BYTES);
	struct ipc_shared *s[THREADS] = {one, one, one, one};
	(void)state;

	expect_sum(s);
	expect_sound(one);
	expect_close(one);
}

static void test_a_handle_each(void **state)
{
	struct ipc_shared *s[THREADS];
	char name[64];
	(void)state;

	unique_name(name, "threads");
	assert_int_equal(ipc_shared_create(&s[0], name, BYTES, NULL), 0);
	for (int i = 1; i < THREADS; i++)
		assert_int_equal(ipc_shared_open(&s[i], name), 0);
	assert_int_equal(ipc_unlink(name), 0);
	expect_sum(s);
	for (int i = 0; i < THREADS; i++)
		expect_close(s[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_handle),
		TEST(test_a_handle_each),
	};

	return RUN_TESTS(tests);
}
