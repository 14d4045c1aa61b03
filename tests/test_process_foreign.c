/* SPDX-License-Identifier: MIT */
/*
 * test_process_foreign.c - a handle belongs to the process that created it
 *
 * The program's own fork() copies handles: in the copy they tell pid, name and
 * daemon, and nothing that is done to them touches the parent's children.
 */
#include "process_util.h"

struct handles {
	struct ipc_process *fresh, *running, *ended;
	pid_t running_pid, ended_pid;
};

static void expect_echild(struct ipc_process *p)
{
	int code = 12;

	child_check(ipc_process_start(p) == -ECHILD);
	child_check(ipc_process_set_daemon(p, true) == -ECHILD);
	child_check(ipc_process_join(p, 0) == -ECHILD);
	child_check(ipc_process_join(p, LIBIPC_FOREVER) == -ECHILD);
	child_check(ipc_process_terminate(p) == -ECHILD);
	child_check(ipc_process_kill(p) == -ECHILD);
	child_check(ipc_process_stop(p, 0) == -ECHILD);
	child_check(ipc_process_is_alive(p) == -ECHILD);
	child_check(ipc_process_exit_code(p, &code) == -ECHILD);
	child_check(code == 12);
	child_check(ipc_process_fd(p) == -ECHILD);
}

static int use_copies(void *arg)
{
	struct handles *h = arg;

	expect_echild(h->fresh);
	expect_echild(h->running);
	expect_echild(h->ended);
	child_check(ipc_process_pid(h->fresh) == 0);
	child_check(ipc_process_pid(h->running) == h->running_pid);
	child_check(ipc_process_pid(h->ended) == h->ended_pid);
	child_check(strcmp(ipc_process_name(h->running), "runs") == 0);
	child_check(ipc_process_daemon(h->running) == 1);
	child_check(ipc_process_daemon(h->ended) == 0);
	child_check(ipc_process_active(NULL, 0) == 0);
	child_check(ipc_process_close(h->fresh) == 0);
	child_check(ipc_process_close(h->running) == 0);
	child_check(ipc_process_close(h->ended) == 0);
	return 0;
}

static struct handles three_handles(void)
{
	struct ipc_process_opts opts = {.name = "runs", .flags = LIBIPC_DAEMON};
	struct handles h = {.fresh = created(return_at_once, NULL, 0)};

	h.ended = started(return_at_once, NULL, 0);
	assert_int_equal(ipc_process_join(h.ended, LIBIPC_FOREVER), 0);
	assert_int_equal(
		ipc_process_create(&h.running, wait_for_ever, NULL, &opts), 0);
	assert_int_equal(ipc_process_start(h.running), 0);
	h.running_pid = ipc_process_pid(h.running);
	h.ended_pid = ipc_process_pid(h.ended);
	return h;
}

static void close_three(struct handles *h)
{
	assert_int_equal(ipc_process_is_alive(h->running), 1);
	killed(h->running);
	assert_int_equal(finished(h->ended), 0);
	assert_int_equal(finished((ipc_process_start(h->fresh), h->fresh)), 0);
}

static void test_in_a_fork_of_the_program(void **state)
{
	struct handles h = three_handles();
	(void)state;

	expect_exit(spawn_child(use_copies, &h), 0);
	close_three(&h);
}

static int fork_again(void *arg)
{
	expect_exit(spawn_child(use_copies, arg), 0);
	return use_copies(arg);
}

static void test_in_a_fork_of_a_fork(void **state)
{
	struct handles h = three_handles();
	(void)state;

	expect_exit(spawn_child(fork_again, &h), 0);
	close_three(&h);
}

static void test_in_a_started_child(void **state)
{
	struct handles h = three_handles();
	(void)state;

	assert_int_equal(finished(started(use_copies, &h, 0)), 0);
	close_three(&h);
}

/* a fork of the program may have children of its own */
static int have_children(void *arg)
{
	struct ipc_process *p = child_started(wait_for_ever, NULL, 0);
	int code;

	child_check(ipc_process_active(NULL, 0) == 1);
	child_check(ipc_process_stop(p, 1000) == 0);
	child_check(ipc_process_exit_code(p, &code) == 0);
	child_check(code == -SIGTERM);
	child_check(ipc_process_close(p) == 0);
	return use_copies(arg);
}

static void test_a_fork_starts_its_own(void **state)
{
	struct handles h = three_handles();
	(void)state;

	expect_exit(spawn_child(have_children, &h), 0);
	assert_int_equal(ipc_process_active(NULL, 0), 1);
	close_three(&h);
}

/* the handle of a process, in that process itself */
static int look_at_myself(void *arg)
{
	struct ipc_process *me = *(struct ipc_process **)arg;

	expect_echild(me);
	child_check(ipc_process_pid(me) == getpid());
	child_check(ipc_process_close(me) == 0);
	return 0;
}

static void test_in_the_process_itself(void **state)
{
	struct ipc_process *p = NULL;
	(void)state;

	p = created(look_at_myself, &p, 0);
	assert_int_equal(ipc_process_start(p), 0);
	assert_int_equal(finished(p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_in_a_fork_of_the_program),
		TEST(test_in_a_fork_of_a_fork),
		TEST(test_in_a_started_child),
		TEST(test_a_fork_starts_its_own),
		TEST(test_in_the_process_itself),
	};

	return RUN_TESTS(tests);
}
