/* SPDX-License-Identifier: MIT */
/*
 * test_queue_growing_damage.c - somebody wrote into the words that say where
 * the items lie: an error, or another item, and no access outside
 *
 * The chunks end where the mapping ends, so an access behind them is a crash.
 */
#include "grow_util.h"

static unsigned char room[2 * MIB];

enum { MAXSIZE = 8 };

/* where struct grow_shm lies, as queue.c plans it */
static struct grow_shm *growth(const struct ipc_queue *q, size_t maxsize)
{
	unsigned char *at = (unsigned char *)(inside(q) + 1);

	return (struct grow_shm *)(void *)(at + maxsize * 256);
}

/* the table of chunks begins on the next page */
static _Atomic uint64_t *word(struct grow_shm *g, uint32_t chunk)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t at = ((uintptr_t)(g + 1) + page - 1) / page * page;

	return &((struct chunk_shm *)at)[chunk].word;
}

/* the place of the bytes of item i, in its slot in the ring */
static uint64_t *place(const struct ipc_queue *q, size_t i)
{
	return (uint64_t *)(void *)((unsigned char *)(inside(q) + 1) + 256 * i +
				    8);
}

static const uint64_t numbers[] = {
	1,
	64,
	IPCI_CHUNK - 1,
	IPCI_CHUNK,
	5 * IPCI_CHUNK,
	UINT64_C(1) << 31,
	UINT64_C(1) << 32,
	(UINT64_C(1) << 38) - 64,
	UINT64_C(1) << 38,
	INT64_MAX,
	UINT64_C(1) << 63,
	UINT64_MAX - 63,
	UINT64_MAX,
};

enum { NUMBERS = sizeof(numbers) / sizeof(*numbers) };

/* an item too long for its slot whose place is nonsense */
static void test_place(void **state)
{
	static const size_t lens[] = {300, 60000, 100000, 600000, MIB};
	(void)state;

	for (int l = 0; l < 5; l++) {
		for (int i = 0; i < NUMBERS; i++) {
			struct ipc_queue *q = new_queue(MAXSIZE, MIB, 0);
			int r;

			assert_int_equal(put_item(q, room, lens[l], 1), 0);
			*place(q, 0) = numbers[i];
			r = ipc_queue_get(q, room, sizeof(room), 0);
			assert_true(r == -EBADMSG || r == (int)lens[l]);
			if (numbers[i] >= IPCI_CHUNK * UINT64_C(5))
				assert_int_equal(r, -EBADMSG);
			close_queue(q);
		}
	}
}

static void test_length(void **state)
{
	static const uint32_t bad[] = {MIB + 1, INT32_MAX, UINT32_MAX};
	(void)state;

	for (int i = 0; i < 3; i++) {
		struct ipc_queue *q = new_queue(MAXSIZE, MIB, 0);

		assert_int_equal(put_item(q, room, 60000, 1), 0);
		*(uint32_t *)(void *)(inside(q) + 1) = bad[i];
		expect_at_once(ipc_queue_get(q, room, sizeof(room), -1),
			       -EBADMSG);
		close_queue(q);
	}
	/* more than the rest of the chunk */
	struct ipc_queue *q = new_queue(MAXSIZE, MIB, 0);

	assert_int_equal(put_item(q, room, 60000, 1), 0);
	*(uint32_t *)(void *)(inside(q) + 1) = IPCI_CHUNK + 1;
	assert_int_equal(ipc_queue_get(q, room, sizeof(room), 0), -EBADMSG);
	close_queue(q);
}

/* every word of the struct, and of the table, in turn; then all calls */
static void use(struct ipc_queue *q)
{
	for (uint32_t i = 0; i < 8; i++) {
		int r = put_item(q, room,
				 i % 4 * 60000 /
					 (ipc_queue_item_size(q) > KIB ? 1
								       : 200),
				 i);

		assert_true(r == 0 || r == -EBADMSG || r == -ENOMEM ||
			    r == -EAGAIN || r == -EMSGSIZE);
		r = ipc_queue_put_many(q, room, 1000, 50, 0);
		assert_true(r > 0 || r == -EBADMSG || r == -ENOMEM ||
			    r == -EAGAIN);
		for (int n = 0; n < 12; n++) {
			r = ipc_queue_get_many(q, room, MIB, NULL, 2, 0);
			assert_true(r > 0 || r == -EBADMSG || r == -EAGAIN);
		}
	}
}

