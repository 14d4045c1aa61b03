/* SPDX-License-Identifier: MIT */
/*
 * os_process_posix.c - os_process.h with what POSIX has: numbers of processes,
 * no descriptors for them, and a look now and then whether the parent is there
 */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "os_process.h"

enum {
	STACK_SIZE = 1 << 16, /* of the thread that watches */
};

/* between two looks for the parent */
#define STEP_NS 20000000

int ipci_os_process_open(pid_t pid)
{
	(void)pid;
	return -ENOSYS;
}

int ipci_os_process_signal(int fd, int sig)
{
	(void)fd;
	(void)sig;
	return -ENOSYS;
}

int ipci_os_group_signal(int fd, int sig)
{
	return ipci_os_process_signal(fd, sig);
}

int ipci_os_parent_init(struct ipci_os_parent *parent)
{
	parent->pid = getpid();
	parent->fd = -1;
	parent->main_thread = false;
	return 0;
}

void ipci_os_parent_close(struct ipci_os_parent *parent)
{
	(void)parent;
}

/* it cannot be reaped and its number used again while we are its child */
static void *watch(void *arg)
{
	const struct ipci_os_parent *parent = arg;
	const struct timespec step = {0, STEP_NS};

	while (getppid() == parent->pid)
		nanosleep(&step, NULL);
	kill(getpid(), SIGKILL);
	return NULL;
}

static int start_watch(struct ipci_os_parent *parent, size_t stack_size)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (stack_size)
		pthread_attr_setstacksize(&attr, stack_size);
	r = pthread_create(&thread, &attr, watch, parent);
	pthread_attr_destroy(&attr);
	return r;
}

void ipci_os_die_with(struct ipci_os_parent *parent)
{
	static struct ipci_os_parent watched;

	watched = *parent;
	/* the program's thread-local data may need more than our small stack */
	if (start_watch(&watched, STACK_SIZE) == 0 ||
	    start_watch(&watched, 0) == 0)
		return;
	/* no thread: rather gone too early than left behind */
	kill(getpid(), SIGKILL);
}
