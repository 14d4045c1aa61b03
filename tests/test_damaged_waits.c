/* SPDX-License-Identifier: MIT */
/*
 * test_damaged_waits.c - the memory says that somebody is inside who is dead or
 * never was: timeouts are kept, nobody spins, and it goes on when it is right
 * again
 */
#include "queue.h"
#include "queue_util.h"

#include <linux/futex.h>

enum { WAIT_MS = 50 };

/* a thread that has ended */
static uint32_t dead_tid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return (uint32_t)pid;
}

static int put_for_ever(void *arg)
{
	child_put(arg, 2);
	return 0;
}

static int get_for_ever(void *arg)
{
	child_check(child_get(arg) == 1);
	return 0;
}

static int join_for_ever(void *arg)
{
	return ipc_queue_join(arg, LIBIPC_FOREVER);
}

/* it waits, and the CPU is free: 20 ms of 300 at most */
static void expect_idle(pid_t pid)
{
	double before;

	wait_asleep(pid);
	before = cpu_ms(pid);
	sleep_ms(300);
	assert_true(cpu_ms(pid) - before < 20);
	assert_false(has_ended(pid));
}

/* in a process that has nothing to do with the gate: its own id is there */
static void check_gate(uint32_t word)
{
	struct ipc_queue *q = new_queue(4, sizeof(int), 0);
	pid_t getter, putter;
	int item = 1;

	put_int(q, 1);
	inside(q)->put.word = word;
	inside(q)->get.word = word;
	expect_timeout(ipc_queue_put(q, &item, sizeof(item), WAIT_MS), WAIT_MS);
	expect_timeout(ipc_queue_get(q, &item, sizeof(item), WAIT_MS), WAIT_MS);
	expect_at_once(ipc_queue_put(q, &item, sizeof(item), 0), -EAGAIN);
	expect_at_once(ipc_queue_get(q, &item, sizeof(item), 0), -EAGAIN);
	expect_at_once(ipc_queue_size(q), 1);
	getter = spawn_child(get_for_ever, q);
	putter = spawn_child(put_for_ever, q);
	expect_idle(getter);
	expect_idle(putter);
	/* right again; who sleeps there is woken by the next one that leaves */
	inside(q)->put.word &= FUTEX_WAITERS;
	inside(q)->get.word &= FUTEX_WAITERS;
	put_int(q, 3);
	expect_exit(getter, 0);
	expect_exit(putter, 0);
	close_queue(q);
}

/* tasks are got within the lease gate: the get gate is for those who wait */
static void check_gate_of_tasks(uint32_t word)
{
	struct ipc_queue *q = new_queue(4, sizeof(int), LIBIPC_JOINABLE);
	pid_t getter, putter;
	int item = 1;

	put_int(q, 1);
	inside(q)->put.word = word;
	inside(q)->get.word = word;
	expect_timeout(ipc_queue_put(q, &item, sizeof(item), WAIT_MS), WAIT_MS);
	expect_at_once(ipc_queue_put(q, &item, sizeof(item), 0), -EAGAIN);
	expect_at_once(ipc_queue_size(q), 1);
	expect_at_once(ipc_queue_task_done(q), -EINVAL);
	expect_timeout(ipc_queue_join(q, WAIT_MS), WAIT_MS);
	expect_at_once(ipc_queue_get(q, &item, sizeof(item), LIBIPC_FOREVER),
		       sizeof(item));
	expect_at_once(ipc_queue_get(q, &item, sizeof(item), 0), -EAGAIN);
	expect_timeout(ipc_queue_get(q, &item, sizeof(item), WAIT_MS), WAIT_MS);
	expect_at_once(ipc_queue_task_done(q), 0);
	getter = spawn_child(get_for_ever, q);
	putter = spawn_child(put_for_ever, q);
	expect_idle(getter);
	expect_idle(putter);
	inside(q)->put.word &= FUTEX_WAITERS;
	inside(q)->get.word &= FUTEX_WAITERS;
	put_int(q, 1);
	expect_exit(getter, 0);
	expect_exit(putter, 0);
	close_queue(q);
}

static void test_gates_of_tasks(void **state)
{
	(void)state;
	check_gate_of_tasks(dead_tid());
	check_gate_of_tasks(dead_tid() | FUTEX_WAITERS);
	check_gate_of_tasks(FUTEX_TID_MASK);
	check_gate_of_tasks(FUTEX_TID_MASK | FUTEX_WAITERS | FUTEX_OWNER_DIED);
}

static void test_gates(void **state)
{
	(void)state;
	check_gate(dead_tid());
	check_gate(dead_tid() | FUTEX_WAITERS);
	check_gate(FUTEX_TID_MASK);
	check_gate(FUTEX_TID_MASK | FUTEX_WAITERS | FUTEX_OWNER_DIED);
}

/* calls without a timeout, in the gate of somebody who is not there: an error,
   and the task is still held */
