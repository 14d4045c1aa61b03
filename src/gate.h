/* SPDX-License-Identifier: MIT */
/*
 * gate.h - the one primitive: lock, sleep queue and condition in one word
 *
 * layout.h describes the word, its states, its invariants and what each death
 * leaves; the labels in the code (A1, R3, S2, F4, ...) are the steps there.
 *
 * Using a gate as a lock, with a condition:
 *
 *	r = ipci_gate_enter(self, g, deadline);      A1 A2; ready() is true
 *	if (r < 0)
 *		return r;
 *	ipci_gate_push(self, g);                     A3
 *	ipci_gate_owe(self, other);                  a wake-up over there
 *	ipci_gate_commit(other, index, n);
 *	ipci_gate_notify(other);
 *	ipci_gate_announce(self, g);                 R1
 *	ipci_gate_pop(self);                         R2
 *	ipci_gate_release(self, g);                  R3 .. R6
 *
 * Using it only to sleep: ipci_gate_await(), which returns when ready() is
 * true and holds nothing.
 */
#ifndef IPCI_GATE_H
#define IPCI_GATE_H

#include "layout.h"
#include "os.h"

/*
 * One process's view of one gate. Constant after setup, in private memory.
 * ready() tells whether it is worth coming in; it may be called at any time,
 * by anybody, and must be true where the shared memory is damaged, so that
 * whoever finds the damage does not sleep over it.
 */
#ifndef IPCI_PAUSE_LONG
#define IPCI_PAUSE_LONG 64
#endif

struct ipci_gate {
	struct room_shm *room; /* NULL: exact; else all is done in there */
	_Atomic uint64_t *word;
	_Atomic uint64_t *hint;	       /* whether anybody sleeps */
	_Atomic uint64_t *since;       /* NULL, or when it was held already */
	const _Atomic uint64_t *index; /* whose store makes ready() true; or
					  NULL: only the word itself does */
	bool (*ready)(const void *arg);
	bool (*peek)(const void *arg); /* NULL, or the same, cheaper: its "no"
					  may be wrong */
	const void *arg;
	bool all; /* it is good news for all sleepers, not for one of them */

	/*
	 * Or NULL. What else must stay as it is while we sleep, at most room
	 * words; may set W in them, for a wake-up on any of them ends the
	 * sleep. Returns how many, or -1: more than that; then the sleep is
	 * short. Asked before the last look at ready().
	 */
	int (*watch)(const void *arg, struct ipci_still *more, int room);
};

/*
 * Gives it the room that lies beside its word, which is used where the kernel
 * cannot do without; to be called when the other fields are set. Its asleep is
 * the hint of all gates there, and else of one that has none of its own.
 */
static inline void ipci_gate_furnish(struct ipci_gate *g, struct room_shm *room)
{
	if (ipci_os_backend() != IPCI_BACKEND_EXACT)
		g->room = room;
	if (g->room || !g->hint)
		g->hint = &room->asleep;
	g->since = &room->since;
}

/* where it is not exact, which is seldom, and slower anyway */
IPCI_INLINE bool ipci_gate_bounded(const struct ipci_gate *g)
{
	return __builtin_expect(g->room != NULL, false);
}

/* for others to come out, when our own time is up: what is there is taken
   whatever the timeout */
#define IPCI_GRACE_NS INT64_C(20000000)

/* ---- the list of held locks, and the word under way ---- */

/* keep the compiler from moving stores to what the kernel reads at death */
static inline void ipci_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

static inline uintptr_t ipci_node_of(const struct ipci_self *self,
				     const _Atomic uint64_t *word)
{
	return (uintptr_t)word + (uintptr_t)self->node;
}

/* list nodes need not be aligned (musl's lie 28 bytes behind the word) */
struct ipci_node {
	uintptr_t link;
} __attribute__((packed, may_alias));

static inline uintptr_t ipci_node_get(uintptr_t node)
{
	return ((volatile struct ipci_node *)node)->link;
}

static inline void ipci_node_set(uintptr_t node, uintptr_t link)
{
	((volatile struct ipci_node *)node)->link = link;
}

/*
 * Negative controls: the library with one safeguard removed. Only the kill
 * sweep and the soak build them, and must go red for each (tests/kill, soak).
 */
