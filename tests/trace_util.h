/* SPDX-License-Identifier: MIT */
/*
 * trace_util.h - children that stop at each system call
 */
#ifndef LIBIPC_TESTS_TRACE_UTIL_H
#define LIBIPC_TESTS_TRACE_UTIL_H

#include "harness.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

/* a child ends with this where tracing is not permitted */
#define NO_TRACE 77

struct traced {
	int (*fn)(void *);
	void *arg;
};

static inline int be_traced(void *arg)
{
	const struct traced *t = arg;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		return NO_TRACE;
	raise(SIGSTOP);
	return t->fn(t->arg);
}

/* whether it stands still now; waits for nothing */
static inline bool trace_stopped(pid_t pid)
{
	int status;

	return waitpid(pid, &status, WNOHANG) == pid && WIFSTOPPED(status);
}

/* waits until it stands still: true; or has ended, and can be reaped: false */
static inline bool trace_wait(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	assert_int_equal(waitid(P_PID, (id_t)pid, &info,
				WEXITED | WSTOPPED | WNOWAIT),
			 0);
	return info.si_code != CLD_EXITED && info.si_code != CLD_KILLED &&
	       trace_stopped(pid);
}

/* lets it run, to where the next system call begins or ends */
static inline void trace_run(pid_t pid)
{
	assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
}

/* and from there on like any other */
static inline void trace_end(pid_t pid)
{
	assert_int_equal(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
}

/* as spawn_child(), and it stands still before fn */
static inline pid_t spawn_traced(int (*fn)(void *), void *arg)
{
	struct traced t = {fn, arg};
	pid_t pid = spawn_child(be_traced, &t);

	if (!trace_wait(pid)) {
		expect_exit(pid, NO_TRACE);
		print_message("# skipped: ptrace is not permitted here\n");
		skip();
	}
	return pid;
}

#endif
