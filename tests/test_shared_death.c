/* SPDX-License-Identifier: MIT */
/*
 * test_shared_death.c - a process that dies while it holds the lock of shared
 * bytes leaves them as they are, and the next one is told
 */
#include "shared_util.h"

struct pair {
	long a, b; /* equal, unless somebody is inside */
};

static int half_done(void *arg)
{
	struct pair *pair = ipc_shared_data(arg);

	child_check(ipc_shared_lock(arg, LIBIPC_FOREVER) == 0);
	pair->a++;
	kill(getpid(), SIGKILL);
	return CHILD_FAILED;
}

static void repair(struct pair *pair)
{
	pair->b = pair->a;
}

static void test_bytes_are_as_the_dead_one_left_them(void **state)
{
	struct ipc_shared *s = new_shared(sizeof(struct pair));
	struct pair *pair = ipc_shared_data(s);
	(void)state;

	for (int i = 0; i < 10; i++) {
		expect_killed(spawn_child(half_done, s), SIGKILL);
		expect_lock(s, LIBIPC_OWNER_DIED);
		assert_int_equal(pair->a, i + 1);
		assert_int_equal(pair->b, i);
		repair(pair);
		expect_unlock(s);
		expect_sound(s);
	}
	expect_close(s);
}

static int repair_if_told(void *arg)
{
	int r = ipc_shared_lock(arg, LIBIPC_FOREVER);

	child_check(r == LIBIPC_OWNER_DIED);
	repair(ipc_shared_data(arg));
	child_check(ipc_shared_unlock(arg) == 0);
	return 0;
}

static int hold(void *arg)
{
	struct pair *pair = ipc_shared_data(arg);

	child_check(ipc_shared_lock(arg, LIBIPC_FOREVER) == 0);
	pair->a = 5;
	for (;;)
		pause();
	return 0;
}

static void test_one_that_waits_is_told(void **state)
{
	struct ipc_shared *s = new_shared(sizeof(struct pair));
	volatile struct pair *pair = ipc_shared_data(s);
	pid_t holder = spawn_child(hold, s), waiter;
	(void)state;

	assert_true(eventually(pair->a == 5, 10000));
	waiter = spawn_child(repair_if_told, s);
	wait_asleep(waiter);
	kill_child(holder);
	expect_exit(waiter, 0);
	assert_int_equal(pair->b, 5);
	expect_sound(s);
	expect_close(s);
}

static int end_inside(void *arg)
{
	child_check(ipc_shared_lock(arg, LIBIPC_FOREVER) == 0);
	return 0;
}

static void test_every_end_is_told(void **state)
{
	struct ipc_shared *s = new_shared(1);
	(void)state;

	expect_exit(spawn_child(end_inside, s), 0);
	expect_lock(s, LIBIPC_OWNER_DIED);
	expect_unlock(s);
	expect_sound(s);
	join_thread(start_thread(end_inside, s));
	expect_lock(s, LIBIPC_OWNER_DIED);
	expect_unlock(s);
	expect_sound(s);
	expect_close(s);
}

static int write_and_die(void *arg)
{
	memset(ipc_shared_data(arg), 9, ipc_shared_size(arg));
	kill(getpid(), SIGKILL);
	return CHILD_FAILED;
}

/* without the lock there is no news, and the bytes are there */
static void test_death_without_the_lock(void **state)
{
	struct ipc_shared *s = new_shared(3);
	(void)state;

	expect_killed(spawn_child(write_and_die, s), SIGKILL);
	assert_memory_equal(ipc_shared_data(s), "\11\11\11", 3);
	expect_sound(s);
	expect_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bytes_are_as_the_dead_one_left_them),
		TEST(test_one_that_waits_is_told),
		TEST(test_every_end_is_told),
		TEST(test_death_without_the_lock),
	};

	return RUN_TESTS(tests);
}
