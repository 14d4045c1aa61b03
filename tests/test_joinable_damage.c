/* SPDX-License-Identifier: MIT */
/*
 * test_joinable_damage.c - the memory says again and again that there is
 * something to look after: timeouts are kept, and who has none gets an error
 */
#include "lease_util.h"
#include "queue.h"

enum { WAIT_MS = 60 };

/* what the gates ask before they come in, and what then goes wrong */
static struct {
	struct ipc_queue *q;
	bool new_workers;
	long looks;
} damage;

/* a worker has ended, whoever buried it */
static bool somebody_died(const void *unused)
{
	struct leases_shm *leases = &inside(damage.q)->leases;
	struct worker_shm *row = damage.q->tasks.workers.row;

	(void)unused;
	damage.looks++;
	atomic_fetch_add(&leases->version, damage.new_workers);
	for (int class = 0; class < 2; class ++)
		atomic_store(&row->life[class].word, IPCI_GATE_FIRED);
	return true;
}

static int get_and_end(void *q)
{
	child_get(q);
	return ipc_queue_task_done(q);
}

/* one that was there before has the row */
static struct ipc_queue *queue_of_the_dead(bool new_workers)
{
	struct ipc_queue *q = new_tasks(4, 0);
	struct ipci_tasks *t = &q->tasks;

	put_int(q, 1);
	expect_exit(spawn_child(get_and_end, q), 0);
	damage.q = q;
	damage.new_workers = new_workers;
	damage.looks = 0;
	t->joiners.ready = somebody_died;
	t->failures.ready = somebody_died;
	q->get.gate.ready = somebody_died;
	return q;
}

static int get(struct ipc_queue *q, int timeout_ms)
{
	int item;

	return ipc_queue_get(q, &item, sizeof(item), timeout_ms);
}

static int get_failed(struct ipc_queue *q, int timeout_ms)
{
	int item;

	return ipc_queue_get_failed(q, &item, sizeof(item), timeout_ms);
}

/* join has to wait for one that nobody gets */
static int join(struct ipc_queue *q, int timeout_ms)
{
	if (ipc_queue_size(q) == 0)
		put_int(q, 2);
	return ipc_queue_join(q, timeout_ms);
}

static int (*const calls[])(struct ipc_queue *, int) = {get, get_failed, join};

/* it looks often enough to know it from many deaths at once, then no more */
static void test_nothing_moves(void **state)
{
	(void)state;

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		struct ipc_queue *q = queue_of_the_dead(false);

		assert_int_equal(calls[i](q, LIBIPC_FOREVER), -EBADMSG);
		assert_in_range(damage.looks, 2 * 4096, 200000);
		expect_at_once(calls[i](q, 0), -EAGAIN);
		close_queue(q);
	}
}

/* it may be true: for ever, who has no timeout; in time, who has one */
static void test_workers_come_and_die(void **state)
{
	(void)state;

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		struct ipc_queue *q = queue_of_the_dead(true);

		expect_timeout(calls[i](q, WAIT_MS), WAIT_MS);
		assert_true(damage.looks > 10);
		expect_at_once(calls[i](q, 0), -EAGAIN);
		close_queue(q);
	}
}

/* dropped, but not shut down: what waits cannot be got */
static void test_dropped_only(void **state)
{
	struct ipc_queue *q = new_tasks(4, 0);
	(void)state;

	put_int(q, 1);
	inside(q)->rare.state = IPCI_STATE_DROPPED;
	expect_at_once(get(q, 0), -EAGAIN);
	assert_int_equal(get(q, LIBIPC_FOREVER), -EBADMSG);
	inside(q)->rare.state = 0;
	assert_int_equal(got_int(q), 1);
	close_queue(q);
}

/* whatever stands there, it is buried once */
static void test_words_of_a_row(void **state)
{
	static const uint64_t odd[] = {
		IPCI_GATE_FIRED,	IPCI_GATE_FIRED | IPCI_GATE_SLEEPERS,
		UINT64_C(1) << 32,	IPCI_GATE_SLEEPERS,
		~IPCI_GATE_OWNER,	UINT64_MAX ^ IPCI_GATE_FIRED,
		UINT64_C(0xffff) << 40,
	};
	(void)state;

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		struct ipc_queue *q = new_tasks(4, 0);
		struct worker_shm *row = q->tasks.workers.row;

		put_int(q, 1);
		expect_exit(spawn_child(get_and_end, q), 0);
		put_int(q, 2);
		row->life[0].word = odd[i];
		row->life[1].word = odd[i];
		expect_timeout(ipc_queue_join(q, WAIT_MS), WAIT_MS);
		expect_timeout(get_failed(q, WAIT_MS), WAIT_MS);
		assert_int_equal(got_int(q), 2);
		assert_int_equal(ipc_queue_task_done(q), 0);
		expect_timeout(get(q, WAIT_MS), WAIT_MS);
		assert_int_equal(ipc_queue_join(q, LIBIPC_FOREVER), 0);
		close_queue(q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_moves),
		TEST(test_workers_come_and_die),
		TEST(test_dropped_only),
		TEST(test_words_of_a_row),
	};

	return RUN_TESTS(tests);
}
