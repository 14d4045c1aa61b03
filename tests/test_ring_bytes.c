/* SPDX-License-Identifier: MIT */
/*
 * test_ring_bytes.c - copies into and out of the byte ring go on at its
 * beginning, for every position and length, and touch nothing else
 */
#include "ring_util.h"

enum { SIZE = 64, UNTOUCHED = 0xee };

/* what the ring must hold: each byte copied on its own */
static void model_write(unsigned char *model, uint64_t index,
			const unsigned char *data, size_t len)
{
	for (size_t k = 0; k < len; k++)
		model[(index + k) % SIZE] = data[k];
}

static void write_and_read(const struct ipci_bytes *r, uint64_t index,
			   size_t len)
{
	unsigned char model[SIZE], data[SIZE], back[SIZE + 8];

	memset(model, UNTOUCHED, SIZE);
	memset(r->base, UNTOUCHED, SIZE);
	memset(back, UNTOUCHED, sizeof(back));
	for (size_t k = 0; k < SIZE; k++)
		data[k] = (unsigned char)(k + 1);
	model_write(model, index, data, len);
	ipci_bytes_write(r, index, data, len);
	assert_memory_equal(r->base, model, SIZE);
	ipci_bytes_read(r, index, back, len);
	assert_memory_equal(r->base, model, SIZE);
	assert_memory_equal(back, data, len);
	for (size_t k = len; k < sizeof(back); k++)
		assert_int_equal(back[k], UNTOUCHED);
}

static void at_all_positions(bool at_start)
{
	struct fence f;
	struct ipci_bytes r = {fence_make(&f, SIZE, at_start), SIZE};

	for (size_t o = 0; o < RING_ORIGINS; o++) {
		for (uint64_t i = 0; i < 2 * SIZE; i++) {
			for (size_t len = 0; len <= SIZE; len++)
				write_and_read(&r, ring_origins[o] + i, len);
		}
	}
	fence_free(&f);
}

static void test_copies_wrap(void **state)
{
	(void)state;
	at_all_positions(false);
	at_all_positions(true);
}

static void test_nothing_is_copied_from_nowhere(void **state)
{
	struct fence f;
	struct ipci_bytes r = {fence_make(&f, SIZE, false), SIZE};
	(void)state;

	for (uint64_t i = 0; i <= SIZE; i++) {
		ipci_bytes_write(&r, i, NULL, 0);
		ipci_bytes_read(&r, i, NULL, 0);
	}
	fence_free(&f);
}

/* the caller's bytes lie between fences too */
static void test_copies_stay_in_the_callers_bytes(void **state)
{
	unsigned char ring[SIZE];
	struct ipci_bytes r = {ring, SIZE};
	(void)state;

	for (size_t len = 1; len <= SIZE; len++) {
		for (int at_start = 0; at_start < 2; at_start++) {
			struct fence f;
			unsigned char *data = fence_make(&f, len, at_start);
			for (uint64_t i = 0; i < SIZE; i++) {
				ipci_bytes_write(&r, i, data, len);
				ipci_bytes_read(&r, i, data, len);
			}
			fence_free(&f);
		}
	}
}

static void test_record_words(void **state)
{
	const uint32_t lens[] = {0, 1, 7, 8, INT_MAX, 1U << 31, UINT32_MAX};
	struct fence f;
	struct ipci_bytes r = {fence_make(&f, SIZE, false), SIZE};
	(void)state;

	for (size_t o = 0; o < RING_ORIGINS; o++) {
		for (uint64_t i = 0; i < 2 * SIZE; i += 8) {
			uint64_t at = ring_origins[o] + i;
			uint32_t len = lens[i / 8 % 7];
			memset(r.base, UNTOUCHED, SIZE);
			ipci_record_begin(&r, at, IPCI_RECORD_BEGIN, len);
			assert_int_equal(ipci_record_word(&r, at),
					 UINT64_C(2) << 32 | len);
			assert_int_equal(r.base[(at + SIZE - 1) % SIZE],
					 UNTOUCHED);
			assert_int_equal(r.base[(at + 8) % SIZE], UNTOUCHED);
		}
	}
	fence_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_copies_wrap),
		TEST(test_nothing_is_copied_from_nowhere),
		TEST(test_copies_stay_in_the_callers_bytes),
		TEST(test_record_words),
	};

	return RUN_TESTS(tests);
}
