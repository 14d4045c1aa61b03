/* SPDX-License-Identifier: MIT */
/*
 * test_gate_word.c - the gate's word and its hint go from state to state as
 * layout.h says
 */
#include "gate_util.h"

#define GENERATION IPCI_HINT_GENERATION

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
		uint64_t taken = ((is & ~F) + EPOCH) | W | my_tid();
		set_word(t, is, 0);
		assert_true(ipci_gate_take(self, &t->gate));
		assert_int_equal(word_of(t), taken);
		assert_int_equal(*self->pending, node_of(t));
		assert_int_equal(ipci_gate_owner(&t->gate), my_tid());
		ipci_gate_release(self, &t->gate);
		assert_int_equal(word_of(t), taken & ~my_tid());
		assert_int_equal(hint_of(t), 0);
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

/* a hint says that there may be sleepers, and it is ready for them */
static void test_release_fires_if_ready(void **state)
{
	struct test_gate *t = new_gate();
	struct ipci_self *self = ipci_self();
	(void)state;

	for (int ready = 0; ready < 2; ready++) {
		set_ready(t, ready);
		set_word(t, 0, GENERATION + (LEFT | FENCED));
		assert_true(ipci_gate_take(self, &t->gate));
		ipci_gate_release(self, &t->gate);
		/* there was none: LEFT goes */
		assert_int_equal(hint_of(t),
				 ready ? 2 * GENERATION + FENCED
				       : GENERATION + (LEFT | FENCED));
		assert_int_equal(word_of(t), EPOCH | W);
		assert_true(holds_nothing());
	}
}

static void test_fire_without_sleepers(void **state)
{
	const uint64_t words[] = {0, F, W | 7, 5 * EPOCH, 5 * EPOCH + F};
	const uint64_t hints[] = {0, FENCED, 9 * GENERATION,
				  9 * GENERATION + FENCED, 0};
	struct test_gate *t = new_gate();
	(void)state;

	for (int i = 0; i < 5; i++) {
		set_word(t, words[i], hints[i]);
		ipci_gate_fire(&t->gate);
		assert_int_equal(word_of(t), words[i]);
		assert_int_equal(hint_of(t), hints[i]);
	}
}

/* its release will look */
static void test_fire_while_held(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	set_word(t, 3 * EPOCH + W + 77, LEFT | FENCED);
	ipci_gate_fire(&t->gate);
	assert_int_equal(word_of(t), 3 * EPOCH + W + 77);
	assert_int_equal(hint_of(t), LEFT | FENCED);
}

/* the hint was of one that is gone: the wake-up finds nobody and clears it,
   all but that there was a barrier; no value comes twice */
static void test_fire_finds_nobody(void **state)
{
	const uint64_t last = ~IPCI_HINT_BITS;
	const uint64_t hints[][2] = {
		{LEFT, GENERATION},
		{LEFT | FIRED, GENERATION},
		{LEFT | FENCED, GENERATION + FENCED},
		{LEFT | FENCED | FIRED, GENERATION + FENCED},
		{last + (LEFT | FENCED), FENCED},
	};
	struct test_gate *t = new_gate();
	(void)state;

	for (int i = 0; i < 5; i++) {
		set_word(t, 4 * EPOCH + W, hints[i][0]);
		ipci_gate_fire(&t->gate);
		assert_int_equal(word_of(t), 4 * EPOCH + W);
		assert_int_equal(hint_of(t), hints[i][1]);
	}
}

/* nobody has slept for many commits: then they need not fence any more */
static void test_fences_end(void **state)
{
	struct test_gate *t = new_gate();
	int n = 0;
	(void)state;

	set_word(t, 0, FENCED);
	while (hint_of(t) == FENCED && n++ < 100000)
		ipci_gate_notify(&t->gate);
	assert_in_range(n, 10, 99999);
	assert_int_equal(hint_of(t), GENERATION);
}

/* whoever sleeps leaves a hint, fenced, and takes out that it was fired; others
   who are given way to may keep the CPU for a while before */
static void test_sleepers_leave_a_hint(void **state)
{
	const uint64_t hints[][2] = {
		{0, LEFT | FENCED},
		{FENCED, LEFT | FENCED},
		{LEFT | FENCED, LEFT | FENCED},
		{LEFT | FENCED | FIRED, GENERATION + (LEFT | FENCED)},
		{LEFT | FIRED, GENERATION + (LEFT | FENCED)},
	};
	struct test_gate *t = new_gate();
	(void)state;

	for (int i = 0; i < 5; i++) {
		set_word(t, 0, hints[i][0]);
		assert_int_equal(ipci_gate_await(ipci_self(), &t->gate,
						 ipci_now_ns() + 50000000),
				 -ETIMEDOUT);
		assert_int_equal(hint_of(t), hints[i][1]);
		assert_int_equal(word_of(t), 0);
	}
}

static void test_notify_asks_the_hint(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	set_word(t, W, 0);
	ipci_gate_notify(&t->gate);
	assert_int_equal(hint_of(t), 0);
	set_word(t, W, LEFT);
	ipci_gate_notify(&t->gate);
	assert_int_equal(hint_of(t), GENERATION);
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
		TEST(test_fences_end),
		TEST(test_sleepers_leave_a_hint),
		TEST(test_notify_asks_the_hint),
		TEST(test_announcements),
	};

	return RUN_EXACT_TESTS(tests);
}
