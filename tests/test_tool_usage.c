/* SPDX-License-Identifier: MIT */
/*
 * test_tool_usage.c - the program libipc: right use, wrong use, exit codes
 */
#include "tool_util.h"

static struct ran r;

static void expect_wrong_use(void)
{
	expect_failure(&r, 2);
	assert_string_equal(r.out, "");
}

static void test_help(void **state)
{
	(void)state;
	run_tool(&r, "--help");
	expect_well(&r);
	assert_non_null(find_line(r.out, "usage: libipc "));
	assert_non_null(find_line(r.out, "  gc "));
	run_tool(&r, "-h");
	expect_well(&r);
	run_tool(&r, "help");
	expect_well(&r);
	run_tool(&r, "stat", "--help");
	expect_well(&r);
	assert_non_null(find_line(r.out, "usage: libipc "));
}

static void test_version(void **state)
{
	char version[64];
	(void)state;

	snprintf(version, sizeof(version), "libipc %s\n", ipc_version());
	run_tool(&r, "--version");
	expect_well(&r);
	assert_string_equal(r.out, version);
	run_tool(&r, "-V");
	assert_string_equal(r.out, version);
}

static void test_wrong_use(void **state)
{
	(void)state;
	run_tool_argv(&r, (char *[]){NULL, NULL});
	expect_wrong_use();
	run_tool(&r, "explode");
	expect_wrong_use();
	run_tool(&r, "");
	expect_wrong_use();
	run_tool(&r, "ls", "--what");
	expect_wrong_use();
	run_tool(&r, "ls", "-x");
	expect_wrong_use();
	run_tool(&r, "ls", "-jx");
	expect_wrong_use();
	run_tool(&r, "ls", "/name");
	expect_wrong_use();
	run_tool(&r, "stat");
	expect_wrong_use();
	run_tool(&r, "stat", "/a", "/b");
	expect_wrong_use();
	run_tool(&r, "rm");
	expect_wrong_use();
	run_tool(&r, "doctor", "/name");
	expect_wrong_use();
}

/* an option that a command does not know is not ignored */
static void test_options_of_others(void **state)
{
	(void)state;
	run_tool(&r, "rm", "-n", "/libipc-test-not-there");
	expect_wrong_use();
	run_tool(&r, "ls", "--dry-run");
	expect_wrong_use();
	run_tool(&r, "gc", "-w");
	expect_wrong_use();
	run_tool(&r, "-j", "rm", "/libipc-test-not-there");
	expect_wrong_use();
}

static void test_no_such_object(void **state)
{
	(void)state;
	run_tool(&r, "stat", "/libipc-test-not-there");
	expect_failure(&r, 1);
	assert_string_equal(r.err,
			    "libipc: /libipc-test-not-there: no such object\n");
	run_tool(&r, "rm", "libipc-test-not-there");
	expect_failure(&r, 1);
	run_tool(&r, "gc", "libipc-test-not-there");
	expect_failure(&r, 1);
	run_tool(&r, "stat", "-j", "--", "-j");
	expect_failure(&r, 1);
	assert_string_equal(r.out, "");
}

static void test_names_that_are_none(void **state)
{
	char name[400];
	(void)state;

	run_tool(&r, "stat", "/a/b");
	expect_failure(&r, 1);
	run_tool(&r, "stat", "/");
	expect_failure(&r, 1);
	run_tool(&r, "stat", "..");
	expect_failure(&r, 1);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	run_tool(&r, "rm", name);
	expect_failure(&r, 1);
}

/* a full disk is a failure, not silence */
static void test_output_that_fails(void **state)
{
	char path[512];
	int status;
	pid_t pid;
	(void)state;

	tool_path(path);
	pid = fork();
	if (pid == 0) {
		dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO);
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		execl(path, "libipc", "--help", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_help),
		TEST(test_version),
		TEST(test_wrong_use),
		TEST(test_options_of_others),
		TEST(test_no_such_object),
		TEST(test_names_that_are_none),
		TEST(test_output_that_fails),
	};

	return RUN_TESTS(tests);
}
