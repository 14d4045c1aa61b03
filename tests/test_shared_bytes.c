/* SPDX-License-Identifier: MIT */
/*
 * test_shared_bytes.c - as many bytes as asked for, zeroed, aligned, writable
 */
#include "shared_util.h"

static const size_t sizes[] = {1,   2,	  3,	7,    8,    63,	   64,	    65,
			       100, 4095, 4096, 4097, 8192, 65537, 10 << 20};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static bool all_are(const unsigned char *bytes, size_t size,
		    unsigned char value)
{
	return bytes[0] == value && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static void expect_fresh(struct ipc_shared *s, size_t size)
{
	unsigned char *bytes = ipc_shared_data(s);

	assert_non_null(bytes);
	assert_int_equal(ipc_shared_size(s), size);
	assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
	assert_int_equal((uintptr_t)bytes % 64, 0);
	assert_true(all_are(bytes, size, 0));
	memset(bytes, 0xff, size);
	assert_true(all_are(bytes, size, 0xff));
	assert_ptr_equal(ipc_shared_data(s), bytes);
}

static void test_anonymous(void **state)
{
	(void)state;
	for (size_t i = 0; i < SIZES; i++) {
		struct ipc_shared *s = new_shared(sizes[i]);
		expect_fresh(s, sizes[i]);
		expect_sound(s);
		expect_close(s);
	}
}

static void test_named(void **state)
{
	char name[64];
	(void)state;

	for (size_t i = 0; i < SIZES; i++) {
		struct ipc_shared *s, *same;
		unique_name(name, "bytes");
		assert_int_equal(ipc_shared_create(&s, name, sizes[i], NULL),
				 0);
		assert_int_equal(ipc_shared_open(&same, name), 0);
		assert_int_equal(ipc_unlink(name), 0);
		expect_fresh(s, sizes[i]);
		assert_int_equal(ipc_shared_size(same), sizes[i]);
		assert_true(all_are(ipc_shared_data(same), sizes[i], 0xff));
		expect_close(s);
		assert_true(all_are(ipc_shared_data(same), sizes[i], 0xff));
		expect_close(same);
	}
}

/* memory that was used before is zeroed for the next object */
static void test_zeroed_again(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct ipc_shared *s = new_shared(100000);
		expect_fresh(s, 100000);
		expect_close(s);
	}
}

static void test_objects_do_not_overlap(void **state)
{
	struct ipc_shared *s[20];
	(void)state;

	for (int i = 0; i < 20; i++) {
		s[i] = new_shared(5000);
		memset(ipc_shared_data(s[i]), i + 1, 5000);
	}
	for (int i = 0; i < 20; i++) {
		assert_true(all_are(ipc_shared_data(s[i]), 5000,
				    (unsigned char)(i + 1)));
		expect_close(s[i]);
	}
}

/* the lock is somewhere else: using it leaves the bytes alone, and whoever
   does not ask for it may write all the same */
static void test_lock_is_apart_from_the_bytes(void **state)
{
	struct ipc_shared *s = new_shared(4096);
	unsigned char *bytes = ipc_shared_data(s);
	(void)state;

	memset(bytes, 0x77, 4096);
	expect_lock(s, 0);
	assert_true(all_are(bytes, 4096, 0x77));
	memset(bytes, 0xff, 4096);
	assert_int_equal(ipc_shared_lock(s, 0), -EDEADLK);
	expect_unlock(s);
	assert_true(all_are(bytes, 4096, 0xff));
	expect_sound(s);
	expect_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_anonymous),
		TEST(test_named),
		TEST(test_zeroed_again),
		TEST(test_objects_do_not_overlap),
		TEST(test_lock_is_apart_from_the_bytes),
	};

	return RUN_TESTS(tests);
}