static void fill_some(struct ipc_queue *q)
{
	size_t limit = ipc_queue_item_size(q);

	for (uint32_t n = 0; n < 8; n++)
		ipc_queue_put(q, room, n * 30000 % limit, 0);
	ipc_queue_get_many(q, room, MIB, NULL, 2, 0);
}

/* one 32-bit word, with the lower and the upper half of each number */
static void scribble_at(size_t maxsize, size_t item_size, size_t at, bool table)
{
	for (int i = 0; i < 2 * NUMBERS; i++) {
		struct ipc_queue *q = new_queue(maxsize, item_size, 0);
		struct grow_shm *g = growth(q, maxsize);
		void *begin = table ? (void *)word(g, 0) : g;

		fill_some(q);
		((uint32_t *)begin)[at] =
			(uint32_t)(numbers[i / 2] >> (i % 2 ? 32 : 0));
		use(q);
		close_queue(q);
	}
}

static void scribble(size_t maxsize, size_t item_size)
{
	for (size_t at = 0; at < sizeof(struct grow_shm) / 4; at++)
		scribble_at(maxsize, item_size, at, false);
	for (size_t at = 0; at < 16; at++)
		scribble_at(maxsize, item_size, at, true);
}

static void test_all_words(void **state)
{
	(void)state;
	scribble(0, KIB);
	scribble(MAXSIZE, MIB);
}

/* slots that nobody can find */
static void test_lost_chunk(void **state)
{
	struct ipc_queue *q = new_queue(0, KIB, 0), *same;
	char name[64];
	(void)state;

	put_int(q, 1);
	put_int(q, 2);
	*word(growth(q, 0), 0) = 0;
	expect_at_once(ipc_queue_get(q, room, KIB, -1), -EBADMSG);
	/* also by one who has not seen it before */
	close_queue(q);
	q = new_named(unique_name(name, "lost"), 0, KIB);
	put_int(q, 1);
	assert_int_equal(ipc_queue_open(&same, name), 0);
	*word(growth(q, 0), 0) = 0;
	expect_at_once(ipc_queue_put(same, room, KIB, -1), -EBADMSG);
	expect_at_once(ipc_queue_get(same, room, KIB, -1), -EBADMSG);
	close_queue(same);
	close_queue(q);
	assert_int_equal(ipc_unlink(name), 0);
}

/* geometry in the head of a file */
static void test_head(void **state)
{
	static const uint64_t bad[] = {0,
				       1,
				       15,
				       (UINT64_C(1) << 20) + 1,
				       INT32_MAX,
				       UINT32_MAX,
				       UINT64_C(1) << 32,
				       UINT64_MAX};
	struct ipc_queue *q, *same = NULL;
	struct head_shm *head;
	char name[64];
	uint64_t chunks;
	(void)state;

	q = new_named(unique_name(name, "head"), 0, KIB);
	head = ((struct ipci_region *)q)->head;
	chunks = head->u.queue.chunks;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		head->u.queue.chunks = bad[i];
		assert_int_equal(ipc_queue_open(&same, name), -EBADMSG);
	}
	head->u.queue.chunks = chunks;
	head->fixed_size = 0;
	assert_int_equal(ipc_queue_open(&same, name), -EBADMSG);
	assert_null(same);
	close_queue(q);
	assert_int_equal(ipc_unlink(name), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_place),
		TEST(test_length),
		TEST_LIMIT(test_all_words, 60),
		TEST(test_lost_chunk),
		TEST(test_head),
	};

	return RUN_TESTS(tests);
}
