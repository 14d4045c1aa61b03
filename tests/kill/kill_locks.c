/* SPDX-License-Identifier: MIT */
/*
 * kill_locks.c - locks of two kinds in the hands of one thread, and barging
 *
 * libc's robust mutexes and ours are on one list, which both write. A thread
 * that dies in the middle of that must leave none of them locked.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include <libipc.h>
#include "region.h"
#include "sweep.h"

enum {
	PTHREADS = 2,
	LOCKS = PTHREADS + 3, /* the others are ours */
};

/* what the victim knows of a lock */
enum { OUTSIDE, COMES, INSIDE, LEAVES };

struct row {
	bool locks_too; /* killed while it locks, too */
	int order[LOCKS];
	int reverse[LOCKS]; /* of unlocking */
};

static struct shared {
	pthread_mutex_t theirs[PTHREADS];
	_Atomic int state[LOCKS];
	pid_t victim;
	_Atomic bool got_it;
	_Atomic int news;
} * shared;

static struct ipc_mutex *ours[LOCKS];
static bool named[LOCKS];

static struct mutex_shm *words(const struct ipc_mutex *m)
{
	return ((const struct ipci_region *)m)->mutex;
}

/* -------------------------------------------------------------------- both */

static int lock(int i)
{
	int r;

	if (i >= PTHREADS)
		return ipc_mutex_lock(ours[i], 0);
	r = pthread_mutex_trylock(&shared->theirs[i]);
	if (r != EOWNERDEAD)
		return -r;
	pthread_mutex_consistent(&shared->theirs[i]);
	return LIBIPC_OWNER_DIED;
}

static int unlock(int i)
{
	return i < PTHREADS ? -pthread_mutex_unlock(&shared->theirs[i])
			    : ipc_mutex_unlock(ours[i]);
}

static int change(int i, int (*how)(int), int during, int after)
{
	int r;

	shared->state[i] = during;
	r = how(i);
	shared->state[i] = after;
	return r;
}

static int victim(const void *arg)
{
	const struct row *row = arg;
	int r = 0;

	shared->victim = getpid();
	if (row->locks_too)
		sweep_marker();
	for (int i = 0; i < LOCKS; i++)
		r |= change(row->order[i], lock, COMES, INSIDE);
	if (!row->locks_too)
		sweep_marker();
	for (int i = 0; i < LOCKS; i++)
		r |= change(row->reverse[i], unlock, LEAVES, OUTSIDE);
	return r;
}

static void make_theirs(pthread_mutex_t *m)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	sweep_require(pthread_mutex_init(m, &attr) == 0);
	pthread_mutexattr_destroy(&attr);
}

static void begin(const void *arg)
{
	(void)arg;
	for (int i = 0; i < PTHREADS; i++)
		make_theirs(&shared->theirs[i]);
	for (int i = PTHREADS; i < LOCKS; i++)
		sweep_require(ipc_mutex_create(&ours[i], NULL, NULL) == 0);
}

static void look(const void *arg)
{
	(void)arg;
	for (int i = 0; i < LOCKS; i++)
		sweep_note(" %d", shared->state[i]);
	for (int i = PTHREADS; i < LOCKS; i++)
		named[i] = words(ours[i])->holder == (uint32_t)shared->victim;
}

/* all is recovered when the dead one is reaped: nobody need wait */
static const char *judge_lock(int i)
{
	int state = shared->state[i], r = lock(i);

	if (r < 0)
		return "a lock is still held by the dead one";
	if ((state == INSIDE && !r) || (state == OUTSIDE && r))
		return "it died inside, and no news; or outside, and news";
	if (i >= PTHREADS && r != (named[i] ? LIBIPC_OWNER_DIED : 0))
		return "news and holder do not agree";
	if (unlock(i) != 0 || lock(i) != 0 || unlock(i) != 0)
		return "it cannot be used any more";
	return NULL;
}

static const char *judge(const void *arg)
{
	const char *wrong = NULL;

	(void)arg;
	for (int i = 0; i < LOCKS && !wrong; i++)
		wrong = judge_lock(i);
	return wrong;
}

static void end(const void *arg)
{
	(void)arg;
	for (int i = PTHREADS; i < LOCKS; i++)
		ipc_mutex_close(ours[i]);
	for (int i = 0; i < PTHREADS; i++)
		pthread_mutex_destroy(&shared->theirs[i]);
}

