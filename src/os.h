/* SPDX-License-Identifier: MIT */
/*
 * os.h - what the library needs of the operating system: the contract
 *
 * Clock, sleep and wake-up, the notice of a thread's death, named memory.
 * os_linux.c fulfils it, or os_posix.c; nothing above this line knows which
 * system it is, but only which of these two ways to wait it offers:
 *
 *   exact    the kernel wakes whoever a dead thread should have woken
 *   bounded  whoever sleeps looks by itself, at least every 50 ms: os_room.c,
 *            with what POSIX has. os_posix.c is always bounded, os_linux.c
 *            where the kernel is too old or a sandbox is in the way.
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
	struct ipci_worker *worker;  /* its record used last, or NULL */
	uintptr_t own[2]; /* where these two point to in the bounded way */
	uint64_t id;   /* this thread of this process, never the same again */
	uint64_t life; /* what tells others that it lives, or 0: life.h */
	uint64_t key;  /* bounded: what the word of a gate is when it is ours */
	uint32_t tid; /* owner bits; 0: not set up yet. Bounded: see room_shm */
	uint32_t held; /* mutexes held */
	uint32_t spin; /* pauses that were worth it before a sleep */
	uint32_t waits;
	uint32_t yields;  /* that may be worth it before a sleep */
	uint32_t in_vain; /* spins */
	uint32_t pause;	  /* the first one before another look; 0: 1 */
	uint32_t unslept; /* looks for sleepers that found none */
	uint32_t depth;	  /* entries of outer */
	uint32_t rounds;  /* of destructors at its end, plus one: held.c */
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

/* from here on a forked child knows that it is another one; false: no memory */
bool ipci_watch_forks(void);

/* whether this process was forked into another PID namespace */
bool ipci_displaced(void);

/* for ipci_self()->id */
uint64_t ipci_new_id(void);

/* has at_end(value) called when this thread ends; made is 0 at first, and each
   at_end has its own; value: not NULL. false: no memory */
bool ipci_at_thread_end(_Atomic uint64_t *made, void (*at_end)(void *),
			const void *value);

/* whether LIBIPC_BACKEND asks for this one; posix: for tests, and for who does
   not want to depend on what the kernel has; pid: for tests */
bool ipci_os_is_wanted(const char *backend);

/* counts forks: 0 in the first process, another number in each child */
uint32_t ipci_generation(void);

/* LIBIPC_CAP_*, or -ENOSYS, both asked once and remembered; or -ENOMEM */
int ipci_os_caps(void);

/*
 * Where the ids of threads are unique: a number for this process's PID
 * namespace; 0 if there is no way to tell. A process that was forked into
 * another one than its parent's has no use of what it inherited, for there its
 * id may be that of any other: ipci_self() is NULL in it.
 */
uint64_t ipci_os_id_space(void);

/* which way of two, and by what means; asks if need be */
enum ipci_backend {
	IPCI_BACKEND_UNKNOWN,
	IPCI_BACKEND_EXACT,
	IPCI_BACKEND_ROBUST, /* bounded, with robust mutexes */
	IPCI_BACKEND_PID,    /* bounded, by asking whether a process exists */
};

enum ipci_backend ipci_os_backend(void);

/* Linux: whether the kernel wakes a sleeper of a word that a dead thread had
   announced, or not; or -ENOMEM. For ipci_os_caps and its test. */
int ipci_os_probe_death(bool announce);

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
};

enum {
	IPCI_STILL_MAX = 128, /* FUTEX_WAITV_MAX */
};

/*
 * Sleeps while the low halves of all n words are what they were; comparison and
 * the falling asleep are one step as seen by whoever changes one of them and
 * then wakes. A wake-up on any of the words ends the sleep. Returns -ETIMEDOUT
 * when the deadline passed and nobody woke it, else 0, also for no reason.
 */
int ipci_os_sleep(const struct ipci_still *same, int n, int64_t deadline);

/* wakes up to n that sleep on word; returns how many there were */
int ipci_os_wake(const _Atomic uint64_t *word, int n);

/*
 * A fence in every running thread of every process that uses the library: what
 * it stored before, the caller sees; what it loads later, it loads after what
 * the caller has stored. Exact only. false: it is refused, by a filter of
 * system calls that this process was given after it began.
 */
