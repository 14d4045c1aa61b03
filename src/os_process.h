/* SPDX-License-Identifier: MIT */
/*
 * os_process.h - what processes need of the operating system: the contract
 *
 * A descriptor that stands for a process, whatever becomes of its number, and
 * a death that follows the parent's. os_process_linux.c fulfils it. A system
 * that has no such descriptors answers -ENOSYS to all that asks for them, and
 * process.c then does what fork(), kill() and waitpid() can do.
 */
#ifndef IPCI_OS_PROCESS_H
#define IPCI_OS_PROCESS_H

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * A descriptor, close-on-exec, that poll() finds readable when the process has
 * ended; or -ENOSYS, -EMFILE, -ENFILE, -ENOMEM, -ESRCH.
 */
int ipci_os_process_open(pid_t pid);

/*
 * Sends a signal to the process behind the descriptor, or to the process group
 * that it leads, or led: its number is not used for another one meanwhile.
 * 0, -EPERM, -ESRCH (nobody is there), -ENOSYS.
 */
int ipci_os_process_signal(int fd, int sig);
int ipci_os_group_signal(int fd, int sig);

/* the process that is about to fork, as its child must know it */
struct ipci_os_parent {
	pid_t pid;
	int fd;		  /* stands for it, or -1: none on this system */
	bool main_thread; /* the main thread forks */
};

/* before the fork: 0, -EMFILE, -ENFILE, -ENOMEM; and when it is over */
int ipci_os_parent_init(struct ipci_os_parent *parent);
void ipci_os_parent_close(struct ipci_os_parent *parent);

/*
 * In the child, with all signals blocked: it is killed from now on when the
 * parent has ended, even if that came before this call. Takes parent->fd.
 */
void ipci_os_die_with(struct ipci_os_parent *parent);

#endif
