/* SPDX-License-Identifier: MIT */
/*
 * test_joinable_faults.c - no memory to remember a task: it is not taken
 */
#include "faults.h"
#include "queue_util.h"

static void test_no_memory_to_hold_a_task(void **state)
{
	struct ipc_queue *q = new_queue(4, sizeof(int), LIBIPC_JOINABLE);
	int item = 77;
	size_t len = 77;
	(void)state;

	put_int(q, 5);
	allocations_left = 0;
	assert_int_equal(ipc_queue_get(q, &item, 4, 0), -ENOMEM);
	allocations_left = 0;
	assert_int_equal(ipc_queue_get_many(q, &item, 4, &len, 1, 0), -ENOMEM);
	allocations_left = -1;
	assert_int_equal(item, 77);
	assert_int_equal(len, 77);
	assert_int_equal(ipc_queue_task_done(q), -EINVAL);
	assert_int_equal(ipc_queue_size(q), 1);
	assert_int_equal(ipc_queue_unfinished(q), 1);
	assert_int_equal(got_int(q), 5);
	assert_int_equal(ipc_queue_task_done(q), 0);
	close_queue(q);
}

/* what is held already does not suffer */
static void test_no_memory_for_one_more_queue(void **state)
{
	enum { N = 40 };
	struct ipc_queue *q[N];
	int held = 0, item;
	(void)state;

	for (int i = 0; i < N; i++) {
		q[i] = new_queue(4, sizeof(int), LIBIPC_JOINABLE);
		put_int(q[i], i);
	}
	allocations_left = 1;
	while (held < N && ipc_queue_get(q[held], &item, 4, 0) == 4)
		held++;
	allocations_left = -1;
	assert_in_range(held, 1, N - 1);
	for (int i = 0; i < N; i++) {
		assert_int_equal(ipc_queue_task_done(q[i]),
				 i < held ? 0 : -EINVAL);
		assert_int_equal(ipc_queue_unfinished(q[i]), i >= held);
		close_queue(q[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_memory_to_hold_a_task),
		TEST(test_no_memory_for_one_more_queue),
	};

	return RUN_TESTS(tests);
}
