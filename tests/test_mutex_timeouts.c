/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_timeouts.c - a waiter that gives up leaves nothing behind: after
 * a thousand of them the next unlock wakes whoever waits then
 */
#include "mutex_util.h"

enum { WAITERS = 4, TIMEOUTS = 250 };

static int time_out_often(void *arg)
{
	for (int i = 0; i < TIMEOUTS; i++)
		child_check(ipc_mutex_lock(arg, 1) == -ETIMEDOUT);
	return 0;
}

/* one of them after the other goes to sleep, is woken, and gets it */
static void hand_over_to_each(struct ipc_mutex *m)
{
	for (int i = 0; i < WAITERS; i++) {
		pid_t pid;
		expect_lock(m, 0);
		pid = spawn_child(lock_once, m);
		wait_asleep(pid);
		expect_unlock(m);
		expect_exit(pid, 0);
	}
}

static void test_processes(void **state)
{
	struct ipc_mutex *m = new_mutex();
	pid_t pid[WAITERS];
	(void)state;

	expect_lock(m, 0);
	for (int i = 0; i < WAITERS; i++)
		pid[i] = spawn_child(time_out_often, m);
	for (int i = 0; i < WAITERS; i++)
		expect_exit(pid[i], 0);
	expect_unlock(m);
	hand_over_to_each(m);
	expect_sound_and_close(m);
}

static void test_threads(void **state)
{
	struct ipc_mutex *m = new_mutex();
	struct test_thread *thread[WAITERS];
	(void)state;

	expect_lock(m, 0);
	for (int i = 0; i < WAITERS; i++)
		thread[i] = start_thread(time_out_often, m);
	for (int i = 0; i < WAITERS; i++)
		join_thread(thread[i]);
	expect_unlock(m);
	hand_over_to_each(m);
	expect_sound_and_close(m);
}

/* those who gave up and those who did not, at the same time */
struct patience {
	struct ipc_mutex *m;
	_Atomic int *begins;
};

static int time_out_then_wait(void *arg)
{
	struct patience *p = arg;

	time_out_often(p->m);
	*p->begins = 1;
	return lock_once(p->m);
}

static void test_others_wait_on(void **state)
{
	struct ipc_mutex *m = new_mutex();
	struct patience p = {m, shared_alloc(sizeof(int))};
	pid_t patient[2], pid;
	(void)state;

	expect_lock(m, 0);
	patient[0] = spawn_child(lock_once, m);
	pid = spawn_child(time_out_then_wait, &p);
	patient[1] = spawn_child(lock_once, m);
	expect_exit(spawn_child(time_out_often, m), 0);
	assert_true(eventually(*p.begins, 10000));
	for (int i = 0; i < 2; i++)
		wait_asleep(patient[i]);
	wait_asleep(pid);
	expect_unlock(m);
	for (int i = 0; i < 2; i++)
		expect_exit(patient[i], 0);
	expect_exit(pid, 0);
	expect_sound_and_close(m);
}

/* the last one gives up while the holder lets go: nobody loses it */
static int lock_impatiently(void *arg)
{
	for (int i = 0; i < 400; i++) {
		int r = ipc_mutex_lock(arg, 1);
		child_check(r == 0 || r == -ETIMEDOUT);
		if (r == 0)
			child_check(ipc_mutex_unlock(arg) == 0);
	}
	return 0;
}

static int hold_about_as_long(void *arg)
{
	for (int i = 0; i < 100; i++) {
		child_check(ipc_mutex_lock(arg, LIBIPC_FOREVER) == 0);
		sleep_ms(0.9 + 0.002 * i);
		child_check(ipc_mutex_unlock(arg) == 0);
	}
	return 0;
}

static void test_giving_up_while_it_is_let_go(void **state)
{
	struct ipc_mutex *m = new_mutex();
	pid_t pid[4];
	(void)state;

	for (int i = 0; i < 2; i++) {
		pid[i] = spawn_child(hold_about_as_long, m);
		pid[2 + i] = spawn_child(lock_impatiently, m);
	}
	for (int i = 0; i < 4; i++)
		expect_exit(pid[i], 0);
	expect_sound_and_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_processes),
		TEST(test_threads),
		TEST(test_others_wait_on),
		TEST(test_giving_up_while_it_is_let_go),
	};

	return RUN_TESTS(tests);
}
