/* SPDX-License-Identifier: MIT */
/*
 * test_process_reap.c - no zombie is left, nobody else's child is reaped, and a
 * child that somebody else reaped has ended all the same
 */
#include "process_util.h"

enum {
	MANY = 20,
};

/* ended, and a zombie by now */
static struct ipc_process *zombie(void)
{
	struct ipc_process *p;

	assert_false(has_zombie());
	p = started(return_at_once, NULL, 0);
	assert_true(eventually(has_zombie(), 5000));
	return p;
}

static void expect_reaped(struct ipc_process *p)
{
	assert_false(has_zombie());
	assert_int_equal(ipc_process_close(p), 0);
}

static void test_each_of_them_reaps(void **state)
{
	struct ipc_process *p, *other;
	int code;
	(void)state;

	p = zombie();
	assert_int_equal(ipc_process_join(p, 0), 0);
	expect_reaped(p);
	p = zombie();
	assert_int_equal(ipc_process_is_alive(p), 0);
	expect_reaped(p);
	p = zombie();
	assert_int_equal(ipc_process_exit_code(p, &code), 0);
	expect_reaped(p);
	p = zombie();
	assert_int_equal(ipc_process_terminate(p), 0);
	expect_reaped(p);
	p = zombie();
	assert_int_equal(ipc_process_stop(p, 0), 0);
	expect_reaped(p);
	p = zombie();
	assert_int_equal(ipc_process_active(NULL, 0), 0);
	expect_reaped(p);
	p = zombie();
	assert_int_equal(ipc_process_close(p), 0);
	assert_false(has_zombie());

	p = zombie();
	other = started(wait_for_ever, NULL, 0);
	expect_reaped(p);
	killed(other);
}

static void test_stop_reaps(void **state)
{
	struct ipc_process *p = started(wait_for_ever, NULL, 0);
	(void)state;

	assert_int_equal(ipc_process_stop(p, 1000), 0);
	assert_false(has_zombie());
	assert_int_equal(ipc_process_close(p), 0);
}

static void test_zombies_do_not_pile_up(void **state)
{
	struct ipc_process *p[MANY];
	(void)state;

	for (int i = 0; i < MANY; i++)
		p[i] = started(return_at_once, NULL, 0);
	assert_true(eventually(ipc_process_active(NULL, 0) == 0, 5000));
	assert_false(has_zombie());
	for (int i = 0; i < MANY; i++)
		assert_int_equal(finished(p[i]), 0);
}

/* -------------------------------------------------------- only our own pids */

static int fork_and_return(void *arg)
{
	_Atomic pid_t *below = arg;
	pid_t pid = fork();

	if (pid == 0)
		tell_and_wait(arg);
	child_check(eventually(*below != 0, 5000));
	return 0;
}

static void test_a_grandchild_does_not_delay_join(void **state)
{
	_Atomic pid_t *below = shared_alloc(sizeof(*below));
	struct ipc_process *p;
	double from = now_ms();
	(void)state;

	p = started(fork_and_return, (void *)below, 0);
	assert_int_equal(ipc_process_join(p, 5000), 0);
	assert_true(now_ms() - from < 2000 * test_slow());
	assert_false(gone(*below));
	kill(*below, SIGKILL);
	assert_int_equal(finished(p), 0);
}

static void test_other_children_are_left_alone(void **state)
{
	pid_t other = spawn_child(return_at_once, NULL);
	struct ipc_process *p;
	(void)state;

	assert_true(eventually(has_zombie(), 5000));
	p = started(return_at_once, NULL, 0);
	assert_int_equal(ipc_process_join(p, LIBIPC_FOREVER), 0);
	assert_int_equal(ipc_process_active(NULL, 0), 0);
	assert_int_equal(ipc_process_close(p), 0);
	assert_true(has_zombie());
	expect_exit(other, 0);
}

