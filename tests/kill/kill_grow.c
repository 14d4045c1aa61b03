/* SPDX-License-Identifier: MIT */
/*
 * kill_grow.c - put and get where memory comes and goes with the items: killed
 * at each instruction, or frozen there while the other side works
 *
 * Executes K1 .. K5 and L1 .. L4, the KILLED rows of struct grow_shm. Chunks
 * are small here (IPCI_CHUNK_BYTES), so that few items take one.
 *
 * Whatever the row, the survivors must see: each item comes out once, in order,
 * with all of its bytes, if its put returned; none is lost but those that a
 * dead getter took; the queue can be used for as many items more; and when it
 * is empty, the memory is back, however often somebody died there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libipc.h>
#include "queue.h"
#include "sweep_own.h"

enum op { PUT, GET, PUT_MANY, GET_MANY, PUT_FRONT, GET_BACK };

enum {
	MANY = 4,	/* items of the calls for many */
	SOON = 20,	/* items that all rows put before they begin */
	ROOM = 5000,	/* bytes of the longest item */
	NUMBERS = 3000, /* items of one point */
	SLOTS = 1000,	/* an item_size: items lie in slots, in chunks */
	LONG = 100000,	/* one where longer items lie elsewhere */
	MAXSIZE = 64,	/* the other queue's */
	TIMES = 3,	/* deaths in one point */
	SPREE = 14,	/* the same, where each may cost memory */
};

struct row {
	enum op op;
	size_t item_size;  /* SLOTS: and no maxsize */
	size_t len;	   /* of all items */
	unsigned int gone; /* put and got before, to come near a border */
	unsigned int filled;
	unsigned int meanwhile; /* the other side, while the victim is frozen */
	bool lives;		/* it goes on after that */
	bool spree;		/* many die, and nobody comes between */
};

static struct shared {
	_Atomic long put_until; /* what a victim's put, or get, has reported */
	_Atomic int got;
	_Atomic long got_number[MANY];
} * shared;

static struct ipc_queue *queue;
static char name[64];
static long next;	       /* number of the next item to put */
static char state[NUMBERS];    /* what has become of each */
static long last;	       /* number that was got last */
static const char *wrong_item; /* what was wrong with one, if it was */
static unsigned char buffer[MANY * ROOM];

enum { NEVER, WAITS, MAYBE, GONE };

/* ------------------------------------------------------------------- items */

static void fill(unsigned char *item, size_t len, long number)
{
	for (size_t i = sizeof(number); i < len; i++)
		item[i] = (unsigned char)((size_t)number * 7 + i);
	memcpy(item, &number, sizeof(number));
}

/* its number, or -1 */
static long number_of(const unsigned char *item, size_t len)
{
	long number;

	memcpy(&number, item, sizeof(number));
	for (size_t i = sizeof(number); i < len; i++)
		if (item[i] != (unsigned char)((size_t)number * 7 + i))
			return -1;
	return number >= 0 && number < NUMBERS ? number : -1;
}

/* the same by a few of its bytes, for the victim, whose steps are counted */
static long glance(const unsigned char *item, size_t len)
{
	long number;

	memcpy(&number, item, sizeof(number));
	for (size_t i = len / 2; i < len; i += len / 2 - 1)
		if (item[i] != (unsigned char)((size_t)number * 7 + i))
			return -1;
	return number >= 0 && number < NUMBERS ? number : -1;
}

static bool put_one(const struct row *row)
{
	sweep_require(next < NUMBERS);
	fill(buffer, row->len, next);
	if (ipc_queue_put(queue, buffer, row->len, sweep_limit_ms()) < 0)
		return false;
	state[next++] = WAITS;
	return true;
}

/* it must be there, once; in order, unless the other ends are used */
static void note_item(const struct row *row, long number)
{
	if (number < 0)
		wrong_item = "an item has other bytes";
	else if (state[number] != WAITS && state[number] != MAYBE)
		wrong_item = "an item came twice, or never was put";
	else if (row->op < PUT_FRONT && number < last)
		wrong_item = "out of order";
	if (number < 0)
		return;
	state[number] = GONE;
	last = number;
}

static bool get_one(const struct row *row)
{
	if (ipc_queue_get(queue, buffer, ROOM, sweep_limit_ms()) !=
	    (int)row->len)
		return false;
	note_item(row, number_of(buffer, row->len));
	return true;
}

/* ------------------------------------------------------------------ victim */

static int victim_gets(const struct row *row)
{
	size_t lens[MANY];
	int r, n = row->op == GET_MANY ? MANY : 1;

	sweep_marker();
	r = row->op == GET_BACK ? ipc_queue_get_back(queue, buffer, ROOM, 0)
				: ipc_queue_get_many(queue, buffer, ROOM, lens,
						     (size_t)n, 0);
	if (row->op == GET_BACK && r > 0)
		r = 1;
	for (int i = 0; i < r; i++)
		shared->got_number[i] =
			glance(buffer + (size_t)i * ROOM, row->len);
	shared->got = r;
	return r;
}

