/* SPDX-License-Identifier: MIT */
/*
 * process.c - a child process and its handle
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process.h"
#include "os_process.h"

/* ---- every call on a handle ---- */

static int enter(struct ipci_call *call, const struct ipc_process *p)
{
	if (!p)
		return -EINVAL;
	if (ipci_process_foreign(p))
		return -ECHILD;
	ipci_children_enter(call);
	return 0;
}

static int leave(const struct ipci_call *call, int r)
{
	ipci_children_leave(call);
	return r;
}

static bool started(const struct ipc_process *p)
{
	return p->state == IPCI_PROCESS_RUNNING ||
	       p->state == IPCI_PROCESS_FINISHED;
}

static int enter_started(struct ipci_call *call, const struct ipc_process *p)
{
	int r = enter(call, p);

	if (r == 0 && !started(p))
		r = leave(call, -ESRCH);
	return r;
}

/* ---- create ---- */

static int check_opts(const struct ipc_process_opts *opts)
{
	if (opts->flags & ~(uint32_t)(LIBIPC_DAEMON | LIBIPC_GROUP))
		return -EINVAL;
	if (opts->reserved32)
		return -EINVAL;
	for (size_t i = 0; i < 4; i++) {
		if (opts->reserved[i])
			return -EINVAL;
	}
	if (opts->name && !opts->name[0])
		return -EINVAL;
	if (opts->name &&
	    strnlen(opts->name, IPCI_PROCESS_NAME) == IPCI_PROCESS_NAME)
		return -ENAMETOOLONG;
	return 0;
}

static int number_and_name(struct ipc_process *p, const char *name)
{
	struct ipci_call call;
	int r;

	ipci_children_enter(&call);
	r = ipci_children_number(p);
	if (ipci_children_of_daemon())
		p->flags |= LIBIPC_DAEMON;
	ipci_children_leave(&call);
	if (name)
		memcpy(p->name, name, strlen(name) + 1);
	else
		snprintf(p->name, sizeof(p->name), "Process-%s", p->number);
	return r;
}

int ipc_process_create(struct ipc_process **p, ipc_process_fn *fn, void *arg,
		       const struct ipc_process_opts *opts)
{
	static const struct ipc_process_opts defaults;
	struct ipc_process *new;
	int r;

	if (!p || !fn)
		return -EINVAL;
	if (!opts)
		opts = &defaults;
	r = check_opts(opts);
	if (r < 0)
		return r;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->fn = fn;
	new->arg = arg;
	new->flags = opts->flags;
	new->fd = -1;
	r = number_and_name(new, opts->name);
	if (r < 0) {
		free(new);
		return r;
	}
	*p = new;
	return 0;
}

int ipc_process_set_daemon(struct ipc_process *p, bool daemon)
{
	struct ipci_call call;
	int r = enter(&call, p);

	if (r < 0)
		return r;
	if (p->state != IPCI_PROCESS_NEW)
		return leave(&call, -EALREADY);
	if (!daemon && ipci_children_of_daemon())
		return leave(&call, -EPERM);
	p->flags &= ~(uint32_t)LIBIPC_DAEMON;
	p->flags |= daemon ? LIBIPC_DAEMON : 0;
	return leave(&call, 0);
}

/* ---- start ---- */

/* what the child needs to know of the thread that forks it */
struct launch {
	struct ipc_process *p;
	struct ipci_os_parent parent;
	sigset_t mask;
	int cancel_state;
};

/*
 * So that nothing is printed twice. Input streams stay where they are: glibc
 * and musl only write here, and exit(), which moves the offset of a stdin that
 * parent and child share, is not called. fflush(NULL) locks every stream, and
 * a thread that waits in a read of stdin has that one locked for who knows how
 * long: then the two that matter most.
 */
static void flush_output(void)
{
	if (ftrylockfile(stdin)) {
		fflush(stdout);
		fflush(stderr);
		return;
	}
	fflush(NULL);
	funlockfile(stdin);
}

/* signals are blocked until this process is what the function expects */
static _Noreturn void run_child(struct launch *launch)
{
	struct ipc_process *p = launch->p;
	ipc_process_fn *fn = p->fn;
	void *arg = p->arg;
	int code;

	if (p->flags & LIBIPC_GROUP)
		setpgid(0, 0);
	if (p->flags & LIBIPC_DAEMON)
		ipci_os_die_with(&launch->parent);
	else
		ipci_os_parent_close(&launch->parent);
	ipci_children_become(p);
	p->pid = getpid();
	pthread_sigmask(SIG_SETMASK, &launch->mask, NULL);
	pthread_setcancelstate(launch->cancel_state, NULL);
	code = fn(arg);
	ipci_children_end();
	flush_output();
	_exit(code & 0xff);
}

/*
 * Parent and child both call setpgid: whoever comes first, the group is there
 * before either goes on. The descriptor of the parent itself is what a daemon
 * watches; for all it keeps a place, so that a full table is found before the
 * fork and not after it.
 */
