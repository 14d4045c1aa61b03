/* SPDX-License-Identifier: MIT */
/*
 * held.c - put words on the thread's list of held locks, and take them off
 */
#include <pthread.h>

#include "held.h"

/* where the links do not lead back, the one before it must be looked for; it is
   a mutex, or the beginning */
uintptr_t ipci_held_find(const struct ipci_self *self, uintptr_t node)
{
	uintptr_t prev = (uintptr_t)self->list;
	uintptr_t next = ipci_held_unmarked(*self->list);

	while (next != node && next != (uintptr_t)self->list) {
		prev = next;
		next = ipci_held_unmarked(ipci_node_get(prev));
	}
	return next == node ? prev : 0;
}

/* ---- the end of the list ---- */

static uintptr_t node_of(const struct ipci_self *self,
			 const struct ipci_anchor *a)
{
	return a ? a->node : (uintptr_t)self->list;
}

/* the last node before the worker words: all on the way are mutexes */
static uintptr_t last_mutex(const struct ipci_self *self)
{
	uintptr_t end = node_of(self, self->anchors);
	uintptr_t prev = (uintptr_t)self->list, next = *self->list;

	while (ipci_held_unmarked(next) != end) {
		prev = ipci_held_unmarked(next);
		next = ipci_node_get(prev);
	}
	return prev;
}

void ipci_held_link_last(struct ipci_self *self, struct ipci_anchor *a)
{
	a->next = self->anchors;
	ipci_held_insert(self, last_mutex(self), a->node,
			 node_of(self, a->next));
	self->anchors = a;
}

void ipci_held_unlink_last(struct ipci_self *self, struct ipci_anchor *a)
{
	struct ipci_anchor **link = &self->anchors;
	uintptr_t prev = 0;

	while (*link != a) {
		prev = (*link)->node;
		link = &(*link)->next;
	}
	ipci_held_take_out(self, prev ? prev : last_mutex(self),
			   node_of(self, a->next));
	*link = a->next;
}
