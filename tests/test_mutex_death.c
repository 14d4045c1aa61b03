/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_death.c - a holder that dies, by whatever cause, is news for the
 * next one, once; a death anywhere else is none
 */
#include "mutex_util.h"
#include "os.h"

#include <limits.h>

/* the program that a holder replaces itself with: see main() */
#define SLEEPER "sleep for ever"

static void test_killed(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	for (int i = 0; i < 10; i++) {
		kill_child(spawn_holder(m));
		expect_died_once(m);
	}
	expect_close(m);
}

static int lock_and_end(void *arg)
{
	child_check(ipc_mutex_lock(arg, LIBIPC_FOREVER) == 0);
	return 0;
}

static void test_exited(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	for (int i = 0; i < 10; i++) {
		expect_exit(spawn_child(lock_and_end, m), 0);
		expect_died_once(m);
	}
	expect_close(m);
}

static void test_thread_ended(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	for (int i = 0; i < 10; i++) {
		join_thread(start_thread(lock_and_end, m));
		expect_died_once(m);
	}
	expect_close(m);
}

static _Atomic bool locked, may_end;

static int hold_until_told(void *arg)
{
	child_check(ipc_mutex_lock(arg, LIBIPC_FOREVER) == 0);
	locked = true;
	while (!may_end)
		sleep_ms(0.2);
	return 0;
}

static int expect_news(void *arg)
{
	return ipc_mutex_lock(arg, LIBIPC_FOREVER) != LIBIPC_OWNER_DIED;
}

/* and not only those of its own process are told */
static void test_thread_ended_while_another_process_waits(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	for (int i = 0; i < 10; i++) {
		struct test_thread *thread;
		pid_t pid;

		locked = may_end = false;
		thread = start_thread(hold_until_told, m);
		assert_true(eventually(locked, 10000));
		pid = spawn_child(expect_news, m);
		wait_asleep(pid);
		may_end = true;
		join_thread(thread);
		expect_exit(pid, 0);
		expect_died_once(m);
	}
	expect_close(m);
}

static int lock_and_crash(void *arg)
{
	signal(SIGABRT, SIG_DFL);
	child_check(ipc_mutex_lock(arg, LIBIPC_FOREVER) == 0);
	abort();
}

static void test_crashed(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_killed(spawn_child(lock_and_crash, m), SIGABRT);
	expect_died_once(m);
	expect_close(m);
}

static int hold_and_exec(void *arg)
{
	struct holder *h = arg;

	child_check(ipc_mutex_lock(h->m, LIBIPC_FOREVER) == 0);
	*h->holds = 1;
	exec_self(SLEEPER, NULL);
}

/* where whether a process exists is all that can be asked */
static void expect_held_until_killed(struct ipc_mutex *m, pid_t pid)
{
	assert_int_equal(ipc_mutex_lock(m, 100), -ETIMEDOUT);
	wait_asleep(pid);
	expect_held_by_another(m);
	kill_child(pid);
	expect_died_once(m);
	expect_close(m);
}

/* the process lives on, as another program that knows of no mutex */
static void test_execed(void **state)
{
	struct ipc_mutex *m = new_mutex();
	struct holder h = {m, shared_alloc(sizeof(int))};
	pid_t pid = spawn_child(hold_and_exec, &h);
	(void)state;

	assert_true(eventually(*h.holds != 0, 10000));
	if (ipci_os_backend() == IPCI_BACKEND_PID) {
		expect_held_until_killed(m, pid);
		return;
	}
	expect_died_once(m);
	expect_close(m);
	wait_asleep(pid);
	kill_child(pid);
}

static int wait_for_news(void *arg)
{
	child_check(ipc_mutex_lock(arg, LIBIPC_FOREVER) == LIBIPC_OWNER_DIED);
	child_check(ipc_mutex_unlock(arg) == 0);
	return 0;
}

