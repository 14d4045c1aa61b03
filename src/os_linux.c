/* SPDX-License-Identifier: MIT */
/*
 * os_linux.c - os.h on Linux: exact from 5.16 on, else bounded (os_room.c)
 *
 * The notice of death is the kernel's robust futex list. Each thread has one,
 * registered by libc; we use that very list (get_robust_list), for the kernel
 * knows only one, and replacing it would silently disable libc's own robust
 * mutexes in the thread.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/time_types.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "os.h"
#include "os_linux.h"
#include <ipc/base.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* where a libc's time has 32 bits, or the older call's has and libc's not */
#ifdef SYS_futex_time64
#define FUTEX SYS_futex_time64
#else
#define FUTEX SYS_futex
#endif

/* ---- the calling thread ---- */

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

static struct robust_list_head *registered_list(void)
{
	struct robust_list_head *head = robust_list();

	if (head)
		return head;
	make_libc_register();
	return robust_list();
}

static ptrdiff_t node_offset(const struct robust_list_head *head)
{
	return (ptrdiff_t)futex_of(NULL) - head->futex_offset;
}

static bool exact_self(struct ipci_self *self, uint32_t tid)
{
	struct robust_list_head *head = registered_list();

	if (!head)
		return false;
	self->list = (volatile uintptr_t *)&head->list.next;
	self->pending = (volatile uintptr_t *)&head->list_op_pending;
	self->node = node_offset(head);
	self->tid = tid;
	return true;
}

struct ipci_self *ipci_self_init(void)
{
	struct ipci_self *self = &ipci_thread;
	uint32_t tid = (uint32_t)syscall(SYS_gettid);

	if (ipci_os_caps() < 0 || !ipci_watch_forks())
		return NULL;
	self->held = 0;
	self->id = ipci_new_id();
	if (ipci_os_backend() != IPCI_BACKEND_EXACT)
		ipci_room_self(self, tid);
	else if (!exact_self(self, tid))
		return NULL;
	return self;
}

/* ---- capabilities ---- */

static bool has_futex_waitv(void)
{
	return syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0) != 0 &&
	       errno != ENOSYS && errno != EPERM;
}

/*
 * From here on this process takes part in the barriers of all others, and so
 * do its children, until they become another program.
 */
static int has_barrier(void)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0,
		    0) == 0)
		return 1;
	return errno == ENOMEM ? -ENOMEM : 0; /* for now */
}

/* there is a list, and a node falls behind its word, into room that is ours */
static bool has_robust_list(void)
{
	const struct robust_list_head *head = registered_list();

	return head && node_offset(head) >= 8 && node_offset(head) <= 32;
}

/*
 * A kernel that wakes a sleeper for a dead thread only if the whole word is 0
 * (before 90d758896787) is not enough: a word with W set is 0x80000000.
 *
 * Linux 6.2 and later have that. Older ones may (stable kernels got it), so
 * they are asked: B, which has announced a word with W set, ends while A sleeps
 * at it. No time limit decides: B knows that A sleeps, because it moved it from
 * one word to another, and when B has been joined the kernel is done with it.
 * So A sleeps on, or was woken, and that a wake-up tells.
 */
struct probe {
	uint32_t from;
	_Alignas(16) uint32_t word[16]; /* [0], and room for its node behind */
	bool announce;
};

static long futex(const uint32_t *word, int op, uint32_t value, long n,
		  const uint32_t *other)
{
	return syscall(SYS_futex, word, op, value, n, other, 0);
}

static void *probe_sleeper(void *arg)
{
	const struct probe *p = arg;

	while (__atomic_load_n(&p->from, __ATOMIC_SEQ_CST) == 1)
		futex(&p->from, FUTEX_WAIT, 1, 0, NULL);
	return NULL;
}

static void *probe_victim(void *arg)
{
	struct probe *p = arg;
	struct robust_list_head *head = registered_list();

	while (futex(&p->from, FUTEX_REQUEUE, 0, 1, p->word) == 0)
		;
	/* woken or not, when A looks it is over */
	__atomic_store_n(&p->from, 0, __ATOMIC_SEQ_CST);
	if (head && p->announce)
		head->list_op_pending =
			(struct robust_list *)((uintptr_t)p->word -
					       (uintptr_t)head->futex_offset);
	return NULL;
}

int ipci_os_probe_death(bool announce)
{
	struct probe p = {1, {UINT32_C(0x80000000)}, announce};
	pthread_t a, b;
	bool woken;

	if (pthread_create(&a, NULL, probe_sleeper, &p))
		return -ENOMEM;
	if (pthread_create(&b, NULL, probe_victim, &p)) {
		__atomic_store_n(&p.from, 0, __ATOMIC_SEQ_CST);
		futex(&p.from, FUTEX_WAKE, 1, 0, NULL);
		pthread_join(a, NULL);
		return -ENOMEM;
	}
	pthread_join(b, NULL);
	woken = futex(p.word, FUTEX_WAKE, 1, 0, NULL) == 0;
	pthread_join(a, NULL);
	return woken;
}

static int wakes_for_the_dead(void)
{
	struct utsname name;
	int major, minor;

	if (uname(&name) == 0 &&
	    sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	    (major > 6 || (major == 6 && minor >= 2)))
		return 1;
	return ipci_os_probe_death(true);
}

/* enum ipci_backend, or -ENOMEM */
static int choose_backend(void)
{
	int r = 0;

	if (ipci_os_is_wanted("pid"))
		return IPCI_BACKEND_PID;
	if (!ipci_os_is_wanted("posix") && has_robust_list() &&
	    has_futex_waitv())
		r = has_barrier();
	if (r > 0)
		r = wakes_for_the_dead();
	if (r > 0)
		return IPCI_BACKEND_EXACT;
	if (r == 0)
		r = robust_list() ? 1 : ipci_room_probe();
	if (r < 0)
		return r;
	return r ? IPCI_BACKEND_ROBUST : IPCI_BACKEND_PID;
}

