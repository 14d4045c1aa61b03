/* SPDX-License-Identifier: MIT */
/*
 * test_process_threads.c - one handle in several threads, many handles at once,
 * and what else threads do: locks over fork(), cancellation
 */
#include "process_util.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	THREADS = 4,
	ROUNDS = 25,
};

static int join_for_ever(void *arg)
{
	return ipc_process_join(arg, LIBIPC_FOREVER);
}

static void test_a_join_blocks_nobody(void **state)
{
	struct ipc_process *p = started(wait_for_ever, NULL, 0);
	struct ipc_process *list[1];
	struct test_thread *thread = start_thread(join_for_ever, p);
	int code;
	(void)state;

	wait_asleep_tid(thread_tid(thread));
	assert_int_equal(ipc_process_is_alive(p), 1);
	assert_int_equal(ipc_process_exit_code(p, &code), -EAGAIN);
	assert_int_equal(ipc_process_join(p, 0), -EAGAIN);
	assert_int_equal(ipc_process_active(list, 1), 1);
	assert_int_equal(finished(started(return_at_once, NULL, 0)), 0);
	assert_int_equal(ipc_process_close(p), -EBUSY);
	assert_int_equal(ipc_process_terminate(p), 0);
	assert_int_equal(join_thread(thread), 0);
	assert_int_equal(finished(p), -SIGTERM);
}

static void test_many_join_one(void **state)
{
	struct ipc_process *p = started(wait_for_ever, NULL, 0);
	struct test_thread *thread[THREADS];
	(void)state;

	for (int i = 0; i < THREADS; i++)
		thread[i] = start_thread(join_for_ever, p);
	for (int i = 0; i < THREADS; i++)
		wait_asleep_tid(thread_tid(thread[i]));
	assert_int_equal(ipc_process_stop(p, 1000), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(join_thread(thread[i]), 0);
	assert_int_equal(finished(p), -SIGTERM);
}

static int start_it(void *arg)
{
	return ipc_process_start(arg);
}

static void test_only_one_starts_it(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct ipc_process *p = created(wait_for_ever, NULL, 0);
		struct test_thread *thread[THREADS];
		int won = 0;
		for (int i = 0; i < THREADS; i++)
			thread[i] = start_thread(start_it, p);
		for (int i = 0; i < THREADS; i++) {
			int r = join_thread(thread[i]);
			assert_true(r == 0 || r == -EALREADY);
			won += r == 0;
		}
		assert_int_equal(won, 1);
		assert_int_equal(ipc_process_active(NULL, 0), 1);
		killed(p);
	}
}

static int return_number(void *arg)
{
	return *(int *)arg;
}

static int run_many(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct ipc_process *p = child_started(return_number, arg, 0);
		int code;
		child_check(ipc_process_join(p, LIBIPC_FOREVER) == 0);
		child_check(ipc_process_exit_code(p, &code) == 0);
		child_check(code == *(int *)arg);
		child_check(ipc_process_close(p) == 0);
	}
	return 0;
}

static void test_many_threads_start_many(void **state)
{
	struct test_thread *thread[THREADS];
	int number[THREADS];
	(void)state;

	for (int i = 0; i < THREADS; i++) {
		number[i] = i + 1;
		thread[i] = start_thread(run_many, &number[i]);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(join_thread(thread[i]), 0);
	assert_int_equal(ipc_process_active(NULL, 0), 0);
}

/* -------------------------------------------- a lock that fork() also takes */

static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool stop_looking;

static void lock_table(void)
{
	pthread_mutex_lock(&table);
}

static void unlock_table(void)
{
	pthread_mutex_unlock(&table);
}

static int look_with_the_table_locked(void *arg)
{
	while (!stop_looking) {
		lock_table();
		child_check(ipc_process_is_alive(arg) == 1);
		unlock_table();
	}
	return 0;
}

static int table_and_fork(void *arg)
{
	struct ipc_process *watched = child_started(wait_for_ever, NULL, 0);
	struct test_thread *thread;
	int one = 1;
	(void)arg;

	pthread_atfork(lock_table, unlock_table, unlock_table);
	thread = start_thread(look_with_the_table_locked, watched);
	run_many(&one);
	stop_looking = true;
	child_check(join_thread(thread) == 0);
	child_check(ipc_process_stop(watched, 1000) == 0);
	child_check(ipc_process_close(watched) == 0);
	return 0;
}

static void test_handlers_of_fork_may_lock(void **state)
{
	(void)state;
	expect_exit(spawn_child(table_and_fork, NULL), 0);
}

/* a fork of the program while another thread is inside the library */
static atomic_bool stop_asking;

static int keep_asking(void *arg)
{
	while (!stop_asking)
		child_check(ipc_process_is_alive(arg) == 1);
	return 0;
}

static int start_one(void *arg)
{
	struct ipc_process *p = child_started(return_at_once, NULL, 0);

	child_check(ipc_process_join(p, LIBIPC_FOREVER) == 0);
	child_check(ipc_process_is_alive(arg) == -ECHILD);
	child_check(ipc_process_close(arg) == 0);
	return 0;
}

static void test_forked_while_others_are_inside(void **state)
{
	struct ipc_process *p = started(wait_for_ever, NULL, 0);
	struct test_thread *thread = start_thread(keep_asking, p);
	(void)state;

	for (int i = 0; i < 4 * ROUNDS; i++)
		expect_exit(spawn_child(start_one, p), 0);
	stop_asking = true;
	assert_int_equal(join_thread(thread), 0);
	killed(p);
}

/* ------------------------------------------------------------- cancellation */

static _Atomic int joined;

static void *join_and_be_cancelled(void *arg)
{
	joined = ipc_process_join(arg, LIBIPC_FOREVER) == 0 ? 1 : -1;
	pthread_testcancel();
	joined = -2;
	return NULL;
}

static void test_a_join_is_not_cancelled(void **state)
{
	struct ipc_process *p = started(wait_for_ever, NULL, 0);
	pthread_t thread;
	void *result;
	(void)state;

	joined = 0;
	pthread_create(&thread, NULL, join_and_be_cancelled, p);
	pthread_cancel(thread);
	sleep_ms(50);
	assert_int_equal(joined, 0);
	assert_int_equal(ipc_process_terminate(p), 0);
	pthread_join(thread, &result);
	assert_ptr_equal(result, PTHREAD_CANCELED);
	assert_int_equal(joined, 1);
	assert_int_equal(finished(p), -SIGTERM);
}

static int look_at_cancel_state(void *arg)
{
	int before;

	(void)arg;
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
	return before == PTHREAD_CANCEL_ENABLE ? 0 : 1;
}

static void test_the_child_may_be_cancelled(void **state)
{
	int before;
	(void)state;

	assert_int_equal(finished(started(look_at_cancel_state, NULL, 0)), 0);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
	assert_int_equal(before, PTHREAD_CANCEL_ENABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_join_blocks_nobody),
		TEST(test_many_join_one),
		TEST(test_only_one_starts_it),
		TEST(test_many_threads_start_many),
		TEST(test_handlers_of_fork_may_lock),
		TEST(test_forked_while_others_are_inside),
		TEST(test_a_join_is_not_cancelled),
		TEST(test_the_child_may_be_cancelled),
	};

	return RUN_TESTS(tests);
}
