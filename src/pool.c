/* SPDX-License-Identifier: MIT */
/*
 * pool.c - slots, the table over them, and how it is made anew
 *
 * See struct pool_shm in layout.h for the steps B1 .. B7.
 */
#include <errno.h>
#include <string.h>

#include "pool.h"

#ifndef IPCI_POOL_KEEP
#define IPCI_POOL_KEEP (768 << 10) /* bytes that an empty pool keeps */
#endif

enum {
	LARGE = 4096,	 /* bytes of an item: memory as it is needed */
	DENSE = 16384,	 /* ... of a slot: all of it at a time */
	STEP = 64 << 10, /* bytes that are reserved at a time */
	KEPT_LARGE = 16, /* slots kept of larger ones than all of that */
};

/* ---- sizes ---- */

static uint64_t table_bytes(uint64_t maxsize)
{
	return (maxsize * sizeof(uint32_t) + IPCI_CACHELINE - 1) /
	       IPCI_CACHELINE * IPCI_CACHELINE;
}

static uint64_t stride_for(size_t item_size)
{
	return (offsetof(struct pool_slot_shm, item) + (uint64_t)item_size +
		7) &
	       ~UINT64_C(7);
}

uint64_t ipci_pool_bytes(uint64_t maxsize, size_t item_size)
{
	uint64_t stride;

	if (maxsize == 0 || maxsize > UINT32_MAX || item_size > UINT32_MAX)
		return 0;
	stride = stride_for(item_size);
	if (maxsize > (INT64_MAX - table_bytes(maxsize)) / stride)
		return 0;
	return table_bytes(maxsize) + maxsize * stride;
}

static bool is_free(const void *arg)
{
	const struct ipci_pool *p = arg;

	return ipci_gate_owner(&p->gate) == 0;
}

void ipci_pool_init(struct ipci_pool *p, struct queue_shm *s,
		    unsigned char *base, uint64_t maxsize, size_t item_size,
		    bool lifo)
{
	*p = (struct ipci_pool){
		.gate = {.word = &s->pool.word, .ready = is_free, .arg = p},
		.s = &s->pool,
		.put = &s->put,
		.get = &s->get,
		.table = (uint32_t *)base,
		.slots = base + table_bytes(maxsize),
		.stride = (size_t)stride_for(item_size),
		.maxsize = maxsize,
		.item_size = item_size,
		.lifo = lifo,
	};
	ipci_gate_furnish(&p->gate, &s->pool_room);
}

bool ipci_pool_grows(uint64_t maxsize, size_t item_size)
{
	return maxsize == 0 || item_size > LARGE;
}

uint64_t ipci_pool_fit(uint64_t bytes, size_t item_size)
{
	uint64_t n = bytes / (stride_for(item_size) + sizeof(uint32_t));

	return n < UINT32_MAX ? n : UINT32_MAX;
}

void ipci_pool_grow(struct ipci_pool *p, const struct ipci_region *r)
{
	p->region = r;
	if (p->stride <= DENSE)
		p->step = STEP / p->stride;
	p->keep = IPCI_POOL_KEEP / p->stride;
	p->trim = p->item_size;
	if (!p->keep) { /* so that short items do not pay for the limit */
		p->keep = KEPT_LARGE;
		p->trim = IPCI_POOL_KEEP / KEPT_LARGE;
	}
	if (p->keep > p->maxsize)
		p->keep = p->maxsize;
}

/* ---- slots ---- */

static uint64_t put_index(const struct ipci_pool *p)
{
	return atomic_load_explicit(&p->put->index, memory_order_relaxed);
}

static uint64_t get_index(const struct ipci_pool *p)
{
	return atomic_load_explicit(&p->get->index, memory_order_relaxed);
}

/* number is less than maxsize */
static struct pool_slot_shm *slot(const struct ipci_pool *p, uint64_t number)
{
	return (struct pool_slot_shm *)(p->slots + number * p->stride);
}

/* "waits", in layout.h */
static bool waits(const struct ipci_pool *p, const struct pool_slot_shm *s)
{
	return s->born != 0 && s->born <= put_index(p) &&
	       (s->gone == 0 || s->gone > get_index(p));
}

/* comes before the other, of all that wait: the smaller priority, the older */
static bool before(const struct pool_slot_shm *a, const struct pool_slot_shm *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return a->born < b->born;
}

/* ---- the table ---- */

/* a number that cannot be is damage: any other will do, until it is noticed
   that its slot does not say what it should */
static uint64_t number_at(const struct ipci_pool *p, uint64_t place)
{
	uint32_t number = *(volatile uint32_t *)&p->table[place];

	number ^= (uint32_t)place;
	return number < p->maxsize ? number : 0;
}

static struct pool_slot_shm *slot_at(const struct ipci_pool *p, uint64_t place)
{
	return slot(p, number_at(p, place));
}

