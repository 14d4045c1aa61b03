/* SPDX-License-Identifier: MIT */
/*
 * account.c - all pause; then everything that was put must be accounted for
 */
#include "soak.h"

#include <signal.h>
#include <stdio.h>

static int call_ms(void)
{
	return (int)soak->limit_ms;
}

/* ----------------------------------------------------------------- to pause */

static bool waits_for_items(const struct soak_member *m)
{
	return m->role == &soak_consumer || m->role == &soak_worker;
}

/* these have nothing to wait for but what others do */
static bool never_parks(const struct soak_member *m)
{
	return m->role == &soak_receiver || m->role == &soak_ponger;
}

static void await_parked(bool getters)
{
	double until = soak_ms() + soak->limit_ms;

	for (int i = 0; i < soak->members; i++) {
		struct soak_member *m = &soak->member[i];

		if (never_parks(m) || waits_for_items(m) != getters)
			continue;
		while (!m->parked && soak_ms() < until && !soak->breaches) {
			soak_sleep_ms(0.2);
			soak_bury_dead();
		}
		if (!m->parked && !soak->breaches)
			soak_breach("%s, %s %d: does not come to a pause",
				    soak->group[m->group].what, m->role->name,
				    (int)m->pid);
	}
}

/* one item for each getter, which comes after all others */
static void tell_getters(void)
{
	struct soak_item stop = soak_item(SOAK_STOP, 0);

	for (int i = 0; i < soak->members && !soak->breaches; i++) {
		struct soak_member *m = &soak->member[i];
		struct soak_group *g = &soak->group[m->group];
		int r;

		if (!waits_for_items(m))
			continue;
		r = ipc_queue_put(soak_of(g)->q[0], &stop, sizeof(stop),
				  call_ms());
		if (r < 0)
			soak_breach("%s: put answers %d", g->what, r);
	}
}

static void continue_all(void)
{
	for (int i = 0; i < soak->members; i++) {
		soak->member[i].stopped_until = 0;
		kill(soak->member[i].pid, SIGCONT);
	}
}

/* ---------------------------------------------------------------- to add up */

static void expect_empty(const struct soak_group *g)
{
	struct soak_item item;
	long n = ipc_queue_size(soak_of(g)->q[0]);
	int r = ipc_queue_get(soak_of(g)->q[0], &item, sizeof(item), 0);

	if (n != 0 || r != -EAGAIN)
		soak_breach("%s: size %ld, get answers %d at a pause", g->what,
			    n, r);
}

/* the member that puts the numbers of a series */
static struct soak_member *producer_of(int series)
{
	for (int i = 0; i < soak->members; i++) {
		struct soak_member *m = &soak->member[i];

		if (m->role == &soak_producer && m->series == series)
			return m;
	}
	return NULL;
}

/* whether a number that did not come out, or was not done, is explained */
static bool is_explained(uint8_t mark)
{
	if (mark & (SOAK_SEEN | SOAK_DONE))
		return true;
	return mark & (SOAK_MAYBE_PUT | SOAK_MAYBE_DONE | SOAK_FAILED);
}

/* how many numbers of the series have no explanation; a new account begins */
static uint64_t close_series(int series)
{
	struct soak_series *s = &soak->series[series];
	uint64_t last = producer_of(series)->put, missing = 0;

	for (uint64_t n = s->base + 1; n <= last; n++) {
		_Atomic uint8_t *mark = soak_mark(series, n);

		missing += !is_explained(*mark);
		if ((*mark & SOAK_DONE) &&
		    (soak_is_poison(s->group, n) || (*mark & SOAK_FAILED)))
			soak_breach("%s: number %llu was done",
				    soak->group[s->group].what,
				    (unsigned long long)n);
		*mark = 0;
	}
	soak->messages += last - s->base;
	s->base = last;
	return missing;
}

static uint64_t missing_in(int group)
{
	uint64_t missing = 0;

	for (int i = 0; i < soak->n_series; i++) {
		if (soak->series[i].group == group)
			missing += close_series(i);
	}
	return missing;
}

static void add_up_queue(int group)
{
	struct soak_group *g = &soak->group[group];
	uint64_t missing;

	expect_empty(g);
	missing = missing_in(group);
	if (missing > g->lost)
		soak_breach("%s: %llu items are lost, at most %llu went with "
			    "those that were killed",
			    g->what, (unsigned long long)missing,
			    (unsigned long long)g->lost);
	g->lost = 0;
}

