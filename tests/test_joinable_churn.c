/* SPDX-License-Identifier: MIT */
/*
 * test_joinable_churn.c - what a thread knew of its tasks goes with it: ten
 * thousand short threads leave no memory behind
 */
#include "queue_util.h"

#include <limits.h>

enum { THREADS = 10000, WARM_UP = 500, QUEUES = 24 };

static struct ipc_queue *queues[QUEUES];

/* so many queues take a thread's account to more than half a KiB */
static int use_all(void *arg)
{
	(void)arg;
	for (int i = 0; i < QUEUES; i++) {
		child_put(queues[i], i);
		child_get(queues[i]);
	}
	for (int i = 0; i < QUEUES; i++)
		child_check(ipc_queue_task_done(queues[i]) == 0);
	return 0;
}

static long resident_kib(void)
{
	char text[128];
	ssize_t n;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n > 0);
	text[n] = '\0';
	return atol(strchr(text, ' ')) * (sysconf(_SC_PAGESIZE) / 1024);
}

/* AddressSanitizer keeps freed memory for a while, and finds leaks itself */
static long allowed_kib(void)
{
#ifdef __SANITIZE_ADDRESS__
	return LONG_MAX;
#else
	return 1500;
#endif
}

static void test_short_threads(void **state)
{
	long before = 0, grown;
	(void)state;

	need_native("each thread leaves 270 KiB of the emulator's behind");
	for (int i = 0; i < QUEUES; i++)
		queues[i] = new_queue(4, sizeof(int), LIBIPC_JOINABLE);
	for (int i = 0; i < THREADS; i++) {
		if (i == WARM_UP)
			before = resident_kib();
		join_thread(start_thread(use_all, NULL));
	}
	grown = resident_kib() - before;
	print_message("grown by %ld KiB\n", grown);
	assert_true(grown < allowed_kib());
	for (int i = 0; i < QUEUES; i++)
		close_queue(queues[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_short_threads, 60),
	};

	return RUN_TESTS(tests);
}
