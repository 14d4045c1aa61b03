/* SPDX-License-Identifier: MIT */
/*
 * test_lease_threads.c - tickets, and tasks of threads that end, in one process
 */
#include "lease_util.h"

struct meeting {
	struct ipc_queue *q;
	_Atomic uint64_t ticket;
	_Atomic int go;
};

static void wait_until_set(_Atomic int *flag)
{
	while (!*flag)
		sleep_ms(0.1);
}

static int get_and_wait(void *arg)
{
	struct meeting *m = arg;
	struct ipc_task task;
	int item;

	child_check(ipc_queue_get_task(m->q, &item, sizeof(item), &task, -1) >
		    0);
	m->ticket = task.ticket;
	wait_until_set(&m->go);
	return ipc_queue_task_done(m->q);
}

static uint64_t ticket_of(struct meeting *m)
{
	while (!m->ticket)
		sleep_ms(0.1);
	return m->ticket;
}

static void test_another_thread_marks_it(void **state)
{
	struct meeting m = {.q = new_tasks(4, 0)};
	struct test_thread *t = start_thread(get_and_wait, &m);
	uint64_t ticket;
	(void)state;

	put_int(m.q, 1);
	ticket = ticket_of(&m);
	assert_int_equal(ipc_queue_task_done(m.q), -EINVAL);
	assert_int_equal(ipc_queue_task_done_ticket(m.q, ticket + 1), -EINVAL);
	assert_int_equal(ipc_queue_task_done_ticket(m.q, ticket), 0);
	assert_int_equal(ipc_queue_task_done_ticket(m.q, ticket), -EINVAL);
	assert_int_equal(ipc_queue_unfinished(m.q), 0);
	m.go = 1;
	assert_int_equal(join_thread(t), -EINVAL); /* it has none any more */
	close_queue(m.q);
}

/* its own list goes on with the next one */
static void test_the_oldest_that_is_left(void **state)
{
	struct ipc_queue *q = new_tasks(4, 0);
	uint64_t ticket[3];
	(void)state;

	for (int i = 0; i < 3; i++)
		put_int(q, i);
	for (int i = 0; i < 3; i++)
		ticket[i] = expect_task(q, i, 1);
	assert_int_equal(ipc_queue_task_done_ticket(q, ticket[1]), 0);
	assert_int_equal(ipc_queue_task_done(q), 0); /* 0 */
	assert_int_equal(ipc_queue_task_done_ticket(q, ticket[0]), -EINVAL);
	assert_int_equal(ipc_queue_task_done(q), 0); /* 2 */
	assert_int_equal(ipc_queue_task_done_ticket(q, ticket[2]), -EINVAL);
	assert_int_equal(ipc_queue_task_done(q), -EINVAL);
	assert_int_equal(ipc_queue_join(q, 0), 0);
	close_queue(q);
}

/* where the task's place has another one by now */
static void test_a_ticket_that_is_used_up(void **state)
{
	struct ipc_queue *q = new_tasks(4, 0);
	uint64_t first, second;
	(void)state;

	put_int(q, 1);
	first = expect_task(q, 1, 1);
	assert_int_equal(ipc_queue_task_done(q), 0);
	put_int(q, 2);
	second = expect_task(q, 2, 1);
	assert_int_equal(ipc_queue_task_done_ticket(q, first), -EINVAL);
	assert_int_equal(ipc_queue_unfinished(q), 1);
	assert_int_equal(ipc_queue_task_done_ticket(q, second), 0);
	close_queue(q);
}

/* one thread gets, others mark: what it remembers does not pile up */
static void test_a_dispatcher(void **state)
{
	struct ipc_queue *q = new_tasks(4, 0);
	(void)state;

	for (int i = 0; i < 20000; i++) {
		put_int(q, i);
		assert_int_equal(
			ipc_queue_task_done_ticket(q, expect_task(q, i, 1)), 0);
	}
	assert_int_equal(ipc_queue_join(q, 0), 0);
	close_queue(q);
}

