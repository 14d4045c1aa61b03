/* SPDX-License-Identifier: MIT */
/*
 * test_named_foreign.c - what others put under a name is not taken for an
 * object, and is left alone
 */
#include "named_util.h"

#include "layout.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/* the largest file here: three pages */
#define LARGEST (3 << 16)

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* opened it is no object; for create the name is taken */
static bool is_foreign(const char *name)
{
	for (int i = 0; i < KINDS; i++) {
		int open = try_open(&kinds[i], name);
		int create = try_create(&kinds[i], name, 0, 0);
		if (open == -EPROTO && create == -EEXIST)
			continue;
		dprintf(STDERR_FILENO, "%s %s: open %d, create %d\n", name,
			kinds[i].tag, open, create);
		return false;
	}
	return true;
}

/* ----------------------------------------------------------- files of bytes */

static int make_file(const char *name, const void *bytes, size_t size,
		     size_t whole)
{
	int fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)whole), 0);
	assert_int_equal(pwrite(fd, bytes, size, 0), size);
	return fd;
}

/* a file of those bytes, and zeros behind them: foreign, and left as it is */
static void expect_foreign_bytes(char *name, const void *bytes, size_t size,
				 size_t whole)
{
	static char after[LARGEST], before[LARGEST];
	int fd = make_file(name, bytes, size, whole);

	memset(before, 0, whole);
	memcpy(before, bytes, size);
	assert_true(is_foreign(name));
	assert_int_equal(pread(fd, after, sizeof(after), 0), whole);
	assert_memory_equal(before, after, whole);
	close(fd);
	expect_unlinked(name);
}

static void test_empty_and_short_files(void **state)
{
	char name[64];
	(void)state;

	unique_name(name, "short");
	for (size_t size = 0; size <= 130; size++)
		expect_foreign_bytes(name, "", 0, size);
	expect_foreign_bytes(name, "", 0, page_size() - 1);
	expect_foreign_bytes(name, "hello", 5, 5);
}

static void test_files_of_zeros(void **state)
{
	char name[64];
	(void)state;

	unique_name(name, "zeros");
	for (size_t pages = 1; pages <= 3; pages++)
		expect_foreign_bytes(name, "", 0, pages * page_size());
}

static void test_files_of_garbage(void **state)
{
	static unsigned char garbage[LARGEST];
	unsigned int random = 1;
	char name[64];
	(void)state;

	unique_name(name, "garbage");
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizeof(garbage); i++)
			garbage[i] = (unsigned char)rand_r(&random);
		expect_foreign_bytes(name, garbage, sizeof(garbage),
				     sizeof(garbage));
		expect_foreign_bytes(name, garbage, 100, 100);
	}
}

/* --------------------------------------- ours, of another make or too short */

/* the head page of a fresh object */
static void read_head(const struct kind *k, unsigned char page[LARGEST])
{
	char name[64];
	int fd;

	assert_int_equal(try_create(k, unique_name(name, "head"), 0, 0), 0);
	fd = shm_open(name, O_RDONLY, 0);
	assert_int_equal(pread(fd, page, page_size(), 0), page_size());
	close(fd);
	expect_unlinked(name);
}

static void test_cut_off_objects(void **state)
{
	static unsigned char page[LARGEST];
	char name[64];
	(void)state;

	unique_name(name, "cut");
	for (int i = 0; i < KINDS; i++) {
		read_head(&kinds[i], page);
		for (size_t size = 1; size <= 256; size++)
			expect_foreign_bytes(name, page, size, size);
		expect_foreign_bytes(name, page, page_size() - 1,
				     page_size() - 1);
	}
}

static void flip_bits(const struct kind *k, char *name, size_t from,
		      size_t size)
{
	static unsigned char page[LARGEST];

	read_head(k, page);
	for (size_t bit = 0; bit < 8 * size; bit++) {
		page[from + bit / 8] ^= (unsigned char)(1U << bit % 8);
		expect_foreign_bytes(name, page, page_size(), page_size());
		page[from + bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
}

/* every other value of these three is another make */
static void test_another_make(void **state)
{
	char name[64];
	(void)state;

	unique_name(name, "make");
	for (int i = 0; i < KINDS; i++) {
		const struct kind *k = &kinds[i];
		flip_bits(k, name, offsetof(struct head_shm, magic), 8);
		flip_bits(k, name, offsetof(struct head_shm, layout), 4);
		flip_bits(k, name, offsetof(struct head_shm, fingerprint), 8);
	}
}

/* ---------------------------------------------------------- no files at all */

/* in a child that does not wait for ever; then it is removed in any case */
static int is_foreign_at_once(void *arg)
{
	alarm((unsigned int)(3 * test_slow()));
	child_check(is_foreign(arg));
	return 0;
}

static void expect_foreign_and_remove(char *name)
{
	pid_t pid = spawn_child(is_foreign_at_once, name);
	char path[300];
	siginfo_t info;

	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	assert_int_equal(remove(path_of(path, name)), 0);
	expect_exit(pid, 0);
}

static void test_directory(void **state)
{
	char name[64], path[300];
	(void)state;

	path_of(path, unique_name(name, "dir"));
	assert_int_equal(mkdir(path, 0700), 0);
	expect_foreign_and_remove(name);
}

static void test_fifo(void **state)
{
	char name[64], path[300];
	(void)state;

	path_of(path, unique_name(name, "fifo"));
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_foreign_and_remove(name);
}

static void test_socket(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char name[64], path[300];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)state;

	path_of(path, unique_name(name, "socket"));
	memcpy(at.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
	expect_foreign_and_remove(name);
}

/* -------------------------------------------------------------------- links */

/* nobody is led elsewhere by a link, neither to open nor to create */
static void test_link_to_an_object(void **state)
{
	char name[64], link[64], path[300];
	(void)state;

	for (int i = 0; i < KINDS; i++) {
		unique_name(name, "target");
		path_of(path, unique_name(link, "link"));
		assert_int_equal(try_create(&kinds[i], name, 0, 0), 0);
		assert_int_equal(symlink(name + 1, path), 0);
		assert_true(is_foreign(link));
		expect_unlinked(link);
		assert_int_equal(try_open(&kinds[i], name), 0);
		expect_unlinked(name);
	}
}

static void test_link_to_nothing(void **state)
{
	char name[64], link[64], path[300];
	(void)state;

	unique_name(name, "target");
	path_of(path, unique_name(link, "link"));
	assert_int_equal(symlink(name + 1, path), 0);
	assert_true(is_foreign(link));
	expect_nothing(name);
	expect_unlinked(link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_empty_and_short_files),
		TEST(test_files_of_zeros),
		TEST(test_files_of_garbage),
		TEST(test_cut_off_objects),
		TEST(test_another_make),
		TEST(test_directory),
		TEST(test_fifo),
		TEST(test_socket),
		TEST(test_link_to_an_object),
		TEST(test_link_to_nothing),
	};

	return RUN_TESTS(tests);
}
