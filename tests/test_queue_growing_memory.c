/* SPDX-License-Identifier: MIT */
/*
 * test_queue_growing_memory.c - memory comes with the items and goes with them,
 * measured from outside: by what the kernel says that we have
 */
#include "grow_util.h"
#include "process_util.h"

static unsigned char room[4 * MIB];

/* ------------------------------------------------------------ gives it back */

static void put_all(struct ipc_queue *q, size_t len, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		memcpy(room, &i, sizeof(i));
		assert_int_equal(ipc_queue_put(q, room, len, 0), 0);
	}
}

static void get_all(struct ipc_queue *q, size_t len, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(ipc_queue_get(q, room, sizeof(room), 0), len);
		assert_memory_equal(room, &i, sizeof(i));
	}
}

static void test_a_million_items(void **state)
{
	struct ipc_queue *q = new_queue(0, KIB, 0);
	const uint32_t n = 1000000;
	long before;
	(void)state;

	put_all(q, KIB, 10);
	get_all(q, KIB, 10);
	before = resident();
	put_all(q, KIB, n);
	assert_true(resident() - before > (long)n * KIB);
	assert_true(resident() - before < (long)n * KIB / 10 * 11);
	get_all(q, KIB, n);
	expect_empty(q);
	assert_in_range(resident(), 0, before + 2 * MIB);
	close_queue(q);
}

/* not only when it is empty */
static void test_half_of_it(void **state)
{
	struct ipc_queue *q = new_queue(0, KIB, 0);
	const uint32_t n = 60000;
	long before = resident();
	(void)state;

	put_all(q, KIB, n);
	for (uint32_t i = 0; i < n / 2; i++)
		assert_int_equal(ipc_queue_get(q, room, sizeof(room), 0), KIB);
	assert_in_range(resident() - before, n / 2 * KIB,
			n / 2 * KIB + 4 * MIB);
	close_queue(q);
}

static void test_named(void **state)
{
	struct ipc_queue *q;
	char name[64];
	long before;
	(void)state;

	q = new_named(unique_name(name, "flow"), 0, KIB);
	assert_in_range(stored(name), 1, 64 * KIB);
	before = resident();
	put_all(q, KIB, 60000);
	assert_in_range(stored(name), 60000 * KIB, 63000 * KIB);
	get_all(q, KIB, 60000);
	assert_in_range(stored(name), 1, 2 * MIB);
	assert_in_range(resident(), 0, before + 2 * MIB);
	close_queue(q);
	assert_int_equal(ipc_unlink(name), 0);
}

/* the memory of one process is that of all: the getter gives it back */
static int get_in_child(void *q)
{
	get_all(q, KIB, 60000);
	return 0;
}

static void test_another_process_gets(void **state)
{
	struct ipc_queue *q = new_queue(0, KIB, 0);
	long before = resident();
	(void)state;

	put_all(q, KIB, 60000);
	assert_true(resident() - before > 60000 * KIB);
	expect_exit(spawn_child(get_in_child, q), 0);
	expect_empty(q);
	assert_in_range(resident(), 0, before + 2 * MIB);
	close_queue(q);
}

static void give_back_long(size_t maxsize, size_t len, uint32_t n)
{
	struct ipc_queue *q = new_queue(maxsize, 2 * MIB, 0);
	long before = resident();

	put_all(q, len, n);
	assert_true(resident() - before > (long)(n * len));
	assert_true(resident() - before <
		    (long)(n * len) / 4 * 5 + (long)n * 4096 + 2 * MIB);
	get_all(q, len, n);
	assert_in_range(resident(), 0, before + 2 * MIB);
	close_queue(q);
}

static void test_long_items(void **state)
{
	(void)state;
	memset(room, 1, sizeof(room)); /* ours is there, too */
	give_back_long(100, 300, 100);
	give_back_long(100, 70000, 100);
	give_back_long(100, 300000, 100);
	give_back_long(20, 2 * MIB, 20);
	give_back_long(0, 60000, 500);
	give_back_long(0, 2 * MIB, 20);
}

