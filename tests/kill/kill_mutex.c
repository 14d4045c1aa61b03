/* SPDX-License-Identifier: MIT */
/*
 * kill_mutex.c - lock and unlock, killed at each instruction
 *
 * Executes the KILLED rows of struct mutex_shm: L1 .. L3, U1, and A, R, S and F
 * where there is neither index nor hint.
 *
 * Whatever the row, each survivor gets the lock. One of them hears of a death,
 * if that was inside: lock had returned, and unlock had not begun to let go. In
 * the last instructions of lock and the first ones of unlock it is so exactly
 * when `holder` names the dead one (L2 .. U1).
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <libipc.h>
#include "region.h"
#include "sweep.h"

enum op { LOCK, UNLOCK, BOTH };

/* who is inside when the victim comes */
enum holder { NOBODY, LEAVES, DIES, DIED };

struct row {
	enum op op;
	enum holder holder;
	unsigned int waiters; /* asleep before the victim comes, or leaves */
	unsigned int behind;  /* come when the victim sleeps */
	bool in_flight;	      /* the waiters are not yet asleep */
	int timeout_ms;	      /* of the victim, which waits in vain; 0: none */
};

enum { WAITERS = 4 };

static struct shared {
	pid_t victim;
	_Atomic bool inside; /* lock has returned */
	_Atomic bool leaves; /* unlock was called */
	_Atomic bool left;
	_Atomic int news; /* that survivors heard */
	_Atomic int inside_now;
	_Atomic bool together; /* two were inside at once */
} * shared;

static struct ipc_mutex *mutex;
static struct proc *waiter[WAITERS], *holder;
static int waiters, expected_news;
static const char *wrong_at_death;

static struct mutex_shm *words(void)
{
	return ((struct ipci_region *)mutex)->mutex;
}

/* --------------------------------------------------------------- processes */

static int hold(const void *arg)
{
	int r = ipc_mutex_lock(mutex, 0);

	(void)arg;
	sweep_marker();
	return r < 0 ? r : ipc_mutex_unlock(mutex);
}

static int survive(int timeout_ms)
{
	int r = ipc_mutex_lock(mutex, timeout_ms);

	if (r < 0)
		return r;
	if (shared->inside_now++)
		shared->together = true;
	shared->news += r == LIBIPC_OWNER_DIED;
	shared->inside_now--;
	return ipc_mutex_unlock(mutex);
}

static int wait_for_it(const void *arg)
{
	(void)arg;
	sweep_marker();
	return survive(-1);
}

static int lock(const struct row *row)
{
	int r = ipc_mutex_lock(mutex, row->timeout_ms ? row->timeout_ms : -1);

	shared->inside = r >= 0;
	return r;
}

static int victim(const void *arg)
{
	const struct row *row = arg;
	int r = 0;

	shared->victim = getpid();
	if (row->op == UNLOCK)
		r = lock(row);
	sweep_marker();
	if (row->op != UNLOCK)
		r = lock(row);
	if (row->op == LOCK || r < 0)
		return r;
	shared->leaves = true;
	r = ipc_mutex_unlock(mutex);
	shared->left = true;
	return r;
}

/* ------------------------------------------------------------------- begin */

static void add_waiters(unsigned int n, bool in_flight)
{
	for (unsigned int i = 0; i < n; i++, waiters++) {
		struct proc **p = &waiter[waiters];

		if (in_flight) {
			*p = sweep_trace(wait_for_it, NULL);
			sweep_to_sleep_entry(*p);
		} else {
			*p = sweep_spawn(wait_for_it, NULL);
			sweep_until_asleep(*p);
		}
	}
}

static void begin(const void *arg)
{
	const struct row *row = arg;

	sweep_require(ipc_mutex_create(&mutex, NULL, NULL) == 0);
	waiters = 0;
	holder = NULL;
	wrong_at_death = NULL;
	if (row->holder != NOBODY) {
		holder = sweep_trace(hold, NULL);
		sweep_require(words()->holder == (uint32_t)sweep_pid(holder));
	}
	if (row->holder == DIED)
		sweep_slay(holder);
	if (row->op != UNLOCK)
		add_waiters(row->waiters, row->in_flight);
}

/* the victim is inside */
static void marked(const void *arg)
{
	const struct row *row = arg;

	if (row->op == UNLOCK)
		add_waiters(row->waiters, row->in_flight);
}

