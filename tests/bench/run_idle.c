/* SPDX-License-Identifier: MIT */
/*
 * run_idle.c - what sleepers cost while nothing happens
 *
 * One process sleeps in each call, and the last one observes them: their CPU
 * clocks and how often they ran. Then it wakes them all.
 */
#include <string.h>
#include <time.h>

#include <libipc.h>
#include "bench.h"

enum {
	IN_GET,
	IN_RECV,
	IN_LOCK,
	IN_JOIN,
	IN_TEXTBOOK,
	OBSERVER,
	PARTIES,
	LEN = 8,
};

static const char *const sleeps_in[] = {
	[IN_GET] = "ipc_queue_get",	  [IN_RECV] = "ipc_pipe_recv",
	[IN_LOCK] = "ipc_mutex_lock",	  [IN_JOIN] = "ipc_queue_join",
	[IN_TEXTBOOK] = "textbook queue",
};

struct idle {
	struct ipc_queue *queue, *tasks;
	struct ipc_pipe *ends[2];
	struct ipc_mutex *mutex;
	void *textbook;
	double seconds;
};

struct usage {
	double busy_ns;
	long switches;
};

static void doze(double seconds)
{
	struct timespec t = {(time_t)seconds, 0};

	t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
	nanosleep(&t, NULL);
}

static struct usage usage_of(pid_t pid)
{
	struct usage u = {.switches = switches(pid)};
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		fail("no CPU clock of a child");
	u.busy_ns = (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
	return u;
}

/* true: woken as it should be */
static bool sleep_in(int me, const struct idle *s)
{
	char buf[LEN];

	switch (me) {
	case IN_GET:
		return ipc_queue_get(s->queue, buf, LEN, LIBIPC_FOREVER) == LEN;
	case IN_RECV:
		return ipc_pipe_recv(s->ends[0], buf, LEN, LIBIPC_FOREVER) ==
		       LEN;
	case IN_LOCK:
		return ipc_mutex_lock(s->mutex, LIBIPC_FOREVER) == 0;
	case IN_JOIN:
		return ipc_queue_join(s->tasks, LIBIPC_FOREVER) == 0;
	default:
		return textbook_queue.get(s->textbook, buf, LEN) == LEN;
	}
}

static bool wake_all(const struct idle *s)
{
	char buf[LEN] = {0};

	return ipc_queue_put(s->queue, buf, LEN, 0) == 0 &&
	       ipc_pipe_send(s->ends[1], buf, LEN, 0) == 0 &&
	       ipc_mutex_unlock(s->mutex) == 0 &&
	       ipc_queue_get(s->tasks, buf, LEN, 0) == LEN &&
	       ipc_queue_task_done(s->tasks) == 0 &&
	       textbook_queue.put(s->textbook, buf, LEN) == 0;
}

/* figure[0]: how many were to be idle; figure[1]: and were */
static void tell(int i, double busy_ns, long n, struct result *r)
{
	bool idle = busy_ns <= 0 && n == 0;

	printf("%-20s %8.3f %17ld", sleeps_in[i], busy_ns / 1e6, n);
	if (i != IN_TEXTBOOK) {
		printf("  %s", idle ? "reached" : "MISSED");
		r->figure[0]++;
		r->figure[1] += idle;
	}
	putchar('\n');
}

static void observe(const struct idle *s, struct result *r)
{
	struct usage before[OBSERVER], after[OBSERVER];

	doze(0.2);
	for (int i = 0; i < OBSERVER; i++)
		before[i] = usage_of(result_of(i)->pid);
	doze(s->seconds);
	for (int i = 0; i < OBSERVER; i++)
		after[i] = usage_of(result_of(i)->pid);
	printf("\nidle for %.0f s in      CPU ms  context switches  goal: "
	       "none\n",
	       s->seconds);
	for (int i = 0; i < OBSERVER; i++)
		tell(i, after[i].busy_ns - before[i].busy_ns,
		     after[i].switches - before[i].switches, r);
	fflush(stdout);
	if (!wake_all(s))
		fail("a sleeper cannot be woken");
}

static void work(int me, void *arg, struct result *r)
{
	const struct idle *s = arg;

	if (me == OBSERVER && ipc_mutex_lock(s->mutex, LIBIPC_FOREVER))
		fail("the mutex cannot be locked");
	meet();
	if (me == OBSERVER)
		observe(s, r);
	else if (!sleep_in(me, s))
		fail("%s was woken for nothing", sleeps_in[me]);
}

static void describe(void *arg, FILE *out)
{
	struct idle *s = arg;

	our_queue.describe(s->queue, out);
	our_tasks.describe(s->tasks, out);
	our_mutex.describe(s->mutex, out);
}

void idle(double seconds)
{
	const struct ipc_queue_opts plain = {.maxsize = 1, .item_size = LEN};
	const struct ipc_queue_opts joinable = {
		.maxsize = 1, .item_size = LEN, .flags = LIBIPC_JOINABLE};
	struct idle s = {.seconds = seconds};
	struct crew crew = {.parties = PARTIES,
			    .cpu = {-1, -1, -1, -1, -1, -1},
			    .work = work,
			    .arg = &s,
			    .what = "idle",
			    .describe = describe};
	const double *r;

	s.textbook = textbook_queue.open(LEN);
	if (ipc_queue_create(&s.queue, NULL, &plain) ||
	    ipc_queue_create(&s.tasks, NULL, &joinable) ||
	    ipc_pipe_create(s.ends, NULL) ||
	    ipc_mutex_create(&s.mutex, NULL, NULL) || !s.textbook ||
	    ipc_queue_put(s.tasks, "a task.", LEN, 0))
		fail("idle: an object cannot be made");
	r = run_crew(&crew)[OBSERVER].figure;
	for (int i = 0; i < (int)r[0]; i++)
		judge_plainly(i < (int)r[1]);
	ipc_queue_close(s.queue);
	ipc_queue_close(s.tasks);
	ipc_pipe_close(s.ends[0]);
	ipc_pipe_close(s.ends[1]);
	ipc_mutex_close(s.mutex);
	textbook_queue.close(s.textbook);
}
