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
	PAUSE_MAX = 16,	  /* looking takes the line from its writer */
	LOOK_AROUND = 8,  /* so many peeks, then look */
	SPIN_RETRY = 512, /* every so many waits, spin in full */
	YIELD_MAX = 4,	  /* ways to give, before a sleep */
	YIELD_RETRY = 16, /* every so many sleeps, give way again */
	/* commits without a sleeper that together take as long as a barrier */
	UNSLEPT_MAX = 512,
};

/* how often a call without a timeout asks whether anybody is inside at all */
#define SURELY_NS INT64_C(100000000)

/* a sleep that not every commit may end */
#define SHORT_NS INT64_C(50000000)

#ifndef IPCI_PAUSE_MS
#define IPCI_PAUSE_MS 1 /* before another look where nobody will wake us */
#endif
#define MS INT64_C(1000000)

/* ---- where it has a room: struct room_shm ---- */

/* whoever sleeps stamps the room much more often than that */
#define OLD_NS INT64_C(200000000)

/* free, but locked all the same: somebody is on his way in or out */
#define BRIEF_NS INT64_C(1000000)

static bool ready(const struct ipci_gate *g)
{
	return g->ready(g->arg);
}

/* b9, b10 */
static void bounded_fire(const struct ipci_gate *g)
{
	uint64_t at =
		atomic_load_explicit(&g->room->asleep, memory_order_seq_cst);

	if (at == 0)
		return;
	if (ipci_coarse_ns() - (int64_t)at < OLD_NS)
		ipci_room_post(g->room);
	else
		atomic_compare_exchange_strong_explicit(&g->room->asleep, &at,
							0, memory_order_seq_cst,
							memory_order_relaxed);
}

/*
 * b6 .. b8. With somebody inside, his release will look. Has he died there, we
 * find out when the nap is over; he is the one that the word still names.
 */
static void bounded_nap(const struct ipci_gate *g, int64_t deadline)
{
	atomic_store_explicit(&g->room->asleep, (uint64_t)ipci_coarse_ns() | 1,
			      memory_order_seq_cst);
	if (!ipci_gate_owner(g) && ready(g))
		deadline = ipci_sooner(deadline, BRIEF_NS);
	ipci_room_sleep(g->room, deadline);
}

/* ---- where it has none ---- */

static uint64_t word_of(const struct ipci_gate *g)
{
	return atomic_load_explicit(g->word, memory_order_seq_cst);
}

static bool swap(_Atomic uint64_t *word, uint64_t is, uint64_t want)
{
	return atomic_compare_exchange_strong_explicit(
		word, &is, want, memory_order_seq_cst, memory_order_relaxed);
}

static uint64_t hint_of(const struct ipci_gate *g)
{
	return atomic_load_explicit(g->hint, memory_order_seq_cst);
}

/* the same without these bits, for the first time */
static uint64_t without(uint64_t hint, uint64_t bits)
{
	return (hint & ~bits) + IPCI_HINT_GENERATION;
}

/* F5. Counted by each thread for itself: it is a guess about what comes. */
static void relax(const struct ipci_gate *g, uint64_t hint)
{
	if ((hint & IPCI_HINT_BITS) == IPCI_HINT_FENCED &&
	    ++ipci_thread.unslept % UNSLEPT_MAX == 0)
		swap(g->hint, hint, without(hint, IPCI_HINT_FENCED));
}

/* F1, R4: after what was stored, against those who go to sleep */
static bool left(const struct ipci_gate *g, uint64_t *hint)
{
	IPCI_FENCE();
	*hint = hint_of(g);
	if (*hint & IPCI_HINT_LEFT)
		return true;
	if (!g->room)
		relax(g, *hint);
	return false;
}

