/* SPDX-License-Identifier: MIT */
/*
 * test_named_programs.c - programs that were started separately, and have
 * nothing in common but a name, share mutex, shared bytes and queue
 *
 * The programs are this one, with arguments: see main().
 */
#include "named_util.h"

/* ------------------------------------------------------------- the programs */

struct program {
	const char *role;
	int (*fn)(const char *name);
};

static int sleep_for_ever(void)
{
	for (;;)
		pause();
	return 0;
}

/* until the object is there */
static void *open_soon(const struct kind *k, const char *name)
{
	void *o = SENTINEL;

	child_check(eventually(k->open(&o, name) == 0, 10000));
	return o;
}

static int create_mutex_and_hold(const char *name)
{
	struct ipc_mutex *m;

	child_check(ipc_mutex_create(&m, name, NULL) == 0);
	child_check(ipc_mutex_lock(m, LIBIPC_FOREVER) == 0);
	return sleep_for_ever();
}

static int wait_for_mutex_and_news(const char *name)
{
	struct ipc_mutex *m = open_soon(&kinds[MUTEX], name);

	child_check(ipc_mutex_lock(m, LIBIPC_FOREVER) == LIBIPC_OWNER_DIED);
	child_check(ipc_mutex_unlock(m) == 0);
	return ipc_mutex_close(m);
}

static int create_shared_and_write(const char *name)
{
	struct ipc_shared *s;

	child_check(ipc_shared_create(&s, name, 6, NULL) == 0);
	child_check(ipc_shared_lock(s, LIBIPC_FOREVER) == 0);
	memcpy(ipc_shared_data(s), "hello", 6);
	child_check(ipc_shared_unlock(s) == 0);
	return ipc_shared_close(s);
}

static int read_shared_and_answer(const char *name)
{
	struct ipc_shared *s = open_soon(&kinds[SHARED], name);

	child_check(ipc_shared_size(s) == 6);
	child_check(ipc_shared_lock(s, LIBIPC_FOREVER) == 0);
	child_check(strcmp(ipc_shared_data(s), "hello") == 0);
	memcpy(ipc_shared_data(s), "world", 6);
	child_check(ipc_shared_unlock(s) == 0);
	return ipc_shared_close(s);
}

static int create_queue_and_put(const char *name)
{
	const struct ipc_queue_opts opts = {
		.maxsize = 3, .item_size = 8, .flags = LIBIPC_JOINABLE};
	struct ipc_queue *q;

	child_check(ipc_queue_create(&q, name, &opts) == 0);
	for (int i = 0; i < 100; i++)
		child_check(ipc_queue_put(q, &i, sizeof(i), -1) == 0);
	child_check(ipc_queue_join(q, LIBIPC_FOREVER) == 0);
	return ipc_queue_close(q);
}

static int get_from_queue(const char *name)
{
	struct ipc_queue *q = open_soon(&kinds[QUEUE], name);
	int item;

	child_check(ipc_queue_maxsize(q) == 3);
	child_check(ipc_queue_item_size(q) == 8);
	for (int i = 0; i < 100; i++) {
		child_check(ipc_queue_get(q, &item, sizeof(item), -1) == 4);
		child_check(item == i);
		child_check(ipc_queue_task_done(q) == 0);
	}
	return ipc_queue_close(q);
}

static const struct program programs[] = {
	{"create-mutex", create_mutex_and_hold},
	{"wait-for-mutex", wait_for_mutex_and_news},
	{"create-shared", create_shared_and_write},
	{"read-shared", read_shared_and_answer},
	{"create-queue", create_queue_and_put},
	{"get-from-queue", get_from_queue},
};

static int run_program(const char *role, const char *name)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (strcmp(programs[i].role, role) == 0)
			return programs[i].fn(name);
	}
	return CHILD_FAILED;
}

/* ---------------------------------------------------------------- the tests */

struct command {
	const char *role, *name;
};

static int exec_program(void *arg)
{
	const struct command *c = arg;

	exec_self(c->role, c->name);
}

static pid_t start_program(const char *role, const char *name)
{
	struct command c = {role, name};

	return spawn_child(exec_program, &c);
}

static bool is_held(struct ipc_mutex *m)
{
	int r = ipc_mutex_lock(m, 0);

	if (r >= 0)
		ipc_mutex_unlock(m);
	return r == -EAGAIN;
}

static void test_mutex(void **state)
{
	pid_t holder, waiter;
	struct ipc_mutex *m;
	char name[64];
	(void)state;

	holder = start_program("create-mutex", unique_name(name, "mutex"));
	m = open_soon(&kinds[MUTEX], name);
	assert_true(eventually(is_held(m), 10000));
	waiter = start_program("wait-for-mutex", name);
	wait_asleep(waiter);
	kill_child(holder);
	expect_exit(waiter, 0);
	assert_int_equal(ipc_mutex_lock(m, 0), 0);
	assert_int_equal(ipc_mutex_unlock(m), 0);
	assert_int_equal(ipc_mutex_close(m), 0);
	expect_unlinked(name);
}

static void test_shared(void **state)
{
	struct ipc_shared *s;
	char name[64];
	(void)state;

	unique_name(name, "shared");
	expect_exit(start_program("create-shared", name), 0);
	expect_exit(start_program("read-shared", name), 0);
	assert_int_equal(ipc_shared_open(&s, name), 0);
	assert_string_equal(ipc_shared_data(s), "world");
	assert_int_equal(ipc_shared_close(s), 0);
	expect_unlinked(name);
}

static void test_queue(void **state)
{
	pid_t putter, getter;
	char name[64];
	(void)state;

	getter = start_program("get-from-queue", unique_name(name, "queue"));
	putter = start_program("create-queue", name);
	expect_exit(getter, 0);
	expect_exit(putter, 0);
	expect_unlinked(name);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mutex),
		TEST(test_shared),
		TEST(test_queue),
	};

	if (argc == 3)
		return run_program(argv[1], argv[2]);
	return RUN_TESTS(tests);
}
