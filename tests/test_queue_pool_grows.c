/* SPDX-License-Identifier: MIT */
/*
 * test_queue_pool_grows.c - LIFO and priority queues whose memory comes with
 * the items: without maxsize, and with long items
 */
#include "grow_util.h"
#include "process_util.h"

enum {
	SOME = 20000,
	FEW = 16, /* slots that an empty pool keeps at least */
};

#ifdef TEST_LINUX_BACKEND
#define MUST_BE_BACK(most) assert_in_range(resident(), 0, most)
#else /* memory stays with the queue there */
#define MUST_BE_BACK(most) ((void)(most))
#endif

static const enum ipc_order kinds[] = {LIBIPC_LIFO, LIBIPC_PRIORITY};

#define EACH_KIND(k) for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)

static struct ipc_queue *make(const char *name, enum ipc_order order,
			      size_t maxsize, size_t item_size)
{
	const struct ipc_queue_opts opts = {
		.maxsize = maxsize, .item_size = item_size, .order = order};
	struct ipc_queue *q = NULL;

	assert_int_equal(ipc_queue_create(&q, name, &opts), 0);
	return q;
}

static void put_n(struct ipc_queue *q, int n)
{
	for (int i = 0; i < n; i++)
		put_int(q, i);
}

static void get_n(struct ipc_queue *q, enum ipc_order order, int n)
{
	for (int i = 0; i < n; i++)
		assert_int_equal(got_int(q),
				 order == LIBIPC_LIFO ? n - 1 - i : i);
}

static void test_never_full(void **state)
{
	(void)state;

	EACH_KIND(k)
	{
		struct ipc_queue *q = make(NULL, kinds[k], 0, 100);

		assert_int_equal(ipc_queue_maxsize(q), 0);
		for (int lap = 0; lap < 3; lap++) {
			put_n(q, SOME);
			assert_int_equal(ipc_queue_size(q), SOME);
			assert_int_equal(ipc_queue_full(q), 0);
			get_n(q, kinds[k], SOME);
			expect_empty(q);
		}
		close_queue(q);
	}
}

static void test_memory_comes_back(void **state)
{
	(void)state;
	need_native("what is resident is the emulator");
	EACH_KIND(k)
	{
		struct ipc_queue *q = make(NULL, kinds[k], 0, 1024);
		long before = resident();

		put_n(q, SOME);
		assert_true(resident() > before + 10 * MIB);
		get_n(q, kinds[k], SOME);
		MUST_BE_BACK(before + 2 * MIB);
		put_n(q, SOME);
		get_n(q, kinds[k], SOME);
		MUST_BE_BACK(before + 2 * MIB);
		close_queue(q);
	}
}

/* what others see is the same memory */
static void test_another_handle_by_name(void **state)
{
	char name[64];
	(void)state;

	EACH_KIND(k)
	{
		struct ipc_queue *a, *b;

		a = make(unique_name(name, "pool"), kinds[k], 0, 64);
		assert_int_equal(ipc_queue_open(&b, name), 0);
		put_n(a, SOME);
		get_n(b, kinds[k], SOME);
		put_n(b, SOME);
		get_n(a, kinds[k], SOME);
		expect_empty(b);
		close_queue(a);
		close_queue(b);
		assert_int_equal(ipc_unlink(name), 0);
	}
}

/* 1000 items of at most 1 MiB cost what they are long */
static void test_a_limit_is_not_a_price(void **state)
{
	char item[100] = "a short one", out[100];
	(void)state;

	need_native("what is resident is the emulator");
	EACH_KIND(k)
	{
		long before = resident();
		struct ipc_queue *q = make(NULL, kinds[k], 1000, 1 << 20);

		for (int i = 0; i < 1000; i++)
			assert_int_equal(ipc_queue_put(q, item, 100, 0), 0);
		assert_int_equal(ipc_queue_full(q), 1);
		assert_in_range(resident(), 0, before + 12 * MIB);
		for (int i = 0; i < 1000; i++)
			assert_int_equal(ipc_queue_get(q, out, 100, 0), 100);
		assert_string_equal(out, item);
		MUST_BE_BACK(before + 3 * MIB);
		close_queue(q);
	}
}

