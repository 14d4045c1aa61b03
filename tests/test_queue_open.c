/* SPDX-License-Identifier: MIT */
/*
 * test_queue_open.c - a name that is not a queue, and a head that lies
 */
#include "queue_util.h"

#include <sys/mman.h>

static void expect_open(const char *name, int error)
{
	struct ipc_queue *const none = (struct ipc_queue *)(void *)&errno;
	struct ipc_queue *q = none;

	assert_int_equal(ipc_queue_open(&q, name), error);
	assert_ptr_equal(q, none);
}

static void test_no_such_name(void **state)
{
	char name[64];
	(void)state;

	expect_open(unique_name(name, "none"), -ENOENT);
}

static void test_objects_of_another_kind(void **state)
{
	struct ipc_mutex *m;
	struct ipc_shared *s;
	char name[64];
	(void)state;

	assert_int_equal(ipc_mutex_create(&m, unique_name(name, "m"), NULL), 0);
	expect_open(name, -EPROTO);
	assert_int_equal(ipc_mutex_close(m), 0);
	assert_int_equal(ipc_unlink(name), 0);
	assert_int_equal(
		ipc_shared_create(&s, unique_name(name, "s"), 100000, NULL), 0);
	expect_open(name, -EPROTO);
	assert_int_equal(ipc_shared_close(s), 0);
	assert_int_equal(ipc_unlink(name), 0);
}

/* somebody else's shared memory, of any length */
static void test_not_ours(void **state)
{
	static const off_t sizes[] = {0, 1, 127, 128, 4095, 4096, 65536};
	char name[64], bytes[128];
	(void)state;

	memset(bytes, 0xa5, sizeof(bytes));
	unique_name(name, "alien");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		int fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);

		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, sizes[i]), 0);
		expect_open(name, -EPROTO);
		if (sizes[i] >= 128) {
			assert_int_equal(pwrite(fd, bytes, 128, 0), 128);
			expect_open(name, -EPROTO);
		}
		close(fd);
		assert_int_equal(shm_unlink(name), 0);
	}
}

/* ----------------------------------------------------------- damaged heads */

struct field {
	size_t offset, size;
	uint64_t value;
	int error;
};

#define FIELD(name, value, error)                                              \
	{                                                                      \
		offsetof(struct head_shm, name),                               \
			sizeof(((struct head_shm *)0)->name), value, error     \
	}

static const struct field fields[] = {
	FIELD(magic, 0, -EPROTO),
	FIELD(magic, IPCI_MAGIC + 1, -EPROTO),
	FIELD(layout, IPCI_LAYOUT + 1, -EPROTO),
	FIELD(kind, 0, -EPROTO),
	FIELD(kind, IPCI_KIND_PIPE, -EPROTO),
	FIELD(fingerprint, 1, -EPROTO),
	FIELD(page, 0, -EBADMSG),
	FIELD(page, 1 << 20, -EBADMSG),
	FIELD(page, UINT64_MAX, -EBADMSG),
	FIELD(body_size, 0, -EBADMSG),
	FIELD(body_size, 4095, -EBADMSG),
	FIELD(body_size, 1 << 20, -EBADMSG),
	FIELD(body_size, UINT64_MAX, -EBADMSG),
	FIELD(body_size, UINT64_MAX - 4095, -EBADMSG),
	FIELD(u.queue.maxsize, 0, -EBADMSG),
	FIELD(u.queue.maxsize, 1 << 20, -EBADMSG),
	FIELD(u.queue.maxsize, INT64_MAX, -EBADMSG),
	FIELD(u.queue.maxsize, UINT64_MAX, -EBADMSG),
	FIELD(u.queue.maxsize, UINT64_C(1) << 61, -EBADMSG),
	FIELD(u.queue.item_size, 0, -EBADMSG),
	FIELD(u.queue.item_size, 1 << 20, -EBADMSG),
	FIELD(u.queue.item_size, INT32_MAX, -EBADMSG),
	FIELD(u.queue.item_size, UINT64_C(1) << 32, -EBADMSG),
	FIELD(u.queue.item_size, UINT64_MAX, -EBADMSG),
	FIELD(u.queue.order, LIBIPC_PRIORITY + 1, -EBADMSG),
	FIELD(u.queue.order, UINT32_MAX, -EBADMSG),
	FIELD(u.queue.flags, 0x8, -EBADMSG),
	FIELD(u.queue.flags, UINT32_MAX, -EBADMSG),
};

static void check_field(const char *name, int fd, const struct field *f)
{
	char good[8], bad[8];

	memcpy(bad, &f->value, sizeof(bad)); /* its low bytes come first */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	memcpy(bad, (const char *)&f->value + 8 - f->size, f->size);
#endif
	assert_int_equal(pread(fd, good, f->size, (off_t)f->offset), f->size);
	assert_int_equal(pwrite(fd, bad, f->size, (off_t)f->offset), f->size);
	expect_open(name, f->error);
	assert_int_equal(pwrite(fd, good, f->size, (off_t)f->offset), f->size);
}

static void test_damaged_heads(void **state)
{
	const struct ipc_queue_opts opts = {.maxsize = 100, .item_size = 64};
	struct ipc_queue *q, *again;
	char name[64];
	int fd;
	(void)state;

	unique_name(name, "head");
	assert_int_equal(ipc_queue_create(&q, name, &opts), 0);
	fd = shm_open(name, O_RDWR, 0);
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		check_field(name, fd, &fields[i]);
	/* it was not the file as such */
	assert_int_equal(ipc_queue_open(&again, name), 0);
	put_int(q, 5);
	assert_int_equal(got_int(again), 5);
	close_queue(again);
	close_queue(q);
	close(fd);
	assert_int_equal(ipc_unlink(name), 0);
}

static void test_cut_short(void **state)
{
	const struct ipc_queue_opts opts = {.maxsize = 1000, .item_size = 64};
	static const off_t sizes[] = {69632, 65536, 8192, 4096};
	struct ipc_queue *q;
	char name[64];
	int fd;
	(void)state;

	unique_name(name, "short");
	assert_int_equal(ipc_queue_create(&q, name, &opts), 0);
	close_queue(q);
	fd = shm_open(name, O_RDWR, 0);
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		assert_int_equal(ftruncate(fd, sizes[i]), 0);
		expect_open(name, -EBADMSG);
	}
	assert_int_equal(ftruncate(fd, 4095), 0);
	expect_open(name, -EPROTO);
	close(fd);
	assert_int_equal(ipc_unlink(name), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_such_name), TEST(test_objects_of_another_kind),
		TEST(test_not_ours),	 TEST(test_damaged_heads),
		TEST(test_cut_short),
	};

	return RUN_TESTS(tests);
}
