/* SPDX-License-Identifier: MIT */
/*
 * test_queue_stopped.c - a process that was stopped while it sleeps in a call
 * delays nobody
 */
#include "queue_util.h"

struct party {
	struct ipc_queue *q;
	_Atomic int served;
	_Atomic pid_t last; /* who took or put the last one */
};

static int get_for_ever(void *arg)
{
	struct party *p = arg;

	while (child_get(p->q) >= 0) {
		p->last = getpid();
		p->served++;
	}
	return 0;
}

static int put_for_ever(void *arg)
{
	struct party *p = arg;

	for (;;) {
		child_put(p->q, 5);
		p->last = getpid();
		p->served++;
	}
	return 0;
}

static void test_a_stopped_getter(void **state)
{
	struct party *p = shared_alloc(sizeof(*p));
	pid_t stopped, other;
	(void)state;

	p->q = new_queue(4, sizeof(int), 0);
	stopped = spawn_child(get_for_ever, p);
	wait_asleep(stopped); /* so it is the first in line */
	other = spawn_child(get_for_ever, p);
	wait_asleep(other);
	assert_true(stop_child(stopped));
	for (int i = 1; i <= 100; i++) {
		put_int(p->q, i);
		assert_true(eventually(p->served == i, 10000));
		assert_int_equal(p->last, other);
	}
	/* it comes back, and is served again */
	kill_child(other);
	kill(stopped, SIGCONT);
	put_int(p->q, 101);
	assert_true(eventually(p->served == 101, 10000));
	kill_child(stopped);
	expect_empty(p->q);
	close_queue(p->q);
}

static void test_a_stopped_putter(void **state)
{
	struct party *p = shared_alloc(sizeof(*p));
	pid_t stopped, other;
	int room = 0;
	(void)state;

	p->q = new_queue(1, sizeof(int), 0);
	put_int(p->q, 5);
	stopped = spawn_child(put_for_ever, p);
	wait_asleep(stopped);
	other = spawn_child(put_for_ever, p);
	wait_asleep(other);
	assert_true(stop_child(stopped));
	for (; room < 100; room++) {
		assert_int_equal(child_get(p->q), 5);
		assert_true(eventually(p->served > room, 10000));
		assert_int_equal(p->last, other);
	}
	kill_child(other);
	kill(stopped, SIGCONT);
	assert_int_equal(child_get(p->q), 5);
	assert_true(eventually(p->served > room, 10000));
	kill_child(stopped);
	close_queue(p->q);
}

/* all but one are stopped, wherever in the line that one is */
static void test_all_but_one_are_stopped(void **state)
{
	enum { N = 5 };
	struct party *p = shared_alloc(sizeof(*p));
	pid_t pid[N];
	int served = 0;
	(void)state;

	p->q = new_queue(4, sizeof(int), 0);
	for (int i = 0; i < N; i++) {
		pid[i] = spawn_child(get_for_ever, p);
		wait_asleep(pid[i]);
	}
	for (int awake = 0; awake < N; awake++) {
		for (int i = 0; i < N; i++)
			assert_true(i == awake || stop_child(pid[i]));
		for (int i = 0; i < 5; i++) {
			put_int(p->q, i);
			served++;
			assert_true(eventually(p->served == served, 10000));
			assert_int_equal(p->last, pid[awake]);
		}
		for (int i = 0; i < N; i++)
			kill(pid[i], SIGCONT);
		for (int i = 0; i < N; i++)
			wait_asleep(pid[i]);
	}
	for (int i = 0; i < N; i++)
		kill_child(pid[i]);
	expect_empty(p->q);
	close_queue(p->q);
}

/* inside the critical section, which is a few instructions long, it does */
static bool is_inside(const struct ipc_queue *q, pid_t pid)
{
	return (pid_t)(inside(q)->get.word & IPCI_GATE_OWNER) == pid;
}

/*
 * Stopped in the instant of its own wake-up: that one item may wait for the
 * next put, which finds somebody else.
 */
static void test_stopped_while_it_is_woken(void **state)
{
	struct party *p = shared_alloc(sizeof(*p));
	pid_t stopped, other;
	int served = 0;
	(void)state;

	p->q = new_queue(4, sizeof(int), 0);
	stopped = spawn_child(get_for_ever, p);
	other = spawn_child(get_for_ever, p);
	for (int lap = 0; lap < 100; lap++) {
		wait_asleep(stopped);
		wait_asleep(other);
		put_int(p->q, lap);
		assert_true(stop_child(stopped));
		put_int(p->q, lap);
		assert_true(eventually(p->served >= served + 1 ||
					       is_inside(p->q, stopped),
				       10000));
		kill(stopped, SIGCONT);
		served += 2;
		assert_true(eventually(p->served == served, 10000));
	}
	kill_child(stopped);
	kill_child(other);
	expect_empty(p->q);
	close_queue(p->q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_a_stopped_getter, 40),
		TEST_LIMIT(test_a_stopped_putter, 40),
		TEST_LIMIT(test_all_but_one_are_stopped, 40),
		TEST_LIMIT(test_stopped_while_it_is_woken, 60),
	};

	return RUN_TESTS(tests);
}
