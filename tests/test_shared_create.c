/* SPDX-License-Identifier: MIT */
/*
 * test_shared_create.c - what create takes and what it refuses, unchanged
 *
 * Names and what else named objects share is in test_named_*.
 */
#include "shared_util.h"

static char sentinel;
#define UNTOUCHED ((struct ipc_shared *)(void *)&sentinel)

static void expect_no_create(size_t size, const struct ipc_shared_opts *opts,
			     int error)
{
	struct ipc_shared *s = UNTOUCHED;
	char name[64];

	assert_int_equal(ipc_shared_create(&s, NULL, size, opts), error);
	assert_ptr_equal(s, UNTOUCHED);
	unique_name(name, "refused");
	assert_int_equal(ipc_shared_create(&s, name, size, opts), error);
	assert_ptr_equal(s, UNTOUCHED);
	assert_int_equal(ipc_unlink(name), -ENOENT);
}

static void test_no_bytes(void **state)
{
	const struct ipc_shared_opts mode = {.mode = 0600};
	(void)state;

	expect_no_create(0, NULL, -EINVAL);
	expect_no_create(0, &mode, -EINVAL);
}

/* larger than any machine */
static void test_too_many_bytes(void **state)
{
	const size_t sizes[] = {
		SIZE_MAX,
		SIZE_MAX - 1,
		SIZE_MAX - 4095,
		SIZE_MAX - 4096,
		SIZE_MAX - 2 * 4096,
		SIZE_MAX - 3 * 4096,
#if SIZE_MAX > UINT32_MAX /* else there are such machines */
		SIZE_MAX / 2,
		SIZE_MAX / 2 + 1,
		SIZE_MAX / 2 - 4096,
		SIZE_MAX / 2 - 8191,
		SIZE_MAX / 2 - 8192,
		SIZE_MAX / 4,
		SIZE_MAX / 256,
#endif
	};
	(void)state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		expect_no_create(sizes[i], NULL, -ENOSPC);
}

static void test_unknown_flags(void **state)
{
	(void)state;
	for (int bit = 0; bit < 32; bit++) {
		struct ipc_shared_opts opts = {.flags = UINT32_C(1) << bit};
		expect_no_create(100, &opts, -EINVAL);
	}
}

static void test_reserved_fields(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct ipc_shared_opts opts = {.flags = 0};
		opts.reserved[i] = 1;
		expect_no_create(100, &opts, -EINVAL);
		opts.reserved[i] = UINT64_C(1) << 63;
		expect_no_create(100, &opts, -EINVAL);
	}
}

static void test_bad_modes(void **state)
{
	const uint32_t modes[] = {01000, 07777, 01600, 0x80000000, UINT32_MAX};
	(void)state;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct ipc_shared_opts opts = {.mode = modes[i]};
		expect_no_create(100, &opts, -EINVAL);
	}
}

static void test_defaults(void **state)
{
	const struct ipc_shared_opts zero = {.flags = 0};
	struct ipc_shared *s;
	(void)state;

	assert_int_equal(ipc_shared_create(&s, NULL, 5, &zero), 0);
	assert_int_equal(ipc_shared_size(s), 5);
	expect_sound(s);
	expect_close(s);
}

static void test_null(void **state)
{
	(void)state;
	assert_int_equal(ipc_shared_create(NULL, NULL, 100, NULL), -EINVAL);
	assert_int_equal(ipc_shared_open(NULL, "/libipc-test-none"), -EINVAL);
	assert_null(ipc_shared_data(NULL));
	assert_int_equal(ipc_shared_size(NULL), 0);
	assert_int_equal(ipc_shared_lock(NULL, 0), -EINVAL);
	assert_int_equal(ipc_shared_lock(NULL, LIBIPC_FOREVER), -EINVAL);
	assert_int_equal(ipc_shared_unlock(NULL), -EINVAL);
	assert_int_equal(ipc_shared_close(NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_bytes),	  TEST(test_too_many_bytes),
		TEST(test_unknown_flags), TEST(test_reserved_fields),
		TEST(test_bad_modes),	  TEST(test_defaults),
		TEST(test_null),
	};

	return RUN_TESTS(tests);
}
