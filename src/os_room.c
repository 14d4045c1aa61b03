/* SPDX-License-Identifier: MIT */
/*
 * os_room.c - the bounded way to wait: robust pthread mutexes and semaphores
 *
 * struct room_shm in layout.h says what is where, and what a death leaves. Two
 * things are never done here: to lock a mutex and wait for it (glibc's robust
 * mutex can leave a waiter asleep on a lock that is free), and to sleep without
 * a limit.
 */
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
#include <unistd.h>

#include "layout.h"
#include "os.h"

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(((struct room_shm *)0)->mutex),
	       "room for a mutex");
_Static_assert(sizeof(sem_t) <= sizeof(((struct room_shm *)0)->sem),
	       "room for a semaphore");
_Static_assert(_Alignof(pthread_mutex_t) <= 8 && _Alignof(sem_t) <= 8,
	       "aligned");

/* the longest that anybody sleeps before he looks again by himself; 50 ms are
   promised, and the rest is for him to come to it */
#ifdef IPCI_CONTROL_NO_SLICE
#define BOUNDED_SLICE_NS INT64_C(3600000000000)
#else
#define BOUNDED_SLICE_NS INT64_C(30000000)
#endif

#ifdef IPCI_CONTROL_NOT_ROBUST
#define ROBUST PTHREAD_MUTEX_STALLED
#else
#define ROBUST PTHREAD_MUTEX_ROBUST
#endif

/* POSIX.1-2024; where this libc has it. The wall clock may be set back. */
extern int sem_clockwait(sem_t *restrict sem, clockid_t clock,
			 const struct timespec *restrict until)
	__attribute__((weak));

static pthread_mutex_t *mutex_of(struct room_shm *room)
{
	return (pthread_mutex_t *)room->mutex;
}

static sem_t *sem_of(struct room_shm *room)
{
	return (sem_t *)room->sem;
}

static bool has_robust_mutexes(void)
{
	return ipci_os_backend() == IPCI_BACKEND_ROBUST;
}

static int init_mutex(pthread_mutex_t *m, int robustness)
{
	pthread_mutexattr_t attr;
	int r;

	r = pthread_mutexattr_init(&attr);
	if (!r)
		r = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (!r)
		r = pthread_mutexattr_setrobust(&attr, robustness);
	if (!r)
		r = pthread_mutex_init(m, &attr);
	pthread_mutexattr_destroy(&attr);
	return r;
}

void ipci_room_init(struct room_shm *room)
{
	if (ipci_os_backend() == IPCI_BACKEND_EXACT)
		return;
	if (has_robust_mutexes())
		init_mutex(mutex_of(room), ROBUST);
	sem_init(sem_of(room), 1, 0);
}

/* ---- what there is ---- */

static void *lock_and_end(void *arg)
{
	pthread_mutex_trylock(arg);
	return NULL;
}

int ipci_room_probe(void)
{
	pthread_mutex_t m;
	pthread_t thread;
	int r;

	if (init_mutex(&m, PTHREAD_MUTEX_ROBUST))
		return 0;
	if (pthread_create(&thread, NULL, lock_and_end, &m))
		return -ENOMEM;
	pthread_join(thread, NULL);
	r = pthread_mutex_trylock(&m);
	if (r == EOWNERDEAD)
		pthread_mutex_consistent(&m);
	if (r != EBUSY) {
		pthread_mutex_unlock(&m);
		pthread_mutex_destroy(&m);
	}
	return r == EOWNERDEAD;
}

uint64_t ipci_room_fingerprint(void)
{
#ifdef __GLIBC__
	uint64_t libc = 1;
#else
	uint64_t libc = 2;
#endif
	return libc << 32 | sizeof(pthread_mutex_t) << 16 | sizeof(sem_t);
}

/* ---- the calling thread ---- */

static _Atomic uint32_t threads;

/*
 * Which thread of which process: the serial starts somewhere by the clock, so
 * that a word that a process left behind does not mean a later one with the
 * same number.
 */
static uint32_t new_serial(void)
{
	uint32_t n =
		atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed);

	return n + (uint32_t)((uint64_t)ipci_now_ns() >> 10);
}

/* the list and the announcement go nowhere */
void ipci_room_self(struct ipci_self *self, uint32_t tid)
{
	uint32_t serial = new_serial();

	self->own[0] = (uintptr_t)&self->own[0];
	self->list = &self->own[0];
	self->pending = &self->own[1];
	self->node = 4 * (ptrdiff_t)sizeof(void *);
	self->key = (uint64_t)serial << 32 | tid;
	self->tid = tid;
}

/* ---- lock ---- */

static bool lock_mutex(struct room_shm *room)
{
	int r = pthread_mutex_trylock(mutex_of(room));

	if (r == EOWNERDEAD)
		r = pthread_mutex_consistent(mutex_of(room));
	return r == 0;
}

