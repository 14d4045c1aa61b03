/* SPDX-License-Identifier: MIT */
/*
 * peer_python.c - Python's multiprocessing.JoinableQueue, by a program in
 * Python, which says what a put, get and task_done took
 */
#include "bench.h"

#ifndef BENCH_DIR
#define BENCH_DIR "tests/bench"
#endif

static bool ask(const char *command, double *ns)
{
	FILE *f = popen(command, "r");
	bool answered;

	if (!f)
		return false;
	answered = fscanf(f, "%lf", ns) == 1;
	if (pclose(f) != 0 && answered)
		fail("%s failed", command);
	return answered;
}

static bool run(const struct contest *c, long n, double *ns)
{
	char command[256], cpus[32] = "";

	if (c->apart)
		snprintf(cpus, sizeof(cpus), "%d %d", cpu_of(0), cpu_of(1));
	snprintf(command, sizeof(command),
		 "command -v python3 >/dev/null && exec python3 " BENCH_DIR
		 "/joinable.py %zu %ld %s",
		 c->len, n, cpus);
	return ask(command, ns);
}

const struct program python_tasks = {
	.name = "multiprocessing.JoinableQueue",
	.package = "python3",
	.run = run,
};
