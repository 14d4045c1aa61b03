/* SPDX-License-Identifier: MIT */
/*
 * os_common.c - what every system does the same way
 */
#define _DEFAULT_SOURCE /* _SC_NPROCESSORS_ONLN: in POSIX since 2024 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "os.h"

/* ---- threads and forks ---- */

_Thread_local struct ipci_self ipci_thread;

static _Atomic uint32_t generation;
static _Atomic bool displaced; /* we, or who forked us, left the namespace */

/*
 * The child has one thread, a new one, that holds nothing. glibc has emptied
 * its list by now. musl has not: it would lead through the parent's nodes, in
 * memory that both of them have.
 */
static void after_fork_in_child(void)
{
	if (ipci_thread.tid) {
		*ipci_thread.list = (uintptr_t)ipci_thread.list;
		*ipci_thread.pending = 0;
	}
	atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
	memset(&ipci_thread, 0, sizeof(ipci_thread));
	/* a parent that is in another PID namespace has no number here */
	if (getppid() == 0)
		atomic_store_explicit(&displaced, true, memory_order_relaxed);
}

bool ipci_displaced(void)
{
	return atomic_load_explicit(&displaced, memory_order_relaxed);
}

/* Two threads at once may both do it: then a fork counts twice, which does no
   harm. */
bool ipci_watch_forks(void)
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

/* not by the thread id: that is given anew when the thread has ended */
uint64_t ipci_new_id(void)
{
	static _Atomic uint32_t threads;

	return (uint64_t)ipci_generation() << 32 |
	       (atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) +
		1);
}

/* made once: without a lock, which a fork in another thread could leave locked
   in the child */
static bool get_key(_Atomic uint64_t *made, void (*at_end)(void *),
		    pthread_key_t *key)
{
	uint64_t known = atomic_load_explicit(made, memory_order_acquire);

	if (!known) {
		if (pthread_key_create(key, at_end))
			return false;
		if (atomic_compare_exchange_strong_explicit(
			    made, &known, (uint64_t)*key + 1,
			    memory_order_acq_rel, memory_order_acquire))
			return true;
		pthread_key_delete(*key); /* another thread was faster */
	}
	*key = (pthread_key_t)(known - 1);
	return true;
}

bool ipci_at_thread_end(_Atomic uint64_t *made, void (*at_end)(void *),
			const void *value)
{
	pthread_key_t key;

	return get_key(made, at_end, &key) && !pthread_setspecific(key, value);
}

/* ---- what the environment says ---- */

bool ipci_os_is_wanted(const char *backend)
{
	const char *name = getenv("LIBIPC_BACKEND");

	return name && !strcmp(name, backend);
}

/* ---- time ---- */

int64_t ipci_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
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

/* ---- the size of a file ---- */

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

int ipci_os_shm_shape(int fd, uint64_t size, uint64_t reserved,
		      unsigned int mode)
{
	int r = make_size(fd, size, reserved);

	/* fchmod: exactly this mode, whatever the umask */
	while (r == 0 && fchmod(fd, (mode_t)mode))
		if (errno != EINTR)
			r = -errno;
	return r;
}

void ipci_os_yield(void)
{
	sched_yield();
}
