/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_recursive_named.c - that a mutex is recursive is a property of the
 * object: whoever opens it has it; and one thread may use several handles of it
 */
#include "mutex_util.h"
#include "layout.h"

#include <fcntl.h>
#include <sys/mman.h>

static struct ipc_mutex *open_mutex(const char *name)
{
	struct ipc_mutex *m = NULL;

	assert_int_equal(ipc_mutex_open(&m, name), 0);
	return m;
}

static int open_and_nest(void *name)
{
	struct ipc_mutex *m = NULL;

	child_check(ipc_mutex_open(&m, name) == 0);
	for (int i = 0; i < 3; i++)
		child_check(ipc_mutex_lock(m, 0) == 0);
	for (int i = 0; i < 3; i++)
		child_check(ipc_mutex_unlock(m) == 0);
	child_check(ipc_mutex_unlock(m) == -EPERM);
	return ipc_mutex_close(m);
}

static void test_opened_elsewhere(void **state)
{
	char name[64];
	(void)state;

	expect_close(new_recursive_mutex(unique_name(name, "recursive")));
	expect_exit(spawn_child(open_and_nest, name), 0);
	assert_int_equal(ipc_unlink(name), 0);
}

static void test_plain_one_opened(void **state)
{
	struct ipc_mutex *m = NULL;
	char name[64];
	(void)state;

	assert_int_equal(ipc_mutex_create(&m, unique_name(name, "plain"), NULL),
			 0);
	expect_close(m);
	m = open_mutex(name);
	expect_sound_and_close(m);
	assert_int_equal(ipc_unlink(name), 0);
}

static void test_unknown_flag_in_the_head(void **state)
{
	const uint32_t bad = 1U << 1 | LIBIPC_MUTEX_RECURSIVE;
	struct ipc_mutex *m = NULL;
	char name[64];
	int fd;
	(void)state;

	expect_close(new_recursive_mutex(unique_name(name, "flags")));
	fd = shm_open(name, O_RDWR, 0);
	assert_int_equal(pwrite(fd, &bad, sizeof(bad),
				offsetof(struct head_shm, u.mutex.flags)),
			 sizeof(bad));
	close(fd);
	assert_int_equal(ipc_mutex_open(&m, name), -EBADMSG);
	assert_null(m);
	assert_int_equal(ipc_unlink(name), 0);
}

/* locked through a and b, unlocked in any order; b holds it, a does not */
static void test_two_handles(void **state)
{
	struct ipc_mutex *a, *b;
	char name[64];
	(void)state;

	a = new_recursive_mutex(unique_name(name, "handles"));
	b = open_mutex(name);
	for (int first = 0; first < 2; first++) {
		struct ipc_mutex *sooner = first ? a : b,
				 *later = first ? b : a;

		assert_int_equal(ipc_mutex_lock(a, 0), 0);
		assert_int_equal(ipc_mutex_unlock(b), -EPERM);
		assert_int_equal(ipc_mutex_lock(b, 0), 0);
		assert_int_equal(ipc_mutex_lock(a, 0), 0);
		expect_unlock(a);
		expect_unlock(sooner);
		assert_int_equal(ipc_mutex_unlock(sooner), -EPERM);
		assert_int_equal(ipc_mutex_close(later), -EBUSY);
		expect_exit(spawn_child(try_and_fail, a), 0);
		expect_unlock(later);
		assert_int_equal(ipc_mutex_unlock(later), -EPERM);
		expect_exit(spawn_child(lock_once, b), 0);
	}
	expect_close(a);
	expect_close(b);
	assert_int_equal(ipc_unlink(name), 0);
}

/* one handle closed while the other holds: the rest is not shaken */
static void test_one_handle_goes(void **state)
{
	struct ipc_mutex *a, *b;
	char name[64];
	(void)state;

	a = new_recursive_mutex(unique_name(name, "goes"));
	b = open_mutex(name);
	expect_lock(a, 0);
	expect_lock(b, 0);
	expect_unlock(a);
	expect_close(a);
	expect_exit(spawn_child(try_and_fail, b), 0);
	expect_lock(b, 0);
	expect_unlock(b);
	expect_unlock(b);
	expect_exit(spawn_child(lock_once, b), 0);
	expect_close(b);
	assert_int_equal(ipc_unlink(name), 0);
}

struct two {
	const char *name;
	int case_no; /* which of both it still holds when it dies */
};

static int die_with_two(void *arg)
{
	const struct two *t = arg;
	struct ipc_mutex *a = NULL, *b = NULL;

	child_check(ipc_mutex_open(&a, t->name) == 0);
	child_check(ipc_mutex_open(&b, t->name) == 0);
	child_check(ipc_mutex_lock(a, 0) == 0);
	child_check(ipc_mutex_lock(b, 0) == 0);
	if (t->case_no == 1) {
		child_check(ipc_mutex_unlock(a) == 0);
		child_check(ipc_mutex_close(a) == 0);
	}
	if (t->case_no == 2)
		child_check(ipc_mutex_unlock(b) == 0);
	raise(SIGKILL);
	return 0;
}

static void test_death_with_two_handles(void **state)
{
	struct ipc_mutex *m;
	char name[64];
	(void)state;

	m = new_recursive_mutex(unique_name(name, "death"));
	for (int i = 0; i < 3; i++) {
		struct two t = {name, i};

		expect_killed(spawn_child(die_with_two, &t), SIGKILL);
		expect_lock(m, LIBIPC_OWNER_DIED);
		expect_unlock(m);
		assert_int_equal(ipc_mutex_unlock(m), -EPERM);
		expect_lock(m, 0);
		expect_unlock(m);
	}
	expect_close(m);
	assert_int_equal(ipc_unlink(name), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_opened_elsewhere),
		TEST(test_plain_one_opened),
		TEST(test_unknown_flag_in_the_head),
		TEST(test_two_handles),
		TEST(test_one_handle_goes),
		TEST(test_death_with_two_handles),
	};

	return RUN_TESTS(tests);
}