/* one of those who wait gets it and is told, the others wait on */
static void test_one_waiter_gets_it(void **state)
{
	enum { WAITERS = 4 };
	struct ipc_mutex *m = new_mutex();
	_Atomic int *holds = shared_alloc(WAITERS * sizeof(int));
	pid_t holder = spawn_holder(m), pid[WAITERS];
	int sum = 0;
	(void)state;

	for (int i = 0; i < WAITERS; i++) {
		struct holder h = {m, &holds[i]};
		pid[i] = spawn_child(hold_for_ever, &h);
		wait_asleep(pid[i]);
	}
	kill_child(holder);
	assert_true(
		eventually(holds[0] + holds[1] + holds[2] + holds[3], 10000));
	for (int i = 0; i < WAITERS; i++) {
		wait_asleep(pid[i]);
		sum += holds[i];
	}
	assert_int_equal(sum, LIBIPC_OWNER_DIED + 1);
	for (int i = 0; i < WAITERS; i++)
		kill(pid[i], SIGKILL);
	for (int i = 0; i < WAITERS; i++)
		expect_killed(pid[i], SIGKILL);
	expect_died_once(m);
	expect_close(m);
}

static void test_waiter_is_told_once(void **state)
{
	struct ipc_mutex *m = new_mutex();
	pid_t holder = spawn_holder(m), pid;
	(void)state;

	pid = spawn_child(wait_for_news, m);
	wait_asleep(pid);
	kill_child(holder);
	expect_exit(pid, 0);
	expect_sound_and_close(m);
}

static void test_waiting_thread_is_told(void **state)
{
	struct ipc_mutex *m = new_mutex();
	pid_t holder = spawn_holder(m);
	struct test_thread *thread = start_thread(wait_for_news, m);
	(void)state;

	wait_asleep_tid(thread_tid(thread));
	kill_child(holder);
	assert_int_equal(join_thread(thread), 0);
	expect_sound_and_close(m);
}

/* nobody was inside */
static void test_death_while_waiting_is_no_news(void **state)
{
	struct ipc_mutex *m = new_mutex();
	pid_t dies, lives;
	(void)state;

	expect_lock(m, 0);
	for (int i = 0; i < 5; i++) {
		dies = spawn_child(lock_once, m);
		wait_asleep(dies);
		kill_child(dies);
	}
	dies = spawn_child(lock_once, m);
	lives = spawn_child(lock_once, m);
	wait_asleep(dies);
	wait_asleep(lives);
	kill_child(dies);
	expect_unlock(m);
	expect_exit(lives, 0);
	expect_sound_and_close(m);
}

static int lock_once_and_sleep(void *arg)
{
	lock_once(arg);
	sleep_for_ever();
	return 0;
}

static void test_death_outside_is_no_news(void **state)
{
	struct ipc_mutex *m = new_mutex();
	pid_t pid = spawn_child(lock_once_and_sleep, m);
	(void)state;

	wait_asleep(pid);
	kill_child(pid);
	expect_sound_and_close(m);
}

/* the last holder is dead, and so is the one before: that is one piece of
   news, however long ago */
static void test_two_deaths(void **state)
{
	struct ipc_mutex *m = new_mutex();
	struct holder h = {m, shared_alloc(sizeof(int))};
	pid_t pid;
	(void)state;

	kill_child(spawn_holder(m));
	pid = spawn_child(hold_for_ever, &h);
	assert_true(eventually(*h.holds != 0, 10000));
	assert_int_equal(*h.holds, LIBIPC_OWNER_DIED + 1);
	kill_child(pid);
	expect_died_once(m);
	expect_close(m);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_killed),
		TEST(test_exited),
		TEST(test_thread_ended),
		TEST(test_thread_ended_while_another_process_waits),
		TEST(test_crashed),
		TEST(test_execed),
		TEST(test_one_waiter_gets_it),
		TEST(test_waiter_is_told_once),
		TEST(test_waiting_thread_is_told),
		TEST(test_death_while_waiting_is_no_news),
		TEST(test_death_outside_is_no_news),
		TEST(test_two_deaths),
	};

	if (argc == 2 && strcmp(argv[1], SLEEPER) == 0)
		sleep_for_ever();
	return RUN_TESTS(tests);
}
