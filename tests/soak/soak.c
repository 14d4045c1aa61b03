/* SPDX-License-Identifier: MIT */
/*
 * soak.c - members of all objects are killed, stopped and restarted, for as
 * long as you like; whenever they pause, the accounts must agree
 *
 *	soak SECONDS [LIMIT_S [FALSIFY]]
 *
 * LIMIT_S: how long a group may stand still, 10. FALSIFY: a negative control,
 * for which the soak must fail: lose, twice, late (an item of a queue), done (a
 * task that nobody did), held (a mutex, for ever), fd (one more each time).
 *
 * Exit 0: nothing was wrong. 1: something was, stderr says what. 2: wrong use.
 * SOAK_SEED=n repeats the choices, though not the moments.
 */
#include "soak.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PAUSE_EACH_MS = 700,
	STOP_MAX_MS = 40,
	PIPE_END_MS = 5000, /* for the other end to see that one is dead */
};

struct soak *soak;
struct soak_handles soak_handles[SOAK_GROUPS];
static pid_t main_pid;
static unsigned int seed;
static const char *falsify = "";

/* ------------------------------------------------------------------- tools */

double soak_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void soak_sleep_ms(double ms)
{
	struct timespec t = {.tv_sec = (time_t)(ms / 1e3)};

	t.tv_nsec = (long)((ms - (double)t.tv_sec * 1e3) * 1e6);
	nanosleep(&t, NULL);
}

void soak_breach(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	soak->breaches++;
	fprintf(stderr, "soak: BREACH: %s\n", text);
	if (getpid() != main_pid)
		_exit(1);
}

struct soak_handles *soak_of(const struct soak_group *g)
{
	return &soak_handles[g - soak->group];
}

static int below(int n)
{
	seed = seed * 1103515245 + 12345;
	return (int)(seed >> 8) % n;
}

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "soak: %s: %s\n", what, strerror(errno));
	if (soak)
		soak_kill_all();
	exit(2);
}

/* ----------------------------------------------------------------- members */

void soak_spawn(struct soak_member *m)
{
	pid_t pid;

	m->parked = false;
	m->stopped_until = 0;
	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (pid) {
		m->pid = pid;
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != main_pid)
		_exit(1);
	m->role->run(m);
	_exit(0);
}

static void open_pipe(struct soak_group *g)
{
	const struct ipc_pipe_opts opts = {.capacity = 4096,
					   .flags = LIBIPC_SIMPLEX};

	if (ipc_pipe_create(soak_of(g)->ends, &opts))
		give_up("pipe");
}

/* main has none of the ends, or nobody would see that one is dead */
static void close_pipe(struct soak_group *g)
{
	for (int e = 0; e < 2; e++) {
		ipc_pipe_close(soak_of(g)->ends[e]);
		soak_of(g)->ends[e] = NULL;
	}
}

static void spawn_pair(int group)
{
	struct soak_group *g = &soak->group[group];

	open_pipe(g);
	for (int i = 0; i < soak->members; i++) {
		struct soak_member *m = &soak->member[i];

		if (m->group != group)
			continue;
		m->put = m->tried = 0;
		soak_spawn(m);
	}
	close_pipe(g);
}

static struct soak_member *add(const struct soak_role *role, int group)
{
	struct soak_member *m = &soak->member[soak->members++];

	if (soak->members > SOAK_MEMBERS)
		give_up("too many members");
	m->role = role;
	m->group = group;
	m->batch = 1;
	if (role == &soak_producer) {
		m->series = soak->n_series++;
		if (soak->n_series > SOAK_SERIES)
			give_up("too many series");
		soak->series[m->series].group = group;
		memset((void *)soak->series[m->series].mark, 0, SOAK_WINDOW);
	}
	return m;
}

static void add_many(const struct soak_role *role, int group, int n)
{
	/* every other one takes several at a time */
	for (int i = 0; i < n; i++)
		add(role, group)->batch = i % 2 ? SOAK_BATCH : 1;
}

/* ------------------------------------------------------------------ groups */

static int add_group(const char *what, enum soak_kind kind, bool named)
{
	int group = soak->groups++;
	struct soak_group *g = &soak->group[group];

	if (soak->groups > SOAK_GROUPS)
		give_up("too many groups");
	g->what = what;
	g->kind = kind;
	g->maxsize = 16;
	if (named)
		snprintf(g->name, sizeof(g->name), "/libipc-soak-%d-%d",
			 (int)getpid(), group);
	return group;
}

