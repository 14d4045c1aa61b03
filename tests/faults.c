/* SPDX-License-Identifier: MIT */
/*
 * faults.c - the calls that can fail, how each can, and what is had by them
 *
 * The linker takes each __wrap_X here for the library's X. While it is armed,
 * calls are counted, and one is made to fail: it does nothing and answers an
 * error, but for close(), which has closed even if it answers an error.
 */
#include "faults.h"
#include "os_linux.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* 1000 and more: no errno, but a way of its own to give less than all */
enum { SHORT = 1000 };

#define CALLS(X)                                                               \
	X(MALLOC, "malloc", ENOMEM)                                            \
	X(CALLOC, "calloc", ENOMEM)                                            \
	X(REALLOC, "realloc", ENOMEM)                                          \
	X(MMAP, "mmap", ENOMEM, EAGAIN, ENFILE, EPERM)                         \
	X(OPEN, "open", EACCES, EINTR, EMFILE, ENFILE, ENOMEM, ENOSPC, EROFS,  \
	  ENOENT, EOPNOTSUPP, EISDIR, EIO, EDQUOT)                             \
	X(SHM_OPEN, "shm_open", EACCES, EINTR, EMFILE, ENFILE, ENOMEM, EROFS,  \
	  EIO, EOPNOTSUPP, ENODEV)                                             \
	X(SHM_UNLINK, "shm_unlink", EACCES, EINTR, EROFS, EIO, ENOMEM)         \
	X(CLOSE, "close", EINTR, EIO)                                          \
	X(FSTAT, "fstat", ENOMEM, EOVERFLOW, EIO)                              \
	X(STAT, "stat",                                                        \
	  ENOMEM) /* of a file of /proc, which is there or not */              \
	X(PREAD, "pread", EINTR, EIO, ENOMEM, SHORT)                           \
	X(FALLOCATE, "posix_fallocate", ENOSPC, EINTR, EFBIG, EIO, EDQUOT,     \
	  ENOMEM)                                                              \
	X(FTRUNCATE, "ftruncate", EFBIG, EINTR, EIO, EPERM)                    \
	X(MADVISE, "madvise", ENOMEM, EINVAL, EOPNOTSUPP)                      \
	X(FCHMOD, "fchmod", EPERM, EIO, EROFS, EINTR)                          \
	X(LINKAT, "linkat", EACCES, EIO, ENOENT, ENOMEM, ENOSPC, EPERM, EROFS, \
	  EDQUOT, EMLINK)                                                      \
	X(SOCKETPAIR, "socketpair", EMFILE, ENFILE, ENOMEM, ENOBUFS)           \
	X(POLL, "poll", EINTR, ENOMEM, EAGAIN)                                 \
	X(KILL, "kill", EPERM, ESRCH)                                          \
	X(WAITID, "waitid", ECHILD, EINTR)                                     \
	X(WAITPID, "waitpid", ECHILD, EINTR)                                   \
	X(FORK, "fork", EAGAIN, ENOMEM)                                        \
	X(FFLUSH, "fflush", ENOSPC, EIO, EINTR, EPIPE)                         \
	X(FTRYLOCKFILE, "ftrylockfile", EBUSY)                                 \
	X(SETPGID, "setpgid", EPERM, EACCES, ESRCH)                            \
	X(PRCTL, "prctl", EPERM, EINVAL)                                       \
	X(ATEXIT, "atexit", ENOMEM)                                            \
	X(ATFORK, "pthread_atfork", ENOMEM)                                    \
	X(ATTR_INIT, "pthread_attr_init", ENOMEM)                              \
	X(ATTR_STACK, "pthread_attr_setstacksize", EINVAL)                     \
	X(CREATE, "pthread_create", EAGAIN, EPERM)                             \
	X(KEY_CREATE, "pthread_key_create", EAGAIN, ENOMEM)                    \
	X(SETSPECIFIC, "pthread_setspecific", ENOMEM)                          \
	X(SYSCONF, "sysconf", EINVAL)                                          \
	X(ROBUST, "get_robust_list", ENOSYS, EPERM)                            \
	X(WAITV_PROBE, "futex_waitv of nothing", ENOSYS, EPERM)                \
	X(WAITV, "futex_waitv", EINTR, EAGAIN, ETIMEDOUT, ENOMEM)              \
	X(BARRIER_PROBE, "membarrier, to take part", ENOSYS, EPERM, ENOMEM)    \
	X(BARRIER, "membarrier", EPERM, ENOMEM)                                \
	X(FUTEX_SLEEP, "FUTEX_WAIT", EINTR, EAGAIN, ETIMEDOUT, ENOMEM)         \
	X(FUTEX_RAISE, "FUTEX_WAKE", ENOMEM)                                   \
	X(PIDFD_OPEN, "pidfd_open", EMFILE, ENFILE, ENOMEM, ENOSYS, EPERM,     \
	  ENODEV)                                                              \
	X(PIDFD_SIGNAL, "pidfd_send_signal", ENOSYS, EPERM, EINVAL, ESRCH)     \
	X(PPOLL, "ppoll", EINTR, ENOMEM)

