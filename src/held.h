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

#include "gate.h"

/* a node at the end of the list; private memory */
struct ipci_anchor {
	uintptr_t node;
	struct ipci_anchor *next; /* the one behind it */
};

/* A3 and R2 of a mutex: the word is announced */
void ipci_held_link(struct ipci_self *self, uintptr_t node);
void ipci_held_unlink(struct ipci_self *self, uintptr_t node);

/* A3 and R2 of a worker word, whose node is a->node */
void ipci_held_link_last(struct ipci_self *self, struct ipci_anchor *a);
void ipci_held_unlink_last(struct ipci_self *self, struct ipci_anchor *a);

#endif
