/* SPDX-License-Identifier: MIT */
/*
 * mutex.c - a gate whose condition is "free", and who held it
 */
#include <ipc/mutex.h>
#include "held.h"
#include "mutex.h"

enum {
	/* the kernel walks 2048 entries of a list; libc's have the rest */
	HELD_MAX = 1024,
};

struct ipc_mutex {
	struct ipci_region region;
	struct ipci_mutex mutex;
};

/* ---- for mutex.c and shared.c ---- */

static bool is_free(const void *arg)
{
	const struct ipci_mutex *m = arg;

	return ipci_gate_owner(&m->gate) == 0;
}

void ipci_mutex_init(struct ipci_mutex *m, const struct ipci_region *r)
{
	m->s = r->mutex;
	m->gate = (struct ipci_gate){
		.word = &m->s->word, .ready = is_free, .arg = m};
	atomic_init(&m->held_by, 0);
}

/*
 * The thread that locked may have ended, and the kernel have let go for it; or
 * be one of the parent that forked us: then it is not ours.
 */
bool ipci_mutex_busy(const struct ipci_mutex *m)
{
	uint64_t id = atomic_load_explicit(&m->held_by, memory_order_relaxed);

	return id != 0 && id >> 32 == ipci_generation() &&
	       ipci_gate_owner(&m->gate) == (uint32_t)id;
}

/* L1, L2: the holder that we follow has died if it did not sign off */
static int take_over(struct ipci_mutex *m, const struct ipci_self *self)
{
	uint32_t last;

	last = atomic_load_explicit(&m->s->holder, memory_order_relaxed);
	atomic_store_explicit(&m->s->holder, self->tid, memory_order_relaxed);
	return last ? LIBIPC_OWNER_DIED : 0;
}

int ipci_mutex_lock(struct ipci_mutex *m, int timeout_ms)
{
	struct ipci_self *self = ipci_self();
	int r;

	if (!self)
		return -ENOSYS;
	if (ipci_gate_owner(&m->gate) == self->tid)
		return -EDEADLK;
	if (self->held >= HELD_MAX)
		return -ENOLCK;
	if (!ipci_gate_take(self, &m->gate)) {
		r = ipci_gate_enter(self, &m->gate, ipci_deadline(timeout_ms));
		if (r < 0)
			return ipci_gave_up(timeout_ms);
	}
	ipci_held_link(self, ipci_node_of(self, m->gate.word));
	r = take_over(m, self);
	ipci_gate_settle(self);
	atomic_store_explicit(&m->held_by, self->id, memory_order_relaxed);
	self->held++;
	return r;
}

int ipci_mutex_unlock(struct ipci_mutex *m)
{
	struct ipci_self *self = ipci_self();

	if (!self)
		return -ENOSYS;
	if (ipci_gate_owner(&m->gate) != self->tid ||
	    atomic_load_explicit(&m->held_by, memory_order_relaxed) != self->id)
		return -EPERM;
	atomic_store_explicit(&m->held_by, 0, memory_order_relaxed);
	self->held--;
	atomic_store_explicit(&m->s->holder, 0, memory_order_relaxed); /* U1 */
	ipci_gate_announce(self, &m->gate);
	ipci_held_unlink(self, ipci_node_of(self, m->gate.word));
	ipci_gate_release(self, &m->gate);
	return 0;
}

/* ---- the public object ---- */

static int check_opts(const struct ipc_mutex_opts *o)
{
	if (o->reserved[0] || o->reserved[1] ||
	    (o->flags & ~(uint32_t)LIBIPC_MUTEX_RECURSIVE))
		return -EINVAL;
	return o->flags ? -ENOTSUP : 0;
}

int ipc_mutex_create(struct ipc_mutex **m, const char *name,
		     const struct ipc_mutex_opts *opts)
{
	static const struct ipc_mutex_opts defaults;
	const struct head_shm want = {.kind = IPCI_KIND_MUTEX};
	struct ipci_region *r;
	int err;

	if (!m)
		return -EINVAL;
	if (!opts)
		opts = &defaults;
	err = check_opts(opts);
	if (err)
		return err;
	err = ipci_region_create(&r, sizeof(**m), name, opts->mode, &want);
	if (err)
		return err;
	*m = (struct ipc_mutex *)r;
	ipci_mutex_init(&(*m)->mutex, r);
	return 0;
}

int ipc_mutex_open(struct ipc_mutex **m, const char *name)
{
	struct ipci_region *r;
	struct head_shm head;
	int err;

	if (!m)
		return -EINVAL;
	err = ipci_region_open(&r, sizeof(**m), name, IPCI_KIND_MUTEX, &head);
	if (err)
		return err;
	*m = (struct ipc_mutex *)r;
	ipci_mutex_init(&(*m)->mutex, r);
	return 0;
}

int ipc_mutex_close(struct ipc_mutex *m)
{
	if (!m)
		return -EINVAL;
	if (ipci_mutex_busy(&m->mutex))
		return -EBUSY;
	ipci_region_close(&m->region);
	return 0;
}

int ipc_mutex_lock(struct ipc_mutex *m, int timeout_ms)
{
	return m ? ipci_mutex_lock(&m->mutex, timeout_ms) : -EINVAL;
}

int ipc_mutex_unlock(struct ipc_mutex *m)
{
	return m ? ipci_mutex_unlock(&m->mutex) : -EINVAL;
}
