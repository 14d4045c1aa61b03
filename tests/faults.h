/* SPDX-License-Identifier: MIT */
/*
 * faults.h - every call that the library makes of the system fails once
 *
 * A program named test_*_faults is linked so that each of those calls goes
 * through faults.c (-Wl,--wrap). There each has its list of the errnos that it
 * can give. What the library calls and faults.c does not know must stand in
 * faults_exempt.txt, with the reason why it cannot fail: make check-faults.
 *
 *	static void setup(void) { ... }
 *	static int put(void) { return ipc_queue_put(q, "x", 1, 0); }
 *	static void after(void) { child_check(...); close(...); }
 *
 *	const struct fault_case c = {"put", setup, put, after, 0, {0}, 0};
 *	expect_faults(&c);
 *
 * counts the calls of put() in a first run, and then, for each of them and for
 * each of its errnos, runs again in a process of its own that never used the
 * library before. When put() answers an error, it must be one of those that
 * the case lists, nothing may be left of the attempt, and the next attempt,
 * undisturbed, must succeed. At the end after() sees to the contents and
 * closes everything; heap, mappings, descriptors, children and names must then
 * be as before setup().
 */
#ifndef LIBIPC_TESTS_FAULTS_H
#define LIBIPC_TESTS_FAULTS_H

#include "harness.h"

struct fault_case {
	const char *name;
	void (*setup)(void);
	int (*op)(void);
	void (*after)(void);
	int good;	/* what op() answers if all goes well */
	int errors[16]; /* what it may answer besides: positive errnos */
	unsigned int flags;
};

enum {
	FAULTS_THREAD =
		1,	  /* all of it in a thread, which ends before the end */
	FAULTS_KEEPS = 8, /* op() keeps heap for the next attempt */
	FAULTS_FRESH = 2, /* op() in a thread of its own each time */
	FAULTS_LOOSE = 4, /* how many calls there are is not always the same */
};

void expect_faults(const struct fault_case *c);

/* in the case: whether that is the fault of this run; error 0: any */
bool fault_is(const char *call, int error);

/* fork(), but not one of the calls that are counted: the new process goes on as
   the one that the fault is meant for */
pid_t fault_fork(void);

/* ------------------------------------------------- faults.c, for the runner */

enum {
	FAULTS_ERRORS = 12, /* of one call, at most */
	FAULTS_CALLS = 64,
};

/* which call is to fail: of the process, or of the child that it forks in
   op(); the nth of that kind */
struct fault {
	bool child;
	int call;
	int nth;
	int error;
};

/* in memory that both share with the runner */
struct faults_seen {
	_Atomic int count[2][FAULTS_CALLS];
	_Atomic int fired;
};

/* what the process has, to tell what is left behind */
struct faults_has {
	long blocks; /* of heap */
	long mapped; /* bytes */
	int fds;
};

const char *faults_name(int call); /* NULL: there are no more */
const int *faults_errors(int call);
bool faults_last(int call); /* what it answers, it will answer again */

void faults_arm(const struct fault *fault, struct faults_seen *seen);
void faults_disarm(void);
void faults_rearm(void); /* to go on where disarm stopped */
struct faults_has faults_has(void);

#endif