enum call {
#define X(id, ...) id,
	CALLS(X)
#undef X
};

static const struct {
	const char *name;
	int errors[FAULTS_ERRORS + 1];
} calls[] = {
#define X(id, name, ...) [id] = {name, {__VA_ARGS__}},
	CALLS(X)
#undef X
};

_Static_assert(sizeof(calls) / sizeof(*calls) <= FAULTS_CALLS, "room");

static struct fault wanted;
static struct faults_seen *seen_by;
static bool armed, is_child;
static _Atomic long blocks, mapped;

const char *faults_name(int call)
{
	return call < (int)(sizeof(calls) / sizeof(*calls)) ? calls[call].name
							    : NULL;
}

const int *faults_errors(int call)
{
	return calls[call].errors;
}

/* it asks what the system can do; the library asks once and remembers */
bool faults_last(int call)
{
	return call == WAITV_PROBE || call == BARRIER_PROBE;
}

void faults_arm(const struct fault *fault, struct faults_seen *seen)
{
	wanted = *fault;
	seen_by = seen;
	armed = true;
}

void faults_disarm(void)
{
	armed = false;
}

void faults_rearm(void)
{
	armed = seen_by != NULL;
}

struct faults_has faults_has(void)
{
	struct faults_has has = {.blocks = blocks, .mapped = mapped};

	for (int fd = 0; fd < 256; fd++)
		has.fds += fcntl(fd, F_GETFD) >= 0;
	return has;
}

bool fault_is(const char *call, int error)
{
	return seen_by && seen_by->fired &&
	       !strcmp(call, calls[wanted.call].name) &&
	       (!error || error == wanted.error);
}

/* whether this call is the one; then errno is set */
static bool due(enum call call)
{
	int n;

	if (!armed)
		return false;
	n = seen_by->count[is_child][call]++;
	if (wanted.child != is_child || wanted.call != (int)call ||
	    wanted.nth != n)
		return false;
	seen_by->fired = 1;
	errno = wanted.error;
	return true;
}

/* for calls that answer the error's number; 0: not this one */
static int due_number(enum call call)
{
	return due(call) ? wanted.error : 0;
}

/* each function here, and the one that it stands before */
#define WRAPPED(type, name, ...)                                               \
	type __real_##name(__VA_ARGS__);                                       \
	type __wrap_##name(__VA_ARGS__);                                       \
	type __wrap_##name(__VA_ARGS__)

/* it takes more arguments than were given; what it finds there is passed on,
   and nobody looks at it */
#define VARIADIC __attribute__((no_sanitize("address")))

/* ------------------------------------------------------------------- memory */

WRAPPED(void *, malloc, size_t size)
{
	void *p = due(MALLOC) ? NULL : __real_malloc(size);

	blocks += p != NULL;
	return p;
}

WRAPPED(void *, calloc, size_t n, size_t size)
{
	void *p = due(CALLOC) ? NULL : __real_calloc(n, size);

	blocks += p != NULL;
	return p;
}

