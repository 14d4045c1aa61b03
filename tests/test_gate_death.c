/* SPDX-License-Identifier: MIT */
/*
 * test_gate_death.c - a death after each of the labelled steps leaves what
 * layout.h says under KILLED
 *
 * The steps are taken by hand here; the sweeps of tests/kill take them one
 * instruction at a time.
 */
#include "gate_util.h"

static void die_in(int (*fn)(void *), struct test_gate *t)
{
	expect_killed(spawn_child(fn, t), SIGKILL);
}

/* free, and it says so */
static void expect_died(struct test_gate *t)
{
	assert_int_equal(word_of(t) & (W | F | IPCI_GATE_OWNER), W | F);
}

static void expect_usable(struct test_gate *t)
{
	struct ipci_self *self = ipci_self();

	assert_true(ipci_gate_take(self, &t->gate));
	assert_int_equal(word_of(t) & F, 0);
	ipci_gate_release(self, &t->gate);
}

/* ------------------------------------------------------ acquire and release */

static int die_after_a1(void *arg)
{
	struct test_gate *t = arg;

	ipci_gate_announce(ipci_self(), &t->gate);
	die();
}

static int die_after_a2(void *arg)
{
	struct test_gate *t = arg;

	child_check(ipci_gate_take(ipci_self(), &t->gate));
	die();
}

static int die_after_a3(void *arg)
{
	struct test_gate *t = arg;

	child_check(ipci_gate_take(ipci_self(), &t->gate));
	ipci_gate_push(ipci_self(), &t->gate);
	ipci_gate_settle(ipci_self());
	die();
}

static int die_after_r2(void *arg)
{
	struct test_gate *t = arg;

	child_check(ipci_gate_take(ipci_self(), &t->gate));
	ipci_gate_push(ipci_self(), &t->gate);
	ipci_gate_announce(ipci_self(), &t->gate);
	ipci_gate_pop(ipci_self());
	die();
}

/* the owner is out, and has not looked: R3 without R5 */
static int die_after_r3(void *arg)
{
	struct test_gate *t = arg;

	child_check(ipci_gate_take(ipci_self(), &t->gate));
	ipci_gate_announce(ipci_self(), &t->gate);
	atomic_fetch_and(&t->side.word, ~IPCI_GATE_OWNER);
	die();
}

static void test_nothing_held_yet(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	die_in(die_after_a1, t);
	assert_int_equal(word_of(t), 0);
	expect_usable(t);
}

static void test_holder(void **state)
{
	int (*const steps[])(void *) = {die_after_a2, die_after_a3,
					die_after_r2};
	struct test_gate *t = new_gate();
	(void)state;

	for (int i = 0; i < 3; i++) {
		set_word(t, 0, 0);
		die_in(steps[i], t);
		expect_died(t);
		expect_usable(t);
		set_word(t, W, 1);
		die_in(steps[i], t);
		expect_died(t);
		expect_usable(t);
	}
}

/* ready, and nobody has told the one that sleeps: the death does */
static void test_death_wakes_the_next(void **state)
{
	int (*const steps[])(void *) = {die_after_a1, die_after_a2,
					die_after_a3, die_after_r2,
					die_after_r3};
	(void)state;

	for (int i = 0; i < 5; i++) {
		struct test_gate *t = new_gate();
		pid_t pid = spawn_awaiting(t);
		set_ready(t, true);
		wait_asleep(pid);
		die_in(steps[i], t);
		expect_exit(pid, 0);
	}
}

/* ----------------------------------------------------------------- wake-ups */

static int die_in_debt(void *arg)
{
	struct test_gate *t = arg;

	ipci_gate_owe(ipci_self(), &t->gate);
	set_ready(t, true);
	die();
}

static int die_without_debt(void *arg)
{
	set_ready(arg, true);
	die();
}

static void test_debt_is_paid(void **state)
{
	struct test_gate *t = new_gate();
	pid_t pid = spawn_awaiting(t);
	(void)state;

	die_in(die_in_debt, t);
	expect_exit(pid, 0);
}

/* the debt is paid to one, who passes it on */
static void test_debt_reaches_all(void **state)
{
	struct test_gate *t = new_gate();
	pid_t pid[4];
	(void)state;

	t->gate.all = true;
	for (int i = 0; i < 4; i++)
		pid[i] = spawn_awaiting(t);
	die_in(die_in_debt, t);
	for (int i = 0; i < 4; i++)
		expect_exit(pid[i], 0);
}

/* this is why debts are announced: else nobody would know */
static void test_without_debt_nobody_wakes(void **state)
{
	struct test_gate *t = new_gate();
	pid_t pid = spawn_awaiting(t);
	(void)state;

	die_in(die_without_debt, t);
	sleep_ms(30);
	wait_asleep(pid);
	ipci_gate_fire(&t->gate);
	expect_exit(pid, 0);
}

/* fired, but nobody woken: F2 without F3 */
static int die_after_f2(void *arg)
{
	struct test_gate *t = arg;

	ipci_gate_owe(ipci_self(), &t->gate);
	set_ready(t, true);
	atomic_fetch_or(t->gate.hint, FIRED);
	die();
}

static void test_fired_and_nobody_woken(void **state)
{
	struct test_gate *t = new_gate();
	pid_t pid = spawn_awaiting(t);
	(void)state;

	die_in(die_after_f2, t);
	expect_exit(pid, 0);
}

/* ------------------------------------------------------------- the sleepers */

static void test_sleeper_dies(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	kill_child(spawn_awaiting(t));
	assert_int_equal(word_of(t), 0);
	assert_int_equal(hint_bits(t), LEFT | FENCED);
	set_ready(t, true);
	ipci_gate_fire(&t->gate);
	assert_int_equal(hint_bits(t), FENCED);
	expect_usable(t);
}

/* the kernel wakes one of them, which is killed before it could pass that on,
   or just after */
static void test_woken_one_dies(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	t->gate.all = true;
	for (int i = 0; i < 30; i++) {
		pid_t first = spawn_awaiting(t), second = spawn_awaiting(t);
		die_in(die_after_f2, t);
		kill(first, SIGKILL);
		expect_exit(second, 0);
		reap_any(first);
		set_ready(t, false);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_held_yet),
		TEST(test_holder),
		TEST(test_death_wakes_the_next),
		TEST(test_debt_is_paid),
		TEST(test_debt_reaches_all),
		TEST(test_without_debt_nobody_wakes),
		TEST(test_fired_and_nobody_woken),
		TEST(test_sleeper_dies),
		TEST(test_woken_one_dies),
	};

	return RUN_EXACT_TESTS(tests);
}
