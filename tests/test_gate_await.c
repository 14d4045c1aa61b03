/* SPDX-License-Identifier: MIT */
/*
 * test_gate_await.c - whoever waits for the condition is woken by one wake-up
 * for all, holds nothing, and gives up in time
 */
#include "gate_util.h"

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

/* the first wakes the second, and so on */
static void test_one_wake_up_reaches_all(void **state)
{
	enum { SLEEPERS = 8 };
	struct test_gate *t = new_gate();
	pid_t pid[SLEEPERS];
	(void)state;

	for (int i = 0; i < SLEEPERS; i++)
		pid[i] = spawn_awaiting(t);
	make_ready(t);
	for (int i = 0; i < SLEEPERS; i++)
		expect_exit(pid[i], 0);
	assert_int_equal(ipci_gate_owner(&t->gate), 0);
}

/* where it is good news for all, none has to wake the next: they may be stopped
   or killed when they have been woken */
static void test_news_for_all(void **state)
{
	enum { SLEEPERS = 5 };
	struct test_gate *t = new_gate();
	pid_t pid[SLEEPERS];
	(void)state;

	t->gate.all = true;
	for (int i = 0; i < SLEEPERS; i++)
		pid[i] = spawn_awaiting(t);
	assert_int_equal(kill(pid[0], SIGSTOP), 0);
	set_ready(t, true);
	ipci_gate_fire(&t->gate);
	kill(pid[1], SIGKILL);
	for (int i = 2; i < SLEEPERS; i++)
		expect_exit(pid[i], 0);
	kill(pid[0], SIGCONT);
	expect_exit(pid[0], 0);
	reap_any(pid[1]);
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
	struct test_gate *t = new_gate();
	pid_t pid = spawn_awaiting(t);
	(void)state;

	atomic_fetch_add(&t->side.word, EPOCH + F);
	assert_int_equal(word_of(t) & (W | F), W | F);
	make_ready(t);
	expect_exit(pid, 0);
}

/* hint says that nobody sleeps, but a release looks at the word */
static int take_and_release(void *arg)
{
	struct test_gate *t = arg;
	struct ipci_self *self = ipci_self();

	child_check(ipci_gate_take(self, &t->gate));
	ipci_gate_push(self, &t->gate);
	set_ready(t, true);
	atomic_store(&t->side.hint, 0);
	ipci_gate_announce(self, &t->gate);
	ipci_gate_pop(self);
	ipci_gate_release(self, &t->gate);
	return 0;
}

static void test_release_does_not_ask_the_hint(void **state)
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

	for (uint64_t i = 1; i <= 2000; i++) {
		while (atomic_load(&t->side.index) < i) {
			int r = ipci_gate_await(ipci_self(), &t->gate,
						ipci_deadline(1));
			child_check(r == 0 || r == -ETIMEDOUT);
			child_check(holds_nothing());
			if (r == 0)
				break;
		}
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
	atomic_store(&t->side.index, 2000);
	make_ready(t);
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
		TEST(test_news_for_all),
		TEST(test_woken_too_early),
		TEST(test_fired_wakes_the_next_all_the_same),
		TEST(test_release_does_not_ask_the_hint),
		TEST(test_coming_and_going),
	};

	return RUN_TESTS(tests);
}
