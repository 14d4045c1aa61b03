/* SPDX-License-Identifier: MIT */
/*
 * faults.h - allocations and mappings that fail, one after another
 *
 * For one source file of a program: it takes the place of libc's calloc(),
 * realloc() and mmap(), which is all that the library gets memory with.
 */
#ifndef LIBIPC_TESTS_FAULTS_H
#define LIBIPC_TESTS_FAULTS_H

#include "process_util.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* how many still succeed before one fails; negative: all do */
static _Atomic int allocations_left = -1, mappings_left = -1;

static bool is_next_to_fail(_Atomic int *left)
{
	if (*left < 0 || (*left)-- > 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *calloc(size_t n, size_t size)
{
	size_t all;
	void *p;

	if (__builtin_mul_overflow(n, size, &all) ||
	    is_next_to_fail(&allocations_left))
		return NULL;
	p = malloc(all);
	/* memset would be made into a call of calloc */
	for (size_t i = 0; p && i < all; i++)
		((volatile unsigned char *)p)[i] = 0;
	return p;
}

void *realloc(void *old, size_t size)
{
	size_t had = old ? malloc_usable_size(old) : 0;
	void *p;

	if (is_next_to_fail(&allocations_left))
		return NULL;
	p = malloc(size);
	if (p && old) {
		memcpy(p, old, had < size ? had : size);
		free(old);
	}
	return p;
}

void *mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	if (is_next_to_fail(&mappings_left))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, size, prot, flags, fd, offset);
}

/* no more descriptors from now on, in this process */
static inline void use_up_descriptors(void)
{
	struct rlimit none = {3, 3};

	child_check(setrlimit(RLIMIT_NOFILE, &none) == 0);
}

#endif
