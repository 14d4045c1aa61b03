/* SPDX-License-Identifier: MIT */
/*
 * gate.c - the slow paths of the gate: spin, sleep, fire
 *
 * See layout.h for the word, and for why each step may be the last.
 */
#include "gate.h"

#ifndef IPCI_SPIN_MAX
#define IPCI_SPIN_MAX 1200 /* pauses: about what a sleep and wake-up costs */
#endif

enum {
	PAUSE_MAX =
		16, /* look rarely: looking takes the line from its writer */
};

/* the time for others to leave when it is ready and our time is up */
#define GRACE_NS INT64_C(20000000)

static uint64_t word_of(const struct ipci_gate *g)
{
	return atomic_load_explicit(g->word, memory_order_seq_cst);
}

static bool ready(const struct ipci_gate *g)
{
	return g->ready(g->arg);
}

/* exact: nothing at all has happened to the word since it was `is` */
static bool swap(const struct ipci_gate *g, uint64_t is, uint64_t want)
{
	return atomic_compare_exchange_strong_explicit(
		g->word, &is, want, memory_order_seq_cst, memory_order_relaxed);
}

static void set_hint(const struct ipci_gate *g, uint32_t value)
{
	atomic_store_explicit(g->hint, value, memory_order_seq_cst);
}

/*
 * F1: no sleeper, so later commits need not call us. One who goes to sleep
 * meanwhile sets W and then hint; if our 0 came after that, take it back and
 * let the caller look again, because a commit may have seen the 0.
 */
static bool nobody_sleeps(const struct ipci_gate *g)
{
	set_hint(g, 0);
	if (!(word_of(g) & IPCI_GATE_SLEEPERS))
		return true;
	set_hint(g, 1);
	return false;
}

void ipci_gate_fire(const struct ipci_gate *g)
{
	for (;;) {
		uint64_t is = word_of(g), fired;

		if (!(is & IPCI_GATE_SLEEPERS)) {
			if (nobody_sleeps(g))
				return;
			continue;
		}
		if (is & IPCI_GATE_OWNER)
			return; /* its release looks (R6) */
		/*
		 * Fired already: somebody was woken and has not come yet. It
		 * may be stopped, so wake another one all the same.
		 */
		fired = is;
		if (!(is & IPCI_GATE_FIRED)) {
			fired = (is | IPCI_GATE_FIRED) + IPCI_GATE_EPOCH;
			if (!swap(g, is, fired)) /* F2 */
				continue;
		}
		if (!ipci_os_wake(g->word)) /* F3 */
			swap(g, fired,	    /* F4 */
			     fired & ~(IPCI_GATE_SLEEPERS | IPCI_GATE_FIRED));
		return;
	}
}

void ipci_gate_release_slow(const struct ipci_gate *g)
{
	set_hint(g, 1); /* R4: a firer that died may have left 0 */
	/* R5: release for the next owner, seq_cst against ready() below */
	atomic_fetch_and_explicit(g->word, ~IPCI_GATE_OWNER,
				  memory_order_seq_cst);
	if (ready(g)) /* R6, whatever the hint says */
		ipci_gate_fire(g);
}

/*
 * S2 .. S6, announced. Returns when it may be worth another look. With an
 * owner inside only the word is compared: its release will look (R6).
 */
static void nap(const struct ipci_gate *g, int64_t deadline)
{
	uint64_t is = word_of(g), mine;
	bool owned = is & IPCI_GATE_OWNER;
	uint32_t seen = 0;

	if (!owned && ready(g))
		return;
	mine = ((is | IPCI_GATE_SLEEPERS) & ~IPCI_GATE_FIRED) + IPCI_GATE_EPOCH;
	if (!swap(g, is, mine)) /* S2 */
		return;
	set_hint(g, 1); /* S3 */
	if (g->index)
		seen = (uint32_t)atomic_load_explicit(g->index, /* S4 */
						      memory_order_seq_cst);
	if (!owned && ready(g)) /* S5 */
		return;
	ipci_os_sleep(g->word, (uint32_t)mine, /* S6 */
		      owned ? NULL : IPCI_COMPARED(g->index), seen, deadline);
}

static unsigned int spin_budget(int64_t deadline)
{
	return deadline != 0 && ipci_os_many_cpus() ? IPCI_SPIN_MAX : 0;
}

/* one round of looking: longer and longer pauses, at least one look */
static bool spin(struct ipci_self *self, const struct ipci_gate *g,
		 unsigned int budget,
		 bool (*look)(struct ipci_self *, const struct ipci_gate *))
{
	unsigned int used = 0, pause = 1;

	while (!look(self, g)) {
		if (used >= budget)
			return false;
		for (unsigned int i = 0; i < pause; i++)
			ipci_relax();
		used += pause;
		if (pause < PAUSE_MAX)
			pause *= 2;
	}
	return true;
}

static bool look_ready(struct ipci_self *self, const struct ipci_gate *g)
{
	(void)self;
	return ready(g);
}

static bool look_in(struct ipci_self *self, const struct ipci_gate *g)
{
	if (!ready(g) || ipci_gate_owner(g) || !ipci_gate_take(self, g))
		return false;
	/* no index: "free" was all there was to wait for */
	if (!g->index || ready(g))
		return true;
	ipci_gate_release(self, g); /* somebody was faster */
	return false;
}

int ipci_gate_enter(struct ipci_self *self, const struct ipci_gate *g,
		    int timeout_ms)
{
	int64_t deadline = ipci_deadline(timeout_ms);
	unsigned int budget = spin_budget(deadline);
	bool grace = false;

	while (!spin(self, g, budget, look_in)) {
		if (ipci_expired(deadline)) {
			if (grace || !ready(g)) {
				ipci_gate_settle(self);
				return ipci_gave_up(timeout_ms);
			}
			deadline = ipci_now_ns() + GRACE_NS;
			grace = true;
		}
		ipci_gate_announce(self, g); /* S1 */
		nap(g, deadline);
	}
	return 0;
}

bool ipci_gate_spin(struct ipci_self *self, const struct ipci_gate *g,
		    int64_t deadline)
{
	return spin(self, g, spin_budget(deadline), look_ready);
}

int ipci_gate_await(struct ipci_self *self, const struct ipci_gate *g,
		    int64_t deadline)
{
	bool slept = false, is;

	for (;;) {
		is = ipci_gate_spin(self, g, deadline);
		if (is || ipci_expired(deadline))
			break;
		ipci_gate_announce(self, g); /* S1 */
		nap(g, deadline);
		slept = true;
	}
	if (slept) {
		if (is)
			ipci_gate_fire(g);
		ipci_gate_settle(self);
	}
	return is ? 0 : -ETIMEDOUT;
}
