/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_asleep.c - whoever waits sleeps until it is its turn: it does not
 * look now and then, and an unlock wakes one and not all
 */
#include "mutex_util.h"
#include "observe.h"

static void expect_asleep_for(pid_t pid, double ms)
{
	long before;

	wait_asleep(pid);
	assert_true(settle(&pid, &before, 1));
	sleep_ms(ms);
	assert_int_equal(how_many_ran(&pid, &before, 1), 0);
}

static void test_no_polling(void **state)
{
	struct ipc_mutex *m;
	pid_t pid;
	(void)state;

	need_exact_wakes();
	m = new_mutex();
	expect_lock(m, 0);
	pid = spawn_child(lock_once, m);
	expect_asleep_for(pid, 300);
	expect_unlock(m);
	expect_exit(pid, 0);
	expect_sound_and_close(m);
}

static int lock_with_a_timeout(void *arg)
{
	child_check(ipc_mutex_lock(arg, 60000 * test_slow()) == 0);
	child_check(ipc_mutex_unlock(arg) == 0);
	return 0;
}

static void test_no_polling_with_a_timeout(void **state)
{
	struct ipc_mutex *m;
	pid_t pid;
	(void)state;

	need_exact_wakes();
	m = new_mutex();
	expect_lock(m, 0);
	pid = spawn_child(lock_with_a_timeout, m);
	expect_asleep_for(pid, 300);
	expect_unlock(m);
	expect_exit(pid, 0);
	expect_sound_and_close(m);
}

/* those who come along and give up do not wake the one that waits */
static void test_others_do_not_disturb(void **state)
{
	struct ipc_mutex *m;
	pid_t pid;
	long before;
	(void)state;

	need_exact_wakes();
	m = new_mutex();
	expect_lock(m, 0);
	pid = spawn_child(lock_once, m);
	wait_asleep(pid);
	assert_true(settle(&pid, &before, 1));
	for (int i = 0; i < 20; i++)
		expect_exit(spawn_child(try_and_fail, m), 0);
	assert_int_equal(how_many_ran(&pid, &before, 1), 0);
	expect_unlock(m);
	expect_exit(pid, 0);
	expect_sound_and_close(m);
}

/* one unlock, one wake-up: the others sleep on while the next one holds it */
static void test_unlock_wakes_one(void **state)
{
	enum { WAITERS = 4 };
	struct ipc_mutex *m = new_mutex();
	struct holder h = {m, shared_alloc(sizeof(int))};
	pid_t pid[WAITERS];
	long before[WAITERS];
	(void)state;

	expect_lock(m, 0);
	for (int i = 0; i < WAITERS; i++) {
		pid[i] = spawn_child(hold_for_ever, &h);
		wait_asleep(pid[i]);
	}
	if (exact_wakes())
		assert_true(settle(pid, before, WAITERS));
	expect_unlock(m);
	assert_true(eventually(*h.holds != 0, 10000));
	sleep_ms(50);
	if (exact_wakes())
		assert_int_equal(how_many_ran(pid, before, WAITERS), 1);
	assert_int_equal(*h.holds, 1);
	for (int i = 0; i < WAITERS; i++)
		kill(pid[i], SIGKILL);
	for (int i = 0; i < WAITERS; i++)
		expect_killed(pid[i], SIGKILL);
	expect_died_once(m);
	expect_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_polling),
		TEST(test_no_polling_with_a_timeout),
		TEST(test_others_do_not_disturb),
		TEST(test_unlock_wakes_one),
	};

	return RUN_TESTS(tests);
}