#ifdef IPCI_CONTROL_NO_ANNOUNCE
#define IPCI_ANNOUNCED(node) ((void)(node), (uintptr_t)0)
#else
#define IPCI_ANNOUNCED(node) (node)
#endif
#ifdef IPCI_CONTROL_NO_DEBT
#define IPCI_OWED(node) ((void)(node), (uintptr_t)0)
#else
#define IPCI_OWED(node) IPCI_ANNOUNCED(node)
#endif
#ifdef IPCI_CONTROL_NO_LIST /* for the soak; the others are for the sweep */
#define IPCI_LISTED(node, below) ((void)(node), (below))
#else
#define IPCI_LISTED(node, below) (node)
#endif
#ifdef IPCI_CONTROL_NO_BARRIER /* of a sleeper, into all that run */
#define IPCI_BARRIER() true
#else
#define IPCI_BARRIER() ipci_os_barrier()
#endif
#ifdef IPCI_CONTROL_NO_FENCE /* of one that has seen a hint */
#define IPCI_FENCE() ipci_order()
#else
#define IPCI_FENCE() atomic_thread_fence(memory_order_seq_cst)
#endif
#ifdef IPCI_CONTROL_NO_COMPARE
#define IPCI_COMPARED(n) 1
#else
#define IPCI_COMPARED(n) (n)
#endif
#ifdef IPCI_CONTROL_NO_PASS_ON /* by one that was woken for all */
#define IPCI_PASSED_ON(all) ((void)(all), false)
#else
#define IPCI_PASSED_ON(all) (all)
#endif
#ifdef IPCI_CONTROL_NO_WATCH /* of those whose death is news: workers, ends */
#define IPCI_WATCHED(rows) ((void)(rows), 0u)
#else
#define IPCI_WATCHED(rows) (rows)
#endif
#ifdef IPCI_CONTROL_NO_VISITS /* of the lease gate, where it has a room */
#define IPCI_VISITED(bounded) ((void)(bounded), false)
#else
#define IPCI_VISITED(bounded) (bounded)
#endif
#ifdef IPCI_CONTROL_NO_HELPED /* that others mark what a worker holds */
#define IPCI_HELPED(others) ((void)(others), false)
#else
#define IPCI_HELPED(others) (others)
#endif
#ifdef IPCI_CONTROL_NO_MARKS /* of a worker that has died */
#define IPCI_CLEARED() false
#else
#define IPCI_CLEARED() true
#endif
#ifdef IPCI_CONTROL_NO_ROUSE /* of those who sleep when a worker comes */
#define IPCI_ROUSED(sleepers) ((void)(sleepers), false)
#else
#define IPCI_ROUSED(sleepers) (sleepers)
#endif
#ifdef IPCI_CONTROL_ONE_WORD /* of a worker, watched by all alike */
#define IPCI_LIFE(class) ((void)(class), 0)
#else
#define IPCI_LIFE(class) (class)
#endif
#ifdef IPCI_CONTROL_NO_REPAIR /* of a table that one left who died inside */
#define IPCI_DIRTY(dirty) ((void)(dirty), 0u)
#else
#define IPCI_DIRTY(dirty) (dirty)
#endif

IPCI_INLINE void ipci_pending_set(struct ipci_self *self, uintptr_t node)
{
	ipci_order();
	*self->pending = node;
	ipci_order();
}

/* A1, R1, S1: from here on the kernel knows what we are about */
IPCI_INLINE void ipci_gate_announce(struct ipci_self *self,
				    const struct ipci_gate *g)
{
	ipci_pending_set(self, IPCI_ANNOUNCED(ipci_node_of(self, g->word)));
}

/* before a store that makes g's condition true: a wake-up will be owed */
IPCI_INLINE void ipci_gate_owe(struct ipci_self *self,
			       const struct ipci_gate *g)
{
	ipci_pending_set(self, IPCI_OWED(ipci_node_of(self, g->word)));
}

IPCI_INLINE void ipci_gate_settle(struct ipci_self *self)
{
	ipci_pending_set(self, 0);
}

/*
 * A3 for the library's own short sections. Last in, first out: between push
 * and pop no code of the user's runs, so nobody else touches this thread's
 * list, and what came before us is remembered in private memory.
 */
IPCI_INLINE void ipci_gate_push(struct ipci_self *self,
				const struct ipci_gate *g)
{
	uintptr_t node = ipci_node_of(self, g->word);

	self->below = *self->list;
	ipci_node_set(node, self->below);
	ipci_order();
	*self->list = IPCI_LISTED(node, self->below);
	ipci_order();
}

/* R2 */
IPCI_INLINE void ipci_gate_pop(struct ipci_self *self)
{
	ipci_order();
	*self->list = self->below;
	ipci_order();
}

/*
 * The same for a lock that is taken while another of the library's own is held,
 * and let go before that one
 */
static inline void ipci_gate_push_within(struct ipci_self *self,
					 const struct ipci_gate *g)
{
	self->outer[self->depth++] = self->below;
	ipci_gate_push(self, g);
}

