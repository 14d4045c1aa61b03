/* SPDX-License-Identifier: MIT */
/*
 * held.c - put words on the thread's list of held locks, and take them off
 */
#include <pthread.h>

#include "held.h"

/* glibc links its list singly on 32-bit systems: where the link back would be,
   its mutexes have something else */
#if defined(__GLIBC__) && !__PTHREAD_MUTEX_HAVE_PREV
enum { LINKED_BACK = false };
#else
enum { LINKED_BACK = true };
#endif

/* libc marks some links in their lowest bit */
static uintptr_t unmarked(uintptr_t link)
{
	return link & ~(uintptr_t)1;
}

/* a link back lies in the word before the node: the address of what points to
   the node */
static uintptr_t before(uintptr_t node)
{
	return node - sizeof(uintptr_t);
}

/* next may be where the list begins: that has no link back that is ever read */
static void set_back(const struct ipci_self *self, uintptr_t next,
		     uintptr_t prev)
{
	if (LINKED_BACK && unmarked(next) != (uintptr_t)self->list)
		ipci_node_set(before(unmarked(next)), prev);
}

static void insert(const struct ipci_self *self, uintptr_t prev, uintptr_t node,
		   uintptr_t next)
{
	if (LINKED_BACK)
		ipci_node_set(before(node), prev);
	ipci_node_set(node, next);
	ipci_order();
	set_back(self, next, node);
	ipci_order();
	ipci_node_set(prev, node);
	ipci_order();
}

static void take_out(const struct ipci_self *self, uintptr_t prev,
		     uintptr_t next)
{
	set_back(self, next, prev);
	ipci_order();
	ipci_node_set(prev, next);
	ipci_order();
}

void ipci_held_link(struct ipci_self *self, uintptr_t node)
{
	insert(self, (uintptr_t)self->list, node, *self->list);
}

/* where the links do not lead back, the one before it must be looked for; it is
   a mutex, or the beginning */
static uintptr_t find_before(const struct ipci_self *self, uintptr_t node)
{
	uintptr_t prev = (uintptr_t)self->list, next = unmarked(*self->list);

	if (LINKED_BACK)
		return unmarked(ipci_node_get(before(node)));
	while (next != node && next != (uintptr_t)self->list) {
		prev = next;
		next = unmarked(ipci_node_get(prev));
	}
	return next == node ? prev : 0;
}

/* from wherever it is by now */
void ipci_held_unlink(struct ipci_self *self, uintptr_t node)
{
	uintptr_t prev = find_before(self, node);

	if (prev)
		take_out(self, prev, ipci_node_get(node));
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

	while (unmarked(next) != end) {
		prev = unmarked(next);
		next = ipci_node_get(prev);
	}
	return prev;
}

void ipci_held_link_last(struct ipci_self *self, struct ipci_anchor *a)
{
	a->next = self->anchors;
	insert(self, last_mutex(self), a->node, node_of(self, a->next));
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
	take_out(self, prev ? prev : last_mutex(self), node_of(self, a->next));
	*link = a->next;
}
