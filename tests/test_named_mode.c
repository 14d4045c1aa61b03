/* SPDX-License-Identifier: MIT */
/*
 * test_named_mode.c - the permissions are exactly those asked for, whatever
 * the umask is
 */
#include "named_util.h"

static unsigned int mode_of(const char *name)
{
	struct stat st;
	int fd = shm_open(name, O_RDONLY, 0);
	int r = fd < 0 ? -1 : fstat(fd, &st);

	if (fd >= 0)
		close(fd);
	assert_int_equal(r, 0);
	return st.st_mode & 07777;
}

static void expect_mode(uint32_t asked, unsigned int mode)
{
	for (int i = 0; i < KINDS; i++) {
		char name[64];
		unique_name(name, kinds[i].tag);
		assert_int_equal(try_create(&kinds[i], name, asked, 0), 0);
		assert_int_equal(mode_of(name), mode);
		expect_unlinked(name);
	}
}

static void expect_modes(mode_t mask)
{
	mode_t before = umask(mask);

	expect_mode(0, 0600);
	expect_mode(0600, 0600);
	expect_mode(0640, 0640);
	expect_mode(0666, 0666);
	expect_mode(0777, 0777);
	expect_mode(0400, 0400);
	umask(before);
}

static void test_usual_umask(void **state)
{
	(void)state;
	expect_modes(022);
}

static void test_empty_umask(void **state)
{
	(void)state;
	expect_modes(0);
}

static void test_full_umask(void **state)
{
	(void)state;
	expect_modes(0777);
}

static void test_no_such_mode(void **state)
{
	const uint32_t modes[] = {01000, 02600,	 04600,	     01777,
				  07777, 010600, 0x80000000, UINT32_MAX};
	char name[64];
	(void)state;

	unique_name(name, "mode");
	for (size_t n = 0; n < sizeof(modes) / sizeof(modes[0]); n++) {
		for (int i = 0; i < KINDS; i++) {
			const struct kind *k = &kinds[i];
			assert_int_equal(try_create(k, name, modes[n], 0),
					 -EINVAL);
			assert_int_equal(try_create(k, NULL, modes[n], 0),
					 -EINVAL);
		}
	}
	expect_nothing(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_usual_umask),
		TEST(test_empty_umask),
		TEST(test_full_umask),
		TEST(test_no_such_mode),
	};

	return RUN_TESTS(tests);
}
