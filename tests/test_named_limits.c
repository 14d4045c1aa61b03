/* SPDX-License-Identifier: MIT */
/*
 * test_named_limits.c - out of descriptors, memory or addresses: each is a
 * clear error, nothing is left behind, and afterwards it works
 */
#include "named_util.h"
#include "process_util.h"

#include <sys/resource.h>

static void need_own_malloc(void)
{
	need_native("memory has no limit");
	if (!under_sanitizer())
		return;
	print_message("# skipped: sanitizers need memory without a limit\n");
	skip();
}

/* macros, because the type of RLIMIT_* depends on the libc */
#define set_limit(which, limit)                                                \
	do {                                                                   \
		struct rlimit r_;                                              \
		child_check(getrlimit(which, &r_) == 0);                       \
		r_.rlim_cur = (limit);                                         \
		child_check(setrlimit(which, &r_) == 0);                       \
	} while (0)

/* back to the most there can be */
#define lift_limit(which) set_limit(which, r_.rlim_max)

/* a name for which an object of that kind is there, and one that is free */
struct names {
	const struct kind *kind;
	char taken[64], free[64];
};

/* runs fn in a child for each kind; it must leave both names as they are */
static void for_each_kind(int (*fn)(void *))
{
	for (int i = 0; i < KINDS; i++) {
		struct names n = {.kind = &kinds[i]};
		unique_name(n.taken, "taken");
		unique_name(n.free, "free");
		assert_int_equal(try_create(n.kind, n.taken, 0, 0), 0);
		expect_exit(spawn_child(fn, &n), 0);
		expect_nothing(n.free);
		assert_int_equal(try_open(n.kind, n.taken), 0);
		expect_unlinked(n.taken);
	}
}

static void works_again(const struct names *n)
{
	child_check(try_create(n->kind, n->free, 0, 0) == 0);
	child_check(ipc_unlink(n->free) == 0);
	child_check(try_create(n->kind, NULL, 0, 0) == 0);
	child_check(try_open(n->kind, n->taken) == 0);
}

/* -------------------------------------------------------------- descriptors */

static int without_descriptors(void *arg)
{
	const struct names *n = arg;
	int lowest = dup(STDIN_FILENO);

	close(lowest);
	set_limit(RLIMIT_NOFILE, (rlim_t)lowest);
	child_check(try_create(n->kind, n->free, 0, 0) == -EMFILE);
	child_check(try_open(n->kind, n->taken) == -EMFILE);
	child_check(try_create(n->kind, NULL, 0, 0) == 0);
	lift_limit(RLIMIT_NOFILE);
	works_again(n);
	return 0;
}

static void test_no_descriptor(void **state)
{
	(void)state;
	for_each_kind(without_descriptors);
}

/* one is enough, and it is given back */
static int with_one_descriptor(void *arg)
{
	const struct names *n = arg;
	int lowest = dup(STDIN_FILENO);

	close(lowest);
	set_limit(RLIMIT_NOFILE, (rlim_t)lowest + 1);
	for (int i = 0; i < 10; i++)
		works_again(n);
	return 0;
}

static void test_one_descriptor(void **state)
{
	(void)state;
	for_each_kind(with_one_descriptor);
}

/* the whole system has none */
static int system_without_files(void *arg)
{
	const struct names *n = arg;

	deny(SYS_openat, ENFILE);
#ifdef SYS_open
	deny(SYS_open, ENFILE);
#endif
	child_check(try_create(n->kind, n->free, 0, 0) == -ENFILE);
	child_check(try_open(n->kind, n->taken) == -ENFILE);
	child_check(try_create(n->kind, NULL, 0, 0) == 0);
	return 0;
}

static void test_no_file_in_the_system(void **state)
{
	(void)state;
	need_filters();
	for_each_kind(system_without_files);
}

/* ------------------------------------------------------------------- memory */

/* the allocator has nothing left, and gets no more */
static void use_up_memory(void)
{
	child_check(ipc_caps() >= 0); /* once, while there is some */
	set_limit(RLIMIT_AS, 0);
	for (size_t size = 1 << 20; size >= 16; size /= 2) {
		while (malloc(size))
			;
	}
}

