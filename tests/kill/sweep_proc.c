/* SPDX-License-Identifier: MIT */
/*
 * sweep_proc.c - processes that are stepped, stopped and killed, and what the
 * kernel says of them
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/futex.h>

#include <libipc.h>
#include "os.h"
#include "os_linux.h"
#include "sweep_own.h"

enum {
	PROCS = 16,	     /* in one point */
	PATIENCE_MS = 10000, /* with the machine, before the test gives up */
	FAR_MS = 600000,     /* a limit further off than that is none */
};

/* what children tell, beside what the objects say */
struct told {
	_Atomic bool returned;
	_Atomic int value;
};

static struct proc procs[PROCS];
static int used;
static pid_t parent;
static struct told *told;

int sweep_slow = 1;

/* ------------------------------------------------------------------- basics */

void *sweep_map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	sweep_require(p != MAP_FAILED);
	return p;
}

/* sleeps until a child has changed, or for a short while */
void sweep_wait_a_little(void)
{
	const struct timespec delay = {0, 500000};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigtimedwait(&set, NULL, &delay);
}

/* ---------------------------------------------------------------- processes */

static bool child_is_traced;

void sweep_marker(void)
{
	sweep_require(ipci_self());
	if (child_is_traced)
		syscall(SYS_kill, getpid(), SIGSTOP);
}

