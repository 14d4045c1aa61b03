/* SPDX-License-Identifier: MIT */
/*
 * test_joinable_full.c - tasks are got, one at a time at least, where they have
 * taken all the memory that there is
 */
#include "grow_util.h"
#include "mount_util.h"
#include "process_util.h"

#include <sys/wait.h>

enum {
	TRIES = 5000, /* more than there are leases */
	ROWS_OF_A_PAGE = 10,
};

static unsigned char room[MIB];

static struct ipc_queue *make(enum ipc_order order, size_t maxsize,
			      size_t item_size)
{
	const struct ipc_queue_opts opts = {.maxsize = maxsize,
					    .item_size = item_size,
					    .order = order,
					    .flags = LIBIPC_JOINABLE};
	struct ipc_queue *q;

	child_check(ipc_queue_create(&q, "/q", &opts) == 0);
	return q;
}

static void end(struct ipc_queue *q)
{
	child_check(ipc_queue_close(q) == 0);
	child_check(ipc_unlink("/q") == 0);
}

/* also what was left behind the last item */
static long fill_up(struct ipc_queue *q, size_t len)
{
	long n = 0;

	for (; len; len /= 2)
		while (ipc_queue_put(q, room, len, 0) == 0)
			n++;
	return n;
}

static void drain(struct ipc_queue *q, long n)
{
	for (; n; n--) {
		child_check(ipc_queue_get(q, room, sizeof(room), 0) > 0);
		child_check(ipc_queue_task_done(q) == 0);
	}
	child_check(ipc_queue_get(q, room, sizeof(room), 0) == -EAGAIN);
	child_check(ipc_queue_join(q, 0) == ipc_queue_failed(q));
}

static void up_and_down(enum ipc_order order, size_t maxsize, size_t item_size,
			size_t len)
{
	struct ipc_queue *q = make(order, maxsize, item_size);
	long n;

	for (int lap = 0; lap < 3; lap++) {
		n = fill_up(q, len);
		child_check(n > 3 && ipc_queue_size(q) == n);
		drain(q, n);
	}
	end(q);
}

static int all_is_taken(void *arg)
{
	(void)arg;
	if (!mount_shm(0, "size=4m"))
		return NO_MOUNT;
	for (int order = LIBIPC_FIFO; order <= LIBIPC_PRIORITY; order++) {
		up_and_down((enum ipc_order)order, 0, 200, 200);
		up_and_down((enum ipc_order)order, 0, MIB, 5000);
		up_and_down((enum ipc_order)order, 0, MIB, 300000);
		up_and_down((enum ipc_order)order, 1000, MIB, 300000);
	}
	return 0;
}

static void test_drained_when_full(void **state)
{
	(void)state;
	run_with_own_shm(all_is_taken);
}

/* somebody else has taken the rest */
static int fill_file(void)
{
	int fd = open("/dev/shm/rest", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	child_check(fd >= 0);
	while (write(fd, room, 4096) == 4096)
		;
	return fd;
}

static int taken_by_others(void *arg)
{
	struct ipc_queue *q;
	long n = 0;
	int fd;

	(void)arg;
	if (!mount_shm(0, "size=4m"))
		return NO_MOUNT;
	for (int order = LIBIPC_FIFO; order <= LIBIPC_PRIORITY; order++) {
		/* a queue that has all of it from the beginning, too */
		for (size_t maxsize = 0; maxsize <= 8; maxsize += 8) {
			q = make((enum ipc_order)order, maxsize, 4000);
			for (n = 0; n < 8; n++)
				child_check(ipc_queue_put(q, room, 4000, 0) ==
					    0);
			fd = fill_file();
			drain(q, n);
			close(fd);
			child_check(unlink("/dev/shm/rest") == 0);
			end(q);
		}
	}
	return 0;
}

static void test_drained_when_others_take_all(void **state)
{
	(void)state;
	run_with_own_shm(taken_by_others);
}

static int one_at_a_time(void *arg)
{
	struct ipc_queue *q;
	long n = 0;

	(void)arg;
	if (!mount_shm(0, "size=4m"))
		return NO_MOUNT;
	q = make(LIBIPC_LIFO, 0, MIB);
	while (ipc_queue_put(q, room, 300000, 0) == 0)
		n++;
	child_check(ipc_queue_get(q, room, sizeof(room), 0) == 300000);
	/* while one is held the others may have to wait; that costs nothing */
	for (int i = 0; i < TRIES; i++)
		child_check(ipc_queue_get(q, room, sizeof(room), 0) == -ENOSPC);
	child_check(ipc_queue_size(q) == n - 1);
	child_check(ipc_queue_unfinished(q) == n);
	child_check(ipc_queue_task_done(q) == 0);
	drain(q, n - 1);
	end(q);
	return 0;
}

static void test_failing_gets_use_nothing_up(void **state)
{
	(void)state;
	run_with_own_shm(one_at_a_time);
}

/* a thread that has asked for a task has a row */
static pid_t start_worker(struct ipc_queue *q, int there)
{
	pid_t pid = fork();

	if (pid == 0) {
		child_check(ipc_queue_get(q, room, sizeof(room), 0) == -EAGAIN);
		child_check(write(there, "", 1) == 1);
		pause();
	}
	child_check(pid > 0);
	return pid;
}

static int workers_die(void *arg)
{
	pid_t pid[ROWS_OF_A_PAGE];
	struct ipc_queue *q;
	int there[2];
	char byte;
	long n;

	(void)arg;
	if (!mount_shm(0, "size=4m"))
		return NO_MOUNT;
	q = make(LIBIPC_FIFO, 0, 200);
	child_check(pipe(there) == 0);
	for (int i = 0; i < ROWS_OF_A_PAGE; i++) {
		pid[i] = start_worker(q, there[1]);
		child_check(read(there[0], &byte, 1) == 1);
	}
	n = fill_up(q, 200);
	close(fill_file());
	for (int i = 0; i < ROWS_OF_A_PAGE; i++) {
		child_check(kill(pid[i], SIGKILL) == 0);
		child_check(waitpid(pid[i], NULL, 0) == pid[i]);
	}
	drain(q, n);
	end(q);
	return 0;
}

static void test_rows_of_the_dead_are_used_again(void **state)
{
	(void)state;
	run_with_own_shm(workers_die);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_drained_when_full),
		TEST(test_drained_when_others_take_all),
		TEST(test_failing_gets_use_nothing_up),
		TEST(test_rows_of_the_dead_are_used_again),
	};
	return RUN_TESTS(tests);
}
