/* SPDX-License-Identifier: MIT */
/*
 * crew.c - processes that work together; pinning, watchdog
 *
 * The parent sleeps while they work. One that fails, or a crew that does not
 * come to an end, ends the program.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum {
	HUNG_S = 30,
};

static struct arena {
	_Atomic int met;
	struct result result[MAX_PARTIES];
} * arena;

static int cpus[2] = {-1, -1};
static int parties; /* of the crew that this process belongs to */

static double clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

double cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void (*clean_up)(void);

void when_it_fails(void (*fn)(void))
{
	clean_up = fn;
}

void fail(const char *format, ...)
{
	va_list args;

	if (clean_up)
		clean_up();
	va_start(args, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	_exit(1);
}

void *share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail("no memory");
	return p;
}

void give_back(void *p, size_t size)
{
	munmap(p, size);
}

/* ---- CPUs ---- */

int choose_cpus(void)
{
	cpu_set_t set;
	int n = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		fail("sched_getaffinity: %s", strerror(errno));
	for (size_t i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &set))
			cpus[n++] = (int)i;
	return n;
}

int cpu_of(int which)
{
	return cpus[which];
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("sched_setaffinity: %s", strerror(errno));
}

long switches(pid_t pid)
{
	char path[64], line[128];
	long n, sum = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	if (!f)
		fail("no %s", path);
	while (fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, "ctxt_switches:");

		if (at && sscanf(at, "ctxt_switches: %ld", &n) == 1)
			sum += n;
	}
	fclose(f);
	return sum;
}

/* ---- in a party ---- */

const struct result *result_of(int party)
{
	return &arena->result[party];
}

double meet(void)
{
	static int meetings;
	struct backoff b = {0};

	meetings++;
	atomic_fetch_add(&arena->met, 1);
	while (atomic_load(&arena->met) < meetings * parties)
		back_off(&b);
	return now_ns();
}

static _Noreturn void be_party(const struct crew *crew, int me)
{
	struct result *r = &arena->result[me];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	parties = crew->parties;
	r->pid = getpid();
	if (crew->cpu[me] >= 0)
		pin(cpus[crew->cpu[me]]);
	crew->work(me, crew->arg, r);
	_exit(0);
}

/* ---- in the parent ---- */

static void show_proc(pid_t pid, const char *file)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	f = fopen(path, "r");
	if (!f)
		return;
	if (fgets(line, sizeof(line), f))
		fprintf(stderr, "  %s: %s\n", path, line);
	fclose(f);
}

static _Noreturn void hung(const struct crew *crew, const pid_t *pids)
{
	fprintf(stderr, "bench: %s hangs since %d s\n", crew->what, HUNG_S);
	if (crew->describe)
		crew->describe(crew->arg, stderr);
	for (int i = 0; i < crew->parties; i++) {
		if (!pids[i])
			continue;
		show_proc(pids[i], "stat");
		show_proc(pids[i], "wchan");
		show_proc(pids[i], "syscall");
	}
	for (int i = 0; i < crew->parties; i++)
		if (pids[i])
			kill(pids[i], SIGKILL);
	if (clean_up)
		clean_up();
	exit(1);
}

static _Noreturn void failed(const struct crew *crew, const pid_t *pids)
{
	for (int i = 0; i < crew->parties; i++)
		if (pids[i])
			kill(pids[i], SIGKILL);
	fail("%s failed", crew->what);
}

/* how many still run; the pids of the others become 0 */
static int reap(const struct crew *crew, pid_t *pids)
{
	int running = 0, status;

	for (int i = 0; i < crew->parties; i++) {
		if (!pids[i])
			continue;
		if (waitpid(pids[i], &status, WNOHANG) != pids[i]) {
			running++;
			continue;
		}
		pids[i] = 0;
		if (status != 0)
			failed(crew, pids);
	}
	return running;
}

static void wait_for(const struct crew *crew, pid_t *pids, const sigset_t *set)
{
	double until = now_ns() + HUNG_S * 1e9;
	struct timespec second = {1, 0};

	while (reap(crew, pids)) {
		if (now_ns() > until)
			hung(crew, pids);
		sigtimedwait(set, NULL, &second);
	}
}

const struct result *run_crew(const struct crew *crew)
{
	pid_t pids[MAX_PARTIES];
	sigset_t child, before;

	if (!arena)
		arena = share(sizeof(*arena));
	memset(arena, 0, sizeof(*arena));
	fflush(NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before);
	for (int i = 0; i < crew->parties; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			be_party(crew, i);
		if (pids[i] < 0)
			fail("fork: %s", strerror(errno));
	}
	wait_for(crew, pids, &child);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return arena->result;
}
