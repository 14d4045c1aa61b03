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
	DEPTH_MAX = 1000000,
	FLAGS = LIBIPC_MUTEX_RECURSIVE,
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

void ipci_mutex_init(struct ipci_mutex *m, const struct ipci_region *r,
		     bool recursive)
{
	m->s = r->mutex;
	m->gate = (struct ipci_gate){
		.word = &m->s->word, .ready = is_free, .arg = m};
	ipci_gate_furnish(&m->gate, &m->s->room);
	atomic_init(&m->held_by, 0);
	m->recursive = recursive;
	m->simple = !m->gate.room && !recursive;
}

IPCI_INLINE bool through_this(const struct ipci_mutex *m,
			      const struct ipci_self *self)
{
	return atomic_load_explicit(&m->held_by, memory_order_relaxed) ==
	       self->id;
}

/*
 * The thread that locked may have ended, and the kernel have let go for it; or
 * be one of the parent that forked us: then it is not ours. If it is we, the
 * node is on our list, whatever somebody wrote over the word.
 */
bool ipci_mutex_busy(const struct ipci_mutex *m)
{
	uint64_t id = atomic_load_explicit(&m->held_by, memory_order_relaxed);

	if (id == 0 || id >> 32 != ipci_generation())
		return false;
	return id == ipci_thread.id ||
	       ipci_gate_holds(&m->gate,
			       atomic_load_explicit(&m->held_mark,
						    memory_order_relaxed));
}

/* L1, L2: the holder that we follow has died if it did not sign off */
IPCI_INLINE int take_over(struct ipci_mutex *m, const struct ipci_self *self)
{
	uint32_t last;

	last = atomic_load_explicit(&m->s->holder, memory_order_relaxed);
	/* L2 */
	atomic_store_explicit(&m->s->holder, self->tid, memory_order_relaxed);
	return last ? LIBIPC_OWNER_DIED : 0;
}

/* R2, N4 */
IPCI_INLINE void let_go(struct ipci_mutex *m, struct ipci_self *self)
{
	atomic_store_explicit(&m->held_by, 0, memory_order_relaxed);
	self->held--;
	ipci_held_unlink(self, ipci_node_of(self, m->gate.word));
}

/* somebody has written over the word while it was ours, but not over the lock
   in its room */
static __attribute__((noinline)) void give_up(struct ipci_mutex *m,
					      struct ipci_self *self)
{
	let_go(m, self);
	if (m->gate.room)
		ipci_room_unlock(m->gate.room, m->gate.word, self->key);
}

/* mostly it is there already, from the last time */
IPCI_INLINE void note_mark(struct ipci_mutex *m, uint32_t mark)
{
	if (atomic_load_explicit(&m->held_mark, memory_order_relaxed) != mark)
		atomic_store_explicit(&m->held_mark, mark,
				      memory_order_relaxed);
}

/* A3, N1: by its node in this handle's memory. On the list already: somebody
   has written over the word while it was ours. */
IPCI_INLINE void hold(struct ipci_mutex *m, struct ipci_self *self,
		      uint32_t mark)
{
	if (through_this(m, self))
		let_go(m, self);
	ipci_held_link(self, ipci_node_of(self, m->gate.word));
	self->held++;
	note_mark(m, mark);
	atomic_store_explicit(&m->held_by, self->id, memory_order_relaxed);
}

/* N1, N2: this thread has it already, maybe through another handle */
static __attribute__((noinline)) int lock_again(struct ipci_mutex *m,
						struct ipci_self *self)
{
	bool first = !through_this(m, self);
	uint32_t depth;

	if (!m->recursive)
		return -EDEADLK;
	if (first && self->held >= HELD_MAX)
		return -ENOLCK;
	depth = atomic_load_explicit(&m->s->depth, memory_order_relaxed);
	if (depth >= DEPTH_MAX || (!first && m->times >= DEPTH_MAX))
		return -EOVERFLOW;
	if (first)
		hold(m, self, ipci_gate_mark(self, &m->gate));
	m->times = first ? 1 : m->times + 1;
	atomic_store_explicit(&m->s->depth, depth + 1, memory_order_relaxed);
	return 0;
}

/* N3, N4: whether it was not the last one, and is done by that */
static bool unlock_inner(struct ipci_mutex *m, struct ipci_self *self)
{
	uint32_t depth =
		atomic_load_explicit(&m->s->depth, memory_order_relaxed);

	m->times--;
	if (depth <= 1)
		return false;
	atomic_store_explicit(&m->s->depth, depth - 1, memory_order_relaxed);
	if (m->times == 0)
		let_go(m, self);
	return true;
}

/* with a room. Somebody may have written over the word while it was ours, but
   not over the lock. */
static __attribute__((noinline)) bool may_lock(const struct ipci_mutex *m,
					       struct ipci_self *self)
{
	if (through_this(m, self) && is_free(m))
		ipci_room_unlock(m->gate.room, m->gate.word, self->key);
	return ipci_held_will_end(self);
}

