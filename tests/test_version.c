/* SPDX-License-Identifier: MIT */
/*
 * test_version.c - the library says which one it is and what it can do
 */
#include "harness.h"

static void test_version_is_that_of_the_header(void **state)
{
	char text[32];

	(void)state;
	snprintf(text, sizeof(text), "%d.%d.%d", LIBIPC_VERSION_MAJOR,
		 LIBIPC_VERSION_MINOR, LIBIPC_VERSION_PATCH);
	assert_string_equal(ipc_version(), text);
}

/* one of the two, and always the same */
static void test_says_how_it_wakes(void **state)
{
	int caps = ipc_caps();

	(void)state;
	assert_true(caps == LIBIPC_CAP_EXACT_WAKE ||
		    caps == LIBIPC_CAP_BOUNDED_WAKE);
	assert_int_equal(ipc_caps(), caps);
}

static int caps_in_child(void *arg)
{
	child_check(ipc_caps() == *(const int *)arg);
	return 0;
}

static void test_child_can_do_the_same(void **state)
{
	int caps = ipc_caps();

	(void)state;
	expect_exit(spawn_child(caps_in_child, &caps), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_version_is_that_of_the_header),
		TEST(test_says_how_it_wakes),
		TEST(test_child_can_do_the_same),
	};

	return RUN_TESTS(tests);
}
