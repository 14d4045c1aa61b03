/* SPDX-License-Identifier: MIT */
/*
 * os_process_linux.c - os_process.h on Linux: pidfds and the parent-death
 * signal
 */
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os_process.h"

/* Linux 6.9; newer than many installed headers */
#define SIGNAL_PROCESS_GROUP (1U << 2)

enum {
	STEP_MS = 20,	      /* between two looks, where no pidfd tells */
	STACK_SIZE = 1 << 16, /* of the thread that watches */
};

int ipci_os_process_open(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd >= 0)
		return fd;
	/* EPERM: a sandbox, which forbids what it does not know; ENODEV: a
	   kernel that was built without */
	return errno == EPERM || errno == ENODEV ? -ENOSYS : -errno;
}

/*
 * EPERM may be the sandbox again, and EINVAL an older kernel: the caller goes
 * on with kill(), which tells whether it is really forbidden.
 */
static int send_signal(int fd, int sig, unsigned int flags)
{
	if (fd < 0)
		return -ENOSYS;
	if (syscall(SYS_pidfd_send_signal, fd, sig, NULL, flags) == 0)
		return 0;
	return errno == ESRCH ? -ESRCH : -ENOSYS;
}

int ipci_os_process_signal(int fd, int sig)
{
	return send_signal(fd, sig, 0);
}

int ipci_os_group_signal(int fd, int sig)
{
	return send_signal(fd, sig, SIGNAL_PROCESS_GROUP);
}

int ipci_os_parent_init(struct ipci_os_parent *parent)
{
	parent->pid = getpid();
	parent->main_thread = syscall(SYS_gettid) == parent->pid;
	parent->fd = ipci_os_process_open(parent->pid);
	if (parent->fd >= 0)
		return 0;
	if (parent->fd != -ENOSYS)
		return parent->fd;
	parent->fd = -1;
	return 0;
}

void ipci_os_parent_close(struct ipci_os_parent *parent)
{
	if (parent->fd >= 0)
		close(parent->fd);
	parent->fd = -1;
}

/*
 * The pidfd is readable when the whole parent has ended, and by then we have
 * another parent. While it is still ours, the program has closed the descriptor
 * and its number is something else now: go on without it.
 */
static void *watch(void *arg)
{
	const struct ipci_os_parent *parent = arg;
	struct pollfd end = {.fd = parent->fd, .events = POLLIN};

	do {
		if (poll(&end, 1, end.fd < 0 ? STEP_MS : -1) > 0)
			end.fd = -1;
	} while (getppid() == parent->pid);
	for (;;)
		kill(getpid(), SIGKILL);
	return NULL;
}

static int start_watch(struct ipci_os_parent *parent, size_t stack_size)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r = pthread_attr_init(&attr);

	if (r)
		return r;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (stack_size)
		pthread_attr_setstacksize(&attr, stack_size);
	r = pthread_create(&thread, &attr, watch, parent);
	pthread_attr_destroy(&attr);
	return r;
}

/*
 * The kernel's signal comes when the thread that forked ends: right for the
 * main thread, wrong for any other, whose end means nothing. Our parent is no
 * longer the one that forked us if that has ended before we asked; it is also
 * unknown to us if we are the first process of a new pid namespace. In both
 * cases the pidfd tells which it is.
 */
void ipci_os_die_with(struct ipci_os_parent *parent)
{
	static struct ipci_os_parent watched;

	if (parent->main_thread && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
	    getppid() == parent->pid) {
		ipci_os_parent_close(parent);
		return;
	}
	watched = *parent;
	/* the program's thread-local data may need more than our small stack */
	if (start_watch(&watched, STACK_SIZE) == 0 ||
	    start_watch(&watched, 0) == 0)
		return;
	/* no thread: rather gone too early than left behind */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent->pid)
		kill(getpid(), SIGKILL);
}
