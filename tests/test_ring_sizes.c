/* SPDX-License-Identifier: MIT */
/*
 * test_ring_sizes.c - how many bytes a ring needs, and that more than can be
 * is noticed and not computed modulo something
 */
#include "ring_util.h"

static const uint64_t power[] = {0, 1, 2, 4, 4, 8, 8, 8, 8, 16};

static void test_slots_are_a_power_of_two(void **state)
{
	(void)state;
	for (uint64_t maxsize = 1; maxsize <= 9; maxsize++) {
		for (size_t size = 0; size <= 33; size++) {
			size_t stride = 8 + (size + 7) / 8 * 8;
			assert_int_equal(ipci_slots_bytes(maxsize, size),
					 power[maxsize] * stride);
		}
	}
}

static void test_slots_have_the_size_that_was_computed(void **state)
{
	struct ipci_slots r;
	(void)state;

	for (uint64_t maxsize = 1; maxsize <= 9; maxsize++) {
		for (size_t size = 0; size <= 33; size++) {
			ipci_slots_init(&r, NULL, maxsize, size);
			assert_int_equal((r.mask + 1) * r.stride,
					 ipci_slots_bytes(maxsize, size));
			assert_true(r.stride >= size + 8);
			assert_true(r.mask + 1 >= maxsize);
		}
	}
}

static void test_no_slots(void **state)
{
	(void)state;
	assert_int_equal(ipci_slots_bytes(0, 0), 0);
	assert_int_equal(ipci_slots_bytes(0, 100), 0);
}

/* the largest that fit, and the next */
static void test_too_many_slots(void **state)
{
	const uint64_t one = 1;
	(void)state;

	assert_int_equal(ipci_slots_bytes(one << 59, 0), one << 62);
	assert_int_equal(ipci_slots_bytes((one << 59) + 1, 0), 0);
	assert_int_equal(ipci_slots_bytes(one << 60, 0), 0);
	assert_int_equal(ipci_slots_bytes(one << 58, 8), one << 62);
	assert_int_equal(ipci_slots_bytes((one << 58) + 1, 8), 0);
	assert_int_equal(ipci_slots_bytes(one << 31, INT_MAX),
			 (one << 31) * ((one << 31) + 8));
	assert_int_equal(ipci_slots_bytes(one << 32, INT_MAX), 0);
	for (int bit = 60; bit < 64; bit++) {
		assert_int_equal(ipci_slots_bytes(one << bit, 0), 0);
		assert_int_equal(ipci_slots_bytes((one << bit) + 1, 0), 0);
		assert_int_equal(ipci_slots_bytes((one << bit) - 1, 0), 0);
	}
	assert_int_equal(ipci_slots_bytes(UINT64_MAX, 0), 0);
	assert_int_equal(ipci_slots_bytes(UINT64_MAX, INT_MAX), 0);
}

/* sizes that are near the end of their type */
static void test_too_large_items(void **state)
{
	(void)state;
	for (size_t less = 0; less <= 32; less++) {
		if (SIZE_MAX <= UINT32_MAX) { /* not near that of the answer */
			assert_true(ipci_slots_bytes(1, SIZE_MAX - less) >=
				    SIZE_MAX - less + UINT64_C(8));
			continue;
		}
		assert_int_equal(ipci_slots_bytes(1, SIZE_MAX - less), 0);
		assert_int_equal(ipci_slots_bytes(8, SIZE_MAX - less), 0);
		assert_int_equal(ipci_slots_bytes(2, SIZE_MAX / 2 - less), 0);
	}
}

static void test_bytes_for_a_record(void **state)
{
	const uint64_t one = 1;
	(void)state;

	for (uint64_t len = 0; len <= 56; len++)
		assert_int_equal(ipci_bytes_for(len), 64);
	for (uint64_t len = 57; len <= 120; len++)
		assert_int_equal(ipci_bytes_for(len), 128);
	assert_int_equal(ipci_bytes_for(65536), 131072);
	assert_int_equal(ipci_bytes_for(65528), 65536);
	assert_int_equal(ipci_bytes_for((one << 61) - 8), one << 61);
	assert_int_equal(ipci_bytes_for(one << 61), one << 62);
	assert_int_equal(ipci_bytes_for((one << 61) + 1), 0);
	assert_int_equal(ipci_bytes_for(UINT64_MAX), 0);
	assert_int_equal(ipci_bytes_for(UINT64_MAX - 7), 0);
}

static void test_record_bytes(void **state)
{
	(void)state;
	for (uint64_t len = 0; len <= 1000; len++)
		assert_int_equal(ipci_record_bytes(len), 8 + (len + 7) / 8 * 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_slots_are_a_power_of_two),
		TEST(test_slots_have_the_size_that_was_computed),
		TEST(test_no_slots),
		TEST(test_too_many_slots),
		TEST(test_too_large_items),
		TEST(test_bytes_for_a_record),
		TEST(test_record_bytes),
	};

	return RUN_TESTS(tests);
}
