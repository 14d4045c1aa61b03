/* SPDX-License-Identifier: MIT */
/*
 * sweep.c - the stories, point by point, and the verdicts
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libipc.h>
#include "layout.h"
#include "sweep_own.h"

enum {
	LIMIT_MS = 500,	  /* within which survivors must see the promise */
	ROUND_MS = 1,	  /* for which a look round counts at most */
	WATCHDOG_S = 120, /* for one point */
	SHOWN = 5,	  /* bad points of a sweep that are printed */
	SHORT_MS = 500,	  /* of a short sweep, before its steps get longer */
	NAPS_MAX = 10,	  /* in the bounded way: no wake-up will come */
	EXACT_PART = 3,	  /* a short run goes by a third of a story's stride */
	BOUNDED_PART = 9, /* ... in the bounded way by so many strides */
};

static void *area;
static size_t area_size;

static double slowest_ms;
static unsigned long again; /* points that were told a second time */
static char note[512];

/* ------------------------------------------------------------------- basics */

_Noreturn void sweep_bail(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

double sweep_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

bool sweep_exact(void)
{
	return ipc_caps() & LIBIPC_CAP_EXACT_WAKE;
}

int sweep_limit_ms(void)
{
	return LIMIT_MS * sweep_slow;
}

void sweep_took(double ms)
{
	if (ms > slowest_ms)
		slowest_ms = ms;
}

void sweep_note(const char *format, ...)
{
	size_t used_up = strlen(note);
	va_list args;

	va_start(args, format);
	vsnprintf(note + used_up, sizeof(note) - used_up, format, args);
	va_end(args);
}

void *sweep_shared(size_t size)
{
	sweep_require(!area);
	area = sweep_map(size);
	area_size = size;
	return area;
}

/* ----------------------------------------------------------------- verdicts */

/*
 * A round that took long was one in which others had the CPU: what counts is
 * how often those we wait for had their turn.
 */
bool sweep_within(int ms, bool (*is)(const void *), const void *arg)
{
	double from = sweep_now_ms(), spent = 0, before = from, now;

	while (!is(arg)) {
		if (sweep_is_quiet())
			return is(arg);
		if (spent > ms * sweep_slow)
			return false;
		sweep_wait_a_little();
		now = sweep_now_ms();
		spent += now - before < ROUND_MS ? now - before : ROUND_MS;
		before = now;
	}
	sweep_took(sweep_now_ms() - from);
	return true;
}

bool sweep_eventually(bool (*is)(const void *), const void *arg)
{
	return sweep_within(LIMIT_MS, is, arg);
}

/* ---------------------------------------------------------------- one sweep */

/*
 * k instructions, or calls, on; true: the call has returned, or never will, for
 * what it waited for went to another. In the bounded way it wakes all the same,
 * to look, again and again.
 */
static bool advance(const struct sweep *s, struct proc *v, unsigned long k)
{
	int naps = sweep_exact() ? INT_MIN : 0;
	unsigned long i = s->by_calls ? 0 : sweep_leap(v, k);
	bool asked = false;

	for (; i < k; i++) {
		if (sweep_returned(v, NULL))
			return true;
		if (!(s->by_calls ? sweep_call(v) : sweep_step(v))) {
			if (i + 1 == k)
				return false; /* to be killed in its sleep */
			if (s->asleep && !asked)
				s->asleep(s->row);
			asked = true;
			if (++naps > NAPS_MAX || !sweep_wakes(v))
				return true;
		}
		if (v->ended || v->signal)
			return true;
	}
	return false;
}

const char *sweep_point(const void *arg, unsigned long k, bool *over)
{
	const struct sweep *s = arg;
	const char *wrong;
	struct proc *v;

	s->begin(s->row);
	v = sweep_trace(s->victim, s->row);
	if (s->marked)
		s->marked(s->row);
	*over = advance(s, v, k);
	sweep_note("at %#lx", sweep_place(v));
	if (s->look)
		s->look(s->row);
	wrong = v->signal ? "the victim crashed" : NULL;
	sweep_slay(v);
	if (!wrong)
		wrong = s->judge(s->row);
	sweep_slay_all();
	s->end(s->row);
	return wrong;
}

void sweep_note_side(const char *name, const struct side_shm *side)
{
	sweep_note(", %s %#llx hint %#llx index %llu", name,
		   (unsigned long long)side->word,
		   (unsigned long long)side->hint,
		   (unsigned long long)side->index);
}

static void show(const char *name, unsigned long k, const char *wrong)
{
	printf("# %s, k=%lu: %s; %s\n", name, k, wrong, note);
}

static const char *tell_once(const struct story *s, unsigned long k, bool *over)
{
	const char *wrong;

	if (area)
		memset(area, 0, area_size);
	note[0] = '\0';
	alarm((unsigned int)(WATCHDOG_S * sweep_slow));
	sweep_ways_begin();
	*over = false;
	wrong = s->point(s->row, k, over);
	sweep_slay_all();
	return wrong;
}

/* and again, if a process did not find the way: what was seen then is nothing
   to go by */
static const char *tell_point(const struct story *s, unsigned long k,
			      bool *over)
{
	double slowest = slowest_ms;
	const char *wrong = tell_once(s, k, over);

	while (sweep_strayed()) {
		slowest_ms = slowest;
		again++;
		wrong = tell_once(s, k, over);
	}
	return wrong;
}

/* points of the bounded way take longer */
static unsigned int short_stride(const struct story *s)
{
	return sweep_exact() ? s->stride / EXACT_PART + 1
			     : (s->stride + !s->stride) * BOUNDED_PART;
}

static bool tell(const struct story *s, bool in_short)
{
	unsigned int stride = in_short ? short_stride(s) : 1;
	unsigned long points = 0, bad = 0;
	bool over = false, control = getenv("SWEEP_CONTROL");
	double from = sweep_now_ms(), hurry = SHORT_MS;

	slowest_ms = 0;
	again = 0;
	sweep_ways_forget();
	for (unsigned long k = 0; !over && !(control && bad);
	     k += stride, points++) {
		const char *wrong;

		if (in_short && !control && sweep_now_ms() - from > hurry) {
			stride *= 2;
			hurry += SHORT_MS;
		}

		wrong = tell_point(s, k, &over);
		if (wrong && bad++ < SHOWN)
			show(s->name, k, wrong);
	}
	if (again)
		printf("# %s: told again: %lu\n", s->name, again);
	printf("%sok - %s: %lu points, %lu bad, slowest recovery %.1f ms\n",
	       bad ? "not " : "", s->name, points, bad, slowest_ms);
	return !bad;
}

/* --------------------------------------------------------------------- main */

static unsigned int lane, lanes = 1;

/* SWEEP_LANE=I/N: every Nth sweep, beginning with the Ith, on the Ith CPU */
static void choose_lane(void)
{
	const char *text = getenv("SWEEP_LANE");

	if (text)
		sweep_require(sscanf(text, "%u/%u", &lane, &lanes) == 2 &&
			      lane < lanes);
}

int story_main(int argc, char **argv, const struct story *stories, size_t n)
{
	bool in_short = argc > 1 && !strcmp(argv[1], "short"), ok = true;
	const char *only = argc > 2 ? argv[2] : "";
	size_t matching = 0, mine = 0;

	choose_lane();
	sweep_prepare(lane);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < n; i++)
		if (strstr(stories[i].name, only))
			mine += matching++ % lanes == lane;
	sweep_require(matching);
	printf("1..%zu\n", mine);
	matching = 0;
	for (size_t i = 0; i < n; i++)
		if (strstr(stories[i].name, only) && matching++ % lanes == lane)
			ok &= tell(&stories[i], in_short);
	return !ok;
}

int sweep_main(int argc, char **argv, const struct sweep *sweeps, size_t n)
{
	struct story *stories = calloc(n, sizeof(*stories));
	int r;

	sweep_require(stories);
	for (size_t i = 0; i < n; i++)
		stories[i] = (struct story){sweeps[i].name, &sweeps[i],
					    sweep_point, sweeps[i].stride};
	r = story_main(argc, argv, stories, n);
	free(stories);
	return r;
}
