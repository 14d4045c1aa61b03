/* SPDX-License-Identifier: MIT */
/*
 * held.c - put words on the thread's list of held locks, and take them off
 */
#include <limits.h>
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

/* ---- the end of the thread ---- */

/* the first mutex's word is another's from here on; its node leads to itself,
   for who unlocks it later all the same */
static void leave_first(struct ipci_self *self)
{
	uintptr_t node = ipci_held_unmarked(*self->list);

	ipci_held_unlink(self, node);
	ipci_held_insert(self, node, node, node);
	ipci_room_abandon(NULL,
			  (_Atomic uint64_t *)(node - (uintptr_t)self->node),
			  self->key);
}

static _Atomic uint64_t end_key;

static void sign_out(void *arg);

static bool once_more(struct ipci_self *self)
{
	return ipci_at_thread_end(&end_key, sign_out, self);
}

/* Destructors of the user's may still unlock them, or use them: so not before
   the last round of all destructors. */
static void sign_out(void *arg)
{
	struct ipci_self *self = arg;

	if (self->rounds++ < PTHREAD_DESTRUCTOR_ITERATIONS && once_more(self))
		return;
	while (self->tid &&
	       ipci_held_unmarked(*self->list) != node_of(self, self->anchors))
		leave_first(self);
}

bool ipci_held_will_end(struct ipci_self *self)
{
	if (self->rounds || ipci_os_backend() != IPCI_BACKEND_PID)
		return true;
	self->rounds = once_more(self);
	return self->rounds;
}