static int fork_child(struct launch *launch)
{
	struct ipc_process *p = launch->p;
	sigset_t all;
	pid_t pid;
	int r = ipci_os_parent_init(&launch->parent);

	if (r < 0)
		return r;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &launch->mask);
	pid = fork();
	if (pid == 0)
		run_child(launch);
	r = pid < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &launch->mask, NULL);
	ipci_os_parent_close(&launch->parent);
	if (pid < 0)
		return r;
	if (p->flags & LIBIPC_GROUP)
		setpgid(pid, pid);
	r = ipci_os_process_open(pid);
	p->fd = r < 0 ? -1 : r;
	return pid;
}

static int start_locked(struct ipc_process *p, int cancel_state)
{
	struct launch launch = {.p = p, .cancel_state = cancel_state};
	int r;

	ipci_children_reap();
	if (p->state != IPCI_PROCESS_NEW)
		return -EALREADY;
	r = ipci_children_at_exit();
	if (r < 0)
		return r;
	p->state = IPCI_PROCESS_STARTING;
	ipci_children_unlock();
	flush_output();
	r = fork_child(&launch);
	ipci_children_lock();
	p->state = r < 0 ? IPCI_PROCESS_NEW : IPCI_PROCESS_RUNNING;
	if (r < 0)
		return r;
	p->pid = r;
	ipci_children_add(p);
	return 0;
}

int ipc_process_start(struct ipc_process *p)
{
	struct ipci_call call;
	int r = enter(&call, p);

	if (r < 0)
		return r;
	return leave(&call, start_locked(p, call.cancel_state));
}

/* ---- wait and signal ---- */

int ipc_process_join(struct ipc_process *p, int timeout_ms)
{
	struct ipci_call call;
	int r = enter_started(&call, p);

	if (r < 0)
		return r;
	if (!ipci_process_wait(p, ipci_deadline(timeout_ms)))
		r = ipci_gave_up(timeout_ms);
	return leave(&call, r);
}

static int send_signal(struct ipc_process *p, int sig)
{
	struct ipci_call call;
	int r = enter_started(&call, p);

	if (r < 0)
		return r;
	return leave(&call, ipci_process_signal(p, sig));
}

int ipc_process_terminate(struct ipc_process *p)
{
	return send_signal(p, SIGTERM);
}

int ipc_process_kill(struct ipc_process *p)
{
	return send_signal(p, SIGKILL);
}

int ipc_process_stop(struct ipc_process *p, int grace_ms)
{
	struct ipci_call call;
	int r = enter_started(&call, p);

	if (r < 0)
		return r;
	r = ipci_process_signal(p, SIGTERM);
	if (r == 0 && !ipci_process_wait(p, ipci_deadline(grace_ms)))
		r = ipci_process_signal(p, SIGKILL);
	if (r == 0)
		ipci_process_wait(p, IPCI_NEVER);
	return leave(&call, r);
}

/* ---- ask ---- */

int ipc_process_is_alive(struct ipc_process *p)
{
	struct ipci_call call;
	int r = enter(&call, p);

	if (r < 0)
		return r;
	return leave(&call, started(p) && !ipci_process_reap(p));
}

int ipc_process_exit_code(struct ipc_process *p, int *code)
{
	struct ipci_call call;
	int r = code ? enter_started(&call, p) : -EINVAL;

	if (r < 0)
		return r;
	if (!ipci_process_reap(p))
		return leave(&call, -EAGAIN);
	if (p->lost)
		return leave(&call, -ECHILD);
	*code = p->code;
	return leave(&call, 0);
}

int ipc_process_fd(struct ipc_process *p)
{
	struct ipci_call call;
	int r = enter_started(&call, p);

	if (r < 0)
		return r;
	return leave(&call, p->fd < 0 ? -ENOTSUP : p->fd);
}

/* a handle of another process is ours alone, and needs no lock */
pid_t ipc_process_pid(struct ipc_process *p)
{
	struct ipci_call call;
	int r = enter(&call, p);

	if (r == -EINVAL)
		return r;
	if (r == -ECHILD)
		return p->pid;
	return leave(&call, p->pid);
}

const char *ipc_process_name(struct ipc_process *p)
{
	return p ? p->name : NULL;
}

int ipc_process_daemon(struct ipc_process *p)
{
	struct ipci_call call;
	int r = enter(&call, p);

	if (r == -EINVAL)
		return r;
	if (r == -ECHILD)
		return !!(p->flags & LIBIPC_DAEMON);
	return leave(&call, !!(p->flags & LIBIPC_DAEMON));
}

int ipc_process_active(struct ipc_process **list, size_t n)
{
	struct ipci_call call;
	struct ipc_process *p;
	size_t total = 0;

	if (!list && n)
		return -EINVAL;
	ipci_children_enter(&call);
	ipci_children_reap();
	for (p = ipci_children_first(); p; p = p->next) {
		if (total < n)
			list[total] = p;
		total++;
	}
	return leave(&call, (int)total);
}

/* ---- close ---- */

static void destroy(struct ipc_process *p)
{
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

int ipc_process_close(struct ipc_process *p)
{
	struct ipci_call call;
	int r = enter(&call, p);

	if (r == -EINVAL)
		return r;
	if (r == -ECHILD) {
		destroy(p);
		return 0;
	}
	ipci_process_reap(p);
	if (p->state == IPCI_PROCESS_STARTING ||
	    p->state == IPCI_PROCESS_RUNNING || p->waiters)
		return leave(&call, -EBUSY);
	destroy(p);
	return leave(&call, 0);
}
