/* SPDX-License-Identifier: MIT */
/*
 * items.c - the turn of a ring, for the double-ended use of a queue
 */
#include "items.h"

/* a negative control: the mark of a dead one stays (tests/kill) */
#ifdef IPCI_CONTROL_NO_UNMARK
#define IPCI_UNMARKED(mark) ((void)(mark), 0)
#else
#define IPCI_UNMARKED(mark) (mark)
#endif

static uint64_t index_of(const struct ipci_items *it, enum ipci_side side)
{
	/* acquire: so that a mark that is read later is not an older one */
	return atomic_load_explicit(side == IPCI_PUT ? &it->s->put.index
						     : &it->s->get.index,
				    memory_order_acquire);
}

static struct turn_shm *turn_now(const struct ipci_items *it, uint64_t state)
{
	return &it->s->rare.turn[(state / IPCI_STATE_TURN) & 1];
}

static uint64_t state_of(const struct ipci_items *it)
{
	return atomic_load_explicit(&it->s->rare.state, memory_order_relaxed);
}

static uint64_t mark_of(const struct turn_shm *t, enum ipci_side side)
{
	return atomic_load_explicit(&t->mark[side], memory_order_relaxed);
}

static bool is_past(uint64_t mark, uint64_t index)
{
	return mark != 0 && (int64_t)(index - mark) >= 0;
}

/*
 * 1 if the turn was committed by that side. The index first: a mark that is
 * still there after it was passed, was passed by its own commit, for whoever
 * finds it left by a dead one takes it away before the index moves (K4).
 */
static uint64_t passed(const struct ipci_items *it, struct turn_shm *t,
		       enum ipci_side side)
{
	uint64_t index = index_of(it, side);

	return is_past(mark_of(t, side), index);
}

uint64_t ipci_items_turned(const struct ipci_items *it, enum ipci_side side)
{
	struct turn_shm *t = turn_now(it, state_of(it));

	if (!passed(it, t, side) && IPCI_UNMARKED(mark_of(t, side)))
		atomic_store_explicit(&t->mark[side], 0,
				      memory_order_relaxed); /* K4 */
	return atomic_load_explicit(&t->back, memory_order_relaxed) -
	       passed(it, t, IPCI_PUT) - passed(it, t, IPCI_GET);
}

void ipci_items_turn(const struct ipci_items *it, enum ipci_side side)
{
	uint64_t state = state_of(it), back;
	struct turn_shm *next = turn_now(it, state + IPCI_STATE_TURN);

	back = ipci_items_turned(it, side);
	atomic_store_explicit(&next->back, back, memory_order_relaxed);
	atomic_store_explicit(&next->mark[!side], 0, memory_order_relaxed);
	atomic_store_explicit(&next->mark[side], index_of(it, side) + 1,
			      memory_order_relaxed); /* K2 */
	ipci_order();
	atomic_store_explicit(&it->s->rare.state, state + IPCI_STATE_TURN,
			      memory_order_seq_cst); /* K3 */
	ipci_order();
}

int ipci_items_write_front(struct ipci_items *it, const void *item, size_t len)
{
	uint64_t head = ipci_items_head(it);

	ipci_items_putting(it, ipci_items_tail(it));
	ipci_items_getting(it, head);
	if (it->grows)
		return ipci_grow_write_front(&it->grow, head - 1, item, len);
	ipci_slot_write(&it->ring, head - 1, item, len);
	return 0;
}

int ipci_items_read_back(struct ipci_items *it, void *buf, size_t size)
{
	uint64_t tail = ipci_items_tail(it);

	ipci_items_putting(it, tail);
	ipci_items_getting(it, ipci_items_head(it));
	if (it->grows)
		return ipci_grow_read_back(&it->grow, tail - 1, buf, size);
	return ipci_slot_read(&it->ring, tail - 1, buf, size);
}

void ipci_items_wrote_front(struct ipci_items *it)
{
	if (it->grows)
		ipci_grow_wrote_front(&it->grow);
}

void ipci_items_took_back(struct ipci_items *it)
{
	if (it->grows)
		ipci_grow_took_back(&it->grow, ipci_items_tail(it));
}
