/* SPDX-License-Identifier: MIT */
/*
 * test_ring_slots.c - what is written into a slot comes out of it, for every
 * small geometry, position and length, and nothing else is touched
 */
#include "ring_util.h"

enum { MAXSIZE = 8, ITEM_SIZE = 17, UNTOUCHED = 0xa5 };

struct slots_test {
	struct ipci_slots slots;
	struct fence fence;
	size_t bytes;
};

static void setup_slots(struct slots_test *t, uint64_t maxsize,
			size_t item_size, bool at_start)
{
	unsigned char *base;

	t->bytes = (size_t)ipci_slots_bytes(maxsize, item_size);
	base = fence_make(&t->fence, t->bytes, at_start);
	ipci_slots_init(&t->slots, base, maxsize, item_size);
	assert_int_equal(t->slots.maxsize, maxsize);
	assert_int_equal(t->slots.item_size, item_size);
}

/* calls fn for every geometry, with a fence behind the slots and before them */
static void for_each_geometry(void (*fn)(struct slots_test *))
{
	for (uint64_t maxsize = 1; maxsize <= MAXSIZE; maxsize++) {
		for (size_t size = 0; size <= ITEM_SIZE; size++) {
			for (int at_start = 0; at_start < 2; at_start++) {
				struct slots_test t;
				setup_slots(&t, maxsize, size, at_start);
				fn(&t);
				fence_free(&t.fence);
			}
		}
	}
}

static void write_item(struct slots_test *t, uint64_t index, size_t len)
{
	unsigned char item[ITEM_SIZE];

	for (size_t k = 0; k < len; k++)
		item[k] = pattern(index, len, k);
	ipci_slot_write(&t->slots, index, len ? item : NULL, len);
}

/* with just enough room, and nothing behind it is written */
static void expect_item(struct slots_test *t, uint64_t index, size_t len)
{
	unsigned char buf[ITEM_SIZE + 8];

	memset(buf, UNTOUCHED, sizeof(buf));
	assert_int_equal(
		ipci_slot_read(&t->slots, index, len ? buf : NULL, len), len);
	for (size_t k = 0; k < len; k++)
		assert_int_equal(buf[k], pattern(index, len, k));
	for (size_t k = len; k < sizeof(buf); k++)
		assert_int_equal(buf[k], UNTOUCHED);
}

/* ------------------------------------------ a full ring holds all its items */

static void fill_and_drain(struct slots_test *t, uint64_t from, size_t len)
{
	size_t lens = t->slots.item_size + 1;

	for (uint64_t i = 0; i < t->slots.maxsize; i++)
		write_item(t, from + i, (len + (size_t)i) % lens);
	for (uint64_t i = 0; i < t->slots.maxsize; i++)
		expect_item(t, from + i, (len + (size_t)i) % lens);
}

static void fill_at_all_positions(struct slots_test *t)
{
	for (size_t o = 0; o < RING_ORIGINS; o++) {
		for (uint64_t i = 48; i < 80; i++) {
			for (size_t len = 0; len <= t->slots.item_size; len++)
				fill_and_drain(t, ring_origins[o] + i, len);
		}
	}
}

static void test_full_ring_holds_its_items(void **state)
{
	(void)state;
	for_each_geometry(fill_at_all_positions);
}

/* -------------------------------------------- a write touches only its slot */

static size_t changed(const struct slots_test *t, size_t *first)
{
	size_t n = 0;

	for (size_t i = 0; i < t->bytes; i++) {
		if (t->slots.base[i] == UNTOUCHED)
			continue;
		if (n++ == 0)
			*first = i;
	}
	return n;
}

/* a pattern byte may look untouched: so the item is all zero here */
static void write_touches(struct slots_test *t, uint64_t index, size_t len)
{
	static const unsigned char zeros[ITEM_SIZE];
	size_t slots = t->bytes / t->slots.stride, first = 0, n, at;

	memset(t->slots.base, UNTOUCHED, t->bytes);
	ipci_slot_write(&t->slots, index, zeros, len);
	n = changed(t, &first);
	at = (size_t)(index % slots) * t->slots.stride;
	assert_int_equal(first, at);
	assert_int_equal(n, 2 * sizeof(uint32_t) + len);
	if (len)
		assert_int_equal(t->slots.base[at + 8 + len - 1], 0);
}

static void write_at_all_positions(struct slots_test *t)
{
	for (size_t o = 0; o < RING_ORIGINS; o++) {
		for (uint64_t i = 56; i < 72; i++) {
			for (size_t len = 0; len <= t->slots.item_size; len++)
				write_touches(t, ring_origins[o] + i, len);
		}
	}
}

static void test_write_touches_its_slot_only(void **state)
{
	(void)state;
	for_each_geometry(write_at_all_positions);
}

/* ------------------------------------------------------------ reading twice */

static void read_all(struct slots_test *t)
{
	unsigned char before[MAXSIZE * (ITEM_SIZE + 16)];

	for (uint64_t i = 0; i < t->slots.maxsize; i++)
		write_item(t, i, t->slots.item_size);
	memcpy(before, t->slots.base, t->bytes);
	for (uint64_t i = 0; i < t->slots.maxsize; i++) {
		expect_item(t, i, t->slots.item_size);
		expect_item(t, i, t->slots.item_size);
	}
	assert_memory_equal(before, t->slots.base, t->bytes);
}

static void test_reading_changes_nothing(void **state)
{
	(void)state;
	for_each_geometry(read_all);
}

/* a slot knows of nothing until it is stamped, nor in the next round */
static void stamp_at(struct slots_test *t, uint64_t at)
{
	uint64_t next = at + t->slots.mask + 1,
		 later = at + (UINT64_C(1) << 32);

	ipci_slot_write(&t->slots, at, NULL, 0);
	assert_int_equal(ipci_slot_stamped(&t->slots, at), 0);
	for (uint64_t n = 1; n <= t->slots.maxsize; n++) {
		ipci_slot_stamp(&t->slots, at, n);
		assert_int_equal(ipci_slot_stamped(&t->slots, at), n);
		assert_int_equal(ipci_slot_stamped(&t->slots, next), 0);
	}
	ipci_slot_stamp(&t->slots, at, t->slots.maxsize + 1);
	assert_int_equal(ipci_slot_stamped(&t->slots, at), 0);

	/* 2^32 later the same stamp would tell of another item: a put takes it
	   away, whether it will be committed or not */
	ipci_slot_stamp(&t->slots, at, 1);
	ipci_slot_write(&t->slots, later, NULL, 0);
	assert_int_equal(ipci_slot_stamped(&t->slots, later), 0);
}

static void stamp_at_all_positions(struct slots_test *t)
{
	for (size_t o = 0; o < RING_ORIGINS; o++)
		for (uint64_t i = 0; i < 2 * MAXSIZE; i++)
			stamp_at(t, ring_origins[o] + i);
}

static void test_stamps(void **state)
{
	(void)state;
	for_each_geometry(stamp_at_all_positions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_full_ring_holds_its_items),
		TEST(test_write_touches_its_slot_only),
		TEST(test_reading_changes_nothing),
		TEST(test_stamps),
	};

	return RUN_TESTS(tests);
}
