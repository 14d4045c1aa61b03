/* SPDX-License-Identifier: MIT */
/*
 * test_pipe_faults.c - the system says no: to create, and to a receiver that
 * collects a large message
 *
 * What the system can do is asked once in a process, so what needs a bare one
 * runs in children, and first.
 */
#include "faults.h"
#include "pipe_util.h"

enum { LARGE = 1 << 18 };

/* ------------------------------------------------------------------ create */

static int without_waitv(void *arg)
{
	struct ipc_pipe *ends[2] = {NULL, NULL};

	(void)arg;
	deny(SYS_futex_waitv, ENOSYS);
	child_check(ipc_pipe_create(ends, NULL) == -ENOSYS);
	child_check(!ends[0] && !ends[1]);
	return 0;
}

static void test_system_lacks_what_it_takes(void **state)
{
	(void)state;
	expect_exit(spawn_child(without_waitv, NULL), 0);
}

static int without_descriptors(void *arg)
{
	struct ipc_pipe *ends[2] = {NULL, NULL};

	(void)arg;
	use_up_descriptors();
	child_check(ipc_pipe_create(ends, NULL) == -EMFILE);
	child_check(!ends[0] && !ends[1]);
	return 0;
}

static void test_no_descriptors(void **state)
{
	(void)state;
	expect_exit(spawn_child(without_descriptors, NULL), 0);
}

struct denial {
	long call;
	int error;
};

static int create_denied(void *arg)
{
	const struct denial *d = arg;
	struct ipc_pipe *ends[2] = {NULL, NULL};

	deny(d->call, d->error);
	child_check(ipc_pipe_create(ends, NULL) == -d->error);
	child_check(!ends[0] && !ends[1]);
	return 0;
}

static void test_what_the_system_answers_is_passed_on(void **state)
{
	struct denial denials[] = {
		{SYS_socketpair, ENFILE},
		{SYS_socketpair, EMFILE},
		{SYS_socketpair, ENOMEM},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(denials) / sizeof(*denials); i++)
		expect_exit(spawn_child(create_denied, &denials[i]), 0);
}

/* each one fails once: nothing is left of what came before it; the harness
   counts the descriptors */
static void test_no_memory_to_create(void **state)
{
	static const struct {
		_Atomic int *left;
		int answer;
	} kinds[] = {{&allocations_left, -ENOMEM}, {&mappings_left, -ENOSPC}};
	struct ipc_pipe *ends[2] = {NULL, NULL};
	(void)state;

	for (int i = 0; i < 2; i++) {
		int r, n = 0;

		do {
			*kinds[i].left = n++;
			r = ipc_pipe_create(ends, NULL);
			*kinds[i].left = -1;
			assert_true(r == 0 || r == kinds[i].answer);
			assert_int_equal(ends[0] != NULL, r == 0);
			assert_int_equal(ends[1] != NULL, r == 0);
		} while (r != 0);
		assert_true(n > 2);
		close_end(ends[0]);
		close_end(ends[1]);
		ends[0] = ends[1] = NULL;
	}
}

/* ----------------------------------------------------------------- receive */

static int send_large(void *arg)
{
	const struct ends *p = arg;

	child_check(ipc_pipe_close(p->end[0]) == 0);
	child_check(send_message(p->end[1], LARGE, 1, -1) == 0);
	child_check(send_message(p->end[1], 10, 2, -1) == 0);
	return 0;
}

/* it can be tried again: what came so far is kept, the rest is in the pipe */
static void test_no_memory_for_a_large_message(void **state)
{
	struct ends p = new_pipe(4096, 0);
	pid_t pid = spawn_child(send_large, &p);
	unsigned char *data = malloc(LARGE);
	int failed = 0, r;
	(void)state;

	close_end(p.end[1]);
	wait_asleep(pid); /* the ring is full */
	for (int n = 0; n < 3; n++) {
		allocations_left = 0;
		assert_int_equal(ipc_pipe_recv(p.end[0], data, LARGE, -1),
				 -ENOMEM);
		allocations_left = 0;
		assert_int_equal(ipc_pipe_next(p.end[0]), -ENOMEM);
		allocations_left = 0;
		assert_int_equal(ipc_pipe_poll(p.end[0], -1), -ENOMEM);
	}
	do {
		allocations_left = 1;
		r = ipc_pipe_recv(p.end[0], data, LARGE, -1);
		failed += r == -ENOMEM;
	} while (r == -ENOMEM);
	allocations_left = -1;
	assert_int_equal(r, LARGE);
	assert_true(is_message(data, LARGE, 1));
	assert_true(failed > 1);
	assert_int_equal(recv_message(p.end[0], 10, 2, -1), 10);
	expect_exit(pid, 0);
	free(data);
	close_end(p.end[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_system_lacks_what_it_takes),
		TEST(test_no_descriptors),
		TEST(test_what_the_system_answers_is_passed_on),
		TEST(test_no_memory_to_create),
		TEST(test_no_memory_for_a_large_message),
	};

	return RUN_TESTS(tests);
}