/* -------------------------------------------------------- a limit, no price */

/* item_size only says what is too long: short items cost what they cost */
static void short_items(struct ipc_queue *q, const char *name)
{
	long before = resident();

	if (name)
		assert_in_range(stored(name), 1, 2 * MIB);
	for (int round = 0; round < 5; round++) {
		put_all(q, 100, 1000);
		get_all(q, 100, 1000);
	}
	put_all(q, 100, 1000);
	assert_in_range(resident(), 0, before + 2 * MIB);
	if (name)
		assert_in_range(stored(name), 1, 2 * MIB);
}

static void test_limit_is_no_price(void **state)
{
	static const size_t maxsizes[] = {1000, 0};
	char name[64];
	(void)state;

	for (int i = 0; i < 2; i++) {
		struct ipc_queue *q = new_queue(maxsizes[i], MIB, 0);

		short_items(q, NULL);
		close_queue(q);
		q = new_queue(maxsizes[i], INT32_MAX, 0);
		short_items(q, NULL);
		close_queue(q);
		q = new_named(unique_name(name, "price"), maxsizes[i], MIB);
		short_items(q, name);
		close_queue(q);
		assert_int_equal(ipc_unlink(name), 0);
	}
}

/* ----------------------------------------------- no system call for an item */

static void hover(struct ipc_queue *q, size_t len, uint32_t depth, uint32_t n)
{
	for (uint32_t i = 0; i < depth; i++)
		child_check(ipc_queue_put(q, room, len, 0) == 0);
	for (uint32_t i = 0; i < n; i++) {
		child_check(ipc_queue_put(q, room, len, 0) == 0);
		child_check(ipc_queue_get(q, room, sizeof(room), 0) ==
			    (int)len);
	}
	for (uint32_t i = 0; i < depth; i++)
		child_check(ipc_queue_get(q, room, sizeof(room), 0) ==
			    (int)len);
}

/*
 * Once it has its memory, it asks for none and gives none back while it goes up
 * and down by no more than a chunk: also at each border.
 */
static int hover_without_calls(void *arg)
{
	struct ipc_queue *q = arg;

	for (uint32_t depth = 0; depth < 3; depth++)
		hover(q, KIB, 100 * depth, 2000);
	deny(SYS_madvise, EPERM);
	deny(SYS_fallocate, ENOSPC);
	for (uint32_t depth = 0; depth < 200; depth += 20)
		hover(q, KIB, depth, 1000);
	return 0;
}

static void test_hovers_without_system_calls(void **state)
{
	struct ipc_queue *q = new_queue(0, KIB, 0);
	char name[64];
	(void)state;

	expect_exit(spawn_child(hover_without_calls, q), 0);
	close_queue(q);
	q = new_queue(0, MIB, 0);
	expect_exit(spawn_child(hover_without_calls, q), 0);
	close_queue(q);
	q = new_named(unique_name(name, "hover"), 400, MIB);
	expect_exit(spawn_child(hover_without_calls, q), 0);
	close_queue(q);
	assert_int_equal(ipc_unlink(name), 0);
}

/* ------------------------------------------------------------------ dumps */

/* a core dump of the process must not read, and so make, the whole range */
static void test_not_in_core_dumps(void **state)
{
	struct ipc_queue *q = new_queue(0, KIB, 0);
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[1024];
	long size = 0;
	int large = 0;
	(void)state;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "Size: %ld", &size);
		if (strncmp(line, "VmFlags:", 8) || size < 4 * MIB / KIB ||
		    !strstr(line, " sh "))
			continue;
		large++;
		assert_non_null(strstr(line, " dd"));
	}
	fclose(f);
	assert_int_equal(large, 1);
	close_queue(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_a_million_items, 60),
		TEST(test_half_of_it),
		TEST(test_named),
		TEST(test_another_process_gets),
		TEST(test_long_items),
		TEST(test_limit_is_no_price),
		TEST(test_hovers_without_system_calls),
		TEST(test_not_in_core_dumps),
	};

	return RUN_EXACT_TESTS(tests);
}
