/* SPDX-License-Identifier: MIT */
/*
 * test_named_damaged.c - an object whose head was damaged is refused; whatever
 * is in it, nobody crashes
 */
#include "named_util.h"

#include "layout.h"

#include <limits.h>

/* --------------------------------------------------------------- the object */

static struct head_shm read_head(const char *name)
{
	struct head_shm head;
	int fd = shm_open(name, O_RDWR, 0);
	ssize_t n = pread(fd, &head, sizeof(head), 0);

	close(fd);
	assert_int_equal(n, sizeof(head));
	return head;
}

static void write_head(const char *name, const struct head_shm *head)
{
	int fd = shm_open(name, O_RDWR, 0);
	ssize_t n = pwrite(fd, head, sizeof(*head), 0);

	close(fd);
	assert_int_equal(n, sizeof(*head));
}

static off_t size_of(const char *name)
{
	struct stat st;
	int fd = shm_open(name, O_RDWR, 0), r = fstat(fd, &st);

	close(fd);
	assert_int_equal(r, 0);
	return st.st_size;
}

static void set_size(const char *name, off_t size)
{
	int fd = shm_open(name, O_RDWR, 0), r = ftruncate(fd, size);

	close(fd);
	assert_int_equal(r, 0);
}

/* a fresh object; one that has been damaged is put right by write_head() */
static struct head_shm make(const struct kind *k, char name[64])
{
	assert_int_equal(try_create(k, unique_name(name, k->tag), 0, 0), 0);
	return read_head(name);
}

static void unmake(const struct kind *k, const char *name,
		   const struct head_shm *good)
{
	write_head(name, good);
	assert_int_equal(try_open(k, name), 0);
	expect_unlinked(name);
}

/* -------------------------------------------------------- size and geometry */

/* the head says one thing, the file another */
static void test_size_of_the_body(void **state)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t more[] = {1,	     8,		  page - 1,
				 page,	     page + 1,	  1ULL << 32,
				 1ULL << 62, 1ULL << 63,  UINT64_MAX,
				 0 - page,   0 - 2 * page};
	char name[64];
	(void)state;

	for (int i = 0; i < KINDS; i++) {
		const struct head_shm good = make(&kinds[i], name);
		struct head_shm head = good;
		for (size_t n = 0; n < sizeof(more) / sizeof(more[0]); n++) {
			head.body_size = good.body_size + more[n];
			write_head(name, &head);
			assert_int_equal(try_open(&kinds[i], name), -EBADMSG);
		}
		unmake(&kinds[i], name, &good);
	}
}

static void test_size_of_the_page(void **state)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t pages[] = {0,	    1,	      128,
				  page - 1, page + 1, page * 2,
				  page / 2, 0 - page, UINT64_MAX};
	char name[64];
	(void)state;

	for (int i = 0; i < KINDS; i++) {
		const struct head_shm good = make(&kinds[i], name);
		struct head_shm head = good;
		for (size_t n = 0; n < sizeof(pages) / sizeof(pages[0]); n++) {
			head.page = pages[n];
			write_head(name, &head);
			assert_int_equal(try_open(&kinds[i], name), -EBADMSG);
		}
		unmake(&kinds[i], name, &good);
	}
}

static void test_size_of_the_file(void **state)
{
	const off_t page = sysconf(_SC_PAGESIZE);
	const off_t more[] = {-page, 1, 100, page, 16 * page};
	char name[64];
	(void)state;

	for (int i = 0; i < KINDS; i++) {
		const struct head_shm good = make(&kinds[i], name);
		off_t size = size_of(name);
		for (size_t n = 0; n < sizeof(more) / sizeof(more[0]); n++) {
			if (size + more[n] < page)
				continue; /* that is not an object any more */
			set_size(name, size + more[n]);
			assert_int_equal(try_open(&kinds[i], name), -EBADMSG);
		}
		set_size(name, size);
		unmake(&kinds[i], name, &good);
	}
}

static void test_queue_geometry(void **state)
{
	const struct kind *k = &kinds[QUEUE];
	const uint64_t big[] = {0,	    1000,	1ULL << 31,
				1ULL << 32, 1ULL << 61, 1ULL << 62,
				1ULL << 63, UINT64_MAX, INT64_MAX};
	char name[64];
	const struct head_shm good = make(k, name);
	(void)state;

	for (size_t n = 0; n < sizeof(big) / sizeof(big[0]); n++) {
		struct head_shm head = good;
		head.u.queue.maxsize = big[n];
		write_head(name, &head);
		assert_int_equal(try_open(k, name), -EBADMSG);
		head = good;
		head.u.queue.item_size = big[n];
		write_head(name, &head);
		assert_int_equal(try_open(k, name), -EBADMSG);
		head.u.queue.maxsize = big[n];
		write_head(name, &head);
		assert_int_equal(try_open(k, name), -EBADMSG);
	}
	unmake(k, name, &good);
}

static void test_queue_order_and_flags(void **state)
{
	const struct kind *k = &kinds[QUEUE];
	char name[64];
	const struct head_shm good = make(k, name);
	(void)state;

	for (int bit = 0; bit < 32; bit++) {
		struct head_shm head = good;
		head.u.queue.order = UINT32_C(1) << bit | 3;
		write_head(name, &head);
		assert_int_equal(try_open(k, name), -EBADMSG);
		if (bit < 3)
			continue; /* these flags there are */
		head = good;
		head.u.queue.flags = UINT32_C(1) << bit;
		write_head(name, &head);
		assert_int_equal(try_open(k, name), -EBADMSG);
	}
	unmake(k, name, &good);
}

