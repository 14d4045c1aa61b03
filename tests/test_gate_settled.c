/* SPDX-License-Identifier: MIT */
/*
 * test_gate_settled.c - between two calls of the library nothing is announced:
 * what the kernel would look at, should the thread die, may be unmapped by then
 */
#include "gate_util.h"
#include "queue_util.h"

#define expect_settled(call, value)                                            \
	do {                                                                   \
		assert_int_equal(call, value);                                 \
		assert_int_equal(*ipci_self()->pending, 0);                    \
	} while (0)

static void lock_and_unlock(uint32_t flags, int again)
{
	const struct ipc_mutex_opts opts = {.flags = flags};
	struct ipc_mutex *m;

	expect_settled(ipc_mutex_create(&m, NULL, &opts), 0);
	expect_settled(ipc_mutex_lock(m, 0), 0);
	expect_settled(ipc_mutex_lock(m, 0), again);
	if (again == 0)
		expect_settled(ipc_mutex_unlock(m), 0);
	expect_settled(ipc_mutex_unlock(m), 0);
	expect_settled(ipc_mutex_unlock(m), -EPERM);
	expect_settled(ipc_mutex_close(m), 0);
}

static void test_mutex(void **state)
{
	(void)state;
	lock_and_unlock(0, -EDEADLK);
	lock_and_unlock(LIBIPC_MUTEX_RECURSIVE, 0);
}

static void use_queue(struct ipc_queue *q)
{
	int items[2] = {1, 2};

	expect_settled(ipc_queue_put(q, items, 4, 0), 0);
	expect_settled(ipc_queue_put_many(q, items, 4, 2, 0), 2);
	expect_settled(ipc_queue_get(q, items, 4, 0), 4);
	expect_settled(ipc_queue_get(q, items, 1, 0), -EMSGSIZE);
	expect_settled(ipc_queue_get_many(q, items, 4, NULL, 2, 0), 2);
	expect_settled(ipc_queue_get(q, items, 4, 0), -EAGAIN);
	expect_settled(ipc_queue_get(q, items, 4, 1), -ETIMEDOUT);
}

static void use_ends(struct ipc_queue *q)
{
	int item = 1;

	expect_settled(ipc_queue_put_front(q, &item, 4, 0), 0);
	expect_settled(ipc_queue_get_back(q, &item, 4, 0), 4);
	expect_settled(ipc_queue_get_back(q, &item, 4, 1), -ETIMEDOUT);
}

static void test_queue(void **state)
{
	(void)state;
	for (int order = LIBIPC_FIFO; order <= LIBIPC_PRIORITY; order++) {
		struct ipc_queue *q = new_queue_of((enum ipc_order)order, 4, 0);

		use_queue(q);
		if (order == LIBIPC_FIFO)
			use_ends(q);
		expect_settled(ipc_queue_shutdown(q, false), 0);
		expect_settled(ipc_queue_put(q, "abc", 4, 0), -ESHUTDOWN);
		assert_true(holds_nothing()); /* of two gates, either */
		expect_settled(ipc_queue_close(q), 0);
	}
}

static void test_full_queue(void **state)
{
	struct ipc_queue *q = new_queue(1, 4, 0);
	(void)state;

	put_int(q, 1);
	expect_settled(ipc_queue_put(q, "abc", 4, 0), -EAGAIN);
	expect_settled(ipc_queue_put(q, "abc", 4, 1), -ETIMEDOUT);
	expect_settled(ipc_queue_put_front(q, "abc", 4, 1), -ETIMEDOUT);
	close_queue(q);
}

static void test_tasks(void **state)
{
	struct ipc_queue *q = new_queue(4, 4, LIBIPC_JOINABLE);
	struct ipc_task task;
	int item = 1;
	(void)state;

	use_queue(q);
	expect_settled(ipc_queue_join(q, 1), -ETIMEDOUT);
	for (int i = 0; i < 3; i++)
		expect_settled(ipc_queue_task_done(q), 0);
	expect_settled(ipc_queue_task_done(q), -EINVAL);
	put_int(q, 1);
	expect_settled(ipc_queue_get_task(q, &item, 4, &task, 0), 4);
	expect_settled(ipc_queue_task_done_ticket(q, task.ticket), 0);
	expect_settled(ipc_queue_join(q, 0), 0);
	expect_settled(ipc_queue_get_failed(q, &item, 4, 0), -EAGAIN);
	expect_settled(ipc_queue_shutdown(q, true), 0);
	expect_settled(ipc_queue_get(q, &item, 4, -1), -ESHUTDOWN);
	expect_settled(ipc_queue_close(q), 0);
}

static void test_pipe(void **state)
{
	struct ipc_pipe *end[2];
	char c;
	(void)state;

	expect_settled(ipc_pipe_create(end, NULL), 0);
	expect_settled(ipc_pipe_send(end[0], "x", 1, 0), 0);
	expect_settled(ipc_pipe_recv(end[1], &c, 1, 0), 1);
	expect_settled(ipc_pipe_recv(end[1], &c, 1, 1), -ETIMEDOUT);
	expect_settled(ipc_pipe_close(end[0]), 0);
	expect_settled(ipc_pipe_recv(end[1], &c, 1, -1), -EPIPE);
	expect_settled(ipc_pipe_close(end[1]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mutex), TEST(test_queue), TEST(test_full_queue),
		TEST(test_tasks), TEST(test_pipe),
	};

	return RUN_TESTS(tests);
}
