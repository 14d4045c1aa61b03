/* SPDX-License-Identifier: MIT */
/*
 * run_other.c - locks that nobody else wants, and processes that end at once
 */
#include "bench.h"

struct job {
	const struct entrant *e;
	void *lock;
	long steps;
};

static void describe(void *arg, FILE *out)
{
	const struct job *j = arg;

	if (j->lock && j->e->lock->describe)
		j->e->lock->describe(j->lock, out);
}

static void work_lock(int me, void *arg, struct result *r)
{
	const struct job *j = arg;
	const struct lock *k = j->e->lock;

	(void)me;
	for (long i = -j->steps / 10; i < j->steps; i++) {
		if (i == 0)
			r->start_ns = cpu_ns();
		if (k->lock(j->lock) || k->unlock(j->lock))
			fail("%s failed", k->name);
	}
	r->end_ns = cpu_ns();
}

static void work_starter(int me, void *arg, struct result *r)
{
	const struct job *j = arg;
	const struct starter *k = j->e->starter;

	(void)me;
	for (long i = -1; i < j->steps; i++) {
		if (i == 0)
			r->start_ns = now_ns();
		if (k->start_and_join())
			fail("%s failed", k->name);
	}
	r->end_ns = now_ns();
}

static double run(struct job *j, void (*work)(int, void *, struct result *),
		  const char *what)
{
	struct crew crew = {.parties = 1,
			    .cpu = {j->lock ? 0 : -1},
			    .work = work,
			    .arg = j,
			    .what = what,
			    .describe = describe};
	const struct result *r = run_crew(&crew);

	return (r->end_ns - r->start_ns) / (double)j->steps;
}

bool run_lock(const struct contest *c, const struct entrant *e, long n,
	      double ns[MAX_FIGURES])
{
	struct job j = {.e = e, .steps = n};

	(void)c;
	j.lock = e->lock->open();
	if (!j.lock)
		return false;
	ns[0] = run(&j, work_lock, e->lock->name);
	e->lock->close(j.lock);
	return true;
}

bool run_starter(const struct contest *c, const struct entrant *e, long n,
		 double ns[MAX_FIGURES])
{
	struct job j = {.e = e, .steps = n};

	(void)c;
	ns[0] = run(&j, work_starter, e->starter->name);
	return true;
}
