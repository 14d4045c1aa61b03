/* SPDX-License-Identifier: MIT */
/*
 * os_posix.c - os.h with what POSIX has, and nothing else
 *
 * The bounded way to wait (os_room.c), and named memory without files that have
 * no name: an object is made under a temporary name, and then linked to its
 * own. A creator that is killed in between leaves the temporary one, which says
 * whose it was, and the next create or unlink of anybody removes it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "os.h"
#include <ipc/base.h>

/* a directory that everybody may write to, in memory if there is such a one;
   on Linux where shm_open has its objects */
#ifndef IPCI_SHM_DIR
#define IPCI_SHM_DIR "/dev/shm"
#endif

/* ---- the calling thread ---- */

struct ipci_self *ipci_self_init(void)
{
	struct ipci_self *self = &ipci_thread;

	if (ipci_os_caps() < 0 || !ipci_watch_forks())
		return NULL;
	self->held = 0;
	self->id = ipci_new_id();
	ipci_room_self(self, (uint32_t)getpid());
	return self;
}

bool ipci_os_gone(uint32_t pid)
{
	return kill((pid_t)pid, 0) && errno == ESRCH;
}

/* POSIX has no way to tell whether another's child was only not reaped yet */
bool ipci_os_ended(uint32_t pid)
{
	return ipci_os_gone(pid);
}

/* ---- capabilities ---- */

static _Atomic int backend; /* as far as known */

enum ipci_backend ipci_os_backend(void)
{
	ipci_os_caps();
	return (enum ipci_backend)atomic_load_explicit(&backend,
						       memory_order_relaxed);
}

int ipci_os_caps(void)
{
	int r;

	if (ipci_displaced())
		return -ENOSYS;
	if (!ipci_watch_forks())
		return -ENOMEM; /* for now */
	if (atomic_load_explicit(&backend, memory_order_relaxed) ==
	    IPCI_BACKEND_UNKNOWN) {
		r = ipci_os_is_wanted("pid") ? 0 : ipci_room_probe();
		if (r < 0)
			return r;
		atomic_store_explicit(
			&backend, r ? IPCI_BACKEND_ROBUST : IPCI_BACKEND_PID,
			memory_order_relaxed);
	}
	return LIBIPC_CAP_BOUNDED_WAKE;
}

/* POSIX knows of no such thing */
uint64_t ipci_os_id_space(void)
{
	return 0;
}

int64_t ipci_coarse_ns(void)
{
	return ipci_now_ns();
}

/* ---- the exact way to wait: there is none ---- */

#define PAUSE_MAX_NS INT64_C(30000000)

/* a pause until then, after which the caller looks again: not a long one, for
   nobody ends it */
int ipci_os_sleep(const struct ipci_still *same, int n, int64_t deadline)
{
	int64_t left = deadline - ipci_now_ns();
	struct timespec pause = {0, 0};
	int cancel;

	(void)same;
	(void)n;
	if (left > 0)
		pause.tv_nsec =
			(long)(left < PAUSE_MAX_NS ? left : PAUSE_MAX_NS);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	nanosleep(&pause, NULL);
	pthread_setcancelstate(cancel, &cancel);
	return 0;
}

int ipci_os_wake(const _Atomic uint64_t *word, int n)
{
	(void)word;
	(void)n;
	return 0;
}

bool ipci_os_barrier(void)
{
	return false;
}

/* ---- named memory ---- */

#define TEMPORARY ".libipc-"

enum {
	PATH_ROOM = sizeof(IPCI_SHM_DIR) + NAME_MAX + 1,
	TRIES = 100,
};

/* name begins with a slash */
static void path_of(char path[PATH_ROOM], const char *name)
{
	snprintf(path, PATH_ROOM, IPCI_SHM_DIR "%s", name);
}

