/* SPDX-License-Identifier: MIT */
/*
 * test_process_no_pidfd.c - the same promises where the system has no
 * descriptors for processes, or a sandbox forbids them
 */
#include "process_util.h"

static int life(void *arg)
{
	struct ipc_process *p = child_started(tell_and_wait, arg, 0);
	double from = now_ms();
	int code;

	child_check(ipc_process_fd(p) == -ENOTSUP);
	child_check(ipc_process_is_alive(p) == 1);
	child_check(ipc_process_join(p, 0) == -EAGAIN);
	child_check(ipc_process_join(p, 70) == -ETIMEDOUT);
	child_check(now_ms() - from >= 70);
	from = now_ms();
	child_check(ipc_process_terminate(p) == 0);
	child_check(ipc_process_join(p, LIBIPC_FOREVER) == 0);
	child_check(now_ms() - from < 500 * test_slow());
	child_check(ipc_process_exit_code(p, &code) == 0);
	child_check(code == -SIGTERM);
	child_check(ipc_process_close(p) == 0);
	child_check(!has_zombie());
	return 0;
}

static int stop_the_deaf(void *arg)
{
	_Atomic pid_t *pid = arg;
	struct ipc_process *p = child_started(ignore_sigterm, arg, 0);
	double from;
	int code;

	child_check(eventually(*pid != 0, 5000));
	from = now_ms();
	child_check(ipc_process_stop(p, 60) == 0);
	child_check(now_ms() - from >= 60);
	child_check(ipc_process_exit_code(p, &code) == 0);
	child_check(code == -SIGKILL);
	child_check(ipc_process_close(p) == 0);
	return 0;
}

static int fork_deaf_and_return(void *arg)
{
	_Atomic pid_t *below = arg;
	pid_t pid = fork();

	if (pid == 0)
		ignore_sigterm(arg);
	child_check(eventually(*below != 0, 5000));
	return 0;
}

static int group(void *arg)
{
	_Atomic pid_t *below = arg;
	struct ipc_process *p =
		child_started(fork_deaf_and_return, arg, LIBIPC_GROUP);

	child_check(ipc_process_join(p, LIBIPC_FOREVER) == 0);
	child_check(eventually(gone(*below), 2000));
	child_check(ipc_process_close(p) == 0);
	return 0;
}

static int reaped_by_others(void *arg)
{
	struct ipc_process *p;
	int code;
	(void)arg;

	signal(SIGCHLD, SIG_IGN);
	p = child_started(return_at_once, NULL, 0);
	child_check(ipc_process_join(p, 5000) == 0);
	child_check(ipc_process_exit_code(p, &code) == -ECHILD);
	child_check(ipc_process_close(p) == 0);
	return 0;
}

static int daemon_at_exit(void *arg)
{
	_Atomic pid_t *pid = arg;

	child_started(tell_and_wait, arg, LIBIPC_DAEMON);
	child_check(eventually(*pid != 0, 5000));
	exit(0);
}

/* ------------------------------------------------- daemons and their parent */

static int start_daemon(void *arg)
{
	child_started(tell_and_wait, arg, LIBIPC_DAEMON);
	return 0;
}

static int parent_main(void *arg)
{
	start_daemon(arg);
	return wait_for_ever(NULL);
}

static int parent_thread(void *arg)
{
	join_thread(start_thread(start_daemon, arg));
	return wait_for_ever(NULL);
}

/* ---------------------------------------------------- a system without them */

struct without {
	int error;
	int (*fn)(void *);
	_Atomic pid_t pid;
};

static int run_without(void *arg)
{
	struct without *w = arg;

	deny(SYS_pidfd_open, w->error);
	return w->fn((void *)&w->pid);
}

static struct without *without(int error, int (*fn)(void *))
{
	struct without *w = shared_alloc(sizeof(*w));

	w->error = error;
	w->fn = fn;
	return w;
}

static void expect_all(int error)
{
	int (*const fns[])(void *) = {life, stop_the_deaf, group,
				      reaped_by_others, daemon_at_exit};

	for (size_t i = 0; i < sizeof(fns) / sizeof(fns[0]); i++)
		expect_exit(spawn_child(run_without, without(error, fns[i])),
			    0);
}

static void test_not_known(void **state)
{
	(void)state;
	need_filters();
	expect_all(ENOSYS);
}

static void test_forbidden(void **state)
{
	(void)state;
	need_filters();
	expect_all(EPERM);
}

static void expect_daemon_goes(int (*parent)(void *))
{
	struct without *w = without(ENOSYS, parent);
	pid_t pid = spawn_child(run_without, w);

	assert_true(eventually(w->pid != 0, 5000));
	sleep_ms(100);
	assert_false(gone(w->pid));
	kill_child(pid);
	assert_true(eventually(gone(w->pid), 2000));
}

static void test_daemons_go_with_their_parent(void **state)
{
	(void)state;
	need_filters();
	expect_daemon_goes(parent_main);
	expect_daemon_goes(parent_thread);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_not_known),
		TEST(test_forbidden),
		TEST(test_daemons_go_with_their_parent),
	};

	return RUN_TESTS(tests);
}
