/* SPDX-License-Identifier: MIT */
/*
 * process.h - child processes: start, join, terminate, daemons that go with
 * their parent, no zombies
 *
 *	static int work(void *arg) { ... return 0; }
 *
 *	struct ipc_process *p;
 *	ipc_process_create(&p, work, NULL, NULL);
 *	ipc_process_start(p);
 *	ipc_process_join(p, LIBIPC_FOREVER);
 *	ipc_process_exit_code(p, &code);
 *	ipc_process_close(p);
 *
 * start forks; the child calls the function and ends with what it returned,
 * without running the parent's atexit handlers.
 *
 * When the parent ends in the normal way (exit, or return from main), its
 * daemons get SIGTERM, and SIGKILL if they do not go, and its other children
 * are waited for. When it dies in any other way, its daemons die with it. A
 * process that is created in a daemon is a daemon, so the whole tree goes.
 *
 * Only processes that were started here are waited for, never "any child", so
 * the library does not disturb a program that has other children. Finished
 * children are reaped by join, is_alive, exit_code, active, start and close.
 */
#ifndef LIBIPC_PROCESS_H
#define LIBIPC_PROCESS_H

#include <ipc/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ipc_process;

/*
 * What the child runs, on a copy of the whole program, as after fork(): the
 * return value & 0xff is the exit code. Signal dispositions, the caller's
 * signal mask and all descriptors are inherited; of the threads only the
 * caller is there. Leave by return, or by _exit(), which flushes nothing;
 * exit() would run the atexit handlers that the parent registered.
 */
typedef int ipc_process_fn(void *arg);

/*
 * ipc_process_opts.flags
 *
 * LIBIPC_DAEMON: goes when the parent goes, however that comes about. "The
 * parent" is the process and not the thread that called start, with one
 * exception: if the main thread calls pthread_exit() while others go on, the
 * daemons that it started go. A daemon that another thread started carries a
 * small thread of the library's own: stopped (SIGSTOP) when the parent dies, it
 * goes when it continues. exec() in the parent is not its end. A daemon gets
 * away if it changes its user or, if another thread than the main one started
 * it, by exec().
 *
 * LIBIPC_GROUP: the child leads a process group of its own. terminate, kill
 * and stop signal the group, and what is left of it is killed when the child
 * has ended and is reaped here (not for sure if somebody else reaps it, see
 * exit_code); children that moved to another group or session are not reached.
 * The terminal's signals (Ctrl-C) do not reach the group, which may not read
 * from the terminal either.
 */
#define LIBIPC_DAEMON 0x1
#define LIBIPC_GROUP  0x2

struct ipc_process_opts {
	const char *name; /* copied; NULL: Process-1, Process-2, ... */
	uint32_t flags;
	uint32_t reserved32;
	uint64_t reserved[4];
};

/**
 * ipc_process_create - describe a child process, which start then starts
 * @p:          receives the handle
 * @fn:         what the child runs
 * @arg:        passed to @fn
 * @opts:       NULL for defaults; a name is 1 to 255 bytes. In a daemon the
 *              flag LIBIPC_DAEMON is always set.
 *
 * Returns  0, or
 *          -EINVAL  @p or @fn is NULL, unknown flags, reserved fields in use,
 *                   an empty name
 *          -ENAMETOOLONG  more than 255 bytes     -ENOMEM  no memory
 * Crash    changes nothing for others.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_process_create(struct ipc_process **p, ipc_process_fn *fn,
				  void *arg,
				  const struct ipc_process_opts *opts);

/**
 * ipc_process_set_daemon - set or clear LIBIPC_DAEMON
 * @p:          the process, not started
 * @daemon:     whether it goes when the parent goes
 *
 * Returns  0, or
 *          -EALREADY  it was started    -EPERM  @daemon is false in a daemon
 *          -ECHILD  created by another process      -EINVAL  @p is NULL
 * Crash    changes nothing for others.
 * Safety   thread yes | process yes | signal no | fork no (-ECHILD)
 *          | cancel no
 */
LIBIPC_API int ipc_process_set_daemon(struct ipc_process *p, bool daemon);

/**
 * ipc_process_start - fork a child that runs the function
 * @p:          the process, not started
 *
 * Reaps finished children, and flushes all stdio output, so that none of it
 * comes twice (while another thread waits in a read of stdin: only stdout and
 * stderr). A process that could not be started may be started again.
 *
 * Returns  0, or
 *          -EALREADY  it was started before
 *          -EAGAIN  too many processes      -ENOMEM  no memory
 *          -EMFILE, -ENFILE  no descriptor
 *          -ECHILD  created by another process      -EINVAL  @p is NULL
 * Crash    killed inside: the child was started, or not.
 * Safety   thread yes | process yes | signal no | fork no (-ECHILD)
 *          | cancel no
 */
LIBIPC_API int ipc_process_start(struct ipc_process *p);

/**
 * ipc_process_join - wait until the process has ended
 * @p:          a started process
 * @timeout_ms: milliseconds; 0 tries once, LIBIPC_FOREVER waits
 *
 * Its own end counts, not that of children it may have left.
 *
 * Returns  0, it has ended; or
 *          -EAGAIN  it runs, @timeout_ms was 0      -ETIMEDOUT  it still runs
 *          -ESRCH   not started
 *          -ECHILD  created by another process      -EINVAL  @p is NULL
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal no | fork no (-ECHILD)
 *          | cancel no
 */
