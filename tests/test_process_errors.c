/* SPDX-License-Identifier: MIT */
/*
 * test_process_errors.c - every wrong call has its errno and changes nothing
 */
#include "process_util.h"

#include <sys/resource.h>

static void test_null(void **state)
{
	int code;
	(void)state;

	assert_int_equal(ipc_process_set_daemon(NULL, true), -EINVAL);
	assert_int_equal(ipc_process_start(NULL), -EINVAL);
	assert_int_equal(ipc_process_join(NULL, 0), -EINVAL);
	assert_int_equal(ipc_process_terminate(NULL), -EINVAL);
	assert_int_equal(ipc_process_kill(NULL), -EINVAL);
	assert_int_equal(ipc_process_stop(NULL, 0), -EINVAL);
	assert_int_equal(ipc_process_is_alive(NULL), -EINVAL);
	assert_int_equal(ipc_process_exit_code(NULL, &code), -EINVAL);
	assert_int_equal(ipc_process_pid(NULL), -EINVAL);
	assert_null(ipc_process_name(NULL));
	assert_int_equal(ipc_process_daemon(NULL), -EINVAL);
	assert_int_equal(ipc_process_fd(NULL), -EINVAL);
	assert_int_equal(ipc_process_active(NULL, 1), -EINVAL);
	assert_int_equal(ipc_process_close(NULL), -EINVAL);
}

static void expect_no_create(const struct ipc_process_opts *opts, int error)
{
	char mark;
	struct ipc_process *before = (struct ipc_process *)(void *)&mark;
	struct ipc_process *p = before;

	assert_int_equal(ipc_process_create(&p, return_at_once, NULL, opts),
			 error);
	assert_ptr_equal(p, before);
}

static void test_create(void **state)
{
	struct ipc_process *p = NULL;
	(void)state;

	assert_int_equal(ipc_process_create(NULL, return_at_once, NULL, NULL),
			 -EINVAL);
	assert_int_equal(ipc_process_create(&p, NULL, NULL, NULL), -EINVAL);
	assert_null(p);
	expect_no_create(&(struct ipc_process_opts){.flags = 4}, -EINVAL);
	expect_no_create(&(struct ipc_process_opts){.flags = 1U << 31},
			 -EINVAL);
	expect_no_create(&(struct ipc_process_opts){.reserved32 = 1}, -EINVAL);
	for (int i = 0; i < 4; i++) {
		struct ipc_process_opts opts = {.flags = LIBIPC_DAEMON};
		opts.reserved[i] = 1;
		expect_no_create(&opts, -EINVAL);
	}
}

static void test_name_length(void **state)
{
	char name[300];
	struct ipc_process_opts opts = {.name = name};
	struct ipc_process *p;
	(void)state;

	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	expect_no_create(&opts, -ENAMETOOLONG);
	name[0] = '\0';
	expect_no_create(&opts, -EINVAL);
	name[0] = 'n';
	name[255] = '\0';
	assert_int_equal(ipc_process_create(&p, return_at_once, NULL, &opts),
			 0);
	assert_string_equal(ipc_process_name(p), name);
	assert_int_equal(ipc_process_close(p), 0);
}

static void test_not_started(void **state)
{
	struct ipc_process *p = created(wait_for_ever, NULL, 0);
	int code = 12;
	(void)state;

	assert_int_equal(ipc_process_join(p, 0), -ESRCH);
	assert_int_equal(ipc_process_join(p, LIBIPC_FOREVER), -ESRCH);
	assert_int_equal(ipc_process_terminate(p), -ESRCH);
	assert_int_equal(ipc_process_kill(p), -ESRCH);
	assert_int_equal(ipc_process_stop(p, 0), -ESRCH);
	assert_int_equal(ipc_process_exit_code(p, &code), -ESRCH);
	assert_int_equal(code, 12);
	assert_int_equal(ipc_process_fd(p), -ESRCH);
	assert_int_equal(ipc_process_is_alive(p), 0);
	assert_int_equal(ipc_process_pid(p), 0);
	assert_int_equal(ipc_process_close(p), 0);
}

