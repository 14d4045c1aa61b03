/* SPDX-License-Identifier: MIT */
/*
 * guard.c - nothing on either side of what the library maps
 *
 * The linker takes these for the library's mmap and munmap. Sanitizers do not
 * watch mappings; around each new one there is room that nobody may touch, so
 * an access outside is a crash and not a hit on something else.
 *
 * And nobody but this process is there: a call without a timeout would wait,
 * rightly, for a thread of whatever program has the number that was written
 * into a gate.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD ((size_t)1 << 28)

enum { MAPPINGS = 64 };

static struct {
	char *at;
	size_t size;
} mapping[MAPPINGS];

void *__real_mmap(void *, size_t, int, int, int, off_t);
void *__wrap_mmap(void *, size_t, int, int, int, off_t);
int __real_munmap(void *, size_t);
int __wrap_munmap(void *, size_t);

static void remember(char *at, size_t size)
{
	for (int i = 0; i < MAPPINGS; i++) {
		if (!mapping[i].at) {
			mapping[i].at = at;
			mapping[i].size = size;
			return;
		}
	}
	abort();
}

void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd,
		  off_t offset)
{
	char *room;

	if (flags & MAP_FIXED)
		return __real_mmap(at, size, prot, flags, fd, offset);
	if (size > SIZE_MAX / 2)
		return MAP_FAILED;
	room = __real_mmap(NULL, size + 2 * GUARD, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return MAP_FAILED;
	room += GUARD;
	if (__real_mmap(room, size, prot, flags | MAP_FIXED, fd, offset) ==
	    MAP_FAILED) {
		__real_munmap(room - GUARD, size + 2 * GUARD);
		return MAP_FAILED;
	}
	remember(room, size);
	return room;
}

/* as a whole, or pages inside, which stay forbidden */
int __wrap_munmap(void *at, size_t size)
{
	for (int i = 0; i < MAPPINGS; i++) {
		if (mapping[i].at == at && mapping[i].size == size) {
			mapping[i].at = NULL;
			return __real_munmap((char *)at - GUARD,
					     size + 2 * GUARD);
		}
	}
	return __real_mmap(at, size, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				   MAP_FIXED,
			   -1, 0) == MAP_FAILED
		       ? -1
		       : 0;
}

int __real_kill(pid_t, int);
int __wrap_kill(pid_t, int);

int __wrap_kill(pid_t pid, int sig)
{
	if (sig || pid == getpid())
		return __real_kill(pid, sig);
	errno = ESRCH;
	return -1;
}