LIBIPC_API int ipc_process_join(struct ipc_process *p, int timeout_ms);

/**
 * ipc_process_terminate - send SIGTERM
 * @p:          a started process
 *
 * Returns  0, sent, or it had ended; or
 *          -EPERM   it is another user's by now     -ESRCH  not started
 *          -ECHILD  created by another process      -EINVAL  @p is NULL
 * Crash    the signal was sent, or not.
 * Safety   thread yes | process yes | signal no | fork no (-ECHILD)
 *          | cancel no
 */
LIBIPC_API int ipc_process_terminate(struct ipc_process *p);

/**
 * ipc_process_kill - send SIGKILL
 * @p:          a started process
 *
 * Returns  as ipc_process_terminate()
 * Crash    the signal was sent, or not.
 * Safety   thread yes | process yes | signal no | fork no (-ECHILD)
 *          | cancel no
 */
LIBIPC_API int ipc_process_kill(struct ipc_process *p);

/**
 * ipc_process_stop - terminate, wait, kill if it must be, reap
 * @p:          a started process
 * @grace_ms:   milliseconds between SIGTERM and SIGKILL; LIBIPC_FOREVER: never
 *              SIGKILL
 *
 * Returns  0, it has ended; or
 *          -EPERM, -ESRCH, -ECHILD, -EINVAL as ipc_process_terminate()
 * Crash    the signals were sent, or not.
 * Safety   thread yes | process yes | signal no | fork no (-ECHILD)
 *          | cancel no
 */
LIBIPC_API int ipc_process_stop(struct ipc_process *p, int grace_ms);

/**
 * ipc_process_is_alive - whether the process runs
 * @p:          the process
 *
 * Returns  1 from start until its end (stopped counts as running), else 0; or
 *          -ECHILD  created by another process      -EINVAL  @p is NULL
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal no | fork no (-ECHILD)
 *          | cancel no
 */
LIBIPC_API int ipc_process_is_alive(struct ipc_process *p);

/**
 * ipc_process_exit_code - how the process ended
 * @p:          a started process
 * @code:       receives 0 to 255, or -N: killed by signal N
 *
 * Returns  0, or
 *          -EAGAIN  it runs                         -ESRCH  not started
 *          -ECHILD  created by another process; or it has ended, and somebody
 *                   else reaped it (SIGCHLD ignored, a wait for any child), so
 *                   that nobody can tell how
 *          -EINVAL  @p or @code is NULL
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal no | fork no (-ECHILD)
 *          | cancel no
 */
LIBIPC_API int ipc_process_exit_code(struct ipc_process *p, int *code);

/**
 * ipc_process_pid - the process id
 * @p:          the process
 *
 * Returns  the id, also after the end; 0 if not started; -EINVAL: @p is NULL
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API pid_t ipc_process_pid(struct ipc_process *p);

/**
 * ipc_process_name - the name
 * @p:          the process
 *
 * Returns  the name, valid until close; NULL if @p is NULL.
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal yes | fork yes | cancel no
 */
LIBIPC_API const char *ipc_process_name(struct ipc_process *p);

/**
 * ipc_process_daemon - whether it goes when the parent goes
 * @p:          the process
 *
 * Returns  1 or 0; -EINVAL: @p is NULL
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_process_daemon(struct ipc_process *p);

/**
 * ipc_process_fd - a descriptor to poll for the end of the process
 * @p:          a started process
 *
 * Readable (POLLIN) from the end of the process on. It is close-on-exec and
 * belongs to the handle, which closes it: do not close it, and do not read it.
 *
 * Returns  the descriptor, valid until ipc_process_close(); or
 *          -ENOTSUP this system has no such descriptors; or the process had
 *                   ended, and was reaped by somebody else, before start did
 *          -ESRCH   not started
 *          -ECHILD  created by another process      -EINVAL  @p is NULL
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal no | fork no (-ECHILD)
 *          | cancel no
 */
LIBIPC_API int ipc_process_fd(struct ipc_process *p);

/**
 * ipc_process_active - the running children of this process
 * @list:       receives handles, in order of start; may be NULL if @n is 0
 * @n:          handles that @list has room for
 *
 * Reaps the finished ones, which are not counted.
 *
 * Returns  how many run, which may be more than @n; or
 *          -EINVAL  @list is NULL and @n is not 0
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal no | fork yes (a child begins
 *          with none) | cancel no
 */
LIBIPC_API int ipc_process_active(struct ipc_process **list, size_t n);

/**
 * ipc_process_close - free the handle of a process that does not run
 * @p:          the handle
 *
 * In a process that inherited the handle it frees the copy, at any time.
 *
 * Returns  0, or
 *          -EBUSY   it runs, or another thread waits for it
 *          -EINVAL  @p is NULL
 * Crash    changes nothing for others.
 * Safety   thread no | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_process_close(struct ipc_process *p);

#ifdef __cplusplus
}
#endif
#endif
