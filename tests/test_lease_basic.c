/* SPDX-License-Identifier: MIT */
/*
 * test_lease_basic.c - a task whose worker has died goes to the next getter,
 * before new ones; what every function says of it meanwhile
 */
#include "lease_util.h"
#include "queue.h"

static void test_before_new_ones(void **state)
{
	struct ipc_queue *q = new_tasks(4, 0);
	(void)state;

	for (int i = 1; i <= 3; i++)
		put_int(q, i);
	lose_one(q);
	lose_one(q); /* gets the same one again */
	expect_task(q, 1, 3);
	expect_task(q, 2, 1);
	expect_task(q, 3, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ipc_queue_task_done(q), 0);
	assert_int_equal(ipc_queue_task_done(q), -EINVAL);
	assert_int_equal(ipc_queue_join(q, 0), 0);
	close_queue(q);
}

/* of several that come back, the oldest first */
static void test_in_order(void **state)
{
	struct ipc_queue *q = new_tasks(8, 0);
	pid_t worker[3];
	(void)state;

	for (int i = 0; i < 4; i++)
		put_int(q, i);
	for (int i = 0; i < 3; i++)
		worker[i] = spawn_worker(q);
	for (int i = 2; i >= 0; i--)
		kill_child(worker[i]);
	for (int i = 0; i < 4; i++)
		expect_task(q, i, i < 3 ? 2 : 1);
	close_queue(q);
}

static void test_how_it_stands(void **state)
{
	struct ipc_queue *q = new_tasks(2, 0);
	pid_t worker;
	(void)state;

	put_int(q, 1);
	worker = spawn_worker(q);
	assert_int_equal(ipc_queue_size(q), 0);
	assert_int_equal(ipc_queue_unfinished(q), 1);
	kill_child(worker);
	assert_int_equal(ipc_queue_size(q), 1);
	assert_int_equal(ipc_queue_empty(q), 0);
	assert_int_equal(ipc_queue_unfinished(q), 1);
	assert_int_equal(ipc_queue_join(q, 0), -EAGAIN);
	/* it takes no room of the others */
	put_int(q, 2);
	put_int(q, 3);
	assert_int_equal(ipc_queue_size(q), 3);
	assert_int_equal(ipc_queue_full(q), 1);
	expect_task(q, 1, 2);
	assert_int_equal(ipc_queue_size(q), 2);
	assert_int_equal(ipc_queue_full(q), 1);
	close_queue(q);
}

/* many of one worker, taken back by get_many: these only, then the new ones */
static int get_four_and_die(void *q)
{
	int items[4];

	child_check(ipc_queue_get_many(q, items, sizeof(int), NULL, 4, -1) ==
		    4);
	kill(getpid(), SIGKILL);
	return 1;
}

