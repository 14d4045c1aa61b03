/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_stopped.c - a waiter that is stopped, or dies, in the instant of
 * its wake-up delays nobody: the others get it
 *
 * The instant is caught by tracing the system call that it sleeps in: it has
 * been woken, and has not run yet. Others come along and take the lock
 * meanwhile. A lock that forgets its other sleepers then loses them.
 */
#include "mutex_util.h"
#include "process_util.h"
#include "trace_util.h"

/* from system call to system call, until it sleeps in one */
static void run_until_asleep(pid_t pid)
{
	int asleep = 0;

	while (asleep < 3) {
		trace_run(pid);
		for (asleep = 0; asleep < 3 && !trace_stopped(pid);) {
			asleep = harness_state(pid) == 'S' ? asleep + 1 : 0;
			sleep_ms(1);
		}
	}
}

struct scene {
	struct ipc_mutex *m;
	pid_t woken; /* it sleeps, and will be stopped by its wake-up */
	pid_t sleeper;
};

/* free again, both slept, and the first of them was woken just now */
static struct scene new_scene(int (*sleeper)(void *))
{
	struct scene s = {.m = new_mutex()};

	expect_lock(s.m, 0);
	s.woken = spawn_traced(lock_once, s.m);
	run_until_asleep(s.woken);
	s.sleeper = spawn_child(sleeper, s.m);
	wait_asleep(s.sleeper);
	expect_unlock(s.m);
	assert_true(eventually(trace_stopped(s.woken), 10000));
	wait_asleep(s.sleeper);
	return s;
}

static void go_on(const struct scene *s)
{
	trace_end(s->woken);
	expect_exit(s->woken, 0);
}

static void test_it_dies(void **state)
{
	struct scene s = new_scene(lock_once);
	(void)state;

	kill_child(s.woken);
	expect_exit(s.sleeper, 0);
	expect_sound_and_close(s.m);
}

static void test_it_dies_while_another_holds(void **state)
{
	struct scene s = new_scene(lock_once);
	(void)state;

	assert_int_equal(ipc_mutex_lock(s.m, 0), 0);
	kill_child(s.woken);
	wait_asleep(s.sleeper);
	expect_unlock(s.m);
	expect_exit(s.sleeper, 0);
	expect_sound_and_close(s.m);
}

static int wait_for_news(void *arg)
{
	child_check(ipc_mutex_lock(arg, LIBIPC_FOREVER) == LIBIPC_OWNER_DIED);
	child_check(ipc_mutex_unlock(arg) == 0);
	return 0;
}

static void test_it_dies_and_so_does_the_holder(void **state)
{
	struct scene s = new_scene(wait_for_news);
	pid_t holder = spawn_holder(s.m);
	(void)state;

	kill_child(s.woken);
	wait_asleep(s.sleeper);
	kill_child(holder);
	expect_exit(s.sleeper, 0);
	expect_sound_and_close(s.m);
}

static void test_it_stays_stopped(void **state)
{
	struct scene s = new_scene(lock_once);
	(void)state;

	assert_int_equal(ipc_mutex_lock(s.m, 0), 0);
	expect_unlock(s.m);
	expect_exit(s.sleeper, 0);
	expect_sound(s.m);
	go_on(&s);
	expect_sound_and_close(s.m);
}

/* it comes too late, and sleeps again, until it is its turn */
static void test_it_comes_too_late(void **state)
{
	struct scene s = new_scene(lock_once);
	(void)state;

	assert_int_equal(ipc_mutex_lock(s.m, 0), 0);
	trace_end(s.woken);
	wait_asleep(s.woken);
	expect_unlock(s.m);
	expect_exit(s.woken, 0);
	expect_exit(s.sleeper, 0);
	expect_sound_and_close(s.m);
}

/* stopped in its sleep, as by a debugger, for as long as it takes */
static void test_stopped_asleep(void **state)
{
	struct ipc_mutex *m = new_mutex();
	pid_t stopped, sleeper;
	(void)state;

	expect_lock(m, 0);
	stopped = spawn_child(lock_once, m);
	wait_asleep(stopped);
	sleeper = spawn_child(lock_once, m);
	wait_asleep(sleeper);
	kill(stopped, SIGSTOP);
	assert_true(eventually(harness_state(stopped) == 'T', 10000));
	expect_unlock(m);
	expect_exit(sleeper, 0);
	expect_sound(m);
	kill(stopped, SIGCONT);
	expect_exit(stopped, 0);
	expect_sound_and_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_it_dies),
		TEST(test_it_dies_while_another_holds),
		TEST(test_it_dies_and_so_does_the_holder),
		TEST(test_it_stays_stopped),
		TEST(test_it_comes_too_late),
		TEST(test_stopped_asleep),
	};

	return RUN_TESTS(tests);
}
