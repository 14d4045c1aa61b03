/* SPDX-License-Identifier: MIT */
/*
 * test_pipe_basic.c - messages arrive whole, in order, in both directions
 */
#include "pipe_util.h"

static void test_both_ways(void **state)
{
	struct ends p = new_pipe(0, 0);
	(void)state;

	for (unsigned int i = 0; i < 2; i++) {
		expect_no_message(p.end[1 - i]);
		pass_message(p.end[i], p.end[1 - i], 100, i);
		expect_no_message(p.end[1 - i]);
		expect_no_message(p.end[i]);
	}
	close_both(p);
}

/* the two directions have nothing to do with each other */
static void test_both_ways_at_once(void **state)
{
	struct ends p = new_pipe(0, 0);
	(void)state;

	for (unsigned int i = 0; i < 10; i++)
		for (unsigned int e = 0; e < 2; e++)
			assert_int_equal(send_message(p.end[e], 50 + e,
						      2 * i + e, 0),
					 0);
	for (unsigned int i = 0; i < 10; i++)
		for (unsigned int e = 0; e < 2; e++)
			assert_int_equal(recv_message(p.end[1 - e], 50 + e,
						      2 * i + e, 0),
					 50 + e);
	close_both(p);
}

static void test_simplex(void **state)
{
	struct ends p = new_pipe(0, LIBIPC_SIMPLEX);
	char byte = 'x';
	(void)state;

	pass_message(p.end[1], p.end[0], 100, 1);
	assert_int_equal(ipc_pipe_send(p.end[0], &byte, 1, 0), -EBADF);
	assert_int_equal(ipc_pipe_send(p.end[0], NULL, 0, -1), -EBADF);
	assert_int_equal(ipc_pipe_recv(p.end[1], &byte, 1, 0), -EBADF);
	assert_int_equal(ipc_pipe_recv(p.end[1], NULL, 0, -1), -EBADF);
	assert_int_equal(ipc_pipe_next(p.end[1]), -EBADF);
	assert_int_equal(ipc_pipe_poll(p.end[1], 0), -EBADF);
	assert_int_equal(ipc_pipe_poll(p.end[1], -1), -EBADF);
	assert_int_equal(byte, 'x');
	expect_no_message(p.end[0]);
	close_both(p);
}

/* each recv is one send, however small */
static void test_boundaries(void **state)
{
	struct ends p = new_pipe(0, 0);
	char out[8];
	(void)state;

	assert_int_equal(ipc_pipe_send(p.end[0], "abc", 3, 0), 0);
	assert_int_equal(ipc_pipe_send(p.end[0], "d", 1, 0), 0);
	assert_int_equal(ipc_pipe_send(p.end[0], "efgh", 4, 0), 0);
	assert_int_equal(ipc_pipe_recv(p.end[1], out, 8, 0), 3);
	assert_memory_equal(out, "abc", 3);
	assert_int_equal(ipc_pipe_recv(p.end[1], out, 8, 0), 1);
	assert_memory_equal(out, "dbc", 3);
	assert_int_equal(ipc_pipe_recv(p.end[1], out, 8, 0), 4);
	assert_memory_equal(out, "efgh", 4);
	expect_no_message(p.end[1]);
	close_both(p);
}

/* a message of no bytes is a message, not the end */
static void test_no_bytes(void **state)
{
	struct ends p = new_pipe(0, 0);
	char byte = 'x';
	(void)state;

	assert_int_equal(ipc_pipe_send(p.end[0], NULL, 0, 0), 0);
	assert_int_equal(ipc_pipe_send(p.end[0], "", 0, 0), 0);
	assert_int_equal(ipc_pipe_poll(p.end[1], 0), 1);
	assert_int_equal(ipc_pipe_next(p.end[1]), 0);
	assert_int_equal(ipc_pipe_recv(p.end[1], NULL, 0, 0), 0);
	assert_int_equal(ipc_pipe_recv(p.end[1], &byte, 1, 0), 0);
	assert_int_equal(byte, 'x');
	expect_no_message(p.end[1]);
	assert_int_equal(ipc_pipe_send(p.end[0], NULL, 0, 0), 0);
	close_end(p.end[0]);
	assert_int_equal(ipc_pipe_recv(p.end[1], NULL, 0, 0), 0);
	expect_end(p.end[1]);
	close_end(p.end[1]);
}

