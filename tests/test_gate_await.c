/* SPDX-License-Identifier: MIT */
/*
 * test_gate_await.c - whoever waits for the condition is woken when it comes
 * true, holds nothing, and gives up in time
 */
#include "gate_util.h"
#include "observe.h"

static void make_ready(struct test_gate *t)
{
	struct ipci_self *self = ipci_self();

	ipci_gate_owe(self, &t->gate);
	set_ready(t, true);
	ipci_gate_notify(&t->gate);
	ipci_gate_settle(self);
}

static void test_ready_already(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	set_ready(t, true);
	assert_int_equal(ipci_gate_await(ipci_self(), &t->gate, IPCI_NEVER), 0);
	assert_int_equal(ipci_gate_await(ipci_self(), &t->gate, 0), 0);
	assert_int_equal(word_of(t), 0);
	assert_true(holds_nothing());
}

static void test_gives_up(void **state)
{
	const int timeouts[] = {0, 1, 10, 60};
	struct test_gate *t = new_gate();
	(void)state;

	for (int i = 0; i < 4; i++) {
		double start = now_ms();
		assert_int_equal(ipci_gate_await(ipci_self(), &t->gate,
						 ipci_deadline(timeouts[i])),
				 -ETIMEDOUT);
		assert_true(now_ms() - start >= timeouts[i]);
		assert_true(holds_nothing());
	}
	assert_int_equal(ipci_gate_owner(&t->gate), 0);
}

/* only the first of them is woken, as the kernel does it for one that died:
   where it is news for all, each passes it on */
static void test_one_wake_up_reaches_all(void **state)
{
	enum { SLEEPERS = 8 };
	struct test_gate *t;
	pid_t pid[SLEEPERS];
	(void)state;

	need_exact_wakes();
	t = new_gate();
	t->gate.all = true;
	for (int i = 0; i < SLEEPERS; i++)
		pid[i] = spawn_awaiting(t);
	set_ready(t, true);
	assert_int_equal(ipci_os_wake(t->gate.word, 1), 1);
	for (int i = 0; i < SLEEPERS; i++)
		expect_exit(pid[i], 0);
	assert_int_equal(ipci_gate_owner(&t->gate), 0);
}

/*
 * Good news for one wakes one. Good news for all wakes all, and none depends
 * on another one who may be stopped by now. (It is false news here, so that
 * none of them passes it on.)
 */
static void expect_woken(bool all, int woken)
{
	enum { SLEEPERS = 5 };
	struct test_gate *t = new_gate();
	pid_t pid[SLEEPERS];
	long before[SLEEPERS];

	t->gate.all = all;
	for (int i = 0; i < SLEEPERS; i++)
		pid[i] = spawn_awaiting(t);
	assert_true(settle(pid, before, SLEEPERS));
	ipci_gate_fire(&t->gate);
	assert_true(
		eventually(how_many_ran(pid, before, SLEEPERS) == woken, 5000));
	sleep_ms(20);
	assert_int_equal(how_many_ran(pid, before, SLEEPERS), woken);
	set_ready(t, true);
	assert_int_equal(ipci_os_wake(t->gate.word, SLEEPERS), SLEEPERS);
	for (int i = 0; i < SLEEPERS; i++)
		expect_exit(pid[i], 0);
}

static void test_news_for_one(void **state)
{
	(void)state;
	need_exact_wakes();
	expect_woken(false, 1);
}

static void test_news_for_all(void **state)
{
	(void)state;
	need_exact_wakes();
	expect_woken(true, 5);
}

/* a wake-up for nothing: it looks, and sleeps again */
static void test_woken_too_early(void **state)
{
	struct test_gate *t = new_gate();
	pid_t pid = spawn_awaiting(t);
	(void)state;

	for (int i = 0; i < 10; i++) {
		ipci_gate_fire(&t->gate);
		wait_asleep(pid);
	}
	make_ready(t);
	expect_exit(pid, 0);
}

/*
 * One was woken and has not come: it is stopped, say. "Fired" is no reason to
 * wake nobody, for the next store may be the last one.
 */
static void test_fired_wakes_the_next_all_the_same(void **state)
{
	struct test_gate *t;
	pid_t pid;
	(void)state;

	need_exact_wakes();
	t = new_gate();
	pid = spawn_awaiting(t);
	assert_int_equal(hint_bits(t), LEFT | FENCED);
	atomic_fetch_or(t->gate.hint, FIRED);
	make_ready(t);
	expect_exit(pid, 0);
}

/* what comes true inside, the release tells */
static int take_and_release(void *arg)
{
	struct test_gate *t = arg;
	struct ipci_self *self = ipci_self();

	child_check(ipci_gate_take(self, &t->gate));
	ipci_gate_push(self, &t->gate);
	set_ready(t, true);
	ipci_gate_announce(self, &t->gate);
	ipci_gate_pop(self);
	ipci_gate_release(self, &t->gate);
	return 0;
}

static void test_a_release_looks(void **state)
{
	struct test_gate *t = new_gate();
	pid_t pid = spawn_awaiting(t);
	(void)state;

	expect_exit(spawn_child(take_and_release, t), 0);
	expect_exit(pid, 0);
}

/* those who come and go while others make it ready, all the time */
static int await_turns(void *arg)
{
	struct test_gate *t = arg;

	while (atomic_load(&t->side.index) == 0) {
		int r = ipci_gate_await(ipci_self(), &t->gate,
					ipci_deadline(1));
		child_check(r == 0 || r == -ETIMEDOUT);
		child_check(holds_nothing());
	}
	return 0;
}

static int toggle(void *arg)
{
	struct test_gate *t = arg;

	for (int i = 0; i < 2000; i++) {
		make_ready(t);
		set_ready(t, false);
	}
	atomic_store(&t->side.index, 1);
	return 0;
}

static void test_coming_and_going(void **state)
{
	struct test_gate *t = new_gate();
	pid_t pid[3];
	(void)state;

	for (int i = 0; i < 3; i++)
		pid[i] = spawn_child(i ? await_turns : toggle, t);
	for (int i = 0; i < 3; i++)
		expect_exit(pid[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ready_already),
		TEST(test_gives_up),
		TEST(test_one_wake_up_reaches_all),
		TEST(test_news_for_one),
		TEST(test_news_for_all),
		TEST(test_woken_too_early),
		TEST(test_fired_wakes_the_next_all_the_same),
		TEST(test_a_release_looks),
		TEST(test_coming_and_going),
	};

	return RUN_TESTS(tests);
}
