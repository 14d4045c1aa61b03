/* SPDX-License-Identifier: MIT */
/*
 * test_named_kinds.c - an object is opened as what it is, or not at all
 */
#include "named_util.h"

#include "layout.h"

static void test_opened_as_another_kind(void **state)
{
	char name[64];
	(void)state;

	for (int is = 0; is < KINDS; is++) {
		void *o;
		unique_name(name, kinds[is].tag);
		o = new_object(&kinds[is], name, 0);
		for (int as = 0; as < KINDS; as++)
			assert_int_equal(try_open(&kinds[as], name),
					 as == is ? 0 : -EPROTO);
		assert_int_equal(kinds[is].use(o, o), 0);
		expect_closed(&kinds[is], o);
		expect_unlinked(name);
	}
}

static void set_kind(const char *name, uint32_t kind)
{
	int fd = shm_open(name, O_RDWR, 0);
	ssize_t n = pwrite(fd, &kind, sizeof(kind),
			   offsetof(struct head_shm, kind));

	close(fd);
	assert_int_equal(n, sizeof(kind));
}

/* pipes have no names, and there is nothing else */
static void test_kinds_that_have_no_names(void **state)
{
	const uint32_t none[] = {0, IPCI_KIND_PIPE, 5, 6, 256, UINT32_MAX};
	char name[64];
	(void)state;

	for (int is = 0; is < KINDS; is++) {
		unique_name(name, kinds[is].tag);
		assert_int_equal(try_create(&kinds[is], name, 0, 0), 0);
		for (size_t n = 0; n < sizeof(none) / sizeof(none[0]); n++) {
			set_kind(name, none[n]);
			for (int as = 0; as < KINDS; as++)
				assert_int_equal(try_open(&kinds[as], name),
						 -EPROTO);
		}
		expect_unlinked(name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_opened_as_another_kind),
		TEST(test_kinds_that_have_no_names),
	};

	return RUN_TESTS(tests);
}
