/* SPDX-License-Identifier: MIT */
/*
 * life.c - find a free word in the table, own it, watch those of others
 */
#include <unistd.h>

#include "held.h"
#include "life.h"
#include "region.h"

enum {
	LIVES = 1024, /* a power of two */
};

static _Atomic(struct life_shm *) table;

/* its place at the end of the thread's list, where it stays */
static _Thread_local struct ipci_anchor anchor;

static struct life_shm *lives(void)
{
	return atomic_load_explicit(&table, memory_order_acquire);
}

void ipci_life_prepare(void)
{
	const size_t size = LIVES * sizeof(struct life_shm);
	struct life_shm *have = NULL, *new;

	if (lives() || ipci_os_backend() != IPCI_BACKEND_EXACT)
		return;
	new = ipci_region_inherit(size);
	if (new && !atomic_compare_exchange_strong_explicit(
			   &table, &have, new, memory_order_acq_rel,
			   memory_order_acquire))
		ipci_region_forget(new, size); /* another thread was faster */
}

/* ---- names: epoch:32 | LIVES, so that none is 0, and which word ---- */

static struct life_shm *life_of(uint64_t life)
{
	struct life_shm *t = lives();

	return t && life ? &t[life & (LIVES - 1)] : NULL;
}

/* whether the word is still that of the life */
static bool is_of(uint64_t word, uint64_t life)
{
	return word & IPCI_GATE_OWNER && word >> 32 == life >> 32;
}

bool ipci_life_lasts(uint64_t life)
{
	struct life_shm *x = life_of(life);

	return x && is_of(atomic_load_explicit(&x->word, memory_order_seq_cst),
			  life);
}

bool ipci_life_ours(uint64_t life)
{
	struct life_shm *x = life_of(life);

	return x && atomic_load_explicit(&x->pid, memory_order_relaxed) ==
			    (uint32_t)getpid();
}

bool ipci_life_watch(uint64_t life, struct ipci_still *still)
{
	struct life_shm *x = life_of(life);

	return x && ipci_word_watch(&x->word, still) && is_of(still->is, life);
}

/* ---- the calling thread's ---- */

/* Z1, Z2: whether it was free, and is ours; nobody mourns its last owner */
static bool begin(struct ipci_self *self, struct life_shm *x)
{
	struct ipci_gate g = {.word = &x->word};

	ipci_gate_bury(&g);
	if (!ipci_gate_claim(self, &g)) /* Z1 */
		return false;
	atomic_store_explicit(&x->shared, IPCI_WORD_SHARED,
			      memory_order_relaxed);
	anchor.node = ipci_node_of(self, &x->word);
	ipci_held_link_last(self, &anchor); /* Z2 */
	ipci_gate_settle(self);
	atomic_store_explicit(&x->pid, (uint32_t)getpid(),
			      memory_order_relaxed);
	return true;
}

uint64_t ipci_life_of(struct ipci_self *self)
{
	struct life_shm *t = lives();

	for (uint32_t i = 0; !self->life && t && i < LIVES; i++)
		if (!ipci_gate_owner(&(struct ipci_gate){.word = &t[i].word}) &&
		    begin(self, &t[i]))
			self->life = t[i].word >> 32 << 32 | LIVES | i;
	return self->life;
}
