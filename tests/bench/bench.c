/* SPDX-License-Identifier: MIT */
/*
 * bench.c - how fast the library is beside what there is without it
 *
 *	bench [--quick] [--rounds N] [--only TEXT] [--csv FILE] [--goals FILE]
 *
 * --only runs the contests with TEXT in their names; --quick makes every run
 * short; --csv has every round, --goals what the picture is drawn from. See
 * bench.h for how it works.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "bench.h"

enum {
	ROUNDS = 15,
	ROUNDS_MIN = 7,
	RUN_MS = 10,
	QUICK_RUN_MS = 3,
	IDLE_S = 10,
	QUICK_IDLE_S = 1,
};

struct options {
	struct effort effort;
	const char *only;  /* NULL: all */
	FILE *csv, *goals; /* NULL: none */
	double idle_s;
};

static _Noreturn void usage(int status)
{
	fprintf(status ? stderr : stdout,
		"bench [--quick] [--rounds N] [--only TEXT] [--csv FILE] "
		"[--goals FILE]\n"
		"  --quick     short runs, %d rounds\n"
		"  --rounds N  %d to %d rounds, else %d\n"
		"  --only TEXT only what has TEXT in its name, or \"idle\"\n"
		"  --csv FILE  every round of everything\n"
		"  --goals FILE what was wanted and what was reached\n",
		ROUNDS_MIN, 1, MAX_ROUNDS, ROUNDS);
	exit(status);
}

static FILE *open_new(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		fail("%s: %s", path, strerror(errno));
	return f;
}

static void close_new(FILE *f)
{
	if (f && fclose(f))
		fail("cannot write a file: %s", strerror(errno));
}

static int number_of_rounds(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n < 1 || n > MAX_ROUNDS)
		usage(2);
	return (int)n;
}

static struct options parse(int argc, char **argv)
{
	static const struct option known[] = {
		{"quick", no_argument, NULL, 'q'},
		{"rounds", required_argument, NULL, 'r'},
		{"only", required_argument, NULL, 'o'},
		{"csv", required_argument, NULL, 'c'},
		{"goals", required_argument, NULL, 'g'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct options o = {.effort = {ROUNDS, RUN_MS * 1e6}, .idle_s = IDLE_S};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'q') {
			o.effort =
				(struct effort){ROUNDS_MIN, QUICK_RUN_MS * 1e6};
			o.idle_s = QUICK_IDLE_S;
		} else if (c == 'r')
			o.effort.rounds = number_of_rounds(optarg);
		else if (c == 'o')
			o.only = optarg;
		else if (c == 'c')
			o.csv = open_new(optarg);
		else if (c == 'g')
			o.goals = open_new(optarg);
		else
			usage(c == 'h' ? 0 : 2);
	}
	if (optind != argc)
		usage(2);
	return o;
}

static bool wanted(const struct options *o, const char *name)
{
	return !o->only || strstr(name, o->only);
}

static void run(const struct options *o, const struct contest *c, int cpus)
{
	static struct outcome outcome;

	if (c->apart && cpus < 2) {
		printf("%-26s skipped: it needs two CPUs\n", c->name);
		return;
	}
	run_rounds(c, &o->effort, &outcome);
	report(&outcome);
	if (o->csv)
		report_csv(&outcome, o->csv);
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	int cpus = choose_cpus(), ran = 0;

	report_machine(&o.effort);
	report_missing();
	if (o.csv)
		report_csv_heading(o.csv);
	for (size_t i = 0; i < n_contests; i++) {
		if (!wanted(&o, contests[i].name))
			continue;
		if (!ran++)
			report_heading();
		run(&o, &contests[i], cpus);
	}
	if (ran)
		report_footing();
	if (wanted(&o, "idle"))
		idle(o.idle_s);
	else if (!ran)
		fail("no contest has \"%s\" in its name", o.only);
	goals_report();
	if (o.goals)
		goals_data(o.goals);
	close_new(o.csv);
	close_new(o.goals);
	return 0;
}