void ipci_gate_fire(const struct ipci_gate *g)
{
	uint64_t hint;

	if (g->room) {
		bounded_fire(g);
		return;
	}
	do {
		/* F1; held: his release looks (R5) */
		if (!left(g, &hint) || ipci_gate_owner(g))
			return;
		/*
		 * Fired already: somebody was woken and has not come yet. It
		 * may be stopped, so wake another one all the same.
		 */
	} while (!(hint & IPCI_HINT_FIRED) &&
		 !swap(g->hint, hint, hint | IPCI_HINT_FIRED)); /* F2 */
	if (ipci_os_wake(g->word, g->all ? INT_MAX : 1) == 0)	/* F3 */
		swap(g->hint, hint | IPCI_HINT_FIRED,		/* F4 */
		     without(hint, IPCI_HINT_LEFT | IPCI_HINT_FIRED));
}

/* with a room: they look again by themselves */
void ipci_gate_rouse(const struct ipci_gate *g)
{
	uint64_t hint;

	if (!g->room && left(g, &hint) && IPCI_ROUSED(true))
		ipci_os_wake(g->word, INT_MAX);
}

/* ---- long-held words ---- */

bool ipci_gate_claim(struct ipci_self *self, const struct ipci_gate *g)
{
	uint64_t is;

	if (g->room)
		return ipci_room_claim(g->room, g->word, self->key);
	ipci_gate_announce(self, g);
	do {
		is = word_of(g);
		if (is & (IPCI_GATE_OWNER | IPCI_GATE_FIRED)) {
			ipci_gate_settle(self);
			return false;
		}
	} while (!swap(g->word, is, (is + IPCI_GATE_EPOCH) | self->tid));
	return true;
}

bool ipci_word_watch(_Atomic uint64_t *word, struct ipci_still *still)
{
	uint64_t is = atomic_load_explicit(word, memory_order_seq_cst);

	do {
		if (!(is & IPCI_GATE_OWNER))
			return false;
	} while (!(is & IPCI_GATE_SLEEPERS) &&
		 !atomic_compare_exchange_weak_explicit(
			 word, &is, is | IPCI_GATE_SLEEPERS,
			 memory_order_seq_cst, memory_order_seq_cst));
	*still = (struct ipci_still){word, is | IPCI_GATE_SLEEPERS};
	return true;
}

void ipci_gate_abandon(const struct ipci_self *self, const struct ipci_gate *g)
{
	uint64_t is, dead;

	if (g->room) {
		ipci_room_abandon(g->room, g->word, self->key);
		return;
	}
	do {
		is = word_of(g);
		dead = ((is & ~IPCI_GATE_OWNER) | IPCI_GATE_FIRED) +
		       IPCI_GATE_EPOCH;
	} while (!swap(g->word, is, dead));
	if (is & IPCI_GATE_SLEEPERS)
		ipci_os_wake(g->word, 1);
}

void ipci_gate_bury(const struct ipci_gate *g)
{
	uint64_t is = word_of(g);

	if (g->room) {
		ipci_room_bury(g->room, g->word);
		return;
	}
	while (ipci_gate_dead(g) &&
	       !swap(g->word, is, (is & ~IPCI_GATE_FIRED) + IPCI_GATE_EPOCH))
		is = word_of(g);
}

/* ---- release ---- */

void ipci_gate_look(const struct ipci_gate *g)
{
	uint64_t hint;

	if (left(g, &hint) && ready(g)) /* R4, R5 */
		ipci_gate_fire(g);
}

/* ---- sleep ---- */

/*
 * S2: the hint as it will be while we sleep. Where it says already what it
 * should, it stays as it is: so those who go to sleep at the same time do not
 * disturb each other.
 */
static bool leave(const struct ipci_gate *g, uint64_t *mine)
{
	uint64_t is = hint_of(g), want = is | IPCI_HINT_LEFT;

	if (is & IPCI_HINT_FIRED)
		want = without(want, IPCI_HINT_FIRED);
	*mine = want;
	return want == is || swap(g->hint, is, want);
}

/*
 * S3, if nobody has done it since some bit went in. Where it is refused, what
 * others store may come late: so the sleep is short.
 */
