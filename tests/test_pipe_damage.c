/* SPDX-License-Identifier: MIT */
/*
 * test_pipe_damage.c - somebody wrote into the shared memory: an error, and no
 * crash, no hang, no access outside
 */
#include "pipe_util.h"

#include <limits.h>

enum { CAPACITY = 200, RING = 256, LARGE = 1 << 16 };

/* direction 1: what end 1 sends and end 0 receives */
static struct direction_shm *way(const struct ends *p)
{
	return &inside_pipe(p->end[0])->direction[1];
}

/* in a pipe of both ways, the ring of direction 1 comes first */
static unsigned char *ring(const struct ends *p)
{
	return (unsigned char *)(inside_pipe(p->end[0]) + 1);
}

static void expect_bad_recv(struct ipc_pipe *end)
{
	char out[64], untouched[64];

	memset(out, 'u', 64);
	memset(untouched, 'u', 64);
	expect_at_once(ipc_pipe_recv(end, out, 64, 0), -EBADMSG);
	expect_at_once(ipc_pipe_recv(end, out, 64, -1), -EBADMSG);
	expect_at_once(ipc_pipe_next(end), -EBADMSG);
	expect_at_once(ipc_pipe_poll(end, 0), -EBADMSG);
	expect_at_once(ipc_pipe_poll(end, -1), -EBADMSG);
	assert_memory_equal(out, untouched, 64);
}

static void expect_bad_send(struct ipc_pipe *end)
{
	char data[RING] = "";

	expect_at_once(ipc_pipe_send(end, data, CAPACITY, 0), -EBADMSG);
	expect_at_once(ipc_pipe_send(end, data, CAPACITY, -1), -EBADMSG);
	expect_at_once(send_message(end, LARGE, 1, 2000), -EBADMSG);
}

/* send.index - recv.index */
static const uint64_t distances[] = {
	RING + 8,
	RING + 64,
	1 << 20,
	UINT64_C(1) << 32,
	INT64_MAX - 7,
	UINT64_C(1) << 63,
	UINT64_MAX - RING - 7,
	UINT64_MAX - 7,
};

static void test_indexes_too_far_apart(void **state)
{
	(void)state;

	for (size_t i = 0; i < sizeof(distances) / sizeof(uint64_t); i++) {
		struct ends p = new_pipe(CAPACITY, 0);

		way(&p)->send.index = distances[i];
		expect_bad_recv(p.end[0]);
		close_both(p);
		/* a sender looks at the other index when it knows of no room */
		p = new_pipe(CAPACITY, 0);
		assert_int_equal(send_message(p.end[1], CAPACITY, 1, 0), 0);
		way(&p)->recv.index = way(&p)->send.index - distances[i];
		expect_bad_send(p.end[1]);
		/* the other direction does not suffer */
		pass_message(p.end[0], p.end[1], CAPACITY, 2);
		close_both(p);
	}
}

/* ----------------------------------------------------------------- records */

struct record {
	uint32_t kind, len;
};

static const struct record bad_records[] = {
	{0, 8},
	{4, 8},
	{UINT32_MAX, 8},
	{IPCI_RECORD_WHOLE, 57}, /* there are 56 */
	{IPCI_RECORD_WHOLE, RING},
	{IPCI_RECORD_WHOLE, INT_MAX},
	{IPCI_RECORD_WHOLE, UINT32_MAX},
	{IPCI_RECORD_WHOLE, UINT32_MAX - 7},
	{IPCI_RECORD_BEGIN, (uint32_t)INT_MAX + 1},
	{IPCI_RECORD_BEGIN, UINT32_MAX},
	{IPCI_RECORD_PIECE, 0},
	{IPCI_RECORD_PIECE, 57},
	{IPCI_RECORD_PIECE, UINT32_MAX},
};

static void write_word(unsigned char *at, uint32_t kind, uint32_t len)
{
	uint64_t word = (uint64_t)kind << 32 | len;

	memcpy(at, &word, sizeof(word));
}

static void test_records_that_cannot_be(void **state)
{
	(void)state;

	for (size_t i = 0; i < sizeof(bad_records) / sizeof(*bad_records);
	     i++) {
		const struct record *r = &bad_records[i];
		struct ends p = new_pipe(CAPACITY, 0);

		assert_int_equal(send_message(p.end[1], 56, 1, 0), 0);
		write_word(ring(&p), r->kind, r->len);
		expect_bad_recv(p.end[0]);
		write_word(ring(&p), IPCI_RECORD_WHOLE, 56);
		assert_int_equal(recv_message(p.end[0], 56, 1, 0), 56);
		close_both(p);
	}
}

/* in the middle of a large message of 100 bytes */
static void bad_piece(uint32_t kind, uint32_t len)
{
	struct ends p = new_pipe(CAPACITY, 0);
	unsigned char *at = ring(&p);

	write_word(at, IPCI_RECORD_BEGIN, 100);
	write_word(at + 8, IPCI_RECORD_PIECE, 40);
	write_word(at + 56, kind, len);
	way(&p)->send.index = 56;
	assert_int_equal(ipc_pipe_next(p.end[0]), -EAGAIN);
	way(&p)->send.index = 56 + 120;
	expect_bad_recv(p.end[0]);
	close_both(p);
}

