/* SPDX-License-Identifier: MIT */
/*
 * rounds.c - calibrates and runs one contest
 */
#include "bench.h"

const char *entrant_name(const struct entrant *e)
{
	if (e->transport)
		return e->transport->name;
	if (e->lock)
		return e->lock->name;
	return e->starter ? e->starter->name : NULL;
}

/* how many steps take about as long as a run should; 0: it is missing */
static long calibrate(const struct contest *c, const struct entrant *e,
		      double run_ns)
{
	double ns[MAX_FIGURES], steps;

	if (!c->run(c, e, c->min_steps, ns))
		return 0;
	steps = run_ns / ns[0] / (c->pairs ? c->pairs : 1);
	return steps > (double)c->min_steps ? (long)steps : c->min_steps;
}

void run_rounds(const struct contest *c, const struct effort *effort,
		struct outcome *o)
{
	long steps[MAX_ENTRANTS];
	int n = 0;

	for (; n < MAX_ENTRANTS && entrant_name(&c->entrants[n]); n++) {
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
				c->run(c, &c->entrants[who], steps[who],
				       o->ns[who][round]);
		}
	}
}
