/* SPDX-License-Identifier: MIT */
/*
 * goals.c - which goals are reached; the data of the picture
 *
 * The best of some peers is the one that was the fastest in the median of the
 * rounds, so that it is not a different one in each.
 */
#include "bench.h"

enum {
	MAX_JUDGED = 128,
};

static struct judged {
	char what[64], beside[64];
	double speed, min, max, goal;
} judged[MAX_JUDGED];

static int n_judged, n_goals, n_reached;

void judge_plainly(bool reached)
{
	n_goals++;
	n_reached += reached;
}

/* another's, and not just our own in another way */
static bool is_peer(const struct outcome *o, int i, bool spins)
{
	const struct transport *t = o->contest->entrants[i].transport;

	return o->there[i] && t && !t->ours && t->spins == spins;
}

int best_peer(const struct outcome *o, int figure, bool spins)
{
	double v[MAX_ROUNDS], speed, lowest = 0;
	int best = 0;

	for (int i = 1; i < o->entrants; i++) {
		if (!is_peer(o, i, spins))
			continue;
		speed = speeds(o, i, figure, v);
		if (!best || speed < lowest) {
			best = i;
			lowest = speed;
		}
	}
	return best;
}

void judge(const char *what, const char *beside, double speed, double min,
	   double max, double goal)
{
	struct judged *j = &judged[n_judged];

	if (n_judged == MAX_JUDGED)
		fail("too many goals");
	n_judged++;
	judge_plainly(speed >= goal);
	*j = (struct judged){
		.speed = speed, .min = min, .max = max, .goal = goal};
	snprintf(j->what, sizeof(j->what), "%s", what);
	snprintf(j->beside, sizeof(j->beside), "%s", beside);
}

void goals_report(void)
{
	if (n_goals)
		printf("\n%d of %d goals reached\n", n_reached, n_goals);
}

void goals_data(FILE *data)
{
	fputs("# ", data);
	print_machine(data);
	fprintf(data, "number,what,speed,min,max,goal\n");
	for (int i = 0; i < n_judged; i++) {
		const struct judged *j = &judged[i];

		fprintf(data, "%d,\"%s: %s\",%.3f,%.3f,%.3f,%.3f\n", i + 1,
			j->what, j->beside, j->speed, j->min, j->max, j->goal);
	}
}
