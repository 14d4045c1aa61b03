/* SPDX-License-Identifier: MIT */
/*
 * test_process_memory.c - no memory for the handle
 */
#include "faults.h"

static void test_no_memory_then_some(void **state)
{
	struct ipc_process *p = NULL;
	int r;
	(void)state;

	allocations_left = 0;
	r = ipc_process_create(&p, return_at_once, NULL, NULL);
	allocations_left = -1;
	assert_int_equal(r, -ENOMEM);
	assert_null(p);
	assert_int_equal(finished(started(return_at_once, NULL, 0)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_memory_then_some),
	};

	return RUN_TESTS(tests);
}
