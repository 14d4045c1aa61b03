/* SPDX-License-Identifier: MIT */
/*
 * run_sleepers.c - what it costs that many sleep on the same queue: one of them
 * is woken and answers; or all are to stay asleep, because they wait for
 * something else
 */
#include <string.h>
#include <time.h>

#include <libipc.h>
#include "bench.h"

enum {
	LEN = 8,
	SETTLE_US = 200, /* by then, who looked for a while is asleep */
};

struct sleepers {
	const struct entrant *e;
	void *queue, *back; /* the entrant's */
	long steps;
	double *put_took, *answer_took;
};

static void doze(long us)
{
	struct timespec t = {us / 1000000, us % 1000000 * 1000};

	nanosleep(&t, NULL);
}

static void put(const struct sleepers *s, void *t, uint64_t word)
{
	if (s->e->transport->put(t, &word, LEN))
		fail("%s: put failed", s->e->transport->name);
}

static uint64_t get(const struct sleepers *s, void *t)
{
	uint64_t word;

	if (s->e->transport->get(t, &word, LEN) != LEN)
		fail("%s: get failed", s->e->transport->name);
	return word;
}

static long switches_of_all(int n)
{
	long sum = 0;

	for (int i = 1; i <= n; i++)
		sum += switches(result_of(i)->pid);
	return sum;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ---- one of them answers ---- */

static double middle(double *values, long n)
{
	qsort(values, (size_t)n, sizeof(*values), compare);
	return values[n / 2];
}

/* everything is put and answered once; then all sleep again before the next */
static void ask(struct sleepers *s, struct result *r)
{
	long before;

	doze(20000 + 1000L * s->e->sleepers);
	before = switches_of_all(s->e->sleepers);
	for (long i = 0; i < s->steps; i++) {
		double start = now_ns();

		put(s, s->queue, (uint64_t)i + 1);
		s->put_took[i] = now_ns() - start;
		if (get(s, s->back) != (uint64_t)i + 1)
			fail("a sleeper answers to something else");
		s->answer_took[i] = now_ns() - start;
		doze(SETTLE_US);
	}
	r->figure[0] = middle(s->put_took, s->steps);
	r->figure[1] = middle(s->answer_took, s->steps);
	r->figure[2] = (double)(switches_of_all(s->e->sleepers) - before) /
		       (double)s->steps;
	for (int i = 0; i < s->e->sleepers; i++)
		put(s, s->queue, 0);
}

static void answer(const struct sleepers *s)
{
	uint64_t word;

	while ((word = get(s, s->queue)) != 0)
		put(s, s->back, word);
}

static void work_answer(int me, void *arg, struct result *r)
{
	meet();
	if (me == 0)
		ask(arg, r);
	else
		answer(arg);
}

/* ---- nobody is to be woken ---- */

/* one task more than there are pairs waits all the while: nobody is done */
static void work_beside(int me, void *arg, struct result *r)
{
	struct sleepers *s = arg;

	meet();
	if (me > 0) {
		if (ipc_queue_join(s->queue, LIBIPC_FOREVER))
			fail("a join failed");
		return;
	}
	doze(20000 + 1000L * s->e->sleepers);
	for (long i = -s->steps / 10; i < s->steps; i++) {
		if (i == 0)
			r->start_ns = cpu_ns();
		put(s, s->queue, 1);
		if (get(s, s->queue) != 1 || s->e->transport->done(s->queue))
			fail("a task came out wrong");
	}
	r->end_ns = cpu_ns();
	if (get(s, s->queue) != 1 || s->e->transport->done(s->queue))
		fail("the last task came out wrong");
}

/* ---- runs ---- */

static void describe(void *arg, FILE *out)
{
	const struct sleepers *s = arg;

	s->e->transport->describe(s->queue, out);
}

/* the one who is timed on the first CPU, the sleepers on the second */
static const struct result *crew_of(struct sleepers *s,
				    void (*work)(int, void *, struct result *))
{
	struct crew crew = {.parties = s->e->sleepers + 1,
			    .work = work,
			    .arg = s,
			    .what = s->e->name,
			    .describe = describe};

	for (int i = 1; i < crew.parties; i++)
		crew.cpu[i] = 1;
	return run_crew(&crew);
}

bool run_answer(const struct contest *c, const struct entrant *e, long n,
		double ns[MAX_FIGURES])
{
	struct sleepers s = {.e = e, .steps = n};
	size_t bytes = (size_t)n * sizeof(*s.put_took);
	const struct result *r;

	(void)c;
	s.queue = e->transport->open(LEN);
	s.back = e->transport->open(LEN);
	s.put_took = share(bytes);
	s.answer_took = share(bytes);
	r = crew_of(&s, work_answer);
	memcpy(ns, r->figure, sizeof(r->figure));
	give_back(s.put_took, bytes);
	give_back(s.answer_took, bytes);
	e->transport->close(s.queue);
	e->transport->close(s.back);
	return true;
}

bool run_beside(const struct contest *c, const struct entrant *e, long n,
		double ns[MAX_FIGURES])
{
	struct sleepers s = {.e = e, .steps = n};
	const struct result *r;

	(void)c;
	s.queue = e->transport->open(LEN);
	put(&s, s.queue, 1);
	r = crew_of(&s, work_beside);
	ns[0] = (r->end_ns - r->start_ns) / (double)n;
	e->transport->close(s.queue);
	return true;
}
