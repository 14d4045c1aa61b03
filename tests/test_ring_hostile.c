/* SPDX-License-Identifier: MIT */
/*
 * test_ring_hostile.c - no length and no index that another process may write
 * leads out of the ring or out of the caller's buffer
 */
#include "ring_util.h"

enum { SLOTS = 4, ITEM_SIZE = 11, UNTOUCHED = 0x5a };

static struct ipci_slots fenced_slots(struct fence *f, bool at_start)
{
	size_t bytes = (size_t)ipci_slots_bytes(SLOTS, ITEM_SIZE);
	struct ipci_slots r;

	ipci_slots_init(&r, fence_make(f, bytes, at_start), SLOTS, ITEM_SIZE);
	return r;
}

static void expect_no_read(const struct ipci_slots *r, uint64_t index,
			   size_t size, int error)
{
	unsigned char buf[64];

	memset(buf, UNTOUCHED, sizeof(buf));
	assert_int_equal(ipci_slot_read(r, index, buf, size), error);
	for (size_t k = 0; k < sizeof(buf); k++)
		assert_int_equal(buf[k], UNTOUCHED);
}

static void test_length_that_no_item_has(void **state)
{
	const uint32_t lens[] = {ITEM_SIZE + 1,
				 ITEM_SIZE + 2,
				 12,
				 16,
				 255,
				 256,
				 65535,
				 65536,
				 INT_MAX,
				 1U << 31,
				 UINT32_MAX - 1,
				 UINT32_MAX - 8,
				 UINT32_MAX,
				 0x80000001};
	struct fence f;
	struct ipci_slots r = fenced_slots(&f, false);
	(void)state;

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		for (uint64_t at = 0; at < 2 * SLOTS; at++) {
			ipci_slot(&r, at)->len = lens[i];
			expect_no_read(&r, at, 0, -EBADMSG);
			expect_no_read(&r, at, 64, -EBADMSG);
		}
	}
	fence_free(&f);
}

static void test_item_longer_than_the_room(void **state)
{
	struct fence f;
	struct ipci_slots r = fenced_slots(&f, true);
	(void)state;

	for (uint32_t len = 1; len <= ITEM_SIZE; len++) {
		ipci_slot(&r, len)->len = len;
		for (size_t size = 0; size < len; size++)
			expect_no_read(&r, len, size, -EMSGSIZE);
	}
	fence_free(&f);
}

/* the fence faults if one of them leads outside */
static void any_index(const struct ipci_slots *r, uint64_t index)
{
	unsigned char item[ITEM_SIZE] = "0123456789";
	unsigned char buf[ITEM_SIZE];

	ipci_slot_write(r, index, item, sizeof(item));
	assert_int_equal(ipci_slot_read(r, index, buf, sizeof(buf)), ITEM_SIZE);
	assert_memory_equal(buf, item, sizeof(item));
}

static void test_any_index_stays_inside(void **state)
{
	(void)state;
	for (int at_start = 0; at_start < 2; at_start++) {
		struct fence f;
		struct ipci_slots r = fenced_slots(&f, at_start);
		uint64_t random = 88172645463325252;
		for (int bit = 0; bit < 64; bit++) {
			any_index(&r, UINT64_C(1) << bit);
			any_index(&r, (UINT64_C(1) << bit) - 1);
			any_index(&r, ~(UINT64_C(1) << bit));
		}
		for (int i = 0; i < 10000; i++) {
			random = random * 6364136223846793005 + 1442695040;
			any_index(&r, random);
		}
		fence_free(&f);
	}
}

/* a record's word is in one piece inside, whatever the index is */
static void test_any_record_index_stays_inside(void **state)
{
	uint64_t random = 2463534242;
	(void)state;

	for (int at_start = 0; at_start < 2; at_start++) {
		struct fence f;
		struct ipci_bytes r = {fence_make(&f, 64, at_start), 64};
		for (int i = 0; i < 10000; i++) {
			random = random * 6364136223846793005 + 1442695040;
			ipci_record_begin(&r, random, IPCI_RECORD_PIECE,
					  (uint32_t)i);
			assert_int_equal(ipci_record_word(&r, random),
					 UINT64_C(3) << 32 | (uint64_t)i);
		}
		fence_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_length_that_no_item_has),
		TEST(test_item_longer_than_the_room),
		TEST(test_any_index_stays_inside),
		TEST(test_any_record_index_stays_inside),
	};

	return RUN_TESTS(tests);
}
