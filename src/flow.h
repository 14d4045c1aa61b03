/* SPDX-License-Identifier: MIT */
/*
 * flow.h - one direction of a pipe, from one of its ends: how much can be
 * moved, wait until it can, commit
 */
#ifndef IPCI_FLOW_H
#define IPCI_FLOW_H

#include "gate.h"
#include "life.h"
#include "ring.h"

/* does anybody hold the other end? Each flow asks for itself. */
struct ipci_watch {
	const _Atomic uint32_t *closings; /* of the other end */
	const _Atomic uint64_t *holder;	  /* of the other end */
	_Atomic uint64_t *own;		  /* of this one */
	uint64_t watched; /* a holder that lived when we went to sleep, or 0 */
	uint32_t seen;
	int lifeline;
	bool cut;	   /* found: nobody does, and nobody will */
	int64_t looked_ns; /* when a sender last asked */
};

/*
 * One direction, from the end that sends into it or receives from it. How many
 * bytes it may move is
 *
 *	limit - (index - opposite index)
 *
 * with limit = ring size for sending and 0 for receiving. More than the size
 * is damage.
 */
struct ipci_flow {
	struct ipci_gate gate; /* where this side sleeps */
	struct ipci_gate peer; /* where the other side sleeps */
	struct side_shm *s;
	const struct side_shm *opposite;
	struct ipci_bytes ring;
	uint64_t limit;
	uint64_t seen; /* the opposite index when we last looked */
	uint64_t need; /* bytes that the gate's condition asks for */
	struct ipci_watch watch;
	bool usable; /* this end has this direction */
};

/*
 * Sending into the direction (limit = size) or receiving from it (limit = 0).
 * No ring: this end does not have it. The watch is the caller's to fill in.
 */
void ipci_flow_init(struct ipci_flow *f, struct side_shm *s,
		    struct side_shm *opposite, struct ipci_bytes ring,
		    uint64_t limit);

static inline uint64_t ipci_flow_index(const struct ipci_flow *f)
{
	return atomic_load_explicit(&f->s->index, memory_order_relaxed);
}

/* what ipci_flow_look found, in bytes */
static inline uint64_t ipci_flow_bytes(const struct ipci_flow *f)
{
	return f->limit - (ipci_flow_index(f) - f->seen);
}

/*
 * Bytes, as of the last time that we looked over there; or look again. More
 * than there can be: another process used this end since, and went further.
 */
static inline uint64_t ipci_flow_movable(struct ipci_flow *f, uint64_t need)
{
	uint64_t own = ipci_flow_index(f), n = f->limit - (own - f->seen);

	if (n >= need && n <= f->ring.size)
		return n;
	/* acquire: pairs with the commit over there, so its bytes are ours */
	f->seen =
		atomic_load_explicit(&f->opposite->index, memory_order_acquire);
	return f->limit - (own - f->seen);
}

/* 1: need bytes can be moved; 0: not now; -EBADMSG: damage */
static inline int ipci_flow_look(struct ipci_flow *f, uint64_t need)
{
	uint64_t n = ipci_flow_movable(f, need);

	return n > f->ring.size ? -EBADMSG : n >= need;
}

/*
 * Waits until need bytes can be moved: 1. -EPIPE: they never will, the other
 * end is gone and nothing that was sent was missed. -EBADMSG, -ETIMEDOUT.
 */
int ipci_flow_await(struct ipci_self *self, struct ipci_flow *f, uint64_t need,
		    int64_t deadline);

/* how long a sender goes on before it looks whether there is a receiver */
#define IPCI_SENDING_LOOK_NS INT64_C(5000000)

static inline uint32_t ipci_watch_closings(const struct ipci_watch *w)
{
	return atomic_load_explicit(w->closings, memory_order_seq_cst);
}

/* somebody held it when we looked, and that was just now */
IPCI_INLINE bool ipci_flow_is_sound(const struct ipci_flow *f)
{
	const struct ipci_watch *w = &f->watch;

	return !w->cut && ipci_watch_closings(w) == w->seen &&
	       ipci_coarse_ns() - w->looked_ns < IPCI_SENDING_LOOK_NS;
}

/* W1: whoever waits for our end may watch us */
void ipci_watch_hold(struct ipci_self *self, const struct ipci_watch *w);

/* X1: nobody may any more, for this process closes it */
void ipci_watch_let_go(const struct ipci_watch *w);

/* whether nobody holds the other end: asks the kernel now and then, and always
   when somebody closed it */
bool ipci_flow_broken(struct ipci_self *self, struct ipci_flow *f);

/* T2 .. T5, V2 .. V5: n bytes were written, or read */
IPCI_INLINE void ipci_flow_commit(struct ipci_self *self,
				  const struct ipci_flow *f, uint64_t n)
{
	ipci_gate_owe(self, &f->peer); /* T2 V2 */
	ipci_gate_commit(&f->peer, &f->s->index,
			 ipci_flow_index(f) + n); /* T3 V3 COMMIT */
	ipci_gate_notify(&f->peer);		  /* T4 V4 */
	ipci_gate_settle(self);			  /* T5 V5 */
}

#endif
