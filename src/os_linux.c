/* SPDX-License-Identifier: MIT */
/*
 * os_linux.c - os.h on Linux 5.16 and later
 *
 * The notice of death is the kernel's robust futex list. Each thread has one,
 * registered by libc; we use that very list (get_robust_list), for the kernel
 * knows only one, and replacing it would silently disable libc's own robust
 * mutexes in the thread.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os.h"
#include <ipc/base.h>

_Thread_local struct ipci_self ipci_thread;

static _Atomic uint32_t generation;
static _Atomic bool
	displaced; /* we, or who forked us, left the PID namespace */

/* ---- the calling thread ---- */

/* the child has one thread, a new one, that holds nothing */
static void after_fork_in_child(void)
{
	atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
	memset(&ipci_thread, 0, sizeof(ipci_thread));
	/* a parent that is in another PID namespace has no number here */
	if (getppid() == 0)
		atomic_store_explicit(&displaced, true, memory_order_relaxed);
}

/* false: no memory, and a child would pass for its parent. Two threads at once
   may both do it: then a fork counts twice, which does no harm. */
static bool watch_forks(void)
{
	static _Atomic bool watched;

	if (!atomic_load_explicit(&watched, memory_order_acquire)) {
		if (pthread_atfork(NULL, NULL, after_fork_in_child))
			return false;
		atomic_store_explicit(&watched, true, memory_order_release);
	}
	return true;
}

uint32_t ipci_generation(void)
{
	return atomic_load_explicit(&generation, memory_order_relaxed);
}

static struct robust_list_head *robust_list(void)
{
	struct robust_list_head *head = NULL;
	size_t len;

	if (syscall(SYS_get_robust_list, 0, &head, &len))
		return NULL;
	return head;
}

/* musl registers a thread's list when it first locks a robust mutex */
static void make_libc_register(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t m;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&m, &attr);
	pthread_mutex_lock(&m);
	pthread_mutex_unlock(&m);
	pthread_mutex_destroy(&m);
	pthread_mutexattr_destroy(&attr);
}

/* where the low half of a word lies; what the kernel calls the futex */
static uintptr_t futex_of(const _Atomic uint64_t *word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return (uintptr_t)word + 4;
#else
	return (uintptr_t)word;
#endif
}

struct ipci_self *ipci_self_init(void)
{
	static _Atomic uint32_t threads;
	struct robust_list_head *head = robust_list();
	struct ipci_self *self = &ipci_thread;

	if (atomic_load_explicit(&displaced, memory_order_relaxed))
		return NULL;
	if (!head) {
		make_libc_register();
		head = robust_list();
		if (!head)
			return NULL;
	}
	if (!watch_forks())
		return NULL;
	self->list = (volatile uintptr_t *)&head->list.next;
	self->pending = (volatile uintptr_t *)&head->list_op_pending;
	self->node = (ptrdiff_t)futex_of(NULL) - head->futex_offset;
	self->held = 0;
	self->tid = (uint32_t)syscall(SYS_gettid);
	/* not by the thread id: that is given anew when the thread has ended */
	self->id =
		(uint64_t)ipci_generation() << 32 |
		(atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) +
		 1);
	return self;
}

/* ---- capabilities ---- */

static bool has_futex_waitv(void)
{
	return syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0) != 0 &&
	       errno != ENOSYS && errno != EPERM;
}

int ipci_os_caps(void)
{
	static _Atomic int caps;
	int known = atomic_load_explicit(&caps, memory_order_relaxed);

	if (atomic_load_explicit(&displaced, memory_order_relaxed))
		return -ENOSYS;
	if (known)
		return known;
	if (!watch_forks())
		return -ENOMEM; /* for now */
	known = -ENOSYS;
	/* the node must fall behind the word, into room that is ours */
	if (ipci_self() && ipci_thread.node >= 8 && ipci_thread.node <= 32 &&
	    has_futex_waitv())
		known = LIBIPC_CAP_EXACT_WAKE;
	atomic_store_explicit(&caps, known, memory_order_relaxed);
	return known;
}

uint64_t ipci_os_id_space(void)
{
	struct stat st;

	while (stat("/proc/self/ns/pid", &st))
		if (errno != ENOMEM) /* for now; else there is no /proc */
			return 0;
	return st.st_ino;
}

/* of threads that are no leaders of a process, too */
bool ipci_os_gone(uint32_t tid)
{
	return kill((pid_t)tid, 0) && errno == ESRCH;
}

bool ipci_os_many_cpus(void)
{
	static _Atomic long cpus;
	long n = atomic_load_explicit(&cpus, memory_order_relaxed);

	if (!n) {
		n = sysconf(_SC_NPROCESSORS_ONLN);
		atomic_store_explicit(&cpus, n, memory_order_relaxed);
	}
	return n > 1;
}

/* ---- time ---- */

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t ipci_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t ipci_coarse_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

/* ---- sleep and wake-up ---- */

static long wait_one(const struct ipci_still *same,
		     const struct timespec *until)
{
	return syscall(SYS_futex, futex_of(same->word), FUTEX_WAIT_BITSET,
		       (uint32_t)same->is, until, NULL, FUTEX_BITSET_MATCH_ANY);
}

/*
 * The kernel queues us on the first word, then compares the others: a commit
 * that came before the queueing is seen by the comparison, one that comes
 * after it is followed by a wake-up, the committer's own or the kernel's, that
 * finds us queued. Nobody ever wakes the others: they are there to be compared.
 */