/* ----------------------------------------------------------------- barging */

struct barging_row {
	bool barger_dies;
};

static int wait_for_it(const void *arg)
{
	int r;

	sweep_marker();
	r = ipc_mutex_lock(ours[0], -1);
	if (arg) {
		shared->got_it = r >= 0;
		shared->news = r;
	}
	return r < 0 ? r : ipc_mutex_unlock(ours[0]);
}

static int barge(const void *arg)
{
	int r = ipc_mutex_lock(ours[0], 0);

	(void)arg;
	sweep_marker();
	return r < 0 ? r : ipc_mutex_unlock(ours[0]);
}

static bool is_served(const void *arg)
{
	(void)arg;
	return shared->got_it;
}

/*
 * Two wait. The lock is let go, the first one is woken, and before it comes
 * another one takes the lock. The first one goes on for k instructions, finds
 * it held, and is killed. The second one must get it all the same. (It sleeps
 * for ever at a robust mutex of glibc 2.36.)
 */
static const char *barging_point(const void *arg, unsigned long k, bool *over)
{
	const struct barging_row *row = arg;
	const char *wrong = NULL;
	struct proc *first, *barger;

	sweep_require(ipc_mutex_create(&ours[0], NULL, NULL) == 0);
	sweep_require(ipc_mutex_lock(ours[0], 0) == 0);
	first = sweep_trace(wait_for_it, NULL);
	sweep_to_sleep_entry(first);
	sweep_into_sleep(first);
	sweep_until_asleep(sweep_spawn(wait_for_it, "second"));
	sweep_require(ipc_mutex_unlock(ours[0]) == 0);
	if (!sweep_wakes(first)) { /* the kernel chose the second: no story */
		wrong = sweep_eventually(is_served, NULL) ? NULL
							  : "nobody was woken";
		sweep_require(ipc_mutex_close(ours[0]) == 0);
		return wrong;
	}
	barger = sweep_trace(barge, NULL);
	sweep_require(words(ours[0])->holder == (uint32_t)sweep_pid(barger));
	*over = !sweep_steps(first, k);
	sweep_note("word %#llx", (unsigned long long)words(ours[0])->word);
	sweep_slay(first);
	if (row->barger_dies)
		sweep_slay(barger);
	else
		sweep_let_go(barger);
	if (!sweep_eventually(is_served, NULL))
		wrong = "it sleeps at a free lock";
	else if (shared->news != row->barger_dies)
		wrong = "news and death do not agree";
	ipc_mutex_close(ours[0]);
	return wrong;
}

/* -------------------------------------------------------------------- rows */

#define MIXED(text, every, ...)                                                \
	{                                                                      \
		.name = text, .point = sweep_point, .stride = every,           \
		.row = &(const struct sweep)                                   \
		{                                                              \
			.row = &(const struct row){__VA_ARGS__},               \
			.begin = begin, .victim = victim, .look = look,        \
			.judge = judge, .end = end                             \
		}                                                              \
	}
#define BARGING(text, every, ...)                                              \
	{                                                                      \
		.name = text, .point = barging_point, .stride = every,         \
		.row = &(const struct barging_row)                             \
		{                                                              \
			__VA_ARGS__                                            \
		}                                                              \
	}

/* 0 and 1 are libc's */
static const struct story stories[] = {
	MIXED("2 robust mutexes and 3 of ours, unlocked in another order", 23,
	      false, {0, 2, 3, 1, 4}, {2, 0, 4, 3, 1}),
	MIXED("3 of ours and 2 robust mutexes, the last one first", 23, false,
	      {2, 3, 4, 0, 1}, {1, 0, 4, 3, 2}),
	MIXED("2 robust mutexes and 3 of ours, the first one first", 23, false,
	      {0, 2, 1, 3, 4}, {0, 2, 1, 3, 4}),
	MIXED("2 robust mutexes and 3 of ours, locked and unlocked", 47, true,
	      {2, 1, 3, 0, 4}, {3, 0, 2, 4, 1}),
	BARGING("barging, the woken one is killed", 13, false),
	BARGING("barging, both are killed", 13, true),
};

int main(int argc, char **argv)
{
	shared = sweep_shared(sizeof(*shared));
	return story_main(argc, argv, stories,
			  sizeof(stories) / sizeof(*stories));
}