/* the bytes behind the message are not touched */
static void test_room_to_spare(void **state)
{
	struct ends p = new_pipe(0, 0);
	char out[6] = "......";
	(void)state;

	assert_int_equal(ipc_pipe_send(p.end[0], "abc", 3, 0), 0);
	assert_int_equal(ipc_pipe_recv(p.end[1], out, 6, 0), 3);
	assert_memory_equal(out, "abc...", 6);
	close_both(p);
}

static void test_too_small_a_buffer(void **state)
{
	struct ends p = new_pipe(0, 0);
	char out[8] = "........";
	(void)state;

	assert_int_equal(ipc_pipe_send(p.end[0], "abcde", 5, 0), 0);
	assert_int_equal(ipc_pipe_send(p.end[0], "f", 1, 0), 0);
	for (size_t size = 0; size < 5; size++) {
		assert_int_equal(ipc_pipe_recv(p.end[1], out, size, 0),
				 -EMSGSIZE);
		assert_int_equal(ipc_pipe_recv(p.end[1], out, size, -1),
				 -EMSGSIZE);
		assert_int_equal(ipc_pipe_next(p.end[1]), 5);
	}
	assert_int_equal(ipc_pipe_recv(p.end[1], NULL, 0, 0), -EMSGSIZE);
	assert_memory_equal(out, "........", 8);
	assert_int_equal(ipc_pipe_recv(p.end[1], out, 5, 0), 5);
	assert_memory_equal(out, "abcde", 5);
	assert_int_equal(ipc_pipe_recv(p.end[1], out, 1, 0), 1);
	close_both(p);
}

/* as many as fit, all sizes, so that each part of a record lies at some time
   across the end of the ring */
static void test_over_the_end_of_the_ring(void **state)
{
	struct ends p = new_pipe(64, 0);
	unsigned int sent = 0, received = 0;
	(void)state;

	for (int lap = 0; lap < 20000; lap++) {
		int r = send_message(p.end[0], sent * 7 % 57, sent, 0);

		if (r == 0) {
			sent++;
			continue;
		}
		assert_int_equal(r, -EAGAIN);
		assert_int_equal(recv_message(p.end[1], received * 7 % 57,
					      received, 0),
				 received * 7 % 57);
		received++;
	}
	while (received < sent) {
		assert_int_equal(recv_message(p.end[1], received * 7 % 57,
					      received, 0),
				 received * 7 % 57);
		received++;
	}
	assert_true(sent > 5000);
	expect_no_message(p.end[1]);
	close_both(p);
}

/* so many bytes in one message fit at once, and the default is 64 KiB */
static void test_capacity(void **state)
{
	static const size_t capacities[] = {1,	 8,    56,    57,   64,
					    100, 4096, 10000, 65536};
	struct ends p;
	(void)state;

	for (size_t i = 0; i < sizeof(capacities) / sizeof(size_t); i++) {
		p = new_pipe(capacities[i], 0);
		for (unsigned int e = 0; e < 2; e++)
			pass_message(p.end[e], p.end[1 - e], capacities[i], e);
		close_both(p);
	}
	p = new_pipe(0, 0);
	pass_message(p.end[0], p.end[1], 65536, 1);
	close_both(p);
	assert_int_equal(ipc_pipe_create(p.end, NULL), 0);
	pass_message(p.end[0], p.end[1], 65536, 1);
	pass_message(p.end[1], p.end[0], 65536, 1);
	close_both(p);
}

static void test_pipes_are_apart(void **state)
{
	struct ends a = new_pipe(0, 0), b = new_pipe(0, 0);
	(void)state;

	assert_int_equal(send_message(a.end[0], 10, 1, 0), 0);
	assert_int_equal(send_message(b.end[0], 20, 2, 0), 0);
	assert_int_equal(recv_message(a.end[1], 10, 1, 0), 10);
	close_both(a);
	assert_int_equal(recv_message(b.end[1], 20, 2, 0), 20);
	expect_no_message(b.end[1]);
	close_both(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_both_ways),
		TEST(test_both_ways_at_once),
		TEST(test_simplex),
		TEST(test_boundaries),
		TEST(test_no_bytes),
		TEST(test_room_to_spare),
		TEST(test_too_small_a_buffer),
		TEST(test_over_the_end_of_the_ring),
		TEST(test_capacity),
		TEST(test_pipes_are_apart),
	};

	return RUN_TESTS(tests);
}
