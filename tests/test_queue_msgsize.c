/* SPDX-License-Identifier: MIT */
/*
 * test_queue_msgsize.c - too long for the queue, too long for the buffer
 */
#include "queue_util.h"

static void test_too_long_for_the_queue(void **state)
{
	struct ipc_queue *q = new_queue(2, 16, 0);
	char item[64] = "";
	(void)state;

	assert_int_equal(ipc_queue_put(q, item, 17, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_put(q, item, SIZE_MAX, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_put(q, item, SIZE_MAX / 2 + 1, 0),
			 -EMSGSIZE);
	assert_int_equal(ipc_queue_put_many(q, item, 17, 2, 0), -EMSGSIZE);
	expect_empty(q);
	assert_int_equal(ipc_queue_put(q, item, 16, 0), 0);
	/* also where it would have to wait for room */
	assert_int_equal(ipc_queue_put(q, item, 16, 0), 0);
	expect_at_once(ipc_queue_put(q, item, 17, LIBIPC_FOREVER), -EMSGSIZE);
	assert_int_equal(ipc_queue_size(q), 2);
	close_queue(q);
}

static void test_too_long_for_the_buffer_stays(void **state)
{
	struct ipc_queue *q = new_queue(2, 16, 0);
	char out[16], untouched[16];
	size_t len = 77;
	(void)state;

	memset(out, 'u', sizeof(out));
	memset(untouched, 'u', sizeof(untouched));
	assert_int_equal(ipc_queue_put(q, "0123456789", 10, 0), 0);
	assert_int_equal(ipc_queue_put(q, "ab", 2, 0), 0);
	for (size_t size = 0; size < 10; size++) {
		assert_int_equal(ipc_queue_get(q, out, size, 0), -EMSGSIZE);
		assert_int_equal(ipc_queue_get_many(q, out, size, &len, 1, 0),
				 -EMSGSIZE);
		assert_memory_equal(out, untouched, sizeof(out));
	}
	assert_int_equal(len, 77);
	assert_int_equal(ipc_queue_get(q, NULL, 0, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_size(q), 2);
	assert_int_equal(ipc_queue_get(q, out, 10, 0), 10);
	assert_memory_equal(out, "0123456789", 10);
	assert_int_equal(ipc_queue_get(q, out, 2, 0), 2);
	close_queue(q);
}

static int get_a_short_one(void *arg)
{
	char out[4];

	child_check(ipc_queue_get(arg, out, 4, LIBIPC_FOREVER) == -EMSGSIZE);
	return 0;
}

static int get_a_long_one(void *arg)
{
	char out[16];

	child_check(ipc_queue_get(arg, out, 16, LIBIPC_FOREVER) == 16);
	return 0;
}

/*
 * The one with the short buffer was woken and could not take the item: its
 * wake-up goes on to the next, until one is found that can.
 */
static void pass_on(struct ipc_queue *q)
{
	char item[16] = "";
	pid_t small[3], large;

	for (int i = 0; i < 3; i++) {
		small[i] = spawn_child(get_a_short_one, q);
		wait_asleep(small[i]);
	}
	large = spawn_child(get_a_long_one, q);
	wait_asleep(large);
	assert_int_equal(ipc_queue_put(q, item, 16, 0), 0);
	expect_exit(large, 0);
	/* which of them were woken before it is the kernel's choice */
	for (int i = 0; i < 3; i++)
		kill_child(small[i]);
	expect_empty(q);
}

static void test_the_wake_up_is_passed_on(void **state)
{
	struct ipc_queue *q = new_queue(2, 16, 0);
	(void)state;

	for (int i = 0; i < 10; i++)
		pass_on(q);
	close_queue(q);
}

static int keep_trying(void *arg)
{
	char out[4];

	for (;;)
		child_check(ipc_queue_get(arg, out, 4, LIBIPC_FOREVER) ==
			    -EMSGSIZE);
	return 0;
}

/* one who tries again and again with a short buffer does not keep it */
static void test_a_stubborn_one_is_not_in_the_way(void **state)
{
	struct ipc_queue *q = new_queue(2, 16, 0);
	pid_t stubborn = spawn_child(keep_trying, q);
	char item[16] = "";
	(void)state;

	wait_asleep(stubborn);
	for (int i = 0; i < 20; i++) {
		pid_t large = spawn_child(get_a_long_one, q);

		assert_int_equal(ipc_queue_put(q, item, 16, 0), 0);
		expect_exit(large, 0);
	}
	kill_child(stubborn);
	expect_empty(q);
	close_queue(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_too_long_for_the_queue),
		TEST(test_too_long_for_the_buffer_stays),
		TEST(test_the_wake_up_is_passed_on),
		TEST(test_a_stubborn_one_is_not_in_the_way),
	};

	return RUN_TESTS(tests);
}
