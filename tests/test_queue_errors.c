/* SPDX-License-Identifier: MIT */
/*
 * test_queue_errors.c - wrong arguments: a clear answer, and nothing changes
 */
#include "queue_util.h"

#include <limits.h>

static void refuse(const struct ipc_queue_opts *opts, int error)
{
	struct ipc_queue *const none = (struct ipc_queue *)(void *)&errno;
	struct ipc_queue *q = none;

	assert_int_equal(ipc_queue_create(&q, NULL, opts), error);
	assert_ptr_equal(q, none);
}

#define REFUSE(error, size, ...)                                               \
	refuse(&(struct ipc_queue_opts){.maxsize = (size), __VA_ARGS__}, error)

static void test_create_options(void **state)
{
	(void)state;

	REFUSE(-EINVAL, 1, .flags = 0x8);
	REFUSE(-EINVAL, 1, .flags = UINT32_MAX);
	REFUSE(-EINVAL, 1, .flags = LIBIPC_JOINABLE | 0x80000000u);
	REFUSE(-EINVAL, 1, .order = (enum ipc_order)3);
	REFUSE(-EINVAL, 1, .order = (enum ipc_order)INT_MAX);
	REFUSE(-EINVAL, 1, .mode = 01000);
	REFUSE(-EINVAL, 1, .mode = UINT32_MAX);
	for (size_t i = 0; i < 4; i++) {
		struct ipc_queue_opts o = {.maxsize = 1};

		o.reserved[i] = 1;
		refuse(&o, -EINVAL);
	}
}

/* so many items of a few bytes are too many for the address space */
#define MANY ((size_t)1 << (sizeof(size_t) > 4 ? 40 : 28))

static void test_create_too_large(void **state)
{
	const size_t large[] = {SIZE_MAX, SIZE_MAX / 2 + 1,
				(size_t)INT_MAX + 1};
	(void)state;

	for (size_t i = 0; i < sizeof(large) / sizeof(*large); i++)
		REFUSE(-EINVAL, 1, .item_size = large[i]);
	REFUSE(-EINVAL, SIZE_MAX, .item_size = 8);
	REFUSE(-EINVAL, (size_t)LONG_MAX + 1, .item_size = 8);
	/* each is possible, both are not: more than there is address space */
	REFUSE(-ENOSPC, LONG_MAX, .item_size = 8);
	REFUSE(-ENOSPC, LONG_MAX, .item_size = INT_MAX);
	REFUSE(-ENOSPC, MANY, .item_size = 1 << 20);
	REFUSE(-ENOSPC, MANY / 16, .item_size = 4096);
	REFUSE(-ENOSPC, MANY, .order = LIBIPC_LIFO);
	REFUSE(-ENOSPC, MANY, .order = LIBIPC_PRIORITY);
}

static void test_create_null(void **state)
{
	const struct ipc_queue_opts opts = {.maxsize = 1};
	(void)state;

	assert_int_equal(ipc_queue_create(NULL, NULL, &opts), -EINVAL);
	assert_int_equal(ipc_queue_create(NULL, "/name", &opts), -EINVAL);
	assert_int_equal(ipc_queue_open(NULL, "/name"), -EINVAL);
	assert_int_equal(ipc_queue_close(NULL), -EINVAL);
}

static void test_null_queue(void **state)
{
	char byte = 'x';
	size_t len = 77;
	(void)state;

	assert_int_equal(ipc_queue_put(NULL, &byte, 1, 0), -EINVAL);
	assert_int_equal(ipc_queue_get(NULL, &byte, 1, 0), -EINVAL);
	assert_int_equal(ipc_queue_put_many(NULL, &byte, 1, 1, 0), -EINVAL);
	assert_int_equal(ipc_queue_get_many(NULL, &byte, 1, &len, 1, 0),
			 -EINVAL);
	assert_int_equal(ipc_queue_put_priority(NULL, &byte, 1, 0, 0), -EINVAL);
	assert_int_equal(ipc_queue_put_front(NULL, &byte, 1, 0), -EINVAL);
	assert_int_equal(ipc_queue_get_back(NULL, &byte, 1, 0), -EINVAL);
	assert_int_equal(ipc_queue_size(NULL), -EINVAL);
	assert_int_equal(ipc_queue_empty(NULL), -EINVAL);
	assert_int_equal(ipc_queue_full(NULL), -EINVAL);
	assert_int_equal(ipc_queue_maxsize(NULL), -EINVAL);
	assert_int_equal(ipc_queue_item_size(NULL), 0);
	assert_int_equal(ipc_queue_task_done(NULL), -EINVAL);
	assert_int_equal(ipc_queue_join(NULL, 0), -EINVAL);
	assert_int_equal(ipc_queue_unfinished(NULL), -EINVAL);
	assert_int_equal(byte, 'x');
	assert_int_equal(len, 77);
}

static void test_null_item(void **state)
{
	struct ipc_queue *q = new_queue(2, 8, 0);
	size_t len = 77;
	(void)state;

	assert_int_equal(ipc_queue_put(q, NULL, 1, 0), -EINVAL);
	assert_int_equal(ipc_queue_put_many(q, NULL, 1, 1, 0), -EINVAL);
	expect_empty(q);
	put_int(q, 5);
	assert_int_equal(ipc_queue_get(q, NULL, 8, 0), -EINVAL);
	assert_int_equal(ipc_queue_get_many(q, NULL, 8, &len, 1, 0), -EINVAL);
	assert_int_equal(len, 77);
	assert_int_equal(got_int(q), 5);
	close_queue(q);
}

/* bad arguments are told at once, not after the wait */
static void test_null_item_does_not_wait(void **state)
{
	struct ipc_queue *q = new_queue(1, 8, 0);
	(void)state;

	expect_at_once(ipc_queue_get(q, NULL, 8, LIBIPC_FOREVER), -EINVAL);
	put_int(q, 5);
	expect_at_once(ipc_queue_put(q, NULL, 8, LIBIPC_FOREVER), -EINVAL);
	close_queue(q);
}

static void test_none_of_many(void **state)
{
	struct ipc_queue *q = new_queue(2, 8, 0);
	char item[8] = "items";
	size_t len = 77;
	(void)state;

	assert_int_equal(ipc_queue_put_many(q, item, 8, 0, 0), -EINVAL);
	expect_empty(q);
	put_int(q, 5);
	assert_int_equal(ipc_queue_get_many(q, item, 8, &len, 0, 0), -EINVAL);
	assert_int_equal(len, 77);
	assert_string_equal(item, "items");
	assert_int_equal(got_int(q), 5);
	close_queue(q);
}

static void test_plain_queue_is_not_joinable(void **state)
{
	struct ipc_queue *q = new_queue(2, 8, 0);
	(void)state;

	put_int(q, 5);
	assert_int_equal(got_int(q), 5);
	assert_int_equal(ipc_queue_task_done(q), -EINVAL);
	assert_int_equal(ipc_queue_join(q, 0), -EINVAL);
	expect_at_once(ipc_queue_join(q, LIBIPC_FOREVER), -EINVAL);
	assert_int_equal(ipc_queue_unfinished(q), -EINVAL);
	expect_empty(q);
	close_queue(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create_options),
		TEST(test_create_too_large),
		TEST(test_create_null),
		TEST(test_null_queue),
		TEST(test_null_item),
		TEST(test_null_item_does_not_wait),
		TEST(test_none_of_many),
		TEST(test_plain_queue_is_not_joinable),
	};

	return RUN_TESTS(tests);
}
