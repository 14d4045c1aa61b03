/* SPDX-License-Identifier: MIT */
/*
 * test_queue_growing_full.c - no memory for one more item: an error, nothing
 * is lost, and it goes on when there is memory again
 */
#include "grow_util.h"
#include "mount_util.h"
#include "process_util.h"

#include <sys/resource.h>

static unsigned char room[MIB];

/* ------------------------------------------------ /dev/shm has no more room */

/* until there is no memory for one of that length; how many are there */
static uint32_t fill_up(struct ipc_queue *q, size_t len, uint32_t next,
			int error)
{
	uint32_t i;
	int r;

	for (i = next;; i++) {
		r = put_item(q, room, len, i);
		if (r < 0)
			break;
		child_check(i < 1000000);
	}
	child_check(r == error);
	child_check(ipc_queue_put(q, room, len, LIBIPC_FOREVER) == error);
	child_check(ipc_queue_put_many(q, room, len, 1, 0) == error);
	return i;
}

static void drain(struct ipc_queue *q, size_t len, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		child_check(got_item(q, room, sizeof(room), len, i));
}

static enum ipc_order order; /* plain puts: as FIFO by priority, too */

static void up_and_down(size_t maxsize, size_t item_size, size_t len)
{
	const struct ipc_queue_opts opts = {
		.maxsize = maxsize, .item_size = item_size, .order = order};
	struct ipc_queue *q, *other;
	uint32_t first, n;

	child_check(ipc_queue_create(&q, "/q", &opts) == 0);
	child_check(ipc_queue_open(&other, "/q") == 0);
	first = fill_up(q, len, 0, -ENOSPC);
	child_check(first * len > MIB && first * len <= 4 * MIB);
	child_check(ipc_queue_size(q) == (long)first);
	child_check(ipc_queue_full(q) == 0);
	/* nothing is lost, and where some went others can come */
	for (int round = 0; round < 3; round++) {
		drain(round % 2 ? q : other, len, 0, first / 2);
		n = fill_up(round % 2 ? other : q, len, first, -ENOSPC);
		child_check(n - first >= first / 3);
		drain(other, len, first / 2, n);
		child_check(ipc_queue_empty(q) == 1);
		/* but for what the chunk that it stands in has used up */
		n = fill_up(q, len, 0, -ENOSPC);
		child_check(n >= first / 4 * 3 && n <= first + first / 4);
		first = n;
	}
	drain(q, len, 0, first);
	/* a short one needs less */
	child_check(ipc_queue_put(q, "x", 1, 0) == 0);
	child_check(ipc_queue_get(q, room, sizeof(room), 0) == 1);
	child_check(ipc_queue_close(other) == 0);
	child_check(ipc_queue_close(q) == 0);
	child_check(ipc_unlink("/q") == 0);
}

static int file_system_full(void *arg)
{
	(void)arg;
	if (!mount_shm(0, "size=4m,mode=1777"))
		return NO_MOUNT;
	up_and_down(0, KIB, KIB);
	up_and_down(0, 8, 8);
	up_and_down(0, MIB, 60000);
	up_and_down(0, MIB, 100000);
	up_and_down(0, MIB, 600000);
	up_and_down(500, MIB, 60000);
	up_and_down(500, MIB, 300000);
	up_and_down(100, INT32_MAX, MIB);
	return 0;
}

static void test_file_system_full(void **state)
{
	(void)state;
	run_with_own_shm(file_system_full);
}

static int pool_and_file_system_full(void *arg)
{
	(void)arg;
	if (!mount_shm(0, "size=4m,mode=1777"))
		return NO_MOUNT;
	order = LIBIPC_PRIORITY;
	up_and_down(0, KIB, KIB);
	up_and_down(0, 100, 100);
	up_and_down(0, MIB, 60000);
	up_and_down(500, MIB, 60000);
	up_and_down(500, MIB, 300000);
	return 0;
}

static void test_pool_and_file_system_full(void **state)
{
	(void)state;
	run_with_own_shm(pool_and_file_system_full);
}

/* the short parts of a queue with maxsize were there from the beginning */
static int short_items_always_fit(void *arg)
{
	const struct ipc_queue_opts opts = {.maxsize = 1000, .item_size = MIB};
	struct ipc_queue *q;
	uint32_t n;

	(void)arg;
	if (!mount_shm(0, "size=4m,mode=1777"))
		return NO_MOUNT;
	child_check(ipc_queue_create(&q, "/q", &opts) == 0);
	n = fill_up(q, 10000, 0, -ENOSPC);
	for (uint32_t i = n; i < 1000; i++)
		child_check(put_item(q, room, 248, i) == 0);
	child_check(ipc_queue_full(q) == 1);
	return 0;
}

