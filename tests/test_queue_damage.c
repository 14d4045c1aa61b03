/* SPDX-License-Identifier: MIT */
/*
 * test_queue_damage.c - somebody wrote into the shared memory: an error, and
 * no crash, no hang, no access outside
 */
#include "queue_util.h"

#include <limits.h>

enum { MAXSIZE = 5, SIZE = 16 };

/* the stored length of the item in a slot */
static uint32_t *length_in_slot(const struct ipc_queue *q, size_t slot)
{
	size_t stride = sizeof(struct slot_shm) + SIZE;
	unsigned char *slots = (unsigned char *)(inside(q) + 1);

	return &((struct slot_shm *)(void *)(slots + slot * stride))->len;
}

static void expect_bad_get(struct ipc_queue *q)
{
	char out[SIZE], untouched[SIZE];
	size_t len = 77;

	memset(out, 'u', SIZE);
	memset(untouched, 'u', SIZE);
	expect_at_once(ipc_queue_get(q, out, SIZE, 0), -EBADMSG);
	expect_at_once(ipc_queue_get(q, out, SIZE, LIBIPC_FOREVER), -EBADMSG);
	expect_at_once(ipc_queue_get_many(q, out, SIZE, &len, 1, 100),
		       -EBADMSG);
	assert_memory_equal(out, untouched, SIZE);
	assert_int_equal(len, 77);
}

static void expect_bad_put(struct ipc_queue *q)
{
	char item[2 * SIZE] = "";

	expect_at_once(ipc_queue_put(q, item, SIZE, 0), -EBADMSG);
	expect_at_once(ipc_queue_put(q, item, SIZE, LIBIPC_FOREVER), -EBADMSG);
	expect_at_once(ipc_queue_put_many(q, item, SIZE, 2, 100), -EBADMSG);
}

static void expect_bad_size(struct ipc_queue *q)
{
	assert_int_equal(ipc_queue_size(q), -EBADMSG);
	assert_int_equal(ipc_queue_empty(q), -EBADMSG);
	assert_int_equal(ipc_queue_full(q), -EBADMSG);
}

/* put.index - get.index, when both began at 0 */
static const uint64_t distances[] = {
	MAXSIZE + 1,	   MAXSIZE + 2,		 8,
	1 << 20,	   UINT64_C(1) << 32,	 INT64_MAX,
	UINT64_C(1) << 63, UINT64_MAX - MAXSIZE, UINT64_MAX - 1,
	UINT64_MAX,
};

static void check_distance(uint64_t distance, uint32_t flags)
{
	struct ipc_queue *q = new_queue(MAXSIZE, SIZE, flags);

	inside(q)->put.index = distance;
	expect_bad_size(q);
	expect_bad_get(q);
	close_queue(q);
	/* a putter looks at the other index when it knows of no more room */
	q = new_queue(MAXSIZE, SIZE, flags);
	for (int i = 0; i < MAXSIZE; i++)
		put_int(q, i);
	inside(q)->get.index = MAXSIZE - distance;
	expect_bad_size(q);
	expect_bad_put(q);
	close_queue(q);
}

static void test_indexes_too_far_apart(void **state)
{
	static const uint32_t flags[] = {
		0, LIBIPC_SINGLE_PRODUCER, LIBIPC_SINGLE_CONSUMER,
		LIBIPC_SINGLE_PRODUCER | LIBIPC_SINGLE_CONSUMER};
	(void)state;

	for (size_t i = 0; i < sizeof(distances) / sizeof(uint64_t); i++)
		for (size_t f = 0; f < 4; f++)
			check_distance(distances[i], flags[f]);
}

/* a call that cannot be is no reason to keep the lock */
static void test_others_get_the_same_answer(void **state)
{
	struct ipc_queue *q = new_queue(MAXSIZE, SIZE, 0);
	(void)state;

	inside(q)->put.index = 1000;
	for (int i = 0; i < 3; i++)
		expect_bad_get(q);
	assert_int_equal(inside(q)->get.word & IPCI_GATE_OWNER, 0);
	inside(q)->put.index = 0;
	inside(q)->get.seen = 0;
	put_int(q, 5);
	assert_int_equal(got_int(q), 5);
	close_queue(q);
}