static void release(const struct row *row)
{
	if (row->holder == LEAVES)
		sweep_let_go(holder);
	if (row->holder == DIES)
		sweep_slay(holder);
}

static void ask(const void *arg)
{
	const struct row *row = arg;

	add_waiters(row->behind, false);
	if (!row->timeout_ms)
		release(row);
}

static void end(const void *arg)
{
	(void)arg;
	ipc_mutex_close(mutex);
}

/* ------------------------------------------------------------------- judge */

/* what the words say of it must be what the victim itself has seen */
static void look(const void *arg)
{
	const struct row *row = arg;
	uint32_t named = words()->holder;
	bool it_is = named == (uint32_t)shared->victim;
	bool other = named && holder && named == (uint32_t)sweep_pid(holder);

	expected_news = it_is || (other && row->holder != LEAVES);
	if (!other && row->holder == DIES && !sweep_ended(holder))
		wrong_at_death = "the holder is not named";
	if (shared->inside && !shared->leaves && !it_is)
		wrong_at_death = "it is inside, and not named";
	if (shared->left && it_is)
		wrong_at_death = "it has left, and is named";
	sweep_note(", word %#llx holder %u", (unsigned long long)words()->word,
		   named);
}

static bool all_are_through(const void *arg)
{
	(void)arg;
	for (int i = 0; i < waiters; i++)
		if (!sweep_ended(waiter[i]))
			return false;
	return true;
}

static const char *judge(const void *arg)
{
	const struct row *row = arg;

	if (wrong_at_death)
		return wrong_at_death;
	for (int i = 0; i < waiters; i++)
		sweep_let_go(waiter[i]);
	release(row);
	if (!sweep_eventually(all_are_through, NULL))
		return "somebody waits for a free lock";
	if (survive(sweep_limit_ms()) < 0)
		return "it cannot be locked";
	if (shared->news != expected_news)
		return shared->news ? "news of a death outside" : "no news";
	if (survive(0) < 0 || shared->news != expected_news)
		return "the same news again";
	return shared->together ? "two were inside" : NULL;
}

/* -------------------------------------------------------------------- rows */

#define ROW(text, every, ...)                                                  \
	{                                                                      \
		.name = text, .row = &(const struct row){__VA_ARGS__},         \
		.begin = begin, .victim = victim, .marked = marked,            \
		.asleep = ask, .look = look, .judge = judge, .end = end,       \
		.stride = every                                                \
	}

static const struct sweep sweeps[] = {
	ROW("lock and unlock, idle", 11, .op = BOTH),
	ROW("lock and unlock, the last holder died", 11, .op = BOTH,
	    .holder = DIED),
	ROW("unlock, 1 waiter asleep", 3, .op = UNLOCK, .waiters = 1),
	ROW("unlock, 2 waiters asleep", 7, .op = UNLOCK, .waiters = 2),
	ROW("unlock, 2 waiters about to sleep", 11, .op = UNLOCK, .waiters = 2,
	    .in_flight = true),
	ROW("lock that sleeps", 23, .op = BOTH, .holder = LEAVES),
	ROW("lock that sleeps, 1 behind", 23, .op = BOTH, .holder = LEAVES,
	    .behind = 1),
	ROW("lock that sleeps, 2 behind", 23, .op = BOTH, .holder = LEAVES,
	    .behind = 2),
	ROW("lock that sleeps, 1 before, 1 behind", 23, .op = BOTH,
	    .holder = LEAVES, .waiters = 1, .behind = 1),
	ROW("lock that sleeps, 2 before", 23, .op = BOTH, .holder = LEAVES,
	    .waiters = 2),
	ROW("lock that sleeps, the holder dies, 1 behind", 23, .op = BOTH,
	    .holder = DIES, .behind = 1),
	ROW("lock that gives up, 1 behind", 23, .op = LOCK, .holder = LEAVES,
	    .behind = 1, .timeout_ms = 20),
	ROW("lock that gives up, the holder dies, 1 behind", 19, .op = LOCK,
	    .holder = DIES, .behind = 1, .timeout_ms = 20),
};

int main(int argc, char **argv)
{
	shared = sweep_shared(sizeof(*shared));
	return sweep_main(argc, argv, sweeps, sizeof(sweeps) / sizeof(*sweeps));
}
