/* SPDX-License-Identifier: MIT */
/*
 * life.h - a word for each thread that says whether it lives
 *
 * Whoever waits for what only some other process can do, and would look again
 * and again whether that one is still there, watches the word of one of its
 * threads instead: the kernel wakes him when it ends. struct life_shm in
 * layout.h has the steps Z1, Z2.
 *
 * The words lie in one table, which a process inherits from the one that forked
 * it, or makes; it is never unmapped. So those who share a pipe have the same.
 *
 * A life is a number that names one thread, for all with the same table, and
 * never another one; 0 is none. Nobody has one where the system is not exact,
 * there is no memory for the table, or all words are taken: then one looks
 * again and again.
 */
#ifndef IPCI_LIFE_H
#define IPCI_LIFE_H

#include "gate.h"

/* this process has the table from now on, if it can */
void ipci_life_prepare(void);

/* the calling thread's; 0: it has none */
uint64_t ipci_life_of(struct ipci_self *self);

/* whether the thread lives: true at most as long as it does */
bool ipci_life_lasts(uint64_t life);

/* whether it is of this process, or was */
bool ipci_life_ours(uint64_t life);

/* to sleep until it ends; false: it has */
bool ipci_life_watch(uint64_t life, struct ipci_still *still);

#endif
