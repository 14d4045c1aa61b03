/* SPDX-License-Identifier: MIT */
/*
 * children.c - the children that this process has started: who they are, when
 * they have ended, and what becomes of them when we end
 *
 * The one rule about numbers: a pid is ours from fork() until we reap it, not
 * a moment longer. So no signal goes to a pid, and none to a process group,
 * unless the child was looked at under the same lock and is not reaped; where
 * the system has descriptors for processes, the signal goes through them.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "process.h"
#include "os_process.h"

enum {
	GRACE_MS = 1000, /* at exit, between SIGTERM and SIGKILL */
	STEP_MS = 20,	 /* longest, where no descriptor tells of the end */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* this process */
static struct {
	struct ipc_process *first; /* its running children */
	uint32_t generation;	   /* forks since the first process */
	unsigned int made;	   /* handles, for their numbers */
	bool daemon;
	bool watches_forks;
	bool at_exit;
	char number[IPCI_PROCESS_NAME - 8]; /* its own; "": not started here */
} self;

/* ---- calls ---- */

void ipci_children_lock(void)
{
	pthread_mutex_lock(&lock);
}

void ipci_children_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

/* waitpid and poll would be cancellation points */
void ipci_children_enter(struct ipci_call *call)
{
	call->error = errno;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &call->cancel_state);
	ipci_children_lock();
}

void ipci_children_leave(const struct ipci_call *call)
{
	ipci_children_unlock();
	pthread_setcancelstate(call->cancel_state, NULL);
	errno = call->error;
}

/* ---- this process and its number ---- */

/*
 * In every forked child, also the program's own: the children are the
 * parent's, and so are the handles. Another thread of the parent may have had
 * the lock, and left the list half changed.
 */
static void after_fork_in_child(void)
{
	pthread_mutex_init(&lock, NULL);
	self.first = NULL;
	self.generation++;
}

bool ipci_process_foreign(const struct ipc_process *p)
{
	return p->generation != self.generation;
}

bool ipci_children_of_daemon(void)
{
	return self.daemon;
}

int ipci_children_number(struct ipc_process *p)
{
	size_t size = sizeof(p->number);
	int len;

	if (!self.watches_forks) {
		if (pthread_atfork(NULL, NULL, after_fork_in_child))
			return -ENOMEM;
		self.watches_forks = true;
	}
	len = snprintf(p->number, size, "%s%s%u", self.number,
		       self.number[0] ? ":" : "", self.made + 1);
	if (len < 0 || (size_t)len >= size)
		return -ENAMETOOLONG;
	p->generation = self.generation;
	self.made++;
	return 0;
}

void ipci_children_become(const struct ipc_process *p)
{
	memcpy(self.number, p->number, sizeof(self.number));
	self.made = 0;
	self.daemon = p->flags & LIBIPC_DAEMON;
}

/* ---- the list ---- */

struct ipc_process *ipci_children_first(void)
{
	return self.first;
}

void ipci_children_add(struct ipc_process *p)
{
	struct ipc_process **end = &self.first;

	while (*end)
		end = &(*end)->next;
	p->next = NULL;
	*end = p;
}

static void forget(struct ipc_process *p)
{
	struct ipc_process **at = &self.first;

	while (*at && *at != p)
		at = &(*at)->next;
	if (*at)
		*at = p->next;
}

/* ---- one child ---- */

static int signal_group(struct ipc_process *p, int sig)
{
	int r = ipci_os_group_signal(p->fd, sig);

	if (r == -ENOSYS)
		r = kill(-p->pid, sig) ? -errno : 0;
	return r;
}

/* whether there is such a child; how it is, is in info */
static bool look_at(const struct ipc_process *p, siginfo_t *info)
{
	int r;

	do
		r = waitid(P_PID, (id_t)p->pid, info,
			   WEXITED | WNOHANG | WNOWAIT);
	while (r && errno == EINTR);
	return r == 0;
}

/*
 * Looks first and reaps afterwards: what is left of a group must be killed
 * while its dead leader still keeps the number. With no leader to be reaped,
 * only the descriptor can say which group is meant.
 */
