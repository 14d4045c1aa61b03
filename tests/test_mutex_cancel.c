/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_cancel.c - no function is a cancellation point: a thread that is
 * cancelled finishes its call, and nothing is left half done
 */
#include "mutex_util.h"

#include <pthread.h>

struct cancelled {
	struct ipc_mutex *m;
	char name[64];
	_Atomic pid_t tid;
	_Atomic int steps;
};

static void *lock_while_cancelled(void *arg)
{
	struct cancelled *c = arg;

	c->tid = gettid();
	child_check(ipc_mutex_lock(c->m, LIBIPC_FOREVER) == 0);
	c->steps++;
	child_check(ipc_mutex_unlock(c->m) == 0);
	c->steps++;
	pthread_testcancel();
	c->steps++;
	return NULL;
}

static void expect_cancelled(pthread_t thread)
{
	void *value;

	assert_int_equal(pthread_join(thread, &value), 0);
	assert_ptr_equal(value, PTHREAD_CANCELED);
}

/* it waits on, gets the lock, and goes when it has let it go */
static void test_waiting_thread(void **state)
{
	struct cancelled c = {.m = new_mutex()};
	pthread_t thread;
	(void)state;

	expect_lock(c.m, 0);
	assert_int_equal(
		pthread_create(&thread, NULL, lock_while_cancelled, &c), 0);
	assert_true(eventually(c.tid != 0, 10000));
	wait_asleep_tid(c.tid);
	assert_int_equal(pthread_cancel(thread), 0);
	sleep_ms(50);
	wait_asleep_tid(c.tid);
	assert_int_equal(c.steps, 0);
	expect_unlock(c.m);
	expect_cancelled(thread);
	assert_int_equal(c.steps, 2);
	expect_sound_and_close(c.m);
}

static void *time_out_while_cancelled(void *arg)
{
	struct cancelled *c = arg;

	pthread_cancel(pthread_self());
	for (int i = 0; i < 20; i++)
		child_check(ipc_mutex_lock(c->m, 1) == -ETIMEDOUT);
	child_check(ipc_mutex_lock(c->m, 0) == -EAGAIN);
	c->steps++;
	pthread_testcancel();
	return NULL;
}

static void test_thread_that_times_out(void **state)
{
	struct cancelled c = {.m = new_mutex()};
	pthread_t thread;
	(void)state;

	expect_lock(c.m, 0);
	assert_int_equal(
		pthread_create(&thread, NULL, time_out_while_cancelled, &c), 0);
	expect_cancelled(thread);
	assert_int_equal(c.steps, 1);
	expect_unlock(c.m);
	expect_sound_and_close(c.m);
}

/* from here on every cancellation point ends the thread */
static void *all_while_cancelled(void *arg)
{
	struct cancelled *c = arg;
	struct ipc_mutex *m, *same, *anonymous;

	pthread_cancel(pthread_self());
	child_check(ipc_caps() >= 0);
	child_check(ipc_mutex_create(&anonymous, NULL, NULL) == 0);
	child_check(ipc_mutex_close(anonymous) == 0);
	child_check(ipc_mutex_create(&m, c->name, NULL) == 0);
	child_check(ipc_mutex_create(&m, c->name, NULL) == -EEXIST);
	child_check(ipc_mutex_open(&same, c->name) == 0);
	child_check(ipc_mutex_lock(m, LIBIPC_FOREVER) == 0);
	child_check(ipc_mutex_lock(same, LIBIPC_FOREVER) == -EDEADLK);
	child_check(ipc_mutex_unlock(m) == 0);
	child_check(ipc_mutex_close(m) == 0);
	child_check(ipc_mutex_close(same) == 0);
	child_check(ipc_unlink(c->name) == 0);
	child_check(ipc_unlink(c->name) == -ENOENT);
	child_check(ipc_mutex_open(&m, c->name) == -ENOENT);
	c->steps++;
	pthread_testcancel();
	return NULL;
}

static void test_all_functions(void **state)
{
	struct cancelled c = {.m = NULL};
	pthread_t thread;
	(void)state;

	unique_name(c.name, "cancel");
	assert_int_equal(pthread_create(&thread, NULL, all_while_cancelled, &c),
			 0);
	expect_cancelled(thread);
	assert_int_equal(c.steps, 1);
}

/* cancelled while it holds it: an end like any other */
static void *hold_and_be_cancelled(void *arg)
{
	struct cancelled *c = arg;

	child_check(ipc_mutex_lock(c->m, 0) == 0);
	pthread_cancel(pthread_self());
	pthread_testcancel();
	return NULL;
}

static void test_holder(void **state)
{
	struct cancelled c = {.m = new_mutex()};
	pthread_t thread;
	(void)state;

	assert_int_equal(
		pthread_create(&thread, NULL, hold_and_be_cancelled, &c), 0);
	expect_cancelled(thread);
	expect_died_once(c.m);
	expect_close(c.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_waiting_thread),
		TEST(test_thread_that_times_out),
		TEST(test_all_functions),
		TEST(test_holder),
	};

	return RUN_TESTS(tests);
}