static int without_memory(void *arg)
{
	const struct names *n = arg;

	use_up_memory();
	child_check(try_create(n->kind, n->free, 0, 0) == -ENOMEM);
	child_check(try_create(n->kind, NULL, 0, 0) == -ENOMEM);
	child_check(try_open(n->kind, n->taken) == -ENOMEM);
	lift_limit(RLIMIT_AS);
	works_again(n);
	return 0;
}

static void test_no_memory_for_the_handle(void **state)
{
	(void)state;
	need_own_malloc();
	for_each_kind(without_memory);
}

/* malloc() has some of each size in stock, and the system no more addresses */
static void use_up_addresses(void)
{
	void *stock[300];

	for (size_t i = 0; i < 300; i++)
		child_check((stock[i] = malloc(16 + 16 * i)) != NULL);
	for (size_t i = 0; i < 300; i += 2)
		free(stock[i]);
	child_check(ipc_caps() >= 0);
	set_limit(RLIMIT_AS, 0);
}

static int create_without_addresses(void *arg)
{
	const struct names *n = arg;

	use_up_addresses();
	child_check(try_create(n->kind, n->free, 0, 0) == -ENOSPC);
	child_check(try_create(n->kind, NULL, 0, 0) == -ENOSPC);
	lift_limit(RLIMIT_AS);
	works_again(n);
	return 0;
}

static void test_create_without_addresses(void **state)
{
	(void)state;
	need_own_malloc();
	for_each_kind(create_without_addresses);
}

/* there is room for the object, it was made; there is no memory to see it */
static int open_without_addresses(void *arg)
{
	const struct names *n = arg;

	use_up_addresses();
	child_check(try_open(n->kind, n->taken) == -ENOMEM);
	lift_limit(RLIMIT_AS);
	works_again(n);
	return 0;
}

static void test_open_without_addresses(void **state)
{
	(void)state;
	need_own_malloc();
	for_each_kind(open_without_addresses);
}

/* each of the mappings that an object needs may be the one that fails */
static int with_ever_more_addresses(void *arg)
{
	const struct names *n = arg;
	rlim_t page = (rlim_t)sysconf(_SC_PAGESIZE), used;
	long pages = 0;
	FILE *f;
	int worked = 0;

	use_up_addresses();
	lift_limit(RLIMIT_AS);
	f = fopen("/proc/self/statm", "r");
	child_check(f && fscanf(f, "%ld", &pages) == 1);
	fclose(f);
	used = (rlim_t)pages * page;
	for (rlim_t more = 0; more < 40; more++) {
		int r, o;
		set_limit(RLIMIT_AS, used + more * page);
		r = try_create(n->kind, n->free, 0, 20 * page);
		o = try_open(n->kind, n->taken);
		child_check(r == 0 || r == -ENOSPC || r == -ENOMEM);
		child_check(o == 0 || o == -ENOMEM);
		child_check(ipc_unlink(n->free) == (r == 0 ? 0 : -ENOENT));
		worked += r == 0;
	}
	child_check(worked > 0 && worked < 40);
	lift_limit(RLIMIT_AS);
	works_again(n);
	return 0;
}

static void test_few_addresses(void **state)
{
	(void)state;
	need_own_malloc();
	for_each_kind(with_ever_more_addresses);
}

/* ---------------------------------------------------------------- file size */

static int with_small_files(void *arg)
{
	const struct names *n = arg;

	signal(SIGXFSZ, SIG_IGN);
	set_limit(RLIMIT_FSIZE, 1000);
	child_check(try_create(n->kind, n->free, 0, 0) == -ENOSPC);
	child_check(try_create(n->kind, NULL, 0, 0) == 0);
	lift_limit(RLIMIT_FSIZE);
	works_again(n);
	return 0;
}

static void test_limit_of_file_size(void **state)
{
	(void)state;
	for_each_kind(with_small_files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_descriptor),
		TEST(test_one_descriptor),
		TEST(test_no_file_in_the_system),
		TEST(test_no_memory_for_the_handle),
		TEST(test_create_without_addresses),
		TEST(test_open_without_addresses),
		TEST(test_few_addresses),
		TEST(test_limit_of_file_size),
	};

	return RUN_TESTS(tests);
}
