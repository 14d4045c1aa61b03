/* SPDX-License-Identifier: MIT */
/*
 * test_queue_growing_torn.c - what a put or a get that was killed, or is slow,
 * leaves of the chunks of long items: whatever is written has memory (V1), and
 * no memory is forgotten
 *
 * Where a call came to is made by hand: its index goes back to before its
 * commit, or on to behind it.
 */
#include "grow_util.h"
#include "queue.h"

enum {
	MAXSIZE = 32,
	SHORT = 8,    /* lies in its slot */
	LONG = 60000, /* four of them fit into a chunk */
	FIT = 4,
	RUN = 100000, /* has a chunk for itself, and memory for no more */
	WHOLE = IPCI_CHUNK,
	MANY = 9, /* items of one call, at most */
};

static struct ipc_queue *q;
static unsigned char room[MANY * WHOLE];
static size_t len_of[1024]; /* of each item that was put */
static uint32_t n_put, n_got;

static struct grow_shm *growth(void)
{
	return q->items.grow.s;
}

static void begin(void)
{
	q = new_queue(MAXSIZE, WHOLE, 0);
	n_put = n_got = 0;
}

static void put(int n, size_t len)
{
	while (n--) {
		assert_int_equal(put_item(q, room, len, n_put), 0);
		len_of[n_put++] = len;
	}
}

static void get(int n)
{
	while (n--) {
		assert_true(got_item(q, room, WHOLE, len_of[n_got], n_got));
		n_got++;
	}
}

/* all at once: what is left behind is looked after at the end of the call */
static void get_at_once(int n)
{
	size_t lens[MANY];

	assert_int_equal(ipc_queue_get_many(q, room, WHOLE, lens, (size_t)n, 0),
			 n);
	for (int i = 0; i < n; i++, n_got++) {
		assert_int_equal(lens[i], len_of[n_got]);
		assert_true(is_item(room + i * WHOLE, lens[i], n_got));
	}
}

/* ---- those who die ---- */

struct job {
	size_t n, len;
};

static int put_many(void *arg)
{
	const struct job *job = arg;

	child_check(ipc_queue_put_many(q, room, job->len, job->n, 0) ==
		    (int)job->n);
	return 0;
}

/* in P3: all is written, nothing is put */
static void die_putting(size_t n, size_t len)
{
	struct job job = {n, len};

	expect_exit(spawn_child(put_many, &job), 0);
	inside(q)->put.index -= n;
}

/* in E5: all is got, nothing is settled */
static void die_getting(uint32_t n)
{
	growth()->leaving = 1;
	inside(q)->get.seen = inside(q)->put.index;
	inside(q)->get.index += n;
	n_got += n;
}

/*
 * A put that found the open chunk full, and not all of it got, was slow to
 * close it: by now all is got. The next put takes another chunk.
 */
static void close_late(void)
{
	growth()->bytes_at = 0;
}

/* ---- what must hold ---- */

static uint64_t word_of(uint32_t chunk)
{
	return q->items.grow.table[chunk].word;
}

static bool is_open(uint32_t chunk)
{
	uint64_t at = growth()->bytes_at;

	return at && (at - 1) / IPCI_CHUNK == chunk;
}

static bool is_kept(uint32_t chunk)
{
	for (int i = 0; i < IPCI_CHUNKS_KEPT; i++)
		if (growth()->kept[i] == chunk + 1)
			return true;
	return false;
}

static int kept(void)
{
	int n = 0;

	for (uint32_t i = 0; i < growth()->used; i++)
		n += is_kept(i);
	return n;
}

/* the next long item is written there, with no further look */
static void expect_memory_where_it_goes_on(void)
{
	for (uint32_t i = 0; i < growth()->used; i++)
		if (is_open(i))
			assert_true(word_of(i) & IPCI_CHUNK_MEMORY);
}

