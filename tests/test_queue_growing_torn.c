/* SPDX-License-Identifier: MIT */
/*
 * test_queue_growing_torn.c - what a put or a get that was killed, or is slow,
 * leaves of the chunks of long items: whatever is written has memory (V1), and
 * no memory is forgotten
 *
 * Where a call came to is made by hand: its index goes back to before its
 * commit, or on to behind it. Or it dies as it gives memory back.
 */
#include "grow_util.h"
#include "queue.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* newer than some headers */
#endif

enum {
	MAXSIZE = 32,
	SHORT = 8,    /* lies in its slot */
	LONG = 60000, /* four of them fit into a chunk */
	FIT = 4,
	RUN = 100000, /* has a chunk for itself, and memory for no more */
	WHOLE = IPCI_CHUNK,
	TWO = WHOLE + 1000, /* has two chunks */
	MANY = 9,	    /* items of one call, at most */
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
	q = new_queue(MAXSIZE, TWO, 0);
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

/* ---- memory that is given back ---- */

static int no_memory;  /* so often, when it is asked for */
static int die_giving; /* memory back, before that time; 0: never */

/* in place of libc's, for the library, too */
int madvise(void *pages, size_t size, int advice)
{
	if (advice == MADV_REMOVE && die_giving && --die_giving == 0)
		kill(getpid(), SIGKILL);
	if (advice == MADV_POPULATE_WRITE && no_memory && no_memory--) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_madvise, pages, size, advice);
}

static bool has_memory(uint32_t chunk)
{
	unsigned char page[WHOLE / 4096];
	int n = 0;

	assert_int_equal(mincore(q->items.grow.chunks + (size_t)chunk * WHOLE,
				 WHOLE, page),
			 0);
	for (long i = 0; i < WHOLE / sysconf(_SC_PAGESIZE); i++)
		n += page[i] & 1;
	return n;
}

static void need_memory_that_goes(void)
{
	if (!ipci_os_gives_back)
		skip();
	need_native("where memory is never given back");
}

static int get_back_and_die(void *unused)
{
	(void)unused;
	die_giving = 1;
	ipc_queue_get_back(q, room, TWO, 0);
	return 1;
}

/* the only item of a chunk that nobody will keep: it is free, and has memory
   of which the word does not tell any more */
static void test_get_back_killed_as_it_frees(void **state)
{
	(void)state;
	need_memory_that_goes();

	begin_with_hints();
	put(1, LONG);
	assert_true(is_open(7));
	expect_killed(spawn_child(get_back_and_die, NULL), SIGKILL);
	n_put--;
	assert_int_equal(word_of(7), 0);
	assert_true(has_memory(7));
	put(1, SHORT);
	assert_false(has_memory(7));
	go_on();
}

static void get_back(size_t len)
{
	assert_int_equal(ipc_queue_get_back(q, room, TWO, 0), len);
	assert_true(is_item(room, len, --n_put));
}

/* its chunks are free at once, not when put has come that far again */
static void test_get_back_frees(void **state)
{
	(void)state;
	need_memory_that_goes();

	begin_with_hints();
	put(1, TWO);
	assert_true(has_memory(0) && has_memory(1));
	get_back(TWO);
	assert_int_equal(word_of(0), 0);
	assert_int_equal(word_of(1), 0);
	assert_false(has_memory(0) || has_memory(1));
	go_on();
}

/* the note that it made last, and the word that it changed then, as they were
   before: now it dies right behind its commit */
static void step_back(uint32_t chunk, uint64_t word)
{
	int last = 0;

	q->items.grow.table[chunk].word = word;
	for (int i = 0; i < IPCI_CHUNKS_TAKEN; i++)
		if (growth()->taken[i])
			last = i;
	growth()->taken[last] = 0;
}

static void test_get_back_killed_before_it_frees(void **state)
{
	uint64_t word;
	(void)state;
	need_memory_that_goes();

	begin_with_hints();
	put(1, TWO);
	word = word_of(0);
	expect_killed(spawn_child(get_back_and_die, NULL), SIGKILL);
	n_put--;
	step_back(0, word);
	put(1, SHORT);
	assert_false(has_memory(0) || has_memory(1));
	go_on();
}

/* what is kept for other puts goes to one that finds no memory */
static void test_put_drops_what_is_kept(void **state)
{
	(void)state;
	need_memory_that_goes();

	begin_with_hints();
	no_memory = 1;
	put(1, TWO);
	assert_int_equal(no_memory, 0);
	assert_true(has_memory(0) && has_memory(1));
	assert_false(has_memory(2) || has_memory(3));
	assert_int_equal(ipc_queue_get(q, room, TWO, 0), TWO);
	assert_true(is_item(room, TWO, n_got++));
	go_on();
}

static int put_and_die(void *unused)
{
	(void)unused;
	no_memory = 1;
	die_giving = 1;
	ipc_queue_put(q, room, TWO, 0);
	return 1;
}

/* the first two were to be its own, the last one is the first to be dropped */
static void test_put_killed_as_it_drops_them(void **state)
{
	(void)state;
	need_memory_that_goes();

	begin_with_hints();
	expect_killed(spawn_child(put_and_die, NULL), SIGKILL);
	assert_int_equal(word_of(3) & IPCI_CHUNK_FLAGS, 0);
	assert_true(has_memory(3));
	put(1, SHORT);
	assert_false(has_memory(3));
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
		TEST(test_get_back_frees),
		TEST(test_get_back_killed_before_it_frees),
		TEST(test_get_back_killed_as_it_frees),
		TEST(test_put_drops_what_is_kept),
		TEST(test_put_killed_as_it_drops_them),
	};

	return RUN_TESTS(tests);
}
