/* SPDX-License-Identifier: MIT */
/*
 * run_stream.c - messages through a transport: in one process, put and get in
 * turns; or producers and consumers, one process each, on two CPUs
 */
#include <string.h>

#include "bench.h"

struct stream {
	const struct contest *contest;
	const struct transport *kind;
	void *t;
	uint64_t warm, steps; /* of each producer */
};

static void describe(void *arg, FILE *out)
{
	struct stream *s = arg;

	if (s->kind->describe)
		s->kind->describe(s->t, out);
}

enum {
	AHEAD = 8, /* messages are written so long before they are sent */
	PAGE = 4096,
};

/*
 * Each party is a process, and has its own. The messages lie in the middle of
 * a page: a CPU takes addresses with the same last 12 bits for the same, for a
 * moment, and what is compared has its locks at the beginning of a page.
 */
static struct {
	_Alignas(PAGE) char pad0[2048];
	char items[MAX_BATCH * MAX_LEN];
	char pad1[1536];
	char received[MAX_BATCH * MAX_LEN];
} mine;

/* ---- one message at a time, or some ---- */

static char *item(const struct stream *s, uint64_t seq)
{
	return mine.items + seq % MAX_BATCH * s->contest->len;
}

/* a copy right after the bytes were written would wait for the write */
static void write_ahead(const struct stream *s, int me, uint64_t from)
{
	for (uint64_t seq = from; seq < from + AHEAD; seq++)
		stamp(item(s, seq), s->contest->len, me, seq);
}

static void put_one(const struct stream *s, int me, uint64_t seq)
{
	size_t len = s->contest->len;

	stamp(item(s, seq + AHEAD), len, me, seq + AHEAD);
	if (s->kind->put(s->t, item(s, seq), len))
		fail("%s: put failed", s->kind->name);
}

static void get_one(const struct stream *s, struct seen *seen, struct result *r)
{
	const struct transport *k = s->kind;
	size_t len = s->contest->len;

	check(seen, r, mine.received, len, k->get(s->t, mine.received, len));
	if (k->done && k->done(s->t))
		fail("%s: done failed", k->name);
}

static void put_some(const struct stream *s, int me, uint64_t seq, size_t n)
{
	const struct transport *k = s->kind;
	size_t len = s->contest->len;
	char *at = mine.items;

	for (size_t i = 0; i < n; i++)
		stamp(mine.items + i * len, len, me, seq + i);
	while (n) {
		int r = k->put_many(s->t, at, len, n);

		if (r < 1)
			fail("%s: put answers %d", k->name, r);
		at += (size_t)r * len;
		n -= (size_t)r;
	}
}

static size_t get_some(const struct stream *s, struct seen *seen,
		       struct result *r, size_t n)
{
	const struct transport *k = s->kind;
	size_t len = s->contest->len;
	int got = k->get_many(s->t, mine.received, len, n);

	if (got < 1 || (size_t)got > n)
		fail("%s: get answers %d", k->name, got);
	for (int i = 0; i < got; i++)
		check(seen, r, mine.received + (size_t)i * len, len, (int)len);
	return (size_t)got;
}

static void produce(const struct stream *s, int me, uint64_t from, uint64_t to)
{
	size_t batch = s->kind->put_many ? s->contest->batch : 0;

	for (; batch && from < to; from += batch)
		put_some(s, me, from, batch);
	write_ahead(s, me, from);
	for (; from < to; from++)
		put_one(s, me, from);
}

static void consume(const struct stream *s, struct seen *seen, struct result *r,
		    uint64_t n)
{
	size_t batch = s->kind->get_many ? s->contest->batch : 0;

	while (batch && n)
		n -= get_some(s, seen, r, n < batch ? (size_t)n : batch);
	for (; n; n--)
		get_one(s, seen, r);
}

/* ---- parties ---- */

static void work_apart(int me, void *arg, struct result *r)
{
	const struct stream *s = arg;
	int pairs = s->contest->pairs;
	struct seen seen = {{0}};

	meet();
	if (me < pairs)
		produce(s, me, 0, s->warm);
	else
		consume(s, &seen, r, s->warm);
	r->start_ns = meet();
	if (me < pairs)
		produce(s, me, s->warm, s->warm + s->steps);
	else
		consume(s, &seen, r, s->steps);
	r->end_ns = now_ns();
}

static void pair(const struct stream *s, struct seen *seen, struct result *r,
		 uint64_t from, uint64_t to)
{
	write_ahead(s, 0, from);
	for (; from < to; from++) {
		put_one(s, 0, from);
		get_one(s, seen, r);
	}
}

static void work_alone(int me, void *arg, struct result *r)
{
	const struct stream *s = arg;
	struct seen seen = {{0}};

	(void)me;
	pair(s, &seen, r, 0, s->warm);
	r->start_ns = cpu_ns();
	pair(s, &seen, r, s->warm, s->warm + s->steps);
	r->end_ns = cpu_ns();
}

/* ---- runs ---- */

/* the parties' work began when the first did, and ended with the last */
static double elapsed(const struct result *r, int n)
{
	double start = r[0].start_ns, end = r[0].end_ns;

	for (int i = 1; i < n; i++) {
		start = r[i].start_ns < start ? r[i].start_ns : start;
		end = r[i].end_ns > end ? r[i].end_ns : end;
	}
	return end - start;
}

/* every message came to exactly one consumer */
static void account(const struct stream *s, const struct result *r, int parties,
		    int producers)
{
	struct result want = {0}, have = {0};

	for (int i = 0; i < producers; i++)
		expect(&want, i, s->warm + s->steps);
	for (int i = 0; i < parties; i++) {
		have.count += r[i].count;
		have.sum += r[i].sum;
		have.squares += r[i].squares;
	}
	if (have.count != want.count || have.sum != want.sum ||
	    have.squares != want.squares)
		fail("%s: messages were lost, or came twice", s->kind->name);
}

static bool run(const struct contest *c, const struct entrant *e, long n,
		struct crew *crew, int producers, double *ns)
{
	uint64_t unit = c->batch ? c->batch : 1;
	struct stream s = {.contest = c, .kind = e->transport};
	const struct result *r;

	s.t = s.kind->open(c->len);
	if (!s.t)
		return false;
	s.steps = ((uint64_t)n + unit - 1) / unit * unit;
	/* once around the ring: each page is there */
	s.warm = (s.kind->depth ? s.kind->depth : DEPTH) / (uint64_t)producers;
	crew->arg = &s;
	crew->what = s.kind->name;
	crew->describe = describe;
	r = run_crew(crew);
	account(&s, r, crew->parties, producers);
	*ns = elapsed(r, crew->parties) /
	      (double)(s.steps * (uint64_t)producers);
	s.kind->close(s.t);
	return true;
}

bool run_pair(const struct contest *c, const struct entrant *e, long n,
	      double ns[MAX_FIGURES])
{
	struct crew crew = {.parties = 1, .cpu = {0}, .work = work_alone};

	return run(c, e, n, &crew, 1, ns);
}

/* each of the two CPUs gets as many producers as consumers, or one of each */
bool run_stream(const struct contest *c, const struct entrant *e, long n,
		double ns[MAX_FIGURES])
{
	struct crew crew = {.parties = 2 * c->pairs, .work = work_apart};

	for (int i = 0; i < c->pairs; i++) {
		crew.cpu[i] = i % 2;
		crew.cpu[c->pairs + i] = (i + 1) % 2;
	}
	return run(c, e, n, &crew, c->pairs, ns);
}