static void check_task_done(uint32_t word)
{
	struct ipc_queue *q = new_queue(4, sizeof(int), LIBIPC_JOINABLE);
	struct ipc_task task;
	int item;

	put_int(q, 1);
	assert_int_equal(ipc_queue_get_task(q, &item, sizeof(item), &task, 0),
			 sizeof(item));
	q->tasks.workers.row[0].helped = 1; /* else it needs no gate */
	inside(q)->lease.word = word;
	expect_at_once(ipc_queue_task_done(q), -EBADMSG);
	expect_at_once(ipc_queue_task_done_ticket(q, task.ticket), -EBADMSG);
	expect_timeout(ipc_queue_get(q, &item, sizeof(item), WAIT_MS), WAIT_MS);
	inside(q)->lease.word = 0;
	assert_int_equal(ipc_queue_task_done(q), 0);
	assert_int_equal(ipc_queue_join(q, 0), 0);
	close_queue(q);
}

static void test_task_done(void **state)
{
	(void)state;
	check_task_done(dead_tid());
	check_task_done(dead_tid() | FUTEX_WAITERS);
	check_task_done(FUTEX_TID_MASK);
	check_task_done((uint32_t)gettid());
}

/* the same without a timeout in those that have one */
static void test_lease_gate(void **state)
{
	struct ipc_queue *q = new_queue(4, sizeof(int), LIBIPC_JOINABLE);
	int item;
	(void)state;

	put_int(q, 1);
	inside(q)->lease.word = FUTEX_TID_MASK;
	inside(q)->done.index = 1;
	inside(q)->leases.failed = 1;
	expect_timeout(ipc_queue_join(q, WAIT_MS), WAIT_MS);
	expect_at_once(ipc_queue_join(q, LIBIPC_FOREVER), -EBADMSG);
	expect_at_once(ipc_queue_get_failed(q, &item, sizeof(item),
					    LIBIPC_FOREVER),
		       -EBADMSG);
	expect_at_once(ipc_queue_get(q, &item, sizeof(item), LIBIPC_FOREVER),
		       -EBADMSG);
	inside(q)->lease.word = 0;
	inside(q)->done.index = 0;
	inside(q)->leases.failed = 0;
	assert_int_equal(got_int(q), 1);
	close_queue(q);
}

/* of a thread that lives, and is not inside: it cannot be told from one that
   is. A get keeps its timeout when it tidies up its own list, too. */
static void test_lease_gate_of_another(void **state)
{
	enum { MANY = 8 };
	struct ipc_queue *q = new_queue(MANY, sizeof(int), LIBIPC_JOINABLE);
	int item;
	(void)state;

	for (int i = 0; i < MANY; i++) {
		put_int(q, i);
		assert_int_equal(got_int(q), i);
	}
	put_int(q, MANY);
	inside(q)->lease.word = (uint32_t)getppid();
	expect_timeout(ipc_queue_get(q, &item, sizeof(item), WAIT_MS), WAIT_MS);
	/* it guards the get side, so both ends, too */
	expect_timeout(ipc_queue_get_back(q, &item, sizeof(item), WAIT_MS),
		       WAIT_MS);
	expect_timeout(ipc_queue_put_front(q, &item, sizeof(item), WAIT_MS),
		       WAIT_MS);
	inside(q)->lease.word = 0;
	assert_int_equal(got_int(q), MANY);
	expect_empty(q);
	close_queue(q);
}

static void test_shutdown_of_tasks(void **state)
{
	struct ipc_queue *q = new_queue(4, sizeof(int), LIBIPC_JOINABLE);
	(void)state;

	put_int(q, 1);
	inside(q)->lease.word = dead_tid();
	expect_at_once(ipc_queue_shutdown(q, true), -EBADMSG);
	inside(q)->lease.word = 0;
	assert_int_equal(got_int(q), 1);
	close_queue(q);
}

static void check_shutdown(uint32_t put, uint32_t get)
{
	struct ipc_queue *q = new_queue(4, sizeof(int), 0);

	put_int(q, 1);
	inside(q)->put.word = put;
	inside(q)->get.word = get;
	expect_at_once(ipc_queue_shutdown(q, true), -EBADMSG);
	inside(q)->put.word = 0;
	inside(q)->get.word = 0;
	put_int(q, 2);
	assert_int_equal(ipc_queue_shutdown(q, false), 0);
	assert_int_equal(ipc_queue_size(q), 2);
	close_queue(q);
}

static void test_shutdown(void **state)
{
	(void)state;
	check_shutdown(dead_tid(), 0);
	check_shutdown(0, dead_tid() | FUTEX_WAITERS);
	check_shutdown((uint32_t)gettid(), FUTEX_TID_MASK);
}

/* more done than put, for ever: join says so; less done than put: it waits */
static void test_join(void **state)
{
	struct ipc_queue *q = new_queue(4, sizeof(int), LIBIPC_JOINABLE);
	pid_t joiner;
	(void)state;

	put_int(q, 1);
	inside(q)->done.word = FUTEX_TID_MASK;
	joiner = spawn_child(join_for_ever, q);
	expect_idle(joiner);
	inside(q)->done.word &= FUTEX_WAITERS;
	assert_int_equal(got_int(q), 1);
	assert_int_equal(ipc_queue_task_done(q), 0);
	expect_exit(joiner, 0);
	close_queue(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_gates),
		TEST(test_gates_of_tasks),
		TEST(test_task_done),
		TEST(test_lease_gate),
		TEST(test_lease_gate_of_another),
		TEST(test_shutdown),
		TEST(test_shutdown_of_tasks),
		TEST(test_join),
	};

	return RUN_EXACT_TESTS(tests);
}
