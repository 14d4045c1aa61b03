/* SPDX-License-Identifier: MIT */
/*
 * mount_util.h - tests with a /dev/shm of their own, where that is permitted
 */
#ifndef LIBIPC_TESTS_MOUNT_UTIL_H
#define LIBIPC_TESTS_MOUNT_UTIL_H

#include "harness.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* the child ends with this where it may not mount */
#define NO_MOUNT 77

static inline bool mount_shm(unsigned long flags, const char *options)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", "/dev/shm", "tmpfs", flags, options) == 0;
}

static inline void run_with_own_shm(int (*fn)(void *))
{
	pid_t pid = spawn_child(fn, NULL);
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	if (info.si_code == CLD_EXITED && info.si_status == NO_MOUNT) {
		expect_exit(pid, NO_MOUNT);
		print_message("# skipped: mounting is not permitted here\n");
		skip();
	}
	expect_exit(pid, 0);
}

#endif
