/* SPDX-License-Identifier: MIT */
/*
 * test_queue_faults.c - put and get, single and many, at once and asleep, with
 * each call failing once; and systems that lack something for good
 */
#include "faults.h"
#include "process_util.h"

#include <sys/resource.h>

static const struct ipc_queue_opts opts = {.maxsize = 4, .item_size = 8};

static struct ipc_queue *q;
static pid_t other;

static void make_with(uint32_t flags)
{
	struct ipc_queue_opts o = opts;

	o.flags = flags;
	child_check(ipc_queue_create(&q, NULL, &o) == 0);
}

static void make(void)
{
	make_with(0);
}

static void make_two(void)
{
	make();
	child_check(ipc_queue_put_many(q, "ab", 1, 2, 0) == 2);
}

static void make_full(void)
{
	make();
	child_check(ipc_queue_put_many(q, "abcd", 1, 4, 0) == 4);
}

/* exactly these are there, and no others; then it goes */
static void drain(const char *items)
{
	char c;

	for (; *items; items++) {
		child_check(ipc_queue_get(q, &c, 1, 0) == 1);
		child_check(c == *items);
	}
	child_check(ipc_queue_get(q, &c, 1, 0) == -EAGAIN);
	child_check(ipc_queue_close(q) == 0);
}

/* ------------------------------------------------------------------ at once */

static int put(void)
{
	return ipc_queue_put(q, "c", 1, 5);
}

static int put_two(void)
{
	return ipc_queue_put_many(q, "cd", 1, 2, 5);
}

static void has_abc(void)
{
	drain("abc");
}

static void has_abcd(void)
{
	drain("abcd");
}

static void has_b(void)
{
	drain("b");
}

static void has_none(void)
{
	drain("");
}

static void has_c(void)
{
	drain("c");
}

static char got[8];

static int get(void)
{
	return ipc_queue_get(q, got, 8, 5);
}

static void got_a(void)
{
	child_check(got[0] == 'a');
	has_b();
}

static int get_two(void)
{
	size_t lens[2];

	return ipc_queue_get_many(q, got, 4, lens, 2, 5);
}

static void got_ab(void)
{
	child_check(got[0] == 'a' && got[4] == 'b');
	has_none();
}

static int look(void)
{
	return ipc_queue_size(q) == 2 && !ipc_queue_empty(q) &&
	       !ipc_queue_full(q) && ipc_queue_maxsize(q) == 4 &&
	       ipc_queue_item_size(q) == 8;
}

static void has_ab(void)
{
	drain("ab");
}

/* ------------------------------------------------------------------- asleep */

static void make_single(void)
{
	make_with(LIBIPC_SINGLE_PRODUCER | LIBIPC_SINGLE_CONSUMER);
}

static void make_single_full(void)
{
	make_single();
	child_check(ipc_queue_put_many(q, "abcd", 1, 4, 0) == 4);
}

/* when the one that we fork from sleeps in the call */
static int put_later(void *arg)
{
	(void)arg;
	child_check(eventually(harness_state(getppid()) == 'S', 5000));
	child_check(ipc_queue_put(q, "a", 1, 0) == 0);
	return 0;
}

static int get_later(void *arg)
{
	(void)arg;
	child_check(eventually(harness_state(getppid()) == 'S', 5000));
	child_check(ipc_queue_get(q, got, 8, 0) == 1);
	return got[0] != 'a';
}

static void make_put_later(void)
{
	make();
	other = spawn_child(put_later, NULL);
}

static int get_asleep(void)
{
	return ipc_queue_get(q, got, 8, LIBIPC_FOREVER);
}

static void got_a_from_other(void)
{
	expect_exit(other, 0);
	child_check(got[0] == 'a');
	has_none();
}

static void make_get_later(void)
{
	make_full();
	other = spawn_child(get_later, NULL);
}

static int put_asleep(void)
{
	return ipc_queue_put(q, "e", 1, LIBIPC_FOREVER);
}

static void has_bcde(void)
{
	expect_exit(other, 0);
	drain("bcde");
}

/* ---------------------------------------------------- the other side sleeps */

static int get_c(void *arg)
{
	(void)arg;
	child_check(ipc_queue_get(q, got, 8, LIBIPC_FOREVER) == 1);
	return got[0] != 'c';
}

static void make_getter_asleep(void)
{
	make();
	other = spawn_child(get_c, NULL);
	wait_asleep(other);
}

static void getter_has_it(void)
{
	expect_exit(other, 0);
	has_none();
}

