/* SPDX-License-Identifier: MIT */
/*
 * count.c - how many of its instructions the library executes in each call,
 * when nobody else is there
 *
 *	count [more]
 *
 * A child makes the calls, and its parent steps it through them one instruction
 * at a time. What is counted lies in the program, which has the library inside:
 * libc and the kernel do not count, because they are others elsewhere. So the
 * numbers depend on nothing but the compiler, its flags and the machine's kind.
 * (callgrind would count the bounded back end: valgrind has no futex_waitv.)
 *
 * Prints what they depend on, in a line that begins with #, and then for each
 * call its name and instructions: the fewest of some calls. Time stands still,
 * for on a busy machine there would be more to do in each call (a pipe looks
 * now and then who is left). "more" executes some 6 % more of them, which
 * whoever compares must notice. Exit code 77: it cannot count here, and the
 * line says why.
 */
#include <elf.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libipc.h>

enum {
	LEN = 64,
	BATCH = 16,
	DEPTH = 1024,
	WARM = 50,    /* calls at full speed before each that it counts */
	COUNTED = 15, /* calls that it counts */
	CANNOT = 77,
};

/* what the library calls instead of clock_gettime */
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	(void)clock;
	*t = (struct timespec){.tv_sec = 1000};
	return 0;
}

/* ---- the calls ---- */

static struct ipc_mutex *mutex;
static struct ipc_queue *queue, *growing, *tasks;
static struct ipc_pipe *ends[2];
static char item[BATCH * LEN];

static int nothing(void)
{
	return 0;
}

static int lock(void)
{
	return ipc_mutex_lock(mutex, LIBIPC_FOREVER);
}

static int unlock(void)
{
	return ipc_mutex_unlock(mutex);
}

static int put(void)
{
	return ipc_queue_put(queue, item, LEN, LIBIPC_FOREVER);
}

static int get(void)
{
	return ipc_queue_get(queue, item, LEN, LIBIPC_FOREVER);
}

static int put_growing(void)
{
	return ipc_queue_put(growing, item, LEN, LIBIPC_FOREVER);
}

static int get_growing(void)
{
	return ipc_queue_get(growing, item, LEN, LIBIPC_FOREVER);
}

static int put_many(void)
{
	return ipc_queue_put_many(queue, item, LEN, BATCH, LIBIPC_FOREVER);
}

static int get_many(void)
{
	return ipc_queue_get_many(queue, item, LEN, NULL, BATCH,
				  LIBIPC_FOREVER);
}

static int send(void)
{
	return ipc_pipe_send(ends[1], item, LEN, LIBIPC_FOREVER);
}

static int recv(void)
{
	return ipc_pipe_recv(ends[0], item, LEN, LIBIPC_FOREVER);
}

static int put_task(void)
{
	return ipc_queue_put(tasks, item, LEN, LIBIPC_FOREVER);
}

static int get_task(void)
{
	return ipc_queue_get(tasks, item, LEN, LIBIPC_FOREVER);
}

static int task_done(void)
{
	return ipc_queue_task_done(tasks);
}

/* calls that are made in turns; after the last all is as it was */
static const struct cycle {
	struct {
		const char *name;
		int (*call)(void);
		int answer;
	} step[3];
} cycles[] = {
	{{{"nothing", nothing, 0}}},
	{{{"lock", lock, 0}, {"unlock", unlock, 0}}},
	{{{"put", put, 0}, {"get", get, LEN}}},
	{{{"growing_put", put_growing, 0}, {"growing_get", get_growing, LEN}}},
	{{{"put_many", put_many, BATCH}, {"get_many", get_many, BATCH}}},
	{{{"send", send, 0}, {"recv", recv, LEN}}},
	{{{"joinable_put", put_task, 0},
	  {"joinable_get", get_task, LEN},
	  {"task_done", task_done, 0}}},
};

static void make_objects(void)
{
	const struct ipc_queue_opts plain = {.maxsize = DEPTH,
					     .item_size = LEN};
	const struct ipc_queue_opts unbounded = {.item_size = LEN};
	const struct ipc_queue_opts joinable = {
		.maxsize = DEPTH, .item_size = LEN, .flags = LIBIPC_JOINABLE};
	const struct ipc_pipe_opts simplex = {.flags = LIBIPC_SIMPLEX};

	if (ipc_mutex_create(&mutex, NULL, NULL) ||
	    ipc_queue_create(&queue, NULL, &plain) ||
	    ipc_queue_create(&growing, NULL, &unbounded) ||
	    ipc_queue_create(&tasks, NULL, &joinable) ||
	    ipc_pipe_create(ends, &simplex)) {
		fprintf(stderr, "count: an object cannot be made\n");
		exit(1);
	}
}

