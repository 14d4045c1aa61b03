/* SPDX-License-Identifier: MIT */
/*
 * rounds.c - calibrates and runs one contest
 */
#include "bench.h"

static const char *transport_name(const struct contest *c,
				  const struct transport *t)
{
	static char name[64];

	if (!t->spins)
		return t->name;
	snprintf(name, sizeof(name), "%s (%s)", t->name,
		 c->pairs > 1 ? "yields" : "spins");
	return name;
}

const char *entrant_name(const struct contest *c, const struct entrant *e)
{
	if (e->name)
		return e->name;
	if (e->transport)
		return transport_name(c, e->transport);
	if (e->lock)
		return e->lock->name;
	if (e->program)
		return e->program->name;
	return e->starter ? e->starter->name : NULL;
}

const char *entrant_lacks(const struct entrant *e)
{
	if (e->transport && !e->transport->open)
		return e->transport->package;
	return NULL;
}

static bool run(const struct contest *c, const struct entrant *e, long n,
		double ns[MAX_FIGURES])
{
	if (entrant_lacks(e))
		return false;
	return e->program ? e->program->run(c, n, ns) : c->run(c, e, n, ns);
}

/* how many steps take about as long as a run should; 0: it is missing */
static long calibrate(const struct contest *c, const struct entrant *e,
		      double run_ns)
{
	double ns[MAX_FIGURES], steps;

	if (!run(c, e, c->min_steps, ns))
		return 0;
	steps = run_ns / ns[0] / (c->pairs ? c->pairs : 1);
	return steps > (double)c->min_steps ? (long)steps : c->min_steps;
}

void run_rounds(const struct contest *c, const struct effort *effort,
		struct outcome *o)
{
	long steps[MAX_ENTRANTS];
	int n = 0;

	for (; n < MAX_ENTRANTS && entrant_name(c, &c->entrants[n]); n++) {
		steps[n] = calibrate(c, &c->entrants[n], effort->run_ns);
		o->there[n] = steps[n] != 0;
	}
	o->contest = c;
	o->rounds = effort->rounds;
	o->entrants = n;
	for (int round = 0; round < o->rounds; round++) {
		o->line_ns[round] = c->apart ? line_round_trip() : 0;
		for (int i = 0; i < n; i++) {
			int who = (round + i) % n;

			if (o->there[who])
				run(c, &c->entrants[who], steps[who],
				    o->ns[who][round]);
		}
	}
}