static int victim_puts(const struct row *row)
{
	int r, n = row->op == PUT_MANY ? MANY : 1;

	for (int i = 0; i < n; i++)
		fill(buffer + (size_t)i * row->len, row->len, next + i);
	sweep_marker();
	if (row->op == PUT_FRONT)
		r = ipc_queue_put_front(queue, buffer, row->len, 0) ? -1 : 1;
	else
		r = ipc_queue_put_many(queue, buffer, row->len, (size_t)n, 0);
	if (r > 0)
		shared->put_until = next + r;
	return r;
}

static bool puts_items(const struct row *row)
{
	return row->op == PUT || row->op == PUT_MANY || row->op == PUT_FRONT;
}

static int victim(const void *arg)
{
	return puts_items(arg) ? victim_puts(arg) : victim_gets(arg);
}

/* what it would have put: there all the same, or not */
static void doubt_items(const struct row *row)
{
	int n = row->op == PUT_MANY ? MANY : 1;

	if (!puts_items(row))
		return;
	for (int i = 0; i < n; i++, next++)
		state[next] = next < shared->put_until ? WAITS : MAYBE;
}

/* ------------------------------------------------------------------- story */

static void begin(const struct row *row)
{
	static unsigned int count;
	struct ipc_queue_opts opts = {
		.maxsize = row->item_size == SLOTS ? 0 : MAXSIZE,
		.item_size = row->item_size};

	snprintf(name, sizeof(name), "/libipc-kill-grow-%d-%u", (int)getpid(),
		 count++);
	sweep_require(ipc_queue_create(&queue, name, &opts) == 0);
	sweep_require(ipc_unlink(name) == 0);
	memset(state, NEVER, sizeof(state));
	next = last = 0;
	wrong_item = NULL;
	for (unsigned int i = 0; i < SOON + row->gone; i++)
		sweep_require(put_one(row) && get_one(row));
	for (unsigned int i = 0; i < row->filled; i++)
		sweep_require(put_one(row));
}

/* the victim stands still, perhaps inside its gate; ours is free */
static bool meanwhile(const struct row *row)
{
	for (unsigned int i = 0; i < row->meanwhile; i++)
		if (puts_items(row) ? !get_one(row) : !put_one(row))
			return false;
	return true;
}

static bool has_ended(const void *arg)
{
	return sweep_ended((struct proc *)(uintptr_t)arg);
}

/* the items that the victim told us of */
static void note_victim(const struct row *row)
{
	for (int i = 0; i < shared->got; i++)
		note_item(row, shared->got_number[i]);
}

/* those that are not accounted for now went with those who died */
static const char *count_lost(const struct row *row, int deaths)
{
	int lost = 0, most = deaths * (row->op == GET_MANY ? MANY : 1);

	for (long i = 0; i < next; i++) {
		if (state[i] == WAITS)
			lost++;
		if (state[i] == WAITS || state[i] == MAYBE)
			state[i] = GONE;
	}
	if (lost && (puts_items(row) || lost > most))
		return "an item is lost";
	return NULL;
}

/* all that is there comes out; what the victim got is accounted for before */
static const char *drain(const struct row *row, int deaths)
{
	long order = last;
	const char *wrong;

	while (ipc_queue_empty(queue) == 0)
		if (!get_one(row))
			return "get fails though there are items";
	last = order < last ? order : last;
	note_victim(row);
	wrong = count_lost(row, deaths);
	last = 0;
	if (ipc_queue_size(queue) != 0)
		return "size is wrong";
	return wrong_item ? wrong_item : wrong;
}

/* as many as take several chunks, at once and one by one */
static const char *use_it(const struct row *row)
{
	for (int i = 0; i < MANY * 5; i++)
		if (!put_one(row))
			return "put fails though there is room";
	for (int i = 0; i < MANY * 5; i++)
		if (!get_one(row))
			return "get fails though there are items";
	for (int i = 0; i < MANY * 2; i++)
		if (!put_one(row) || !get_one(row))
			return "put and get fail";
	return wrong_item;
}

/* kept ones, those in use, and one that the other ends may leave */
static const char *weigh(const struct row *row)
{
	const struct ipci_region *region = (struct ipci_region *)queue;
	long chunks = IPCI_CHUNKS_KEPT + (row->op < PUT_FRONT ? 2 : 3);
	long most =
		(long)region->head->fixed_size + 2 * 4096 + chunks * IPCI_CHUNK;
	struct stat st;

	if (!(ipc_caps() & LIBIPC_CAP_EXACT_WAKE))
		return NULL; /* POSIX has no way to give memory back */
	sweep_require(fstat(region->fd, &st) == 0);
	if (st.st_blocks * 512 <= most)
		return NULL;
	sweep_note(", %ld bytes", (long)st.st_blocks * 512);
	return "memory is not given back";
}

