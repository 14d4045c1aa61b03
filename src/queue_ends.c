/* SPDX-License-Identifier: MIT */
/*
 * queue_ends.c - both gates at once: the ends of a FIFO queue, and shutdown
 *
 * See struct rare_shm in layout.h for the steps K1 .. K9.
 */
#include "queue.h"

/* whether there is time for another try, after a pause */
bool ipci_queue_step_back(struct ipci_patience *p)
{
	if (!p->grace)
		p->grace = ipci_now_ns() + IPCI_GRACE_NS;
	if (ipci_expired(p->deadline) && ipci_expired(p->grace))
		return false;
	ipci_gate_pause();
	return true;
}

static bool seize_within(struct ipci_self *self, const struct ipci_gate *g)
{
	if (!ipci_gate_seize(self, g))
		return false;
	ipci_gate_push_within(self, g);
	return true;
}

/* tasks are got within the lease gate alone: so that one, too */
bool ipci_side_enter_within(struct ipci_self *self,
			    const struct ipci_queue_side *other)
{
	if (!seize_within(self, &other->gate))
		return false;
	if (!other->tasks || seize_within(self, &other->tasks->lock))
		return true;
	ipci_gate_leave_within(self, &other->gate);
	return false;
}

/* the gate that was entered last, first: its release looks who sleeps there */
void ipci_side_leave_within(struct ipci_self *self,
			    const struct ipci_queue_side *other)
{
	if (other->tasks)
		ipci_gate_leave_within(self, &other->tasks->lock);
	ipci_gate_leave_within(self, &other->gate);
}

/* K3, P4. Nothing is owed: the other gate is held, so the kernel frees it and
   wakes one, should we die; and its release looks. */
void ipci_queue_turn(struct ipc_queue *q, const struct ipci_queue_side *d,
		     const struct ipci_queue_side *other)
{
	ipci_items_turn(&q->items, d == &q->put ? IPCI_PUT : IPCI_GET);
	ipci_gate_commit(&other->gate, &d->s->index,
			 ipci_side_index(d) + 1); /* COMMIT */
	if (d == &q->get)
		ipci_items_took_back(&q->items);
	else
		ipci_items_wrote_front(&q->items);
}

/* K2 of get: 1 */
int ipci_queue_read_last(struct ipc_queue *q, void *buf, size_t size,
			 size_t *len)
{
	int r = ipci_items_read_back(&q->items, buf, size);

	if (r < 0)
		return r;
	*len = (size_t)r;
	return 1;
}

/* ---- both ends of a FIFO queue ---- */

static bool has_ends(const struct ipc_queue *q)
{
	return q->order == LIBIPC_FIFO;
}

static int left_ms(int64_t deadline)
{
	int64_t now;

	if (deadline == IPCI_NEVER)
		return LIBIPC_FOREVER;
	now = ipci_now_ns();
	return deadline <= now ? 0 : (int)((deadline - now + 999999) / 1000000);
}

/* K1: into the gate of d, where one item must be movable, and then into the
   other one */
static int enter_both(struct ipci_self *self, const struct ipci_queue_side *d,
		      const struct ipci_queue_side *other, int timeout_ms)
{
	struct ipci_patience patience = {.deadline = ipci_deadline(timeout_ms)};
	uint64_t n;
	int r;

	do {
		r = ipci_side_enter(self, d, 1, left_ms(patience.deadline), &n);
		if (r < 0)
			return r == -EAGAIN ? ipci_gave_up(timeout_ms) : r;
		if (ipci_side_enter_within(self, other))
			return 0;
		ipci_side_leave(self, d);
	} while (ipci_queue_step_back(&patience));
	return ipci_gave_up(timeout_ms);
}

