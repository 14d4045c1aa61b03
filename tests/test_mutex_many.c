/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_many.c - a thread holds 1024, not one more, and releases them in
 * any order; all of them are recovered when it dies
 */
#include "mutex_util.h"

enum { MAX = 1024, MORE = 2 };

static struct ipc_mutex *m[MAX + MORE];

static void make_them(void)
{
	for (int i = 0; i < MAX + MORE; i++)
		m[i] = new_mutex();
}

static void close_them(void)
{
	for (int i = 0; i < MAX + MORE; i++)
		expect_sound_and_close(m[i]);
}

/* i * 389 modulo 1024 visits them all, far from each other */
static int nth(int i)
{
	return i * 389 % MAX;
}

static int lock_all(void *arg)
{
	(void)arg;
	for (int i = 0; i < MAX; i++)
		child_check(ipc_mutex_lock(m[i], 0) == 0);
	return 0;
}

static int expect_no_more(void *arg)
{
	const int timeouts[] = {0, 1, 60000, LIBIPC_FOREVER};

	(void)arg;
	for (int i = 0; i < 4; i++) {
		child_check(ipc_mutex_lock(m[MAX], timeouts[i]) == -ENOLCK);
		child_check(ipc_mutex_lock(m[MAX + 1], timeouts[i]) == -ENOLCK);
		child_check(ipc_mutex_lock(m[i * 100], timeouts[i]) ==
			    -EDEADLK);
	}
	child_check(ipc_mutex_unlock(m[MAX]) == -EPERM);
	return 0;
}

static int lock_the_others(void *arg)
{
	(void)arg;
	for (int i = 0; i < MAX; i++)
		child_check(ipc_mutex_lock(m[i], 0) == -EAGAIN);
	for (int i = MAX; i < MAX + MORE; i++) {
		child_check(ipc_mutex_lock(m[i], 0) == 0);
		child_check(ipc_mutex_unlock(m[i]) == 0);
	}
	return 0;
}

/* each thread has its own 1024 */
static void test_others_may_hold_more(void **state)
{
	(void)state;
	make_them();
	lock_all(NULL);
	expect_no_more(NULL);
	join_thread(start_thread(lock_the_others, NULL));
	expect_exit(spawn_child(lock_the_others, NULL), 0);
	for (int i = 0; i < MAX; i++)
		expect_unlock(m[i]);
	close_them();
}

static int lock_all_release_mixed(void *arg)
{
	lock_all(arg);
	expect_no_more(arg);
	for (int i = 0; i < MAX; i++) {
		child_check(ipc_mutex_unlock(m[nth(i)]) == 0);
		/* as many as were let go can be taken again */
		child_check(ipc_mutex_lock(m[MAX], 0) == 0);
		if (i == 0)
			child_check(ipc_mutex_lock(m[MAX + 1], 0) == -ENOLCK);
		child_check(ipc_mutex_unlock(m[MAX]) == 0);
	}
	return 0;
}

static void test_released_in_any_order(void **state)
{
	(void)state;
	make_them();
	join_thread(start_thread(lock_all_release_mixed, NULL));
	expect_exit(spawn_child(lock_all_release_mixed, NULL), 0);
	lock_all_release_mixed(NULL);
	close_them();
}

static int lock_all_release_some_and_die(void *arg)
{
	lock_all(arg);
	for (int i = 0; i < MAX / 4; i++)
		child_check(ipc_mutex_unlock(m[nth(i)]) == 0);
	kill(getpid(), SIGKILL);
	return CHILD_FAILED;
}

static void test_all_are_recovered(void **state)
{
	(void)state;
	make_them();
	expect_killed(spawn_child(lock_all_release_some_and_die, NULL),
		      SIGKILL);
	for (int i = 0; i < MAX; i++) {
		if (i < MAX / 4)
			expect_sound(m[nth(i)]);
		else
			expect_died_once(m[nth(i)]);
	}
	expect_exit(spawn_child(lock_all, NULL), 0);
	for (int i = 0; i < MAX; i++)
		expect_died_once(m[i]);
	close_them();
}

/* the lock of a shared object counts as one */
static void test_shared_objects_count(void **state)
{
	struct ipc_shared *s;
	(void)state;

	make_them();
	assert_int_equal(ipc_shared_create(&s, NULL, 1, NULL), 0);
	lock_all(NULL);
	assert_int_equal(ipc_shared_lock(s, 0), -ENOLCK);
	assert_int_equal(ipc_shared_lock(s, LIBIPC_FOREVER), -ENOLCK);
	expect_unlock(m[5]);
	assert_int_equal(ipc_shared_lock(s, 0), 0);
	assert_int_equal(ipc_mutex_lock(m[5], 0), -ENOLCK);
	assert_int_equal(ipc_shared_unlock(s), 0);
	assert_int_equal(ipc_shared_close(s), 0);
	expect_lock(m[5], 0);
	for (int i = 0; i < MAX; i++)
		expect_unlock(m[i]);
	close_them();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_others_may_hold_more),
		TEST(test_released_in_any_order),
		TEST(test_all_are_recovered),
		TEST(test_shared_objects_count),
	};

	return RUN_TESTS(tests);
}