static void test_length_too_large(void **state)
{
	static const uint32_t bad[] = {SIZE + 1, SIZE + 8, 1 << 20, INT32_MAX,
				       UINT32_MAX};
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct ipc_queue *q = new_queue(MAXSIZE, SIZE, 0);
		char large[4 * SIZE];

		put_int(q, 1);
		put_int(q, 2);
		*length_in_slot(q, 1) = bad[i];
		assert_int_equal(got_int(q), 1);
		expect_bad_get(q);
		assert_int_equal(ipc_queue_get(q, large, sizeof(large), 0),
				 -EBADMSG);
		assert_int_equal(ipc_queue_size(q), 1);
		close_queue(q);
	}
}

/* those before it are good */
static void test_get_many_stops_before_a_damaged_one(void **state)
{
	struct ipc_queue *q = new_queue(MAXSIZE, SIZE, 0);
	char out[4 * SIZE];
	size_t lens[4];
	(void)state;

	for (int i = 0; i < 4; i++)
		put_int(q, i);
	*length_in_slot(q, 2) = UINT32_MAX;
	assert_int_equal(ipc_queue_get_many(q, out, SIZE, lens, 4, 0), 2);
	assert_int_equal(ipc_queue_get_many(q, out, SIZE, lens, 4, 0),
			 -EBADMSG);
	assert_int_equal(ipc_queue_size(q), 2);
	close_queue(q);
}

static void test_more_done_than_put(void **state)
{
	static const uint64_t done[] = {4, 1000, INT64_MAX, UINT64_C(1) << 63};
	(void)state;

	for (size_t i = 0; i < sizeof(done) / sizeof(*done); i++) {
		struct ipc_queue *q = new_queue(MAXSIZE, SIZE, LIBIPC_JOINABLE);

		for (int k = 0; k < 3; k++)
			put_int(q, k);
		inside(q)->done.index = done[i];
		assert_int_equal(ipc_queue_unfinished(q), -EBADMSG);
		expect_at_once(ipc_queue_join(q, 0), -EBADMSG);
		expect_at_once(ipc_queue_join(q, 100), -EBADMSG);
		expect_at_once(ipc_queue_join(q, LIBIPC_FOREVER), -EBADMSG);
		close_queue(q);
	}
}

static int join_for_ever(void *arg)
{
	child_check(ipc_queue_join(arg, LIBIPC_FOREVER) == -EBADMSG);
	return 0;
}

/* whoever sleeps meanwhile notices with the next thing that happens */
static void test_a_sleeping_joiner(void **state)
{
	struct ipc_queue *q = new_queue(MAXSIZE, SIZE, LIBIPC_JOINABLE);
	pid_t pid;
	(void)state;

	put_int(q, 1);
	put_int(q, 2);
	got_int(q);
	pid = spawn_child(join_for_ever, q);
	wait_asleep(pid);
	inside(q)->done.index = 1000;
	assert_int_equal(ipc_queue_task_done(q), 0);
	expect_exit(pid, 0);
	close_queue(q);
}

/* --------------------------------------------------------------- at random */

static uint64_t odd_value(unsigned int *seed)
{
	uint64_t near[] = {0,
			   MAXSIZE,
			   SIZE,
			   UINT64_C(1) << 31,
			   UINT64_C(1) << 32,
			   UINT64_C(1) << 63};
	uint64_t base = near[rand_r(seed) % 6];

	return base + (uint64_t)(rand_r(seed) % 9) - 4;
}

