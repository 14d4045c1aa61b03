/* SPDX-License-Identifier: MIT */
/*
 * watch.c - looks for standstills, tells all that is known of one, and sees
 * that the soak needs no more and more
 */
#include "soak.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "region.h"

/* ------------------------------------------------------------------ a dump */

static void dump_side(const char *what, const struct side_shm *s)
{
	fprintf(stderr,
		"    %-4s word %016llx index %llu seen %llu hint %llx\n", what,
		(unsigned long long)s->word, (unsigned long long)s->index,
		(unsigned long long)s->seen, (unsigned long long)s->hint);
}

/* a handle begins with its region */
static void dump_queue(const struct ipc_queue *q)
{
	const struct queue_shm *s =
		(void *)((const struct ipci_region *)q)->body;

	fprintf(stderr, "    size %ld\n",
		ipc_queue_size((struct ipc_queue *)(uintptr_t)q));
	dump_side("put", &s->put);
	dump_side("get", &s->get);
	dump_side("done", &s->done);
}

static void dump_group(const struct soak_group *g)
{
	const struct mutex_shm *m;

	fprintf(stderr, "  %s %s, stands for %.0f ms\n", g->what, g->name,
		soak_ms() - g->moved_at);
	for (int i = 0; i < 2; i++) {
		if (soak_of(g)->q[i])
			dump_queue(soak_of(g)->q[i]);
	}
	if (!soak_of(g)->m)
		return;
	m = ((const struct ipci_region *)soak_of(g)->m)->mutex;
	fprintf(stderr, "    word %016llx holder %u inside %d\n",
		(unsigned long long)m->word, m->holder, (int)g->inside);
}

/* the text of a file of /proc, as one line */
static void dump_proc(pid_t pid, const char *file)
{
	char path[64], text[256];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	fprintf(stderr, " %s: %s;", file, text);
}

static char state_of(pid_t pid)
{
	char path[64], text[512], *end;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = '\0';
	end = strrchr(text, ')');
	return end && end[1] ? end[2] : 'X';
}

static void dump_member(const struct soak_member *m)
{
	fprintf(stderr,
		"  %d %s of %s: put %llu tried %llu asks %llu calls %llu%s;"
		" state: %c;",
		(int)m->pid, m->role->name, soak->group[m->group].what,
		(unsigned long long)m->put, (unsigned long long)m->tried,
		(unsigned long long)m->asks, (unsigned long long)m->calls,
		m->parked ? " parked" : "", state_of(m->pid));
	dump_proc(m->pid, "wchan");
	dump_proc(m->pid, "syscall");
	fputc('\n', stderr);
}

void soak_dump(void)
{
	for (int i = 0; i < soak->groups; i++)
		dump_group(&soak->group[i]);
	for (int i = 0; i < soak->members; i++)
		dump_member(&soak->member[i]);
}

/* ------------------------------------------------------------- standstills */

/* a standstill that is longer may be a lost wake-up, which the next kill would
   make good: then nobody is disturbed until it moves, or for good */
enum { WORRY_MS = 400 };

static pthread_t watcher;
static _Atomic bool idle, ended;

static uint64_t calls_of(int group)
{
	uint64_t calls = 0;

	for (int i = 0; i < soak->members; i++) {
		if (soak->member[i].group == group)
			calls += soak->member[i].calls;
	}
	return calls;
}

static void look_at(int group)
{
	struct soak_group *g = &soak->group[group];
	uint64_t calls = calls_of(group);
	double now = soak_ms(), still = now - g->moved_at;

	if (idle || calls != g->calls_before) {
		g->moved_at = now;
		g->calls_before = calls;
		return;
	}
	if (still > soak->longest_standstill) {
		soak->longest_standstill = still;
		soak->longest_of = g->what;
	}
	if (still > soak->limit_ms && !soak->breaches)
		soak_breach("%s: stands still for %.0f ms", g->what, still);
}

static void *watch(void *arg)
{
	while (!ended) {
		for (int i = 0; i < soak->groups; i++)
			look_at(i);
		soak_sleep_ms(5);
	}
	return arg;
}

bool soak_watch_worried(void)
{
	for (int i = 0; i < soak->groups; i++) {
		if (soak_ms() - soak->group[i].moved_at > WORRY_MS)
			return true;
	}
	return false;
}

void soak_watch_begin(void)
{
	for (int i = 0; i < soak->groups; i++)
		soak->group[i].moved_at = soak_ms();
	if (pthread_create(&watcher, NULL, watch, NULL))
		abort();
}

void soak_watch_idle(bool is)
{
	idle = is;
}

void soak_watch_end(void)
{
	ended = true;
	pthread_join(watcher, NULL);
}

/* ------------------------------------------------------------ what it needs */

struct needs {
	long rss_kib, fds, children, shm_entries, shm_kib;
};

static long count_entries(const char *path)
{
	DIR *dir = opendir(path);
	long n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void count_shm(struct needs *n)
{
	char prefix[48], path[512];
	struct dirent *entry;
	struct stat st;
	DIR *dir = opendir("/dev/shm");

	snprintf(prefix, sizeof(prefix), "libipc-soak-%d-", (int)getpid());
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)))
			continue;
		snprintf(path, sizeof(path), "/dev/shm/%s", entry->d_name);
		n->shm_entries++;
		if (stat(path, &st) == 0)
			n->shm_kib += st.st_blocks / 2;
	}
	if (dir)
		closedir(dir);
}

static long count_children(void)
{
	char path[64], c = ' ', before;
	long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children",
		 (int)getpid());
	f = fopen(path, "r");
	do {
		before = c;
		if (!f || fread(&c, 1, 1, f) != 1)
			c = '\0';
		n += c != ' ' && c && before == ' ';
	} while (c);
	if (f)
		fclose(f);
	return n;
}

static long rss_kib(void)
{
	long size, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%ld %ld", &size, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* the first pauses are to grow warm */
void soak_check_flat(void)
{
	enum { WARM = 2, MORE_KIB = 1024 };
	static struct needs first;
	struct needs now = {.rss_kib = rss_kib(),
			    .fds = count_entries("/proc/self/fd"),
			    .children = count_children()};

	count_shm(&now);
	if (soak->pauses <= WARM)
		first = now;
	if (now.fds != first.fds || now.children != soak->members ||
	    now.shm_entries != first.shm_entries ||
	    now.rss_kib > first.rss_kib + MORE_KIB ||
	    now.shm_kib > first.shm_kib + MORE_KIB)
		soak_breach("not flat: %ld descriptors (%ld), %ld children "
			    "(%d), %ld names (%ld), %ld KiB (%ld), shm %ld "
			    "KiB (%ld)",
			    now.fds, first.fds, now.children, soak->members,
			    now.shm_entries, first.shm_entries, now.rss_kib,
			    first.rss_kib, now.shm_kib, first.shm_kib);
}