/* it is free, its memory was not given back, and no put looks for it */
static bool is_forgotten(uint32_t chunk)
{
	return word_of(chunk) >> 3 <= growth()->released &&
	       (word_of(chunk) & (IPCI_CHUNK_MEMORY | IPCI_CHUNK_RUN)) &&
	       !is_open(chunk) && !is_kept(chunk);
}

/* chunks come and go for a while, and are all looked at */
static void go_on(void)
{
	for (int lap = 0; lap < 6; lap++) {
		put(2 * FIT + 1, LONG);
		expect_memory_where_it_goes_on();
		get((int)(n_put - n_got));
		expect_memory_where_it_goes_on();
	}
	for (uint32_t i = 0; i < growth()->used; i++)
		assert_false(is_forgotten(i));
	expect_empty(q);
	close_queue(q);
}

/* all hints are in use, so that whatever is free besides is forgotten; one
   chunk, which is none of them, is open */
static void begin_with_hints(void)
{
	begin();
	put(8 * FIT, LONG);
	get(8 * FIT);
	assert_int_equal(kept(), IPCI_CHUNKS_KEPT);
	assert_true(is_open(7) && !is_kept(7));
}

/* ---- puts that died ---- */

/* its items are the last of one chunk, whose word tells of them, and the first
   of the next: so that one is open again */
static void test_put_killed_over_a_border(void **state)
{
	(void)state;

	begin_with_hints();
	put(2, LONG);
	die_putting(4, LONG);
	put(1, SHORT);
	assert_true(is_open(7));
	go_on();
}

/* the chunk that it closed was left by getters since, and has no memory */
static void test_put_killed_behind_a_full_chunk(void **state)
{
	(void)state;

	begin();
	put(FIT, LONG);
	put(IPCI_CHUNKS_KEPT, WHOLE);
	put(1, RUN);
	die_putting(1, LONG);
	get_at_once(FIT + IPCI_CHUNKS_KEPT + 1);
	assert_int_equal(word_of(0) & IPCI_CHUNK_FLAGS, 0);
	put(1, SHORT);
	expect_memory_where_it_goes_on();
	go_on();
}

/* the chunk that it took for its first item is none */
static void test_put_killed_in_its_first_chunk(void **state)
{
	(void)state;

	begin();
	die_putting(1, LONG);
	assert_true(is_open(0));
	put(1, SHORT);
	expect_memory_where_it_goes_on();
	go_on();
}

/* ---- the chunk that is open ---- */

/* getters do not give its memory back, though all that was in it is got */
static void test_open_chunk_stays(void **state)
{
	(void)state;

	begin();
	put(1, LONG);
	put(IPCI_CHUNKS_KEPT, WHOLE);
	put(1, RUN);
	get_at_once(IPCI_CHUNKS_KEPT + 2);
	assert_true(is_open(0));
	expect_memory_where_it_goes_on();
	go_on();
}

/* nor do they hand it over as free (V5): who would keep it in mind, once put
   has closed it? */
static void test_open_chunk_is_closed_late(void **state)
{
	(void)state;

	begin_with_hints();
	put(FIT, LONG);
	put(1, RUN);
	get(FIT + 1);
	close_late();
	go_on();
}

/* the same, and who got all of it has died: so the next one has to know of it,
   as if he had got it */
static void test_open_chunk_of_a_get_that_was_killed(void **state)
{
	(void)state;

	begin_with_hints();
	put(2 * FIT, LONG);
	put(1, RUN);
	assert_false(is_open(7));
	die_getting(2 * FIT + 1);
	put(1, SHORT);
	get(1);
	close_late();
	go_on();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_put_killed_over_a_border),
		TEST(test_put_killed_behind_a_full_chunk),
		TEST(test_put_killed_in_its_first_chunk),
		TEST(test_open_chunk_stays),
		TEST(test_open_chunk_is_closed_late),
		TEST(test_open_chunk_of_a_get_that_was_killed),
	};

	return RUN_TESTS(tests);
}