static _Noreturn void child(int slot, int (*fn)(const void *), const void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (child_is_traced)
		sweep_require(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
	told[slot].value = fn(arg);
	told[slot].returned = true;
	_exit(0);
}

static struct proc *start(int (*fn)(const void *), const void *arg, bool traced)
{
	struct proc *p = &procs[used];

	sweep_require(used < PROCS);
	fflush(stdout);
	child_is_traced = traced;
	*p = (struct proc){.slot = used, .traced = traced};
	p->pid = fork();
	sweep_require(p->pid >= 0);
	if (p->pid == 0)
		child(p->slot, fn, arg);
	used++;
	return p;
}

static void detach(struct proc *p)
{
	ptrace(PTRACE_DETACH, p->pid, NULL, NULL);
	p->stopped = p->traced = false;
}

/* takes note of a change of its state; false: there was none */
static bool notice(struct proc *p)
{
	int status;

	if (p->ended || waitpid(p->pid, &status, WNOHANG) != p->pid)
		return false;
	p->stopped = WIFSTOPPED(status);
	p->ended = !p->stopped;
	if (p->ended && WIFSIGNALED(status))
		p->signal = WTERMSIG(status);
	if (p->stopped && (WSTOPSIG(status) & 0x7f) != SIGTRAP &&
	    WSTOPSIG(status) != SIGSTOP)
		p->signal = WSTOPSIG(status);
	if (p->stopped && p->loose)
		detach(p);
	return true;
}

static bool halted(struct proc *p)
{
	notice(p);
	return p->stopped || p->ended;
}

static void until_stopped(struct proc *p)
{
	double until = sweep_now_ms() + PATIENCE_MS * sweep_slow;

	while (!halted(p)) {
		sweep_require(sweep_now_ms() < until);
		sweep_wait_a_little();
	}
}

struct proc *sweep_spawn(int (*fn)(const void *), const void *arg)
{
	return start(fn, arg, false);
}

struct proc *sweep_trace(int (*fn)(const void *), const void *arg)
{
	struct proc *p = start(fn, arg, true);

	until_stopped(p);
	sweep_require(p->stopped && !p->signal);
	ptrace(PTRACE_SETOPTIONS, p->pid, NULL,
	       (void *)(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD));
	return p;
}

bool sweep_returned(const struct proc *p, int *value)
{
	if (value)
		*value = told[p->slot].value;
	return told[p->slot].returned;
}

bool sweep_ended(struct proc *p)
{
	notice(p);
	return p->ended;
}

pid_t sweep_pid(const struct proc *p)
{
	return p->pid;
}

void sweep_slay(struct proc *p)
{
	int status;

	notice(p);
	if (p->ended)
		return;
	kill(p->pid, SIGKILL);
	while (waitpid(p->pid, &status, 0) == p->pid && WIFSTOPPED(status))
		;
	p->stopped = false;
	p->ended = true;
}

void sweep_slay_all(void)
{
	for (int i = 0; i < used; i++)
		sweep_slay(&procs[i]);
	used = 0;
	memset(told, 0, PROCS * sizeof(*told));
}

/* -------------------------------------------------------------------- sleep */

struct call {
	long nr; /* -1: none */
	unsigned long arg[4];
};

/*
 * The system call that it is blocked in, or stopped at. For a process that
 * runs, or was woken, the file says "running".
 */
static struct call current_call(const struct proc *p)
{
	char path[64], line[256] = "";
	struct call c = {.nr = -1};
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/syscall", p->pid);
	f = fopen(path, "r");
	if (!f)
		return c;
	if (!fgets(line, sizeof(line), f) ||
	    sscanf(line, "%ld %lx %lx %lx %lx", &c.nr, &c.arg[0], &c.arg[1],
		   &c.arg[2], &c.arg[3]) != 5)
		c.nr = -1;
	fclose(f);
	return c;
}

/* where time has 32 bits there are two calls of these each, and libc and the
   library take which they like */
#ifdef SYS_futex_time64
#define FUTEX_TIME64	       SYS_futex_time64
#define CLOCK_NANOSLEEP_TIME64 SYS_clock_nanosleep_time64
#else
#define FUTEX_TIME64	       SYS_futex
#define CLOCK_NANOSLEEP_TIME64 SYS_clock_nanosleep
#endif

/* the POSIX back end pauses by nanosleep, the other one by a futex, too */
static bool is_pause(const struct call *c)
{
	return !sweep_exact() &&
	       (c->nr == SYS_nanosleep || c->nr == SYS_clock_nanosleep ||
		c->nr == CLOCK_NANOSLEEP_TIME64);
}

static bool is_sleep(const struct call *c)
{
	unsigned long op = c->arg[1] & 127;

	return c->nr == SYS_futex_waitv || is_pause(c) ||
	       ((c->nr == SYS_futex || c->nr == FUTEX_TIME64) &&
		(op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET));
}

/* one that was woken and stopped on its way out shows the call, too: so
   whether anything has changed is asked last */
static bool sleeps_in(struct proc *p, struct call *c)
{
	*c = current_call(p);
	return !notice(p) && !p->stopped && !p->ended && is_sleep(c);
}

bool sweep_is_asleep(struct proc *p)
{
	struct call c;

	return sleeps_in(p, &c);
}

/* the fourth argument of both calls is where the time limit is, if any */
static bool is_near(const struct proc *p, unsigned long limit)
{
	struct timespec t = {0, 0};
	struct iovec to = {&t, sizeof(t)}, from = {(void *)limit, sizeof(t)};

	return limit && (process_vm_readv(p->pid, &to, 1, &from, 1, 0) < 0 ||
			 (double)t.tv_sec * 1e3 < sweep_now_ms() + FAR_MS);
}

static bool sleeps_for_ever(struct proc *p)
{
	struct call c;

	return sleeps_in(p, &c) && !is_near(p, c.arg[3]);
}

/* how often it gave up its CPU, or lost it */
static long switches(const struct proc *p)
{
	char path[64], line[128], *at;
	long sum = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", p->pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, "voluntary_ctxt_switches:");
		if (at)
			sum += atol(strchr(at, ':') + 1);
	}
	if (f)
		fclose(f);
	return sum;
}

/* one after another; life[i] tells whether it has lived in between */
static bool all_still(long life[PROCS], bool (*sleeps)(struct proc *))
{
	for (int i = 0; i < used; i++) {
		struct proc *p = &procs[i];

		notice(p);
		if (!p->ended && !p->stopped && !sleeps(p))
			return false;
		life[i] = p->ended ? -1 : p->stopped ? -2 : switches(p);
	}
	return true;
}

/*
 * Nobody but the parent will ever do anything: those who were still both times
 * and have not run in between were all still at once.
 */
static bool is_quiet(bool (*sleeps)(struct proc *))
{
	long first[PROCS], again[PROCS];

	return all_still(first, sleeps) && all_still(again, sleeps) &&
	       memcmp(first, again, (size_t)used * sizeof(*first)) == 0;
}