static void test_size_of_shared_bytes(void **state)
{
	const struct kind *k = &kinds[SHARED];
	const uint64_t sizes[] = {0,	      4097,	  8192,	     1 << 20,
				  1ULL << 32, 1ULL << 63, UINT64_MAX};
	char name[64];
	const struct head_shm good = make(k, name);
	(void)state;

	for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
		struct head_shm head = good;
		head.u.shared.size = sizes[n];
		write_head(name, &head);
		assert_int_equal(try_open(k, name), -EBADMSG);
	}
	unmake(k, name, &good);
}

/* ----------------------------------------------------------------- whatever */

/* opened or refused; if opened, its functions answer, whatever they answer */
static void open_and_use(const struct kind *k, const char *name)
{
	void *o = SENTINEL;
	int r = k->open(&o, name);

	child_check(r == 0 || r == -EPROTO || r == -EBADMSG);
	child_check((o == SENTINEL) == (r != 0));
	if (r == 0) {
		k->use(o, o);
		k->close(o);
	}
}

struct target {
	const struct kind *kind;
	const char *name;
};

/* maps the file here, because cmocka's asserts are not for children */
static int flip_all_bits(void *arg)
{
	const struct target *t = arg;
	int fd = shm_open(t->name, O_RDWR, 0);
	unsigned char byte, bad;

	for (off_t at = 0; at < (off_t)sizeof(struct head_shm); at++) {
		child_check(pread(fd, &byte, 1, at) == 1);
		for (int bit = 0; bit < 8; bit++) {
			bad = (unsigned char)(byte ^ (1U << bit));
			child_check(pwrite(fd, &bad, 1, at) == 1);
			open_and_use(t->kind, t->name);
		}
		child_check(pwrite(fd, &byte, 1, at) == 1);
	}
	close(fd);
	return 0;
}

static void test_any_bit_of_the_head(void **state)
{
	char name[64];
	(void)state;

	for (int i = 0; i < KINDS; i++) {
		const struct head_shm good = make(&kinds[i], name);
		struct target t = {&kinds[i], name};
		expect_exit(spawn_child(flip_all_bits, &t), 0);
		unmake(&kinds[i], name, &good);
	}
}

/* several at once, with values that look like sizes */
static int write_random_heads(void *arg)
{
	const struct target *t = arg;
	int fd = shm_open(t->name, O_RDWR, 0);
	struct head_shm good, head;
	unsigned int random = 5;

	child_check(pread(fd, &good, sizeof(good), 0) == sizeof(good));
	for (int round = 0; round < 3000; round++) {
		head = good;
		for (int n = rand_r(&random) % 3; n >= 0; n--) {
			int field = rand_r(&random) %
				    (int)(sizeof(head.u.reserved) /
					  sizeof(head.u.reserved[0]));
			head.u.reserved[field] =
				(UINT64_C(1) << rand_r(&random) % 64) -
				(uint64_t)(rand_r(&random) % 3);
		}
		child_check(pwrite(fd, &head, sizeof(head), 0) == sizeof(head));
		open_and_use(t->kind, t->name);
	}
	close(fd);
	return 0;
}

static void test_random_geometry(void **state)
{
	char name[64];
	(void)state;

	for (int i = 0; i < KINDS; i++) {
		const struct head_shm good = make(&kinds[i], name);
		struct target t = {&kinds[i], name};
		expect_exit(spawn_child(write_random_heads, &t), 0);
		unmake(&kinds[i], name, &good);
	}
}

/*
 * The rest of the head page is the mutex: any value of it is an answer. In the
 * bounded back end there is libc's mutex, too, which trusts what it finds.
 */
static int write_random_locks(void *arg)
{
	const struct target *t = arg;
	int fd = shm_open(t->name, O_RDWR, 0);
	size_t from = exact_wakes() ? 0 : sizeof(struct room_shm);
	off_t at = sysconf(_SC_PAGESIZE) - (off_t)sizeof(struct mutex_shm);
	struct mutex_shm bad;
	unsigned char *bytes = (unsigned char *)&bad;
	unsigned int random = 7;
	void *o = SENTINEL;

	child_check(t->kind->open(&o, t->name) == 0);
	child_check(pread(fd, &bad, sizeof(bad), at) == sizeof(bad));
	for (int round = 0; round < 2000; round++) {
		for (size_t i = from; i < sizeof(bad); i++)
			bytes[i] = (unsigned char)rand_r(&random);
		child_check(pwrite(fd, bytes + from, sizeof(bad) - from,
				   at + (off_t)from) ==
			    (ssize_t)(sizeof(bad) - from));
		t->kind->use(o, o);
	}
	memset(bytes + from, 0, sizeof(bad) - from);
	child_check(pwrite(fd, bytes + from, sizeof(bad) - from,
			   at + (off_t)from) == (ssize_t)(sizeof(bad) - from));
	child_check(t->kind->use(o, o) == 0);
	close(fd);
	return 0;
}

static void test_random_locks(void **state)
{
	char name[64];
	(void)state;

	for (int i = MUTEX; i <= SHARED; i++) {
		const struct head_shm good = make(&kinds[i], name);
		struct target t = {&kinds[i], name};
		expect_exit(spawn_child(write_random_locks, &t), 0);
		unmake(&kinds[i], name, &good);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_size_of_the_body),
		TEST(test_size_of_the_page),
		TEST(test_size_of_the_file),
		TEST(test_queue_geometry),
		TEST(test_queue_order_and_flags),
		TEST(test_size_of_shared_bytes),
		TEST(test_any_bit_of_the_head),
		TEST(test_random_geometry),
		TEST(test_random_locks),
	};

	return RUN_TESTS(tests);
}
