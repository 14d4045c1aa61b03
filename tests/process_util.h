/* SPDX-License-Identifier: MIT */
/*
 * process_util.h - what the tests of processes have in common
 */
#ifndef LIBIPC_TESTS_PROCESS_UTIL_H
#define LIBIPC_TESTS_PROCESS_UTIL_H

#include "harness.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ------------------------------------------------------ for the test itself */

static inline struct ipc_process *created(ipc_process_fn *fn, void *arg,
					  uint32_t flags)
{
	const struct ipc_process_opts opts = {.flags = flags};
	struct ipc_process *p = NULL;

	assert_int_equal(ipc_process_create(&p, fn, arg, &opts), 0);
	return p;
}

static inline struct ipc_process *started(ipc_process_fn *fn, void *arg,
					  uint32_t flags)
{
	struct ipc_process *p = created(fn, arg, flags);

	assert_int_equal(ipc_process_start(p), 0);
	return p;
}

/* joins and closes it; the exit code */
static inline int finished(struct ipc_process *p)
{
	int code = -1000;

	assert_int_equal(ipc_process_join(p, 10000 * test_slow()), 0);
	assert_int_equal(ipc_process_exit_code(p, &code), 0);
	assert_int_equal(ipc_process_close(p), 0);
	return code;
}

static inline void killed(struct ipc_process *p)
{
	assert_int_equal(ipc_process_kill(p), 0);
	assert_int_equal(finished(p), -SIGKILL);
}

/* ------------------------------------------------- for children and threads */

static inline struct ipc_process *child_started(ipc_process_fn *fn, void *arg,
						uint32_t flags)
{
	const struct ipc_process_opts opts = {.flags = flags};
	struct ipc_process *p = NULL;

	child_check(ipc_process_create(&p, fn, arg, &opts) == 0);
	child_check(ipc_process_start(p) == 0);
	return p;
}

static inline int wait_for_ever(void *arg)
{
	(void)arg;
	while (pause() != 0)
		;
	return 0;
}

/* waits for ever, and has told its pid */
static inline int tell_and_wait(void *arg)
{
	*(_Atomic pid_t *)arg = getpid();
	return wait_for_ever(NULL);
}

static inline int return_at_once(void *arg)
{
	(void)arg;
	return 0;
}

/* whether this library has descriptors for processes, and what else Linux
   alone can do; where not, the test says that it is skipped */
static inline void need_process_fds(void)
{
	struct ipc_process *p = started(return_at_once, NULL, 0);
	int fd = ipc_process_fd(p);

	finished(p);
	if (fd != -ENOTSUP)
		return;
	print_message("# skipped: only with descriptors for processes\n");
	skip();
}

static inline int ignore_sigterm(void *arg)
{
	signal(SIGTERM, SIG_IGN);
	return tell_and_wait(arg);
}

/* -------------------------------------------------------------- observation */

/* it runs no more; whoever has to reap an orphan may be slow */
static inline bool gone(pid_t pid)
{
	char state = harness_state(pid);

	return state == 'X' || state == 'Z';
}

/* whether a child of this process has ended and nobody reaped it */
static inline bool has_zombie(void)
{
	siginfo_t info = {.si_pid = 0};

	waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
	return info.si_pid != 0;
}

/* ---------------------------------------------------------- fault injection */

/* for deny(), which is for children; the test says where it is skipped */
static inline void need_filters(void)
{
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0)
		return;
	print_message("# skipped: no filters of system calls here\n");
	skip();
}

/* from now on the system call fails like that, here and in children */
static inline void deny(long call, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = code};

	child_check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	child_check(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

#endif
