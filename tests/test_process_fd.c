/* SPDX-License-Identifier: MIT */
/*
 * test_process_fd.c - the descriptor of a process, and no other one anywhere
 */
#include "process_util.h"

#include <dirent.h>
#include <poll.h>

static int readable(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1 && (p.revents & POLLIN);
}

static void test_readable_from_the_end_on(void **state)
{
	struct ipc_process *p;
	int fd;
	(void)state;

	need_process_fds();
	p = started(wait_for_ever, NULL, 0);
	fd = ipc_process_fd(p);
	assert_true(fd >= 0);
	assert_int_equal(ipc_process_fd(p), fd);
	assert_false(readable(fd, 50));
	assert_int_equal(ipc_process_terminate(p), 0);
	assert_true(readable(fd, 5000));
	assert_int_equal(ipc_process_join(p, 0), 0);
	assert_true(readable(fd, 0));
	assert_int_equal(ipc_process_fd(p), fd);
	assert_int_equal(ipc_process_close(p), 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_close_on_exec(void **state)
{
	struct ipc_process *p;
	(void)state;

	need_process_fds();
	p = started(wait_for_ever, NULL, 0);
	assert_int_equal(fcntl(ipc_process_fd(p), F_GETFD), FD_CLOEXEC);
	killed(p);
}

static void test_poll_several(void **state)
{
	struct ipc_process *p[3];
	struct pollfd fds[3];
	(void)state;

	need_process_fds();
	for (int i = 0; i < 3; i++) {
		p[i] = started(wait_for_ever, NULL, 0);
		fds[i] = (struct pollfd){.fd = ipc_process_fd(p[i]),
					 .events = POLLIN};
	}
	assert_int_equal(ipc_process_terminate(p[1]), 0);
	assert_int_equal(poll(fds, 3, 5000), 1);
	assert_true(fds[1].revents & POLLIN);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ipc_process_stop(p[i], 1000), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ipc_process_close(p[i]), 0);
}

static int count_fds(void *arg)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	(void)arg;
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* a child has what its parent had: nothing comes, nothing goes */
static void test_nothing_is_passed_on(void **state)
{
	int before = count_fds(NULL);
	(void)state;

	assert_int_equal(finished(started(count_fds, NULL, 0)), before);
	assert_int_equal(finished(started(count_fds, NULL, LIBIPC_DAEMON)),
			 before);
	assert_int_equal(finished(started(count_fds, NULL, LIBIPC_GROUP)),
			 before);
}

static void test_nothing_is_left(void **state)
{
	int before = count_fds(NULL);
	(void)state;

	for (int i = 0; i < 50; i++) {
		uint32_t flags = (uint32_t)i % 4;
		assert_int_equal(finished(started(return_at_once, NULL, flags)),
				 0);
	}
	assert_int_equal(count_fds(NULL), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_readable_from_the_end_on),
		TEST(test_close_on_exec),
		TEST(test_poll_several),
		TEST(test_nothing_is_passed_on),
		TEST(test_nothing_is_left),
	};

	return RUN_TESTS(tests);
}
