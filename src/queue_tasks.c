/* SPDX-License-Identifier: MIT */
/*
 * queue_tasks.c - a queue whose items are tasks: a lease comes between the item
 * and its getter
 *
 * See struct leases_shm in layout.h for the steps T1 .. T7.
 */
#include "queue.h"

enum {
	SOME = 64, /* tasks got at once where nobody asks for lengths */
};

/* tasks that were delivered before: how many, 0 */
static __attribute__((noinline)) int take_again(struct ipc_queue *q,
						const struct ipci_wanted *w)
{
	size_t i;

	for (i = 0; i < w->n; i++) {
		int len = ipci_tasks_again(&q->tasks, w->worker,
					   (char *)w->items + i * w->size,
					   w->size);

		if (len < 0)
			return i || len == -EAGAIN ? (int)i : len;
		w->lens[i] = (size_t)len;
	}
	return (int)i;
}

/* T2: leases for n items that were read: for how many there was room */
IPCI_INLINE int lease_items(struct ipc_queue *q, const struct ipci_wanted *w,
			    int n)
{
	uint64_t index = ipci_side_index(&q->get);

	for (int i = 0; i < n; i++) {
		int r = ipci_tasks_lease(&q->tasks, w->worker,
					 index + (uint64_t)i,
					 (char *)w->items + (size_t)i * w->size,
					 w->lens[i]);

		if (r < 0)
			return i ? i : r;
	}
	return n;
}

/* E2, T2 .. T5: new ones; the pool, if there is one, is entered */
IPCI_INLINE int take_there(struct ipci_self *self, struct ipc_queue *q,
			   const struct ipci_wanted *w, size_t most,
			   uint64_t there)
{
	int n = ipci_queue_read(q, w->items, w->size, w->lens,
				most < there ? most : (size_t)there);
	int r = lease_items(q, w, n);

	if (r > 0)
		ipci_queue_take_out(self, q, (uint64_t)r);
	if (q->get.pool)
		ipci_pool_leave(self, q->get.pool, r >= n);
	return n < 0 ? n : r;
}

/* the same from the back, where somebody may put: -EBUSY, then */
static __attribute__((noinline)) int take_last(struct ipci_self *self,
					       struct ipc_queue *q,
					       const struct ipci_wanted *w)
{
	int r;

	if (!ipci_side_enter_within(self, &q->put))
		return -EBUSY;
	r = ipci_queue_read_last(q, w->items, w->size, w->lens);
	if (r > 0)
		r = lease_items(q, w, r);
	if (r > 0)
		ipci_queue_turn(q, &q->get, &q->put);
	ipci_side_leave_within(self, &q->put);
	return r;
}

/* new ones, most of them: how many, 0 */
IPCI_INLINE int take_fresh(struct ipci_self *self, struct ipc_queue *q,
			   const struct ipci_wanted *w, size_t most,
			   int64_t deadline)
{
	uint64_t there =
		ipci_queue_is_dropped(q) ? 0 : ipci_side_movable(&q->get, most);
	int r = there > q->get.maxsize ? -EBADMSG : 0;

	if (!there || r < 0)
		return r;
	if (w->back)
		return take_last(self, q, w);
	if (q->get.pool)
		r = ipci_pool_enter(self, q->get.pool, deadline);
	return r < 0 ? r : take_there(self, q, w, most, there);
}

/* whether there never will be any: -ESHUTDOWN; else 0 */
static int find_nothing(struct ipc_queue *q, const struct ipci_wanted *w)
{
	ipci_tasks_clear_marks(&q->tasks, w->worker->row);
	return ipci_queue_is_shut(q) && ipci_tasks_over(&q->tasks, w->worker)
		       ? -ESHUTDOWN
		       : 0;
}

/* T1 .. T6; most is w->n, which the compiler may know */
IPCI_INLINE int try_tasks(struct ipci_self *self, struct ipc_queue *q,
			  const struct ipci_wanted *w, size_t most,
			  int64_t deadline)
{
	int r = ipci_tasks_enter(self, &q->tasks, deadline);

	if (r == 0) {
		if (ipci_tasks_back(&q->tasks))
			r = take_again(q, w);
		if (r == 0)
			r = take_fresh(self, q, w, most, deadline);
		if (r == 0)
			r = find_nothing(q, w);
		ipci_tasks_leave(self, &q->tasks);
	}
	return r;
}

/* until it is worth another try: 0, and the get gate is ours. Where nothing is
   put any more, only what others hold can come. */
static int wait_for_task(struct ipci_self *self, struct ipc_queue *q,
			 const struct ipci_wanted *w, int64_t deadline)
{
	int r = 0;

	if (ipci_queue_is_shut(q))
		r = ipci_tasks_await_over(self, &q->tasks, w->worker, deadline);
	return r < 0 ? r : ipci_side_wait(self, &q->get, deadline); /* E1 */
}