static int another_process(void *arg)
{
	struct meeting *m = arg;

	child_check(ipc_queue_task_done_ticket(m->q, m->ticket) == -EINVAL);
	return 0;
}

static void test_not_from_another_process(void **state)
{
	struct meeting m = {.q = new_tasks(4, 0)};
	(void)state;

	put_int(m.q, 1);
	m.ticket = expect_task(m.q, 1, 1);
	expect_exit(spawn_child(another_process, &m), 0);
	assert_int_equal(ipc_queue_task_done_ticket(m.q, m.ticket), 0);
	close_queue(m.q);
}

static int get_and_end(void *arg)
{
	struct meeting *m = arg;
	struct ipc_task task;
	int item;

	child_check(ipc_queue_get_task(m->q, &item, sizeof(item), &task, -1) >
		    0);
	m->ticket = task.ticket;
	return item;
}

/* the end of a thread is a death as any other */
static void test_a_thread_that_ends(void **state)
{
	struct meeting m = {.q = new_tasks(4, 0)};
	(void)state;

	put_int(m.q, 1);
	put_int(m.q, 2);
	assert_int_equal(join_thread(start_thread(get_and_end, &m)), 1);
	assert_int_equal(ipc_queue_size(m.q), 2);
	assert_int_equal(ipc_queue_task_done_ticket(m.q, m.ticket), -EINVAL);
	assert_int_equal(join_thread(start_thread(get_and_end, &m)), 1);
	expect_task(m.q, 1, 3);
	/* what was the thread's is ours, but its ticket is not */
	assert_int_equal(ipc_queue_task_done_ticket(m.q, m.ticket), -EINVAL);
	assert_int_equal(ipc_queue_task_done(m.q), 0);
	close_queue(m.q);
}

/* somebody sleeps for it */
static int get_wait_and_end(void *arg)
{
	struct meeting *m = arg;
	int item = get_and_end(m);

	wait_until_set(&m->go);
	return item;
}

static int work_once(void *arg)
{
	struct meeting *m = arg;
	int item = child_get(m->q);

	child_check(ipc_queue_task_done(m->q) == 0);
	return item;
}

static void test_a_thread_that_ends_wakes(void **state)
{
	struct meeting m = {.q = new_tasks(4, 0)};
	struct test_thread *one, *two;
	(void)state;

	put_int(m.q, 1);
	one = start_thread(get_wait_and_end, &m);
	ticket_of(&m);
	two = start_thread(work_once, &m);
	wait_asleep_tid(thread_tid(two));
	m.go = 1;
	assert_int_equal(join_thread(one), 1);
	assert_int_equal(join_thread(two), 1);
	assert_int_equal(ipc_queue_join(m.q, 0), 0);
	close_queue(m.q);
}

/* ---- close ---- */

/* what is held through a handle goes back when it is closed */
static void test_close_gives_back(void **state)
{
	char name[64];
	const struct ipc_queue_opts opts = {.maxsize = 4,
					    .item_size = sizeof(int),
					    .flags = LIBIPC_JOINABLE};
	struct ipc_queue *one, *two;
	(void)state;

	unique_name(name, "lease");
	assert_int_equal(ipc_queue_create(&one, name, &opts), 0);
	assert_int_equal(ipc_queue_open(&two, name), 0);
	put_int(one, 1);
	expect_task(one, 1, 1);
	assert_int_equal(ipc_queue_task_done(two), -EINVAL);
	close_queue(one);
	expect_task(two, 1, 2);
	assert_int_equal(ipc_queue_task_done(two), 0);
	assert_int_equal(ipc_queue_join(two, 0), 0);
	close_queue(two);
	assert_int_equal(ipc_unlink(name), 0);
}

struct two_handles {
	struct meeting m;
	struct ipc_queue *other;
	char name[64];
};