/* as the file says; the word only where memory is never given back */
static bool has_memory(const struct ipci_grow *g, uint32_t chunk)
{
	uint64_t word = g->table[chunk].word;
	off_t from = (off_t)g->region->head->page +
		     (g->chunks - g->region->body) + (off_t)chunk * IPCI_CHUNK;
	off_t data = lseek(g->region->fd, from, SEEK_DATA);

	if (!ipci_os_gives_back)
		return word & (IPCI_CHUNK_MEMORY | IPCI_CHUNK_RUN);
	return data >= 0 && data < from + IPCI_CHUNK;
}

/* free, with memory, and no hint leads to it: nobody gives that back */
static bool is_astray(const struct ipci_grow *g, uint32_t chunk)
{
	uint64_t word = g->table[chunk].word;

	if (word >> 3 > g->s->released || !has_memory(g, chunk) ||
	    (g->s->bytes_at - 1) / IPCI_CHUNK == chunk)
		return false;
	for (int i = 0; i < IPCI_CHUNKS_KEPT; i++)
		if (g->s->kept[i] == chunk + 1)
			return false;
	return true;
}

/* after somebody came who looked after what was left, with an item that is too
   short to take memory */
static const char *look_for_strays(void)
{
	const struct ipci_grow *g = &queue->items.grow;

	if (ipc_queue_put(queue, "", 1, 0) ||
	    ipc_queue_get(queue, buffer, 1, 0) != 1)
		return "put and get fail";
	for (uint32_t i = 0; i < g->s->used; i++)
		if (is_astray(g, i))
			return "a chunk is astray";
	return NULL;
}

/* k instructions on; true: it has returned */
static bool advance(struct proc *v, unsigned long k)
{
	sweep_require(sweep_steps(v, k));
	return sweep_ended(v) || sweep_returned(v, NULL);
}

/* one death, or stop, and what they see who come after it */
static const char *once(const struct row *row, unsigned long k, bool *over)
{
	struct proc *v = sweep_trace(victim, row);
	bool went;

	shared->got = 0;
	shared->put_until = 0;
	*over = advance(v, k);
	went = meanwhile(row);
	if (row->lives) {
		sweep_let_go(v);
		sweep_require(sweep_eventually(has_ended, v));
	} else {
		sweep_slay(v);
	}
	doubt_items(row);
	sweep_slay_all();
	if (!went)
		return "the other side is blocked";
	return drain(row, !row->lives && !shared->got);
}

/* many deaths at the same instruction, and only then somebody looks */
static const char *spree(const struct row *row, unsigned long k, bool *over)
{
	const char *wrong;
	struct proc *v;
	int deaths = 0;

	for (int i = 0; i < SPREE; i++) {
		shared->got = 0;
		shared->put_until = 0;
		v = sweep_trace(victim, row);
		*over = advance(v, k);
		sweep_slay(v);
		doubt_items(row);
		sweep_slay_all();
		deaths += !shared->got;
		if (i < SPREE - 1)
			note_victim(row);
	}
	wrong = drain(row, deaths);
	if (!wrong)
		wrong = look_for_strays();
	return wrong ? wrong : weigh(row);
}

static const char *point(const void *arg, unsigned long k, bool *over)
{
	const struct row *row = arg;
	const char *wrong = NULL;

	begin(row);
	for (int i = 0; i < TIMES && !wrong && !row->spree; i++) {
		for (unsigned int n = 0; i && n < row->gone + row->filled; n++)
			sweep_require(put_one(row) &&
				      (n < row->filled || get_one(row)));
		wrong = once(row, k, over);
		if (!wrong)
			wrong = look_for_strays();
	}
	if (!wrong && row->spree)
		wrong = spree(row, k, over);
	if (!wrong)
		wrong = use_it(row);
	if (!wrong)
		wrong = weigh(row);
	ipc_queue_close(queue);
	return wrong;
}

/* -------------------------------------------------------------------- rows */

#define ROW(text, every, ...)                                                  \
	{                                                                      \
		text, &(const struct row){__VA_ARGS__}, point, 3 * every       \
	}

/* into a chunk fit 4 slots of 1000 bytes, 12 items of 300, 4 of 900; one of
   1100 has one of its own, one of 4200 has two */