static int some_of_many(void *arg)
{
	const struct ipc_queue_opts opts = {.maxsize = 0, .item_size = MIB};
	struct ipc_queue *q;
	uint32_t put = 0, got = 0;
	int r;

	(void)arg;
	if (!mount_shm(0, "size=4m,mode=1777"))
		return NO_MOUNT;
	child_check(ipc_queue_create(&q, "/q", &opts) == 0);
	fill_item(room, 100000, 0);
	while ((r = ipc_queue_put_many(q, room, 50000, 2, 0)) > 0)
		put += (uint32_t)r;
	child_check(r == -ENOSPC && put > 40);
	while ((r = ipc_queue_get(q, room + 200000, 50000, 0)) == 50000) {
		child_check(!memcmp(room + 50000 * (got % 2), room + 200000,
				    50000));
		got++;
	}
	child_check(r == -EAGAIN);
	return got == put ? 0 : 1;
}

static void test_some_of_many(void **state)
{
	(void)state;
	run_with_own_shm(some_of_many);
}

/* ------------------------------------------------ the system has no more */

static int system_says_no(void *arg)
{
	struct ipc_queue *q = arg;
	uint32_t n = 0;

	while (n < 1000)
		child_check(put_item(q, room, 1000, n) == 0), n++;
	deny(SYS_madvise, ENOMEM);
	n = fill_up(q, 1000, n, -ENOMEM);
	child_check(ipc_queue_size(q) == (long)n);
	drain(q, 1000, 0, n / 2);
	/* by what was kept */
	n = fill_up(q, 1000, n, -ENOMEM);
	drain(q, 1000, n - (uint32_t)ipc_queue_size(q), n);
	child_check(ipc_queue_empty(q) == 1);
	return 0;
}

static void test_system_without_memory(void **state)
{
	struct ipc_queue *q = new_queue(0, 1000, 0);
	(void)state;

	expect_exit(spawn_child(system_says_no, q), 0);
	expect_empty(q);
	/* it was only that child's trouble */
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(put_item(q, room, 1000, i), 0);
	for (uint32_t i = 0; i < 10000; i++)
		assert_true(got_item(q, room, sizeof(room), 1000, i));
	close_queue(q);
	q = new_queue(5000, MIB, 0);
	expect_exit(spawn_child(system_says_no, q), 0);
	expect_empty(q);
	close_queue(q);
}

/* ----------------------------------------------------------- few addresses */

static int with_few_addresses(void *name)
{
	const struct ipc_queue_opts opts = {.item_size = KIB};
	struct rlimit few = {256 * MIB, 256 * MIB};
	struct ipc_queue *q, *same;
	uint32_t n;

	child_check(setrlimit(RLIMIT_AS, &few) == 0);
	child_check(ipc_queue_create(&q, NULL, &opts) == 0);
	n = fill_up(q, KIB, 0, -ENOMEM);
	child_check(n * KIB > 8 * MIB && n * KIB < 256 * MIB);
	drain(q, KIB, 0, n);
	child_check(fill_up(q, KIB, 0, -ENOMEM) > n / 4 * 3);
	child_check(ipc_queue_close(q) == 0);
	child_check(ipc_queue_create(&q, name, &opts) == 0);
	child_check(ipc_queue_open(&same, name) == 0);
	child_check(ipc_queue_put(same, "x", 1, 0) == 0);
	child_check(ipc_queue_get(q, room, 1, 0) == 1);
	child_check(ipc_unlink(name) == 0);
	return 0;
}

static void test_few_addresses(void **state)
{
	char name[64];
	(void)state;

	if (under_sanitizer()) {
		print_message("# skipped: a sanitizer takes the addresses\n");
		skip();
	}
	expect_exit(spawn_child(with_few_addresses,
				unique_name(name, "addresses")),
		    0);
}

/* a file may not be as long: no signal, but a shorter one */
static int with_short_files(void *name)
{
	const struct ipc_queue_opts opts = {.item_size = KIB};
	struct rlimit few = {32 * MIB, 32 * MIB};
	struct ipc_queue *q;

	child_check(setrlimit(RLIMIT_FSIZE, &few) == 0);
	child_check(ipc_queue_create(&q, name, &opts) == 0);
	drain(q, KIB, 0, fill_up(q, KIB, 0, -ENOSPC));
	child_check(ipc_unlink(name) == 0);
	return 0;
}

static void test_short_files(void **state)
{
	char name[64];
	(void)state;

	expect_exit(spawn_child(with_short_files, unique_name(name, "fsize")),
		    0);
}

static void test_short_items_always_fit(void **state)
{
	(void)state;
	run_with_own_shm(short_items_always_fit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_file_system_full),
		TEST(test_pool_and_file_system_full),
		TEST(test_short_items_always_fit),
		TEST(test_some_of_many),
		TEST(test_system_without_memory),
		TEST(test_few_addresses),
		TEST(test_short_files),
	};

	return RUN_EXACT_TESTS(tests);
}
