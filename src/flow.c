/* SPDX-License-Identifier: MIT */
/*
 * flow.c - wait for the other end of a pipe, and for its end
 */
#include "flow.h"

#define ASLEEP_LOOK_NS INT64_C(50000000)

/* ---- who is still there ---- */

static bool peer_gone(struct ipci_watch *w)
{
	if (!w->cut) {
		w->seen = ipci_watch_closings(w);
		w->cut = ipci_os_lifeline_cut(w->lifeline);
	}
	return w->cut;
}

static uint64_t holder(const _Atomic uint64_t *of)
{
	return atomic_load_explicit(of, memory_order_seq_cst);
}

void ipci_watch_hold(struct ipci_self *self, const struct ipci_watch *w)
{
	if (!ipci_life_lasts(holder(w->own)))
		atomic_store_explicit(w->own, ipci_life_of(self), /* W1 */
				      memory_order_seq_cst);
}

void ipci_watch_let_go(const struct ipci_watch *w)
{
	if (ipci_life_ours(holder(w->own)))
		atomic_store_explicit(w->own, 0, memory_order_seq_cst);
}

/* the same, but without a system call unless there is reason to ask */
bool ipci_flow_broken(struct ipci_self *self, struct ipci_flow *f)
{
	struct ipci_watch *w = &f->watch;

	if (ipci_flow_is_sound(f))
		return false;
	ipci_watch_hold(self, w);
	w->looked_ns = ipci_coarse_ns();
	return peer_gone(w);
}

/* ---- wait and commit ---- */

/* the gate's condition: enough, or damage, or somebody closed the other end, or
   the one of its holders whom we watch has ended */
static bool worth_a_look(const void *arg)
{
	const struct ipci_flow *f = arg;
	uint64_t own = atomic_load_explicit(&f->s->index, memory_order_seq_cst);

	return f->limit - (own - atomic_load_explicit(&f->opposite->index,
						      memory_order_seq_cst)) >=
		       f->need ||
	       ipci_watch_closings(&f->watch) != f->watch.seen ||
	       (f->watch.watched && !ipci_life_lasts(f->watch.watched));
}

/* -1: the sleep must be short */
static int watch(const void *arg, struct ipci_still *more, int room)
{
	const struct ipci_flow *f = arg;

	(void)room;
	if (!IPCI_WATCHED(1))
		return 0;
	return ipci_life_watch(f->watch.watched, more) ? 1 : -1;
}

/* until there is something to look at; it looks by itself, unless there is
   somebody who will be missed */
static void sleep_on(struct ipci_self *self, struct ipci_flow *f,
		     int64_t deadline)
{
	struct ipci_watch *w = &f->watch;
	uint64_t life = holder(w->holder);

	ipci_watch_hold(self, w);
	w->watched = ipci_life_lasts(life) ? life : 0;
	if (!w->watched)
		deadline = ipci_sooner(deadline, ASLEEP_LOOK_NS);
	ipci_gate_await(self, &f->gate, deadline);
	w->watched = 0;
}

/*
 * Waits until need bytes can be moved: 1. -EPIPE: they never will, the other
 * end is gone; it is looked for before the last look at the ring, so that
 * nothing that was sent is missed.
 */
int ipci_flow_await(struct ipci_self *self, struct ipci_flow *f, uint64_t need,
		    int64_t deadline)
{
	int r;

	f->need = need;
	for (;;) {
		ipci_gate_spin(self, &f->gate, deadline);
		r = ipci_flow_look(f, need);
		if (r) {
			ipci_gate_learn(self, ipci_flow_bytes(f) > 256);
			return r;
		}
		if (peer_gone(&f->watch)) {
			r = ipci_flow_look(f, need);
			return r ? r : -EPIPE;
		}
		if (ipci_expired(deadline))
			return -ETIMEDOUT;
		sleep_on(self, f, deadline);
	}
}

void ipci_flow_init(struct ipci_flow *f, struct side_shm *s,
		    struct side_shm *opposite, struct ipci_bytes ring,
		    uint64_t limit)
{
	f->gate = (struct ipci_gate){.word = &s->word,
				     .hint = &s->hint,
				     .index = &opposite->index,
				     .ready = worth_a_look,
				     .watch = watch,
				     .arg = f};
	ipci_gate_furnish(&f->gate, &s->room);
	f->peer = (struct ipci_gate){.word = &opposite->word,
				     .hint = &opposite->hint};
	ipci_gate_furnish(&f->peer, &opposite->room);
	f->s = s;
	f->opposite = opposite;
	f->ring = ring;
	if (!ring.base)
		f->ring.size = 0; /* nothing goes at once */
	f->limit = limit;
	f->usable = ring.base != NULL;
}
