/* SPDX-License-Identifier: MIT */
/*
 * test_process_group.c - LIBIPC_GROUP: the signals reach the child's children,
 * none of which is left when the child has ended and is reaped
 */
#include "process_util.h"

#include <poll.h>

/* leader and a child of its own, made by plain fork() */
struct told {
	_Atomic pid_t leader, below;
	_Atomic int go;
};

static void fork_below(struct told *told, int (*fn)(void *))
{
	pid_t pid = fork();

	child_check(pid >= 0);
	if (pid == 0)
		_exit(fn((void *)&told->below));
	child_check(eventually(told->below != 0, 5000));
}

static int lead(void *arg)
{
	struct told *told = arg;

	fork_below(told, tell_and_wait);
	return tell_and_wait((void *)&told->leader);
}

static int lead_deaf(void *arg)
{
	struct told *told = arg;

	fork_below(told, ignore_sigterm);
	return tell_and_wait((void *)&told->leader);
}

static int lead_and_return(void *arg)
{
	fork_below(arg, ignore_sigterm);
	return 6;
}

static struct ipc_process *running_group(ipc_process_fn *fn, struct told *told)
{
	struct ipc_process *p = started(fn, told, LIBIPC_GROUP);

	assert_true(eventually(told->leader && told->below, 5000));
	return p;
}

static void test_a_group_of_its_own(void **state)
{
	struct ipc_process *p = started(wait_for_ever, NULL, LIBIPC_GROUP);
	pid_t pid = ipc_process_pid(p);
	(void)state;

	assert_int_equal(getpgid(pid), pid);
	killed(p);
	p = started(wait_for_ever, NULL, 0);
	assert_int_equal(getpgid(ipc_process_pid(p)), getpgrp());
	killed(p);
}

static int in_own_group(void *arg)
{
	(void)arg;
	return getpgrp() == getpid();
}

static void test_the_child_finds_itself_in_it(void **state)
{
	(void)state;
	assert_int_equal(finished(started(in_own_group, NULL, LIBIPC_GROUP)),
			 1);
}

static void test_terminate_reaches_all(void **state)
{
	struct told *told = shared_alloc(sizeof(*told));
	struct ipc_process *p = running_group(lead, told);
	(void)state;

	assert_int_equal(ipc_process_terminate(p), 0);
	assert_true(eventually(gone(told->below), 5000));
	assert_int_equal(finished(p), -SIGTERM);
}

static void test_kill_reaches_all(void **state)
{
	struct told *told = shared_alloc(sizeof(*told));
	struct ipc_process *p = running_group(lead_deaf, told);
	(void)state;

	assert_int_equal(ipc_process_kill(p), 0);
	assert_true(eventually(gone(told->below), 5000));
	assert_int_equal(finished(p), -SIGKILL);
}

static void test_stop_reaches_all(void **state)
{
	struct told *told = shared_alloc(sizeof(*told));
	struct ipc_process *p = running_group(lead_deaf, told);
	(void)state;

	assert_int_equal(ipc_process_stop(p, 5000), 0);
	assert_true(eventually(gone(told->below), 2000));
	assert_int_equal(finished(p), -SIGTERM);
}

static void test_without_the_flag_it_reaches_one(void **state)
{
	struct told *told = shared_alloc(sizeof(*told));
	struct ipc_process *p = started(lead, told, 0);
	(void)state;

	assert_true(eventually(told->leader && told->below, 5000));
	assert_int_equal(ipc_process_stop(p, 5000), 0);
	assert_false(gone(told->below));
	kill(told->below, SIGKILL);
	assert_true(eventually(gone(told->below), 5000));
	assert_int_equal(finished(p), -SIGTERM);
}

/* ------------------------------------------------ the leader ends by itself */

static void call_join(struct ipc_process *p)
{
	assert_int_equal(ipc_process_join(p, LIBIPC_FOREVER), 0);
}

static void call_is_alive(struct ipc_process *p)
{
	assert_int_equal(ipc_process_is_alive(p), 0);
}

static void call_exit_code(struct ipc_process *p)
{
	int code;

	assert_int_equal(ipc_process_exit_code(p, &code), 0);
}

static void call_terminate(struct ipc_process *p)
{
	assert_int_equal(ipc_process_terminate(p), 0);
}

static void call_stop(struct ipc_process *p)
{
	assert_int_equal(ipc_process_stop(p, 0), 0);
}

static void call_active(struct ipc_process *p)
{
	(void)p;
	assert_int_equal(ipc_process_active(NULL, 0), 0);
}

static void call_start(struct ipc_process *p)
{
	(void)p;
	assert_int_equal(finished(started(return_at_once, NULL, 0)), 0);
}

static void test_no_orphan_when_it_is_reaped(void **state)
{
	void (*const reap[])(struct ipc_process *) = {
		call_join, call_is_alive, call_exit_code, call_terminate,
		call_stop, call_active,	  call_start,
	};
	(void)state;

	for (size_t i = 0; i < sizeof(reap) / sizeof(reap[0]); i++) {
		struct told *told = shared_alloc(sizeof(*told));
		struct ipc_process *p;
		p = started(lead_and_return, told, LIBIPC_GROUP);
		assert_true(eventually(has_zombie(), 5000));
		assert_false(gone(told->below));
		reap[i](p);
		assert_true(eventually(gone(told->below), 2000));
		assert_int_equal(finished(p), 6);
	}
}

