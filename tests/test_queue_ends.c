/* SPDX-License-Identifier: MIT */
/*
 * test_queue_ends.c - both ends of a FIFO queue: put_front and get_back
 */
#include "queue_util.h"

static void put_front(struct ipc_queue *q, int item)
{
	assert_int_equal(ipc_queue_put_front(q, &item, sizeof(item), 0), 0);
}

static int got_back(struct ipc_queue *q)
{
	int item = -1;

	assert_int_equal(ipc_queue_get_back(q, &item, sizeof(item), 0),
			 sizeof(item));
	return item;
}

static void test_at_the_front(void **state)
{
	struct ipc_queue *q = new_queue(4, 8, 0);
	(void)state;

	put_front(q, 1);
	put_front(q, 2);
	put_int(q, 3);
	put_front(q, 4);
	assert_int_equal(ipc_queue_full(q), 1);
	assert_int_equal(ipc_queue_put_front(q, "x", 1, 0), -EAGAIN);
	assert_int_equal(ipc_queue_put(q, "x", 1, 0), -EAGAIN);
	assert_int_equal(got_int(q), 4);
	assert_int_equal(got_int(q), 2);
	assert_int_equal(got_int(q), 1);
	assert_int_equal(got_int(q), 3);
	expect_empty(q);
	close_queue(q);
}

static void test_at_the_back(void **state)
{
	struct ipc_queue *q = new_queue(4, 8, 0);
	int item;
	(void)state;

	for (int i = 0; i < 4; i++)
		put_int(q, i);
	assert_int_equal(got_back(q), 3);
	assert_int_equal(got_int(q), 0);
	put_int(q, 4);
	assert_int_equal(got_back(q), 4);
	assert_int_equal(got_back(q), 2);
	assert_int_equal(got_back(q), 1);
	expect_empty(q);
	assert_int_equal(ipc_queue_get_back(q, &item, sizeof(item), 0),
			 -EAGAIN);
	close_queue(q);
}

/* a plain array in which the same is done */
struct model {
	int item[64];
	size_t n;
};

static void model_insert(struct model *m, size_t at, int item)
{
	memmove(&m->item[at + 1], &m->item[at],
		(m->n++ - at) * sizeof(*m->item));
	m->item[at] = item;
}

static int model_remove(struct model *m, size_t at)
{
	int item = m->item[at];

	memmove(&m->item[at], &m->item[at + 1],
		(--m->n - at) * sizeof(*m->item));
	return item;
}

static void step(struct ipc_queue *q, struct model *m, int next, int op)
{
	int many[3] = {next, next + 1, next + 2};

	switch (op) {
	case 0:
		put_front(q, next);
		model_insert(m, 0, next);
		break;
	case 1:
		put_int(q, next);
		model_insert(m, m->n, next);
		break;
	case 2:
		assert_int_equal(got_back(q), model_remove(m, m->n - 1));
		break;
	case 3:
		assert_int_equal(got_int(q), model_remove(m, 0));
		break;
	case 4:
		assert_int_equal(ipc_queue_put_many(q, many, 4, 3, 0), 3);
		for (int i = 0; i < 3; i++)
			model_insert(m, m->n, many[i]);
		break;
	default:
		assert_int_equal(ipc_queue_get_many(q, many, 4, NULL, 3, 0), 3);
		for (int i = 0; i < 3; i++)
			assert_int_equal(many[i], model_remove(m, 0));
		break;
	}
}

static void test_at_random(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 5, 8, 13};
	unsigned int seed = test_seed();
	(void)state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct ipc_queue *q = new_queue(sizes[i], 8, 0);
		struct model m = {.n = 0};

		for (int k = 0; k < 5000; k++) {
			int op = rand_r(&seed) % 6;
			size_t n = op < 4 ? 1 : 3;
			bool puts = op < 2 || op == 4;

			if (puts ? sizes[i] - m.n < n : m.n < n)
				continue;
			step(q, &m, 3 * k, op);
			assert_int_equal(ipc_queue_size(q), m.n);
		}
		close_queue(q);
	}
}

