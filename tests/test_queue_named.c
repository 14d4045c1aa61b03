/* SPDX-License-Identifier: MIT */
/*
 * test_queue_named.c - programs that never heard of each other share a queue
 * by its name
 */
#include "queue_util.h"

#include <sys/mman.h>
#include <sys/stat.h>

static const struct ipc_queue_opts small = {.maxsize = 3, .item_size = 40};

static struct ipc_queue *create(const char *name)
{
	struct ipc_queue *q = NULL;

	assert_int_equal(ipc_queue_create(&q, name, &small), 0);
	return q;
}

static struct ipc_queue *open_named(const char *name)
{
	struct ipc_queue *q = NULL;

	assert_int_equal(ipc_queue_open(&q, name), 0);
	return q;
}

/* ------------------------------------------------------- another program */

/* this program again, with the names of two queues */
static int run_other_program(void *arg)
{
	char **name = arg;

	exec_self(name[0], name[1]);
}

/* takes from one, puts into the other, until an item of no bytes came */
static int other_program(char **argv)
{
	struct ipc_queue *from, *to;
	char item[40];
	int n;

	child_check(ipc_queue_open(&from, argv[1]) == 0);
	child_check(ipc_queue_open(&to, argv[2]) == 0);
	do {
		n = ipc_queue_get(from, item, sizeof(item), LIBIPC_FOREVER);
		child_check(n >= 0);
		child_check(ipc_queue_put(to, item, (size_t)n,
					  LIBIPC_FOREVER) == 0);
	} while (n > 0);
	child_check(ipc_queue_close(from) == 0);
	child_check(ipc_queue_close(to) == 0);
	return 0;
}

static void test_another_program(void **state)
{
	char names[2][64], *name[2] = {names[0], names[1]}, item[40];
	struct ipc_queue *to, *from;
	pid_t pid;
	(void)state;

	to = create(unique_name(names[0], "to"));
	from = create(unique_name(names[1], "from"));
	pid = spawn_child(run_other_program, name);
	for (int i = 0; i < 1000; i++) {
		int n = snprintf(item, sizeof(item), "item %d", i);

		assert_int_equal(ipc_queue_put(to, item, (size_t)n, -1), 0);
		memset(item, 0, sizeof(item));
		assert_int_equal(ipc_queue_get(from, item, 40, -1), n);
		assert_int_equal(atoi(item + 5), i);
	}
	assert_int_equal(ipc_queue_put(to, NULL, 0, 0), 0);
	assert_int_equal(ipc_queue_get(from, NULL, 0, -1), 0);
	expect_exit(pid, 0);
	close_queue(to);
	close_queue(from);
	assert_int_equal(ipc_unlink(name[0]), 0);
	assert_int_equal(ipc_unlink(name[1]), 0);
}

/* -------------------------------------------------------------- the name */

static void test_geometry_comes_with_the_name(void **state)
{
	char name[64];
	struct ipc_queue *a = create(unique_name(name, "geometry"));
	struct ipc_queue *b = open_named(name);
	(void)state;

	assert_int_equal(ipc_queue_maxsize(b), 3);
	assert_int_equal(ipc_queue_item_size(b), 40);
	assert_int_equal(ipc_queue_join(b, 0), -EINVAL);
	put_int(a, 5);
	assert_int_equal(got_int(b), 5);
	close_queue(a);
	put_int(b, 6);
	assert_int_equal(got_int(b), 6);
	close_queue(b);
	assert_int_equal(ipc_unlink(name), 0);
}

static void test_items_outlive_all_handles(void **state)
{
	char name[64];
	struct ipc_queue *q = create(unique_name(name, "outlive"));
	(void)state;

	for (int i = 0; i < 3; i++)
		put_int(q, i);
	close_queue(q);
	q = open_named(name);
	for (int i = 0; i < 3; i++)
		assert_int_equal(got_int(q), i);
	expect_empty(q);
	close_queue(q);
	assert_int_equal(ipc_unlink(name), 0);
}

static void test_unlink_leaves_the_users_alone(void **state)
{
	char name[64];
	struct ipc_queue *a = create(unique_name(name, "unlink")), *q = NULL;
	struct ipc_queue *b = open_named(name);
	(void)state;

	assert_int_equal(ipc_unlink(name), 0);
	assert_int_equal(ipc_queue_open(&q, name), -ENOENT);
	assert_null(q);
	q = create(name);
	put_int(a, 1);
	expect_empty(q);
	assert_int_equal(got_int(b), 1);
	close_queue(a);
	close_queue(b);
	close_queue(q);
	assert_int_equal(ipc_unlink(name), 0);
}

