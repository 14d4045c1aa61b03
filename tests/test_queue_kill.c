/* SPDX-License-Identifier: MIT */
/*
 * test_queue_kill.c - producers and consumers are killed at random moments:
 * nothing that was put is lost, nothing comes twice, and the others go on
 *
 * Each item is a number of its own. Its producer notes before put that it is
 * on the way, and after put that it is in; a consumer notes that it came. So
 * what a killed one left can be told exactly: its last item is in or is not,
 * and one that it had taken may be gone with it.
 */
#include "queue_util.h"

enum {
	NUMBERS = 4000000,
	PRODUCERS = 3, /* the last one is never killed */
	CONSUMERS = 3, /* the same */
	STALL_MS = 8000,
};

enum { UNUSED, ON_THE_WAY, IN };

struct books {
	struct ipc_queue *q;
	_Atomic bool over;
	_Atomic long numbers; /* given out */
	_Atomic long survivor_puts, survivor_gets;
	_Atomic uint8_t put[NUMBERS], got[NUMBERS];
};

/* ---------------------------------------------------------------- children */

static void produce_until_over(struct books *b, _Atomic long *done)
{
	long number;

	while (!b->over && (number = b->numbers++) < NUMBERS) {
		b->put[number] = ON_THE_WAY;
		child_check(ipc_queue_put(b->q, &number, sizeof(number),
					  LIBIPC_FOREVER) == 0);
		b->put[number] = IN;
		if (done)
			(*done)++;
	}
}

static void consume_until_end(struct books *b, _Atomic long *done)
{
	long number = -1;

	while (ipc_queue_get(b->q, &number, sizeof(number), LIBIPC_FOREVER) ==
	       sizeof(number)) {
		child_check(number >= 0 && number < NUMBERS);
		b->got[number]++;
		if (done)
			(*done)++;
	}
}

static int victim_puts(void *arg)
{
	produce_until_over(arg, NULL);
	return 0;
}

static int victim_gets(void *arg)
{
	consume_until_end(arg, NULL);
	return 0;
}

static int survivor_puts(void *arg)
{
	struct books *b = arg;

	produce_until_over(b, &b->survivor_puts);
	return 0;
}

static int survivor_gets(void *arg)
{
	struct books *b = arg;

	consume_until_end(b, &b->survivor_gets);
	return 0;
}

/* ----------------------------------------------------------------- killing */

struct staff {
	pid_t producer[PRODUCERS], consumer[CONSUMERS];
	long killed_producers, killed_consumers;
};

static void hire(struct staff *s, struct books *b)
{
	for (int i = 0; i < PRODUCERS; i++)
		s->producer[i] = spawn_child(
			i < PRODUCERS - 1 ? victim_puts : survivor_puts, b);
	for (int i = 0; i < CONSUMERS; i++)
		s->consumer[i] = spawn_child(
			i < CONSUMERS - 1 ? victim_gets : survivor_gets, b);
}

static void kill_somebody(struct staff *s, struct books *b, unsigned int *seed)
{
	int who = rand_r(seed) % (PRODUCERS + CONSUMERS - 2);

	if (who < PRODUCERS - 1) {
		kill_child(s->producer[who]);
		s->killed_producers++;
		s->producer[who] = spawn_child(victim_puts, b);
	} else {
		who -= PRODUCERS - 1;
		kill_child(s->consumer[who]);
		s->killed_consumers++;
		s->consumer[who] = spawn_child(victim_gets, b);
	}
}

static void fail_with_state(const struct books *b)
{
	print_queue("the survivors stand still", b->q);
	fail();
}

static void kill_for(double ms, struct staff *s, struct books *b,
		     unsigned int *seed)
{
	double end = now_ms() + ms, moved = now_ms();
	long last_puts = 0, last_gets = 0;

	while (now_ms() < end && b->numbers < NUMBERS) {
		sleep_ms(rand_r(seed) % 2000 / 1000.0);
		kill_somebody(s, b, seed);
		if (b->survivor_puts != last_puts &&
		    b->survivor_gets != last_gets) {
			last_puts = b->survivor_puts;
			last_gets = b->survivor_gets;
			moved = now_ms();
		}
		if (now_ms() - moved > STALL_MS * test_slow())
			fail_with_state(b);
	}
}

/* -------------------------------------------------------------- accounting */

/* the producers end, and then the consumers, after all that is in */
static void go_home(struct staff *s, struct books *b)
{
	b->over = true;
	for (int i = 0; i < PRODUCERS; i++)
		expect_exit(s->producer[i], 0);
	for (int i = 0; i < CONSUMERS; i++)
		assert_int_equal(ipc_queue_put(b->q, NULL, 0, 10000), 0);
	for (int i = 0; i < CONSUMERS; i++)
		expect_exit(s->consumer[i], 0);
	expect_empty(b->q);
}

static void check_books(const struct staff *s, const struct books *b)
{
	long all = b->numbers < NUMBERS ? b->numbers : NUMBERS;
	long lost = 0, unsure = 0;

	for (long i = 0; i < all; i++) {
		if (b->got[i] > 1)
			fail_msg("%ld came %d times", i, b->got[i]);
		if (b->got[i] == 1 && b->put[i] == UNUSED)
			fail_msg("%ld came and was never put", i);
		lost += b->put[i] == IN && b->got[i] == 0;
		unsure += b->put[i] != IN;
	}
	print_message("%ld items; killed %ld producers, %ld consumers; "
		      "gone with them: %ld on the way, %ld taken\n",
		      all, s->killed_producers, s->killed_consumers, unsure,
		      lost);
	assert_true(s->killed_producers > 0 && s->killed_consumers > 0);
	assert_in_range(lost, 0, s->killed_consumers);
	assert_in_range(unsure, 0, s->killed_producers);
}

static void run(size_t maxsize, double ms)
{
	struct books *b = shared_alloc(sizeof(*b));
	struct staff s = {.killed_producers = 0};
	unsigned int seed = test_seed();

	b->q = new_queue(maxsize, sizeof(long), 0);
	hire(&s, b);
	kill_for(ms, &s, b, &seed);
	go_home(&s, b);
	check_books(&s, b);
	close_queue(b->q);
}

static void test_room_for_one(void **state)
{
	(void)state;
	run(1, 1200);
}

static void test_room_for_a_few(void **state)
{
	(void)state;
	run(5, 1200);
}

static void test_room_for_many(void **state)
{
	(void)state;
	run(1000, 1200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_room_for_one, 60),
		TEST_LIMIT(test_room_for_a_few, 60),
		TEST_LIMIT(test_room_for_many, 60),
	};

	return RUN_TESTS(tests);
}
