/* SPDX-License-Identifier: MIT */
/*
 * test_named_life.c - a name is given once, opened, removed, and given anew;
 * whoever has the object keeps it
 */
#include "named_util.h"

/* runs fn for each kind, with a fresh name */
static void for_each_kind(void (*fn)(const struct kind *, const char *))
{
	char name[64];

	for (int i = 0; i < KINDS; i++)
		fn(&kinds[i], unique_name(name, kinds[i].tag));
}

static void create_and_open(const struct kind *k, const char *name)
{
	void *o = new_object(k, name, 0), *other = open_object(k, name);

	assert_int_equal(k->use(o, other), 0);
	assert_int_equal(k->use(other, o), 0);
	assert_int_equal(k->use(o, o), 0);
	expect_closed(k, o);
	assert_int_equal(k->use(other, other), 0);
	expect_unlinked(name);
	expect_closed(k, other);
	expect_nothing(name);
}

static void test_create_and_open(void **state)
{
	(void)state;
	for_each_kind(create_and_open);
}

/* the name is taken, for objects of every kind, and nothing happens to it */
static void create_twice(const struct kind *k, const char *name)
{
	void *o = new_object(k, name, 0);

	for (int i = 0; i < KINDS; i++) {
		assert_int_equal(try_create(&kinds[i], name, 0, 0), -EEXIST);
		assert_int_equal(try_create(&kinds[i], name, 0666, 1 << 20),
				 -EEXIST);
	}
	assert_int_equal(k->use(o, o), 0);
	assert_int_equal(try_open(k, name), 0);
	expect_closed(k, o);
	assert_int_equal(try_create(k, name, 0, 0), -EEXIST);
	expect_unlinked(name);
}

static void test_create_twice(void **state)
{
	(void)state;
	for_each_kind(create_twice);
}

/* it is there until somebody removes it, open or not */
static void all_closed(const struct kind *k, const char *name)
{
	void *o;

	assert_int_equal(try_create(k, name, 0, 0), 0);
	assert_int_equal(try_open(k, name), 0);
	assert_int_equal(try_open(k, name), 0);
	o = open_object(k, name);
	assert_int_equal(k->use(o, o), 0);
	expect_closed(k, o);
	expect_unlinked(name);
	expect_nothing(name);
}

static void test_name_outlives_its_handles(void **state)
{
	(void)state;
	for_each_kind(all_closed);
}

static void use_after_unlink(const struct kind *k, const char *name)
{
	void *o = new_object(k, name, 0), *other = open_object(k, name);

	expect_unlinked(name);
	expect_nothing(name);
	assert_int_equal(k->use(o, other), 0);
	assert_int_equal(k->use(other, o), 0);
	expect_closed(k, o);
	assert_int_equal(k->use(other, other), 0);
	expect_closed(k, other);
}

static void test_use_goes_on_after_unlink(void **state)
{
	(void)state;
	for_each_kind(use_after_unlink);
}

/* the old one and the new one know nothing of each other */
struct generations {
	void *old, *new;
};

static struct generations two_generations(const struct kind *k)
{
	struct generations g;
	char name[64];

	g.old = new_object(k, unique_name(name, k->tag), 0);
	expect_unlinked(name);
	g.new = new_object(k, name, 0);
	expect_unlinked(name);
	return g;
}

static void expect_both_work(const struct kind *k, struct generations g)
{
	assert_int_equal(k->use(g.old, g.old), 0);
	assert_int_equal(k->use(g.new, g.new), 0);
	expect_closed(k, g.old);
	assert_int_equal(k->use(g.new, g.new), 0);
	expect_closed(k, g.new);
}

static void test_new_mutex_of_the_same_name(void **state)
{
	struct generations g = two_generations(&kinds[MUTEX]);
	(void)state;

	assert_int_equal(ipc_mutex_lock(g.old, 0), 0);
	assert_int_equal(ipc_mutex_lock(g.new, 0), 0);
	assert_int_equal(ipc_mutex_unlock(g.old), 0);
	assert_int_equal(ipc_mutex_unlock(g.new), 0);
	expect_both_work(&kinds[MUTEX], g);
}

static void test_new_shared_of_the_same_name(void **state)
{
	struct generations g = two_generations(&kinds[SHARED]);
	(void)state;

	memset(ipc_shared_data(g.old), 7, ipc_shared_size(g.old));
	assert_int_equal(*(char *)ipc_shared_data(g.new), 0);
	expect_both_work(&kinds[SHARED], g);
}

static void test_new_queue_of_the_same_name(void **state)
{
	struct generations g = two_generations(&kinds[QUEUE]);
	char buf[24];
	(void)state;

	assert_int_equal(ipc_queue_put(g.old, "x", 1, 0), 0);
	assert_int_equal(ipc_queue_size(g.new), 0);
	assert_int_equal(ipc_queue_get(g.old, buf, sizeof(buf), 0), 1);
	expect_both_work(&kinds[QUEUE], g);
}

static void new_kind(const struct kind *k, const char *name)
{
	for (int i = 0; i < KINDS; i++) {
		assert_int_equal(try_create(k, name, 0, 0), 0);
		expect_unlinked(name);
		assert_int_equal(try_create(&kinds[i], name, 0, 0), 0);
		assert_int_equal(try_open(&kinds[i], name), 0);
		expect_unlinked(name);
	}
}

static void test_new_kind_of_the_same_name(void **state)
{
	(void)state;
	for_each_kind(new_kind);
}

static void test_nothing_there(void **state)
{
	char name[64];
	(void)state;

	expect_nothing(unique_name(name, "nothing"));
}

/* no name is made up for those that have none */
static void test_anonymous_has_no_name(void **state)
{
	(void)state;
	for (int i = 0; i < KINDS; i++) {
		void *o = new_object(&kinds[i], NULL, 0);
		void *other = new_object(&kinds[i], NULL, 0640);
		assert_int_equal(kinds[i].use(o, o), 0);
		expect_closed(&kinds[i], o);
		assert_int_equal(kinds[i].use(other, other), 0);
		expect_closed(&kinds[i], other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create_and_open),
		TEST(test_create_twice),
		TEST(test_name_outlives_its_handles),
		TEST(test_use_goes_on_after_unlink),
		TEST(test_new_mutex_of_the_same_name),
		TEST(test_new_shared_of_the_same_name),
		TEST(test_new_queue_of_the_same_name),
		TEST(test_new_kind_of_the_same_name),
		TEST(test_nothing_there),
		TEST(test_anonymous_has_no_name),
	};

	return RUN_TESTS(tests);
}
