/* SPDX-License-Identifier: MIT */
/*
 * test_pipe_errors.c - wrong arguments: a clear answer, and nothing changes
 */
#include "pipe_util.h"

#include <limits.h>

static void refuse(const struct ipc_pipe_opts *opts, int error)
{
	struct ipc_pipe *const none = (struct ipc_pipe *)(void *)&errno;
	struct ipc_pipe *ends[2] = {none, none};

	assert_int_equal(ipc_pipe_create(ends, opts), error);
	assert_ptr_equal(ends[0], none);
	assert_ptr_equal(ends[1], none);
}

static void test_create_options(void **state)
{
	(void)state;

	refuse(&(struct ipc_pipe_opts){.flags = 2}, -EINVAL);
	refuse(&(struct ipc_pipe_opts){.flags = UINT32_MAX}, -EINVAL);
	refuse(&(struct ipc_pipe_opts){.reserved32 = 1}, -EINVAL);
	refuse(&(struct ipc_pipe_opts){.reserved = {1, 0}}, -EINVAL);
	refuse(&(struct ipc_pipe_opts){.reserved = {0, 1}}, -EINVAL);
	assert_int_equal(ipc_pipe_create(NULL, NULL), -EINVAL);
}

static void test_create_too_large(void **state)
{
	const int all = sizeof(size_t) * CHAR_BIT;
	(void)state;

	for (int bits = all > 32 ? 47 : 31; bits < all; bits++)
		refuse(&(struct ipc_pipe_opts){.capacity = (size_t)1 << bits},
		       -ENOSPC);
	refuse(&(struct ipc_pipe_opts){.capacity = SIZE_MAX}, -ENOSPC);
	refuse(&(struct ipc_pipe_opts){.capacity = SIZE_MAX - 4096}, -ENOSPC);
}

static void test_null_end(void **state)
{
	char byte = 'x';
	(void)state;

	assert_int_equal(ipc_pipe_send(NULL, &byte, 1, 0), -EINVAL);
	assert_int_equal(ipc_pipe_recv(NULL, &byte, 1, 0), -EINVAL);
	assert_int_equal(ipc_pipe_next(NULL), -EINVAL);
	assert_int_equal(ipc_pipe_poll(NULL, 0), -EINVAL);
	assert_int_equal(ipc_pipe_close(NULL), -EINVAL);
	assert_int_equal(byte, 'x');
}

static void test_null_data(void **state)
{
	struct ends p = new_pipe(0, 0);
	(void)state;

	assert_int_equal(ipc_pipe_send(p.end[0], NULL, 1, 0), -EINVAL);
	assert_int_equal(ipc_pipe_send(p.end[0], NULL, 1, -1), -EINVAL);
	expect_no_message(p.end[1]);
	expect_at_once(ipc_pipe_recv(p.end[1], NULL, 1, -1), -EINVAL);
	assert_int_equal(send_message(p.end[0], 10, 1, 0), 0);
	assert_int_equal(ipc_pipe_recv(p.end[1], NULL, 10, 0), -EINVAL);
	assert_int_equal(recv_message(p.end[1], 10, 1, 0), 10);
	close_both(p);
}

/* told before a byte of it is looked at */
static void test_longer_than_can_be(void **state)
{
	static const size_t lens[] = {(size_t)INT_MAX + 1, UINT32_MAX,
				      SIZE_MAX / 2 + 1, SIZE_MAX};
	struct ends p = new_pipe(0, 0);
	(void)state;

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		assert_int_equal(ipc_pipe_send(p.end[0], "x", lens[i], 0),
				 -EMSGSIZE);
		assert_int_equal(ipc_pipe_send(p.end[0], "x", lens[i], -1),
				 -EMSGSIZE);
	}
	expect_no_message(p.end[1]);
	pass_message(p.end[0], p.end[1], 10, 1);
	close_both(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create_options),     TEST(test_create_too_large),
		TEST(test_null_end),	       TEST(test_null_data),
		TEST(test_longer_than_can_be),
	};

	return RUN_TESTS(tests);
}