/* in this process, of an object that was opened by that name */
static int mappings(const char *name)
{
	char line[512];
	FILE *f = fopen("/proc/self/maps", "r");
	int n = 0;

	child_check(f != NULL);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, name) != NULL;
	fclose(f);
	return n;
}

/* holds a task of a handle that is closed, then uses another queue and ends;
   that much is enough for the memory of the first one to go */
static int outlive_the_handle(void *arg)
{
	struct two_handles *h = arg;
	struct ipc_task task;
	int item, before;

	child_check(ipc_queue_get_task(h->m.q, &item, sizeof(item), &task, -1) >
		    0);
	h->m.ticket = task.ticket;
	wait_until_set(&h->m.go);
	before = mappings(h->name);
	child_check(ipc_queue_get(h->other, &item, sizeof(item), 0) == -EAGAIN);
	child_check(mappings(h->name) < before);
	return 0;
}

/* the queue's other handle: the first one is to be closed under a thread */
static struct ipc_queue *open_two(struct two_handles *h,
				  const struct ipc_queue_opts *opts)
{
	struct ipc_queue *two;

	unique_name(h->name, "lease");
	assert_int_equal(ipc_queue_create(&two, h->name, opts), 0);
	assert_int_equal(ipc_queue_open(&h->m.q, h->name), 0);
	return two;
}

static struct test_thread *start_holder(struct two_handles *h)
{
	struct test_thread *t;

	put_int(h->m.q, 1);
	t = start_thread(outlive_the_handle, h);
	ticket_of(&h->m);
	return t;
}

static void test_close_under_another_thread(void **state)
{
	const struct ipc_queue_opts opts = {.maxsize = 4,
					    .item_size = sizeof(int),
					    .flags = LIBIPC_JOINABLE};
	struct two_handles h = {.other = new_tasks(4, 0)};
	struct test_thread *t;
	struct ipc_queue *two;
	(void)state;

	two = open_two(&h, &opts);
	t = start_holder(&h);
	close_queue(h.m.q);
	expect_task(two, 1, 2); /* at once */
	h.m.go = 1;
	assert_int_equal(join_thread(t), 0);
	assert_int_equal(ipc_queue_task_done(two), 0);
	assert_int_equal(ipc_queue_join(two, 0), 0);
	close_queue(two);
	close_queue(h.other);
	assert_int_equal(ipc_unlink(h.name), 0);
}

static int join_them(void *q)
{
	return ipc_queue_join(q, 5000);
}

/* nobody gets it any more: so close sets it aside, and tells who joins */
static void test_close_with_the_last_attempt(void **state)
{
	const struct ipc_queue_opts opts = {.maxsize = 4,
					    .item_size = sizeof(int),
					    .flags = LIBIPC_JOINABLE,
					    .max_attempts = 1};
	struct two_handles h = {.other = new_tasks(4, 0)};
	struct test_thread *t, *joiner;
	struct ipc_queue *two;
	(void)state;

	two = open_two(&h, &opts);
	t = start_holder(&h);
	joiner = start_thread(join_them, two);
	wait_asleep_tid(thread_tid(joiner));
	close_queue(h.m.q);
	assert_int_equal(join_thread(joiner), 1);
	assert_int_equal(ipc_queue_failed(two), 1);
	h.m.go = 1;
	assert_int_equal(join_thread(t), 0);
	close_queue(two);
	close_queue(h.other);
	assert_int_equal(ipc_unlink(h.name), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_another_thread_marks_it),
		TEST(test_the_oldest_that_is_left),
		TEST(test_a_ticket_that_is_used_up),
		TEST(test_a_dispatcher),
		TEST(test_not_from_another_process),
		TEST(test_a_thread_that_ends),
		TEST(test_a_thread_that_ends_wakes),
		TEST(test_close_gives_back),
		TEST(test_close_under_another_thread),
		TEST(test_close_with_the_last_attempt),
	};

	return RUN_TESTS(tests);
}