static void test_pieces_that_cannot_be(void **state)
{
	(void)state;
	bad_piece(IPCI_RECORD_PIECE, 0);
	bad_piece(IPCI_RECORD_PIECE, 61); /* 60 are missing */
	bad_piece(IPCI_RECORD_PIECE, 112);
	bad_piece(IPCI_RECORD_PIECE, UINT32_MAX);
	bad_piece(0, 60);
	bad_piece(7, 60);
}

/* two gigabytes promised, nothing sent: nothing is allocated for it */
static void test_a_promise_costs_nothing(void **state)
{
	struct ends p = new_pipe(CAPACITY, 0);
	(void)state;

	write_word(ring(&p), IPCI_RECORD_BEGIN, INT_MAX);
	write_word(ring(&p) + 8, IPCI_RECORD_PIECE, 8);
	way(&p)->send.index = 24;
	expect_no_message(p.end[0]);
	close_both(p);
}

/* --------------------------------------------------------------- at random */

static uint64_t odd_value(unsigned int *seed)
{
	uint64_t near[] = {0,
			   RING,
			   CAPACITY,
			   INT_MAX,
			   UINT64_C(1) << 32,
			   UINT64_C(1) << 63};
	uint64_t base = near[rand_r(seed) % 6];

	return base + (uint64_t)(rand_r(seed) % 33) - 16;
}

static void damage(const struct ends *p, unsigned int *seed)
{
	struct pipe_shm *s = inside_pipe(p->end[0]);
	struct direction_shm *d = &s->direction[rand_r(seed) % 2];
	struct side_shm *side = rand_r(seed) % 2 ? &d->send : &d->recv;

	switch (rand_r(seed) % 5) {
	case 0:
		side->index = odd_value(seed);
		break;
	case 1:
		side->hint = odd_value(seed);
		break;
	case 2:
		side->word = odd_value(seed) & ~IPCI_GATE_OWNER;
		break;
	case 3:
		s->closings[rand_r(seed) % 2] = (uint32_t)odd_value(seed);
		break;
	default:
		write_word(ring(p) + rand_r(seed) % (2 * RING / 8) * 8,
			   (uint32_t)rand_r(seed) % 5,
			   (uint32_t)odd_value(seed));
		break;
	}
}

static bool is_known(long r, long most)
{
	return (r >= 0 && r <= most) || r == -EAGAIN || r == -ETIMEDOUT ||
	       r == -EMSGSIZE || r == -EBADMSG;
}

static void use(const struct ends *p, unsigned int *seed)
{
	int e = rand_r(seed) % 2, timeout_ms = rand_r(seed) % 50 ? 0 : 1;
	size_t len = (size_t)(rand_r(seed) % (2 * CAPACITY));
	char out[RING + 1];

	out[RING] = 'g';
	assert_true(is_known(send_message(p->end[e], len, 1, timeout_ms), 0));
	assert_true(is_known(ipc_pipe_poll(p->end[1 - e], timeout_ms), 1));
	assert_true(is_known(ipc_pipe_next(p->end[1 - e]), INT_MAX));
	assert_true(is_known(
		ipc_pipe_recv(p->end[1 - e], out, RING, timeout_ms), RING));
	assert_int_equal(out[RING], 'g');
}

static void test_any_field_at_random(void **state)
{
	unsigned int seed = test_seed();
	(void)state;

	for (int i = 0; i < 500; i++) {
		struct ends p = new_pipe(CAPACITY, 0);

		for (int k = 0; k < 20; k++) {
			damage(&p, &seed);
			use(&p, &seed);
		}
		close_both(p);
	}
}

/* ---------------------------------------------------- while it is received */

struct vandal {
	struct ends p;
	_Atomic bool over;
};

static int change_the_length(void *arg)
{
	const struct vandal *v = arg;
	volatile uint64_t *word = (volatile uint64_t *)(void *)ring(&v->p);

	while (!v->over) {
		*word = (uint64_t)IPCI_RECORD_WHOLE << 32 | 8;
		*word = (uint64_t)IPCI_RECORD_WHOLE << 32 | LARGE;
	}
	return 0;
}

/*
 * A length that was checked must be the one that is used: between a first and
 * a second look it changes, to more than there is memory behind the ring.
 */
static void test_a_length_that_changes(void **state)
{
	struct vandal *v = shared_alloc(sizeof(*v));
	char *out = malloc(LARGE);
	double until = now_ms() + 700;
	pid_t pid;
	(void)state;

	v->p = new_pipe(CAPACITY, 0);
	pid = spawn_child(change_the_length, v);
	while (now_ms() < until) {
		int r;

		way(&v->p)->recv.index = 0;
		way(&v->p)->send.index = 16;
		for (int i = 0; i < 20; i++) {
			long next = ipc_pipe_next(v->p.end[0]);

			assert_true(next == 8 || next == -EBADMSG);
		}
		r = ipc_pipe_recv(v->p.end[0], out, LARGE, 0);
		assert_true(r == 8 || r == -EBADMSG);
	}
	v->over = true;
	expect_exit(pid, 0);
	free(out);
	close_both(v->p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_indexes_too_far_apart),
		TEST(test_records_that_cannot_be),
		TEST(test_pieces_that_cannot_be),
		TEST(test_a_promise_costs_nothing),
		TEST(test_any_field_at_random),
		TEST(test_a_length_that_changes),
	};

	return RUN_TESTS(tests);
}