static void create_queue(struct soak_group *g, int i, uint32_t flags)
{
	const struct ipc_queue_opts opts = {.maxsize = g->maxsize,
					    .item_size =
						    sizeof(struct soak_item),
					    .flags = flags,
					    .max_attempts = g->max_attempts};

	if (ipc_queue_create(&soak_of(g)->q[i], g->name[0] ? g->name : NULL,
			     &opts))
		give_up(g->what);
}

static void add_queue(const char *what, bool named, size_t maxsize, int n)
{
	int group = add_group(what, SOAK_QUEUE, named);
	struct soak_group *g = &soak->group[group];

	g->maxsize = maxsize;
	create_queue(g, 0, 0);
	add_many(&soak_producer, group, n);
	add_many(&soak_consumer, group, n);
}

static void add_tasks(const char *what, bool named, uint32_t max_attempts,
		      bool poisoned)
{
	int group = add_group(what, SOAK_TASKS, named);
	struct soak_group *g = &soak->group[group];

	g->max_attempts = max_attempts;
	g->poisoned = poisoned;
	create_queue(g, 0, LIBIPC_JOINABLE);
	add_many(&soak_producer, group, 1);
	/* who takes several may die with one that is not to be set aside */
	if (poisoned)
		add(&soak_worker, group);
	add_many(&soak_worker, group, poisoned ? 1 : 3);
}

static void add_mutex(const char *what, bool named)
{
	int group = add_group(what, SOAK_MUTEX, named);
	struct soak_group *g = &soak->group[group];

	if (ipc_mutex_create(&soak_of(g)->m, named ? g->name : NULL, NULL))
		give_up(what);
	add_many(&soak_locker, group, 3);
}

static void add_pipe(const char *what)
{
	int group = add_group(what, SOAK_PIPE, false);

	add(&soak_sender, group);
	add(&soak_receiver, group);
}

static void add_pingpong(const char *what)
{
	int group = add_group(what, SOAK_PINGPONG, false);
	struct soak_group *g = &soak->group[group];

	g->immortal = true;
	g->maxsize = 1;
	create_queue(g, 0, 0);
	create_queue(g, 1, 0);
	add(&soak_pinger, group);
	add(&soak_ponger, group);
}

static void make_all(void)
{
	add_queue("queue", false, 16, 2);
	add_queue("named queue", true, 64, 2);
	add_queue("queue of one", false, 1, 1);
	add_tasks("tasks", true, 1000000, false);
	add_tasks("poisoned tasks", false, 2, true);
	add_mutex("mutex", false);
	add_mutex("named mutex", true);
	add_pipe("pipe");
	add_pipe("other pipe");
	add_pingpong("ping-pong");
	for (int i = 0; i < soak->members; i++) {
		if (soak->group[soak->member[i].group].kind != SOAK_PIPE)
			soak_spawn(&soak->member[i]);
	}
	for (int i = 0; i < soak->groups; i++) {
		if (soak->group[i].kind == SOAK_PIPE)
			spawn_pair(i);
	}
}

static void unmake_all(void)
{
	for (int i = 0; i < soak->groups; i++) {
		struct soak_group *g = &soak->group[i];

		if (g->name[0])
			ipc_unlink(g->name);
		for (int n = 0; n < 2; n++) {
			if (soak_of(g)->q[n])
				ipc_queue_close(soak_of(g)->q[n]);
		}
		if (soak_of(g)->m)
			ipc_mutex_close(soak_of(g)->m);
	}
}

void soak_kill_all(void)
{
	for (int i = 0; i < soak->members; i++) {
		if (soak->member[i].pid > 0)
			kill(soak->member[i].pid, SIGKILL);
	}
	for (int i = 0; i < soak->members; i++) {
		if (soak->member[i].pid > 0)
			waitpid(soak->member[i].pid, NULL, 0);
	}
	unmake_all();
}

/* ------------------------------------------------------------ kill and stop */

/* the other end of a dead member's pipe: it must see that, and end by itself */
static void await_end(struct soak_member *m)
{
	double until = soak_ms() + PIPE_END_MS;
	int status = -1;

	kill(m->pid, SIGCONT);
	while (waitpid(m->pid, &status, WNOHANG) == 0) {
		if (soak_ms() > until) {
			soak_breach("%s: does not see that the other is dead",
				    m->role->name);
			soak_dump();
			kill(m->pid, SIGKILL);
			waitpid(m->pid, &status, 0);
			break;
		}
		soak_sleep_ms(0.2);
	}
	if (status != 0)
		soak_breach("%s: ended with status %d", m->role->name, status);
}