static __attribute__((noinline)) int lock_slowly(struct ipci_mutex *m,
						 int timeout_ms)
{
	struct ipci_self *self = ipci_self();
	int r;

	if (!self)
		return -ENOSYS;
	ipci_gate_settle(self);
	if (ipci_gate_mine(self, &m->gate))
		return lock_again(m, self);
	if (ipci_gate_bounded(&m->gate) && !may_lock(m, self))
		return -ENOLCK;
	if (self->held >= HELD_MAX)
		return -ENOLCK;
	if (!ipci_gate_take(self, &m->gate)) {
		r = ipci_gate_enter(self, &m->gate, ipci_deadline(timeout_ms));
		if (r < 0)
			return ipci_gave_up(timeout_ms);
	}
	hold(m, self, ipci_gate_mark(self, &m->gate));
	m->times = 1;
	m->anchored = m->gate.room;
	r = take_over(m, self);
	if (m->recursive) /* L3 */
		atomic_store_explicit(&m->s->depth, 1, memory_order_relaxed);
	ipci_gate_settle(self); /* L4 */
	return r;
}

/* one that is free, and takes no more than that, without a call */
IPCI_INLINE int lock(struct ipci_mutex *m, int timeout_ms)
{
	struct ipci_self *self = &ipci_thread;
	int r;

	if (!m->simple || !self->tid || self->held >= HELD_MAX ||
	    !ipci_gate_take_exact(self, &m->gate))
		return lock_slowly(m, timeout_ms);
	hold(m, self, self->tid);
	r = take_over(m, self);
	ipci_gate_settle(self); /* L4 */
	return r;
}

/* U1, R1 */
IPCI_INLINE void sign_off(struct ipci_mutex *m, struct ipci_self *self)
{
	atomic_store_explicit(&m->s->holder, 0, memory_order_relaxed); /* U1 */
	ipci_gate_announce(self, &m->gate);
}

static __attribute__((noinline)) int unlock_slowly(struct ipci_mutex *m)
{
	struct ipci_self *self = ipci_self();

	if (!self)
		return -ENOSYS;
	if (!through_this(m, self))
		return -EPERM;
	if (!ipci_gate_mine(self, &m->gate)) {
		give_up(m, self);
		return -EBADMSG;
	}
	if (m->recursive && unlock_inner(m, self))
		return 0;
	m->anchored = false;
	sign_off(m, self);
	let_go(m, self);
	ipci_gate_release(self, &m->gate);
	return 0;
}

/* R4 .. R6 */
static __attribute__((noinline)) int look_around(const struct ipci_mutex *m)
{
	ipci_gate_look(&m->gate);
	ipci_gate_settle(&ipci_thread);
	return 0;
}

IPCI_INLINE int unlock(struct ipci_mutex *m)
{
	struct ipci_self *self = &ipci_thread;

	if (!m->simple || !self->tid || !through_this(m, self) ||
	    ipci_gate_owner(&m->gate) != self->tid)
		return unlock_slowly(m);
	sign_off(m, self);
	let_go(m, self);
	ipci_gate_let_go(&m->gate);
	if (ipci_gate_slept_at(&m->gate))
		return look_around(m);
	ipci_gate_settle(self);
	return 0;
}

int ipci_mutex_lock(struct ipci_mutex *m, int timeout_ms)
{
	return lock(m, timeout_ms);
}

int ipci_mutex_unlock(struct ipci_mutex *m)
{
	return unlock(m);
}

/* ---- the public object ---- */

static int check_opts(const struct ipc_mutex_opts *o)
{
	if (o->reserved[0] || o->reserved[1] || (o->flags & ~(uint32_t)FLAGS))
		return -EINVAL;
	return 0;
}

static struct ipc_mutex *attach(struct ipci_region *r, uint32_t flags)
{
	struct ipc_mutex *m = (struct ipc_mutex *)r;

	ipci_mutex_init(&m->mutex, r, flags & LIBIPC_MUTEX_RECURSIVE);
	return m;
}

int ipc_mutex_create(struct ipc_mutex **m, const char *name,
		     const struct ipc_mutex_opts *opts)
{
	static const struct ipc_mutex_opts defaults;
	struct head_shm want = {.kind = IPCI_KIND_MUTEX};
	struct ipci_region *r;
	int err;

	if (!m)
		return -EINVAL;
	if (!opts)
		opts = &defaults;
	err = check_opts(opts);
	if (err)
		return err;
	want.u.mutex.flags = opts->flags;
	err = ipci_region_create(&r, sizeof(**m), name, opts->mode, &want,
				 NULL);
	if (err)
		return err;
	*m = attach(r, opts->flags);
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
	if (head.u.mutex.flags & ~(uint32_t)FLAGS) {
		ipci_region_close(r);
		return -EBADMSG;
	}
	*m = attach(r, head.u.mutex.flags);
	return 0;
}

int ipc_mutex_close(struct ipc_mutex *m)
{
	if (!m)
		return -EINVAL;
	if (ipci_mutex_busy(&m->mutex))
		return -EBUSY;
	if (m->mutex.anchored)
		ipci_region_leave(&m->region);
	else
		ipci_region_close(&m->region);
	return 0;
}

int ipc_mutex_lock(struct ipc_mutex *m, int timeout_ms)
{
	return m ? lock(&m->mutex, timeout_ms) : -EINVAL;
}

int ipc_mutex_unlock(struct ipc_mutex *m)
{
	return m ? unlock(&m->mutex) : -EINVAL;
}
