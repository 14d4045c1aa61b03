/* SPDX-License-Identifier: MIT */
/*
 * test_queue_pingpong.c - no wake-up is ever lost: many short sleeps, on both
 * sides, of several pairs of processes at once
 *
 * A wake-up that is lost shows as a pair that stands still. So each is
 * watched, and what its queues look like is printed before the test fails.
 */
#include "queue_util.h"

enum { PAIRS = 3, ROUNDS = 100000, STALL_MS = 8000 };

struct pair {
	struct ipc_queue *ping, *pong;
	_Atomic long rounds;
	_Atomic bool *over;
	pid_t player[2];
};

struct table {
	struct pair pair[PAIRS];
	_Atomic bool over;
};

static int play(void *arg)
{
	struct pair *p = arg;

	while (!*p->over) {
		child_put(p->ping, 1);
		child_get(p->pong);
		p->rounds++;
	}
	child_put(p->ping, 0);
	return 0;
}

static int play_back(void *arg)
{
	struct pair *p = arg;

	while (child_get(p->ping))
		child_put(p->pong, 1);
	return 0;
}

static void start(struct pair *p, _Atomic bool *over, struct ipc_queue *ping,
		  struct ipc_queue *pong)
{
	p->ping = ping;
	p->pong = pong;
	p->over = over;
	p->player[0] = spawn_child(play, p);
	p->player[1] = spawn_child(play_back, p);
}

static void fail_with_state(const struct pair *p)
{
	print_error("stands still after %ld rounds\n", p->rounds);
	print_queue("ping", p->ping);
	print_queue("pong", p->pong);
	fail();
}

/* until all rounds are played or the time is over; each must move all along */
static void watch(struct table *t, double ms)
{
	double end = now_ms() + ms, moved[PAIRS];
	long last[PAIRS] = {0}, least = 0;

	for (int i = 0; i < PAIRS; i++)
		moved[i] = now_ms();
	while (least < ROUNDS && now_ms() < end) {
		sleep_ms(5);
		least = ROUNDS;
		for (int i = 0; i < PAIRS; i++) {
			long rounds = t->pair[i].rounds;

			if (rounds != last[i])
				moved[i] = now_ms();
			if (now_ms() - moved[i] > STALL_MS * test_slow())
				fail_with_state(&t->pair[i]);
			last[i] = rounds;
			least = rounds < least ? rounds : least;
		}
	}
}

static void finish(struct table *t)
{
	long rounds = 0;

	t->over = true;
	for (int i = 0; i < 2 * PAIRS; i++)
		expect_exit(t->pair[i / 2].player[i % 2], 0);
	for (int i = 0; i < PAIRS; i++)
		rounds += t->pair[i].rounds;
	print_message("%ld rounds\n", rounds);
	assert_true(rounds > 0);
}

static void run_apart(uint32_t flags, double ms)
{
	struct table *t = shared_alloc(sizeof(*t));

	for (int i = 0; i < PAIRS; i++)
		start(&t->pair[i], &t->over, new_queue(1, sizeof(int), flags),
		      new_queue(1, sizeof(int), flags));
	watch(t, ms);
	finish(t);
	for (int i = 0; i < PAIRS; i++) {
		expect_empty(t->pair[i].ping);
		expect_empty(t->pair[i].pong);
		close_queue(t->pair[i].ping);
		close_queue(t->pair[i].pong);
	}
}

static void test_pairs(void **state)
{
	(void)state;
	run_apart(0, 2000);
}

static void test_pairs_without_a_lock(void **state)
{
	(void)state;
	run_apart(LIBIPC_SINGLE_PRODUCER | LIBIPC_SINGLE_CONSUMER, 1000);
}

static void test_pairs_half_without_a_lock(void **state)
{
	(void)state;
	run_apart(LIBIPC_SINGLE_PRODUCER, 500);
	run_apart(LIBIPC_SINGLE_CONSUMER, 500);
}

/* all on the same two queues: several sleep on each side of each */
static void run_together(size_t maxsize, double ms)
{
	struct table *t = shared_alloc(sizeof(*t));
	struct ipc_queue *ping = new_queue(maxsize, sizeof(int), 0);
	struct ipc_queue *pong = new_queue(maxsize, sizeof(int), 0);

	for (int i = 0; i < PAIRS; i++)
		start(&t->pair[i], &t->over, ping, pong);
	watch(t, ms);
	finish(t);
	expect_empty(ping);
	expect_empty(pong);
	close_queue(ping);
	close_queue(pong);
}

static void test_all_on_the_same_queues(void **state)
{
	(void)state;
	run_together(1, 1000);
	run_together(2, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_pairs, 60),
		TEST_LIMIT(test_pairs_without_a_lock, 60),
		TEST_LIMIT(test_pairs_half_without_a_lock, 60),
		TEST_LIMIT(test_all_on_the_same_queues, 60),
	};

	return RUN_TESTS(tests);
}
