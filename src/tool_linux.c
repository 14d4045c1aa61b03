/* SPDX-License-Identifier: MIT */
/*
 * tool_linux.c - what only the system knows: /proc, leases
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "os_linux.h"
#include "tool.h"

enum {
	PATH_SIZE = 320,
	LINE_SIZE = 4096 + 128,
};

const char *tool_shm_dir(void)
{
	return "/dev/shm";
}

unsigned int tool_pause(unsigned int ms)
{
	struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

	while (nanosleep(&t, &t) && errno == EINTR)
		;
	return ms;
}

/* ---- small files ---- */

/* as much as fits, and a zero: how much, or -1 */
static ssize_t read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n;
}

/* ---- threads ---- */

/* the number behind "Field:" in /proc/.../status */
static long status_number(const char *status, const char *field)
{
	const char *at = strstr(status, field);

	return at ? strtol(at + strlen(field), NULL, 10) : 0;
}

/* from when it began, in ticks since the system did: the 20th field behind the
   name, which may hold anything */
bool tool_thread_age(pid_t tid, uint64_t *ms)
{
	unsigned long long ticks, hz = (unsigned long long)sysconf(_SC_CLK_TCK);
	char path[PATH_SIZE], text[LINE_SIZE];
	struct timespec now;
	const char *at;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)tid);
	read_file(path, text, sizeof(text));
	at = strrchr(text, ')');
	for (int i = 0; at && i < 20; i++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%llu", &ticks) != 1 || !hz ||
	    clock_gettime(CLOCK_BOOTTIME, &now))
		return false;
	*ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 +
	      1 - ticks * 1000 / hz;
	return true;
}

bool tool_thread(pid_t tid, struct tool_thread *t)
{
	char path[PATH_SIZE], text[LINE_SIZE], *end;

	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)tid);
	if (read_file(path, t->command, sizeof(t->command)) <= 0)
		return false;
	end = strchr(t->command, '\n');
	if (end)
		*end = '\0';
	snprintf(path, sizeof(path), "/proc/%ld/status", (long)tid);
	if (read_file(path, text, sizeof(text)) <= 0)
		return false;
	t->tid = tid;
	t->pid = (pid_t)status_number(text, "\nTgid:");
	end = strstr(text, "\nState:");
	end += end ? strspn(end + 7, " \t") + 7 : 0;
	t->state = (char)(end && isalpha((unsigned char)*end) ? *end : '?');
	return true;
}

/* ---- who has a file mapped ---- */

enum {
	PLACES = 8, /* where one process has one file mapped */
};

struct place {
	uint64_t start, end, offset;
};

struct mapped {
	struct place place[PLACES];
	int n;
};

/* one line of /proc/PID/maps */
static void add_place(struct mapped *m, const char *line, const struct stat *st)
{
	unsigned long long start, end, offset, inode;
	unsigned int maj, min;

	if (m->n < PLACES &&
	    sscanf(line, "%llx-%llx %*4s %llx %x:%x %llu", &start, &end,
		   &offset, &maj, &min, &inode) == 6 &&
	    inode == st->st_ino && maj == major(st->st_dev) &&
	    min == minor(st->st_dev))
		m->place[m->n++] = (struct place){start, end, offset};
}

/* false: we may not know */
static bool find_places(pid_t pid, const struct stat *st, struct mapped *m)
{
	char path[PATH_SIZE], line[LINE_SIZE];
	FILE *maps;
	bool known;

	m->n = 0;
	snprintf(path, sizeof(path), "/proc/%ld/maps", (long)pid);
	maps = fopen(path, "re");
	if (!maps)
		return errno == ENOENT || errno == ESRCH; /* it has ended */
	while (fgets(line, sizeof(line), maps))
		add_place(m, line, st);
	known = !ferror(maps) || errno == ESRCH;
	fclose(maps);
	return known;
}

static bool to_offset(const struct mapped *m, uint64_t address, uint64_t *at)
{
	for (int i = 0; i < m->n; i++) {
		const struct place *p = &m->place[i];

		if (address < p->start || address >= p->end)
			continue;
		*at = address - p->start + p->offset;
		return true;
	}
	return false;
}

/* ---- at what a thread sleeps ---- */

/* the words that a futex_waitv waits for lie in its memory; not as /proc's mem,
   where an offset of 32 bits does not reach all of it */
static bool first_of_many(pid_t pid, uint64_t address, uint64_t *futex)
{
	struct futex_waitv first;
	struct iovec to = {&first, sizeof(first)};
	struct iovec from = {(void *)(uintptr_t)address, sizeof(first)};

	if (process_vm_readv(pid, &to, 1, &from, 1, 0) !=
	    (ssize_t)sizeof(first))
		return false;
	*futex = first.uaddr;
	return true;
}

static bool is_futex(unsigned long long number)
{
#ifdef SYS_futex_time64 /* of 32 bits */
	if (number == SYS_futex_time64)
		return true;
#endif
#ifdef SYS_futex
	if (number == SYS_futex)
		return true;
#endif
	return false;
}