static void test_many(void **state)
{
	struct ipc_queue *q = new_tasks(8, 0);
	int items[8];
	size_t lens[8];
	(void)state;

	for (int i = 0; i < 6; i++)
		put_int(q, i);
	expect_killed(spawn_child(get_four_and_die, q), SIGKILL);
	assert_int_equal(ipc_queue_get_many(q, items, sizeof(int), lens, 8, 0),
			 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(items[i], i);
	assert_int_equal(ipc_queue_get_many(q, items, sizeof(int), lens, 8, 0),
			 2);
	for (int i = 0; i < 6; i++)
		assert_int_equal(ipc_queue_task_done(q), 0);
	assert_int_equal(ipc_queue_join(q, 0), 0);
	close_queue(q);
}

/* it stays, for somebody with more room */
static void test_too_little_room(void **state)
{
	struct ipc_queue *q = new_tasks(4, 0);
	char small[2];
	(void)state;

	put_int(q, 7);
	lose_one(q);
	assert_int_equal(ipc_queue_get(q, small, sizeof(small), 0), -EMSGSIZE);
	expect_task(q, 7, 2);
	close_queue(q);
}

static void test_set_aside(void **state)
{
	struct ipc_queue *q = new_tasks(4, 3);
	char small[2];
	int item = 0;
	(void)state;

	put_int(q, 1);
	put_int(q, 2);
	assert_int_equal(ipc_queue_failed(q), 0);
	assert_int_equal(ipc_queue_get_failed(q, &item, sizeof(item), 0),
			 -EAGAIN);
	for (int i = 0; i < 3; i++)
		lose_one(q);
	expect_task(q, 2, 1); /* the first one was delivered three times */
	assert_int_equal(ipc_queue_failed(q), 1);
	assert_int_equal(ipc_queue_unfinished(q), 1);
	assert_int_equal(ipc_queue_join(q, 0), -EAGAIN);
	assert_int_equal(ipc_queue_task_done(q), 0);
	assert_int_equal(ipc_queue_join(q, -1), 1);
	assert_int_equal(ipc_queue_get_failed(q, small, sizeof(small), 0),
			 -EMSGSIZE);
	assert_int_equal(ipc_queue_get_failed(q, &item, sizeof(item), 0),
			 sizeof(item));
	assert_int_equal(item, 1);
	assert_int_equal(ipc_queue_failed(q), 0);
	assert_int_equal(ipc_queue_join(q, 0), 0);
	close_queue(q);
}

/* killed in T8: it is free, and counted as failed still. Nobody has looked
   after that; the numbers are right all the same. */
static void test_killed_as_it_took_a_failed_one(void **state)
{
	struct ipc_queue *q = new_tasks(4, 1);
	const struct ipci_leases *leases = &q->tasks.leases;
	int item = 0;
	(void)state;

	put_int(q, 1);
	put_int(q, 2);
	lose_one(q);
	lose_one(q);
	assert_int_equal(ipc_queue_join(q, 0), 2); /* it was looked after */
	assert_int_equal(leases->s->failed, 2);
	leases->s->dirty = 1;
	leases->lease[0].born = IPCI_LEASE_NONE;
	assert_int_equal(ipc_queue_failed(q), 1);
	assert_int_equal(ipc_queue_join(q, 0), 1);
	assert_int_equal(leases->s->failed, 1);
	assert_int_equal(ipc_queue_get_failed(q, &item, sizeof(item), 0),
			 sizeof(item));
	assert_int_equal(item, 2);
	assert_int_equal(ipc_queue_failed(q), 0);
	close_queue(q);
}

/* nobody but join is left to notice that it has failed */
static void test_join_alone_sets_aside(void **state)
{
	struct ipc_queue *q = new_tasks(4, 1);
	int item = 0;
	(void)state;

	put_int(q, 5);
	lose_one(q);
	assert_int_equal(ipc_queue_join(q, -1), 1);
	assert_int_equal(ipc_queue_get_failed(q, &item, sizeof(item), -1),
			 sizeof(item));
	assert_int_equal(item, 5);
	close_queue(q);
}

/* no worker is left at all */
static void test_join_keeps_its_timeout(void **state)
{
	struct ipc_queue *q = new_tasks(4, 0);
	double start = now_ms();
	(void)state;

	put_int(q, 1);
	lose_one(q);
	assert_int_equal(ipc_queue_join(q, 30), -ETIMEDOUT);
	assert_true(now_ms() - start >= 30);
	assert_int_equal(ipc_queue_get_failed(q, &start, sizeof(start), 5),
			 -ETIMEDOUT);
	close_queue(q);
}

static void test_wrong_use(void **state)
{
	struct ipc_queue *plain = new_queue(4, sizeof(int), 0);
	struct ipc_queue *q = new_tasks(4, 0);
	struct ipc_task task;
	int item;
	(void)state;

	put_int(plain, 1);
	put_int(q, 1);
	assert_int_equal(ipc_queue_get_task(plain, &item, 4, &task, 0),
			 -EINVAL);
	assert_int_equal(ipc_queue_get_task(q, &item, 4, NULL, 0), -EINVAL);
	assert_int_equal(ipc_queue_get_task(q, NULL, 4, &task, 0), -EINVAL);
	assert_int_equal(ipc_queue_get_task(NULL, &item, 4, &task, 0), -EINVAL);
	assert_int_equal(ipc_queue_get_failed(plain, &item, 4, 0), -EINVAL);
	assert_int_equal(ipc_queue_get_failed(NULL, &item, 4, 0), -EINVAL);
	assert_int_equal(ipc_queue_get_failed(q, NULL, 4, 0), -EINVAL);
	assert_int_equal(ipc_queue_failed(plain), -EINVAL);
	assert_int_equal(ipc_queue_failed(NULL), -EINVAL);
	assert_int_equal(ipc_queue_task_done_ticket(plain, 1), -EINVAL);
	assert_int_equal(ipc_queue_task_done_ticket(NULL, 1), -EINVAL);
	assert_int_equal(ipc_queue_size(q), 1);
	expect_task(q, 1, 1);
	close_queue(q);
	close_queue(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_before_new_ones),
		TEST(test_in_order),
		TEST(test_how_it_stands),
		TEST(test_many),
		TEST(test_too_little_room),
		TEST(test_set_aside),
		TEST(test_killed_as_it_took_a_failed_one),
		TEST(test_join_alone_sets_aside),
		TEST(test_join_keeps_its_timeout),
		TEST(test_wrong_use),
	};

	return RUN_TESTS(tests);
}