/* whether it is the temporary name of a process that is no more */
static bool is_litter(const char *name)
{
	unsigned int pid, serial;
	char end;

	return sscanf(name, TEMPORARY "%u-%u%c", &pid, &serial, &end) == 2 &&
	       pid > 0 && pid <= INT_MAX && ipci_os_gone(pid);
}

/*
 * Was the process not gone but only not to be seen from here (in another pid
 * namespace), it finds that its file has no name, and begins again.
 */
static void sweep(void)
{
	char path[PATH_ROOM];
	struct dirent *entry;
	int cancel;
	DIR *dir;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	dir = opendir(IPCI_SHM_DIR);
	while (dir && (entry = readdir(dir))) {
		if (!is_litter(entry->d_name))
			continue;
		snprintf(path, sizeof(path), IPCI_SHM_DIR "/%s", entry->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	pthread_setcancelstate(cancel, &cancel);
}

/* a file that was not there before, under a name that nobody else uses */
static int make_file(struct ipci_shm_file *f)
{
	static _Atomic unsigned int serial;
	char path[PATH_ROOM];

	for (int i = 0; i < TRIES; i++) {
		snprintf(f->temporary, sizeof(f->temporary),
			 "/" TEMPORARY "%ld-%u", (long)getpid(),
			 atomic_fetch_add_explicit(&serial, 1,
						   memory_order_relaxed));
		path_of(path, f->temporary);
		f->fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
		if (f->fd >= 0)
			return 0;
		if (errno != EEXIST && errno != EINTR)
			break;
	}
	return errno == ENOENT ? -ENOSYS : -errno;
}

int ipci_os_shm_make(struct ipci_shm_file *f, uint64_t size, uint64_t reserved,
		     unsigned int mode)
{
	int r;

	sweep();
	r = make_file(f);
	if (r < 0)
		return r;
	r = ipci_os_shm_shape(f->fd, size, reserved, mode);
	if (r < 0) {
		ipci_os_shm_drop(f);
		close(f->fd);
	}
	return r;
}

int ipci_os_shm_publish(struct ipci_shm_file *f, const char *name)
{
	char from[PATH_ROOM], to[PATH_ROOM];
	int r;

	path_of(from, f->temporary);
	path_of(to, name);
	r = link(from, to) ? -errno : 0;
	while (unlink(from) && errno == EINTR)
		;
	return r;
}

void ipci_os_shm_drop(struct ipci_shm_file *f)
{
	char path[PATH_ROOM];

	path_of(path, f->temporary);
	while (unlink(path) && errno == EINTR)
		;
}

/* as shm_open says it: a directory is not a name for an object */
int ipci_os_shm_open(const char *name)
{
	char path[PATH_ROOM];

	path_of(path, name);
	return open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
}

int ipci_os_shm_unlink(const char *name)
{
	char path[PATH_ROOM];

	sweep();
	path_of(path, name);
	return unlink(path);
}

const bool ipci_os_gives_back = false;

/* POSIX has no way to make a hole. Not to be written: they may have no memory,
   and a full file system would tell by a signal. */
void ipci_os_discard(void *pages, size_t size)
{
	(void)pages;
	(void)size;
}

/* ... to have memory for pages before they are touched */
int ipci_os_populate(void *pages, size_t size)
{
	(void)pages;
	(void)size;
	return 0;
}

/* ... or to leave any out of a core dump */
void ipci_os_leave_out_of_dumps(void *pages, size_t size)
{
	(void)pages;
	(void)size;
}

/* ---- lifelines ---- */

/* without SOCK_CLOEXEC (POSIX.1-2024) an exec just now takes a copy along */
int ipci_os_lifeline(int fds[2])
{
#ifdef SOCK_CLOEXEC
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
#else
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return -errno;
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
#endif
	return 0;
}

/* nothing is ever sent, so what can be read is the end */
bool ipci_os_lifeline_cut(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n, cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	n = poll(&p, 1, 0);
	pthread_setcancelstate(cancel, &cancel);
	return n == 1 && (p.revents & (POLLIN | POLLHUP));
}
