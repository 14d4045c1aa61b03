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

void report_machine(const struct effort *effort)
{
	struct utsname u;
	char cpu[128];
	double load = 0;

	uname(&u);
	if (!look_up("/proc/cpuinfo", "model name", cpu, sizeof(cpu)))
		snprintf(cpu, sizeof(cpu), "%s", u.machine);
	getloadavg(&load, 1);
	printf("libipc %s on %s, %ld CPUs, %s %s\n", ipc_version(), cpu,
	       sysconf(_SC_NPROCESSORS_ONLN), u.sysname, u.release);
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

/* how many times as fast as the peer, in each round */
static void speeds(const struct outcome *o, int peer, int figure, double *v)
{
	for (int r = 0; r < o->rounds; r++)
		v[r] = o->ns[peer][r][figure] / o->ns[0][r][figure];
}

/* three digits that count, more or less */
static const char *brief(double v, char text[16])
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

static void row(const struct outcome *o, int peer, int figure)
{
	double v[MAX_ROUNDS] = {0};
	int n = o->rounds;
	char a[16], b[16];

	printf(" %8s", brief(median_of(o, peer, figure), a));
	speeds(o, peer, figure, v);
	printf(" %7sx", brief(median(v, n), a));
	sorted(v, v, n);
	printf(" %6s .. %s", brief(v[0], a), brief(v[n - 1], b));
	if (o->contest->apart)
		printf("%*.0f", 12 - (int)strlen(b), median(o->line_ns, n));
	putchar('\n');
}

void report_heading(void)
{
	printf("%-26s %8s  %-29s %8s %8s %6s .. %-6s %5s\n", "what", "ours, ns",
	       "beside", "its, ns", "speed", "min", "max", "line");
}

static void report_figure(const struct outcome *o, int figure)
{
	const struct contest *c = o->contest;
	const char *name = c->figure[figure];
	char what[64], ours[16];

	snprintf(what, sizeof(what), "%s%s%s", c->name, name ? ", " : "",
		 name ? name : "");
	brief(median_of(o, 0, figure), ours);
	for (int peer = 1; peer < o->entrants; peer++) {
		printf("%-26s %8s  %-29s", peer == 1 ? what : "",
		       peer == 1 ? ours : "", entrant_name(&c->entrants[peer]));
		if (o->there[peer])
			row(o, peer, figure);
		else
			printf(" not on this system\n");
	}
}

void report(const struct outcome *o)
{
	for (int f = 0; f < MAX_FIGURES; f++)
		if (f == 0 || o->contest->figure[f])
			report_figure(o, f);
	fflush(stdout);
}

void report_footing(void)
{
	printf("\n"
	       "speed: its time divided by ours, the median of the rounds and "
	       "their extremes;\n"
	       "above 1 the library is faster. Times are medians and depend on "
	       "the machine.\n"
	       "line: what a cache line took from one CPU to the other and "
	       "back, meanwhile.\n");
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
					entrant_name(&c->entrants[peer]), r + 1,
					a, b, b / a, o->line_ns[r]);
			}
}