int ipc_queue_put_front(struct ipc_queue *q, const void *item, size_t len,
			int timeout_ms)
{
	struct ipci_self *self = ipci_self();
	int r = q && (!has_ends(q) || q->get.alone)
			? -EINVAL
			: ipci_queue_check_put(q, item, len, 1);

	if (r < 0)
		return r;
	if (!self)
		return -ENOSYS;
	r = enter_both(self, &q->put, &q->get, timeout_ms);
	if (r < 0)
		return r;
	r = ipci_queue_promise(q, len);
	if (r == 0)
		r = ipci_items_write_front(&q->items, item, len); /* K2 */
	if (r == 0)
		ipci_queue_turn(q, &q->put, &q->get);
	ipci_side_leave_within(self, &q->get);
	ipci_side_leave(self, &q->put);
	return r;
}

static int get_last(struct ipci_self *self, struct ipc_queue *q,
		    const struct ipci_wanted *w, int timeout_ms)
{
	int r = enter_both(self, &q->get, &q->put, timeout_ms);

	if (r < 0)
		return r;
	r = ipci_queue_read_last(q, w->items, w->size, w->lens);
	if (r > 0)
		ipci_queue_turn(q, &q->get, &q->put);
	ipci_side_leave_within(self, &q->put);
	ipci_side_leave(self, &q->get);
	return r;
}

int ipc_queue_get_back(struct ipc_queue *q, void *buf, size_t size,
		       int timeout_ms)
{
	size_t len;
	struct ipci_wanted w = {
		.items = buf, .size = size, .lens = &len, .n = 1, .back = true};
	int r = ipci_queue_check_get(q, buf, size);

	if (r == 0 && (!has_ends(q) || q->put.alone))
		r = -EINVAL;
	if (r == 0)
		r = q->joinable ? ipci_queue_get_tasks(q, &w, timeout_ms)
				: get_last(ipci_self(), q, &w, timeout_ms);
	return r < 0 ? r : (int)len;
}

/* ---- shutdown ---- */

static bool haunted(const struct ipci_self *self,
		    const struct ipci_queue_side *d)
{
	return ipci_gate_haunted(self, &d->gate) ||
	       (d->tasks && ipci_gate_haunted(self, &d->tasks->lock));
}

/* K5: 0; others leave soon, or one that was stopped inside is waited for.
   -EBADMSG: one that is not there */
static int enter_to_shut(struct ipci_self *self, const struct ipc_queue *q)
{
	const struct ipci_queue_side *in;

	do {
		in = &q->put;
		if (ipci_side_enter_within(self, in)) {
			in = &q->get;
			if (ipci_side_enter_within(self, in))
				return 0;
			ipci_side_leave_within(self, &q->put);
		}
		ipci_gate_pause();
	} while (!haunted(self, in));
	ipci_gate_settle(self);
	return -EBADMSG;
}

/* one was woken by the release, and tells the next one, and so on: so nothing
   is owed; but it may be stopped */
static void wake_all(const struct ipci_queue_side *d)
{
	struct ipci_gate all = d->gate;

	all.all = true;
	ipci_gate_fire(&all);
}

int ipc_queue_shutdown(struct ipc_queue *q, bool immediate)
{
	struct ipci_self *self = ipci_self();
	uint64_t to = IPCI_STATE_SHUT | (immediate ? IPCI_STATE_DROPPED : 0);
	int r;

	if (!q)
		return -EINVAL;
	if (!self)
		return -ENOSYS;
	r = enter_to_shut(self, q);
	if (r < 0)
		return r;
	if (q->joinable)
		ipci_gate_owe(self, &q->tasks.joiners); /* K6 */
	/* seq_cst: against those who are about to sleep at done */
	atomic_fetch_or_explicit(&q->items.s->rare.state, to,
				 memory_order_seq_cst); /* K7 COMMIT */
	if (q->joinable)
		ipci_gate_fire(&q->tasks.joiners); /* K8 */
	ipci_side_leave_within(self, &q->get);	   /* K9 */
	ipci_side_leave_within(self, &q->put);
	wake_all(&q->get);
	wake_all(&q->put);
	return 0;
}
