/* SPDX-License-Identifier: MIT */
/*
 * test_queue_growing_ends.c - put_front and get_back where memory comes and
 * goes with the items
 */
#include "grow_util.h"

static unsigned char room[MIB];

/* what is in it, front to back: numbers, and length by number */
struct model {
	uint32_t number[20000];
	uint32_t front, back; /* [front, back) */
};

static size_t length_of(const struct ipc_queue *q, uint32_t number)
{
	size_t limit = ipc_queue_item_size((struct ipc_queue *)q);

	return some_length(number, limit < 150000 ? limit : 150000);
}

static void put_end(struct ipc_queue *q, struct model *m, uint32_t number,
		    bool front)
{
	size_t len = length_of(q, number);

	fill_item(room, len, number);
	if (front) {
		assert_int_equal(ipc_queue_put_front(q, room, len, 0), 0);
		m->number[--m->front] = number;
	} else {
		assert_int_equal(ipc_queue_put(q, room, len, 0), 0);
		m->number[m->back++] = number;
	}
}

static void get_end(struct ipc_queue *q, struct model *m, bool back)
{
	uint32_t number = m->number[back ? --m->back : m->front++];
	size_t len = length_of(q, number);
	int r = back ? ipc_queue_get_back(q, room, sizeof(room), 0)
		     : ipc_queue_get(q, room, sizeof(room), 0);

	assert_int_equal(r, len);
	assert_true(is_item(room, len, number));
}

/* at random, with more puts, then with more gets; through two handles */
static void wander(struct ipc_queue *a, struct ipc_queue *b, uint32_t seed)
{
	static struct model m;
	uint32_t x = seed;

	m.front = m.back = 10000;
	for (uint32_t i = 0; i < 8000; i++) {
		bool puts = (x >> 24) % 8 < (i / 2000 % 2 ? 3u : 5u);
		struct ipc_queue *q = (x >> 12) % 2 ? a : b;

		if (puts && ipc_queue_full(q) == 0)
			put_end(q, &m, i, (x >> 16) % 3 == 0);
		else if (m.front < m.back)
			get_end(q, &m, (x >> 16) % 3 == 0);
		assert_int_equal(ipc_queue_size(q), m.back - m.front);
		x = x * 1664525 + 1013904223;
	}
	while (m.front < m.back)
		get_end(a, &m, m.front % 2);
	expect_empty(b);
}

static void wander_in(size_t maxsize, size_t item_size)
{
	struct ipc_queue *q, *same;
	char name[64];
	long before = 0;

	q = new_named(unique_name(name, "ends"), maxsize, item_size);
	assert_int_equal(ipc_queue_open(&same, name), 0);
	before = stored(name);
	for (uint32_t seed = 1; seed <= 3; seed++)
		wander(q, same, seed * 99991);
	assert_in_range(stored(name), 1, before + 2 * MIB);
	close_queue(same);
	close_queue(q);
	assert_int_equal(ipc_unlink(name), 0);
}

static void test_all_ends(void **state)
{
	(void)state;
	wander_in(0, 8);
	wander_in(0, KIB);
	wander_in(0, MIB);
	wander_in(300, MIB);
}

/* as a stack: what comes and goes at the back gives its memory back, too */
static void stack(size_t maxsize, size_t item_size, size_t len, uint32_t n)
{
	struct ipc_queue *q = new_queue(maxsize, item_size, 0);
	long before = 0;

	for (int round = 0; round < 4; round++) {
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(put_item(q, room, len, i), 0);
		for (uint32_t i = n; i-- > 0;) {
			assert_int_equal(ipc_queue_get_back(q, room,
							    sizeof(room), 0),
					 len);
			assert_true(is_item(room, len, i));
		}
		expect_empty(q);
		if (round == 0)
			before = resident();
		else
			assert_in_range(resident(), 0, before + MIB);
	}
	close_queue(q);
}

static void test_stack(void **state)
{
	long before = resident();
	(void)state;

	stack(0, KIB, KIB, 20000);
	assert_in_range(resident(), 0, before + 2 * MIB);
	stack(0, MIB, 10000, 2000);
	stack(0, MIB, 300000, 60);
	stack(500, MIB, 60000, 400);
	assert_in_range(resident(), 0, before + 3 * MIB);
}

/* as a queue that runs backwards */
static void test_backwards(void **state)
{
	struct ipc_queue *q = new_queue(0, KIB, 0);
	long before = resident();
	(void)state;

	for (uint32_t i = 0; i < 30000; i++)
		assert_int_equal(ipc_queue_put_front(q, &i, sizeof(i), 0), 0);
	for (uint32_t i = 0; i < 30000; i++) {
		uint32_t got;

		assert_int_equal(ipc_queue_get_back(q, &got, sizeof(got), 0),
				 sizeof(got));
		assert_int_equal(got, i);
	}
	expect_empty(q);
	assert_in_range(resident(), 0, before + 2 * MIB);
	put_int(q, 7);
	assert_int_equal(got_int(q), 7);
	close_queue(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_all_ends, 60),
		TEST(test_stack),
		TEST(test_backwards),
	};

	return RUN_EXACT_TESTS(tests);
}
