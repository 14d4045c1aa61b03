/* SPDX-License-Identifier: MIT */
/*
 * bench.c - how fast the library is beside what there is without it
 *
 *	bench [--quick] [--rounds N] [--only TEXT] [--csv FILE]
 *
 * --only runs the contests with TEXT in their names; --quick makes every run
 * short. See bench.h for how it works.
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
	IDLE_S = 2,
};

struct options {
	struct effort effort;
	const char *only; /* NULL: all */
	FILE *csv;	  /* NULL: none */
};

static _Noreturn void usage(int status)
{
	fprintf(status ? stderr : stdout,
		"bench [--quick] [--rounds N] [--only TEXT] [--csv FILE]\n"
		"  --quick     short runs, %d rounds\n"
		"  --rounds N  %d to %d rounds, else %d\n"
		"  --only TEXT only what has TEXT in its name, or \"idle\"\n"
		"  --csv FILE  every round of everything\n",
		ROUNDS_MIN, 1, MAX_ROUNDS, ROUNDS);
	exit(status);
}

static FILE *open_csv(const char *path)
{
	FILE *csv = fopen(path, "w");

	if (!csv)
		fail("%s: %s", path, strerror(errno));
	report_csv_heading(csv);
	return csv;
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
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct options o = {.effort = {ROUNDS, RUN_MS * 1e6}};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'q')
			o.effort =
				(struct effort){ROUNDS_MIN, QUICK_RUN_MS * 1e6};
		else if (c == 'r')
			o.effort.rounds = number_of_rounds(optarg);
		else if (c == 'o')
			o.only = optarg;
		else if (c == 'c')
			o.csv = open_csv(optarg);
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
		idle(IDLE_S);
	else if (!ran)
		fail("no contest has \"%s\" in its name", o.only);
	if (o.csv && fclose(o.csv))
		fail("cannot write the CSV file");
	return 0;
}