static void test_active(void **state)
{
	struct ipc_process *p[3], *list[4] = {NULL};
	struct ipc_process *fresh = created(wait_for_ever, NULL, 0);
	(void)state;

	assert_int_equal(ipc_process_active(NULL, 0), 0);
	for (int i = 0; i < 3; i++)
		p[i] = started(wait_for_ever, NULL, 0);
	assert_int_equal(ipc_process_active(NULL, 0), 3);
	assert_int_equal(ipc_process_active(list, 2), 3);
	assert_ptr_equal(list[0], p[0]);
	assert_ptr_equal(list[1], p[1]);
	assert_null(list[2]);
	killed(p[1]);
	assert_int_equal(ipc_process_active(list, 4), 2);
	assert_ptr_equal(list[0], p[0]);
	assert_ptr_equal(list[1], p[2]);
	killed(p[2]);
	killed(p[0]);
	assert_int_equal(ipc_process_active(list, 4), 0);
	assert_int_equal(ipc_process_close(fresh), 0);
}

static int count_mine(void *arg)
{
	(void)arg;
	return ipc_process_active(NULL, 0);
}

static void test_a_child_begins_with_none(void **state)
{
	struct ipc_process *p = started(wait_for_ever, NULL, 0);
	(void)state;

	assert_int_equal(finished(started(count_mine, NULL, 0)), 0);
	killed(p);
}

/* --------------------------------------------------------- reaped by others */

static void expect_lost(struct ipc_process *p)
{
	int code = 12;

	child_check(ipc_process_is_alive(p) == 0);
	child_check(ipc_process_join(p, 0) == 0);
	child_check(ipc_process_exit_code(p, &code) == -ECHILD);
	child_check(code == 12);
	child_check(ipc_process_terminate(p) == 0);
	child_check(ipc_process_stop(p, 0) == 0);
	child_check(ipc_process_active(NULL, 0) == 0);
	child_check(ipc_process_pid(p) > 0);
	child_check(ipc_process_close(p) == 0);
}

static int ignore_sigchld(void *arg)
{
	struct ipc_process *p;
	(void)arg;

	signal(SIGCHLD, SIG_IGN);
	p = child_started(return_at_once, NULL, 0);
	child_check(ipc_process_join(p, 5000) == 0);
	expect_lost(p);
	p = child_started(wait_for_ever, NULL, 0);
	child_check(ipc_process_is_alive(p) == 1);
	child_check(ipc_process_join(p, 50) == -ETIMEDOUT);
	child_check(ipc_process_kill(p) == 0);
	child_check(ipc_process_join(p, 5000) == 0);
	expect_lost(p);
	return 0;
}

static void test_sigchld_is_ignored(void **state)
{
	(void)state;
	expect_exit(spawn_child(ignore_sigchld, NULL), 0);
}

static int wait_for_any(void *arg)
{
	struct ipc_process *p = child_started(return_at_once, NULL, 0);
	(void)arg;

	child_check(waitpid(-1, NULL, 0) == ipc_process_pid(p));
	expect_lost(p);
	return 0;
}

static void test_the_program_waits_for_any_child(void **state)
{
	(void)state;
	expect_exit(spawn_child(wait_for_any, NULL), 0);
}

static void reap_any(int sig)
{
	int saved = errno;

	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = saved;
}

static int reap_in_handler(void *arg)
{
	struct sigaction action = {.sa_handler = reap_any};
	(void)arg;

	sigaction(SIGCHLD, &action, NULL);
	for (int i = 0; i < MANY; i++) {
		struct ipc_process *p = child_started(return_at_once, NULL, 0);
		int code = 0, r;
		child_check(ipc_process_join(p, 5000) == 0);
		r = ipc_process_exit_code(p, &code);
		child_check(r == -ECHILD || (r == 0 && code == 0));
		child_check(ipc_process_close(p) == 0);
	}
	return 0;
}

static void test_the_program_reaps_in_a_handler(void **state)
{
	(void)state;
	expect_exit(spawn_child(reap_in_handler, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_of_them_reaps),
		TEST(test_stop_reaps),
		TEST(test_zombies_do_not_pile_up),
		TEST(test_a_grandchild_does_not_delay_join),
		TEST(test_other_children_are_left_alone),
		TEST(test_active),
		TEST(test_a_child_begins_with_none),
		TEST(test_sigchld_is_ignored),
		TEST(test_the_program_waits_for_any_child),
		TEST(test_the_program_reaps_in_a_handler),
	};

	return RUN_TESTS(tests);
}