static int put_e(void *arg)
{
	(void)arg;
	child_check(ipc_queue_put(q, "e", 1, LIBIPC_FOREVER) == 0);
	return 0;
}

static void make_putter_asleep(void)
{
	make_full();
	other = spawn_child(put_e, NULL);
	wait_asleep(other);
}

static void putter_put_it(void)
{
	child_check(got[0] == 'a');
	has_bcde();
}

/* --------------------------------------------------- memory as it is needed */

enum { LONG = 600 << 10 }; /* more than what is kept at hand */

static char *long_item, *long_got;
static const char *long_name;

static void make_growing(void)
{
	const struct ipc_queue_opts o = {.item_size = 1 << 20};

	child_check(ipc_queue_create(&q, long_name, &o) == 0);
	child_check(ipc_queue_put(q, "a", 1, 0) == 0);
	long_item = malloc(LONG);
	long_got = malloc(LONG);
	for (int i = 0; i < LONG; i++)
		long_item[i] = (char)(i * 7);
}

static void make_grown(void)
{
	make_growing();
	child_check(ipc_queue_put(q, long_item, LONG, 0) == 0);
	child_check(ipc_queue_get(q, got, 8, 0) == 1);
}

static int put_long(void)
{
	return ipc_queue_put(q, long_item, LONG, 5);
}

static int get_long(void)
{
	return ipc_queue_get(q, long_got, LONG, 5);
}

static void got_long(void)
{
	child_check(!memcmp(long_got, long_item, LONG));
	free(long_item);
	free(long_got);
	if (long_name)
		child_check(ipc_unlink(long_name) == 0);
	has_none();
}

static void has_long(void)
{
	child_check(ipc_queue_get(q, got, 8, 0) == 1 && got[0] == 'a');
	child_check(get_long() == LONG);
	got_long();
}

static const struct fault_case growing[] = {
	{"put, long", make_growing, put_long, has_long, 0, {ENOMEM, ENOSPC}, 0},
	{"get, long", make_grown, get_long, got_long, LONG, {0}, 0},
};

static void test_memory_as_needed(void **state)
{
	char name[64];
	(void)state;

	for (int named = 0; named < 2; named++) {
		long_name = named ? unique_name(name, "growing") : NULL;
		for (size_t i = 0; i < 2; i++)
			expect_faults(&growing[i]);
	}
}

/* ------------------------------------------------------------- other kinds */

static void make_order(enum ipc_order order)
{
	struct ipc_queue_opts o = opts;

	o.order = order;
	child_check(ipc_queue_create(&q, NULL, &o) == 0);
	child_check(ipc_queue_put_many(q, "ab", 1, 2, 0) == 2);
}

static void make_lifo(void)
{
	make_order(LIBIPC_LIFO);
}

static void make_priority(void)
{
	make_order(LIBIPC_PRIORITY);
}

static int put_front(void)
{
	return ipc_queue_put_front(q, "c", 1, 5);
}

static int get_back(void)
{
	return ipc_queue_get_back(q, got, 8, 5);
}

static int put_first(void)
{
	return ipc_queue_put_priority(q, "c", 1, -1, 5);
}

static void has_cab(void)
{
	drain("cab");
}

static void has_cba(void)
{
	drain("cba");
}

static void got_b(void)
{
	child_check(got[0] == 'b');
	drain("a");
}

static int shut_down(void)
{
	return ipc_queue_shutdown(q, false);
}

static void drains_and_ends(void)
{
	child_check(put() == -ESHUTDOWN);
	child_check(get_two() == 2);
	child_check(get() == -ESHUTDOWN);
	child_check(ipc_queue_close(q) == 0);
}

static int wait_for_shutdown(void *arg)
{
	(void)arg;
	return ipc_queue_get(q, got, 8, LIBIPC_FOREVER) != -ESHUTDOWN;
}

static void make_idle_getter(void)
{
	make();
	other = spawn_child(wait_for_shutdown, NULL);
	wait_asleep(other);
}

static void getter_ended(void)
{
	expect_exit(other, 0);
	child_check(ipc_queue_close(q) == 0);
}

#define FRESH FAULTS_FRESH
#define LOOSE FAULTS_LOOSE

