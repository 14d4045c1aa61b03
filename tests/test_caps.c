/* SPDX-License-Identifier: MIT */
/*
 * test_caps.c - where the system lacks what the library needs, it says so, and
 * so do create and open of everything
 *
 * Each test is a child, because the answer is found once and remembered.
 */
#include "named_util.h"
#include "process_util.h"

struct lack {
	long call;
	int error;
	const char *name; /* of a mutex that is there */
};

static int says_enosys(void *arg)
{
	const struct lack *lack = arg;
	struct ipc_pipe *ends[2] = {SENTINEL, SENTINEL};

	deny(lack->call, lack->error);
	child_check(ipc_caps() == -ENOSYS);
	child_check(ipc_caps() == -ENOSYS);
	for (int i = 0; i < KINDS; i++) {
		child_check(try_create(&kinds[i], NULL, 0, 0) == -ENOSYS);
		child_check(try_create(&kinds[i], "/libipc-test-caps", 0, 0) ==
			    -ENOSYS);
		child_check(try_open(&kinds[i], "/libipc-test-caps") ==
			    -ENOSYS);
		child_check(!lack->name ||
			    try_open(&kinds[i], lack->name) == -ENOSYS);
	}
	child_check(ipc_pipe_create(ends, NULL) == -ENOSYS);
	child_check(ends[0] == SENTINEL && ends[1] == SENTINEL);
	child_check(ipc_unlink("/libipc-test-caps") == -ENOENT);
	return 0;
}

static void expect_enosys(long call, int error)
{
	struct lack lack = {call, error, NULL};

	expect_exit(spawn_child(says_enosys, &lack), 0);
}

/* a kernel before 5.16, and a container that knows of none newer */
static void test_without_futex_waitv(void **state)
{
	(void)state;
	expect_enosys(SYS_futex_waitv, ENOSYS);
	expect_enosys(SYS_futex_waitv, EPERM);
}

/* as in an emulator */
static void test_without_robust_lists(void **state)
{
	(void)state;
	expect_enosys(SYS_get_robust_list, ENOSYS);
	expect_enosys(SYS_get_robust_list, EPERM);
}

static int make_mutex(void *arg)
{
	return -try_create(&kinds[MUTEX], arg, 0, 0);
}

/* an object that others can use does not help */
static void test_with_an_object_there(void **state)
{
	char name[64];
	struct lack lack = {SYS_futex_waitv, ENOSYS, name};
	(void)state;

	expect_exit(spawn_child(make_mutex, unique_name(name, "caps")), 0);
	expect_exit(spawn_child(says_enosys, &lack), 0);
	expect_unlinked(name);
}

/* what was found before is remembered: there is no asking again */
static int asks_once(void *arg)
{
	int error = *(int *)arg;

	child_check(ipc_caps() == LIBIPC_CAP_EXACT_WAKE);
	deny(SYS_futex_waitv, error);
	child_check(ipc_caps() == LIBIPC_CAP_EXACT_WAKE);
	return 0;
}

static void test_asks_once(void **state)
{
	int error = ENOSYS;
	(void)state;

	expect_exit(spawn_child(asks_once, &error), 0);
}

static int ask(void *arg)
{
	(void)arg;
	child_check(ipc_caps() == LIBIPC_CAP_EXACT_WAKE);
	return 0;
}

static int ask_in_threads(void *arg)
{
	struct test_thread *thread[8];

	(void)arg;
	for (int i = 0; i < 8; i++)
		thread[i] = start_thread(ask, NULL);
	for (int i = 0; i < 8; i++)
		join_thread(thread[i]);
	return 0;
}

static void test_many_ask_at_once(void **state)
{
	(void)state;
	expect_exit(spawn_child(ask_in_threads, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_without_futex_waitv),
		TEST(test_without_robust_lists),
		TEST(test_with_an_object_there),
		TEST(test_asks_once),
		TEST(test_many_ask_at_once),
	};

	return RUN_TESTS(tests);
}