/* anything but who holds the gate: that the others wait for */
static void damage(struct ipc_queue *q, unsigned int *seed)
{
	struct side_shm *sides[3] = {&inside(q)->put, &inside(q)->get,
				     &inside(q)->done};
	struct side_shm *side = sides[rand_r(seed) % 3];

	switch (rand_r(seed) % 6) {
	case 0:
		side->index = odd_value(seed);
		break;
	case 1:
		side->seen = odd_value(seed);
		break;
	case 2:
		side->hint = odd_value(seed);
		break;
	case 3:
		side->word = odd_value(seed) & ~IPCI_GATE_OWNER;
		break;
	case 4:
		memset(side->node, rand_r(seed), sizeof(side->node));
		break;
	default:
		*length_in_slot(q, (size_t)rand_r(seed) % 8) =
			(uint32_t)odd_value(seed);
		break;
	}
}

static bool is_known(long r, long most)
{
	return (r >= 0 && r <= most) || r == -EAGAIN || r == -ETIMEDOUT ||
	       r == -EMSGSIZE || r == -EBADMSG || r == -EINVAL ||
	       r == -ENOBUFS; /* tasks that damage says are held */
}

static void use(struct ipc_queue *q, unsigned int *seed)
{
	char items[6 * SIZE + 1] = "";
	size_t lens[7] = {0};
	int timeout_ms = rand_r(seed) % 50 ? 0 : 1;
	long r;

	items[6 * SIZE] = 'g';
	lens[6] = 77;
	r = ipc_queue_get_many(q, items, SIZE, lens, 6, timeout_ms);
	assert_true(is_known(r, MAXSIZE) && r != 0);
	for (long i = 0; i < r; i++)
		assert_in_range(lens[i], 0, SIZE);
	assert_true(is_known(ipc_queue_get(q, items, SIZE, timeout_ms), SIZE));
	assert_true(is_known(ipc_queue_put(q, items, SIZE, timeout_ms), 0));
	r = ipc_queue_put_many(q, items, SIZE, 6, timeout_ms);
	assert_true(is_known(r, MAXSIZE) && r != 0);
	assert_true(is_known(ipc_queue_size(q), MAXSIZE));
	assert_true(is_known(ipc_queue_empty(q), 1));
	assert_true(is_known(ipc_queue_full(q), 1));
	assert_true(is_known(ipc_queue_task_done(q), 0));
	assert_true(is_known(ipc_queue_unfinished(q), LONG_MAX));
	assert_true(is_known(ipc_queue_join(q, timeout_ms), 0));
	assert_int_equal(items[6 * SIZE], 'g');
	assert_int_equal(lens[6], 77);
}

static void test_any_field_at_random(void **state)
{
	unsigned int seed = test_seed();
	(void)state;

	for (uint32_t i = 0; i < 500; i++) {
		struct ipc_queue *q = new_queue(MAXSIZE, SIZE,
						LIBIPC_JOINABLE | (i % 4) << 1);

		for (int k = 0; k < 20; k++) {
			damage(q, &seed);
			use(q, &seed);
		}
		close_queue(q);
	}
}

struct vandal {
	struct ipc_queue *q;
	_Atomic bool over;
	unsigned int seed;
};

static int damage_all_the_time(void *arg)
{
	struct vandal *v = arg;

	while (!v->over)
		damage(v->q, &v->seed);
	return 0;
}

/* between a check and what was checked there is nothing to change */
static void test_while_it_is_used(void **state)
{
	struct vandal *v = shared_alloc(sizeof(*v));
	unsigned int seed = test_seed();
	double until = now_ms() + 700;
	pid_t pid;
	(void)state;

	v->q = new_queue(MAXSIZE, SIZE, LIBIPC_JOINABLE);
	v->seed = seed + 1;
	pid = spawn_child(damage_all_the_time, v);
	while (now_ms() < until)
		use(v->q, &seed);
	v->over = true;
	expect_exit(pid, 0);
	close_queue(v->q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_indexes_too_far_apart),
		TEST(test_others_get_the_same_answer),
		TEST(test_length_too_large),
		TEST(test_get_many_stops_before_a_damaged_one),
		TEST(test_more_done_than_put),
		TEST(test_a_sleeping_joiner),
		TEST(test_any_field_at_random),
		TEST(test_while_it_is_used),
	};

	return RUN_TESTS(tests);
}
