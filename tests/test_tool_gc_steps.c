/* SPDX-License-Identifier: MIT */
/*
 * test_tool_gc_steps.c - libipc gc is stopped at each of its system calls, from
 * where it asks whether there are users: killed there, it leaves a whole object
 * or none; and an opener that comes just then is never robbed
 */
#include "tool_util.h"
#include "named_util.h"
#include "trace_util.h"

#include <sys/syscall.h>

#include <linux/ptrace.h> /* after sys/ptrace.h */

/* where a file's length had 32 bits, libc makes the newer call */
#ifdef SYS_fcntl64
#define FCNTL SYS_fcntl64
#else
#define FCNTL SYS_fcntl
#endif

enum { MANY = 1000 };

static struct ran r;

static int become_gc(void *arg)
{
	char path[512];
	int null = open("/dev/null", O_WRONLY);

	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execl(tool_path(path), "libipc", "gc", (char *)arg, (char *)NULL);
	return 127;
}

/* whether it stands before F_SETLEASE */
static bool asks(pid_t pid)
{
	struct ptrace_syscall_info info = {.op = 0};

	ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info);
	return info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == FCNTL &&
	       info.entry.args[1] == F_SETLEASE;
}

/* one that stands still so many stops later; 0: it has ended before, well */
static pid_t gc_at(char *name, int steps)
{
	pid_t pid = spawn_traced(become_gc, name);

	assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, NULL,
				(void *)PTRACE_O_TRACESYSGOOD),
			 0);
	do {
		trace_run(pid);
		assert_true(trace_wait(pid));
	} while (!asks(pid));
	while (steps-- > 0) {
		trace_run(pid);
		if (!trace_wait(pid)) {
			expect_exit(pid, 0);
			return 0;
		}
	}
	return pid;
}

static bool exists(const char *name)
{
	char path[300];
	struct stat st;

	return lstat(path_of(path, name), &st) == 0;
}

/* where it puts what it is about to remove */
static char *aside(char buf[64], pid_t pid)
{
	snprintf(buf, 64, "/.libipc-gc-%d", (int)pid);
	return buf;
}

static void at_each_step(void (*fn)(char *name, pid_t pid))
{
	char name[64];
	int steps;

	for (steps = 0; steps < MANY; steps++) {
		pid_t pid;

		expect_closed(&kinds[QUEUE],
			      new_object(&kinds[QUEUE], unique_name(name, "gc"),
					 0));
		pid = gc_at(name, steps);
		if (pid == 0)
			break;
		fn(name, pid);
		if (exists(name))
			expect_unlinked(name);
	}
	assert_false(exists(name)); /* the last one was not disturbed */
	assert_in_range(steps, 10, MANY - 1);
}

static void kill_it(char *name, pid_t pid)
{
	char rest[64];
	bool there;

	kill_child(pid);
	if (exists(name)) {
		assert_int_equal(try_open(&kinds[QUEUE], name), 0);
		assert_false(exists(aside(rest, pid)));
	} else if (exists(aside(rest, pid))) {
		run_tool(&r, "gc", rest); /* the next one finishes it */
		expect_well(&r);
		assert_false(exists(rest));
	}
	there = exists(name);
	assert_int_equal(try_create(&kinds[QUEUE], name, 0, 0),
			 there ? -EEXIST : 0);
}

static void test_killed(void **state)
{
	(void)state;
	at_each_step(kill_it);
}

/* who got it, has it, and it has its name; or it was not there */
struct opener {
	const char *name;
	_Atomic int result, looked, go;
};

static int open_and_look(void *arg)
{
	struct opener *o = arg;
	void *q = SENTINEL;
	int err = kinds[QUEUE].open(&q, o->name);

	child_check(err == 0 || err == -ENOENT);
	o->result = err ? err : 1;
	while (!o->go)
		sleep_ms(1);
	if (err)
		return 0;
	child_check(exists(o->name));
	child_check(kinds[QUEUE].use(q, q) == 0);
	return kinds[QUEUE].close(q);
}

static int opened, missed;

static void open_meanwhile(char *name, pid_t pid)
{
	struct opener *o = shared_alloc(sizeof(*o));
	pid_t opener;

	o->name = name;
	opener = spawn_child(open_and_look, o);
	/* it has it, or it has not, or it waits for the lease */
	if (!eventually(o->result, 200))
		wait_asleep(opener);
	trace_end(pid);
	expect_exit(pid, 0);
	assert_true(eventually(o->result, 10000));
	opened += o->result == 1;
	missed += o->result == -ENOENT;
	o->go = 1;
	expect_exit(opener, 0);
}

static void test_opened_meanwhile(void **state)
{
	(void)state;
	at_each_step(open_meanwhile);
	assert_true(opened > 0);
	assert_true(missed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_killed, 60),
		TEST_LIMIT(test_opened_meanwhile, 60),
	};

	if (under_sanitizer()) {
		puts("1..0 # SKIP a program that is traced cannot seek leaks");
		return 0;
	}
	return RUN_TESTS(tests);
}
