/* SPDX-License-Identifier: MIT */
/*
 * kill_mutex.c - lock and unlock, killed at each instruction
 *
 * Executes the KILLED rows of struct mutex_shm: L1 .. L4, U1, N1 .. N4, and A,
 * R, S and F where there is neither index nor hint.
 *
 * Whatever the row, each survivor gets the lock. One of them hears of a death,
 * if that was inside: lock had returned, and unlock had not begun to let go. In
 * the last instructions of lock and the first ones of unlock it is so exactly
 * when `holder` names the dead one (L2 .. U1). And however deep the dead one
 * had been, each survivor holds it once.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <libipc.h>
#include "region.h"
#include "sweep.h"

enum op { LOCK, UNLOCK, BOTH, NEST };

/* who is inside when the victim comes */
enum holder { NOBODY, LEAVES, DIES, DIED };

struct row {
	enum op op;
	enum holder holder;
	unsigned int waiters; /* asleep before the victim comes, or leaves */
	unsigned int behind;  /* come when the victim sleeps */
	bool in_flight;	      /* the waiters are not yet asleep */
	int timeout_ms;	      /* of the victim, which waits in vain; 0: none */
	bool recursive;
	bool two_handles;
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
	_Atomic bool deep;     /* a survivor held it more than once */
} * shared;

static struct ipc_mutex *mutex, *second; /* the same one, or its other handle */
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
	const struct row *row = arg;
	int r = ipc_mutex_lock(mutex, 0);

	for (int i = 1; row->recursive && i < 3; i++)
		ipc_mutex_lock(mutex, 0);
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
	r = ipc_mutex_unlock(mutex);
	if (r == 0 && ipc_mutex_unlock(mutex) != -EPERM)
		shared->deep = true;
	return r;
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

/* inside; the handle that came first leaves first */
static int nest(void)
{
	int r = ipc_mutex_lock(second, 0);

	if (r == 0)
		r = ipc_mutex_lock(second, 0);
	if (r == 0)
		r = ipc_mutex_unlock(mutex);
	if (r == 0)
		r = ipc_mutex_unlock(second);
	return r;
}

static int leave(void)
{
	int r;

	shared->leaves = true;
	r = ipc_mutex_unlock(second);
	shared->left = true;
	return r;
}

static int victim(const void *arg)
{
	const struct row *row = arg;
	bool begin_inside = row->op == UNLOCK || row->op == NEST;
	int r = 0;

	shared->victim = getpid();
	if (begin_inside)
		r = lock(row);
	sweep_marker();
	if (!begin_inside)
		r = lock(row);
	if (row->op == NEST && r == 0)
		r = nest();
	if (row->op == LOCK || r < 0)
		return r;
	return leave();
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

static void make(const struct row *row)
{
	const struct ipc_mutex_opts opts = {
		.flags = row->recursive ? LIBIPC_MUTEX_RECURSIVE : 0};
	char name[64];

	snprintf(name, sizeof(name), "/kill_mutex.%d", (int)getpid());
	sweep_require(ipc_mutex_create(&mutex, row->two_handles ? name : NULL,
				       &opts) == 0);
	second = mutex;
	if (row->two_handles) {
		sweep_require(ipc_mutex_open(&second, name) == 0);
		sweep_require(ipc_unlink(name) == 0);
	}
}

static void begin(const void *arg)
{
	const struct row *row = arg;

	make(row);
	waiters = 0;
	holder = NULL;
	wrong_at_death = NULL;
	if (row->holder != NOBODY) {
		holder = sweep_trace(hold, row);
		sweep_require(words()->holder == (uint32_t)sweep_pid(holder));
	}
	if (row->holder == DIED)
		sweep_slay(holder);
	if (row->op == LOCK || row->op == BOTH)
		add_waiters(row->waiters, row->in_flight);
}

/* the victim is inside */
static void marked(const void *arg)
{
	const struct row *row = arg;

	if (row->op == UNLOCK || row->op == NEST)
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
	if (second != mutex)
		ipc_mutex_close(second);
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

/*
 * In the bounded back end, whoever looks first gets in, and the victim need not
 * be the first after its holder's death. If neither the word nor the victim
 * says who heard of that, one of the waiters may have, before the victim died.
 */
static int waiter_may_have_heard(const struct row *row)
{
	return !sweep_exact() && row->holder == DIES && waiters > 0;
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
	int more = waiter_may_have_heard(row);

	if (wrong_at_death)
		return wrong_at_death;
	for (int i = 0; i < waiters; i++)
		sweep_let_go(waiter[i]);
	release(row);
	if (!sweep_eventually(all_are_through, NULL))
		return "somebody waits for a free lock";
	if (survive(sweep_limit_ms()) < 0)
		return "it cannot be locked";
	if (shared->news != expected_news &&
	    shared->news != expected_news + more)
		return shared->news ? "news of a death outside" : "no news";
	more = shared->news;
	if (survive(0) < 0 || shared->news != more)
		return "the same news again";
	if (shared->deep)
		return "a survivor held it more than once";
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
	ROW("unlock, 3 waiters asleep", 11, .op = UNLOCK, .waiters = 3),
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
	ROW("nested locks", 7, .op = NEST, .recursive = true),
	ROW("nested, 1 waiter asleep", 11, .op = NEST, .waiters = 1,
	    .recursive = true),
	ROW("nested, 2 handles, 1 waiter asleep", 11, .op = NEST, .waiters = 1,
	    .recursive = true, .two_handles = true),
	ROW("lock and unlock, the last holder died 3 deep", 11, .op = BOTH,
	    .holder = DIED, .recursive = true),
	ROW("lock that sleeps, the holder dies 3 deep, 1 behind", 23,
	    .op = BOTH, .holder = DIES, .behind = 1, .recursive = true),
};

int main(int argc, char **argv)
{
	shared = sweep_shared(sizeof(*shared));
	return sweep_main(argc, argv, sweeps, sizeof(sweeps) / sizeof(*sweeps));
}
