/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_count.c - processes, and processes of several threads, add to a
 * plain number under the lock: nothing is lost
 */
#include "mutex_util.h"

enum { PROCESSES = 6, THREADS = 3, ROUNDS = 10000 };

struct count {
	struct ipc_mutex *m;
	volatile long n; /* not atomic: the lock is what makes it right */
};

static int add(void *arg)
{
	struct count *c = arg;

	for (int i = 0; i < ROUNDS; i++) {
		child_check(ipc_mutex_lock(c->m, LIBIPC_FOREVER) == 0);
		c->n++;
		child_check(ipc_mutex_unlock(c->m) == 0);
	}
	return 0;
}

static int add_in_threads(void *arg)
{
	struct test_thread *thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		thread[i] = start_thread(add, arg);
	for (int i = 0; i < THREADS; i++)
		child_check(join_thread(thread[i]) == 0);
	return 0;
}

static int add_by_trying(void *arg)
{
	struct count *c = arg;

	for (int done = 0; done < ROUNDS;) {
		int r = ipc_mutex_lock(c->m, done % 2);
		if (r == -EAGAIN || r == -ETIMEDOUT)
			continue;
		child_check(r == 0);
		c->n++;
		done++;
		child_check(ipc_mutex_unlock(c->m) == 0);
	}
	return 0;
}

static void expect_sum(int (*fn)(void *), int threads)
{
	struct count *c = shared_alloc(sizeof(*c));
	pid_t pid[PROCESSES];

	c->m = new_mutex();
	for (int i = 0; i < PROCESSES; i++)
		pid[i] = spawn_child(fn, c);
	for (int i = 0; i < PROCESSES; i++)
		expect_exit(pid[i], 0);
	assert_int_equal(c->n, (long)PROCESSES * threads * ROUNDS);
	expect_sound_and_close(c->m);
}

static void test_processes(void **state)
{
	(void)state;
	expect_sum(add, 1);
}

static void test_processes_of_threads(void **state)
{
	(void)state;
	expect_sum(add_in_threads, THREADS);
}

static void test_processes_that_try(void **state)
{
	(void)state;
	expect_sum(add_by_trying, 1);
}

/* the lock goes to and fro while both sleep in between */
static int add_slowly(void *arg)
{
	struct count *c = arg;

	for (int i = 0; i < 100; i++) {
		long n;
		child_check(ipc_mutex_lock(c->m, LIBIPC_FOREVER) == 0);
		n = c->n;
		sleep_ms(0.2);
		c->n = n + 1;
		child_check(ipc_mutex_unlock(c->m) == 0);
	}
	return 0;
}

static void test_processes_that_sleep_inside(void **state)
{
	struct count *c = shared_alloc(sizeof(*c));
	pid_t pid[PROCESSES];
	(void)state;

	c->m = new_mutex();
	for (int i = 0; i < PROCESSES; i++)
		pid[i] = spawn_child(add_slowly, c);
	for (int i = 0; i < PROCESSES; i++)
		expect_exit(pid[i], 0);
	assert_int_equal(c->n, PROCESSES * 100);
	expect_sound_and_close(c->m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_processes),
		TEST(test_processes_of_threads),
		TEST(test_processes_that_try),
		TEST(test_processes_that_sleep_inside),
	};

	return RUN_TESTS(tests);
}