static void test_no_orphan_when_it_is_closed(void **state)
{
	struct told *told = shared_alloc(sizeof(*told));
	struct ipc_process *p = started(lead_and_return, told, LIBIPC_GROUP);
	(void)state;

	assert_true(eventually(has_zombie(), 5000));
	assert_false(gone(told->below));
	assert_int_equal(ipc_process_close(p), 0);
	assert_true(eventually(gone(told->below), 2000));
}

static int exit_with_group(void *arg)
{
	child_started(lead_deaf, arg, LIBIPC_GROUP | LIBIPC_DAEMON);
	child_check(eventually(((struct told *)arg)->leader != 0, 5000));
	exit(0);
}

static void test_no_orphan_when_the_parent_exits(void **state)
{
	struct told *told = shared_alloc(sizeof(*told));
	(void)state;

	expect_exit(spawn_child(exit_with_group, told), 0);
	assert_true(eventually(gone(told->leader), 2000));
	assert_true(eventually(gone(told->below), 2000));
}

/* ----------------------------------------------------------- odd conditions */

/* nothing may be signalled by a number that is not ours any more */
static int signal_the_finished(void *arg)
{
	struct ipc_process *p =
		child_started(lead_and_return, arg, LIBIPC_GROUP);

	child_check(ipc_process_join(p, LIBIPC_FOREVER) == 0);
	deny(SYS_kill, EPERM);
	deny(SYS_pidfd_send_signal, EPERM);
	child_check(ipc_process_terminate(p) == 0);
	child_check(ipc_process_kill(p) == 0);
	child_check(ipc_process_stop(p, 0) == 0);
	child_check(ipc_process_close(p) == 0);
	return 0;
}

static void test_a_reaped_leader_is_not_signalled(void **state)
{
	struct told *told = shared_alloc(sizeof(*told));
	(void)state;

	need_filters();
	expect_exit(spawn_child(signal_the_finished, told), 0);
	assert_true(eventually(gone(told->below), 2000));
}

/* into the group of the parent, while the one below stays */
static int leave_the_group(void *arg)
{
	struct told *told = arg;

	fork_below(told, ignore_sigterm);
	child_check(setpgid(0, getpgid(getppid())) == 0);
	return ignore_sigterm((void *)&told->leader);
}

static void test_a_leader_that_left_is_still_killed(void **state)
{
	struct told *told = shared_alloc(sizeof(*told));
	struct ipc_process *p = running_group(leave_the_group, told);
	(void)state;

	assert_int_equal(ipc_process_stop(p, 50), 0);
	assert_true(eventually(gone(told->below), 2000));
	assert_int_equal(finished(p), -SIGKILL);
}

/* nobody has to reap the leader, so its number is free at once: only a
   descriptor can still say which group was meant (Linux 6.9) */
static bool can_signal_group_by_descriptor(void)
{
	int r, fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd < 0)
		return false;
	r = (int)syscall(SYS_pidfd_send_signal, fd, 0, NULL, 1 << 2);
	r = r != 0 && errno == EINVAL;
	close(fd);
	return !r;
}

static int lead_until_told(void *arg)
{
	struct told *told = arg;
	int code = lead_and_return(told);

	child_check(eventually(told->go, 5000));
	return code;
}

static int group_without_sigchld(void *arg)
{
	struct told *told = arg;
	struct ipc_process *p;
	struct pollfd end = {.events = POLLIN};

	signal(SIGCHLD, SIG_IGN);
	p = child_started(lead_until_told, told, LIBIPC_GROUP);
	end.fd = ipc_process_fd(p);
	child_check(end.fd >= 0);
	told->go = 1;
	child_check(poll(&end, 1, 5000) == 1);
	child_check(ipc_process_join(p, LIBIPC_FOREVER) == 0);
	child_check(ipc_process_close(p) == 0);
	return 0;
}

static void test_no_orphan_when_sigchld_is_ignored(void **state)
{
	struct told *told = shared_alloc(sizeof(*told));
	(void)state;

	need_process_fds();
	if (!can_signal_group_by_descriptor())
		skip();
	expect_exit(spawn_child(group_without_sigchld, told), 0);
	assert_true(eventually(gone(told->below), 2000));
}

/* older kernels know neither call, or not the one for groups */
static int group_by_number(void *arg)
{
	struct told *told = arg;
	struct ipc_process *p;
	int code;

	deny(SYS_pidfd_send_signal, ENOSYS);
	p = child_started(lead_deaf, told, LIBIPC_GROUP);
	child_check(eventually(told->leader != 0, 5000));
	child_check(ipc_process_stop(p, 5000) == 0);
	child_check(ipc_process_exit_code(p, &code) == 0);
	child_check(code == -SIGTERM);
	child_check(ipc_process_close(p) == 0);
	return 0;
}

static void test_signalled_by_number(void **state)
{
	struct told *told = shared_alloc(sizeof(*told));
	(void)state;

	need_filters();
	expect_exit(spawn_child(group_by_number, told), 0);
	assert_true(eventually(gone(told->below), 2000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_group_of_its_own),
		TEST(test_the_child_finds_itself_in_it),
		TEST(test_terminate_reaches_all),
		TEST(test_kill_reaches_all),
		TEST(test_stop_reaches_all),
		TEST(test_without_the_flag_it_reaches_one),
		TEST(test_no_orphan_when_it_is_reaped),
		TEST(test_no_orphan_when_it_is_closed),
		TEST(test_no_orphan_when_the_parent_exits),
		TEST(test_a_reaped_leader_is_not_signalled),
		TEST(test_a_leader_that_left_is_still_killed),
		TEST(test_no_orphan_when_sigchld_is_ignored),
		TEST(test_signalled_by_number),
	};

	return RUN_TESTS(tests);
}
