/* SPDX-License-Identifier: MIT */
/*
 * test_pipe_threads.c - on the same end one thread sends while another one
 * receives, at both ends
 */
#include "pipe_util.h"

#include <sched.h>

struct worker {
	struct ipc_pipe *end;
	unsigned int messages;
	size_t step;
	int timeout_ms;
};

static size_t length_of(const struct worker *w, unsigned int n)
{
	return n * w->step % 2000;
}

static bool try_again(int r)
{
	if (r == -EAGAIN)
		sched_yield();
	return r == -EAGAIN;
}

static int send_all(void *arg)
{
	const struct worker *w = arg;

	for (unsigned int n = 0; n < w->messages; n++) {
		int r;

		do
			r = send_message(w->end, length_of(w, n), n,
					 w->timeout_ms);
		while (try_again(r));
		child_check(r == 0);
	}
	return 0;
}

static int recv_all(void *arg)
{
	const struct worker *w = arg;

	for (unsigned int n = 0; n < w->messages; n++) {
		int len = (int)length_of(w, n), r;

		do {
			ipc_pipe_poll(w->end, w->timeout_ms);
			r = recv_message(w->end, (size_t)len, n, w->timeout_ms);
		} while (try_again(r));
		child_check(r == len);
	}
	return 0;
}

static void run(size_t capacity, unsigned int messages, int timeout_ms)
{
	struct ends p = new_pipe(capacity, 0);
	struct worker w[2];
	struct test_thread *t[4];

	for (int e = 0; e < 2; e++)
		w[e] = (struct worker){p.end[e], messages, 97, timeout_ms};
	for (int e = 0; e < 2; e++) {
		t[2 * e] = start_thread(recv_all, &w[e]);
		t[2 * e + 1] = start_thread(send_all, &w[e]);
	}
	for (int i = 0; i < 4; i++)
		join_thread(t[i]);
	for (int e = 0; e < 2; e++)
		expect_no_message(p.end[e]);
	close_both(p);
}

static void test_all_four_at_work(void **state)
{
	(void)state;
	run(0, 2000, LIBIPC_FOREVER);
	run(3000, 500, LIBIPC_FOREVER);
}

/* most messages are larger than the capacity */
static void test_in_pieces(void **state)
{
	(void)state;
	run(100, 100, LIBIPC_FOREVER);
}

static void test_without_waiting(void **state)
{
	(void)state;
	run(4000, 500, 0);
}

/* ----------------------------------------------------------------- the end */

static int recv_to_the_end(void *arg)
{
	char byte;

	child_check(ipc_pipe_recv(arg, &byte, 1, LIBIPC_FOREVER) == 1);
	child_check(ipc_pipe_recv(arg, &byte, 1, LIBIPC_FOREVER) == -EPIPE);
	return 0;
}

static int send_to_the_end(void *arg)
{
	int r;

	do
		r = send_message(arg, 100, 1, LIBIPC_FOREVER);
	while (r == 0);
	child_check(r == -EPIPE);
	return 0;
}

/* one close ends both, who waits to send and who waits to receive */
static void test_both_threads_see_the_end(void **state)
{
	(void)state;

	for (int i = 0; i < 20; i++) {
		struct ends p = new_pipe(1000, 0);
		struct test_thread *receiver, *sender;

		receiver = start_thread(recv_to_the_end, p.end[0]);
		sender = start_thread(send_to_the_end, p.end[0]);
		if (i % 2) {
			wait_asleep_tid(thread_tid(receiver));
			wait_asleep_tid(thread_tid(sender));
		}
		assert_int_equal(ipc_pipe_send(p.end[1], "x", 1, 0), 0);
		close_end(p.end[1]);
		join_thread(receiver);
		join_thread(sender);
		close_end(p.end[0]);
	}
}

/* each thread closes the end that it used; the last one frees the pipe */
static int use_and_close(void *arg)
{
	child_check(send_message(arg, 10, 1, 0) == 0);
	child_check(ipc_pipe_close(arg) == 0);
	return 0;
}

static void test_closed_in_two_threads(void **state)
{
	(void)state;

	for (int i = 0; i < 50; i++) {
		struct ends p = new_pipe(1000, 0);
		struct test_thread *t = start_thread(use_and_close, p.end[0]);

		assert_int_equal(recv_message(p.end[1], 10, 1, -1), 10);
		close_end(p.end[1]);
		join_thread(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_all_four_at_work, 30),
		TEST_LIMIT(test_in_pieces, 30),
		TEST_LIMIT(test_without_waiting, 30),
		TEST_LIMIT(test_both_threads_see_the_end, 30),
		TEST(test_closed_in_two_threads),
	};

	return RUN_TESTS(tests);
}
