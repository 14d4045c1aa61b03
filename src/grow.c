/* SPDX-License-Identifier: MIT */
/*
 * grow.c - chunks: taken by put, left behind and settled by get
 *
 * The order of the stores to shared memory counts, for whoever comes after one
 * that was killed between two of them: step() keeps the compiler from changing
 * it. The other side reads words, released and used; those are atomic.
 */
#include "grow.h"

enum {
	DIRECT_FIXED = 4096,	/* with maxsize: longer items are long ... */
	DIRECT_GROWS = 1024,	/* without */
	DIRECT = 248,		/* ... and then this much is in the slot */
	ALONE = IPCI_CHUNK / 4, /* a longer one has chunks of its own */
	LINE = 64,		/* where a long item begins */
	LOOKS = 64,		/* at how many chunks one put looks */
	SHIFT = 3,		/* of until, in a word */
};

#define NONE	UINT32_MAX
#define NOWHERE UINT64_MAX
#define BIAS	(UINT64_C(1) << 60)

/* addresses for chunks */
#define AREA_MAX (sizeof(void *) > 4 ? UINT64_C(1) << 38 : UINT64_C(1) << 27)

static void step(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/* what anybody may write is read once, and then checked */
static uint32_t once(const uint32_t *word)
{
	return *(const volatile uint32_t *)word;
}

/* ---- geometry ---- */

size_t ipci_grow_direct(uint64_t maxsize, size_t item_size)
{
	return item_size > (maxsize ? DIRECT_FIXED : DIRECT_GROWS) ? DIRECT
								   : item_size;
}

/* four times what can wait, for an item that is a little too long for two to
   fit into a chunk; without maxsize, as much as there may be */
uint32_t ipci_grow_chunks(uint64_t maxsize, size_t item_size)
{
	uint64_t all = AREA_MAX / IPCI_CHUNK, n;

	if (!maxsize || maxsize > AREA_MAX / 4 / item_size)
		return (uint32_t)all;
	n = 4 * maxsize * item_size / IPCI_CHUNK + 2 * IPCI_CHUNKS_MIN;
	return (uint32_t)(n < all ? n : all);
}

static uint64_t round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

static uint64_t chunks_at(uint64_t at, uint64_t chunks)
{
	return round_up(at + chunks * sizeof(struct chunk_shm), IPCI_CHUNK);
}

uint64_t ipci_grow_end(uint64_t at, uint64_t chunks)
{
	if (at > INT64_MAX / 4 || chunks > UINT32_MAX)
		return 0;
	return chunks_at(at, chunks) + chunks * IPCI_CHUNK;
}

void ipci_grow_init(struct ipci_grow *g, const struct ipci_region *r,
		    const struct queue_shm *q, struct grow_shm *s, size_t at,
		    uint32_t chunks, size_t item_size, struct ipci_slots *ring,
		    size_t direct)
{
	g->region = r;
	g->tails = &q->put;
	g->heads = &q->get;
	g->s = s;
	g->table = (struct chunk_shm *)(r->body + at);
	g->chunks = r->body + (size_t)chunks_at(at, chunks);
	g->max = chunks;
	g->ring = ring;
	g->item_size = item_size;
	g->direct = direct;
	g->stride = (sizeof(struct slot_shm) + direct + 7) & ~(size_t)7;
	g->per_chunk = IPCI_CHUNK / g->stride;
	g->bias = BIAS / g->per_chunk * g->per_chunk;
	g->put.first = g->get.first = 0 - g->per_chunk; /* in none */
}

/* ---- one chunk ---- */

/* acquire: pairs with set_word over there */
static uint64_t word_of(const struct ipci_grow *g, uint32_t chunk)
{
	return atomic_load_explicit(&g->table[chunk].word,
				    memory_order_acquire);
}

static void set_word(struct ipci_grow *g, uint32_t chunk, uint64_t word)
{
	step();
	atomic_store_explicit(&g->table[chunk].word, word,
			      memory_order_release);
	step();
}

static uint64_t word_for(uint64_t until, unsigned int flags)
{
	return until << SHIFT | flags;
}

/* chunks that have a word; more than there can be is damage */
static uint32_t used(const struct ipci_grow *g)
{
	uint32_t n = atomic_load_explicit(&g->s->used, memory_order_acquire);

	return n < g->max ? n : g->max;
}

/* acquire: a chunk that it frees was settled before */
static uint64_t released(const struct ipci_grow *g)
{
	return atomic_load_explicit(&g->s->released, memory_order_acquire);
}

static size_t offset_of(const struct ipci_grow *g, uint32_t chunk)
{
	return (size_t)(g->chunks - g->region->body) +
	       (size_t)chunk * IPCI_CHUNK;
}

static void discard(const struct ipci_grow *g, uint32_t chunk, uint32_t n)
{
	ipci_region_discard(g->region, offset_of(g, chunk),
			    (size_t)n * IPCI_CHUNK);
}

/* acquire: pairs with set_bytes_at, so that the word of a chunk that is not the
   open one any more is the last that put gave it */
static uint64_t bytes_at(const struct ipci_grow *g)
{
	return atomic_load_explicit(&g->s->bytes_at, memory_order_acquire);
}

static void set_bytes_at(struct ipci_grow *g, uint64_t at)
{
	step();
	atomic_store_explicit(&g->s->bytes_at, at, memory_order_release);
	step();
}

/* the chunk in which long items go on, though it may be full; NONE: in none */
static uint32_t chunk_at(const struct ipci_grow *g, uint64_t at)
{
	return at && (at - 1) / IPCI_CHUNK < used(g)
		       ? (uint32_t)((at - 1) / IPCI_CHUNK)
		       : NONE;
}

static uint32_t open_chunk(const struct ipci_grow *g)
{
	return chunk_at(g, bytes_at(g));
}

/* ---- put: looking for a chunk ---- */

static bool is_free(const struct ipci_grow *g, uint32_t chunk)
{
	return word_of(g, chunk) >> SHIFT <= released(g) &&
	       chunk != open_chunk(g);
}

static uint32_t find_kept(const struct ipci_grow *g)
{
	for (int i = 0; i < IPCI_CHUNKS_KEPT; i++) {
		uint32_t chunk = atomic_load_explicit(&g->s->kept[i],
						      memory_order_relaxed);

		if (chunk && chunk <= used(g) && is_free(g, chunk - 1) &&
		    (word_of(g, chunk - 1) & IPCI_CHUNK_MEMORY))
			return chunk - 1;
	}
	return NONE;
}

/* one among those in use before; better one that has memory, for nobody may
   know of that. Looks at a few, or at all. */
static uint32_t find_old(struct ipci_grow *g, uint32_t looks)
{
	uint32_t all = used(g), at = once(&g->s->from), found = NONE;

	for (uint32_t i = 0; i < looks && i < all; i++, at++) {
		if (at >= all)
			at = 0;
		if (!is_free(g, at))
			continue;
		if (found == NONE || (word_of(g, at) & IPCI_CHUNK_MEMORY))
			found = at;
		if (word_of(g, at) & IPCI_CHUNK_MEMORY)
			break;
	}
	g->s->from = at;
	return found;
}

/* n in a row */
static uint32_t find_row(struct ipci_grow *g, uint32_t n)
{
	uint32_t all = used(g), row = 0, at = 0;

	while (at < all && row < n)
		row = is_free(g, at++) ? row + 1 : 0;
	return row == n ? at - n : NONE;
}

/* such that never were in use: their words get memory first */
static int find_new(struct ipci_grow *g, uint32_t n)
{
	uint32_t first = used(g);
	size_t at =
		(size_t)((unsigned char *)(g->table + first) - g->region->body);
	int err;

	if (n > g->max - first)
		return -ENOBUFS;
	err = ipci_region_reserve(g->region, at, n * sizeof(*g->table));
	if (err)
		return err;
	atomic_store_explicit(&g->s->used, first + n, memory_order_release);
	return (int)first;
}

static int lack(const struct ipci_grow *g)
{
	return g->region->fd < 0 ? -ENOMEM : -ENOSPC;
}

static uint32_t find_used(struct ipci_grow *g, uint32_t n, uint32_t looks)
{
	uint32_t chunk;

	if (n > 1)
		return find_row(g, n);
	chunk = find_kept(g);
	return chunk == NONE ? find_old(g, looks) : chunk;
}

static int find(struct ipci_grow *g, uint32_t n)
{
	uint32_t chunk = find_used(g, n, LOOKS);
	int fresh;

	if (chunk != NONE)
		return (int)chunk;
	fresh = find_new(g, n);
	if (fresh != -ENOBUFS)
		return fresh;
	chunk = find_used(g, n, NONE);
	return chunk == NONE ? lack(g) : (int)chunk;
}

/* ---- put: taking it ---- */

/* what was kept for put to take, when memory is scarce; was there any? */
static bool drop_kept(struct ipci_grow *g)
{
	bool any = false;

	for (uint32_t chunk; (chunk = find_kept(g)) != NONE; any = true) {
		g->s->taken[g->takes] = (uint64_t)chunk << 32 | 1;
		set_word(g, chunk, word_for(word_of(g, chunk) >> SHIFT, 0));
		discard(g, chunk, 1);
		g->s->taken[g->takes] = 0;
	}
	return any;
}

/* K2 */
static int reserve(struct ipci_grow *g, uint32_t chunk, size_t size)
{
	int err = ipci_region_reserve(g->region, offset_of(g, chunk), size);

	if (err && drop_kept(g))
		err = ipci_region_reserve(g->region, offset_of(g, chunk), size);
	step();
	return err;
}

/* K1 */
static void note_taken(struct ipci_grow *g, uint32_t chunk, uint32_t n)
{
	g->s->taken[g->takes++] = IPCI_TAKEN((uint64_t)chunk << 32 | n);
	step();
}

/* the one noted last */
static void forget_taken(struct ipci_grow *g)
{
	step();
	g->s->taken[--g->takes] = 0;
}

/* a chunk that was just taken is none, after all */
static int give_up(struct ipci_grow *g, uint32_t chunk, uint32_t n, int err)
{
	discard(g, chunk, n);
	forget_taken(g);
	return err;
}

/*
 * K1, K2: n chunks with memory for size bytes, their flags in *flags; their
 * words are as they were. The first, or an error as ipci_grow_write.
 */
static int take(struct ipci_grow *g, uint32_t n, size_t size,
		unsigned int *flags)
{
	int chunk, err;

	if (g->takes == IPCI_CHUNKS_TAKEN - 1) /* one is for drop_kept */
		return -ENOBUFS;
	chunk = find(g, n);
	if (chunk < 0)
		return chunk;
	if (g->takes == 0)
		g->s->bytes_was = bytes_at(g); /* K0 */
	step();
	note_taken(g, (uint32_t)chunk, n);
	*flags = size == (size_t)n * IPCI_CHUNK ? IPCI_CHUNK_MEMORY : 0;
	if (n == 1 && (word_of(g, (uint32_t)chunk) & IPCI_CHUNK_MEMORY)) {
		*flags = IPCI_CHUNK_MEMORY;
		return chunk;
	}
	err = reserve(g, (uint32_t)chunk, size);
	return err ? give_up(g, (uint32_t)chunk, n, err) : chunk;
}

/* K3, K4 */
static int take_slots(struct ipci_grow *g, uint64_t until)
{
	unsigned int flags;
	int chunk = take(g, 1, IPCI_CHUNK, &flags);

	if (chunk < 0)
		return chunk;
	g->s->slots_in = (uint32_t)chunk; /* K3 */
	set_word(g, (uint32_t)chunk,
		 word_for(until, IPCI_CHUNK_SLOTS | IPCI_CHUNK_MEMORY));
	return chunk;
}

static void set_lane(struct ipci_grow *g, struct ipci_lane *lane,
		     uint64_t first, uint32_t chunk)
{
	lane->first = first;
	lane->chunk = chunk;
	lane->slots = g->chunks + (size_t)chunk * IPCI_CHUNK;
}

static uint64_t first_of(const struct ipci_grow *g, uint64_t index)
{
	return index - index % g->per_chunk;
}

/* the chunk with that word, or NONE; mostly they lie as they come, before or
   behind one another */
static uint32_t find_word(const struct ipci_grow *g, uint64_t want,
			  uint32_t near)
{
	uint32_t n = used(g), at = near && near <= n ? near - 1 : 0;

	for (uint32_t i = 0; i < n; i++, at++) {
		if (at == n)
			at = 0;
		if (word_of(g, at) == want)
			return at;
	}
	return NONE;
}

/*
 * If there are items in it, it is there, and mostly slots_in. In a queue that
 * was turned it may be there without, or not be there with items behind.
 */
int ipci_grow_put_lane(struct ipci_grow *g, uint64_t index)
{
	uint64_t first = first_of(g, index), until = first + g->per_chunk;
	uint64_t want = word_for(until, IPCI_CHUNK_SLOTS | IPCI_CHUNK_MEMORY);
	uint32_t at = once(&g->s->slots_in);
	bool straight = !g->put.turned && !g->front;
	int chunk;

	if (at >= used(g) || word_of(g, at) != want)
		at = straight && index == first ? NONE : find_word(g, want, at);
	if (at == NONE && straight && index != first)
		return -EBADMSG;
	chunk = at == NONE ? take_slots(g, until) : (int)at;
	if (chunk < 0)
		return chunk;
	set_lane(g, &g->put, first, (uint32_t)chunk);
	return 0;
}

/* chunks of its own, as many as it needs, and memory only for itself; but if
   there is a whole chunk with memory, that one */
static int64_t place_alone(struct ipci_grow *g, uint64_t index, size_t len)
{
	uint32_t n = (uint32_t)((len + IPCI_CHUNK - 1) / IPCI_CHUNK);
	unsigned int flags;
	int chunk = take(g, n, len, &flags);

	if (chunk < 0)
		return chunk;
	for (uint32_t i = 0; i < n; i++)
		set_word(g, (uint32_t)chunk + i,
			 word_for(index + 1, IPCI_CHUNK_RUN | flags));
	return (int64_t)chunk * IPCI_CHUNK;
}

/* K4 */
static int64_t place_behind(struct ipci_grow *g, uint64_t index, uint64_t at,
			    size_t len)
{
	set_word(g, (uint32_t)(at / IPCI_CHUNK),
		 word_for(index + 1, IPCI_CHUNK_MEMORY));
	set_bytes_at(g, round_up(at + len, LINE));
	return (int64_t)at;
}

/* the next item to get; the put gate is held, so the queue is not turned */
static uint64_t head(const struct ipci_grow *g)
{
	/* acquire: pairs with the commit of the get that has read what was
	   before */
	uint64_t got =
		atomic_load_explicit(&g->heads->index, memory_order_acquire);

	return g->tail -
	       (atomic_load_explicit(&g->tails->index, memory_order_relaxed) -
		got);
}

/* behind the last item of a chunk that is there, or will be with this put; its
   word may tell of those of a put that died */
static uint64_t real_until(const struct ipci_grow *g, uint32_t chunk,
			   uint64_t index)
{
	uint64_t until = word_of(g, chunk) >> SHIFT;

	return until < index ? until : index;
}

/* where it goes in the chunk that is open, or NOWHERE: that one is closed now.
   If all that was in it is gone, it begins anew. */
static uint64_t place_open(struct ipci_grow *g, uint64_t index, size_t len)
{
	uint64_t at = bytes_at(g), until;
	uint32_t chunk = chunk_at(g, at);

	if (chunk == NONE)
		return NOWHERE;
	if (len <= (uint64_t)(chunk + 1) * IPCI_CHUNK - at)
		return at;
	until = real_until(g, chunk, index);
	if (until <= head(g))
		return (uint64_t)chunk * IPCI_CHUNK;
	set_word(g, chunk, word_for(until, IPCI_CHUNK_MEMORY));
	return NOWHERE;
}

int64_t ipci_grow_place(struct ipci_grow *g, uint64_t index, size_t len)
{
	uint64_t at;
	unsigned int flags;
	int fresh;

	if (len > ALONE || g->front)
		return place_alone(g, index, len);
	at = place_open(g, index, len);
	if (at != NOWHERE)
		return place_behind(g, index, at, len);
	fresh = take(g, 1, IPCI_CHUNK, &flags);
	if (fresh == -ENOSPC || fresh == -ENOMEM) /* then only what it needs */
		return place_alone(g, index, len);
	if (fresh < 0)
		return fresh;
	return place_behind(g, index, (uint64_t)fresh * IPCI_CHUNK, len);
}

/* ---- put at the front ---- */

/*
 * What the getters had released before that place is in use again. A long item
 * has a chunk for itself: those that are shared hold items in their order.
 *
 * While it is not committed, what was taken for it seems to be left by a get:
 * its place lies before the head. And so it is, if it never is committed: the
 * next get settles it (L1).
 */
int ipci_grow_write_front(struct ipci_grow *g, uint64_t place, const void *item,
			  size_t len)
{
	int err;

	g->s->leaving = IPCI_LEAVING;
	step();
	if (released(g) > place + g->bias)
		atomic_store_explicit(&g->s->released, place + g->bias,
				      memory_order_release);
	step();
	g->front = true;
	err = ipci_grow_write(g, place, item, len);
	g->front = false;
	return err;
}

/* it is committed */
void ipci_grow_wrote_front(struct ipci_grow *g)
{
	step();
	g->s->leaving = 0;
	step();
}

/* ---- put: K5 ---- */

/*
 * Whether a chunk that was taken must be undone. With memory that its word does
 * not tell of: for an item that was not committed, or it is free.
 */
static bool is_stray(const struct ipci_grow *g, uint32_t chunk, uint64_t index)
{
	uint64_t word = word_of(g, chunk), until = word >> SHIFT;

	if (word & IPCI_CHUNK_SLOTS)
		return until - g->per_chunk >= index;
	return until > index ||
	       (until <= released(g) && !(word & IPCI_CHUNK_MEMORY));
}

/*
 * Where long items went before it. If its put wrote some there, that chunk
 * tells of more than there is, and no getter will find that it is left: so it
 * is open again. Else it may be left, and theirs.
 */
static uint64_t bytes_before(const struct ipci_grow *g, uint64_t index)
{
	uint64_t at = *(const volatile uint64_t *)&g->s->bytes_was;
	uint32_t chunk = chunk_at(g, at);

	return chunk != NONE && word_of(g, chunk) >> SHIFT > index ? at : 0;
}

static void undo(struct ipci_grow *g, uint32_t chunk, uint64_t index)
{
	if (chunk == open_chunk(g))
		set_bytes_at(g, bytes_before(g, index));
	discard(g, chunk, 1);
	set_word(g, chunk, 0);
}

void ipci_grow_settle(struct ipci_grow *g, uint64_t index)
{
	for (int i = IPCI_CHUNKS_TAKEN - 1; i >= 0; i--) {
		uint64_t taken = *(volatile uint64_t *)&g->s->taken[i];
		uint64_t first = taken >> 32, n = taken & UINT32_MAX;

		for (uint64_t c = first; c < first + n && c < used(g); c++)
			if (is_stray(g, (uint32_t)c, index))
				undo(g, (uint32_t)c, index);
		step();
		g->s->taken[i] = 0;
		step();
	}
}

/* ---- get: finding ---- */

int ipci_grow_get_lane(struct ipci_grow *g, uint64_t index)
{
	uint64_t first = first_of(g, index);
	uint32_t at = find_word(g,
				word_for(first + g->per_chunk,
					 IPCI_CHUNK_SLOTS | IPCI_CHUNK_MEMORY),
				g->get.chunk);

	if (at == NONE)
		return -EBADMSG;
	set_lane(g, &g->get, first, at);
	return 0;
}

const unsigned char *ipci_grow_bytes(struct ipci_grow *g,
				     const struct slot_shm *slot, size_t len)
{
	uint64_t at = *(const volatile uint64_t *)slot->item, chunk, word;
	uint64_t end;

	chunk = at / IPCI_CHUNK;
	if (chunk >= used(g) || len > (g->max - chunk) * IPCI_CHUNK)
		return NULL;
	end = at % IPCI_CHUNK + len;
	word = word_of(g, (uint32_t)chunk);
	if (word & IPCI_CHUNK_SLOTS ||
	    !(word & (IPCI_CHUNK_MEMORY | IPCI_CHUNK_RUN)) ||
	    (word & IPCI_CHUNK_RUN ? at % IPCI_CHUNK : end > IPCI_CHUNK))
		return NULL;
	g->found = (uint32_t)chunk + 1;
	g->found_at = at;
	g->found_run = word & IPCI_CHUNK_RUN
			       ? (uint32_t)((end + IPCI_CHUNK - 1) / IPCI_CHUNK)
			       : 0;
	return g->chunks + at;
}

/* ---- get: leaving ---- */

void ipci_grow_add_left(struct ipci_grow *g, uint32_t chunk, uint32_t n)
{
	if (g->lefts < IPCI_LEFT_MAX)
		g->left[g->lefts] = (struct ipci_left){chunk, n};
	if (g->lefts <= IPCI_LEFT_MAX)
		g->lefts++;
}

/* the chunk before is left behind when the first item of another one comes */
void ipci_grow_took_bytes(struct ipci_grow *g)
{
	if (g->found_run) {
		ipci_grow_add_left(g, g->found - 1, g->found_run);
	} else if (g->bytes_in != g->found) {
		if (g->bytes_in)
			ipci_grow_add_left(g, g->bytes_in - 1, 1);
		g->bytes_in = g->found;
	}
}

/*
 * Ours until released hands it over. Not the chunk that is open, or was just
 * now: it is put's. It was looked up first, for what is closed by then has its
 * last word, and is not opened again before released has come to it.
 */
static bool is_left(const struct ipci_grow *g, uint32_t chunk, uint64_t index,
		    uint32_t open)
{
	uint64_t until = word_of(g, chunk) >> SHIFT;

	return (released(g) < until || !IPCI_SETTLED) && until <= index &&
	       chunk != open;
}

/* a hint for the next put, in the place of one that put took meanwhile */
static bool keep(struct ipci_grow *g, uint32_t chunk, uint64_t index)
{
	int room = -1;

	for (int i = 0; i < IPCI_CHUNKS_KEPT; i++) {
		uint32_t old = atomic_load_explicit(&g->s->kept[i],
						    memory_order_relaxed);
		uint64_t word = old && old <= used(g) ? word_of(g, old - 1) : 0;

		if (old == chunk + 1)
			return true;
		if (!(word & IPCI_CHUNK_MEMORY) || word >> SHIFT > index ||
		    old - 1 == open_chunk(g))
			room = i;
	}
	if (room >= 0)
		atomic_store_explicit(&g->s->kept[room], chunk + 1,
				      memory_order_relaxed);
	return room >= 0;
}

/* L2 */
static void settle(struct ipci_grow *g, uint32_t chunk, uint64_t index,
		   uint32_t open)
{
	uint64_t word = chunk < used(g) ? word_of(g, chunk) : 0;

	if (chunk >= used(g) || !is_left(g, chunk, index, open) ||
	    ((word & IPCI_CHUNK_MEMORY) && keep(g, chunk, index)))
		return;
	set_word(g, chunk, word_for(word >> SHIFT, 0));
	discard(g, chunk, 1);
}

/* whether all items of the open chunk were got; it will be left when it is
   closed */
static bool is_drained(const struct ipci_grow *g, uint32_t open, uint64_t index)
{
	return open != NONE && word_of(g, open) >> SHIFT <= index;
}

/* L3, L4. Not further than to the last item of a chunk that is open: nobody
   would settle it when put has closed it. */
static void hand_over(struct ipci_grow *g, uint64_t index, uint32_t open)
{
	if (is_drained(g, open, index) && IPCI_SETTLED)
		index = (word_of(g, open) >> SHIFT) - 1;
	/* release: pairs with is_free */
	if (index > released(g))
		atomic_store_explicit(&g->s->released, index,
				      memory_order_release);
	step();
	g->s->leaving = 0; /* L4 */
	step();
}

static void settle_all(struct ipci_grow *g, uint64_t index, uint32_t open)
{
	for (uint32_t n = used(g), i = 0; i < n; i++)
		settle(g, i, index, open);
}

void ipci_grow_settle_left(struct ipci_grow *g, uint64_t index)
{
	uint32_t open = open_chunk(g);

	if (!IPCI_SETTLED)
		hand_over(g, index, open);
	if (g->lefts > IPCI_LEFT_MAX)
		settle_all(g, index, open);
	else
		for (unsigned int i = 0; i < g->lefts; i++)
			for (uint32_t n = 0; n < g->left[i].n; n++)
				settle(g, g->left[i].chunk + n, index, open);
	if (g->bytes_in)
		settle(g, g->bytes_in - 1, index, open);
	hand_over(g, index, open); /* L3 */
}

void ipci_grow_repair(struct ipci_grow *g, uint64_t index)
{
	uint32_t open = open_chunk(g);

	settle_all(g, index, open);
	g->s->bytes_in = is_drained(g, open, index) ? open + 1 : 0;
	hand_over(g, index, open);
}

/* ---- get at the back ---- */

/*
 * What goes with the item is noted as taken before the commit: once the tail is
 * in front of it, that was in vain (K5).
 */
int ipci_grow_read_back(struct ipci_grow *g, uint64_t place, void *buf,
			size_t size)
{
	int len = ipci_grow_copy(g, place, buf, size);

	if (len < 0)
		return len;
	if (g->found && g->found_run)
		note_taken(g, g->found - 1, g->found_run);
	if (!g->ring && place + g->bias == g->get.first)
		note_taken(g, g->get.chunk, 1);
	return len;
}

/* both gates are held: nobody else looks. A hint to what is not free yet is
   only wrong; what has memory without a hint is noted as taken. */
static void free_now(struct ipci_grow *g, uint32_t chunk, uint64_t index)
{
	if (chunk >= used(g))
		return;
	if ((word_of(g, chunk) & IPCI_CHUNK_MEMORY) && keep(g, chunk, index)) {
		set_word(g, chunk, word_for(0, IPCI_CHUNK_MEMORY));
		return;
	}
	note_taken(g, chunk, 1);
	set_word(g, chunk, 0);
	discard(g, chunk, 1);
	forget_taken(g);
}

/* the next long item goes where this one was, if anything is before it that was
   not got; what is behind it is empty */
static void rewind_bytes(struct ipci_grow *g, uint64_t index)
{
	uint32_t chunk = g->found - 1, open = open_chunk(g);
	bool empty = g->found_at % IPCI_CHUNK == 0 || index <= released(g);

	set_bytes_at(g, empty ? 0 : g->found_at);
	if (open != NONE && open != chunk)
		free_now(g, open, index);
	if (empty)
		free_now(g, chunk, index);
	else
		set_word(g, chunk, word_for(index, IPCI_CHUNK_MEMORY));
}

void ipci_grow_took_back(struct ipci_grow *g, uint64_t place)
{
	uint64_t index = place + g->bias;

	if (g->found && !g->found_run)
		rewind_bytes(g, index);
	for (uint32_t i = 0; g->found && i < g->found_run; i++)
		free_now(g, g->found - 1 + i, index);
	if (!g->ring && index == g->get.first)
		free_now(g, g->get.chunk, index);
	while (g->takes)
		forget_taken(g);
}