static void test_running(void **state)
{
	struct ipc_process *p = started(wait_for_ever, NULL, 0);
	int code = 12;
	(void)state;

	assert_int_equal(ipc_process_start(p), -EALREADY);
	assert_int_equal(ipc_process_set_daemon(p, true), -EALREADY);
	assert_int_equal(ipc_process_daemon(p), 0);
	assert_int_equal(ipc_process_exit_code(p, &code), -EAGAIN);
	assert_int_equal(ipc_process_exit_code(p, NULL), -EINVAL);
	assert_int_equal(code, 12);
	assert_int_equal(ipc_process_close(p), -EBUSY);
	assert_int_equal(ipc_process_is_alive(p), 1);
	killed(p);
}

static void test_finished(void **state)
{
	struct ipc_process *p = started(return_at_once, NULL, 0);
	(void)state;

	assert_int_equal(ipc_process_join(p, LIBIPC_FOREVER), 0);
	assert_int_equal(ipc_process_start(p), -EALREADY);
	assert_int_equal(ipc_process_set_daemon(p, true), -EALREADY);
	assert_int_equal(ipc_process_close(p), 0);
}

/* ---------------------------------------------- the system gives no process */

/* fork() fails in this process, which can still start nothing afterwards */
static int without_fork(void *arg)
{
	struct ipc_process *p = NULL;
	int error = *(int *)arg;

	child_check(ipc_process_create(&p, return_at_once, NULL, NULL) == 0);
	deny(SYS_clone, error);
#ifdef SYS_fork /* musl's way */
	deny(SYS_fork, error);
#endif
	for (int i = 0; i < 2; i++) {
		child_check(ipc_process_start(p) == -error);
		child_check(ipc_process_pid(p) == 0);
		child_check(ipc_process_is_alive(p) == 0);
		child_check(ipc_process_join(p, 0) == -ESRCH);
		child_check(ipc_process_active(NULL, 0) == 0);
	}
	child_check(ipc_process_set_daemon(p, true) == 0);
	child_check(ipc_process_close(p) == 0);
	return 0;
}

static void test_no_process(void **state)
{
	int error[] = {EAGAIN, ENOMEM};
	(void)state;

	need_filters();
	expect_exit(spawn_child(without_fork, &error[0]), 0);
	expect_exit(spawn_child(without_fork, &error[1]), 0);
}

/* a full table of the whole system, and no memory for it */
static int without_descriptor(void *arg)
{
	struct ipc_process *p = NULL;
	int error = *(int *)arg;

	child_check(ipc_process_create(&p, return_at_once, NULL, NULL) == 0);
	deny(SYS_pidfd_open, error);
	child_check(ipc_process_start(p) == -error);
	child_check(ipc_process_pid(p) == 0);
	child_check(ipc_process_close(p) == 0);
	child_check(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
	return 0;
}

static void test_no_descriptor(void **state)
{
	int error[] = {ENFILE, ENOMEM};
	(void)state;

	need_filters();
	need_process_fds();
	expect_exit(spawn_child(without_descriptor, &error[0]), 0);
	expect_exit(spawn_child(without_descriptor, &error[1]), 0);
}

static void test_no_descriptor_then_one(void **state)
{
	struct ipc_process *p;
	struct rlimit few, before;
	int lowest, r;
	(void)state;

	need_process_fds();
	lowest = dup(STDIN_FILENO);
	p = created(return_at_once, NULL, 0);
	close(lowest);
	getrlimit(RLIMIT_NOFILE, &before);
	few = before;
	few.rlim_cur = (rlim_t)lowest;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	r = ipc_process_start(p);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(r, -EMFILE);
	assert_int_equal(ipc_process_pid(p), 0);
	assert_int_equal(ipc_process_active(NULL, 0), 0);
	assert_int_equal(ipc_process_start(p), 0);
	assert_int_equal(finished(p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_null),
		TEST(test_create),
		TEST(test_name_length),
		TEST(test_not_started),
		TEST(test_running),
		TEST(test_finished),
		TEST(test_no_process),
		TEST(test_no_descriptor),
		TEST(test_no_descriptor_then_one),
	};

	return RUN_TESTS(tests);
}