static const struct fault_case cases[] = {
	{"put", make_two, put, has_abc, 0, {0}, 0},
	{"put, first use", make_two, put, has_abc, 0, {ENOSYS}, FRESH},
	{"put_many", make_two, put_two, has_abcd, 2, {0}, 0},
	{"put, full", make_full, put, has_abcd, -ETIMEDOUT, {0}, FAULTS_LOOSE},
	{"put_many, full",
	 make_full,
	 put_two,
	 has_abcd,
	 -ETIMEDOUT,
	 {0},
	 FAULTS_LOOSE},
	{"put, full, single",
	 make_single_full,
	 put,
	 has_abcd,
	 -ETIMEDOUT,
	 {0},
	 FAULTS_LOOSE},
	{"put, asleep, then there is room",
	 make_get_later,
	 put_asleep,
	 has_bcde,
	 0,
	 {0},
	 LOOSE},
	{"put, a getter asleep",
	 make_getter_asleep,
	 put,
	 getter_has_it,
	 0,
	 {0},
	 FAULTS_LOOSE},
	{"get", make_two, get, got_a, 1, {0}, 0},
	{"get, first use", make_two, get, got_a, 1, {ENOSYS}, FRESH},
	{"get_many", make_two, get_two, got_ab, 2, {0}, 0},
	{"get, empty", make, get, has_none, -ETIMEDOUT, {0}, FAULTS_LOOSE},
	{"get_many, empty",
	 make,
	 get_two,
	 has_none,
	 -ETIMEDOUT,
	 {0},
	 FAULTS_LOOSE},
	{"get, empty, single",
	 make_single,
	 get,
	 has_none,
	 -ETIMEDOUT,
	 {0},
	 FAULTS_LOOSE},
	{"get, asleep, then there is one",
	 make_put_later,
	 get_asleep,
	 got_a_from_other,
	 1,
	 {0},
	 LOOSE},
	{"get, a putter asleep",
	 make_putter_asleep,
	 get,
	 putter_put_it,
	 1,
	 {0},
	 FAULTS_LOOSE},
	{"size, empty, full", make_two, look, has_ab, 1, {0}, 0},
	{"put, single", make_single, put, has_c, 0, {0}, 0},
	{"put_front", make_two, put_front, has_cab, 0, {0}, 0},
	{"get_back", make_two, get_back, got_b, 1, {0}, 0},
	{"put, LIFO", make_lifo, put, has_cba, 0, {0}, 0},
	{"get, LIFO", make_lifo, get, got_b, 1, {0}, 0},
	{"put_priority", make_priority, put_first, has_cab, 0, {0}, 0},
	{"get, by priority", make_priority, get, got_a, 1, {0}, 0},
	{"shutdown", make_two, shut_down, drains_and_ends, 0, {0}, 0},
	{"shutdown, a getter asleep",
	 make_idle_getter,
	 shut_down,
	 getter_ended,
	 0,
	 {0},
	 FAULTS_LOOSE},
};

static void test_put_and_get(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_faults(&cases[i]);
}

/* ------------------------------------------------------------- descriptors */

static int without_descriptors(void *arg)
{
	const struct rlimit none = {3, 3};
	struct ipc_queue *named = NULL;

	child_check(ipc_queue_create(&named, arg, &opts) == 0);
	child_check(setrlimit(RLIMIT_NOFILE, &none) == 0);
	child_check(ipc_queue_open(&q, arg) == -EMFILE);
	child_check(ipc_unlink(arg) == 0);
	child_check(ipc_queue_create(&q, arg, &opts) == -EMFILE);
	child_check(q == NULL);
	/* without a name it takes none */
	child_check(ipc_queue_create(&q, NULL, &opts) == 0);
	child_check(ipc_queue_put(named, "x", 1, 0) == 0);
	child_check(ipc_queue_put(q, "x", 1, 0) == 0);
	return 0;
}

static void test_no_descriptors(void **state)
{
	char name[64];
	(void)state;

	expect_exit(spawn_child(without_descriptors, unique_name(name, "emf")),
		    0);
}

/* not enough room in /dev/shm: told at create, not by SIGBUS later */
static int larger_than_the_disk(void *arg)
{
	const struct ipc_queue_opts large = {.maxsize = (size_t)1 << 32,
					     .item_size = 4000}; /* 16 TiB */

	child_check(ipc_queue_create(&q, arg, &large) == -ENOSPC);
	child_check(q == NULL);
	child_check(ipc_unlink(arg) == -ENOENT);
	return 0;
}

static void test_no_room_in_the_file_system(void **state)
{
	char name[64];
	(void)state;

	expect_exit(spawn_child(larger_than_the_disk,
				unique_name(name, "full")),
		    0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_put_and_get, 60),
		TEST(test_memory_as_needed),
		TEST(test_no_descriptors),
		TEST(test_no_room_in_the_file_system),
	};

	return RUN_TESTS(tests);
}
