/* SPDX-License-Identifier: MIT */
/*
 * test_lease_many.c - many workers one after another, many tasks at a time, and
 * one that is slow
 */
#include "lease_util.h"
#include "queue.h"

#include <sys/wait.h>

static int get_or_not(void *q)
{
	int item;

	ipc_queue_get(q, &item, sizeof(item), 0);
	return 0;
}

static uint32_t rows(struct ipc_queue *q)
{
	return inside(q)->leases.rows;
}

/* every tenth has a task, and leaves it behind */
static void test_workers_come_and_go(void **state)
{
	struct ipc_queue *q = new_tasks(4, 0);
	(void)state;

	for (int i = 0; i < 10000; i++) {
		if (i % 10 == 0)
			put_int(q, i);
		expect_exit(spawn_child(get_or_not, q), 0);
		if (i % 10 == 9) {
			assert_int_equal(got_int(q), i - 9);
			assert_int_equal(ipc_queue_task_done(q), 0);
		}
	}
	assert_true(rows(q) <= 4);
	assert_int_equal(ipc_queue_join(q, 0), 0);
	close_queue(q);
}

/* all rows there can be are of workers that have died: who needs one looks
   after them first */
static void test_no_row_is_free(void **state)
{
	struct ipc_queue *q = new_tasks(4, 0);
	const struct ipci_workers *w = &q->tasks.workers;
	(void)state;

	for (uint32_t i = 0; i < w->max; i++)
		for (int class = 0; class < 2; class ++) {
			ipci_room_init(&w->row[i].room[class]);
			w->row[i].life[class].word = IPCI_GATE_FIRED;
		}
	inside(q)->leases.rows = w->max;
	put_int(q, 1);
	assert_int_equal(got_int(q), 1);
	assert_int_equal(ipc_queue_task_done(q), 0);
	close_queue(q);
}

/* more than twice maxsize, up to a limit that says so */
static void test_many_held(void **state)
{
	struct ipc_queue *q = new_tasks(2, 0);
	int n = 0, item;
	(void)state;

	for (;; n++) {
		put_int(q, n);
		if (ipc_queue_get(q, &item, sizeof(item), 0) == -ENOBUFS)
			break;
		assert_int_equal(item, n);
	}
	assert_true(n >= 4096);
	assert_int_equal(ipc_queue_unfinished(q), n + 1);
	assert_int_equal(ipc_queue_size(q), 1);
	assert_int_equal(ipc_queue_task_done(q), 0);
	assert_int_equal(got_int(q), n);
	for (int i = 0; i < n; i++)
		assert_int_equal(ipc_queue_task_done(q), 0);
	assert_int_equal(ipc_queue_task_done(q), -EINVAL);
	assert_int_equal(ipc_queue_join(q, 0), 0);
	close_queue(q);
}

/* until there is no lease; one is done, then, and not free yet */
static int hold_all_but_one(void *q)
{
	int item, n = 0;

	do
		child_check(ipc_queue_put(q, &n, sizeof(n), 0) == 0);
	while (ipc_queue_get(q, &item, sizeof(item), 0) == sizeof(item) && ++n);
	child_check(ipc_queue_task_done(q) == 0);
	raise(SIGSTOP);
	return 0;
}

static void test_done_by_another(void **state)
{
	struct ipc_queue *q = new_tasks(2, 0);
	pid_t pid = spawn_child(hold_all_but_one, q);
	int item = 0;
	(void)state;

	assert_true(eventually(harness_state(pid) == 'T', 10000));
	assert_int_equal(ipc_queue_size(q), 1);
	assert_true(got_int(q) >= 4096);
	put_int(q, item);
	assert_int_equal(ipc_queue_get(q, &item, sizeof(item), 0), -ENOBUFS);
	assert_int_equal(ipc_queue_task_done(q), 0);
	assert_int_equal(got_int(q), 0);
	assert_int_equal(ipc_queue_task_done(q), 0);
	assert_int_equal(ipc_queue_unfinished(q), 4095);
	kill_child(pid);
	assert_int_equal(ipc_queue_size(q), 4095);
	close_queue(q);
}

/*
 * One that cannot be leased stays where it is, and in its order, though it was
 * taken out already: the best one first, whatever comes after it
 */
static void put_better(struct ipc_queue *q, enum ipc_order order, int item)
{
	assert_int_equal(order == LIBIPC_PRIORITY
				 ? ipc_queue_put_priority(
					   q, &item, sizeof(item), -item, 0)
				 : ipc_queue_put(q, &item, sizeof(item), 0),
			 0);
}

static void done_two(struct ipc_queue *q)
{
	for (int i = 0; i < 2; i++)
		assert_int_equal(ipc_queue_task_done(q), 0);
}

