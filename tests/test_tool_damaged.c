/* SPDX-License-Identifier: MIT */
/*
 * test_tool_damaged.c - whatever stands in a file, libipc ls, stat and gc
 * answer, and do not crash
 */
#include "tool_util.h"
#include "named_util.h"

#include "layout.h"

static struct ran r;

/* it says something sensible, in one form or the other: to start a program
   takes its time where it is full of checks */
static void look(char *name)
{
	static int turn;

	if (turn++ % 4 == 0) {
		run_tool(&r, "stat", name);
	} else {
		run_tool(&r, "stat", "-j", name);
		assert_true(json_is_valid(r.out));
	}
	assert_in_range(r.code, 0, 1);
	if (r.code)
		assert_memory_equal(r.err, "libipc: ", 8);
}

static void list_all(void)
{
	run_tool(&r, "ls");
	assert_int_equal(r.code, 0);
	run_tool(&r, "ls", "-j");
	assert_int_equal(r.code, 0);
	assert_true(json_is_valid(r.out));
	run_tool(&r, "gc", "-n");
	assert_int_equal(r.code, 0);
}

static int make(const struct kind *k, char name[64])
{
	void *o = new_object(k, unique_name(name, k->tag), 0);

	if (k == &kinds[QUEUE])
		assert_int_equal(ipc_queue_put(o, "x", 1, 0), 0);
	expect_closed(k, o);
	return shm_open(name, O_RDWR, 0);
}

static void put_bytes(int fd, const void *bytes, size_t n, off_t at)
{
	assert_int_equal(pwrite(fd, bytes, n, at), n);
}

static void test_a_field_of_the_head(void **state)
{
	const uint64_t bad[] = {0, 1, 1 << 20, UINT64_MAX / 2, UINT64_MAX};
	char name[64];
	(void)state;

	for (int i = 0; i < KINDS; i++) {
		int fd = make(&kinds[i], name);
		struct head_shm head;
		const size_t words = sizeof(head) / 8;

		assert_int_equal(pread(fd, &head, sizeof(head), 0),
				 sizeof(head));
		for (size_t word = 0; word < words; word++) {
			put_bytes(fd, &bad[(word + (size_t)i) % 5], 8,
				  (off_t)word * 8);
			look(name);
			put_bytes(fd, &head, sizeof(head), 0);
		}
		look(name);
		assert_int_equal(r.code, 0);
		close(fd);
		expect_unlinked(name);
	}
}

static void test_random_bytes(void **state)
{
	unsigned char bytes[1024];
	unsigned int random = 11;
	char name[64];
	(void)state;

	for (int i = 0; i < KINDS; i++) {
		int fd = make(&kinds[i], name);
		off_t page = (off_t)sysconf(_SC_PAGESIZE);

		for (int round = 0; round < 12; round++) {
			for (size_t n = 0; n < sizeof(bytes); n++)
				bytes[n] = (unsigned char)rand_r(&random);
			put_bytes(fd, bytes, 16, page - 16);
			if (i != MUTEX)
				put_bytes(fd, bytes, sizeof(bytes), page);
			look(name);
		}
		list_all();
		close(fd);
		expect_unlinked(name);
	}
}

static void test_cut_off(void **state)
{
	const off_t sizes[] = {0,    1,	   7,	 8,    100,  127,  128,
			       4095, 4096, 4097, 4200, 4864, 8191, 1 << 20};
	char name[64];
	(void)state;

	for (int i = 0; i < KINDS; i++) {
		int fd = make(&kinds[i], name);

		for (size_t n = sizeof(sizes) / sizeof(sizes[0]); n-- > 0;) {
			assert_int_equal(ftruncate(fd, sizes[n]), 0);
			look(name);
		}
		list_all();
		close(fd);
		expect_unlinked(name);
	}
}

static void test_another_build(void **state)
{
	char name[64];
	int fd = make(&kinds[QUEUE], name);
	const uint32_t layout = IPCI_LAYOUT + 1;
	(void)state;

	put_bytes(fd, &layout, sizeof(layout),
		  offsetof(struct head_shm, layout));
	close(fd);
	run_tool(&r, "stat", name);
	expect_failure(&r, 1);
	expect_line(&r, "state: made by another build");
	run_tool(&r, "ls", "-j");
	expect_json(json_named(r.out, name), "state",
		    "\"made by another build\"");
	run_tool(&r, "rm", name);
	expect_well(&r);
	expect_nothing(name);
}

/* more items than there is room for, more done than put */
static void test_impossible_indexes(void **state)
{
	const uint64_t much = 1000000;
	const size_t at[] = {offsetof(struct queue_shm, put.index),
			     offsetof(struct queue_shm, get.index),
			     offsetof(struct queue_shm, done.index)};
	char name[64];
	(void)state;

	for (size_t i = 0; i < 3; i++) {
		int fd = make(&kinds[QUEUE], name);

		put_bytes(fd, &much, 8, sysconf(_SC_PAGESIZE) + (off_t)at[i]);
		close(fd);
		run_tool(&r, "stat", name);
		expect_failure(&r, 1);
		expect_line(&r, "state: damaged");
		expect_unlinked(name);
	}
}

/* a holder that is no thread */
static void test_holder_that_is_not_there(void **state)
{
	const uint64_t word = 0x3ffffff0;
	char name[64];
	int fd = make(&kinds[MUTEX], name);
	(void)state;

	put_bytes(fd, &word, 8, sysconf(_SC_PAGESIZE) - 16);
	close(fd);
	run_tool(&r, "stat", "-j", name);
	expect_well(&r);
	expect_json(json_member(r.out, "holder"), "command", "\"gone\"");
	run_tool(&r, "ls");
	expect_well(&r);
	expect_unlinked(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_field_of_the_head),
		TEST(test_random_bytes),
		TEST(test_cut_off),
		TEST(test_another_build),
		TEST(test_impossible_indexes),
		TEST(test_holder_that_is_not_there),
	};

	return RUN_TESTS(tests);
}