static bool fence_off(const struct ipci_gate *g, uint64_t *mine,
		      int64_t *deadline)
{
	uint64_t is = *mine;

	if (is & IPCI_HINT_FENCED)
		return true;
	if (!IPCI_BARRIER()) {
		*deadline = ipci_sooner(*deadline, SHORT_NS);
		return true;
	}
	*mine |= IPCI_HINT_FENCED;
	return swap(g->hint, is, *mine) || hint_of(g) == *mine;
}

/*
 * S4: the word; is it held, noted down if nobody has yet. What was noted before
 * is read first (acquire, pairs with the release here), so that the word is not
 * older, and whoever notes a later one meanwhile makes ours fail.
 */
static uint64_t word_noted(const struct ipci_gate *g)
{
	uint64_t is, word;

	if (!g->since)
		return word_of(g);
	is = atomic_load_explicit(g->since, memory_order_acquire);
	word = word_of(g);
	if (word & IPCI_GATE_OWNER && word >> 32 != is >> 32)
		atomic_compare_exchange_strong_explicit(
			g->since, &is,
			(word >> 32 << 32) | (uint32_t)(ipci_now_ns() / MS + 1),
			memory_order_release, memory_order_relaxed);
	return word;
}

/*
 * S4: what must stay as it is, behind the word and the hint: unless there is an
 * owner, whose release will look (R5), the index. -1: more than can be watched.
 */
static int list_still(const struct ipci_gate *g, uint64_t word, uint64_t hint,
		      struct ipci_still *same)
{
	int more, n = 0;

	same[n++] = (struct ipci_still){g->word, word};
	same[n++] = (struct ipci_still){g->hint, hint};
	if (g->index && !(word & IPCI_GATE_OWNER))
		same[n++] = (struct ipci_still){
			g->index,
			atomic_load_explicit(g->index, memory_order_seq_cst)};
	if (!g->watch)
		return n;
	more = g->watch(g->arg, same + n, IPCI_STILL_MAX - n);
	return more < 0 ? -1 : n + more;
}

/* S2 .. S6, announced. Returns when it may be worth another look. */
static void nap(const struct ipci_gate *g, int64_t deadline)
{
	struct ipci_still same[IPCI_STILL_MAX];
	uint64_t hint, word;
	int n;

	if (g->room) {
		bounded_nap(g, deadline);
		return;
	}
	if (!leave(g, &hint) || !fence_off(g, &hint, &deadline))
		return;
	word = word_noted(g);
	n = list_still(g, word, hint, same);
	if (!(word & IPCI_GATE_OWNER) && ready(g)) /* S5 */
		return;
	if (n < 0) {
		deadline = ipci_sooner(deadline, SHORT_NS);
		n = 2;
	}
	ipci_os_sleep(same, IPCI_COMPARED(n), deadline); /* S6 */
}

/*
 * How long to spin, by this thread's experience: less when it was in vain (the
 * one we wait for shares our CPU, or takes its time), more when it was not.
 * Now and then all the same the full time, to notice that things have changed.
 */
static unsigned int spin_budget(struct ipci_self *self, int64_t deadline)
{
	if (deadline == 0 || !ipci_os_many_cpus())
		return 0;
	if (self->waits++ % SPIN_RETRY == 0 || self->spin > IPCI_SPIN_MAX)
		return IPCI_SPIN_MAX;
	return self->spin;
}

static void learn(struct ipci_self *self, bool in_vain)
{
	if (in_vain && self->spin > IPCI_SPIN_MAX / 32)
		self->spin /= 2;
	else if (!in_vain && self->spin < IPCI_SPIN_MAX)
		self->spin += IPCI_SPIN_MAX / 8 + 1;
}

/* mostly from where it does not disturb those whom we wait for */
static bool worth_a_look(const struct ipci_gate *g, unsigned int looks)
{
	return !g->peek || looks % LOOK_AROUND == 0 || g->peek(g->arg);
}

/*
 * Whoever we wait for may have no CPU, where there are more of us than of them:
 * then it costs less to let him have ours than to sleep and be woken. By this
 * thread's experience, too.
 */
