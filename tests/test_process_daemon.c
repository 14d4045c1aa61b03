/* SPDX-License-Identifier: MIT */
/*
 * test_process_daemon.c - who is a daemon
 */
#include "process_util.h"

static void test_flag(void **state)
{
	struct ipc_process *plain = created(wait_for_ever, NULL, 0);
	struct ipc_process *daemon =
		created(wait_for_ever, NULL, LIBIPC_DAEMON);
	(void)state;

	assert_int_equal(ipc_process_daemon(plain), 0);
	assert_int_equal(ipc_process_daemon(daemon), 1);
	assert_int_equal(ipc_process_close(plain), 0);
	assert_int_equal(ipc_process_close(daemon), 0);
}

static void test_set_and_cleared(void **state)
{
	struct ipc_process *p = created(wait_for_ever, NULL, 0);
	(void)state;

	assert_int_equal(ipc_process_set_daemon(p, true), 0);
	assert_int_equal(ipc_process_daemon(p), 1);
	assert_int_equal(ipc_process_set_daemon(p, false), 0);
	assert_int_equal(ipc_process_daemon(p), 0);
	assert_int_equal(ipc_process_set_daemon(p, true), 0);
	assert_int_equal(ipc_process_start(p), 0);
	assert_int_equal(ipc_process_set_daemon(p, false), -EALREADY);
	assert_int_equal(ipc_process_daemon(p), 1);
	killed(p);
}

static int create_one(void *arg)
{
	bool want = *(bool *)arg;
	struct ipc_process *p = NULL;

	child_check(ipc_process_create(&p, wait_for_ever, NULL, NULL) == 0);
	child_check(ipc_process_daemon(p) == want);
	child_check(ipc_process_set_daemon(p, false) == (want ? -EPERM : 0));
	child_check(ipc_process_daemon(p) == want);
	child_check(ipc_process_set_daemon(p, true) == 0);
	child_check(ipc_process_close(p) == 0);
	return 0;
}

static void test_in_a_daemon_all_are(void **state)
{
	bool yes = true;
	(void)state;

	assert_int_equal(finished(started(create_one, &yes, LIBIPC_DAEMON)), 0);
}

static void test_in_another_child_none_is(void **state)
{
	bool no = false;
	(void)state;

	assert_int_equal(finished(started(create_one, &no, 0)), 0);
}

static int create_one_deeper(void *arg)
{
	struct ipc_process *p = child_started(create_one, arg, 0);
	int code;

	child_check(ipc_process_join(p, LIBIPC_FOREVER) == 0);
	child_check(ipc_process_exit_code(p, &code) == 0);
	child_check(ipc_process_close(p) == 0);
	return code;
}

static void test_and_so_on(void **state)
{
	bool yes = true;
	(void)state;

	assert_int_equal(
		finished(started(create_one_deeper, &yes, LIBIPC_DAEMON)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_flag),
		TEST(test_set_and_cleared),
		TEST(test_in_a_daemon_all_are),
		TEST(test_in_another_child_none_is),
		TEST(test_and_so_on),
	};

	return RUN_TESTS(tests);
}