WRAPPED(void *, realloc, void *old, size_t size)
{
	bool was = old != NULL;
	void *p = due(REALLOC) ? NULL : __real_realloc(old, size);

	blocks += p && !was;
	return p;
}

WRAPPED(void, free, void *p)
{
	blocks -= p != NULL;
	__real_free(p);
}

WRAPPED(void *, mmap, void *at, size_t size, int prot, int flags, int fd,
	off_t offset)
{
	void *p;

	if (due(MMAP))
		return MAP_FAILED;
	p = __real_mmap(at, size, prot, flags, fd, offset);
	if (p != MAP_FAILED && !(flags & MAP_FIXED))
		mapped += (long)size;
	return p;
}

WRAPPED(int, munmap, void *at, size_t size)
{
	mapped -= (long)size;
	return __real_munmap(at, size);
}

WRAPPED(int, madvise, void *at, size_t size, int advice)
{
	return due(MADVISE) ? -1 : __real_madvise(at, size, advice);
}

/* -------------------------------------------------------------------- files */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode = 0;

	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	return due(OPEN) ? -1 : __real_open(path, flags, mode);
}

WRAPPED(int, shm_open, const char *name, int flags, mode_t mode)
{
	return due(SHM_OPEN) ? -1 : __real_shm_open(name, flags, mode);
}

WRAPPED(int, shm_unlink, const char *name)
{
	return due(SHM_UNLINK) ? -1 : __real_shm_unlink(name);
}

WRAPPED(int, close, int fd)
{
	bool fails = due(CLOSE);
	int r = __real_close(fd);

	if (fails)
		errno = wanted.error;
	return fails ? -1 : r;
}

WRAPPED(int, fstat, int fd, struct stat *st)
{
	return due(FSTAT) ? -1 : __real_fstat(fd, st);
}

WRAPPED(int, stat, const char *path, struct stat *st)
{
	return due(STAT) ? -1 : __real_stat(path, st);
}

WRAPPED(ssize_t, pread, int fd, void *buf, size_t size, off_t offset)
{
	if (!due(PREAD))
		return __real_pread(fd, buf, size, offset);
	if (wanted.error == SHORT)
		return __real_pread(fd, buf, size / 2, offset);
	return -1;
}

WRAPPED(int, posix_fallocate, int fd, off_t offset, off_t size)
{
	int error = due_number(FALLOCATE);

	return error ? error : __real_posix_fallocate(fd, offset, size);
}

WRAPPED(int, ftruncate, int fd, off_t size)
{
	return due(FTRUNCATE) ? -1 : __real_ftruncate(fd, size);
}

WRAPPED(int, fchmod, int fd, mode_t mode)
{
	return due(FCHMOD) ? -1 : __real_fchmod(fd, mode);
}

WRAPPED(int, linkat, int from_dir, const char *from, int to_dir, const char *to,
	int flags)
{
	return due(LINKAT) ? -1
			   : __real_linkat(from_dir, from, to_dir, to, flags);
}

WRAPPED(int, socketpair, int domain, int type, int protocol, int fds[2])
{
	return due(SOCKETPAIR) ? -1
			       : __real_socketpair(domain, type, protocol, fds);
}

WRAPPED(int, poll, struct pollfd *fds, nfds_t n, int timeout_ms)
{
	return due(POLL) ? -1 : __real_poll(fds, n, timeout_ms);
}

WRAPPED(int, fflush, FILE *stream)
{
	return due(FFLUSH) ? EOF : __real_fflush(stream);
}

WRAPPED(int, ftrylockfile, FILE *stream)
{
	return due(FTRYLOCKFILE) ? 1 : __real_ftrylockfile(stream);
}

/* ---------------------------------------------------------------- processes */

/* its calls are counted apart */
WRAPPED(pid_t, fork, void)
{
	pid_t pid = due(FORK) ? -1 : __real_fork();

	if (pid == 0)
		is_child = armed;
	return pid;
}

pid_t fault_fork(void)
{
	return __real_fork();
}

WRAPPED(int, kill, pid_t pid, int sig)
{
	/* signal 0 asks whether it is there, and fails to say that it is not */
	return sig && due(KILL) ? -1 : __real_kill(pid, sig);
}