/* reads what was set aside: how many */
static int take_failed(struct soak_group *g)
{
	struct soak_item item;
	int n = 0, r;

	while ((r = ipc_queue_get_failed(soak_of(g)->q[0], &item, sizeof(item),
					 0)) >= 0) {
		if (r != (int)sizeof(item) || !soak_item_ok(&item))
			soak_breach("%s: a damaged task set aside", g->what);
		else if (item.series == SOAK_STOP)
			soak_breach("%s: a pause set aside", g->what);
		else
			*soak_mark(item.series, item.number) |= SOAK_FAILED;
		n++;
	}
	if (r != -EAGAIN)
		soak_breach("%s: get_failed answers %d", g->what, r);
	soak->set_aside += (uint64_t)n;
	return n;
}

static void expect_joined(struct soak_group *g, int failed)
{
	long n = ipc_queue_unfinished(soak_of(g)->q[0]);
	int r = ipc_queue_join(soak_of(g)->q[0], call_ms());

	if (n != failed && n != 0)
		soak_breach("%s: %ld unfinished at a pause", g->what, n);
	if (r != failed)
		soak_breach("%s: join answers %d, not %d", g->what, r, failed);
}

static void add_up_tasks(int group)
{
	struct soak_group *g = &soak->group[group];
	int r = ipc_queue_join(soak_of(g)->q[0], call_ms()), failed;
	uint64_t missing;

	expect_empty(g);
	failed = take_failed(g);
	if (r != failed)
		soak_breach("%s: join answers %d, %d were set aside", g->what,
			    r, failed);
	expect_joined(g, 0);
	missing = missing_in(group);
	if (missing)
		soak_breach("%s: %llu tasks are lost", g->what,
			    (unsigned long long)missing);
}

static void add_up_mutex(int group)
{
	struct soak_group *g = &soak->group[group];
	int r = ipc_mutex_lock(soak_of(g)->m, 0);
	uint64_t sum = 0;

	if (r < 0) {
		soak_breach("%s: lock answers %d at a pause", g->what, r);
		return;
	}
	g->inside = 0;
	for (int i = 0; i < soak->members; i++) {
		if (soak->member[i].group == group)
			sum += soak->member[i].put;
	}
	if (g->counter < sum || g->counter - sum > g->deaths)
		soak_breach("%s: counted to %llu, not %llu", g->what,
			    (unsigned long long)g->counter,
			    (unsigned long long)sum);
	r = ipc_mutex_unlock(soak_of(g)->m);
	if (r < 0)
		soak_breach("%s: unlock answers %d", g->what, r);
}

/* all that the sender has sent in this life comes */
static void add_up_pipe(int group)
{
	const struct soak_member *sender = NULL, *receiver = NULL;
	double until = soak_ms() + soak->limit_ms;

	for (int i = 0; i < soak->members; i++) {
		const struct soak_member *m = &soak->member[i];

		if (m->group == group && m->role == &soak_sender)
			sender = m;
		else if (m->group == group)
			receiver = m;
	}
	while (receiver->put < sender->put && soak_ms() < until &&
	       !soak->breaches)
		soak_sleep_ms(0.2);
	if (receiver->put != sender->put && !soak->breaches)
		soak_breach("pipe: %llu sent, %llu received",
			    (unsigned long long)sender->put,
			    (unsigned long long)receiver->put);
}

/* the ball is in one of the queues */
static void add_up_pingpong(int group)
{
	struct soak_group *g = &soak->group[group];
	double until = soak_ms() + soak->limit_ms;
	long n;

	do
		n = ipc_queue_size(soak_of(g)->q[0]) +
		    ipc_queue_size(soak_of(g)->q[1]);
	while (n != 1 && soak_ms() < until);
	if (n != 1)
		soak_breach("%s: %ld balls", g->what, n);
}

static void add_up(int group)
{
	switch (soak->group[group].kind) {
	case SOAK_QUEUE:
		add_up_queue(group);
		break;
	case SOAK_TASKS:
		add_up_tasks(group);
		break;
	case SOAK_MUTEX:
		add_up_mutex(group);
		break;
	case SOAK_PIPE:
		add_up_pipe(group);
		break;
	case SOAK_PINGPONG:
		add_up_pingpong(group);
		break;
	}
}

void soak_settle(void)
{
	double began = soak_ms();

	soak_watch_idle(true);
	soak->pausing = true;
	continue_all();
	await_parked(false);
	tell_getters();
	await_parked(true);
	for (int i = 0; i < soak->groups && !soak->breaches; i++)
		add_up(i);
	soak->pauses++;
	if (soak_ms() - began > soak->slowest_pause)
		soak->slowest_pause = soak_ms() - began;
}

void soak_resume(void)
{
	soak->pausing = false;
	soak_watch_idle(false);
}
