/* SPDX-License-Identifier: MIT */
/*
 * test_named_steps.c - a creator is stopped at each of its system calls:
 * whatever the others do meanwhile, one wins, and nobody sees half an object
 */
#include "named_util.h"
#include "trace_util.h"

enum { MANY = 1000 };

struct creator {
	const struct kind *kind;
	char name[64];
};

static int create_it(void *arg)
{
	const struct creator *c = arg;

	return -try_create(c->kind, c->name, 0, 0);
}

/* a creator that stands still after so many steps; 0 if it ended before */
static pid_t creator_at(struct creator *c, int steps)
{
	pid_t pid = spawn_traced(create_it, c);

	for (int i = 0; i < steps; i++) {
		trace_run(pid);
		if (!trace_wait(pid)) {
			expect_exit(pid, 0);
			return 0;
		}
	}
	return pid;
}

/* runs fn with a creator at each of its steps; in the end it has finished */
static void at_each_step(void (*fn)(struct creator *, pid_t))
{
	for (int i = 0; i < KINDS; i++) {
		struct creator c = {.kind = &kinds[i]};
		int steps;
		unique_name(c.name, c.kind->tag);
		for (steps = 0; steps < MANY; steps++) {
			pid_t pid = creator_at(&c, steps);
			if (pid == 0)
				break;
			fn(&c, pid);
			expect_nothing(c.name);
		}
		expect_unlinked(c.name);
		assert_in_range(steps, 10, MANY - 1);
	}
}

/* another one creates it: one of them wins */
static void create_too(struct creator *c, pid_t pid)
{
	int r = try_create(c->kind, c->name, 0, 0);

	assert_true(r == 0 || r == -EEXIST);
	assert_int_equal(try_open(c->kind, c->name), 0);
	trace_end(pid);
	expect_exit(pid, r == 0 ? EEXIST : 0);
	assert_int_equal(try_open(c->kind, c->name), 0);
	expect_unlinked(c->name);
}

static void test_another_creates(void **state)
{
	(void)state;
	at_each_step(create_too);
}

/* a whole object or none */
static void open_meanwhile(struct creator *c, pid_t pid)
{
	int r = try_open(c->kind, c->name);

	assert_true(r == 0 || r == -ENOENT);
	trace_end(pid);
	expect_exit(pid, 0);
	assert_int_equal(try_open(c->kind, c->name), 0);
	expect_unlinked(c->name);
}

static void test_another_opens(void **state)
{
	(void)state;
	at_each_step(open_meanwhile);
}

/* the same when it dies there */
static void kill_it(struct creator *c, pid_t pid)
{
	int r;

	kill_child(pid);
	r = try_open(c->kind, c->name);
	assert_true(r == 0 || r == -ENOENT);
	assert_int_equal(ipc_unlink(c->name), r);
}

static void test_it_is_killed(void **state)
{
	(void)state;
	at_each_step(kill_it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_another_creates),
		TEST(test_another_opens),
		TEST(test_it_is_killed),
	};

	return RUN_TESTS(tests);
}