bool sweep_is_quiet(void)
{
	return is_quiet(sleeps_for_ever);
}

void sweep_until_quiet(void)
{
	double until = sweep_now_ms() + PATIENCE_MS * sweep_slow;

	while (!is_quiet(sweep_exact() ? sleeps_for_ever : sweep_is_asleep)) {
		sweep_require(sweep_now_ms() < until);
		sweep_wait_a_little();
	}
}

void sweep_until_asleep(struct proc *p)
{
	double until = sweep_now_ms() + PATIENCE_MS * sweep_slow;

	while (!sweep_is_asleep(p)) {
		sweep_require(!p->ended && sweep_now_ms() < until);
		sweep_wait_a_little();
	}
}

/* --------------------------------------------------------------------- step */

/* on with it, until it stops again or ends; false: it sleeps */
static bool go(struct proc *p, enum __ptrace_request how)
{
	sweep_require(p->stopped);
	p->stopped = false;
	sweep_require(ptrace(how, p->pid, NULL, NULL) == 0);
	for (;;) {
		sweep_wait_a_little();
		if (halted(p))
			return true;
		if (sweep_is_asleep(p))
			return false;
	}
}

bool sweep_step(struct proc *p)
{
	bool awake;

	sweep_way_step(p);
	awake = go(p, PTRACE_SINGLESTEP);
	if (!awake)
		sweep_way_sleeps(p);
	return awake;
}

bool sweep_steps(struct proc *p, unsigned long k)
{
	for (unsigned long i = sweep_leap(p, k);
	     i < k && !p->ended && !sweep_returned(p, NULL); i++)
		if (!sweep_step(p))
			return false;
	return true;
}

bool sweep_go_on(struct proc *p)
{
	return go(p, PTRACE_CONT);
}

bool sweep_call(struct proc *p)
{
	return go(p, PTRACE_SYSCALL);
}

bool sweep_wakes(struct proc *p)
{
	double until = sweep_now_ms() + PATIENCE_MS * sweep_slow;

	while (!halted(p)) {
		sweep_require(sweep_now_ms() < until);
		if (sweep_is_quiet()) /* it may have stopped since */
			return halted(p);
		sweep_wait_a_little();
	}
	return true;
}

void sweep_to_sleep_entry(struct proc *p)
{
	struct call c;

	do {
		sweep_require(sweep_call(p) && p->stopped);
		c = current_call(p);
	} while (!is_sleep(&c));
}

void sweep_into_sleep(struct proc *p)
{
	while (sweep_call(p))
		sweep_require(p->stopped);
}

void sweep_let_go(struct proc *p)
{
	p->loose = p->traced;
	if (p->loose && p->stopped)
		detach(p);
}

extern const char __executable_start[];

/* where it stands: an address for addr2line, if it is in the program */
unsigned long sweep_place(const struct proc *p)
{
	char path[64], line[256] = "", *last;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/syscall", p->pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	last = strrchr(line, ' ');
	return last ? strtoul(last, NULL, 16) -
			       (unsigned long)__executable_start
		    : 0;
}

/* ------------------------------------------------------------------ prepare */

/* parent and children share a CPU: it is quicker to go to and fro */
static void stay_on_cpu(unsigned int lane)
{
	cpu_set_t all, one;
	size_t cpu = 0;
	int nth;

	CPU_ZERO(&all);
	sched_getaffinity(0, sizeof(all), &all);
	nth = (int)lane % (CPU_COUNT(&all) ? CPU_COUNT(&all) : 1);
	while (cpu < CPU_SETSIZE && (!CPU_ISSET(cpu, &all) || nth-- > 0))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

void sweep_prepare(unsigned int lane)
{
	const char *factor = getenv("TEST_SLOW");
	sigset_t set;

	if (factor && atoi(factor) > 1)
		sweep_slow = atoi(factor);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	stay_on_cpu(lane);
	parent = getpid();
	told = sweep_map(PROCS * sizeof(*told));
	/* asked once in a process; children inherit it */
	ipci_os_many_cpus();
	sweep_require(ipc_caps() > 0);
}