/* what came is what was sent, up to where its end is not known */
static void check_pipe(const struct soak_member *sender,
		       const struct soak_member *receiver, bool sender_died)
{
	uint64_t got = receiver->put;

	if (got > sender->tried || (sender_died && got < sender->put))
		soak_breach("pipe: %llu to %llu sent, %llu received",
			    (unsigned long long)sender->put,
			    (unsigned long long)sender->tried,
			    (unsigned long long)got);
	soak->messages += got;
}

static void pair_died(struct soak_member *dead)
{
	struct soak_member *other = NULL;
	bool sender_died = dead->role == &soak_sender;

	for (int i = 0; i < soak->members; i++) {
		struct soak_member *m = &soak->member[i];

		if (m->group == dead->group && m != dead)
			other = m;
	}
	await_end(other);
	check_pipe(sender_died ? dead : other, sender_died ? other : dead,
		   sender_died);
	if (!soak->breaches)
		spawn_pair(dead->group);
}

static void bury(struct soak_member *m)
{
	struct soak_group *g = &soak->group[m->group];
	int status = 0;

	waitpid(m->pid, &status, 0);
	/* a pipe's end may have ended because the other was killed as well */
	if (status != SIGKILL && !(status == 0 && g->kind == SOAK_PIPE))
		soak_breach("%s, %s %d: ended with status %d", g->what,
			    m->role->name, (int)m->pid, status);
	g->deaths++;
	m->role->died(m);
	if (g->kind == SOAK_PIPE)
		pair_died(m);
	else
		soak_spawn(m);
}

static struct soak_member *some_mortal(void)
{
	struct soak_member *m;

	do
		m = &soak->member[below(soak->members)];
	while (soak->group[m->group].immortal);
	return m;
}

/* at times two at once, though not both ends of one pipe */
static void kill_some(void)
{
	struct soak_member *first = some_mortal(), *second = some_mortal();
	bool both = below(3) == 0 && first->group != second->group;

	kill(first->pid, SIGKILL);
	if (both)
		kill(second->pid, SIGKILL);
	bury(first);
	if (both)
		bury(second);
	soak->kills += both ? 2 : 1;
}

static void stop_one(void)
{
	struct soak_member *m = &soak->member[below(soak->members)];

	if (m->stopped_until)
		return;
	m->stopped_until = soak_ms() + 1 + below(STOP_MAX_MS);
	kill(m->pid, SIGSTOP);
	soak->stops++;
}

static void continue_due(void)
{
	double now = soak_ms();

	for (int i = 0; i < soak->members; i++) {
		struct soak_member *m = &soak->member[i];

		if (!m->stopped_until || now < m->stopped_until)
			continue;
		m->stopped_until = 0;
		kill(m->pid, SIGCONT);
	}
}

/* whether it has ended; the parent has still to wait for it */
static bool is_dead(const struct soak_member *m, bool *by_kill)
{
	siginfo_t info = {.si_pid = 0};

	if (waitid(P_PID, (id_t)m->pid, &info, WEXITED | WNOHANG | WNOWAIT))
		return false;
	*by_kill = info.si_code == CLD_KILLED && info.si_status == SIGKILL;
	return info.si_pid != 0;
}

void soak_bury_dead(void)
{
	bool by_kill;

	for (int i = 0; i < soak->members && !soak->breaches; i++) {
		struct soak_member *m = &soak->member[i];

		if (!is_dead(m, &by_kill))
			continue;
		if (by_kill && soak->group[m->group].poisoned)
			bury(m);
		else
			soak_breach("%s, %s %d: has ended by itself",
				    soak->group[m->group].what, m->role->name,
				    (int)m->pid);
	}
}

/* -------------------------------------------------------- negative controls */

static struct soak_group *group_of(enum soak_kind kind)
{
	struct soak_group *g = soak->group;

	while (g->kind != kind)
		g++;
	return g;
}

static void falsify_item(int times)
{
	struct ipc_queue *q = soak_of(group_of(SOAK_QUEUE))->q[0];
	struct soak_item item;

	/* more than those who are killed may have taken along */
	for (int i = 0; i < (times ? 1 : 1000); i++) {
		if (ipc_queue_get(q, &item, sizeof(item), 5000) < 0)
			give_up("falsify");
	}
	for (int i = 0; i < times; i++)
		ipc_queue_put(q, &item, sizeof(item), 5000);
}