static void set_number(const struct ipci_pool *p, uint64_t place,
		       uint64_t number)
{
	p->table[place] = (uint32_t)(number ^ place);
}

static void exchange(const struct ipci_pool *p, uint64_t a, uint64_t b)
{
	uint64_t number = number_at(p, a);

	set_number(p, a, number_at(p, b));
	set_number(p, b, number);
}

/* whether the slot at place a must be nearer to the top than that at b */
static bool above(const struct ipci_pool *p, uint64_t a, uint64_t b,
		  bool last_first)
{
	return last_first ? before(slot_at(p, b), slot_at(p, a))
			  : before(slot_at(p, a), slot_at(p, b));
}

static void sift_up(const struct ipci_pool *p, uint64_t i)
{
	while (i && above(p, i, (i - 1) / 2, false)) {
		exchange(p, i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

/* the heap is the first n places */
static void sift_down(const struct ipci_pool *p, uint64_t i, uint64_t n,
		      bool last_first)
{
	uint64_t child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && above(p, child + 1, child, last_first))
			child++;
		if (!above(p, child, i, last_first))
			return;
		exchange(p, i, child);
		i = child;
	}
}

/* the first n places in the order of before(): a heap, and a stack */
static void sort(const struct ipci_pool *p, uint64_t n)
{
	for (uint64_t i = n / 2; i-- > 0;)
		sift_down(p, i, n, true);
	while (n > 1) {
		exchange(p, 0, --n);
		sift_down(p, 0, n, true);
	}
}

/*
 * What a call that did not commit wrote into a slot must not come true when
 * later ones have moved the indexes on. Whether it waits.
 */
static bool settle(const struct ipci_pool *p, struct pool_slot_shm *s)
{
	if (!waits(p, s)) {
		s->born = 0;
		return false;
	}
	s->gone = 0;
	return true;
}

/* B1: all from the slots */
static int rebuild(const struct ipci_pool *p)
{
	uint64_t used = *(volatile uint32_t *)&p->s->used;
	uint64_t n = 0, end = used;

	if (used > p->maxsize)
		return -EBADMSG;
	for (uint64_t i = 0; i < used; i++)
		set_number(p, settle(p, slot(p, i)) ? n++ : --end, i);
	if (n != put_index(p) - get_index(p))
		return -EBADMSG;
	sort(p, n);
	return 0;
}

/* ---- memory that comes with the items ---- */

static int reserve(const struct ipci_pool *p, const void *from, uint64_t size)
{
	return ipci_region_reserve(
		p->region,
		(size_t)((const unsigned char *)from - p->region->body),
		(size_t)size);
}

/* what stands in a slot that does not wait means nothing: nobody has to clear
   it */
static void discard(const struct ipci_pool *p, const void *from, uint64_t size)
{
	if (!ipci_os_gives_back)
		return;
	ipci_region_discard(
		p->region,
		(size_t)((const unsigned char *)from - p->region->body),
		(size_t)size);
}

/* B8: the slots from number on that have no memory yet, up to end; the last
   of them only size bytes of it */
static int reserve_slots(const struct ipci_pool *p, uint64_t number,
			 uint64_t end, uint64_t size)
{
	int err;

	if (p->s->peak < end)
		p->s->peak = (uint32_t)end;
	ipci_order();
	err = reserve(p, &p->table[number], (end - number) * sizeof(*p->table));
	if (!err)
		err = reserve(p, slot(p, number),
			      (end - number - 1) * p->stride + size);
	return err;
}

static int make_ready(const struct ipci_pool *p, uint64_t number, size_t len)
{
	uint64_t end = number + p->step;
	int err;

	if (p->step) {
		if (end > p->maxsize)
			end = p->maxsize;
		err = reserve_slots(p, number, end, p->stride);
	} else {
		end = number + 1;
		err = reserve_slots(p, number, end,
				    sizeof(struct pool_slot_shm) + len);
		if (!err)
			slot(p, number)->room = (uint32_t)len;
	}
	if (err)
		return err;
	ipci_order();
	p->s->ready = (uint32_t)end;
	return 0;
}

/* a slot that has memory, though perhaps not for so long an item */
static int make_longer(const struct ipci_pool *p, struct pool_slot_shm *s,
		       size_t len)
{
	int err = 0;

	if (!p->step && s->room < len) {
		err = reserve(p, s, sizeof(*s) + len);
		if (!err)
			s->room = (uint32_t)len;
	}
	return err;
}

/* B8: for the n-th that waits */
static int make_room(const struct ipci_pool *p, uint64_t n, size_t len)
{
	if (!p->region)
		return 0;
	if (n >= p->s->ready)
		return make_ready(p, n, len);
	return make_longer(p, slot_at(p, n), len);
}

/* of slots that are kept, what is beyond trim bytes */
static void trim(const struct ipci_pool *p, uint64_t used)
{
	for (uint64_t i = 0; i < used && i < p->keep; i++) {
		struct pool_slot_shm *s = slot(p, i);
		uint32_t room = *(volatile uint32_t *)&s->room;

		if (room <= p->trim || room > p->item_size)
			continue;
		s->room = (uint32_t)p->trim;
		ipci_order();
		discard(p, s->item + p->trim, room - p->trim);
	}
}

/* B9: an empty pool's slots are all free, whatever stands in them */
static void give_back(const struct ipci_pool *p)
{
	uint64_t peak = p->s->peak, used = p->s->used;

	if (peak > p->maxsize || used > peak)
		return;
	if (p->trim < p->item_size)
		trim(p, used);
	if (peak <= p->keep)
		return;
	memset(p->table, 0, (size_t)used * sizeof(*p->table));
	ipci_order();
	p->s->used = 0;
	ipci_order();
	if (p->s->ready > p->keep)
		p->s->ready = (uint32_t)p->keep;
	ipci_order();
	discard(p, &p->table[p->keep], (peak - p->keep) * sizeof(*p->table));
	discard(p, slot(p, p->keep), (peak - p->keep) * p->stride);
	ipci_order();
	p->s->peak = (uint32_t)p->keep;
}

/* ---- come and go ---- */

static void set_dirty(const struct ipci_pool *p, uint32_t dirty)
{
	ipci_order();
	atomic_store_explicit(&p->s->dirty, dirty, memory_order_relaxed);
	ipci_order();
}

int ipci_pool_enter(struct ipci_self *self, const struct ipci_pool *p,
		    int64_t deadline)
{
	int r = ipci_gate_enter(self, &p->gate, deadline);

	if (r < 0)
		return r;
	ipci_gate_push_within(self, &p->gate);
	if (IPCI_DIRTY(
		    atomic_load_explicit(&p->s->dirty, memory_order_relaxed)))
		r = rebuild(p);
	if (r < 0)
		ipci_gate_leave_within(self, &p->gate);
	else
		set_dirty(p, 1); /* B2 */
	return r;
}

void ipci_pool_leave(struct ipci_self *self, const struct ipci_pool *p,
		     bool all)
{
	if (all && p->region && put_index(p) == get_index(p))
		give_back(p);
	if (all)
		set_dirty(p, 0); /* B5 */
	ipci_gate_leave_within(self, &p->gate);
}

/* ---- put and get ---- */

/* B3: until the last store it is free, whatever was in it before */
static void fill(struct pool_slot_shm *s, uint64_t index, const void *item,
		 size_t len, int64_t priority)
{
	s->born = 0;
	ipci_order();
	s->gone = 0;
	s->priority = priority;
	s->len = (uint32_t)len;
	if (len)
		memcpy(s->item, item, len);
	ipci_order();
	s->born = index + 1;
	ipci_order();
}

/* without maxsize there is an end, too: that of the addresses */
static int no_place(const struct ipci_pool *p)
{
	if (!p->region)
		return -EBADMSG;
	return p->region->fd < 0 ? -ENOMEM : -ENOSPC;
}

int ipci_pool_write(const struct ipci_pool *p, uint64_t index, const void *item,
		    size_t len, int64_t priority)
{
	uint64_t n = index - get_index(p);
	struct pool_slot_shm *s;
	int err;

	if (n >= p->maxsize)
		return no_place(p);
	err = make_room(p, n, len);
	if (err)
		return err;
	s = slot_at(p, n);
	if (waits(p, s))
		return -EBADMSG;
	if (p->s->used <= n)
		p->s->used = (uint32_t)n + 1;
	fill(s, index, item, len, priority);
	if (!p->lifo)
		sift_up(p, n); /* B4 */
	return 0;
}

/* out of the first n places and into the free one behind them */
static void remove_top(const struct ipci_pool *p, uint64_t n)
{
	if (p->lifo)
		return;
	exchange(p, 0, n - 1);
	sift_down(p, 0, n - 1, false);
}

int ipci_pool_take(const struct ipci_pool *p, uint64_t index, void *buf,
		   size_t size)
{
	uint64_t n = put_index(p) - index;
	struct pool_slot_shm *s;
	uint32_t len;

	if (n - 1 >= p->maxsize)
		return -EBADMSG;
	s = slot_at(p, p->lifo ? n - 1 : 0);
	len = *(volatile uint32_t *)&s->len; /* once, then checked */
	if (!waits(p, s) || len > p->item_size)
		return -EBADMSG;
	if (len > size)
		return -EMSGSIZE;
	if (len)
		memcpy(buf, s->item, len);
	s->gone = index + 1;
	ipci_order();
	remove_top(p, n);
	return (int)len;
}