static void test_create_needs_a_free_name(void **state)
{
	char name[64];
	struct ipc_queue *q = create(unique_name(name, "taken")), *none = NULL;
	(void)state;

	put_int(q, 5);
	assert_int_equal(ipc_queue_create(&none, name, &small), -EEXIST);
	assert_null(none);
	assert_int_equal(got_int(q), 5);
	close_queue(q);
	assert_int_equal(ipc_queue_create(&none, name, &small), -EEXIST);
	assert_int_equal(ipc_unlink(name), 0);
}

static void test_bad_names(void **state)
{
	static const char *bad[] = {"",	   "/",	 "name", "name/", "/a/", "/a/b",
				    "//a", "/.", "/..",	 "/a//b", "a/b"};
	char name[300];
	struct ipc_queue *q = NULL;
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(ipc_queue_create(&q, bad[i], &small), -EINVAL);
		assert_int_equal(ipc_queue_open(&q, bad[i]), -EINVAL);
	}
	assert_int_equal(ipc_queue_open(&q, NULL), -EINVAL);
	memset(name, 'n', sizeof(name));
	name[0] = '/';
	name[252] = '\0';
	assert_int_equal(ipc_queue_create(&q, name, &small), -ENAMETOOLONG);
	assert_int_equal(ipc_queue_open(&q, name), -ENAMETOOLONG);
	assert_null(q);
}

static void test_longest_name(void **state)
{
	char name[252];
	(void)state;

	memset(name, 'n', sizeof(name));
	snprintf(name, sizeof(name), "/libipc-test-%d-", (int)getpid());
	name[strlen(name)] = 'n';
	name[251] = '\0';
	ipc_unlink(name);
	close_queue(create(name));
	close_queue(open_named(name));
	assert_int_equal(ipc_unlink(name), 0);
	assert_int_equal(ipc_unlink(name), -ENOENT);
}

/* ------------------------------------------------------------ permissions */

static mode_t mode_of(const char *name)
{
	struct stat st;
	int fd = shm_open(name, O_RDONLY, 0);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	return st.st_mode & 07777;
}

static void expect_mode(uint32_t mode, mode_t is)
{
	struct ipc_queue_opts opts = small;
	struct ipc_queue *q;
	char name[64];

	opts.mode = mode;
	assert_int_equal(ipc_queue_create(&q, unique_name(name, "mode"), &opts),
			 0);
	assert_int_equal(mode_of(name), is);
	close_queue(q);
	assert_int_equal(ipc_unlink(name), 0);
}

static void test_mode_whatever_the_umask(void **state)
{
	mode_t before = umask(077);
	(void)state;

	expect_mode(0, 0600);
	expect_mode(0666, 0666);
	expect_mode(0640, 0640);
	umask(0);
	expect_mode(0, 0600);
	umask(before);
}

/* permissions do not count for the superuser */
static void become_nobody(void)
{
	if (geteuid() == 0) {
		child_check(setresgid(65534, 65534, 65534) == 0);
		child_check(setresuid(65534, 65534, 65534) == 0);
	}
}

static int open_forbidden(void *arg)
{
	struct ipc_queue *q = NULL;

	become_nobody();
	child_check(ipc_queue_open(&q, arg) == -EACCES);
	child_check(ipc_queue_create(&q, arg, &small) == -EEXIST);
	child_check(q == NULL);
	return 0;
}

static void test_not_permitted(void **state)
{
	struct ipc_queue_opts opts = small;
	struct ipc_queue *q;
	char name[64];
	(void)state;

	opts.mode = 0400;
	assert_int_equal(ipc_queue_create(&q, unique_name(name, "mode"), &opts),
			 0);
	expect_exit(spawn_child(open_forbidden, name), 0);
	close_queue(q);
	assert_int_equal(ipc_unlink(name), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_another_program),
		TEST(test_geometry_comes_with_the_name),
		TEST(test_items_outlive_all_handles),
		TEST(test_unlink_leaves_the_users_alone),
		TEST(test_create_needs_a_free_name),
		TEST(test_bad_names),
		TEST(test_longest_name),
		TEST(test_mode_whatever_the_umask),
		TEST(test_not_permitted),
	};

	return argc == 3 ? other_program(argv) : RUN_TESTS(tests);
}