bool ipci_os_barrier(void);

/* whether there is no thread with that id in the system, dead or alive */
bool ipci_os_gone(uint32_t tid);

/* ---- the same in the bounded way ---- */

struct room_shm;

/* sets up ipci_thread, as thread tid; called by ipci_self_init */
void ipci_room_self(struct ipci_self *self, uint32_t tid);

/* whether mutexes tell of a death: 1, 0, or -ENOMEM: could not find out */
int ipci_room_probe(void);

/* what its bytes mean: not the same for each libc */
uint64_t ipci_room_fingerprint(void);

/* before anybody else can see it */
void ipci_room_init(struct room_shm *room);

/* the lock, and who has it in the word; never waits */
bool ipci_room_lock(struct room_shm *room, _Atomic uint64_t *word,
		    uint64_t key);
void ipci_room_unlock(struct room_shm *room, _Atomic uint64_t *word,
		      uint64_t key);

/* whether the one that the word names, or named, died inside, and nobody has
   locked since */
bool ipci_room_dead(struct room_shm *room, _Atomic uint64_t *word);

/* of a long-held word: the lock, if no one died in it who is not yet buried;
   to be taken for dead; and no longer */
bool ipci_room_claim(struct room_shm *room, _Atomic uint64_t *word,
		     uint64_t key);
void ipci_room_abandon(struct room_shm *room, _Atomic uint64_t *word,
		       uint64_t key);
void ipci_room_bury(struct room_shm *room, _Atomic uint64_t *word);

/* sleeps until a post, or a moment: until the deadline at most */
void ipci_room_sleep(struct room_shm *room, int64_t deadline);

/* wakes one of those who sleep, or the next one that comes */
void ipci_room_post(struct room_shm *room);

/* whether there is no such process any more, or only what nobody reaped yet */
bool ipci_os_ended(uint32_t pid);

/* ---- */

/* whether spinning can help: another CPU may be at work meanwhile */
bool ipci_os_many_cpus(void);

/* lets others run */
void ipci_os_yield(void);

static inline void ipci_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ __volatile__("yield");
#endif
}

/* ---- named memory ---- */

/* an object that has no name yet */
struct ipci_shm_file {
	int fd;
	char temporary[48]; /* what it is called until then, if at all */
};

/* size bytes, all zero, the first of them reserved: 0, or negative */
int ipci_os_shm_make(struct ipci_shm_file *f, uint64_t size, uint64_t reserved,
		     unsigned int mode);

/* memory for size bytes from at on: 0, -ENOSPC */
int ipci_os_shm_reserve(int fd, uint64_t at, uint64_t size);

/* reserves, gives it its size and exactly this mode: 0, -ENOSPC, ... */
int ipci_os_shm_shape(int fd, uint64_t size, uint64_t reserved,
		      unsigned int mode);

/* gives back the memory of these shared pages, if they have any and the system
   can; they read as zeros, or as they were */
void ipci_os_discard(void *pages, size_t size);
/* whether it does: else it clears them, which may take memory */
extern const bool ipci_os_gives_back;

/* gives all of these pages memory now, so that a lack of it is told here and
   not by a signal later: 0, -ENOMEM; where the system has no such call: 0 */
int ipci_os_populate(void *pages, size_t size);

/* a core dump would read, and so make, what nobody ever touched */
void ipci_os_leave_out_of_dumps(void *pages, size_t size);

/* gives it its name: 0, -EEXIST, ... The one step that makes it visible. It
   has lost its temporary name afterwards, also if that failed. */
int ipci_os_shm_publish(struct ipci_shm_file *f, const char *name);

/* in place of publish: it is gone when its descriptor is closed */
void ipci_os_shm_drop(struct ipci_shm_file *f);

/* by name, as shm_open and shm_unlink: -1, and errno */
int ipci_os_shm_open(const char *name);
int ipci_os_shm_unlink(const char *name);

/* ---- lifelines: descriptors that tell whether the other side lives ---- */

/* a connected pair, close-on-exec */
int ipci_os_lifeline(int fds[2]);

/* whether every copy of the other descriptor is closed */
bool ipci_os_lifeline_cut(int fd);

#endif
