/* SPDX-License-Identifier: MIT */
/*
 * test_gate_word.c - the gate word goes from state to state as layout.h says,
 * as long as nobody sleeps
 */
#include "gate_util.h"

/* epochs: the first, one in the middle, and the last before it wraps */
static const uint64_t epochs[] = {0, 41 * EPOCH, 0xffffffff * EPOCH};

static void test_take_and_release(void **state)
{
	const uint64_t low[] = {0, F, W, W | F};
	struct test_gate *t = new_gate();
	struct ipci_self *self = ipci_self();
	(void)state;

	for (int i = 0; i < 3 * 4; i++) {
		uint64_t is = epochs[i / 4] + low[i % 4];
		uint64_t taken = ((is & ~F) + EPOCH) | my_tid();
		set_word(t, is, 0);
		assert_true(ipci_gate_take(self, &t->gate));
		assert_int_equal(word_of(t), taken);
		assert_int_equal(*self->pending, node_of(t));
		assert_int_equal(ipci_gate_owner(&t->gate), my_tid());
		ipci_gate_release(self, &t->gate);
		assert_int_equal(word_of(t), taken & ~my_tid());
		assert_true(holds_nothing());
	}
}

static void test_held_is_not_taken(void **state)
{
	struct test_gate *t = new_gate();
	struct ipci_self *self = ipci_self();
	(void)state;

	for (int i = 0; i < 3 * 2; i++) {
		uint64_t is = epochs[i / 2] + (i % 2 ? W : 0) + 12345;
		set_word(t, is, 0);
		assert_false(ipci_gate_take(self, &t->gate));
		assert_int_equal(word_of(t), is);
		assert_int_equal(*self->pending, node_of(t));
		ipci_gate_settle(self);
	}
}

/* there may be sleepers, and it is ready for them: somebody must look */
static void test_release_fires_if_ready(void **state)
{
	struct test_gate *t = new_gate();
	struct ipci_self *self = ipci_self();
	(void)state;

	set_ready(t, true);
	for (int i = 0; i < 3; i++) {
		set_word(t, epochs[i] + W, 0);
		assert_true(ipci_gate_take(self, &t->gate));
		ipci_gate_release(self, &t->gate);
		/* there was none: W goes; two epochs, by take and fire */
		assert_int_equal(word_of(t), epochs[i] + 2 * EPOCH);
		assert_true(holds_nothing());
	}
}

static void test_fire_without_sleepers(void **state)
{
	const uint64_t words[] = {0, F, 7, 5 * EPOCH, 5 * EPOCH + F};
	struct test_gate *t = new_gate();
	(void)state;

	for (int i = 0; i < 5; i++) {
		set_word(t, words[i], 1);
		ipci_gate_fire(&t->gate);
		assert_int_equal(word_of(t), words[i]);
		assert_int_equal(hint_of(t), 0);
	}
}

/* its release will look */
static void test_fire_while_held(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	set_word(t, 3 * EPOCH + W + 77, 1);
	ipci_gate_fire(&t->gate);
	assert_int_equal(word_of(t), 3 * EPOCH + W + 77);
	assert_int_equal(hint_of(t), 1);
}

/* W was of one that is gone: the wake-up finds nobody and clears it */
static void test_fire_finds_nobody(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	for (int i = 0; i < 3; i++) {
		set_word(t, epochs[i] + W, 1);
		ipci_gate_fire(&t->gate);
		assert_int_equal(word_of(t), epochs[i] + EPOCH);
		set_word(t, epochs[i] + W + F, 1);
		ipci_gate_fire(&t->gate);
		assert_int_equal(word_of(t), epochs[i]);
	}
}

static void test_notify_asks_the_hint(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	set_word(t, W, 0);
	ipci_gate_notify(&t->gate);
	assert_int_equal(word_of(t), W);
	set_word(t, W, 1);
	ipci_gate_notify(&t->gate);
	assert_int_equal(word_of(t), EPOCH);
}

static void test_announcements(void **state)
{
	struct test_gate *t = new_gate();
	struct ipci_self *self = ipci_self();
	(void)state;

	ipci_gate_announce(self, &t->gate);
	assert_int_equal(*self->pending, node_of(t));
	ipci_gate_settle(self);
	assert_int_equal(*self->pending, 0);
	ipci_gate_owe(self, &t->gate);
	assert_int_equal(*self->pending, node_of(t));
	ipci_gate_settle(self);
	assert_true(holds_nothing());
	assert_int_equal(word_of(t), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_take_and_release),
		TEST(test_held_is_not_taken),
		TEST(test_release_fires_if_ready),
		TEST(test_fire_without_sleepers),
		TEST(test_fire_while_held),
		TEST(test_fire_finds_nobody),
		TEST(test_notify_asks_the_hint),
		TEST(test_announcements),
	};

	return RUN_EXACT_TESTS(tests);
}
