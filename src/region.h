/* SPDX-License-Identifier: MIT */
/*
 * region.h - create, open and close the memory of one object
 *
 * See layout.h for what a region looks like, in a file and in memory.
 */
#ifndef IPCI_REGION_H
#define IPCI_REGION_H

#include <stdbool.h>

#include "layout.h"

/* a handle begins with this; ipci_region_create and _open allocate both */
struct ipci_region {
	struct head_shm *head;
	struct mutex_shm *mutex; /* the last bytes of the head page */
	unsigned char *body;
	size_t body_size; /* bytes, whole pages; 0: no body */
	size_t map_size;  /* bytes from head to the end of the body */
	int fd;		  /* of one that grows and has a name, or -1 */
	int (*prepare)(struct ipci_region *r); /* during create */

	/* who, beside the handle, needs it: generation:32 | number:32, for in
	   a forked child nobody does yet */
	_Atomic uint64_t holders;
	_Atomic bool closed; /* the handle is; holders may remain */
};

/* up to whole pages */
uint64_t ipci_region_round(uint64_t size);

/*
 * A new region, all zero but for the head, which is want with what this file
 * knows filled in; body_size and fixed_size (0: all of it) are rounded up to
 * whole pages. The handle that it belongs to has handle_size bytes, zero behind
 * the region. name NULL: anonymous. mode 0: 0600. Errors as the public creates
 * list them. prepare, or NULL, is called while nobody else can see it: for
 * what is not zero at first, which is the rooms in its body (the one of the
 * mutex is taken care of), and to reserve more than the first fixed_size bytes.
 * What it answers, create does.
 */
int ipci_region_create(struct ipci_region **r, size_t handle_size,
		       const char *name, uint32_t mode,
		       const struct head_shm *want,
		       int (*prepare)(struct ipci_region *r));

/*
 * A named region of that kind. *head is a copy of its head that was checked;
 * the geometry in head->u is the caller's to check, in the copy.
 */
int ipci_region_open(struct ipci_region **r, size_t handle_size,
		     const char *name, enum ipci_kind kind,
		     struct head_shm *head);

/*
 * Reads the head of a file, opened to be read: 0, -EPROTO (not a region of this
 * build), -EBADMSG, -ENOENT (it has no name any more). Neither its kind nor its
 * id_space is compared.
 */
int ipci_region_peek(int fd, struct head_shm *head);

/*
 * Memory for size bytes of the body from offset on, beyond fixed_size, before
 * they are first written: 0, -ENOSPC; without a name: -ENOMEM. Again is
 * harmless.
 */
int ipci_region_reserve(const struct ipci_region *r, size_t offset,
			size_t size);

/* gives the memory of whole pages of the body back, if they have any; they read
   as zeros, or as they were. They must be reserved again before they are
   written. */
void ipci_region_discard(const struct ipci_region *r, size_t offset,
			 size_t size);

/* shared memory, all zero, for this process and those that it will fork, and
   that; NULL: none */
void *ipci_region_inherit(size_t size);
void ipci_region_forget(void *memory, size_t size);

/* one close more is needed */
void ipci_region_hold(struct ipci_region *r);

/* the last one unmaps it and frees the handle */
void ipci_region_close(struct ipci_region *r);

/* frees the handle; what is mapped stays, for it may still be read */
void ipci_region_leave(struct ipci_region *r);

#endif