static void none_left(enum ipc_order order)
{
	const struct ipc_queue_opts opts = {.maxsize = 4,
					    .item_size = sizeof(int),
					    .order = order,
					    .flags = LIBIPC_JOINABLE};
	struct ipc_queue *q;
	int items[4], n = 0;

	assert_int_equal(ipc_queue_create(&q, NULL, &opts), 0);
	do
		put_better(q, order, n++);
	while (ipc_queue_get(q, items, sizeof(int), 0) > 0);
	for (int i = 1; i < 4; i++)
		put_better(q, order, n++);
	assert_int_equal(ipc_queue_get(q, items, sizeof(int), 0), -ENOBUFS);
	done_two(q);
	assert_int_equal(ipc_queue_get_many(q, items, sizeof(int), NULL, 4, 0),
			 2);
	assert_int_equal(items[0], n - 1);
	assert_int_equal(items[1], n - 2);
	put_better(q, order, n);
	done_two(q);
	assert_int_equal(got_int(q), n);
	assert_int_equal(got_int(q), n - 3);
	done_two(q);
	assert_int_equal(got_int(q), n - 4);
	expect_empty(q);
	close_queue(q);
}

static void test_none_left_by_priority(void **state)
{
	(void)state;
	none_left(LIBIPC_PRIORITY);
}

static void test_none_left_lifo(void **state)
{
	(void)state;
	none_left(LIBIPC_LIFO);
}

/* a worker with very many, that dies: all of them come back, in order */
static int get_a_thousand_and_die(void *q)
{
	for (int i = 0; i < 1000; i++)
		child_check(child_get(q) == i);
	kill(getpid(), SIGKILL);
	return 1;
}

static void test_a_thousand_come_back(void **state)
{
	struct ipc_queue *q = new_tasks(1024, 0);
	(void)state;

	for (int i = 0; i < 1000; i++)
		put_int(q, i);
	expect_killed(spawn_child(get_a_thousand_and_die, q), SIGKILL);
	assert_int_equal(ipc_queue_size(q), 1000);
	for (int i = 0; i < 1000; i++) {
		expect_task(q, i, 2);
		assert_int_equal(ipc_queue_task_done(q), 0);
	}
	assert_int_equal(ipc_queue_join(q, 0), 0);
	close_queue(q);
}

static int work_for_ever(void *q)
{
	for (;;) {
		child_get(q);
		child_check(ipc_queue_task_done(q) == 0);
	}
	return 1;
}

/* held all the time, while many times maxsize tasks go by */
static void test_a_slow_one(void **state)
{
	struct ipc_queue *q = new_tasks(2, 0);
	pid_t worker;
	(void)state;

	put_int(q, -1);
	assert_int_equal(got_int(q), -1);
	worker = spawn_child(work_for_ever, q);
	for (int i = 0; i < 10000; i++)
		child_put(q, i);
	assert_true(eventually(ipc_queue_unfinished(q) == 1, 5000));
	assert_int_equal(ipc_queue_join(q, 0), -EAGAIN);
	assert_int_equal(ipc_queue_task_done(q), 0);
	assert_int_equal(ipc_queue_join(q, 0), 0);
	kill_child(worker);
	close_queue(q);
}

/* a named one: memory for leases comes as it is needed */
static void test_named(void **state)
{
	char name[64];
	const struct ipc_queue_opts opts = {
		.maxsize = 4, .item_size = 100000, .flags = LIBIPC_JOINABLE};
	struct ipc_queue *q;
	static char item[100000], back[100000];
	(void)state;

	unique_name(name, "lease");
	assert_int_equal(ipc_queue_create(&q, name, &opts), 0);
	for (int i = 0; i < 200; i++) {
		memset(item, i, sizeof(item));
		assert_int_equal(ipc_queue_put(q, item, sizeof(item), 0), 0);
		assert_int_equal(ipc_queue_get(q, back, sizeof(back), 0),
				 sizeof(back));
		assert_memory_equal(item, back, sizeof(item));
	}
	close_queue(q);
	assert_int_equal(ipc_queue_open(&q, name), 0);
	for (int i = 0; i < 200; i++) {
		memset(item, i, sizeof(item));
		assert_int_equal(ipc_queue_get(q, back, sizeof(back), 0),
				 sizeof(back));
		assert_memory_equal(item, back, sizeof(item));
		assert_int_equal(ipc_queue_task_done(q), 0);
	}
	assert_int_equal(ipc_queue_join(q, 0), 0);
	close_queue(q);
	assert_int_equal(ipc_unlink(name), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_workers_come_and_go, 100),
		TEST(test_no_row_is_free),
		TEST(test_many_held),
		TEST(test_done_by_another),
		TEST(test_none_left_by_priority),
		TEST(test_none_left_lifo),
		TEST(test_a_thousand_come_back),
		TEST(test_a_slow_one),
		TEST(test_named),
	};

	return RUN_TESTS(tests);
}
