/* SPDX-License-Identifier: MIT */
/*
 * test_process_exit.c - what becomes of the children when a process ends in the
 * normal way, and what does not happen in a child that ends
 */
#include "process_util.h"

#include <pthread.h>

struct seen {
	_Atomic pid_t pid;
	_Atomic int terminated, worked, atexits, threads;
};

static struct seen *seen; /* the handlers' way to it */

static void on_sigterm(int sig)
{
	(void)sig;
	seen->terminated++;
	_exit(0);
}

static int obey_sigterm(void *arg)
{
	(void)arg;
	signal(SIGTERM, on_sigterm);
	return tell_and_wait((void *)&seen->pid);
}

/* longer than a fork takes to end */
static int work_a_while(void *arg)
{
	(void)arg;
	sleep_ms(200 * test_slow());
	seen->worked++;
	return 0;
}

/* --------------------------------------------------------------- the parent */

static int exit_with_daemon(void *arg)
{
	child_started(arg ? ignore_sigterm : obey_sigterm, (void *)&seen->pid,
		      LIBIPC_DAEMON);
	child_check(eventually(seen->pid != 0, 5000));
	exit(3);
}

static void test_daemons_get_sigterm(void **state)
{
	double from;
	pid_t pid;
	(void)state;

	seen = shared_alloc(sizeof(*seen));
	from = now_ms();
	pid = spawn_child(exit_with_daemon, NULL);
	expect_exit(pid, 3);
	assert_int_equal(seen->terminated, 1);
	assert_true(gone(seen->pid));
	assert_true(now_ms() - from < 900 * test_slow());
}

static void test_daemons_that_stay_get_sigkill(void **state)
{
	double from;
	pid_t pid;
	(void)state;

	seen = shared_alloc(sizeof(*seen));
	from = now_ms();
	pid = spawn_child(exit_with_daemon, (void *)"");
	expect_exit(pid, 3);
	assert_true(gone(seen->pid));
	assert_true(now_ms() - from >= 1000);
	assert_true(now_ms() - from < 3000 * test_slow());
}

static int exit_with_worker(void *arg)
{
	(void)arg;
	child_started(work_a_while, NULL, 0);
	child_started(work_a_while, NULL, 0);
	exit(0);
}

static void test_others_are_joined(void **state)
{
	(void)state;
	seen = shared_alloc(sizeof(*seen));
	expect_exit(spawn_child(exit_with_worker, NULL), 0);
	assert_int_equal(seen->worked, 2);
}

/* the daemon goes first: it does not wait for the end of the worker */
static int look_for_daemon(void *arg)
{
	(void)arg;
	child_check(eventually(seen->terminated == 1, 5000));
	seen->worked++;
	return 0;
}

static int exit_with_both(void *arg)
{
	child_started(look_for_daemon, NULL, 0);
	return exit_with_daemon(arg);
}

static void test_daemons_go_before_the_others_are_joined(void **state)
{
	(void)state;
	seen = shared_alloc(sizeof(*seen));
	expect_exit(spawn_child(exit_with_both, NULL), 3);
	assert_int_equal(seen->worked, 1);
}

static int exit_in_return(void *arg)
{
	(void)arg;
	child_started(obey_sigterm, NULL, LIBIPC_DAEMON);
	child_check(eventually(seen->pid != 0, 5000));
	return 4;
}

/* a child that was started ends by the same rule when its function returns */
static void test_a_returning_child_ends_its_own(void **state)
{
	(void)state;
	seen = shared_alloc(sizeof(*seen));
	assert_int_equal(finished(started(exit_in_return, NULL, 0)), 4);
	assert_int_equal(seen->terminated, 1);
	assert_true(gone(seen->pid));
}

static int return_with_worker(void *arg)
{
	(void)arg;
	child_started(work_a_while, NULL, 0);
	return 5;
}

static void test_a_returning_child_joins_its_own(void **state)
{
	(void)state;
	seen = shared_alloc(sizeof(*seen));
	assert_int_equal(finished(started(return_with_worker, NULL, 0)), 5);
	assert_int_equal(seen->worked, 1);
}

/* a daemon that may not be signalled would keep us for ever */
static int exit_with_unreachable(void *arg)
{
	(void)arg;
	child_started(ignore_sigterm, (void *)&seen->pid, LIBIPC_DAEMON);
	child_check(eventually(seen->pid != 0, 5000));
	deny(SYS_kill, EPERM);
	deny(SYS_pidfd_send_signal, EPERM);
	exit(6);
}

static void test_a_daemon_out_of_reach_is_not_waited_for(void **state)
{
	(void)state;
	need_filters();
	seen = shared_alloc(sizeof(*seen));
	expect_exit(spawn_child(exit_with_unreachable, NULL), 6);
	assert_true(eventually(gone(seen->pid), 2000));
}

