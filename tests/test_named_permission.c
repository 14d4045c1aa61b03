/* SPDX-License-Identifier: MIT */
/*
 * test_named_permission.c - who may not, gets -EACCES, and nothing happens
 *
 * The user is given up in children, so most of it needs root.
 */
#include "named_util.h"

#include <grp.h>

enum { NOBODY = 65534 };

static void need_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("# skipped: only root can become another user\n");
	skip();
}

static void become_nobody(void)
{
	if (geteuid() != 0)
		return;
	child_check(setgroups(0, NULL) == 0);
	child_check(setgid(NOBODY) == 0);
	child_check(setuid(NOBODY) == 0);
}

struct target {
	const struct kind *kind;
	const char *name;
};

/* fn runs as nobody for an object of each kind that has that mode */
static void for_each_kind(uint32_t mode, int (*fn)(void *))
{
	char name[64];

	need_root();
	for (int i = 0; i < KINDS; i++) {
		struct target t = {&kinds[i], unique_name(name, "user")};
		void *o = new_object(&kinds[i], name, mode);
		expect_exit(spawn_child(fn, &t), 0);
		assert_int_equal(kinds[i].use(o, o), 0);
		expect_closed(&kinds[i], o);
		expect_unlinked(name);
	}
}

static int may_not_open(void *arg)
{
	const struct target *t = arg;

	become_nobody();
	for (int i = 0; i < KINDS; i++)
		child_check(try_open(&kinds[i], t->name) == -EACCES);
	return 0;
}

static void test_open(void **state)
{
	(void)state;
	for_each_kind(0, may_not_open);
	for_each_kind(0600, may_not_open);
	for_each_kind(0660, may_not_open);
	for_each_kind(0644, may_not_open); /* to read is not enough */
	for_each_kind(0662, may_not_open);
}

/* the name is taken, whoever has it */
static int may_not_create(void *arg)
{
	const struct target *t = arg;

	become_nobody();
	for (int i = 0; i < KINDS; i++)
		child_check(try_create(&kinds[i], t->name, 0, 0) == -EEXIST);
	return 0;
}

static void test_create_what_is_another_users(void **state)
{
	(void)state;
	for_each_kind(0600, may_not_create);
	for_each_kind(0666, may_not_create);
}

static int may_not_unlink(void *arg)
{
	const struct target *t = arg;

	become_nobody();
	child_check(ipc_unlink(t->name) == -EACCES);
	return 0;
}

static void test_unlink_what_is_another_users(void **state)
{
	(void)state;
	for_each_kind(0600, may_not_unlink);
	for_each_kind(0666, may_not_unlink);
}

static int may_use(void *arg)
{
	const struct target *t = arg;
	void *o = SENTINEL;

	become_nobody();
	child_check(t->kind->open(&o, t->name) == 0);
	child_check(t->kind->use(o, o) == 0);
	child_check(t->kind->close(o) == 0);
	return 0;
}

static void test_use_what_is_for_all(void **state)
{
	(void)state;
	for_each_kind(0666, may_use);
}

/* a process that has changed its user makes objects of its own */
static int make_own(void *arg)
{
	void *o = SENTINEL;

	become_nobody();
	for (int i = 0; i < KINDS; i++) {
		const struct kind *k = &kinds[i];
		child_check(k->create(&o, arg, 0, 0) == 0);
		child_check(k->use(o, o) == 0);
		child_check(try_open(k, arg) == 0);
		child_check(k->close(o) == 0);
		child_check(ipc_unlink(arg) == 0);
	}
	return 0;
}

static void test_another_user_makes_his_own(void **state)
{
	char name[64];
	(void)state;

	expect_exit(spawn_child(make_own, unique_name(name, "own")), 0);
}

/* one's own, but not even for oneself; root may all the same */
static int may_not_open_own(void *arg)
{
	const uint32_t modes[] = {0400, 0200, 0100, 0077};

	become_nobody();
	for (int i = 0; i < KINDS * 4; i++) {
		const struct kind *k = &kinds[i / 4];
		child_check(try_create(k, arg, modes[i % 4], 0) == 0);
		child_check(try_open(k, arg) == -EACCES);
		child_check(try_create(k, arg, 0, 0) == -EEXIST);
		child_check(ipc_unlink(arg) == 0);
	}
	return 0;
}

static void test_own_that_is_for_nobody(void **state)
{
	char name[64];
	(void)state;

	expect_exit(spawn_child(may_not_open_own, unique_name(name, "own")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open),
		TEST(test_create_what_is_another_users),
		TEST(test_unlink_what_is_another_users),
		TEST(test_use_what_is_for_all),
		TEST(test_another_user_makes_his_own),
		TEST(test_own_that_is_for_nobody),
	};

	return RUN_TESTS(tests);
}
