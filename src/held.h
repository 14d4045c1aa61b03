/* SPDX-License-Identifier: MIT */
/*
 * held.h - lock words that a thread holds for long: its list of held locks
 *
 * While such a word is held the user's code runs, and locks and unlocks robust
 * pthread mutexes of its own, which stand on the same list. So the list is kept
 * as this libc keeps it.
 *
 *	list -> pthread and libipc mutexes, latest first -> worker words -> list
 *
 * Mutexes are put in front, as libc does it. Their nodes lie in private memory
 * (layout.h), so what they say can be followed. The worker words of joinable
 * queues have their nodes in shared memory, where anybody may write: they stay
 * at the end, behind whatever libc or we put in front, and in an order that
 * private memory knows. So no link is ever read from them.
 */
#ifndef IPCI_HELD_H
#define IPCI_HELD_H

#include <pthread.h>

#include "gate.h"

/* a node at the end of the list; private memory */
struct ipci_anchor {
	uintptr_t node;
	struct ipci_anchor *next; /* the one behind it */
};

/* glibc links its list singly on 32-bit systems: where the link back would be,
   its mutexes have something else */
#if defined(__GLIBC__) && !__PTHREAD_MUTEX_HAVE_PREV
enum { IPCI_LINKED_BACK = false };
#else
enum { IPCI_LINKED_BACK = true };
#endif

/* libc marks some links in their lowest bit */
static inline uintptr_t ipci_held_unmarked(uintptr_t link)
{
	return link & ~(uintptr_t)1;
}

/* a link back lies in the word before the node: the address of what points to
   the node */
static inline uintptr_t ipci_held_before(uintptr_t node)
{
	return node - sizeof(uintptr_t);
}

/* next may be where the list begins: that has no link back that is ever read */
IPCI_INLINE void ipci_held_set_back(const struct ipci_self *self,
				    uintptr_t next, uintptr_t prev)
{
	if (IPCI_LINKED_BACK &&
	    ipci_held_unmarked(next) != (uintptr_t)self->list)
		ipci_node_set(ipci_held_before(ipci_held_unmarked(next)), prev);
}

IPCI_INLINE void ipci_held_insert(const struct ipci_self *self, uintptr_t prev,
				  uintptr_t node, uintptr_t next)
{
	if (IPCI_LINKED_BACK)
		ipci_node_set(ipci_held_before(node), prev);
	ipci_node_set(node, next);
	ipci_order();
	ipci_held_set_back(self, next, node);
	ipci_order();
	ipci_node_set(prev, node);
	ipci_order();
}

IPCI_INLINE void ipci_held_take_out(const struct ipci_self *self,
				    uintptr_t prev, uintptr_t next)
{
	ipci_held_set_back(self, next, prev);
	ipci_order();
	ipci_node_set(prev, next);
	ipci_order();
}

/* the one before it; 0: it is not on the list */
uintptr_t ipci_held_find(const struct ipci_self *self, uintptr_t node);

/* A3 and R2 of a mutex: the word is announced */
IPCI_INLINE void ipci_held_link(struct ipci_self *self, uintptr_t node)
{
	ipci_held_insert(self, (uintptr_t)self->list, node, *self->list);
}

/* from wherever it is by now */
IPCI_INLINE void ipci_held_unlink(struct ipci_self *self, uintptr_t node)
{
	uintptr_t prev = IPCI_LINKED_BACK ? ipci_held_unmarked(ipci_node_get(
						    ipci_held_before(node)))
					  : ipci_held_find(self, node);

	if (prev)
		ipci_held_take_out(self, prev, ipci_node_get(node));
}

/*
 * To be called before a mutex is put there. Where only whether a process exists
 * tells of a death, a thread that ends leaves its mutexes as one that died: it
 * would be found dead late, or as long as its process lives not at all. false:
 * no memory for that.
 */
bool ipci_held_will_end(struct ipci_self *self);

/* A3 and R2 of a worker word, whose node is a->node */
void ipci_held_link_last(struct ipci_self *self, struct ipci_anchor *a);
void ipci_held_unlink_last(struct ipci_self *self, struct ipci_anchor *a);

#endif
