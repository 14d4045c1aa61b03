/* SPDX-License-Identifier: MIT */
/*
 * traffic.h - many put, many get: every item exactly once, each producer's in
 * its order; in processes or in threads
 */
#ifndef LIBIPC_TESTS_TRAFFIC_H
#define LIBIPC_TESTS_TRAFFIC_H

#include "queue_util.h"

enum { MAX_SIDE = 8, ITEMS_MAX = 200000 };

struct tagged {
	uint32_t producer;
	uint32_t number;
};

/* all in shared memory; the first fields are the test's to fill in */
struct traffic {
	struct ipc_queue *q;
	int producers, consumers;
	int items;     /* of all producers together */
	int put_batch; /* of every other producer; the others put one by one */
	int get_batch;
	bool joinable;
	bool any_order; /* they need not come in their producer's order */

	_Atomic int put_ids, get_ids;
	_Atomic uint8_t seen[ITEMS_MAX]; /* how often each came out */
};

static inline uint32_t items_each(const struct traffic *t)
{
	return (uint32_t)(t->items / t->producers);
}

static inline int produce(void *arg)
{
	struct traffic *t = arg;
	struct tagged items[64];
	uint32_t me = (uint32_t)t->put_ids++, all = items_each(t), next = 0;
	uint32_t most = me % 2 ? 1 : (uint32_t)t->put_batch;

	while (next < all) {
		uint32_t n = most < all - next ? most : all - next;
		int r;

		for (uint32_t i = 0; i < n; i++)
			items[i] = (struct tagged){me, next + i};
		r = ipc_queue_put_many(t->q, items, sizeof(*items), n,
				       LIBIPC_FOREVER);
		child_check(r >= 1 && r <= (int)n);
		next += (uint32_t)r;
	}
	return 0;
}

/* one consumer sees the items of one producer in their order */
static inline void take_note(struct traffic *t, const struct tagged *item,
			     int64_t last[MAX_SIDE])
{
	child_check(item->producer < (uint32_t)t->producers);
	child_check(item->number < items_each(t));
	child_check(t->any_order ||
		    (int64_t)item->number > last[item->producer]);
	last[item->producer] = item->number;
	t->seen[item->producer * items_each(t) + item->number]++;
}

/* on n items that were got: whether the end was among them */
static inline bool work_on(struct traffic *t, const struct tagged *items,
			   const size_t *lens, int n, int64_t last[MAX_SIDE])
{
	bool end = false;

	for (int i = 0; i < n; i++) {
		if (lens[i] == sizeof(*items))
			take_note(t, &items[i], last);
		else if (!end)
			end = true;
		else /* another consumer's */
			child_check(ipc_queue_put(t->q, NULL, 0, -1) == 0);
		if (t->joinable)
			child_check(ipc_queue_task_done(t->q) == 0);
	}
	return end;
}

/* until an item of no bytes comes, one for each consumer */
static inline int consume(void *arg)
{
	struct traffic *t = arg;
	struct tagged items[64];
	size_t lens[64];
	int64_t last[MAX_SIDE];
	size_t most = t->get_ids++ % 2 ? 1 : (size_t)t->get_batch;
	int n;

	memset(last, 0xff, sizeof(last));
	do {
		n = ipc_queue_get_many(t->q, items, sizeof(*items), lens, most,
				       LIBIPC_FOREVER);
		child_check(n >= 1 && n <= (int)most);
	} while (!work_on(t, items, lens, n, last));
	return 0;
}

static inline void check_all_seen_once(const struct traffic *t)
{
	for (int i = 0; i < t->items; i++)
		if (t->seen[i] != 1)
			fail_msg("item %d: seen %d times", i, t->seen[i]);
}

/* lets the consumers end; all that was put comes before that */
static inline void put_ends(const struct traffic *t)
{
	for (int i = 0; i < t->consumers; i++)
		assert_int_equal(ipc_queue_put(t->q, NULL, 0, LIBIPC_FOREVER),
				 0);
}

/*
 * expect_exit() allows 10 s, but a busy machine may take longer for all of the
 * items: the time limit of the test is for that.
 */
static inline void wait_for_end(pid_t pid)
{
	siginfo_t info;

	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	expect_exit(pid, 0);
}

/* where the ends may have come out before the last items */
static inline void take_the_rest(struct traffic *t)
{
	struct tagged item;
	int64_t last[MAX_SIDE];

	while (t->any_order &&
	       ipc_queue_get(t->q, &item, sizeof(item), 0) != -EAGAIN)
		take_note(t, &item, last);
}

static inline void run_in_processes(struct traffic *t)
{
	pid_t producer[MAX_SIDE], consumer[MAX_SIDE];

	for (int i = 0; i < t->consumers; i++)
		consumer[i] = spawn_child(consume, t);
	for (int i = 0; i < t->producers; i++)
		producer[i] = spawn_child(produce, t);
	for (int i = 0; i < t->producers; i++)
		wait_for_end(producer[i]);
	put_ends(t);
	for (int i = 0; i < t->consumers; i++)
		wait_for_end(consumer[i]);
	take_the_rest(t);
	check_all_seen_once(t);
}

static inline void run_in_threads(struct traffic *t)
{
	struct test_thread *producer[MAX_SIDE], *consumer[MAX_SIDE];

	for (int i = 0; i < t->consumers; i++)
		consumer[i] = start_thread(consume, t);
	for (int i = 0; i < t->producers; i++)
		producer[i] = start_thread(produce, t);
	for (int i = 0; i < t->producers; i++)
		join_thread(producer[i]);
	put_ends(t);
	for (int i = 0; i < t->consumers; i++)
		join_thread(consumer[i]);
	take_the_rest(t);
	check_all_seen_once(t);
}

#endif