static _Atomic int backend; /* as far as known */

enum ipci_backend ipci_os_backend(void)
{
	ipci_os_caps();
	return (enum ipci_backend)atomic_load_explicit(&backend,
						       memory_order_relaxed);
}

int ipci_os_caps(void)
{
	int chosen = atomic_load_explicit(&backend, memory_order_relaxed);

	if (ipci_displaced())
		return -ENOSYS;
	if (!ipci_watch_forks())
		return -ENOMEM; /* for now */
	if (chosen == IPCI_BACKEND_UNKNOWN) {
		chosen = choose_backend();
		if (chosen < 0)
			return chosen;
		atomic_store_explicit(&backend, chosen, memory_order_relaxed);
	}
	return chosen == IPCI_BACKEND_EXACT ? LIBIPC_CAP_EXACT_WAKE
					    : LIBIPC_CAP_BOUNDED_WAKE;
}

/* ---- whether a process is still there ---- */

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

/* it is a zombie: its name may hold anything, the state is behind its last ) */
static bool is_zombie(uint32_t pid)
{
	char path[32], text[512], *end;
	int fd, cancel;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/stat", (unsigned int)pid);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	pthread_setcancelstate(cancel, &cancel);
	if (n <= 0)
		return false;
	text[n] = '\0';
	end = strrchr(text, ')');
	return end && end[1] == ' ' && (end[2] == 'Z' || end[2] == 'X');
}

bool ipci_os_ended(uint32_t pid)
{
	return ipci_os_gone(pid) || is_zombie(pid);
}

/* ---- time ---- */

int64_t ipci_coarse_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- sleep and wake-up ---- */

static long wait_one(const struct ipci_still *same,
		     const struct __kernel_timespec *until)
{
	return syscall(FUTEX, futex_of(same->word), FUTEX_WAIT_BITSET,
		       (uint32_t)same->is, until, NULL, FUTEX_BITSET_MATCH_ANY);
}

/*
 * The kernel queues us on the first word, then compares the others: a commit
 * that came before the queueing is seen by the comparison, one that comes
 * after it is followed by a wake-up, the committer's own or the kernel's, that
 * finds us queued. Nobody ever wakes the others: they are there to be compared.
 */
static long wait_all(const struct ipci_still *same, int n,
		     const struct __kernel_timespec *until)
{
	struct futex_waitv v[IPCI_STILL_MAX];

	for (int i = 0; i < n; i++) {
		v[i] = (struct futex_waitv){
			.uaddr = futex_of(same[i].word),
			.val = (uint32_t)same[i].is,
			.flags = FUTEX_32,
		};
	}
	return syscall(SYS_futex_waitv, v, n, 0, until, CLOCK_MONOTONIC);
}

int ipci_os_sleep(const struct ipci_still *same, int n, int64_t deadline)
{
	struct __kernel_timespec t, *until = NULL;
	long r;

	if (deadline != IPCI_NEVER) {
		t.tv_sec = deadline / 1000000000;
		t.tv_nsec = deadline % 1000000000;
		until = &t;
	}
	r = n == 1 ? wait_one(same, until) : wait_all(same, n, until);
	return r < 0 && errno == ETIMEDOUT ? -ETIMEDOUT : 0;
}

bool ipci_os_barrier(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) ==
	       0;
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

const bool ipci_os_gives_back = true;

void ipci_os_discard(void *pages, size_t size)
{
	madvise(pages, size, MADV_REMOVE);
}

/* Linux 5.14 and later; before, pages come when they are touched */
int ipci_os_populate(void *pages, size_t size)
{
	if (madvise(pages, size, MADV_POPULATE_WRITE) && errno != EINVAL)
		return -ENOMEM;
	return 0;
}

void ipci_os_leave_out_of_dumps(void *pages, size_t size)
{
	madvise(pages, size, MADV_DONTDUMP);
}

int ipci_os_shm_make(struct ipci_shm_file *f, uint64_t size, uint64_t reserved,
		     unsigned int mode)
{
	int r;

	do
		f->fd = open(SHM_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	while (f->fd < 0 && errno == EINTR);
	if (f->fd < 0)
		return errno == ENOENT || errno == EOPNOTSUPP ? -ENOSYS
							      : -errno;
	r = ipci_os_shm_shape(f->fd, size, reserved, mode);
	if (r < 0)
		close(f->fd);
	return r;
}

int ipci_os_shm_publish(struct ipci_shm_file *f, const char *name)
{
	char from[32], to[sizeof(SHM_DIR) + NAME_MAX + 1];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", f->fd);
	snprintf(to, sizeof(to), SHM_DIR "%s", name);
	if (linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	/* without /proc this way is open to the privileged */
	if (errno == ENOENT &&
	    linkat(f->fd, "", AT_FDCWD, to, AT_EMPTY_PATH) == 0)
		return 0;
	return -errno;
}

/* it has no name, so there is nothing to do */
void ipci_os_shm_drop(struct ipci_shm_file *f)
{
	(void)f;
}

/* musl's shm_open does not wait for who has a lease on the file to let go */
int ipci_os_shm_open(const char *name)
{
	char path[sizeof(SHM_DIR) + NAME_MAX + 1];
	int fd = shm_open(name, O_RDWR, 0);

	if (fd >= 0 || errno != EAGAIN)
		return fd;
	snprintf(path, sizeof(path), SHM_DIR "%s", name);
	return open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
}

int ipci_os_shm_unlink(const char *name)
{
	return shm_unlink(name);
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
