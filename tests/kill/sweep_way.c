/* SPDX-License-Identifier: MIT */
/*
 * sweep_way.c - the way of a process through its call, so that the next one
 * need not be led there step by step
 *
 * A step is a switch to the other process and back, and point k of a sweep is k
 * steps in: for a call of n instructions n * n / 2 of them. So each process
 * that is led notes its way, and who comes after it runs to where that one has
 * been, as fast as it can, to a breakpoint; only the rest goes by steps.
 *
 * A story that is told again takes the same way. If not, this is noticed: the
 * breakpoint is not met, or the steps behind it are others. Then what was seen
 * at that point is forgotten with all ways, and the point is told again, from
 * the first instruction on.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "sweep_own.h"

/* of one that is led, the next one that is led in the same point, ... */
struct way {
	unsigned long *at;    /* where it stood after i instructions */
	unsigned long known;  /* how many of these there are */
	unsigned long room;   /* for so many */
	unsigned long sleeps; /* after so many it slept, for the first time */
};

enum { WAYS = 64 };

static struct way ways[WAYS];
static unsigned int led; /* in this point */
static bool strayed, by_steps;

#if defined(__x86_64__) || defined(__i386__)

#ifdef __x86_64__
#define USER_IP offsetof(struct user, regs.rip)
#else
#define USER_IP offsetof(struct user, regs.eip)
#endif

enum { INT3 = 0xcc };

static unsigned long place_of(const struct proc *p)
{
	return (unsigned long)ptrace(PTRACE_PEEKUSER, p->pid, USER_IP, NULL);
}

/* its code at this place; false: it cannot be read */
static bool read_code(const struct proc *p, unsigned long at, long *code)
{
	errno = 0;
	*code = ptrace(PTRACE_PEEKTEXT, p->pid, at, NULL);
	return !errno;
}

static bool write_code(const struct proc *p, unsigned long at, long code)
{
	return ptrace(PTRACE_POKETEXT, p->pid, at, code) == 0;
}

/* until it stands at this place; false: it does not get there */
static bool run_to(struct proc *p, unsigned long at)
{
	long code;

	if (!read_code(p, at, &code) ||
	    !write_code(p, at, (code & ~0xffL) | INT3))
		return false;
	if (!sweep_go_on(p) || !p->stopped || p->signal ||
	    place_of(p) != at + 1)
		return false;
	return write_code(p, at, code) &&
	       ptrace(PTRACE_POKEUSER, p->pid, USER_IP, at) == 0;
}

#else /* no breakpoints: by steps */

static unsigned long place_of(const struct proc *p)
{
	(void)p;
	return 0;
}

static bool run_to(struct proc *p, unsigned long at)
{
	(void)p;
	(void)at;
	return false;
}

#endif

static void append(struct way *w, unsigned long at)
{
	if (w->known == w->room) {
		w->room = w->room ? w->room * 2 : 1024;
		w->at = realloc(w->at, w->room * sizeof(*w->at));
		sweep_require(w->at);
	}
	w->at[w->known++] = at;
}

void sweep_way_step(struct proc *p)
{
	struct way *w = p->way;
	unsigned long at;

	if (!w)
		return;
	at = place_of(p);
	if (p->steps == w->known)
		append(w, at);
	strayed |= p->steps < w->known && w->at[p->steps] != at;
	p->steps++;
}

void sweep_way_sleeps(const struct proc *p)
{
	if (p->way && p->steps - 1 < p->way->sleeps)
		p->way->sleeps = p->steps - 1;
}

/* a string instruction is one place for many steps, at the first of which a
   breakpoint is met; where it stands from the first it cannot be met */
static bool may_stop_at(const struct way *w, unsigned long j)
{
	return w->at[j] != w->at[j - 1] && w->at[j] != w->at[0];
}

/* how often it comes to where it is after j instructions, up to then */
static unsigned long visits(const struct way *w, unsigned long j)
{
	unsigned long n = 0;

	for (unsigned long i = 1; i <= j; i++)
		n += w->at[i] == w->at[j] && may_stop_at(w, i);
	return n;
}

/* where it is best to run to, on the way to k: each visit of the breakpoint
   costs as much as some steps */
static unsigned long choose(const struct way *w, unsigned long k)
{
	unsigned long last = k < w->known - 1 ? k : w->known - 1, best = 0,
		      least = k, cost;

	if (last > w->sleeps)
		last = w->sleeps;
	for (unsigned long j = last; j > 0 && k - j < least; j--) {
		cost = k - j + 4 * visits(w, j);
		if (may_stop_at(w, j) && cost < least) {
			least = cost;
			best = j;
		}
	}
	return best;
}

/* to where one was after j instructions */
static bool follow(struct proc *p, const struct way *w, unsigned long j)
{
	for (unsigned long n = visits(w, j); n > 0; n--)
		if (!run_to(p, w->at[j]) || (n > 1 && !sweep_step(p)))
			return false;
	return true;
}

unsigned long sweep_leap(struct proc *p, unsigned long k)
{
	struct way *w = &ways[led++];
	unsigned long j;

	if (led > WAYS)
		return 0;
	j = by_steps || !w->known ? 0 : choose(w, k);
	if (j && !follow(p, w, j)) {
		strayed = true;
		sweep_slay(p);
		return k;
	}
	p->way = w;
	p->steps = j;
	return j;
}

void sweep_ways_forget(void)
{
	for (int i = 0; i < WAYS; i++) {
		ways[i].known = 0;
		ways[i].sleeps = ULONG_MAX;
	}
}

void sweep_ways_begin(void)
{
	led = 0;
	strayed = false;
	if (by_steps)
		sweep_ways_forget();
}

bool sweep_strayed(void)
{
	by_steps = strayed || getenv("SWEEP_BY_STEPS");
	return strayed;
}