static inline void ipci_gate_pop_within(struct ipci_self *self)
{
	ipci_gate_pop(self);
	self->below = self->outer[--self->depth];
}

/* ---- lock ---- */

/* the whole of it; without a room, the same again: nothing happened in
   between */
static inline uint64_t ipci_gate_word(const struct ipci_gate *g)
{
	return atomic_load_explicit(g->word, memory_order_seq_cst);
}

static inline uint32_t ipci_gate_owner(const struct ipci_gate *g)
{
	return (uint32_t)(atomic_load_explicit(g->word, memory_order_relaxed) &
			  IPCI_GATE_OWNER);
}

static inline bool ipci_gate_mine(const struct ipci_self *self,
				  const struct ipci_gate *g)
{
	uint64_t is = atomic_load_explicit(g->word, memory_order_relaxed);

	return ipci_gate_bounded(g) ? is == self->key
				    : (is & IPCI_GATE_OWNER) == self->tid;
}

/* how the word names its owner, among the threads of this process */
static inline uint32_t ipci_gate_mark(const struct ipci_self *self,
				      const struct ipci_gate *g)
{
	return ipci_gate_bounded(g) ? (uint32_t)(self->key >> 32) : self->tid;
}

/* whether the thread of this process with that mark holds it, and lives */
static inline bool ipci_gate_holds(const struct ipci_gate *g, uint32_t mark)
{
	uint64_t is = atomic_load_explicit(g->word, memory_order_relaxed);

	if (ipci_gate_bounded(g))
		return is >> 32 == mark && !ipci_room_dead(g->room, g->word);
	return (is & IPCI_GATE_OWNER) == mark;
}

/* A1, A2 of one without a room */
IPCI_INLINE bool ipci_gate_take_exact(struct ipci_self *self,
				      const struct ipci_gate *g)
{
	uint64_t is, want;

	ipci_gate_announce(self, g);
	is = atomic_load_explicit(g->word, memory_order_relaxed);
	do {
		if (is & IPCI_GATE_OWNER)
			return false;
		want = ((is & ~IPCI_GATE_FIRED) + IPCI_GATE_EPOCH) |
		       IPCI_GATE_SLEEPERS | self->tid;
		/* acquire: pairs with the release in R3 and the kernel's */
	} while (!atomic_compare_exchange_weak_explicit(g->word, &is, want,
							memory_order_acquire,
							memory_order_relaxed));
	return true;
}

/* A1, A2: whether it was free and is ours now. It stays announced. */
IPCI_INLINE bool ipci_gate_take(struct ipci_self *self,
				const struct ipci_gate *g)
{
	if (!ipci_gate_bounded(g))
		return ipci_gate_take_exact(self, g);
	ipci_gate_announce(self, g);
	return ipci_room_lock(g->room, g->word, self->key);
}

/*
 * Between a store and a look at the hint. The compiler must not turn them
 * around; that the CPU does not, the sleeper sees to (S3). With a room there is
 * no such help.
 */
static inline void ipci_gate_fence(const struct ipci_gate *g)
{
	if (ipci_gate_bounded(g))
		atomic_thread_fence(memory_order_seq_cst);
	else
		ipci_order();
}

/* whether there may be sleepers; after a fence, or a seq_cst operation */
static inline bool ipci_gate_slept_at(const struct ipci_gate *g)
{
	return atomic_load_explicit(g->hint, memory_order_relaxed) &
	       IPCI_HINT_BITS;
}

/* R4, R5 */
void ipci_gate_look(const struct ipci_gate *g);

/* R3 of one without a room; the look at the hint must follow */
IPCI_INLINE void ipci_gate_let_go(const struct ipci_gate *g)
{
	uint64_t is = atomic_load_explicit(g->word, memory_order_relaxed);

	/* release: pairs with the acquire in A2 */
	atomic_store_explicit(g->word, is & ~IPCI_GATE_OWNER,
			      memory_order_release);
	ipci_order();
}

/* R3 .. R6; announced and off the list */
IPCI_INLINE void ipci_gate_release(struct ipci_self *self,
				   const struct ipci_gate *g)
{
	if (ipci_gate_bounded(g)) {
		ipci_room_unlock(g->room, g->word, self->key);
		ipci_gate_fence(g);
	} else {
		ipci_gate_let_go(g);
	}
	if (ipci_gate_slept_at(g))
		ipci_gate_look(g);
	ipci_gate_settle(self);
}

/* R1 .. R6 of one that was pushed within another */
IPCI_INLINE void ipci_gate_leave_within(struct ipci_self *self,
					const struct ipci_gate *g)
{
	ipci_gate_announce(self, g);
	ipci_gate_pop_within(self);
	ipci_gate_release(self, g);
}

