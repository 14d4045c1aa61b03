/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_recursive_death.c - the holder dies at any depth: the next one is
 * told once, and holds it at depth one
 */
#include "mutex_util.h"

struct plan {
	struct ipc_mutex *m;
	int locks, unlocks;
	_Atomic int *there;
};

static int follow(const struct plan *p)
{
	for (int i = 0; i < p->locks; i++)
		child_check(ipc_mutex_lock(p->m, 0) == 0);
	for (int i = 0; i < p->unlocks; i++)
		child_check(ipc_mutex_unlock(p->m) == 0);
	return 0;
}

static int follow_and_die(void *arg)
{
	follow(arg);
	raise(SIGKILL);
	return 0;
}

static int follow_and_end(void *arg)
{
	return follow(arg);
}

static int follow_and_stay(void *arg)
{
	const struct plan *p = arg;

	follow(p);
	*p->there = 1;
	sleep_for_ever();
	return 0;
}

/* held once: one unlock lets it go */
static void expect_once_held(struct ipc_mutex *m, int news)
{
	expect_lock(m, news);
	expect_exit(spawn_child(try_and_fail, m), 0);
	expect_unlock(m);
	assert_int_equal(ipc_mutex_unlock(m), -EPERM);
	expect_exit(spawn_child(lock_once, m), 0);
}

static void test_killed_at_any_depth(void **state)
{
	struct ipc_mutex *m = new_recursive_mutex(NULL);
	(void)state;

	for (int locks = 1; locks <= 4; locks++)
		for (int unlocks = 0; unlocks <= locks; unlocks++) {
			struct plan p = {m, locks, unlocks, NULL};

			expect_killed(spawn_child(follow_and_die, &p), SIGKILL);
			expect_once_held(m, locks > unlocks ? LIBIPC_OWNER_DIED
							    : 0);
			expect_once_held(m, 0);
		}
	expect_close(m);
}

/* a thread that ends inside has died there, too */
static void test_thread_ends_at_depth(void **state)
{
	struct ipc_mutex *m = new_recursive_mutex(NULL);
	struct plan p = {m, 3, 1, NULL};
	(void)state;

	assert_int_equal(join_thread(start_thread(follow_and_end, &p)), 0);
	expect_once_held(m, LIBIPC_OWNER_DIED);
	expect_once_held(m, 0);
	expect_close(m);
}

static int wait_and_nest(void *arg)
{
	child_check(ipc_mutex_lock(arg, LIBIPC_FOREVER) == LIBIPC_OWNER_DIED);
	child_check(ipc_mutex_lock(arg, 0) == 0); /* the news is told once */
	child_check(ipc_mutex_unlock(arg) == 0);
	child_check(ipc_mutex_unlock(arg) == 0);
	child_check(ipc_mutex_unlock(arg) == -EPERM);
	return 0;
}

static void test_a_sleeper_is_told(void **state)
{
	struct ipc_mutex *m = new_recursive_mutex(NULL);
	struct plan p = {m, 3, 0, shared_alloc(sizeof(int))};
	pid_t holder = spawn_child(follow_and_stay, &p), sleeper;
	(void)state;

	assert_true(eventually(*p.there, 10000));
	sleeper = spawn_child(wait_and_nest, m);
	wait_asleep(sleeper);
	kill_child(holder);
	expect_exit(sleeper, 0);
	expect_once_held(m, 0);
	expect_close(m);
}

/* one dies after the other, each deeper: every one hears of the one before */
static int inherit_and_die(void *arg)
{
	const struct plan *p = arg;

	child_check(ipc_mutex_lock(p->m, 0) == p->unlocks);
	for (int i = 1; i < p->locks; i++)
		child_check(ipc_mutex_lock(p->m, 0) == 0);
	raise(SIGKILL);
	return 0;
}

static void test_a_chain_of_deaths(void **state)
{
	struct ipc_mutex *m = new_recursive_mutex(NULL);
	(void)state;

	for (int i = 0; i < 10; i++) {
		struct plan p = {m, 1 + i % 4, i ? LIBIPC_OWNER_DIED : 0, NULL};

		expect_killed(spawn_child(inherit_and_die, &p), SIGKILL);
	}
	expect_once_held(m, LIBIPC_OWNER_DIED);
	expect_once_held(m, 0);
	expect_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_killed_at_any_depth),
		TEST(test_thread_ends_at_depth),
		TEST(test_a_sleeper_is_told),
		TEST(test_a_chain_of_deaths),
	};

	return RUN_TESTS(tests);
}