static void falsify_task(void)
{
	struct ipc_queue *q = soak_of(group_of(SOAK_TASKS))->q[0];
	struct soak_item item;

	if (ipc_queue_get(q, &item, sizeof(item), 5000) < 0 ||
	    ipc_queue_task_done(q) < 0)
		give_up("falsify");
}

static void falsify_once(void)
{
	if (!strcmp(falsify, "lose"))
		falsify_item(0);
	else if (!strcmp(falsify, "late"))
		falsify_item(1);
	else if (!strcmp(falsify, "twice"))
		falsify_item(2);
	else if (!strcmp(falsify, "done"))
		falsify_task();
	else if (!strcmp(falsify, "held") &&
		 ipc_mutex_lock(soak_of(group_of(SOAK_MUTEX))->m, 5000) < 0)
		give_up("falsify");
	else if (!strcmp(falsify, "fd") && dup(STDERR_FILENO) < 0)
		give_up("falsify");
}

static bool known_falsification(void)
{
	static const char *const known[] = {"",	    "lose", "late", "twice",
					    "done", "held", "fd"};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!strcmp(known[i], falsify))
			return true;
	}
	return false;
}

/* -------------------------------------------------------------------- main */

static void disturb(void)
{
	int choice = soak_watch_worried() ? 8 : below(8);

	if (choice < 5)
		kill_some();
	else if (choice < 7)
		stop_one();
	soak_sleep_ms(below(4));
	continue_due();
	soak_bury_dead();
}

static void pause_all(void)
{
	falsify_once();
	soak_settle();
	if (!soak->breaches)
		soak_check_flat();
	soak_resume();
}

static void run_for(double seconds)
{
	double end = soak_ms() + seconds * 1e3;

	while (soak_ms() < end && !soak->breaches) {
		double pause = soak_ms() + PAUSE_EACH_MS;

		while (soak_ms() < pause && !soak->breaches)
			disturb();
		if (!soak->breaches)
			pause_all();
	}
}

static double slowest_call_ms(void)
{
	uint64_t us = 0;

	for (int i = 0; i < soak->members; i++) {
		if (soak->member[i].slowest_us > us)
			us = soak->member[i].slowest_us;
	}
	return (double)us / 1000;
}

static int report(double seconds)
{
	if (soak->breaches)
		soak_dump();
	for (int i = 0; i < soak->members; i++) {
		if (soak->group[soak->member[i].group].kind == SOAK_PINGPONG)
			soak->messages += soak->member[i].put;
	}
	printf("soak: %.0f s, %llu kills, %llu stops, %llu messages, %llu "
	       "pauses that add up, %llu redelivered, %llu set aside, %llu "
	       "under "
	       "way when killed; longest standstill %.0f ms (%s), "
	       "slowest call %.0f ms, "
	       "slowest pause %.0f ms; %d breaches\n",
	       seconds, (unsigned long long)soak->kills,
	       (unsigned long long)soak->stops,
	       (unsigned long long)soak->messages,
	       (unsigned long long)soak->pauses,
	       (unsigned long long)soak->redelivered,
	       (unsigned long long)soak->set_aside,
	       (unsigned long long)soak->maybe, soak->longest_standstill,
	       soak->longest_of ? soak->longest_of : "none", slowest_call_ms(),
	       soak->slowest_pause, soak->breaches);
	return soak->breaches ? 1 : 0;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 0, began;
	double limit = argc > 2 ? atof(argv[2]) : 10;
	int r;

	falsify = argc > 3 ? argv[3] : "";
	if (argc > 4 || seconds <= 0 || limit <= 0 || !known_falsification()) {
		fprintf(stderr, "usage: %s SECONDS [LIMIT_S [FALSIFY]]\n",
			argv[0]);
		return 2;
	}
	main_pid = getpid();
	seed = getenv("SOAK_SEED") ? (unsigned int)atoi(getenv("SOAK_SEED"))
				   : (unsigned int)time(NULL);
	soak = mmap(NULL, sizeof(*soak), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (soak == MAP_FAILED)
		give_up("memory");
	soak->limit_ms = limit * 1e3;
	began = soak_ms();
	make_all();
	soak_watch_begin();
	run_for(seconds);
	soak_watch_end();
	r = report((soak_ms() - began) / 1e3);
	soak_kill_all();
	return r;
}