/*
 * Waits until ready() is true and the gate is ours (A2; announced, not on the
 * list): 0; or until the deadline: -ETIMEDOUT, nothing held or announced. When
 * the time is up and it is ready, but somebody is inside, it waits a few
 * milliseconds more: what is there is taken whatever the timeout.
 */
int ipci_gate_enter(struct ipci_self *self, const struct ipci_gate *g,
		    int64_t deadline);

/*
 * A2 of g's lock, whatever its condition, within another gate: looks for a
 * short while. No release wakes anybody who only wants the lock, so who fails
 * lets go of all, pauses, and begins again.
 */
bool ipci_gate_seize(struct ipci_self *self, const struct ipci_gate *g);

/* a millisecond, in which somebody inside may come out */
void ipci_gate_pause(void);

/* ---- words that a thread owns for long, to tell of its death ---- */

/* A1, A2 of a word that is free and not fired: fired, it is to be buried
   first. It stays announced if it is ours. */
bool ipci_gate_claim(struct ipci_self *self, const struct ipci_gate *g);

/* gives it up as if we had died: announced and off the list */
void ipci_gate_abandon(const struct ipci_self *self, const struct ipci_gate *g);

static inline bool ipci_word_is_dead(uint64_t is)
{
	return (is & (IPCI_GATE_OWNER | IPCI_GATE_FIRED)) == IPCI_GATE_FIRED;
}

/*
 * Whether its owner died or gave it up, and nobody buried it yet. Where it has
 * a room, asking takes the lock for a moment, and whoever tries to take it just
 * then is told that it is held.
 */
static inline bool ipci_gate_dead(const struct ipci_gate *g)
{
	uint64_t is = atomic_load_explicit(g->word, memory_order_seq_cst);

	if (ipci_gate_bounded(g))
		return ipci_room_dead(g->room, g->word);
	return ipci_word_is_dead(is);
}

/* to sleep until its owner dies or gives it up, W in; false: it has none */
bool ipci_word_watch(_Atomic uint64_t *word, struct ipci_still *still);

/* it may be claimed again, if it was dead */
void ipci_gate_bury(const struct ipci_gate *g);

/* the word tells of an owner that is not there, or of this thread, which is
   not inside. The kernel lets go for a thread before it is gone: so it is
   damage. */
bool ipci_gate_haunted(const struct ipci_self *self, const struct ipci_gate *g);

/*
 * The same for a call that has no timeout: 0, as soon as whoever is inside
 * comes out; or -EBADMSG: the word tells of a thread that is not there, or of
 * this one. The kernel lets go for a thread before it is gone: that is damage.
 */
int ipci_gate_enter_surely(struct ipci_self *self, const struct ipci_gate *g);

/*
 * What this thread's wait brought. Where several came at once, others are in a
 * stream, and each look takes a line that they write from them: next time it
 * will not look again so soon.
 */
static inline void ipci_gate_learn(struct ipci_self *self, bool several)
{
	self->pause = several ? IPCI_PAUSE_LONG : 0;
}

/* ---- sleep and wake-up without the lock ---- */

/* looks for a short while, at least once, whether ready() is true */
bool ipci_gate_spin(struct ipci_self *self, const struct ipci_gate *g,
		    int64_t deadline);

/*
 * Waits until ready() is true, or until the deadline: 0 or -ETIMEDOUT. With
 * g->all, who had to sleep fires before it leaves, because the kernel, for one
 * that died, wakes only one.
 */
int ipci_gate_await(struct ipci_self *self, const struct ipci_gate *g,
		    int64_t deadline);

/* F1 .. F4: wakes one sleeper (g->all: all of them), if there may be any and
   nobody is inside. The caller has announced the gate, or says what makes up
   for it. */
void ipci_gate_fire(const struct ipci_gate *g);

/* wakes all that sleep, to look again what they are to watch */
void ipci_gate_rouse(const struct ipci_gate *g);

/* the store that makes g's condition true; release: it publishes what came
   before. A notify of g must follow, or a release of it. */
IPCI_INLINE void ipci_gate_commit(const struct ipci_gate *g,
				  _Atomic uint64_t *index, uint64_t n)
{
	atomic_store_explicit(index, n, memory_order_release);
	ipci_gate_fence(g);
}

/* fire, if the hint says that it is worth it */
IPCI_INLINE void ipci_gate_notify(const struct ipci_gate *g)
{
	if (ipci_gate_slept_at(g))
		ipci_gate_fire(g);
}

#endif