static long wait_all(const struct ipci_still *same, int n,
		     const struct timespec *until)
{
	struct futex_waitv v[IPCI_STILL_MAX];

	for (int i = 0; i < n; i++) {
		uintptr_t low = futex_of(same[i].word);
		bool upper = same[i].upper;

		v[i] = (struct futex_waitv){
			.uaddr = upper ? low ^ 4 : low,
			.val = (uint32_t)(same[i].is >> (upper ? 32 : 0)),
			.flags = FUTEX_32,
		};
	}
	return syscall(SYS_futex_waitv, v, n, 0, until, CLOCK_MONOTONIC);
}

int ipci_os_sleep(const struct ipci_still *same, int n, int64_t deadline)
{
	struct timespec t, *until = NULL;
	long r;

	if (deadline != IPCI_NEVER) {
		t.tv_sec = (time_t)(deadline / 1000000000);
		t.tv_nsec = (long)(deadline % 1000000000);
		until = &t;
	}
	r = n == 1 ? wait_one(same, until) : wait_all(same, n, until);
	return r < 0 && errno == ETIMEDOUT ? -ETIMEDOUT : 0;
}

/* a wake-up that the kernel lacks the memory for is still owed */
int ipci_os_wake(const _Atomic uint64_t *word, int n)
{
	long r;

	do
		r = syscall(SYS_futex, futex_of(word), FUTEX_WAKE, n, NULL,
			    NULL, 0);
	while (r < 0 && errno == ENOMEM);
	return (int)r;
}

/* ---- named memory ---- */

#define SHM_DIR "/dev/shm"

enum {
	RESERVE_PIECE = 4 << 20,
};

static int reserve_piece(int fd, uint64_t at, uint64_t size)
{
	int r = posix_fallocate(fd, (off_t)at, (off_t)size);

	return r == EFBIG ? -ENOSPC : -r;
}

/*
 * At once, if no signal comes. If one does, posix_fallocate gives up, and older
 * kernels undo all that it did, so a fast timer could keep a large one from
 * ever ending: then in pieces.
 */
int ipci_os_shm_reserve(int fd, uint64_t at, uint64_t size)
{
	uint64_t done = 0, piece;
	int r;

	if (size > INT64_MAX || at > INT64_MAX - size)
		return -ENOSPC;
	r = reserve_piece(fd, at, size);
	while (r == -EINTR || (r == 0 && done && done < size)) {
		piece = size - done;
		if (piece > RESERVE_PIECE)
			piece = RESERVE_PIECE;
		r = reserve_piece(fd, at + done, piece);
		if (r == 0)
			done += piece;
	}
	return r;
}

void ipci_os_discard(void *pages, size_t size)
{
	madvise(pages, size, MADV_REMOVE);
}

/* Linux 5.14 and later; before, pages come when they are touched */
int ipci_os_populate(void *pages, size_t size)
{
#ifdef MADV_POPULATE_WRITE
	if (madvise(pages, size, MADV_POPULATE_WRITE) && errno != EINVAL)
		return -ENOMEM;
#else
	(void)pages;
	(void)size;
#endif
	return 0;
}

void ipci_os_leave_out_of_dumps(void *pages, size_t size)
{
	madvise(pages, size, MADV_DONTDUMP);
}

/* asked before, because going beyond it is a signal */
static bool exceeds_limit(uint64_t size)
{
	struct rlimit limit;

	return size > INT64_MAX ||
	       (getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
		limit.rlim_cur != RLIM_INFINITY && size > limit.rlim_cur);
}

static int make_size(int fd, uint64_t size, uint64_t reserved)
{
	int r;

	if (exceeds_limit(size))
		return -ENOSPC;
	r = ipci_os_shm_reserve(fd, 0, reserved);
	if (r < 0 || reserved == size)
		return r;
	do
		r = ftruncate(fd, (off_t)size);
	while (r && errno == EINTR);
	return r ? -ENOSPC : 0;
}

int ipci_os_shm_make(uint64_t size, uint64_t reserved, unsigned int mode)
{
	int r, fd;

	do
		fd = open(SHM_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return errno == ENOENT || errno == EOPNOTSUPP ? -ENOSYS
							      : -errno;
	r = make_size(fd, size, reserved);
	/* fchmod: exactly this mode, whatever the umask */
	while (r == 0 && fchmod(fd, (mode_t)mode))
		r = errno == EINTR ? 0 : -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

int ipci_os_shm_publish(int fd, const char *name)
{
	char from[32], to[sizeof(SHM_DIR) + NAME_MAX + 1];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	snprintf(to, sizeof(to), SHM_DIR "%s", name);
	if (linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	/* without /proc this way is open to the privileged */
	if (errno == ENOENT && linkat(fd, "", AT_FDCWD, to, AT_EMPTY_PATH) == 0)
		return 0;
	return -errno;
}

/* ---- lifelines ---- */

int ipci_os_lifeline(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0)
		return 0;
	return errno == ENOBUFS ? -ENOMEM : -errno;
}

/* by syscall(2), because poll(2) is a cancellation point */
bool ipci_os_lifeline_cut(int fd)
{
	struct timespec now = {0, 0};
	struct pollfd p = {.fd = fd};
	long r;

	do
		r = syscall(SYS_ppoll, &p, 1, &now, NULL, 0);
	while (r < 0 && (errno == EINTR || errno == ENOMEM));
	return r == 1 && (p.revents & POLLHUP);
}