static const struct story stories[] = {
	ROW("put, new slots", 31, .op = PUT, .item_size = SLOTS, .len = 1000,
	    .gone = 4),
	ROW("put, new slots, nothing kept", 41, .op = PUT, .item_size = SLOTS,
	    .len = 1000, .gone = 4, .filled = 22),
	ROW("put, other slots", 47, .op = PUT, .item_size = SLOTS, .len = 1000,
	    .gone = 5),
	ROW("put, frozen, all got meanwhile", 53, .op = PUT, .item_size = SLOTS,
	    .len = 1000, .filled = 20, .meanwhile = 20, .lives = true),
	ROW("put_many, over a border", 67, .op = PUT_MANY, .item_size = SLOTS,
	    .len = 1000, .gone = 2, .filled = 20),
	ROW("put, a long item", 37, .op = PUT, .item_size = LONG, .len = 300,
	    .gone = 5),
	ROW("put, a long item, new chunk", 43, .op = PUT, .item_size = LONG,
	    .len = 900, .filled = 30),
	ROW("put, 1 run, a spree", 31, .op = PUT, .item_size = LONG,
	    .len = 1100, .filled = 1, .spree = true),
	ROW("put, a run of two", 401, .op = PUT, .item_size = LONG, .len = 4200,
	    .filled = 5),
	ROW("put_many, runs", 97, .op = PUT_MANY, .item_size = LONG,
	    .len = 1100, .filled = 5),
	ROW("put_many, chunks of long items", 149, .op = PUT_MANY,
	    .item_size = LONG, .len = 1000, .gone = 1, .filled = 8),
	ROW("put, a run, frozen, all got meanwhile", 67, .op = PUT,
	    .item_size = LONG, .len = 1100, .filled = 12, .meanwhile = 12,
	    .lives = true),

	ROW("get, the last of its slots", 31, .op = GET, .item_size = SLOTS,
	    .len = 1000, .gone = 3, .filled = 1),
	ROW("get, the last of its slots, none to be kept", 31, .op = GET,
	    .item_size = SLOTS, .len = 1000, .gone = 3, .filled = 26),
	ROW("get, frozen, many put meanwhile", 37, .op = GET,
	    .item_size = SLOTS, .len = 1000, .gone = 3, .filled = 26,
	    .meanwhile = 35, .lives = true),
	ROW("get_many, over a border", 71, .op = GET_MANY, .item_size = SLOTS,
	    .len = 1000, .gone = 1, .filled = 26),
	ROW("get, a long item, the next chunk", 41, .op = GET,
	    .item_size = LONG, .len = 900, .gone = 1, .filled = 30),
	ROW("get, 1 run, a spree", 13, .op = GET, .item_size = LONG,
	    .len = 1100, .filled = SPREE + 2, .spree = true),
	ROW("get_many, a chunk, frozen, closed meanwhile", 17, .op = GET_MANY,
	    .item_size = LONG, .len = 900, .gone = 4, .filled = 4,
	    .meanwhile = 1, .lives = true),
	ROW("get_many, a chunk, killed, closed meanwhile", 17, .op = GET_MANY,
	    .item_size = LONG, .len = 900, .gone = 4, .filled = 4,
	    .meanwhile = 1),
	ROW("get_many, runs", 131, .op = GET_MANY, .item_size = LONG,
	    .len = 1100, .filled = 12),
	ROW("get_many, runs, frozen, many put meanwhile", 41, .op = GET_MANY,
	    .item_size = LONG, .len = 1100, .filled = 12, .meanwhile = 40,
	    .lives = true),
	ROW("get, a run, killed, many put meanwhile", 53, .op = GET,
	    .item_size = LONG, .len = 1100, .filled = 12, .meanwhile = 40),

	ROW("put_front, new slots", 61, .op = PUT_FRONT, .item_size = SLOTS,
	    .len = 1000, .gone = 4, .filled = 3),
	ROW("put_front, a long item", 61, .op = PUT_FRONT, .item_size = LONG,
	    .len = 300, .filled = 3),
	ROW("put_front, 1 run, a spree", 31, .op = PUT_FRONT, .item_size = LONG,
	    .len = 1100, .filled = 3, .spree = true),
	ROW("put_front, new slots, a spree", 61, .op = PUT_FRONT,
	    .item_size = SLOTS, .len = 1000, .gone = 4, .filled = 3,
	    .spree = true),
	ROW("get_back, the only one of its slots", 61, .op = GET_BACK,
	    .item_size = SLOTS, .len = 1000, .gone = 4, .filled = 9),
	ROW("get_back, 1 run, a spree", 31, .op = GET_BACK, .item_size = LONG,
	    .len = 1100, .filled = SPREE + 2, .spree = true),
	ROW("get_back, a long item", 61, .op = GET_BACK, .item_size = LONG,
	    .len = 900, .filled = 12),
};

int main(int argc, char **argv)
{
	shared = sweep_shared(sizeof(*shared));
	return story_main(argc, argv, stories,
			  sizeof(stories) / sizeof(*stories));
}
