/* SPDX-License-Identifier: MIT */
/*
 * shared.c - plain shared bytes: the body of a region, and its mutex
 */
#include <ipc/shared.h>
#include "mutex.h"

struct ipc_shared {
	struct ipci_region region;
	struct ipci_mutex mutex;
	size_t size; /* bytes, as asked for */
};

static int check_opts(size_t size, const struct ipc_shared_opts *o)
{
	if (size == 0 || o->flags || o->reserved[0] || o->reserved[1])
		return -EINVAL;
	return 0;
}

static struct ipc_shared *attach(struct ipci_region *r, size_t size)
{
	struct ipc_shared *s = (struct ipc_shared *)r;

	ipci_mutex_init(&s->mutex, r, false);
	s->size = size;
	return s;
}

int ipc_shared_create(struct ipc_shared **s, const char *name, size_t size,
		      const struct ipc_shared_opts *opts)
{
	static const struct ipc_shared_opts defaults;
	const struct head_shm want = {.kind = IPCI_KIND_SHARED,
				      .body_size = size,
				      .u.shared.size = size};
	struct ipci_region *r;
	int err;

	if (!s)
		return -EINVAL;
	if (!opts)
		opts = &defaults;
	err = check_opts(size, opts);
	if (err)
		return err;
	err = ipci_region_create(&r, sizeof(**s), name, opts->mode, &want,
				 NULL);
	if (err)
		return err;
	*s = attach(r, size);
	return 0;
}

int ipc_shared_open(struct ipc_shared **s, const char *name)
{
	struct ipci_region *r;
	struct head_shm head;
	int err;

	if (!s)
		return -EINVAL;
	err = ipci_region_open(&r, sizeof(**s), name, IPCI_KIND_SHARED, &head);
	if (err)
		return err;
	if (head.u.shared.size == 0 || head.u.shared.size > head.body_size) {
		ipci_region_close(r);
		return -EBADMSG;
	}
	*s = attach(r, (size_t)head.u.shared.size);
	return 0;
}

void *ipc_shared_data(struct ipc_shared *s)
{
	return s ? s->region.body : NULL;
}

size_t ipc_shared_size(struct ipc_shared *s)
{
	return s ? s->size : 0;
}

int ipc_shared_lock(struct ipc_shared *s, int timeout_ms)
{
	return s ? ipci_mutex_lock(&s->mutex, timeout_ms) : -EINVAL;
}

int ipc_shared_unlock(struct ipc_shared *s)
{
	return s ? ipci_mutex_unlock(&s->mutex) : -EINVAL;
}

int ipc_shared_close(struct ipc_shared *s)
{
	if (!s)
		return -EINVAL;
	if (ipci_mutex_busy(&s->mutex))
		return -EBUSY;
	ipci_region_close(&s->region);
	return 0;
}