/* without robust mutexes: frees it if its owner is gone */
static void free_from_dead(_Atomic uint64_t *word)
{
	uint64_t is = atomic_load_explicit(word, memory_order_seq_cst);

	if ((is & IPCI_GATE_OWNER) &&
	    ipci_os_ended((uint32_t)(is & IPCI_GATE_OWNER)))
		atomic_compare_exchange_strong_explicit(word, &is,
							IPCI_GATE_FIRED,
							memory_order_seq_cst,
							memory_order_relaxed);
}

bool ipci_room_lock(struct room_shm *room, _Atomic uint64_t *word, uint64_t key)
{
	uint64_t is;

	if (has_robust_mutexes()) {
		if (!lock_mutex(room))
			return false;
		atomic_store_explicit(word, key, memory_order_seq_cst); /* b2 */
		return true;
	}
	free_from_dead(word);
	is = atomic_load_explicit(word, memory_order_relaxed);
	return !(is & IPCI_GATE_OWNER) &&
	       atomic_compare_exchange_strong_explicit(word, &is, key,
						       memory_order_seq_cst,
						       memory_order_relaxed);
}

/* what the owner leaves in the word: 0, or that it is to be taken for dead */
static void leave(struct room_shm *room, _Atomic uint64_t *word, uint64_t key,
		  uint64_t what)
{
	if (has_robust_mutexes()) {
		atomic_store_explicit(word, what, memory_order_seq_cst);
		pthread_mutex_unlock(mutex_of(room));
		return;
	}
	/* another value would be damage, and not ours */
	atomic_compare_exchange_strong_explicit(
		word, &key, what, memory_order_seq_cst, memory_order_relaxed);
}

/* b3, b4 */
void ipci_room_unlock(struct room_shm *room, _Atomic uint64_t *word,
		      uint64_t key)
{
	leave(room, word, key, 0);
}

/* ---- long-held words ---- */

/* with the mutex: whoever the word names has died, and that is on record now;
   so for damage, too, which could not be buried otherwise */
static bool record_death(_Atomic uint64_t *word)
{
	uint64_t is = atomic_load_explicit(word, memory_order_seq_cst);

	if (is)
		atomic_store_explicit(word, IPCI_GATE_FIRED,
				      memory_order_seq_cst);
	return is;
}

bool ipci_room_dead(struct room_shm *room, _Atomic uint64_t *word)
{
	bool dead;

	if (!has_robust_mutexes()) {
		free_from_dead(word);
		return atomic_load_explicit(word, memory_order_seq_cst) ==
		       IPCI_GATE_FIRED;
	}
	if (!atomic_load_explicit(word, memory_order_seq_cst) ||
	    !lock_mutex(room))
		return false;
	dead = record_death(word);
	pthread_mutex_unlock(mutex_of(room));
	return dead;
}

bool ipci_room_claim(struct room_shm *room, _Atomic uint64_t *word,
		     uint64_t key)
{
	uint64_t is = 0;

	if (!has_robust_mutexes())
		return atomic_compare_exchange_strong_explicit(
			word, &is, key, memory_order_seq_cst,
			memory_order_relaxed);
	if (!lock_mutex(room))
		return false;
	if (record_death(word)) {
		pthread_mutex_unlock(mutex_of(room));
		return false;
	}
	atomic_store_explicit(word, key, memory_order_seq_cst);
	return true;
}

void ipci_room_abandon(struct room_shm *room, _Atomic uint64_t *word,
		       uint64_t key)
{
	leave(room, word, key, IPCI_GATE_FIRED);
}

void ipci_room_bury(struct room_shm *room, _Atomic uint64_t *word)
{
	uint64_t is = IPCI_GATE_FIRED;

	(void)room;
	atomic_compare_exchange_strong_explicit(
		word, &is, 0, memory_order_seq_cst, memory_order_relaxed);
}

/* ---- sleep and wake-up ---- */

static struct timespec time_at(clockid_t clock, int64_t delay)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_sec += (time_t)(delay / 1000000000);
	t.tv_nsec += (long)(delay % 1000000000);
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

/* b8; the calls are cancellation points */
void ipci_room_sleep(struct room_shm *room, int64_t deadline)
{
	int64_t delay = BOUNDED_SLICE_NS, now = ipci_now_ns();
	clockid_t clock = sem_clockwait ? CLOCK_MONOTONIC : CLOCK_REALTIME;
	struct timespec until;
	int cancel;

	if (deadline - now < delay)
		delay = deadline > now ? deadline - now : 0;
	until = time_at(clock, delay);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (sem_clockwait)
		sem_clockwait(sem_of(room), clock, &until);
	else
		sem_timedwait(sem_of(room), &until);
	pthread_setcancelstate(cancel, &cancel);
}

void ipci_room_post(struct room_shm *room)
{
	int n;

	if (sem_getvalue(sem_of(room), &n) == 0 && n <= 0)
		sem_post(sem_of(room));
}