WRAPPED(int, waitid, idtype_t type, id_t id, siginfo_t *info, int options)
{
	return due(WAITID) ? -1 : __real_waitid(type, id, info, options);
}

WRAPPED(pid_t, waitpid, pid_t pid, int *status, int options)
{
	return due(WAITPID) ? -1 : __real_waitpid(pid, status, options);
}

WRAPPED(int, setpgid, pid_t pid, pid_t group)
{
	return due(SETPGID) ? -1 : __real_setpgid(pid, group);
}

int __real_prctl(int option, ...);
int __wrap_prctl(int option, ...);
VARIADIC int __wrap_prctl(int option, ...)
{
	unsigned long arg[4];
	va_list args;

	va_start(args, option);
	for (int i = 0; i < 4; i++)
		arg[i] = va_arg(args, unsigned long);
	va_end(args);
	if (due(PRCTL))
		return -1;
	return __real_prctl(option, arg[0], arg[1], arg[2], arg[3]);
}

WRAPPED(int, atexit, void (*fn)(void))
{
	return due(ATEXIT) ? -1 : __real_atexit(fn);
}

/* ------------------------------------------------------------------ threads */

WRAPPED(int, pthread_atfork, void (*before)(void), void (*parent)(void),
	void (*child)(void))
{
	int error = due_number(ATFORK);

	return error ? error : __real_pthread_atfork(before, parent, child);
}

WRAPPED(int, pthread_attr_init, pthread_attr_t *attr)
{
	int error = due_number(ATTR_INIT);

	return error ? error : __real_pthread_attr_init(attr);
}

WRAPPED(int, pthread_attr_setstacksize, pthread_attr_t *attr, size_t size)
{
	int error = due_number(ATTR_STACK);

	return error ? error : __real_pthread_attr_setstacksize(attr, size);
}

WRAPPED(int, pthread_create, pthread_t *thread, const pthread_attr_t *attr,
	void *(*fn)(void *), void *arg)
{
	int error = due_number(CREATE);

	return error ? error : __real_pthread_create(thread, attr, fn, arg);
}

WRAPPED(int, pthread_key_create, pthread_key_t *key, void (*end)(void *))
{
	int error = due_number(KEY_CREATE);

	return error ? error : __real_pthread_key_create(key, end);
}

WRAPPED(int, pthread_setspecific, pthread_key_t key, const void *value)
{
	int error = due_number(SETSPECIFIC);

	return error ? error : __real_pthread_setspecific(key, value);
}

/* ------------------------------------------------------------------- others */

/* how large a page is, libc always knows */
WRAPPED(long, sysconf, int what)
{
	if (what != _SC_PAGESIZE && due(SYSCONF))
		return -1;
	return __real_sysconf(what);
}

/* which of them it is; -1: one that cannot fail. An unknown one is not to go
   by unseen. */
static int which(long number, const long a[6])
{
	switch (number) {
	case SYS_gettid:
		return -1;
	case SYS_get_robust_list:
		return ROBUST;
	case SYS_futex_waitv:
		return a[1] ? WAITV : WAITV_PROBE;
	case SYS_membarrier:
		return a[0] == MEMBARRIER_CMD_GLOBAL_EXPEDITED ? BARRIER
							       : BARRIER_PROBE;
	case SYS_futex:
		return (a[1] & FUTEX_CMD_MASK) == FUTEX_WAKE ? FUTEX_RAISE
							     : FUTEX_SLEEP;
	case SYS_pidfd_open:
		return PIDFD_OPEN;
	case SYS_pidfd_send_signal:
		return PIDFD_SIGNAL;
	case SYS_ppoll:
		return PPOLL;
	default:
		fprintf(stderr, "faults.c does not know system call %ld\n",
			number);
		abort();
	}
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
VARIADIC long __wrap_syscall(long number, ...)
{
	va_list args;
	long a[6];
	int call;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	call = armed ? which(number, a) : -1;
	if (call >= 0 && due((enum call)call))
		return -1;
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
