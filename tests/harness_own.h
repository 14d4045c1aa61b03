/* SPDX-License-Identifier: MIT */
/*
 * harness_own.h - what harness.c and harness_tools.c share; not for tests
 */
#ifndef LIBIPC_TESTS_HARNESS_OWN_H
#define LIBIPC_TESTS_HARNESS_OWN_H

#include "harness.h"

#include <stdatomic.h>

enum {
	MAX_CHILDREN = 256,
	MAX_NAMES = 64,
	MAX_SHARED = 64,
	MAX_FDS = 4096,
};

/* what the running test owns; a forked child starts with the test alone */
struct harness_own {
	const struct harness_test *test;
	char hung[160]; /* what the watchdog says */
	_Atomic pid_t children[MAX_CHILDREN];
	atomic_int threads;
	int names, shareds;
	struct name {
		char text[64];
		bool may_stay;
	} name[MAX_NAMES];
	struct shared {
		void *start;
		size_t size;
	} shared[MAX_SHARED];
	bool fd[MAX_FDS];
};

extern struct harness_own harness_my;

/* fails the test if the runner calls it, else ends the process */
__attribute__((format(printf, 3, 4))) _Noreturn void harness_fail(
	const char *file, int line, const char *format, ...);

/* the child is reaped */
void harness_forget(pid_t pid);

#endif
