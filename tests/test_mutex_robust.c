/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_robust.c - a thread holds pthread robust mutexes and ours at
 * once, takes and releases them in any order, and dies: each is recovered
 *
 * Both are on the one list of held locks that the kernel walks.
 */
#include "mutex_util.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>

enum { THEIRS = 2, OURS = 3, LOCKS = THEIRS + OURS, ORDERS = 120 };

struct locks {
	pthread_mutex_t theirs[THEIRS]; /* one of them with inheritance */
	struct ipc_mutex *ours[OURS];
};

struct schedule {
	struct locks *locks;
	const int *take;
	const int *release;
	int released; /* so many of them, then it dies */
};

static int order[ORDERS][LOCKS];

static void make_orders(void)
{
	for (int n = 0; n < ORDERS; n++) {
		int left[LOCKS], rest = n;
		for (int i = 0; i < LOCKS; i++)
			left[i] = i;
		for (int i = LOCKS; i > 0; i--) {
			int k = rest % i;
			rest /= i;
			order[n][i - 1] = left[k];
			left[k] = left[i - 1];
		}
	}
}

static void init_theirs(pthread_mutex_t *m, int protocol)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setprotocol(&attr, protocol);
	assert_int_equal(pthread_mutex_init(m, &attr), 0);
	pthread_mutexattr_destroy(&attr);
}

static struct locks *new_locks(void)
{
	struct locks *l = shared_alloc(sizeof(*l));

	init_theirs(&l->theirs[0], PTHREAD_PRIO_NONE);
	init_theirs(&l->theirs[1], PTHREAD_PRIO_INHERIT);
	for (int i = 0; i < OURS; i++)
		l->ours[i] = new_mutex();
	return l;
}

static void close_locks(struct locks *l)
{
	for (int i = 0; i < OURS; i++)
		expect_sound_and_close(l->ours[i]);
	for (int i = 0; i < THEIRS; i++)
		assert_int_equal(pthread_mutex_destroy(&l->theirs[i]), 0);
}

/* 0, or 1 if the last holder died inside */
static int take(struct locks *l, int which)
{
	int r;

	if (which >= THEIRS)
		return ipc_mutex_lock(l->ours[which - THEIRS], LIBIPC_FOREVER);
	r = pthread_mutex_lock(&l->theirs[which]);
	if (r != EOWNERDEAD)
		return -r;
	return -pthread_mutex_consistent(&l->theirs[which]) + 1;
}

static int release(struct locks *l, int which)
{
	return which < THEIRS ? -pthread_mutex_unlock(&l->theirs[which])
			      : ipc_mutex_unlock(l->ours[which - THEIRS]);
}

static bool holds_nothing(void)
{
	struct robust_list_head *head;
	size_t size;

	return syscall(SYS_get_robust_list, 0, &head, &size) == 0 &&
	       head->list.next == &head->list && !head->list_op_pending;
}

/* ---------------------------------------------------------- taken, released */

static int take_and_release_in_all_orders(void *arg)
{
	for (int i = 0; i < ORDERS; i++) {
		for (int k = 0; k < ORDERS; k++) {
			for (int n = 0; n < LOCKS; n++)
				child_check(take(arg, order[i][n]) == 0);
			for (int n = 0; n < LOCKS; n++)
				child_check(release(arg, order[k][n]) == 0);
			child_check(holds_nothing());
		}
	}
	return 0;
}

static void test_all_orders(void **state)
{
	struct locks *l = new_locks();
	(void)state;

	take_and_release_in_all_orders(l);
	join_thread(start_thread(take_and_release_in_all_orders, l));
	close_locks(l);
}

/* some are let go and taken again while the others are held */
static int hold_and_juggle(void *arg)
{
	for (int i = 0; i < ORDERS; i++) {
		const int *now = order[i], *then = order[(i * 7 + 3) % ORDERS];
		for (int n = 0; n < LOCKS; n++)
			child_check(take(arg, now[n]) == 0);
		for (int n = 0; n < 3 * LOCKS; n++) {
			child_check(release(arg, then[n % LOCKS]) == 0);
			child_check(take(arg, then[n % LOCKS]) == 0);
		}
		for (int n = 0; n < LOCKS; n++)
			child_check(release(arg, now[n]) == 0);
		child_check(holds_nothing());
	}
	return 0;
}

static void test_some_taken_again(void **state)
{
	struct locks *l = new_locks();
	(void)state;

	join_thread(start_thread(hold_and_juggle, l));
	expect_exit(spawn_child(hold_and_juggle, l), 0);
	close_locks(l);
}

/* --------------------------------------------------------- taken, then dead */

static int take_and_die(void *arg)
{
	struct schedule *s = arg;

	for (int n = 0; n < LOCKS; n++)
		child_check(take(s->locks, s->take[n]) == 0);
	for (int n = 0; n < s->released; n++)
		child_check(release(s->locks, s->release[n]) == 0);
	kill(getpid(), SIGKILL);
	return CHILD_FAILED;
}

/* those that it held when it died bring the news, the others do not */
static void expect_recovered(const struct schedule *s)
{
	for (int n = 0; n < LOCKS; n++) {
		int which = s->release[n];
		assert_int_equal(take(s->locks, which), n >= s->released);
	}
	for (int n = 0; n < LOCKS; n++)
		assert_int_equal(release(s->locks, s->release[n]), 0);
	for (int n = 0; n < LOCKS; n++) {
		assert_int_equal(take(s->locks, s->take[n]), 0);
		assert_int_equal(release(s->locks, s->take[n]), 0);
	}
}

static void test_killed(void **state)
{
	struct locks *l = new_locks();
	(void)state;

	for (int i = 0; i < ORDERS; i++) {
		for (int released = 0; released <= LOCKS; released++) {
			struct schedule s = {l, order[i], NULL, released};
			s.release = order[(i * 7 + released * 13) % ORDERS];
			expect_killed(spawn_child(take_and_die, &s), SIGKILL);
			expect_recovered(&s);
		}
	}
	close_locks(l);
}

/* ------------------------------------------------- its thread, and no other */

static int take_and_end(void *arg)
{
	struct schedule *s = arg;

	for (int n = 0; n < LOCKS; n++)
		child_check(take(s->locks, s->take[n]) == 0);
	for (int n = 0; n < s->released; n++)
		child_check(release(s->locks, s->release[n]) == 0);
	return 0;
}

/* the locks of a second set, held by this thread all the time, stay held */
static void test_thread_ends(void **state)
{
	struct locks *l = new_locks(), *mine = new_locks();
	(void)state;

	for (int n = 0; n < LOCKS; n++)
		assert_int_equal(take(mine, n), 0);
	for (int i = 0; i < ORDERS; i++) {
		struct schedule s = {l, order[i], order[(i * 11) % ORDERS],
				     i % (LOCKS + 1)};
		join_thread(start_thread(take_and_end, &s));
		expect_recovered(&s);
	}
	for (int i = 0; i < OURS; i++)
		expect_exit(spawn_child(try_and_fail, mine->ours[i]), 0);
	for (int n = 0; n < LOCKS; n++)
		assert_int_equal(release(mine, n), 0);
	assert_true(holds_nothing());
	close_locks(mine);
	close_locks(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_orders),
		TEST(test_some_taken_again),
		TEST(test_killed),
		TEST(test_thread_ends),
	};

	make_orders();
	return RUN_TESTS(tests);
}