static bool give_way(struct ipci_self *self, const struct ipci_gate *g,
		     int64_t deadline,
		     bool (*look)(struct ipci_self *, const struct ipci_gate *))
{
	unsigned int n = self->yields;

	if (self->in_vain++ % YIELD_RETRY == 0)
		n = YIELD_MAX;
	for (unsigned int i = 0; i < n && !ipci_expired(deadline); i++) {
		ipci_os_yield();
		if (look(self, g)) {
			self->yields = YIELD_MAX;
			return true;
		}
	}
	self->yields /= 2;
	return false;
}

/* looks in longer and longer pauses, once at least */
static bool spin(struct ipci_self *self, const struct ipci_gate *g,
		 int64_t deadline,
		 bool (*look)(struct ipci_self *, const struct ipci_gate *))
{
	unsigned int used = 0, pause = self->pause | 1, looks = 0, budget;

	if (look(self, g))
		return true;
	budget = spin_budget(self, deadline);
	while (used < budget) {
		for (unsigned int i = 0; i < pause; i++)
			ipci_relax();
		used += pause;
		if (worth_a_look(g, ++looks) && look(self, g)) {
			learn(self, false);
			return true;
		}
		if (pause < PAUSE_MAX)
			pause *= 2;
	}
	learn(self, true);
	return give_way(self, g, deadline, look);
}

static bool look_ready(struct ipci_self *self, const struct ipci_gate *g)
{
	(void)self;
	return ready(g);
}

static bool look_in(struct ipci_self *self, const struct ipci_gate *g)
{
	/* no index: "free" is all there is to wait for; the lock knows */
	if (g->index && !ready(g))
		return false;
	if ((!g->room && ipci_gate_owner(g)) || !ipci_gate_take(self, g))
		return false;
	if (!g->index || ready(g))
		return true;
	ipci_gate_release(self, g); /* somebody was faster */
	return false;
}

int ipci_gate_enter(struct ipci_self *self, const struct ipci_gate *g,
		    int64_t deadline)
{
	bool grace = false;

	while (!spin(self, g, deadline, look_in)) {
		if (ipci_expired(deadline)) {
			if (grace || !ready(g)) {
				ipci_gate_settle(self);
				return -ETIMEDOUT;
			}
			deadline = ipci_now_ns() + IPCI_GRACE_NS;
			grace = true;
		}
		ipci_gate_announce(self, g); /* S1 */
		nap(g, deadline);
	}
	return 0;
}

bool ipci_gate_seize(struct ipci_self *self, const struct ipci_gate *g)
{
	for (int i = 0; i < IPCI_SPIN_MAX; i++) {
		if (ipci_gate_take(self, g))
			return true;
		ipci_relax();
	}
	return false;
}

void ipci_gate_pause(void)
{
	const _Atomic uint64_t nobody = 0; /* wakes us */
	const struct ipci_still same = {&nobody, 0};

	ipci_os_sleep(&same, 1, ipci_now_ns() + IPCI_PAUSE_MS * MS);
}

bool ipci_gate_haunted(const struct ipci_self *self, const struct ipci_gate *g)
{
	uint32_t owner = ipci_gate_owner(g);

	/* a room's word names the dead until the next one comes */
	if (g->room)
		return ipci_gate_mine(self, g);
	return owner && (owner == self->tid || ipci_os_gone(owner)) &&
	       ipci_gate_owner(g) == owner;
}

int ipci_gate_enter_surely(struct ipci_self *self, const struct ipci_gate *g)
{
	do {
		if (!ipci_gate_enter(self, g, ipci_now_ns() + SURELY_NS))
			return 0;
	} while (!ipci_gate_haunted(self, g));
	return -EBADMSG;
}

bool ipci_gate_spin(struct ipci_self *self, const struct ipci_gate *g,
		    int64_t deadline)
{
	return spin(self, g, deadline, look_ready);
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
		if (is && IPCI_PASSED_ON(g->all))
			ipci_gate_fire(g);
		ipci_gate_settle(self);
	}
	return is ? 0 : -ETIMEDOUT;
}
