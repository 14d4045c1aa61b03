/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_create.c - what create takes and what it refuses, unchanged
 *
 * Names and what else named objects share is in test_named_*.
 */
#include "mutex_util.h"

static char sentinel;
#define UNTOUCHED ((struct ipc_mutex *)(void *)&sentinel)

static void expect_no_create(const struct ipc_mutex_opts *opts, int error)
{
	struct ipc_mutex *m = UNTOUCHED;
	char name[64];

	assert_int_equal(ipc_mutex_create(&m, NULL, opts), error);
	assert_ptr_equal(m, UNTOUCHED);
	unique_name(name, "refused");
	assert_int_equal(ipc_mutex_create(&m, name, opts), error);
	assert_ptr_equal(m, UNTOUCHED);
	assert_int_equal(ipc_unlink(name), -ENOENT);
	assert_int_equal(ipc_mutex_create(NULL, NULL, opts), -EINVAL);
}

static void test_unknown_flags(void **state)
{
	(void)state;
	for (int bit = 1; bit < 32; bit++) {
		struct ipc_mutex_opts opts = {.flags = UINT32_C(1) << bit};
		expect_no_create(&opts, -EINVAL);
		opts.flags |= LIBIPC_MUTEX_RECURSIVE;
		expect_no_create(&opts, -EINVAL);
	}
}

static void test_reserved_fields(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct ipc_mutex_opts opts = {.flags = 0};
		opts.reserved[i] = 1;
		expect_no_create(&opts, -EINVAL);
		opts.reserved[i] = UINT64_C(1) << 63;
		expect_no_create(&opts, -EINVAL);
		opts.flags = LIBIPC_MUTEX_RECURSIVE;
		expect_no_create(&opts, -EINVAL);
	}
}

static void test_bad_modes(void **state)
{
	const uint32_t modes[] = {01000, 07777, 01600, 0x80000000, UINT32_MAX};
	(void)state;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		expect_no_create(&(struct ipc_mutex_opts){.mode = modes[i]},
				 -EINVAL);
}

static void test_defaults(void **state)
{
	const struct ipc_mutex_opts zero = {.flags = 0}, mode = {.mode = 0640};
	struct ipc_mutex *m;
	(void)state;

	assert_int_equal(ipc_mutex_create(&m, NULL, &zero), 0);
	expect_sound_and_close(m);
	assert_int_equal(ipc_mutex_create(&m, NULL, &mode), 0);
	expect_sound_and_close(m);
}

static int count_maps(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int c, lines = 0;

	assert_non_null(maps);
	while ((c = getc(maps)) != EOF)
		lines += c == '\n';
	fclose(maps);
	return lines;
}

/* neither descriptors nor names (the harness looks), nor memory */
static void test_leaves_nothing(void **state)
{
	int before;
	(void)state;

	expect_close(new_mutex());
	before = count_maps();
	for (int i = 0; i < 200; i++)
		expect_close(new_mutex());
	assert_in_range(count_maps(), 0, before + 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unknown_flags),  TEST(test_reserved_fields),
		TEST(test_bad_modes),	   TEST(test_defaults),
		TEST(test_leaves_nothing),
	};

	return RUN_TESTS(tests);
}
