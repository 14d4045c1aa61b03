/* SPDX-License-Identifier: MIT */
/*
 * test_named_names.c - which names there are: a slash, and 1 to 250 bytes
 * without a slash
 */
#include "named_util.h"

static void expect_bad(const char *name, int error)
{
	assert_int_equal(ipc_unlink(name), error);
	for (int i = 0; i < KINDS; i++) {
		assert_int_equal(try_open(&kinds[i], name), error);
		if (name) /* else it is an anonymous one */
			assert_int_equal(try_create(&kinds[i], name, 0, 0),
					 error);
	}
}

static void expect_good(const char *name)
{
	expect_nothing(name);
	for (int i = 0; i < KINDS; i++) {
		assert_int_equal(try_create(&kinds[i], name, 0, 0), 0);
		assert_int_equal(try_open(&kinds[i], name), 0);
		expect_unlinked(name);
	}
	expect_nothing(name);
}

static void test_bad_names(void **state)
{
	const char *names[] = {"",     "x",	"name",		 "/",
			       "//",   "/a/b",	"/a/",		 "//a",
			       "a/b",  "/.",	"/..",		 "./a",
			       "../a", "/../a", "/a/../b",	 ".",
			       "..",   " /a",	"/tmp/libipc-x", "/dev/shm/x"};
	(void)state;

	expect_bad(NULL, -EINVAL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect_bad(names[i], -EINVAL);
}

/* as long as it is, and it is ours */
static char *long_name(char buf[4096], size_t len)
{
	int n = snprintf(buf, 4096, "/libipc-test-long-%d-", (int)getpid());

	memset(buf + n, 'n', 4096 - (size_t)n);
	buf[len + 1] = '\0';
	assert_int_equal(strlen(buf), len + 1);
	return buf;
}

static void test_long_names(void **state)
{
	char name[4096];
	(void)state;

	expect_good(long_name(name, 100));
	expect_good(long_name(name, 249));
	expect_good(long_name(name, 250));
	for (size_t len = 251; len < 300; len++)
		expect_bad(long_name(name, len), -ENAMETOOLONG);
	expect_bad(long_name(name, 4000), -ENAMETOOLONG);
}

/* two of the longest that differ in their last byte are two */
static void test_long_names_differ(void **state)
{
	char one[4096], two[4096];
	(void)state;

	long_name(one, 250);
	long_name(two, 250);
	two[250] = 'm';
	assert_int_equal(try_create(&kinds[MUTEX], one, 0, 0), 0);
	expect_nothing(two);
	assert_int_equal(try_create(&kinds[MUTEX], two, 0, 0), 0);
	expect_unlinked(one);
	assert_int_equal(try_open(&kinds[MUTEX], two), 0);
	expect_unlinked(two);
}

static void test_odd_names(void **state)
{
	const char *odd[] = {
		"...",		".hidden",  "a b",    "-", "\n", "%s%n",
		"\xe5\x8c\x85", "\xff\x01", "a.b..c", "~", "*",	 "\\"};
	char name[128];
	(void)state;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		snprintf(name, sizeof(name), "/%s-libipc-test-%d-", odd[i],
			 (int)getpid());
		expect_good(name);
	}
}

/* one byte is enough; somebody else may have it, then it stays as it is */
static void test_shortest_name(void **state)
{
	struct ipc_mutex *m;
	(void)state;

	if (access("/dev/shm/~", F_OK) == 0) {
		print_message("# skipped: /dev/shm/~ exists\n");
		skip();
	}
	assert_int_equal(ipc_mutex_create(&m, "/~", NULL), 0);
	expect_unlinked("/~");
	assert_int_equal(ipc_mutex_close(m), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bad_names),	      TEST(test_long_names),
		TEST(test_long_names_differ), TEST(test_odd_names),
		TEST(test_shortest_name),
	};

	return RUN_TESTS(tests);
}
