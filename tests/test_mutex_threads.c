/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_threads.c - threads under the lock: what one writes, the next one
 * reads (also for ThreadSanitizer, which must see the lock as one)
 */
#include "mutex_util.h"

#include <sched.h>

enum { THREADS = 6, ROUNDS = 10000, LOCKS = 3 };

/* plain memory: without the lock it is a data race */
struct count {
	struct ipc_mutex *m;
	long n, again;
};

static int add(void *arg)
{
	struct count *c = arg;

	for (int i = 0; i < ROUNDS; i++) {
		child_check(ipc_mutex_lock(c->m, LIBIPC_FOREVER) == 0);
		child_check(c->n == c->again);
		c->n++;
		if (i % 64 == 0)
			sched_yield(); /* let another one run into the lock */
		c->again++;
		child_check(ipc_mutex_unlock(c->m) == 0);
	}
	return 0;
}

/* with every kind of timeout, so that some give up */
static int add_impatiently(void *arg)
{
	struct count *c = arg;

	for (int i = 0; i < ROUNDS / 10; i++) {
		int r = ipc_mutex_lock(c->m, i % 3 - 1);
		if (r == 0) {
			c->n++;
			c->again++;
			child_check(ipc_mutex_unlock(c->m) == 0);
		} else {
			child_check(r == (i % 3 == 1 ? -EAGAIN : -ETIMEDOUT));
		}
	}
	return 0;
}

static void run_threads(int (*fn)(void *), struct count *c)
{
	struct test_thread *thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		thread[i] = start_thread(fn, c);
	for (int i = 0; i < THREADS; i++)
		join_thread(thread[i]);
}

static void test_sum(void **state)
{
	struct count c = {new_mutex(), 0, 0};
	(void)state;

	run_threads(add, &c);
	assert_int_equal(c.n, THREADS * ROUNDS);
	expect_sound_and_close(c.m);
}

static void test_impatient_threads(void **state)
{
	struct count c = {new_mutex(), 0, 0};
	(void)state;

	run_threads(add_impatiently, &c);
	assert_int_equal(c.n, c.again);
	assert_true(c.n >= THREADS * ROUNDS / 30);
	expect_sound_and_close(c.m);
}

/* several locks held at once, always taken in the same order */
struct counts {
	struct count count[LOCKS];
};

static int add_to_all(void *arg)
{
	struct counts *c = arg;

	for (int i = 0; i < ROUNDS / 10; i++) {
		for (int k = 0; k < LOCKS; k++) {
			child_check(ipc_mutex_lock(c->count[k].m, -1) == 0);
			c->count[k].n++;
		}
		for (int k = 0; k < LOCKS; k++)
			child_check(ipc_mutex_unlock(
					    c->count[(k + i) % LOCKS].m) == 0);
	}
	return 0;
}

static void test_several_locks(void **state)
{
	struct counts c;
	struct test_thread *thread[THREADS];
	(void)state;

	for (int k = 0; k < LOCKS; k++)
		c.count[k] = (struct count){new_mutex(), 0, 0};
	for (int i = 0; i < THREADS; i++)
		thread[i] = start_thread(add_to_all, &c);
	for (int i = 0; i < THREADS; i++)
		join_thread(thread[i]);
	for (int k = 0; k < LOCKS; k++) {
		assert_int_equal(c.count[k].n, THREADS * ROUNDS / 10);
		expect_sound_and_close(c.count[k].m);
	}
}

/* each thread creates, uses and closes its own */
static int create_and_close(void *arg)
{
	(void)arg;
	for (int i = 0; i < 200; i++) {
		struct ipc_mutex *m;
		child_check(ipc_mutex_create(&m, NULL, NULL) == 0);
		child_check(ipc_mutex_lock(m, 0) == 0);
		child_check(ipc_mutex_close(m) == -EBUSY);
		child_check(ipc_mutex_unlock(m) == 0);
		child_check(ipc_mutex_close(m) == 0);
	}
	return 0;
}

static void test_create_in_threads(void **state)
{
	(void)state;
	run_threads(create_and_close, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sum),
		TEST(test_impatient_threads),
		TEST(test_several_locks),
		TEST(test_create_in_threads),
	};

	return RUN_TESTS(tests);
}
