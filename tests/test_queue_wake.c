/* SPDX-License-Identifier: MIT */
/*
 * test_queue_wake.c - who sleeps is woken when there is something for it, and
 * not otherwise
 */
#include "queue_util.h"

enum { SLEEPERS = 64 };

struct crowd {
	struct ipc_queue *q;
	_Atomic int served;
	pid_t pid[SLEEPERS];
	long before[SLEEPERS];
};

static int get_one(void *arg)
{
	struct crowd *c = arg;

	child_get(c->q);
	c->served++;
	return 0;
}

static int put_one(void *arg)
{
	struct crowd *c = arg;

	child_put(c->q, 5);
	c->served++;
	return 0;
}

static struct crowd *put_to_sleep(struct ipc_queue *q, int (*fn)(void *))
{
	struct crowd *c = shared_alloc(sizeof(*c));

	c->q = q;
	for (int i = 0; i < SLEEPERS; i++)
		c->pid[i] = spawn_child(fn, c);
	for (int i = 0; i < SLEEPERS; i++)
		wait_asleep(c->pid[i]);
	if (exact_wakes())
		assert_true(settle(c->pid, c->before, SLEEPERS));
	return c;
}

static void expect_all_served(struct crowd *c)
{
	for (int i = 0; i < SLEEPERS; i++)
		expect_exit(c->pid[i], 0);
	assert_int_equal(c->served, SLEEPERS);
}

static void expect_one_ran(struct crowd *c)
{
	assert_true(eventually(c->served == 1, 10000));
	sleep_ms(50);
	assert_int_equal(c->served, 1);
	if (exact_wakes())
		assert_int_equal(how_many_ran(c->pid, c->before, SLEEPERS), 1);
}

static void test_one_put_wakes_one_getter(void **state)
{
	struct ipc_queue *q = new_queue(SLEEPERS, sizeof(int), 0);
	struct crowd *c = put_to_sleep(q, get_one);
	(void)state;

	put_int(q, 0);
	expect_one_ran(c);
	for (int i = 1; i < SLEEPERS; i++)
		put_int(q, i);
	expect_all_served(c);
	expect_empty(q);
	close_queue(q);
}

static void test_one_get_wakes_one_putter(void **state)
{
	struct ipc_queue *q = new_queue(1, sizeof(int), 0);
	struct crowd *c;
	(void)state;

	put_int(q, 5);
	c = put_to_sleep(q, put_one);
	assert_int_equal(got_int(q), 5);
	expect_one_ran(c);
	for (int i = 0; i < SLEEPERS; i++)
		assert_int_equal(child_get(q), 5);
	expect_all_served(c);
	expect_empty(q);
	close_queue(q);
}

static void test_as_many_puts_as_sleepers(void **state)
{
	struct ipc_queue *q = new_queue(SLEEPERS, sizeof(int), 0);
	(void)state;

	for (int lap = 0; lap < 3; lap++) {
		struct crowd *c = put_to_sleep(q, get_one);

		for (int i = 0; i < SLEEPERS; i++)
			put_int(q, i);
		expect_all_served(c);
	}
	expect_empty(q);
	close_queue(q);
}

/* ------------------------------------------------------------------- idle */

static int join_all(void *arg)
{
	struct crowd *c = arg;

	return ipc_queue_join(c->q, LIBIPC_FOREVER);
}

/* nothing to do: nothing is done, not even a look */
static void test_idle_sleepers_sleep(void **state)
{
	struct crowd *c = shared_alloc(sizeof(*c));
	struct crowd *full = shared_alloc(sizeof(*full));
	pid_t pid[5];
	long before[5];
	(void)state;

	need_exact_wakes();
	c->q = new_queue(1, sizeof(int), 0);
	full->q = new_queue(1, sizeof(int), LIBIPC_JOINABLE);
	put_int(full->q, 5);
	pid[0] = spawn_child(get_one, c);
	pid[1] = spawn_child(get_one, c);
	pid[2] = spawn_child(put_one, full);
	pid[3] = spawn_child(put_one, full);
	pid[4] = spawn_child(join_all, full);
	for (int i = 0; i < 5; i++)
		wait_asleep(pid[i]);
	assert_true(settle(pid, before, 5));
	sleep_ms(1000);
	assert_int_equal(how_many_ran(pid, before, 5), 0);
	for (int i = 0; i < 5; i++)
		kill_child(pid[i]);
	close_queue(c->q);
	close_queue(full->q);
}

/* the alternative to a lock is no reason to poll */
static void test_idle_sleepers_without_a_lock(void **state)
{
	struct crowd *c = shared_alloc(sizeof(*c));
	struct crowd *full = shared_alloc(sizeof(*full));
	uint32_t flags = LIBIPC_SINGLE_PRODUCER | LIBIPC_SINGLE_CONSUMER;
	pid_t pid[2];
	long before[2];
	(void)state;

	need_exact_wakes();
	c->q = new_queue(1, sizeof(int), flags);
	full->q = new_queue(1, sizeof(int), flags);
	put_int(full->q, 5);
	pid[0] = spawn_child(get_one, c);
	pid[1] = spawn_child(put_one, full);
	for (int i = 0; i < 2; i++)
		wait_asleep(pid[i]);
	assert_true(settle(pid, before, 2));
	sleep_ms(500);
	assert_int_equal(how_many_ran(pid, before, 2), 0);
	for (int i = 0; i < 2; i++)
		kill_child(pid[i]);
	close_queue(c->q);
	close_queue(full->q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_one_put_wakes_one_getter, 40),
		TEST_LIMIT(test_one_get_wakes_one_putter, 40),
		TEST_LIMIT(test_as_many_puts_as_sleepers, 60),
		TEST_LIMIT(test_idle_sleepers_sleep, 30),
		TEST_LIMIT(test_idle_sleepers_without_a_lock, 30),
	};

	return RUN_TESTS(tests);
}
