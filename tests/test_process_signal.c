/* SPDX-License-Identifier: MIT */
/*
 * test_process_signal.c - terminate, kill and stop; and the signals of a child
 */
#include "process_util.h"

#include <pthread.h>

static void test_terminate(void **state)
{
	struct ipc_process *p = started(wait_for_ever, NULL, 0);
	(void)state;

	assert_int_equal(ipc_process_terminate(p), 0);
	assert_int_equal(finished(p), -SIGTERM);
}

static void test_kill_when_terminate_is_ignored(void **state)
{
	_Atomic pid_t *pid = shared_alloc(sizeof(*pid));
	struct ipc_process *p = started(ignore_sigterm, (void *)pid, 0);
	(void)state;

	assert_true(eventually(*pid != 0, 5000));
	assert_int_equal(ipc_process_terminate(p), 0);
	assert_int_equal(ipc_process_join(p, 50), -ETIMEDOUT);
	killed(p);
}

/* ended, but nobody has looked yet */
static void test_ended_and_not_reaped(void **state)
{
	struct ipc_process *p = started(return_at_once, NULL, 0);
	(void)state;

	assert_true(eventually(has_zombie(), 5000));
	assert_int_equal(ipc_process_terminate(p), 0);
	assert_int_equal(ipc_process_kill(p), 0);
	assert_int_equal(ipc_process_stop(p, 0), 0);
	assert_int_equal(finished(p), 0);
}

static void test_stop_a_stopped_process(void **state)
{
	struct ipc_process *p = started(wait_for_ever, NULL, 0);
	(void)state;

	kill(ipc_process_pid(p), SIGSTOP);
	assert_true(eventually(harness_state(ipc_process_pid(p)) == 'T', 5000));
	assert_int_equal(ipc_process_stop(p, 50), 0);
	assert_int_equal(finished(p), -SIGKILL);
}

/* a child that has another user by now may be out of reach */
static int wait_a_moment(void *arg)
{
	(void)arg;
	sleep_ms(200);
	return 0;
}

static int signal_the_forbidden(void *arg)
{
	struct ipc_process *p = child_started(wait_a_moment, NULL, 0);
	(void)arg;

	deny(SYS_kill, EPERM);
	deny(SYS_pidfd_send_signal, EPERM);
	child_check(ipc_process_terminate(p) == -EPERM);
	child_check(ipc_process_kill(p) == -EPERM);
	child_check(ipc_process_stop(p, 0) == -EPERM);
	child_check(ipc_process_join(p, LIBIPC_FOREVER) == 0);
	child_check(ipc_process_close(p) == 0);
	return 0;
}

static void test_out_of_reach(void **state)
{
	(void)state;
	need_filters();
	expect_exit(spawn_child(signal_the_forbidden, NULL), 0);
}

/* -------------------------------------------------- what the child inherits */

static int handled;

static void handle(int sig)
{
	(void)sig;
	handled = 1;
}

static int look_at_signals(void *arg)
{
	struct sigaction action;
	sigset_t now;
	(void)arg;

	pthread_sigmask(SIG_SETMASK, NULL, &now);
	child_check(sigismember(&now, SIGUSR1) == 1);
	child_check(sigismember(&now, SIGUSR2) == 0);
	child_check(sigismember(&now, SIGTERM) == 0);
	sigaction(SIGUSR2, NULL, &action);
	child_check(action.sa_handler == handle);
	raise(SIGUSR2);
	child_check(handled);
	return 0;
}

static void test_mask_and_handlers_are_the_callers(void **state)
{
	struct sigaction action = {.sa_handler = handle}, before;
	sigset_t usr1, mask, after;
	struct ipc_process *p = created(look_at_signals, NULL, 0);
	(void)state;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, &mask);
	sigaction(SIGUSR2, &action, &before);
	assert_int_equal(ipc_process_start(p), 0);
	pthread_sigmask(SIG_SETMASK, &mask, &after);
	sigaction(SIGUSR2, &before, NULL);
	assert_int_equal(sigismember(&after, SIGUSR1), 1);
	assert_int_equal(sigismember(&after, SIGTERM), 0);
	assert_int_equal(finished(p), 0);
}

/* no handler runs in a child that is not yet what the function expects */
static _Atomic int *blocked_at_fork;

static void look_at_mask(void)
{
	sigset_t now;

	pthread_sigmask(SIG_SETMASK, NULL, &now);
	*blocked_at_fork = sigismember(&now, SIGTERM) == 1 &&
			   sigismember(&now, SIGCHLD) == 1;
}

static int start_with_handler(void *arg)
{
	struct ipc_process *p;

	blocked_at_fork = arg;
	pthread_atfork(NULL, NULL, look_at_mask);
	p = child_started(return_at_once, NULL, 0);
	child_check(ipc_process_join(p, LIBIPC_FOREVER) == 0);
	child_check(ipc_process_close(p) == 0);
	return 0;
}

static void test_blocked_while_it_is_made(void **state)
{
	_Atomic int *blocked = shared_alloc(sizeof(*blocked));
	(void)state;

	expect_exit(spawn_child(start_with_handler, (void *)blocked), 0);
	assert_int_equal(*blocked, 1);
}

/* a signal that comes at once is not lost: the handler runs, in the child */
static _Atomic pid_t *handler_ran_in;

static void tell_who(int sig)
{
	(void)sig;
	*handler_ran_in = getpid();
}

static int wait_for_handler(void *arg)
{
	(void)arg;
	child_check(eventually(*handler_ran_in == getpid(), 5000));
	return 0;
}

static void test_a_signal_right_after_start(void **state)
{
	struct sigaction action = {.sa_handler = tell_who}, before;
	(void)state;

	handler_ran_in = shared_alloc(sizeof(*handler_ran_in));
	sigaction(SIGTERM, &action, &before);
	for (int i = 0; i < 50; i++) {
		struct ipc_process *p = started(wait_for_handler, NULL, 0);
		assert_int_equal(ipc_process_terminate(p), 0);
		assert_int_equal(finished(p), 0);
	}
	sigaction(SIGTERM, &before, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_terminate),
		TEST(test_kill_when_terminate_is_ignored),
		TEST(test_ended_and_not_reaped),
		TEST(test_stop_a_stopped_process),
		TEST(test_out_of_reach),
		TEST(test_mask_and_handlers_are_the_callers),
		TEST(test_blocked_while_it_is_made),
		TEST(test_a_signal_right_after_start),
	};

	return RUN_TESTS(tests);
}
