/* SPDX-License-Identifier: MIT */
/*
 * test_process_name.c - names that are given, and names that are counted
 *
 * Each test counts from 1, because it runs in a child of its own.
 */
#include "process_util.h"

static struct ipc_process *named(const char *name)
{
	const struct ipc_process_opts opts = {.name = name};
	struct ipc_process *p = NULL;

	child_check(ipc_process_create(&p, wait_for_ever, NULL, &opts) == 0);
	return p;
}

/* creates one and closes it: its name is @want */
static void expect_next(const char *want)
{
	struct ipc_process *p = named(NULL);

	child_check(strcmp(ipc_process_name(p), want) == 0);
	child_check(ipc_process_close(p) == 0);
}

static int count(void *arg)
{
	struct ipc_process *p = NULL;
	(void)arg;

	expect_next("Process-1");
	expect_next("Process-2");
	ipc_process_create(&p, NULL, NULL, NULL); /* fails, uses no number */
	expect_next("Process-3");
	return 0;
}

static void test_counted(void **state)
{
	(void)state;
	expect_exit(spawn_child(count, NULL), 0);
}

static int given(void *arg)
{
	char name[] = "worker";
	struct ipc_process *p = named(name);
	(void)arg;

	memset(name, 'x', 6);
	child_check(strcmp(ipc_process_name(p), "worker") == 0);
	expect_next("Process-2");
	child_check(ipc_process_close(p) == 0);
	return 0;
}

static void test_a_given_name_is_copied_and_uses_a_number(void **state)
{
	(void)state;
	expect_exit(spawn_child(given, NULL), 0);
}

static int grandchild(void *arg)
{
	(void)arg;
	expect_next("Process-2:3:1");
	return 0;
}

static int child(void *arg)
{
	struct ipc_process *p;

	(void)arg;
	expect_next("Process-2:1");
	expect_next("Process-2:2");
	p = child_started(grandchild, NULL, 0);
	child_check(strcmp(ipc_process_name(p), "Process-2:3") == 0);
	child_check(ipc_process_join(p, 5000) == 0);
	child_check(ipc_process_close(p) == 0);
	return 0;
}

static int parent(void *arg)
{
	struct ipc_process *p;
	int code;
	(void)arg;

	expect_next("Process-1");
	p = child_started(child, NULL, 0);
	expect_next("Process-3");
	child_check(ipc_process_join(p, 5000) == 0);
	child_check(ipc_process_exit_code(p, &code) == 0 && code == 0);
	child_check(ipc_process_close(p) == 0);
	return 0;
}

static void test_each_child_counts_its_own(void **state)
{
	(void)state;
	expect_exit(spawn_child(parent, NULL), 0);
}

/* each process starts the next, until a number would be too long */
static int descend(void *arg)
{
	struct ipc_process *p = NULL;
	int code, r = ipc_process_create(&p, descend, arg, NULL);

	if (r == -ENAMETOOLONG) {
		*(_Atomic int *)arg = 1;
		return 0;
	}
	child_check(r == 0);
	child_check(strlen(ipc_process_name(p)) < 256);
	child_check(ipc_process_start(p) == 0);
	child_check(ipc_process_join(p, LIBIPC_FOREVER) == 0);
	child_check(ipc_process_exit_code(p, &code) == 0 && code == 0);
	child_check(ipc_process_close(p) == 0);
	return 0;
}

static void test_too_deep_is_an_error(void **state)
{
	_Atomic int *reached = shared_alloc(sizeof(*reached));
	(void)state;

	expect_exit(spawn_child(descend, (void *)reached), 0);
	assert_int_equal(*reached, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_counted),
		TEST(test_a_given_name_is_copied_and_uses_a_number),
		TEST(test_each_child_counts_its_own),
		TEST(test_too_deep_is_an_error),
	};

	return RUN_TESTS(tests);
}
