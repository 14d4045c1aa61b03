/* SPDX-License-Identifier: MIT */
/*
 * test_gate_enter.c - in comes one at a time, when it is ready; whoever gives
 * up holds nothing
 */
#include "gate_util.h"

static void leave(struct test_gate *t)
{
	struct ipci_self *self = ipci_self();

	ipci_gate_announce(self, &t->gate);
	ipci_gate_pop(self);
	ipci_gate_release(self, &t->gate);
}

static int enter(struct test_gate *t, int timeout_ms)
{
	struct ipci_self *self = ipci_self();
	int r = ipci_gate_enter(self, &t->gate, ipci_deadline(timeout_ms));

	if (r < 0)
		return ipci_gave_up(timeout_ms);
	ipci_gate_push(self, &t->gate);
	return 0;
}

static void test_ready_and_free(void **state)
{
	const int timeouts[] = {0, 1, 1000, -1};
	struct test_gate *t = new_gate();
	(void)state;

	set_ready(t, true);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(enter(t, timeouts[i]), 0);
		assert_int_equal(ipci_gate_owner(&t->gate), my_tid());
		leave(t);
		assert_int_equal(ipci_gate_owner(&t->gate), 0);
		assert_true(holds_nothing());
	}
}

static void expect_gives_up(struct test_gate *t, int timeout_ms, int error)
{
	double start = now_ms();

	assert_int_equal(enter(t, timeout_ms), error);
	assert_true(now_ms() - start >= timeout_ms);
	assert_int_not_equal(ipci_gate_owner(&t->gate), my_tid());
	assert_true(holds_nothing());
}

static void test_not_ready(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	expect_gives_up(t, 0, -EAGAIN);
	expect_gives_up(t, 1, -ETIMEDOUT);
	expect_gives_up(t, 40, -ETIMEDOUT);
	/* it slept: for whoever makes it ready this is worth a call */
	assert_int_not_equal(hint_of(t), 0);
	if (exact_wakes())
		assert_int_equal(hint_bits(t), LEFT | FENCED);
}

static int hold_for_ever(void *arg)
{
	child_check(enter(arg, -1) == 0);
	for (;;)
		pause();
	return 0;
}

static void test_ready_and_held(void **state)
{
	struct test_gate *t = new_gate();
	pid_t pid;
	(void)state;

	set_ready(t, true);
	pid = spawn_child(hold_for_ever, t);
	assert_true(eventually(ipci_gate_owner(&t->gate) != 0, 10000));
	expect_gives_up(t, 0, -EAGAIN);
	expect_gives_up(t, 1, -ETIMEDOUT);
	expect_gives_up(t, 40, -ETIMEDOUT);
	kill_child(pid);
	assert_int_equal(enter(t, 0), 0);
	leave(t);
}

/*
 * What is there is taken whatever the timeout, also when somebody is inside
 * for a moment. On a busy machine the moment may be longer than the grace, so
 * this has to be seen once only.
 */
static int hold_for_a_moment(void *arg)
{
	child_check(enter(arg, -1) == 0);
	sleep_ms(3);
	leave(arg);
	return 0;
}

/* it came in, or is through already */
static bool was_inside(struct test_gate *t, pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
	return ipci_gate_owner(&t->gate) != 0 || info.si_pid != 0;
}

static bool got_it_after_a_moment(struct test_gate *t)
{
	pid_t pid = spawn_child(hold_for_a_moment, t);
	bool late, got;

	while (!was_inside(t, pid))
		;
	late = ipci_gate_owner(&t->gate) == 0;
	got = enter(t, 0) == 0;
	if (got)
		leave(t);
	expect_exit(pid, 0);
	return got && !late;
}

static void test_ready_and_held_for_a_moment(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	set_ready(t, true);
	assert_true(eventually(got_it_after_a_moment(t), 10000));
}

struct count {
	struct test_gate *t;
	volatile long n;
};

static int count_inside(void *arg)
{
	struct count *c = arg;

	for (int i = 0; i < 5000; i++) {
		child_check(enter(c->t, -1) == 0);
		child_check(gate_is_ready(c->t));
		c->n++;
		leave(c->t);
	}
	return 0;
}

static void test_one_at_a_time(void **state)
{
	struct count *c = shared_alloc(sizeof(*c));
	pid_t pid[4];
	(void)state;

	c->t = new_gate();
	set_ready(c->t, true);
	for (int i = 0; i < 4; i++)
		pid[i] = spawn_child(count_inside, c);
	for (int i = 0; i < 4; i++)
		expect_exit(pid[i], 0);
	assert_int_equal(c->n, 4 * 5000);
}

/* made ready by one store: one comes in, and takes the condition with it */
static int take_one(void *arg)
{
	struct test_gate *t = arg;

	child_check(enter(t, -1) == 0);
	child_check(atomic_load(&t->opposite.index) > 0);
	atomic_fetch_sub(&t->opposite.index, 1);
	leave(t);
	return 0;
}

static void test_one_for_each_that_is_there(void **state)
{
	enum { SLEEPERS = 5 };
	struct test_gate *t = new_gate();
	struct ipci_self *self = ipci_self();
	pid_t pid[SLEEPERS];
	(void)state;

	for (int i = 0; i < SLEEPERS; i++) {
		pid[i] = spawn_child(take_one, t);
		wait_asleep(pid[i]);
	}
	for (int i = 0; i < SLEEPERS; i++) {
		ipci_gate_owe(self, &t->gate);
		atomic_fetch_add(&t->opposite.index, 1);
		ipci_gate_notify(&t->gate);
		ipci_gate_settle(self);
		assert_true(eventually(!gate_is_ready(t), 10000));
	}
	for (int i = 0; i < SLEEPERS; i++)
		expect_exit(pid[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ready_and_free),
		TEST(test_not_ready),
		TEST(test_ready_and_held),
		TEST(test_ready_and_held_for_a_moment),
		TEST(test_one_at_a_time),
		TEST(test_one_for_each_that_is_there),
	};

	return RUN_TESTS(tests);
}
