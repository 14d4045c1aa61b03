/* SPDX-License-Identifier: MIT */
/*
 * process.h - the handle of a process, for process.c and children.c
 *
 * A handle is private memory of the process that created it. One lock guards
 * all of them, and the list of children: nothing is done under it that can
 * take long. Waiting and fork() happen outside, so that a join in one thread
 * does not block a terminate in another, and so that the program's own
 * pthread_atfork() handlers may take any lock.
 */
#ifndef IPCI_PROCESS_H
#define IPCI_PROCESS_H

#include <ipc/process.h>
#include "os.h"

enum {
	IPCI_PROCESS_NAME = 256, /* bytes, with the zero */
};

/*
 * NEW -> STARTING -> RUNNING -> FINISHED; STARTING -> NEW if fork() failed.
 * To everybody but start, STARTING is not started yet.
 */
enum ipci_process_state {
	IPCI_PROCESS_NEW,
	IPCI_PROCESS_STARTING, /* one thread forks, without the lock */
	IPCI_PROCESS_RUNNING,  /* on the list of children; pid is not reaped */
	IPCI_PROCESS_FINISHED, /* reaped: pid may be anybody's */
};

struct ipc_process {
	struct ipc_process *next; /* children, in order of start */
	ipc_process_fn *fn;
	void *arg;
	uint32_t generation; /* of the process that created it */
	uint32_t flags;
	enum ipci_process_state state;
	pid_t pid;
	int fd;	     /* stands for pid until close, or -1 */
	int code;    /* as ipc_process_exit_code() tells it */
	bool lost;   /* somebody else reaped it: no code */
	int waiters; /* threads that sleep for its end */
	char name[IPCI_PROCESS_NAME];
	char number[IPCI_PROCESS_NAME - 8]; /* "3", or "2:3" in process 2 */
};

/* what a call must leave as it was in the thread that calls */
struct ipci_call {
	int cancel_state;
	int error;
};

/* locked from enter to leave, where errno and the cancel state are restored */
void ipci_children_enter(struct ipci_call *call);
void ipci_children_leave(const struct ipci_call *call);

/* within a call: let others go on, and come back */
void ipci_children_unlock(void);
void ipci_children_lock(void);

/* ---- the rest: between enter and leave, and locked ---- */

/* numbers a new handle: 0, -ENOMEM, -ENAMETOOLONG */
int ipci_children_number(struct ipc_process *p);

/* whether this process is a daemon itself; then its children are */
bool ipci_children_of_daemon(void);

/* the exit rule holds from now on: 0, -ENOMEM */
int ipci_children_at_exit(void);

/* a running child */
void ipci_children_add(struct ipc_process *p);

struct ipc_process *ipci_children_first(void);

/* reaps all that have ended */
void ipci_children_reap(void);

/* whether the child has ended; reaps it */
bool ipci_process_reap(struct ipc_process *p);

/* sleeps, unlocked meanwhile, until the child has ended: whether it has */
bool ipci_process_wait(struct ipc_process *p, int64_t deadline);

/* 0, also if it has ended, or -EPERM */
int ipci_process_signal(struct ipc_process *p, int sig);

/* ---- not locked ---- */

/* whether another process, of which we are a fork, created the handle */
bool ipci_process_foreign(const struct ipc_process *p);

/* in the child, which has only one thread: it is this process from now on */
void ipci_children_become(const struct ipc_process *p);

/* the exit rule: daemons are stopped, the others are waited for */
void ipci_children_end(void);

#endif