bool ipci_process_reap(struct ipc_process *p)
{
	siginfo_t info = {.si_pid = 0};

	if (p->state != IPCI_PROCESS_RUNNING)
		return p->state == IPCI_PROCESS_FINISHED;
	p->lost = !look_at(p, &info);
	if (!p->lost && info.si_pid == 0)
		return false;
	if (p->flags & LIBIPC_GROUP && !p->lost)
		signal_group(p, SIGKILL);
	else if (p->flags & LIBIPC_GROUP)
		ipci_os_group_signal(p->fd, SIGKILL);
	while (!p->lost && waitpid(p->pid, NULL, WNOHANG) < 0 && errno == EINTR)
		;
	p->code = info.si_code == CLD_EXITED ? info.si_status & 0xff
					     : -info.si_status;
	p->state = IPCI_PROCESS_FINISHED;
	forget(p);
	return true;
}

void ipci_children_reap(void)
{
	struct ipc_process *p, *next;

	for (p = self.first; p; p = next) {
		next = p->next;
		ipci_process_reap(p);
	}
}

/* it is not reaped, so pid is the child, which may have ended just now */
static int signal_one(struct ipc_process *p, int sig)
{
	int r = ipci_os_process_signal(p->fd, sig);

	if (r == -ENOSYS)
		r = kill(p->pid, sig) ? -errno : 0;
	return r == -ESRCH ? 0 : r;
}

/*
 * The group is signalled as one, its leader with it. But the leader may have
 * gone to another group: it must get SIGKILL, or who waits for it would hang.
 */
int ipci_process_signal(struct ipc_process *p, int sig)
{
	int r;

	if (ipci_process_reap(p))
		return 0;
	if (p->flags & LIBIPC_GROUP) {
		r = signal_group(p, sig);
		if (sig != SIGKILL && r != -ESRCH)
			return r;
	}
	return signal_one(p, sig);
}

/* milliseconds for poll(), never less than what is left */
static int left_ms(int64_t deadline)
{
	int64_t left;

	if (deadline == IPCI_NEVER)
		return -1;
	left = deadline ? deadline - ipci_now_ns() : 0;
	return left > 0 ? (int)((left + 999999) / 1000000) : 0;
}

/*
 * Where no descriptor tells, it looks in steps of 1, 2, 4, ... STEP_MS. So it
 * does when the descriptor has told and there is nothing to reap yet: then a
 * debugger has the child, and hands it over when it likes.
 */
bool ipci_process_wait(struct ipc_process *p, int64_t deadline)
{
	struct pollfd end = {.fd = p->fd, .events = POLLIN};
	int ms, step = 1;
	bool gone;

	p->waiters++;
	while (!(gone = ipci_process_reap(p)) && (ms = left_ms(deadline))) {
		if (end.fd < 0) {
			ms = ms < 0 || ms > step ? step : ms;
			step = 2 * step < STEP_MS ? 2 * step : STEP_MS;
		}
		ipci_children_unlock();
		if (poll(&end, 1, ms) > 0)
			end.fd = -1;
		ipci_children_lock();
	}
	p->waiters--;
	return gone;
}

/* ---- the end of this process ---- */

static struct ipc_process *first_daemon(void)
{
	struct ipc_process *p = self.first;

	while (p && !(p->flags & LIBIPC_DAEMON))
		p = p->next;
	return p;
}

/* one that we may not signal, as it changed its user, is not waited for */
static void signal_daemons(int sig)
{
	struct ipc_process *p, *next;

	for (p = self.first; p; p = next) {
		next = p->next;
		if (p->flags & LIBIPC_DAEMON && ipci_process_signal(p, sig) < 0)
			forget(p);
	}
}

/* the clock only for those: most have none, and a new process pays for it */
static void await_daemons(void)
{
	struct ipc_process *p = first_daemon();
	int64_t deadline = p ? ipci_deadline(GRACE_MS) : 0;

	while (p && ipci_process_wait(p, deadline))
		p = first_daemon();
}

/*
 * Other threads may join and close handles meanwhile: after each sleep we look
 * at the list anew. The program's own forks have inherited this handler, and
 * have an empty list.
 */
void ipci_children_end(void)
{
	struct ipc_process *p;
	struct ipci_call call;

	ipci_children_enter(&call);
	signal_daemons(SIGTERM);
	await_daemons();
	signal_daemons(SIGKILL);
	while ((p = self.first))
		ipci_process_wait(p, IPCI_NEVER);
	ipci_children_leave(&call);
}

int ipci_children_at_exit(void)
{
	if (!self.at_exit) {
		if (atexit(ipci_children_end))
			return -ENOMEM;
		self.at_exit = true;
	}
	return 0;
}