/* false: we may not know; *futex is 0 if it sleeps at none */
static bool sleeping_at(pid_t pid, pid_t tid, uint64_t *futex)
{
	char path[PATH_SIZE], text[512];
	unsigned long long number, address;

	*futex = 0;
	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/syscall", (long)pid,
		 (long)tid);
	if (read_file(path, text, sizeof(text)) < 0)
		return errno == ENOENT || errno == ESRCH;
	if (sscanf(text, "%llu 0x%llx", &number, &address) != 2)
		return true; /* "running" */
	if (is_futex(number))
		*futex = address;
	if (number == SYS_futex_waitv && !first_of_many(pid, address, futex))
		return false;
	return true;
}

/* ---- users ---- */

static bool add_user(struct tool_users *u, const struct tool_user *user)
{
	struct tool_user *more = u->list;

	if (u->n % 64 == 0) {
		more = realloc(u->list, (u->n + 64) * sizeof(*more));
		if (!more)
			return false;
		u->list = more;
	}
	more[u->n++] = *user;
	return true;
}

static void add_thread(struct tool_users *u, pid_t pid, pid_t tid,
		       const struct mapped *m)
{
	struct tool_user user = {.sleeps = false};
	uint64_t futex;

	if (!tool_thread(tid, &user.thread))
		return;
	if (!sleeping_at(pid, tid, &futex))
		u->complete = false;
	user.sleeps = futex && to_offset(m, futex & ~UINT64_C(7), &user.at);
	if (!add_user(u, &user))
		u->complete = false;
}

static pid_t number_of(const struct dirent *d)
{
	return isdigit((unsigned char)d->d_name[0])
		       ? (pid_t)strtol(d->d_name, NULL, 10)
		       : 0;
}

static void add_threads(struct tool_users *u, pid_t pid, const struct mapped *m)
{
	char path[PATH_SIZE];
	const struct dirent *d;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
	tasks = opendir(path);
	while (tasks && (d = readdir(tasks)))
		if (number_of(d))
			add_thread(u, pid, number_of(d), m);
	if (tasks)
		closedir(tasks);
}

static void add_process(struct tool_users *u, pid_t pid, const struct stat *st)
{
	struct mapped m;

	if (!find_places(pid, st, &m))
		u->complete = false;
	else if (m.n > 0)
		add_threads(u, pid, &m);
}

void tool_users(const struct stat *st, struct tool_users *u)
{
	const struct dirent *d;
	DIR *proc = opendir("/proc");

	*u = (struct tool_users){NULL, 0, proc != NULL};
	while (proc && (d = readdir(proc)))
		if (number_of(d))
			add_process(u, number_of(d), st);
	if (proc)
		closedir(proc);
}

/* ---- whether there are users at all ---- */

/*
 * By a lease: the kernel grants one for writing only if this is the only open
 * file of that inode, and a mapping counts as one, whoever has it, in whatever
 * container. From then on an open waits.
 */
int tool_unused(int fd)
{
	signal(SIGIO, SIG_IGN); /* what tells that somebody waits */
	if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0)
		return 1;
	return errno == EAGAIN ? 0 : -errno;
}

bool tool_unused_wanted(int fd)
{
	return fcntl(fd, F_GETLEASE) != F_WRLCK;
}

/* ---- remove ---- */

static int path_stat(const char *path, const struct stat *st)
{
	struct stat now;

	if (lstat(path, &now))
		return -errno;
	return now.st_dev == st->st_dev && now.st_ino == st->st_ino ? 0
								    : -ENOENT;
}

/*
 * There is no unlink for a certain file. So the name is moved away first, where
 * nobody else gives or takes names, and looked at there.
 */
int tool_remove(const char *name, const struct stat *st)
{
	char from[PATH_SIZE], to[PATH_SIZE];
	int err;

	snprintf(from, sizeof(from), "%s%s", tool_shm_dir(), name);
	snprintf(to, sizeof(to), "%s/.libipc-gc-%ld", tool_shm_dir(),
		 (long)getpid());
	err = path_stat(from, st);
	if (err)
		return err;
	if (rename(from, to))
		return -errno;
	err = path_stat(to, st);
	if (err && link(to, from))
		return -errno;
	return unlink(to) ? -errno : err;
}

/* ---- for doctor ---- */

static long number_in(const char *path)
{
	char text[64];

	return read_file(path, text, sizeof(text)) > 0 ? strtol(text, NULL, 10)
						       : -1;
}

uint64_t tool_max_maps(void)
{
	long n = number_in("/proc/sys/vm/max_map_count");

	return n > 0 ? (uint64_t)n : 0;
}

bool tool_leases(void)
{
	return number_in("/proc/sys/fs/leases-enable") != 0;
}

static bool has_robust_list(void)
{
	void *head = NULL;
	size_t size;

	return syscall(SYS_get_robust_list, 0, &head, &size) == 0;
}

void tool_show_kernel(void)
{
	out_flag("futex_waitv",
		 syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0) != 0 &&
			 errno != ENOSYS && errno != EPERM);
	out_flag("robust_list", has_robust_list());
}
