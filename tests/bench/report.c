/* SPDX-License-Identifier: MIT */
/*
 * report.c - medians, the table, the CSV file
 */
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <libipc.h>
#include "bench.h"

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void sorted(double *to, const double *from, int n)
{
	memcpy(to, from, (size_t)n * sizeof(*to));
	qsort(to, (size_t)n, sizeof(*to), compare);
}

double median(const double *values, int n)
{
	double v[MAX_ROUNDS];

	sorted(v, values, n);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* ---- the machine ---- */

/* the first "key : value" of a file, without the newline */
static bool look_up(const char *file, const char *key, char *value, int size)
{
	char line[256];
	bool found = false;
	FILE *f = fopen(file, "r");

	while (f && !found && fgets(line, sizeof(line), f)) {
		char *colon = strstr(line, ": ");

		if (!colon || strncmp(line, key, strlen(key)) != 0)
			continue;
		colon[strcspn(colon, "\n")] = '\0';
		snprintf(value, (size_t)size, "%s", colon + 2);
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

static const char *compiler(void)
{
#if defined(__clang__)
	return __VERSION__;
#else
	return "gcc " __VERSION__;
#endif
}

void print_machine(FILE *to)
{
	struct utsname u;
	char cpu[128];

	uname(&u);
	if (!look_up("/proc/cpuinfo", "model name", cpu, sizeof(cpu)))
		snprintf(cpu, sizeof(cpu), "%s", u.machine);
	fprintf(to, "libipc %s on %s, %ld CPUs, %s %s\n", ipc_version(), cpu,
		sysconf(_SC_NPROCESSORS_ONLN), u.sysname, u.release);
}

void report_machine(const struct effort *effort)
{
	double load = 0;

	getloadavg(&load, 1);
	print_machine(stdout);
	printf("%s, ", compiler());
#ifndef __OPTIMIZE__
	printf("NOT OPTIMISED, ");
#endif
	printf("load %.1f, %d rounds of about %.0f ms a run\n\n", load,
	       effort->rounds, effort->run_ns / 1e6);
}

/* ---- the table ---- */

static void column(const double (*ns)[MAX_FIGURES], int figure, int rounds,
		   double *values)
{
	for (int r = 0; r < rounds; r++)
		values[r] = ns[r][figure];
}

double speeds(const struct outcome *o, int peer, int figure, double *v)
{
	for (int r = 0; r < o->rounds; r++)
		v[r] = o->ns[peer][r][figure] / o->ns[0][r][figure];
	return median(v, o->rounds);
}

const char *brief(double v, char text[16])
{
	snprintf(text, 16, "%.*f", v < 10 ? 2 : v < 1000 ? 1 : 0, v);
	return text;
}

static double median_of(const struct outcome *o, int who, int figure)
{
	double v[MAX_ROUNDS] = {0};

	column(o->ns[who], figure, o->rounds, v);
	return median(v, o->rounds);
}

/* beside one peer, which may be the best of some; goal 0: none */
static void row(const struct outcome *o, const char *what, const char *beside,
		int peer, int figure, double goal)
{
	double v[MAX_ROUNDS] = {0}, speed = speeds(o, peer, figure, v);
	int n = o->rounds, pad;
	char a[16], b[16];

	sorted(v, v, n);
	printf(" %8s", brief(median_of(o, peer, figure), a));
	printf(" %7sx", brief(speed, a));
	printf(" %6s .. %s", brief(v[0], a), brief(v[n - 1], b));
	pad = 6 - (int)strlen(b);
	if (o->contest->apart)
		printf("%*.0f", pad + 6, median(o->line_ns, n));
	else if (goal > 0)
		printf("%*s", pad + 6, "");
	if (goal > 0)
		printf(" %5sx %s", brief(goal, a),
		       speed < goal ? "MISSED" : "reached");
	putchar('\n');
	if (goal > 0)
		judge(what, beside, speed, v[0], v[n - 1], goal);
}

void report_heading(void)
{
	printf("%-30s %8s  %-32s %8s %8s %6s .. %-6s %5s %6s\n", "what",
	       "ours, ns", "beside", "its, ns", "speed", "min", "max", "line",
	       "goal");
}

/* a line with a goal can be read alone, also without those before it */
static void begin_row(const struct outcome *o, const char *what, int figure,
		      const char *beside, bool whole)
{
	char ours[16];

	brief(median_of(o, 0, figure), ours);
	printf("%-30s %8s  %-32s", whole ? what : "", whole ? ours : "",
	       beside);
}

static void report_best(const struct outcome *o, const char *what, int figure,
			bool spins, double goal)
{
	const char *does = !spins		   ? "sleeps"
			   : o->contest->pairs > 1 ? "yields"
						   : "spins";
	int best = best_peer(o, figure, spins);
	char beside[64];

	if (goal <= 0)
		return;
	snprintf(beside, sizeof(beside), "best that %s", does);
	begin_row(o, what, figure, beside, true);
	if (best)
		row(o, what, beside, best, figure, goal);
	else
		printf(" none was measured\n");
}

static void report_peer(const struct outcome *o, const char *what, int figure,
			int peer, bool first)
{
	const struct entrant *e = &o->contest->entrants[peer];
	const char *name = entrant_name(o->contest, e);

	begin_row(o, what, figure, name, first || e->goal[figure] > 0);
	if (o->there[peer])
		row(o, what, name, peer, figure, e->goal[figure]);
	else if (e->program)
		printf(" not measured (%s)\n", e->program->package);
	else
		printf(" not on this system\n");
}

static void report_figure(const struct outcome *o, int figure)
{
	const struct contest *c = o->contest;
	const char *name = c->figure[figure];
	bool first = true;
	char what[64];

	snprintf(what, sizeof(what), "%s%s%s", c->name, name ? ", " : "",
		 name ? name : "");
	for (int peer = 1; peer < o->entrants; peer++) {
		if (entrant_lacks(&c->entrants[peer]))
			continue; /* report_missing() says so */
		report_peer(o, what, figure, peer, first);
		first = false;
	}
	report_best(o, what, figure, false, c->goal_sleeping);
	report_best(o, what, figure, true, c->goal_spinning);
}

void report(const struct outcome *o)
{
	for (int f = 0; f < MAX_FIGURES; f++)
		if (f == 0 || o->contest->figure[f])
			report_figure(o, f);
	fflush(stdout);
}

static bool named_before(const struct entrant *e, const struct contest *until)
{
	for (const struct contest *c = contests; c <= until; c++)
		for (int i = 0; i < MAX_ENTRANTS; i++) {
			if (&c->entrants[i] == e)
				return false;
			if (c->entrants[i].transport == e->transport)
				return true;
		}
	return false;
}

void report_missing(void)
{
	for (size_t i = 0; i < n_contests; i++)
		for (int j = 0; j < MAX_ENTRANTS; j++) {
			const struct contest *c = &contests[i];
			const struct entrant *e = &c->entrants[j];

			if (entrant_lacks(e) && !named_before(e, c))
				printf("not measured: %s (%s)\n",
				       e->transport->name, entrant_lacks(e));
		}
}

void report_footing(void)
{
	printf("\n"
	       "speed: its time divided by ours, the median of the rounds and "
	       "their extremes;\n"
	       "above 1 the library is faster. Times are medians and depend on "
	       "the machine.\n"
	       "line: what a cache line took from one CPU to the other and "
	       "back, meanwhile.\n"
	       "spins: never sleeps; yields: nor does it, but lets others run, "
	       "because there are\n"
	       "more of them than CPUs. The best is the fastest in the "
	       "median.\n"
	       "goal: the speed that is wanted.\n");
}

/* ---- CSV ---- */

void report_csv_heading(FILE *csv)
{
	fprintf(csv, "what,figure,beside,round,ours_ns,its_ns,speed,line_ns\n");
}

void report_csv(const struct outcome *o, FILE *csv)
{
	const struct contest *c = o->contest;

	for (int f = 0; f < MAX_FIGURES; f++)
		for (int peer = 1; peer < o->entrants; peer++)
			for (int r = 0; r < o->rounds; r++) {
				double a = o->ns[0][r][f];
				double b = o->ns[peer][r][f];

				if (!o->there[peer] || (f && !c->figure[f]))
					continue;
				fprintf(csv,
					"\"%s\",%s,\"%s\",%d,%.1f,%.1f,%.3f,"
					"%.0f\n",
					c->name,
					c->figure[f] ? c->figure[f] : "",
					entrant_name(c, &c->entrants[peer]),
					r + 1, a, b, b / a, o->line_ns[r]);
			}
}