/* ---- the child ---- */

static volatile long more; /* turns of a loop after each call */

/* between two stops lies what is counted */
static int call_counted(int (*call)(void))
{
	int r;

	raise(SIGSTOP);
	r = call();
	for (volatile long i = more; i > 0; i--)
		;
	raise(SIGSTOP);
	return r;
}

static _Noreturn void make_calls(const struct cycle *c, int counted)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(CANNOT);
	for (int turn = 1; turn <= COUNTED * WARM; turn++)
		for (int i = 0; i < 3 && c->step[i].name; i++) {
			int (*call)(void) = c->step[i].call;
			int r = turn % WARM == 0 && i == counted
					? call_counted(call)
					: call();

			if (r != c->step[i].answer)
				_exit(1);
		}
	_exit(0);
}

/* ---- the parent ---- */

extern const char __executable_start, etext;

static _Noreturn void cannot(const char *why)
{
	printf("# %s\n", why);
	exit(CANNOT);
}

static uintptr_t place(pid_t pid)
{
#if defined(__x86_64__) || defined(__aarch64__)
	struct user_regs_struct regs;
	struct iovec io = {&regs, sizeof(regs)};

	if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &io))
		cannot("the registers of a child cannot be read");
#ifdef __x86_64__
	return regs.rip;
#else
	return regs.pc;
#endif
#else
	(void)pid;
	cannot("it knows x86-64 and aarch64 only");
#endif
}

static bool is_ours(uintptr_t at)
{
	return at >= (uintptr_t)&__executable_start && at < (uintptr_t)&etext;
}

/* waits for its next stop: the signal; 0: it has ended well */
static int next_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		exit(1);
	if (WIFSTOPPED(status))
		return WSTOPSIG(status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT)
		cannot("ptrace is not permitted here");
	if (status != 0) {
		fprintf(stderr, "count: a call went wrong\n");
		exit(1);
	}
	return 0;
}

/* from one stop of its own to the next */
static long step_through(pid_t pid)
{
	long n = 0;

	do {
		n += is_ours(place(pid));
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
			cannot("no single steps here");
	} while (next_stop(pid) == SIGTRAP);
	return n;
}

/* the shortest of some calls */
static long count(const struct cycle *c, int counted)
{
	long n, least = LONG_MAX;
	int calls = 0;
	pid_t pid = fork();

	if (pid == 0)
		make_calls(c, counted);
	for (; next_stop(pid) == SIGSTOP && calls < COUNTED; calls++) {
		n = step_through(pid);
		least = n < least ? n : least;
		ptrace(PTRACE_CONT, pid, NULL, NULL);
	}
	if (calls != COUNTED)
		exit(1);
	return least;
}

static void print_key(void)
{
	struct utsname u;

	uname(&u);
#ifdef __clang__
	printf("# clang %d.%d.%d %s " FLAGS "\n", __clang_major__,
	       __clang_minor__, __clang_patchlevel__, u.machine);
#else
	printf("# gcc %d.%d.%d %s " FLAGS "\n", __GNUC__, __GNUC_MINOR__,
	       __GNUC_PATCHLEVEL__, u.machine);
#endif
}

static void print_call(const struct cycle *c, int i, long around, bool longer)
{
	long n = count(c, i) - around;

	if (longer) {
		more = n / 60 + 1; /* turns of at least 4 instructions */
		n = count(c, i) - around;
		more = 0;
	}
	printf("%s %ld\n", c->step[i].name, n);
}

int main(int argc, char **argv)
{
	bool longer = argc > 1 && !strcmp(argv[1], "more");
	long around = count(&cycles[0], 0);

	if (ipc_caps() != LIBIPC_CAP_EXACT_WAKE)
		cannot("the references are for the exact back end");
	make_objects();
	print_key();
	for (size_t i = 1; i < sizeof(cycles) / sizeof(*cycles); i++)
		for (int j = 0; j < 3 && cycles[i].step[j].name; j++)
			print_call(&cycles[i], j, around, longer);
	return 0;
}
