/* SPDX-License-Identifier: MIT */
/*
 * test_process_basic.c - a process runs its function, ends, and tells how
 */
#include "process_util.h"

#include <limits.h>

struct told {
	_Atomic pid_t pid, parent;
	_Atomic int value;
};

static int tell(void *arg)
{
	struct told *told = arg;

	told->pid = getpid();
	told->parent = getppid();
	told->value = 42;
	return 0;
}

static void test_runs_in_a_child(void **state)
{
	struct told *told = shared_alloc(sizeof(*told));
	struct ipc_process *p = created(tell, told, 0);
	pid_t pid;
	(void)state;

	assert_int_equal(ipc_process_pid(p), 0);
	assert_int_equal(ipc_process_start(p), 0);
	pid = ipc_process_pid(p);
	assert_true(pid > 0 && pid != getpid());
	assert_int_equal(ipc_process_join(p, LIBIPC_FOREVER), 0);
	assert_int_equal(told->pid, pid);
	assert_int_equal(told->parent, getpid());
	assert_int_equal(told->value, 42);
	assert_int_equal(ipc_process_pid(p), pid);
	assert_int_equal(finished(p), 0);
}

static int change_memory(void *arg)
{
	*(int *)arg = 2;
	return 0;
}

static void test_memory_is_a_copy(void **state)
{
	int mine = 1;
	(void)state;

	assert_int_equal(finished(started(change_memory, &mine, 0)), 0);
	assert_int_equal(mine, 1);
}

static int return_arg(void *arg)
{
	return *(int *)arg;
}

static void test_exit_code(void **state)
{
	static const int value[] = {0, 1, 255, 256, 257, -1, INT_MIN, 42};
	(void)state;

	for (size_t i = 0; i < sizeof(value) / sizeof(value[0]); i++) {
		int v = value[i];
		assert_int_equal(finished(started(return_arg, &v, 0)),
				 v & 0xff);
	}
}

static int exit_at_once(void *arg)
{
	_exit(*(int *)arg);
}

static void test_exit_code_of_exit(void **state)
{
	int seven = 7;
	(void)state;

	assert_int_equal(finished(started(exit_at_once, &seven, 0)), 7);
}

static int raise_arg(void *arg)
{
	signal(*(int *)arg, SIG_DFL);
	raise(*(int *)arg);
	return 0;
}

static void test_exit_code_of_a_signal(void **state)
{
	static const int sigs[] = {SIGKILL, SIGTERM, SIGUSR1, SIGHUP};
	(void)state;

	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		int sig = sigs[i];
		assert_int_equal(finished(started(raise_arg, &sig, 0)), -sig);
	}
}

static void test_alive_until_the_end(void **state)
{
	struct ipc_process *p = created(wait_for_ever, NULL, 0);
	int code;
	(void)state;

	assert_int_equal(ipc_process_is_alive(p), 0);
	assert_int_equal(ipc_process_start(p), 0);
	assert_int_equal(ipc_process_is_alive(p), 1);
	assert_int_equal(ipc_process_exit_code(p, &code), -EAGAIN);
	assert_int_equal(ipc_process_kill(p), 0);
	assert_int_equal(ipc_process_join(p, LIBIPC_FOREVER), 0);
	assert_int_equal(ipc_process_is_alive(p), 0);
	assert_int_equal(finished(p), -SIGKILL);
}

static void test_stopped_is_alive(void **state)
{
	struct ipc_process *p = started(wait_for_ever, NULL, 0);
	(void)state;

	kill(ipc_process_pid(p), SIGSTOP);
	assert_true(eventually(harness_state(ipc_process_pid(p)) == 'T', 5000));
	assert_int_equal(ipc_process_is_alive(p), 1);
	assert_int_equal(ipc_process_join(p, 0), -EAGAIN);
	killed(p);
}

static void test_answers_stay_the_same(void **state)
{
	struct ipc_process *p = started(return_at_once, NULL, 0);
	int code;
	(void)state;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(ipc_process_join(p, LIBIPC_FOREVER), 0);
		assert_int_equal(ipc_process_join(p, 0), 0);
		assert_int_equal(ipc_process_is_alive(p), 0);
		assert_int_equal(ipc_process_exit_code(p, &code), 0);
		assert_int_equal(code, 0);
		assert_int_equal(ipc_process_terminate(p), 0);
		assert_int_equal(ipc_process_kill(p), 0);
		assert_int_equal(ipc_process_stop(p, 0), 0);
	}
	assert_int_equal(ipc_process_close(p), 0);
}

static void test_never_started(void **state)
{
	(void)state;
	assert_int_equal(ipc_process_close(created(wait_for_ever, NULL, 0)), 0);
}

static void test_errno_is_left_alone(void **state)
{
	struct ipc_process *p = created(return_at_once, NULL, 0);
	int code;
	(void)state;

	errno = E2BIG;
	ipc_process_start(p);
	ipc_process_terminate(p);
	ipc_process_join(p, LIBIPC_FOREVER);
	ipc_process_stop(p, 0);
	ipc_process_exit_code(p, &code);
	ipc_process_active(NULL, 0);
	ipc_process_close(p);
	assert_int_equal(errno, E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_runs_in_a_child),
		TEST(test_memory_is_a_copy),
		TEST(test_exit_code),
		TEST(test_exit_code_of_exit),
		TEST(test_exit_code_of_a_signal),
		TEST(test_alive_until_the_end),
		TEST(test_stopped_is_alive),
		TEST(test_answers_stay_the_same),
		TEST(test_never_started),
		TEST(test_errno_is_left_alone),
	};

	return RUN_TESTS(tests);
}