/* another thread joins and closes the child while exit waits for it */
static void *join_and_close(void *arg)
{
	struct ipc_process *p = arg;

	seen->threads = 1;
	child_check(ipc_process_join(p, LIBIPC_FOREVER) == 0);
	ipc_process_close(p);
	return NULL;
}

static int exit_with_thread(void *arg)
{
	struct ipc_process *p = child_started(work_a_while, NULL, 0);
	pthread_t thread;

	(void)arg;
	child_check(pthread_create(&thread, NULL, join_and_close, p) == 0);
	pthread_detach(thread);
	child_check(eventually(seen->threads == 1, 5000));
	exit(0);
}

static void test_other_threads_go_on_meanwhile(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		seen = shared_alloc(sizeof(*seen));
		expect_exit(spawn_child(exit_with_thread, NULL), 0);
		assert_int_equal(seen->worked, 1);
	}
}

/* ---------------------------------------------------------- atexit handlers */

static void count_atexit(void)
{
	seen->atexits++;
}

static int return_in_child(void *arg)
{
	int code;
	struct ipc_process *p;
	(void)arg;

	child_check(atexit(count_atexit) == 0);
	p = child_started(return_at_once, NULL, 0);
	child_check(ipc_process_join(p, LIBIPC_FOREVER) == 0);
	child_check(ipc_process_exit_code(p, &code) == 0 && code == 0);
	child_check(seen->atexits == 0);
	return 0;
}

static void test_a_returning_child_runs_no_handlers(void **state)
{
	(void)state;
	seen = shared_alloc(sizeof(*seen));
	expect_exit(spawn_child(return_in_child, NULL), 0);
}

static int call_exit(void *arg)
{
	(void)arg;
	exit(9);
}

/* a child that calls exit() runs them: ours must leave the siblings alone */
static int exit_in_child(void *arg)
{
	struct ipc_process *daemon, *p;
	int code;
	(void)arg;

	daemon = child_started(obey_sigterm, NULL, LIBIPC_DAEMON);
	child_check(eventually(seen->pid != 0, 5000));
	p = child_started(call_exit, NULL, 0);
	child_check(ipc_process_join(p, 900) == 0);
	child_check(ipc_process_exit_code(p, &code) == 0 && code == 9);
	child_check(ipc_process_is_alive(daemon) == 1);
	child_check(seen->terminated == 0);
	exit(0);
}

static void test_exit_in_a_child(void **state)
{
	(void)state;
	seen = shared_alloc(sizeof(*seen));
	expect_exit(spawn_child(exit_in_child, NULL), 0);
	assert_int_equal(seen->terminated, 1);
}

/* so must it in a fork of the program's own */
static int exit_in_fork(void *arg)
{
	struct ipc_process *daemon;
	(void)arg;

	daemon =
		child_started(obey_sigterm, NULL, LIBIPC_DAEMON | LIBIPC_GROUP);
	child_started(work_a_while, NULL, 0);
	child_check(eventually(seen->pid != 0, 5000));
	expect_exit(spawn_child(call_exit, NULL), 9);
	child_check(seen->terminated == 0 && seen->worked == 0);
	child_check(ipc_process_is_alive(daemon) == 1);
	child_check(ipc_process_active(NULL, 0) == 2);
	exit(0);
}

static void test_exit_in_a_fork_of_the_program(void **state)
{
	(void)state;
	seen = shared_alloc(sizeof(*seen));
	expect_exit(spawn_child(exit_in_fork, NULL), 0);
	assert_int_equal(seen->terminated, 1);
	assert_int_equal(seen->worked, 1);
}

/* which may have started children of its own, that the rule holds for */
static int fork_with_daemon(void *arg)
{
	(void)arg;
	expect_exit(spawn_child(exit_with_daemon, NULL), 3);
	child_check(seen->terminated == 1);
	return 0;
}

static void test_exit_in_a_fork_that_starts(void **state)
{
	(void)state;
	seen = shared_alloc(sizeof(*seen));
	expect_exit(spawn_child(fork_with_daemon, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_daemons_get_sigterm),
		TEST(test_daemons_that_stay_get_sigkill),
		TEST(test_others_are_joined),
		TEST(test_daemons_go_before_the_others_are_joined),
		TEST(test_a_returning_child_ends_its_own),
		TEST(test_a_returning_child_joins_its_own),
		TEST(test_a_daemon_out_of_reach_is_not_waited_for),
		TEST(test_other_threads_go_on_meanwhile),
		TEST(test_a_returning_child_runs_no_handlers),
		TEST(test_exit_in_a_child),
		TEST(test_exit_in_a_fork_of_the_program),
		TEST(test_exit_in_a_fork_that_starts),
	};

	return RUN_TESTS(tests);
}