/* a get that has to wait */
struct wait {
	struct ipci_self *self;
	struct ipc_queue *q;
	const struct ipci_wanted *wanted;
	struct ipci_patience patience;
};

/* what there was may have been no more than a worker that has ended: -EAGAIN */
static int look(void *arg, int64_t deadline)
{
	struct wait *x = arg;
	int r;

	do {
		r = wait_for_task(x->self, x->q, x->wanted, deadline);
		if (r == 0) {
			r = try_tasks(x->self, x->q, x->wanted, x->wanted->n,
				      deadline);
			ipci_side_leave_gate(x->self, &x->q->get); /* E6 */
		}
	} while (r == -EBUSY && ipci_queue_step_back(&x->patience));
	return r ? r : -EAGAIN;
}

static int get_tasks_slowly(struct ipci_self *self, struct ipc_queue *q,
			    const struct ipci_wanted *w, int timeout_ms)
{
	int64_t deadline = ipci_deadline(timeout_ms);
	struct wait x = {self, q, w, {.deadline = deadline}};
	int r = ipci_tasks_until(&q->tasks, deadline, look, &x);

	return r == -ETIMEDOUT || r == -EBUSY ? ipci_gave_up(timeout_ms) : r;
}

/* n is w->n, which the compiler may know */
IPCI_INLINE int get_tasks(struct ipc_queue *q, struct ipci_wanted *w, size_t n,
			  int timeout_ms)
{
	struct ipci_self *self = ipci_self();
	int r = ipci_tasks_attach(self, &q->tasks, n, &w->worker);

	if (r < 0)
		return r;
	/* the deadline is now, or a little later */
	r = try_tasks(self, q, w, n, 0);
	if (r > 0)
		return r;
	return r == 0 || r == -EBUSY || r == -ETIMEDOUT
		       ? get_tasks_slowly(self, q, w, timeout_ms)
		       : r;
}

int ipci_queue_get_tasks(struct ipc_queue *q, struct ipci_wanted *w,
			 int timeout_ms)
{
	size_t some[SOME];

	if (!w->lens) {
		w->lens = some;
		w->n = w->n < SOME ? w->n : SOME;
	}
	return get_tasks(q, w, w->n, timeout_ms);
}

/* its length, and who has it now */
IPCI_INLINE int get_one(struct ipc_queue *q, void *buf, size_t size,
			const struct ipci_worker **worker, int timeout_ms)
{
	size_t len;
	struct ipci_wanted w = {
		.items = buf, .size = size, .lens = &len, .n = 1};
	int r = get_tasks(q, &w, 1, timeout_ms);

	*worker = w.worker;
	return r < 0 ? r : (int)len;
}

int ipci_queue_get_one_task(struct ipc_queue *q, void *buf, size_t size,
			    int timeout_ms)
{
	const struct ipci_worker *unused;

	return get_one(q, buf, size, &unused, timeout_ms);
}

int ipc_queue_get_task(struct ipc_queue *q, void *buf, size_t size,
		       struct ipc_task *task, int timeout_ms)
{
	const struct ipci_worker *mine = NULL;
	int r = task ? ipci_queue_check_get(q, buf, size) : -EINVAL;

	if (r == 0)
		r = q->joinable ? get_one(q, buf, size, &mine, timeout_ms)
				: -EINVAL;
	if (r < 0)
		return r;
	*task = (struct ipc_task){.ticket = ipci_tasks_ticket(mine),
				  .attempts = mine->attempts};
	return r;
}

/* ---- done, set aside, joined ---- */

int ipc_queue_task_done(struct ipc_queue *q)
{
	return q && q->joinable ? ipci_tasks_done(&q->tasks) : -EINVAL;
}

int ipc_queue_task_done_ticket(struct ipc_queue *q, uint64_t ticket)
{
	return q && q->joinable ? ipci_tasks_done_ticket(&q->tasks, ticket)
				: -EINVAL;
}

int ipc_queue_get_failed(struct ipc_queue *q, void *buf, size_t size,
			 int timeout_ms)
{
	if (!q || !q->joinable || (!buf && size))
		return -EINVAL;
	return ipci_tasks_get_failed(&q->tasks, buf, size, timeout_ms);
}

long ipc_queue_failed(struct ipc_queue *q)
{
	return q && q->joinable ? ipci_tasks_failed(&q->tasks) : -EINVAL;
}

int ipc_queue_join(struct ipc_queue *q, int timeout_ms)
{
	return q && q->joinable ? ipci_tasks_join(&q->tasks, timeout_ms)
				: -EINVAL;
}

long ipc_queue_unfinished(struct ipc_queue *q)
{
	return q && q->joinable ? ipci_tasks_unfinished(&q->tasks) : -EINVAL;
}