static void test_too_long_stays(void **state)
{
	struct ipc_queue *q = new_queue(4, 8, 0);
	char out[8];
	(void)state;

	assert_int_equal(ipc_queue_put(q, "ab", 2, 0), 0);
	assert_int_equal(ipc_queue_put(q, "12345678", 8, 0), 0);
	assert_int_equal(ipc_queue_get_back(q, out, 7, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_put_front(q, "123456789", 9, 0), -EMSGSIZE);
	assert_int_equal(ipc_queue_size(q), 2);
	assert_int_equal(ipc_queue_get_back(q, out, 8, 0), 8);
	assert_int_equal(ipc_queue_put_front(q, NULL, 0, 0), 0);
	assert_int_equal(ipc_queue_get(q, NULL, 0, 0), 0);
	assert_int_equal(ipc_queue_get_back(q, out, 2, 0), 2);
	expect_empty(q);
	close_queue(q);
}

static void test_where_it_is_refused(void **state)
{
	struct ipc_queue *lifo = new_queue_of(LIBIPC_LIFO, 2, 0);
	struct ipc_queue *priority = new_queue_of(LIBIPC_PRIORITY, 2, 0);
	struct ipc_queue *one_puts =
		new_queue_of(LIBIPC_FIFO, 2, LIBIPC_SINGLE_PRODUCER);
	struct ipc_queue *one_gets =
		new_queue_of(LIBIPC_FIFO, 2, LIBIPC_SINGLE_CONSUMER);
	char c;
	(void)state;

	assert_int_equal(ipc_queue_put_front(lifo, "a", 1, 0), -EINVAL);
	assert_int_equal(ipc_queue_get_back(lifo, &c, 1, 0), -EINVAL);
	assert_int_equal(ipc_queue_put_front(priority, "a", 1, 0), -EINVAL);
	assert_int_equal(ipc_queue_get_back(priority, &c, 1, 0), -EINVAL);
	assert_int_equal(ipc_queue_get_back(one_puts, &c, 1, 0), -EINVAL);
	assert_int_equal(ipc_queue_put_front(one_gets, "a", 1, 0), -EINVAL);
	assert_int_equal(ipc_queue_put_front(one_puts, NULL, 1, 0), -EINVAL);
	assert_int_equal(ipc_queue_get_back(one_gets, NULL, 1, 0), -EINVAL);
	/* the end that a single one has for itself is not touched by these */
	assert_int_equal(ipc_queue_put_front(one_puts, "a", 1, 0), 0);
	assert_int_equal(ipc_queue_put_front(one_puts, "b", 1, 0), 0);
	assert_int_equal(ipc_queue_get(one_puts, &c, 1, 0), 1);
	assert_int_equal(c, 'b');
	assert_int_equal(ipc_queue_put(one_gets, "a", 1, 0), 0);
	assert_int_equal(ipc_queue_put(one_gets, "b", 1, 0), 0);
	assert_int_equal(ipc_queue_get_back(one_gets, &c, 1, 0), 1);
	assert_int_equal(c, 'b');
	close_queue(lifo);
	close_queue(priority);
	close_queue(one_puts);
	close_queue(one_gets);
}

/* --------------------------------------------------------------- waiting */

static void test_timeouts(void **state)
{
	struct ipc_queue *q = new_queue(1, 8, 0);
	char c;
	(void)state;

	expect_timeout(ipc_queue_get_back(q, &c, 1, 30), 30);
	assert_int_equal(ipc_queue_put_front(q, "a", 1, 30), 0);
	expect_timeout(ipc_queue_put_front(q, "b", 1, 30), 30);
	assert_int_equal(ipc_queue_put_front(q, "b", 1, 0), -EAGAIN);
	assert_int_equal(ipc_queue_get_back(q, &c, 1, LIBIPC_FOREVER), 1);
	assert_int_equal(c, 'a');
	close_queue(q);
}

static int get_one(void *arg)
{
	return child_get(arg);
}

static int get_one_back(void *arg)
{
	int item = -1;

	child_check(ipc_queue_get_back(arg, &item, 4, LIBIPC_FOREVER) == 4);
	return item;
}

static void test_put_front_wakes(void **state)
{
	struct ipc_queue *q = new_queue(4, 8, 0);
	pid_t pid[4];
	(void)state;

	for (int i = 0; i < 4; i++) {
		pid[i] = spawn_child(i % 2 ? get_one : get_one_back, q);
		wait_asleep(pid[i]);
	}
	for (int i = 0; i < 4; i++)
		put_front(q, 7);
	for (int i = 0; i < 4; i++)
		expect_exit(pid[i], 7);
	expect_empty(q);
	close_queue(q);
}

static int put_one(void *arg)
{
	child_put(arg, 6);
	return 0;
}

static int put_one_in_front(void *arg)
{
	int item = 6;

	child_check(ipc_queue_put_front(arg, &item, 4, LIBIPC_FOREVER) == 0);
	return 0;
}

static void test_get_back_wakes(void **state)
{
	struct ipc_queue *q = new_queue(4, 8, 0);
	pid_t pid[4];
	(void)state;

	for (int i = 0; i < 4; i++)
		put_int(q, i);
	for (int i = 0; i < 4; i++) {
		pid[i] = spawn_child(i % 2 ? put_one : put_one_in_front, q);
		wait_asleep(pid[i]);
	}
	for (int i = 0; i < 4; i++)
		got_back(q);
	for (int i = 0; i < 4; i++)
		expect_exit(pid[i], 0);
	assert_int_equal(ipc_queue_size(q), 4);
	close_queue(q);
}

/* --------------------------------------------------------------- traffic */

enum { EACH = 5000, WORKERS = 3 };

struct crowd {
	struct ipc_queue *q;
	_Atomic int ids;
	_Atomic uint8_t seen[WORKERS * EACH];
};

static int put_at_both_ends(void *arg)
{
	struct crowd *c = arg;
	int me = c->ids++;

	for (int i = 0; i < EACH; i++) {
		int item = me * EACH + i;
		int r = i % 3 ? ipc_queue_put(c->q, &item, 4, LIBIPC_FOREVER)
			      : ipc_queue_put_front(c->q, &item, 4,
						    LIBIPC_FOREVER);

		child_check(r == 0);
	}
	return 0;
}

static int get_at_both_ends(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < EACH; i++) {
		int item = -1;
		int r = i % 3 ? ipc_queue_get(c->q, &item, 4, LIBIPC_FOREVER)
			      : ipc_queue_get_back(c->q, &item, 4,
						   LIBIPC_FOREVER);

		child_check(r == 4 && item >= 0 && item < WORKERS * EACH);
		c->seen[item]++;
	}
	return 0;
}

static void run_crowd(size_t maxsize)
{
	struct crowd *c = shared_alloc(sizeof(*c));
	pid_t pid[2 * WORKERS];

	c->q = new_queue(maxsize, 8, 0);
	for (int i = 0; i < 2 * WORKERS; i++)
		pid[i] = spawn_child(
			i % 2 ? put_at_both_ends : get_at_both_ends, c);
	for (int i = 0; i < 2 * WORKERS; i++)
		expect_exit(pid[i], 0);
	for (int i = 0; i < WORKERS * EACH; i++)
		assert_int_equal(c->seen[i], 1);
	expect_empty(c->q);
	close_queue(c->q);
}

static void test_many_at_both_ends(void **state)
{
	(void)state;
	run_crowd(1);
	run_crowd(2);
	run_crowd(100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_at_the_front),
		TEST(test_at_the_back),
		TEST(test_at_random),
		TEST(test_too_long_stays),
		TEST(test_where_it_is_refused),
		TEST(test_timeouts),
		TEST(test_put_front_wakes),
		TEST(test_get_back_wakes),
		TEST_LIMIT(test_many_at_both_ends, 60),
	};

	return RUN_TESTS(tests);
}