static void up_and_down(struct ipc_queue *q, int n)
{
	char item[100] = "a short one";

	for (int i = 0; i < n; i++)
		child_check(ipc_queue_put(q, item, 100, 0) == 0);
	for (int i = 0; i < n; i++)
		child_check(ipc_queue_get(q, item, 100, 0) == 100);
}

/* having come and gone once, few short items take no memory: none is needed */
static int up_and_down_without_calls(void *q)
{
	up_and_down(q, FEW);
	deny(SYS_madvise, EPERM);
	deny(SYS_fallocate, ENOSPC);
	for (int i = 0; i < 100; i++)
		up_and_down(q, 1 + i % FEW);
	return 0;
}

static void test_few_short_items_take_no_memory(void **state)
{
	static const size_t item_sizes[] = {5000, MIB, 16 * MIB};
	char name[64];
	(void)state;

	EACH_KIND(k)
	for (size_t i = 0; i < sizeof(item_sizes) / sizeof(*item_sizes); i++) {
		struct ipc_queue *q = make(NULL, kinds[k], 0, item_sizes[i]);

		expect_exit(spawn_child(up_and_down_without_calls, q), 0);
		close_queue(q);
		q = make(unique_name(name, "few"), kinds[k], 1000,
			 item_sizes[i]);
		expect_exit(spawn_child(up_and_down_without_calls, q), 0);
		close_queue(q);
		assert_int_equal(ipc_unlink(name), 0);
	}
}

/* what a long one needed goes, though its slot stays */
static void test_long_items_give_back(void **state)
{
	static char item[4 * MIB];
	(void)state;

	need_native("what is resident is the emulator");
	EACH_KIND(k)
	{
		struct ipc_queue *q = make(NULL, kinds[k], 0, sizeof(item));
		long before;

		assert_int_equal(ipc_queue_put(q, item, sizeof(item), 0), 0);
		assert_int_equal(ipc_queue_get(q, item, sizeof(item), 0),
				 sizeof(item));
		before = resident();
		for (int lap = 0; lap < 2; lap++) {
			for (int i = 0; i < 5; i++) {
				item[0] = item[sizeof(item) - 1] = (char)i;
				assert_int_equal(ipc_queue_put(q, item,
							       sizeof(item), 0),
						 0);
			}
			for (int i = 0; i < 5; i++) {
				assert_int_equal(ipc_queue_get(q, item,
							       sizeof(item), 0),
						 sizeof(item));
				assert_int_equal(item[0],
						 item[sizeof(item) - 1]);
			}
			MUST_BE_BACK(before + 2 * MIB);
		}
		close_queue(q);
	}
}

/* a slot is used again for a longer item */
static void test_all_lengths(void **state)
{
	enum { LONGEST = 300000 };
	static const size_t lens[] = {0, 1,	4096,	  5000,	       LONGEST,
				      7, 20000, 4096 * 3, LONGEST - 1, 65536};
	enum { N = sizeof(lens) / sizeof(*lens) };
	unsigned char *in = malloc(LONGEST + 2), *out = malloc(LONGEST);
	char name[64];
	(void)state;

	for (size_t i = 0; i < LONGEST + 2; i++)
		in[i] = (unsigned char)(i * 7 + i / 256);
	EACH_KIND(k)
	{
		struct ipc_queue *q =
			make(unique_name(name, "long"), kinds[k], 4, LONGEST);

		for (int lap = 0; lap < 30; lap++) {
			size_t len = lens[lap % N];

			for (int i = 0; i < 3; i++)
				assert_int_equal(
					ipc_queue_put(q, in + i, len, 0), 0);
			for (int i = 0; i < 3; i++) {
				int at = kinds[k] == LIBIPC_LIFO ? 2 - i : i;

				assert_int_equal(
					ipc_queue_get(q, out, LONGEST, 0), len);
				assert_memory_equal(out, in + at, len);
			}
		}
		close_queue(q);
		assert_int_equal(ipc_unlink(name), 0);
	}
	free(in);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_never_full, 60),
		TEST_LIMIT(test_memory_comes_back, 60),
		TEST_LIMIT(test_another_handle_by_name, 60),
		TEST(test_a_limit_is_not_a_price),
		TEST(test_few_short_items_take_no_memory),
		TEST(test_long_items_give_back),
		TEST(test_all_lengths),
	};

	return RUN_TESTS(tests);
}
