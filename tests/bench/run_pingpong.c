/* SPDX-License-Identifier: MIT */
/*
 * run_pingpong.c - a message there and an answer back, over two transports:
 * half of it are wake-ups. And the same with a bare cache line: what the
 * machine needs for it.
 */
#include "bench.h"

struct pingpong {
	const struct transport *kind;
	void *there, *back;
	size_t len;
	long warm, steps;
	double *took; /* of each step; shared */
};

static void describe(void *arg, FILE *out)
{
	struct pingpong *p = arg;

	if (!p->kind->describe)
		return;
	p->kind->describe(p->there, out);
	p->kind->describe(p->back, out);
}

static void one_way(const struct pingpong *p, void *t, int me, long seq)
{
	char item[MAX_SMALL] = {0};

	stamp(item, p->len, me, (uint64_t)seq);
	if (p->kind->put(t, item, p->len))
		fail("%s: put failed", p->kind->name);
}

static void other_way(const struct pingpong *p, void *t, struct seen *seen,
		      struct result *r)
{
	char item[MAX_SMALL];

	check(seen, r, item, p->len, p->kind->get(t, item, p->len));
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void serve(struct pingpong *p, struct result *r)
{
	struct seen seen = {{0}};

	for (long i = -p->warm; i < p->steps; i++) {
		double before = now_ns();

		one_way(p, p->there, 0, i + p->warm);
		other_way(p, p->back, &seen, r);
		if (i >= 0)
			p->took[i] = now_ns() - before;
	}
	qsort(p->took, (size_t)p->steps, sizeof(*p->took), compare);
	r->figure[0] = p->took[p->steps / 2];
	r->figure[1] = p->took[p->steps * 99 / 100];
}

static void work(int me, void *arg, struct result *r)
{
	struct pingpong *p = arg;
	struct seen seen = {{0}};

	meet();
	if (me == 0) {
		serve(p, r);
		return;
	}
	for (long i = 0; i < p->warm + p->steps; i++) {
		other_way(p, p->there, &seen, r);
		one_way(p, p->back, 1, i);
	}
}

bool run_pingpong(const struct contest *c, const struct entrant *e, long n,
		  double ns[MAX_FIGURES])
{
	struct pingpong p = {.kind = e->transport, .len = c->len, .steps = n};
	size_t bytes = (size_t)n * sizeof(*p.took);
	struct crew crew = {.parties = 2,
			    .cpu = {0, c->apart ? 1 : 0},
			    .work = work,
			    .arg = &p,
			    .what = p.kind->name,
			    .describe = describe};
	const struct result *r;

	p.warm = n / 10 + DEPTH; /* all memory of a queue was touched */
	p.there = p.kind->open(c->len);
	if (!p.there)
		return false;
	p.back = p.kind->open(c->len);
	if (!p.back)
		fail("%s: only one can be made", p.kind->name);
	p.took = share(bytes);
	r = run_crew(&crew);
	for (int i = 0; i < MAX_FIGURES; i++)
		ns[i] = r[0].figure[i];
	give_back(p.took, bytes);
	p.kind->close(p.there);
	p.kind->close(p.back);
	return true;
}

/* ---- a cache line ---- */

enum {
	CHUNKS = 21,
	CHUNK = 100, /* round trips */
};

/* the median of some short times: a preemption spoils only one */
static void bounce(int me, void *arg, struct result *r)
{
	_Atomic int *line = arg;
	double took[CHUNKS];

	meet();
	for (int i = 0; i < CHUNKS; i++) {
		double before = now_ns();

		for (int j = 0; j < CHUNK; j++) {
			int turn = 2 * (i * CHUNK + j) + me;

			while (atomic_load(line) != turn)
				;
			atomic_store(line, turn + 1);
		}
		took[i] = (now_ns() - before) / CHUNK;
	}
	r->figure[0] = median(took, CHUNKS);
}

double line_round_trip(void)
{
	_Atomic int *line = share(LINE);
	struct crew crew = {.parties = 2,
			    .cpu = {0, 1},
			    .work = bounce,
			    .arg = line,
			    .what = "the cache line"};
	double ns = run_crew(&crew)[0].figure[0];

	give_back(line, LINE);
	return ns;
}
