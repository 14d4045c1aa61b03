/* SPDX-License-Identifier: MIT */
/*
 * os.h - what the library needs of the operating system: the contract
 *
 * Clock, sleep and wake-up, the notice of a thread's death, named memory.
 * os_linux.c fulfils it; nothing above this line knows which system it is.
 */
#ifndef IPCI_OS_H
#define IPCI_OS_H

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the calling thread, and what is done for it when it dies ---- */

/*
 * When a thread dies, by any cause, the system walks the list of lock words
 * that it held and then looks at `pending`:
 *
 *   on the list, or pending, and owner == the dead thread:
 *	owner becomes 0, IPCI_GATE_FIRED is set, one sleeper is woken if
 *	IPCI_GATE_SLEEPERS is set
 *   pending, and owner == 0:
 *	one sleeper is woken, the word is untouched
 *
 * The list is libc's own (its robust mutexes are on it too): entries are the
 * addresses of list nodes, `node` bytes behind their lock word; the list ends
 * where it began, at the address of `list`.
 */
struct ipci_anchor; /* held.h */

struct ipci_self {
	volatile uintptr_t *list;    /* first node; where the list begins */
	volatile uintptr_t *pending; /* node of the word under way, or 0 */
	ptrdiff_t node;		     /* from a word to its list node, bytes */
	uintptr_t below;	     /* what was first before our own entry */
	uintptr_t outer[3];	     /* ... before those within which it is */
	struct ipci_anchor *anchors; /* entries at the end of the list */
	uint64_t id;   /* this thread of this process, never the same again */
	uint32_t tid;  /* owner bits; 0: not set up yet */
	uint32_t held; /* mutexes held */
	uint32_t spin; /* pauses that were worth it before a sleep */
	uint32_t waits;
	uint32_t depth; /* entries of outer */
};

extern _Thread_local struct ipci_self ipci_thread
	__attribute__((visibility("hidden"), tls_model("initial-exec")));

/* sets up ipci_thread; NULL: the system cannot do it */
struct ipci_self *ipci_self_init(void);

static inline struct ipci_self *ipci_self(void)
{
	struct ipci_self *self = &ipci_thread;

	return self->tid ? self : ipci_self_init();
}

/* counts forks: 0 in the first process, another number in each child */
uint32_t ipci_generation(void);

/* LIBIPC_CAP_* or -ENOSYS; asked once, remembered */
int ipci_os_caps(void);

/*
 * Where the ids of threads are unique: a number for this process's PID
 * namespace; 0 if there is no way to tell. A process that was forked into
 * another one than its parent's has no use of what it inherited, for there its
 * id may be that of any other: ipci_self() is NULL in it.
 */
uint64_t ipci_os_id_space(void);

/* ---- time ---- */

#define IPCI_NEVER INT64_MAX

/* nanoseconds of CLOCK_MONOTONIC */
int64_t ipci_now_ns(void);

/* the same clock, cheap, and up to 10 ms behind */
int64_t ipci_coarse_ns(void);

/* when timeout_ms from now is; 0, which is long ago, for "try once" */
static inline int64_t ipci_deadline(int timeout_ms)
{
	if (timeout_ms < 0)
		return IPCI_NEVER;
	if (timeout_ms == 0)
		return 0;
	return ipci_now_ns() + (int64_t)timeout_ms * 1000000;
}

static inline bool ipci_expired(int64_t deadline)
{
	return deadline != IPCI_NEVER &&
	       (deadline == 0 || ipci_now_ns() >= deadline);
}

/* the deadline, or delay nanoseconds from now, if that is sooner */
static inline int64_t ipci_sooner(int64_t deadline, int64_t delay)
{
	int64_t then = ipci_now_ns() + delay;

	return then < deadline ? then : deadline;
}

/* what a call that gave up returns */
static inline int ipci_gave_up(int timeout_ms)
{
	return timeout_ms == 0 ? -EAGAIN : -ETIMEDOUT;
}

/* ---- sleep and wake-up ---- */

struct ipci_still {
	const _Atomic uint64_t *word;
	uint64_t is;
	bool upper; /* the upper half counts, not the low one */
};

enum {
	IPCI_STILL_MAX = 128, /* FUTEX_WAITV_MAX */
};

/*
 * Sleeps while the halves of all n words are what they were; the comparison and
 * the falling asleep are one step as seen by whoever changes one of them and
 * then wakes. A wake-up on any of the words ends the sleep. Returns -ETIMEDOUT
 * when the deadline passed and nobody woke it, else 0, also for no reason.
 */
int ipci_os_sleep(const struct ipci_still *same, int n, int64_t deadline);

/* wakes up to n that sleep on word; returns how many there were */
int ipci_os_wake(const _Atomic uint64_t *word, int n);

/* whether there is no thread with that id in the system, dead or alive */
bool ipci_os_gone(uint32_t tid);

/* whether spinning can help: another CPU may be at work meanwhile */
bool ipci_os_many_cpus(void);

static inline void ipci_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ __volatile__("yield");
#endif
}

/* ---- named memory ---- */

/* an unnamed object of size bytes, all zero, the first of them reserved:
   descriptor */
int ipci_os_shm_make(uint64_t size, uint64_t reserved, unsigned int mode);

/* memory for size bytes from at on: 0, -ENOSPC */
int ipci_os_shm_reserve(int fd, uint64_t at, uint64_t size);

/* gives back the memory of these shared pages; they read as zeros */
void ipci_os_discard(void *pages, size_t size);

/* gives all of these pages memory now, so that a lack of it is told here and
   not by a signal later: 0, -ENOMEM; where the system has no such call: 0 */
int ipci_os_populate(void *pages, size_t size);

/* a core dump would read, and so make, what nobody ever touched */
void ipci_os_leave_out_of_dumps(void *pages, size_t size);

/* gives it its name: 0, -EEXIST, ... The one step that makes it visible. */
int ipci_os_shm_publish(int fd, const char *name);

/* ---- lifelines: descriptors that tell whether the other side lives ---- */

/* a connected pair, close-on-exec */
int ipci_os_lifeline(int fds[2]);

/* whether every copy of the other descriptor is closed */
bool ipci_os_lifeline_cut(int fd);

#endif
