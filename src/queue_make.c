/* SPDX-License-Identifier: MIT */
/*
 * queue_make.c - create, open and close queues
 */
#include <limits.h>
#include <string.h>

#include "queue.h"

enum {
	ITEM_SIZE = 256,
	MAX_ATTEMPTS = 16,
	FLAGS = LIBIPC_JOINABLE | LIBIPC_SINGLE_PRODUCER |
		LIBIPC_SINGLE_CONSUMER,
};

/* ---- the two sides ---- */

/*
 * The gate's condition. The own index is read first: so a "no" was true at
 * that moment, even when both indexes move.
 */
static bool is_movable(const void *arg)
{
	const struct ipci_queue_side *d = arg;
	uint64_t own = atomic_load_explicit(&d->s->index, memory_order_seq_cst);

	return d->limit != own - atomic_load_explicit(&d->opposite->index,
						      memory_order_seq_cst) ||
	       ipci_side_state(d) & IPCI_STATE_SHUT ||
	       (d->tasks && ipci_tasks_pending(d->tasks));
}

static bool is_stamped(const void *arg)
{
	const struct ipci_queue_side *d = arg;

	return ipci_items_stamped(d->stamps, ipci_side_index(d)) > 0;
}

/* what else makes it true: a shutdown, and a task that waits again */
static int watch(const void *arg, struct ipci_still *more, int room)
{
	const struct ipci_queue_side *d = arg;
	int n = 0;

	more[0] = (struct ipci_still){&d->rare->state, ipci_side_state(d)};
	if (d->tasks)
		n = ipci_workers_watch(&d->tasks->workers, IPCI_GETTERS,
				       more + 1, room - 1);
	return n < 0 ? n : n + 1;
}

static void init_side(struct ipci_queue_side *d, struct side_shm *s,
		      const struct side_shm *opposite, uint64_t limit,
		      const struct ipc_queue *q, bool alone)
{
	d->gate = (struct ipci_gate){.word = &s->word,
				     .hint = &s->hint,
				     .index = &opposite->index,
				     .ready = is_movable,
				     .watch = watch,
				     .arg = d};
	ipci_gate_furnish(&d->gate, &s->room);
	if (limit == 0 && q->items.plain) {
		d->stamps = &q->items;
		d->gate.peek = is_stamped;
	}
	d->s = s;
	d->opposite = opposite;
	d->limit = limit;
	d->maxsize = q->maxsize;
	d->pool = q->items.pooled ? &q->items.pool : NULL;
	d->rare = &q->items.s->rare;
	d->alone = alone;
}

/* where the parts of the body lie, in this order, and where it ends */
struct plan {
	bool grows;
	size_t direct; /* bytes of an item that lie in its slot */
	uint64_t
		grow; /* behind the slots; what grows has no other fixed part */
	uint64_t fixed;	 /* up to here there is memory from the beginning */
	uint64_t tasks;	 /* bytes of the tables of joinable queues */
	uint64_t pool;	 /* items that fit into the pool, if there is one */
	bool pool_grows; /* then it is the last part */
	uint64_t end;
};

static uint64_t table_bytes(const struct head_shm *head)
{
	if (!(head->u.queue.flags & LIBIPC_JOINABLE))
		return 0;
	return ipci_region_round(ipci_tasks_bytes(
		head->u.queue.maxsize, (size_t)head->u.queue.item_size));
}

static bool grows(const struct head_shm *head)
{
	return head->u.queue.order == LIBIPC_FIFO &&
	       ipci_grows(head->u.queue.maxsize,
			  (size_t)head->u.queue.item_size);
}

/* whether as many addresses are taken as there may be memory */
static bool has_chunks(const struct head_shm *head)
{
	return head->u.queue.maxsize == 0 || grows(head);
}

/* a ring, and what grows beside it or instead of it */
static bool plan_ring(struct plan *p, const struct head_shm *head)
{
	uint64_t maxsize = head->u.queue.maxsize, bytes = 0;
	size_t item_size = (size_t)head->u.queue.item_size;

	p->grows = grows(head);
	p->direct = p->grows ? ipci_grow_direct(maxsize, item_size) : item_size;
	if (maxsize && !(bytes = ipci_slots_bytes(maxsize, p->direct)))
		return false;
	p->grow = sizeof(struct queue_shm) + bytes;
	p->fixed = ipci_region_round(p->grow +
				     (p->grows ? sizeof(struct grow_shm) : 0));
	p->end = p->fixed + p->tasks;
	if (p->grows)
		p->end = ipci_grow_end(p->end, head->u.queue.chunks);
	return p->end > 0;
}

static bool plan_pool(struct plan *p, const struct head_shm *head)
{
	uint64_t maxsize = head->u.queue.maxsize, bytes;
	size_t item_size = (size_t)head->u.queue.item_size;

	p->pool = maxsize ? maxsize
			  : ipci_pool_fit(head->u.queue.chunks * IPCI_CHUNK,
					  item_size);
	p->pool_grows = ipci_pool_grows(maxsize, item_size);
	bytes = ipci_pool_bytes(p->pool, item_size);
	p->fixed = ipci_region_round(sizeof(struct queue_shm) +
				     (p->pool_grows ? 0 : bytes));
	p->end = p->fixed + p->tasks + (p->pool_grows ? bytes : 0);
	return bytes > 0;
}

/* whether there can be such a queue */
static bool make_plan(struct plan *p, const struct head_shm *head)
{
	*p = (struct plan){.tasks = table_bytes(head)};
	return head->u.queue.order == LIBIPC_FIFO ? plan_ring(p, head)
						  : plan_pool(p, head);
}

static void make_joinable(struct ipc_queue *q, const struct head_shm *head,
			  const struct plan *plan)
{
	ipci_tasks_init(&q->tasks, &q->region, (size_t)plan->fixed, head,
			&q->get.gate);
	q->get.alone = false;
	q->get.tasks = &q->tasks;
}

static void place_pool(struct ipc_queue *q, const struct plan *plan)
{
	size_t at = plan->pool_grows ? (size_t)(plan->fixed + plan->tasks)
				     : sizeof(struct queue_shm);

	ipci_pool_init(&q->items.pool, q->items.s, q->region.body + at,
		       plan->pool, q->item_size, q->order == LIBIPC_LIFO);
	if (plan->pool_grows)
		ipci_pool_grow(&q->items.pool, &q->region);
}

static void place_items(struct ipc_queue *q, const struct head_shm *head,
			const struct plan *plan)
{
	unsigned char *body = q->region.body;
	struct ipci_items *it = &q->items;
	struct queue_shm *s = (struct queue_shm *)body;
	uint64_t maxsize = head->u.queue.maxsize;

	it->s = s;
	it->pooled = q->order != LIBIPC_FIFO;
	it->grows = plan->grows;
	it->plain = !it->pooled && !it->grows;
	if (it->pooled)
		place_pool(q, plan);
	else if (maxsize)
		ipci_slots_init(&it->ring, body + sizeof(*s), maxsize,
				plan->direct);
	if (it->grows)
		ipci_grow_init(&it->grow, &q->region, s,
			       (struct grow_shm *)(body + plan->grow),
			       (size_t)(plan->fixed + plan->tasks),
			       (uint32_t)head->u.queue.chunks, q->item_size,
			       maxsize ? &it->ring : NULL, plan->direct);
}

/* head is private and checked */
static struct ipc_queue *attach(struct ipci_region *r,
				const struct head_shm *head)
{
	struct ipc_queue *q = (struct ipc_queue *)r;
	struct queue_shm *s = (struct queue_shm *)r->body;
	uint32_t flags = head->u.queue.flags;
	struct plan plan;

	make_plan(&plan, head);
	q->maxsize =
		head->u.queue.maxsize ? head->u.queue.maxsize : IPCI_UNBOUNDED;
	q->item_size = (size_t)head->u.queue.item_size;
	q->order = (enum ipc_order)head->u.queue.order;
	place_items(q, head, &plan);
	init_side(&q->put, &s->put, &s->get, q->maxsize, q,
		  flags & LIBIPC_SINGLE_PRODUCER);
	init_side(&q->get, &s->get, &s->put, 0, q,
		  flags & LIBIPC_SINGLE_CONSUMER);
	q->joinable = flags & LIBIPC_JOINABLE;
	if (q->joinable)
		make_joinable(q, head, &plan);
	return q;
}

static bool is_order(uint32_t order)
{
	return order == LIBIPC_FIFO || order == LIBIPC_LIFO ||
	       order == LIBIPC_PRIORITY;
}

static int check_opts(const struct ipc_queue_opts *o)
{
	for (size_t i = 0; i < sizeof(o->reserved) / sizeof(*o->reserved); i++)
		if (o->reserved[i])
			return -EINVAL;
	if ((o->flags & ~(uint32_t)FLAGS) || o->item_size > INT_MAX ||
	    o->maxsize > LONG_MAX)
		return -EINVAL;
	return is_order(o->order) ? 0 : -EINVAL;
}

static void describe(struct head_shm *head, const struct ipc_queue_opts *o)
{
	size_t item_size = o->item_size ? o->item_size : ITEM_SIZE;

	*head = (struct head_shm){
		.kind = IPCI_KIND_QUEUE,
		.u.queue = {.maxsize = o->maxsize,
			    .item_size = item_size,
			    .order = o->order,
			    .flags = o->flags,
			    .max_attempts = o->max_attempts ? o->max_attempts
							    : MAX_ATTEMPTS},
	};
	if (has_chunks(head))
		head->u.queue.chunks = ipci_grow_chunks(o->maxsize, item_size);
}

/* the rooms of all gates but those of workers, which come with them; and what
   a getter of tasks cannot do without */
static int prepare(struct ipci_region *r)
{
	struct queue_shm *s = (struct queue_shm *)r->body;
	struct plan plan;

	ipci_room_init(&s->put.room);
	ipci_room_init(&s->get.room);
	ipci_room_init(&s->done.room);
	ipci_room_init(&s->lease.room);
	ipci_room_init(&s->pool_room);
	if (!(r->head->u.queue.flags & LIBIPC_JOINABLE))
		return 0;
	make_plan(&plan, r->head);
	return ipci_tasks_prepare(r, (size_t)plan.fixed, r->head);
}

static int create(struct ipci_region **r, const char *name, uint32_t mode,
		  struct head_shm *head)
{
	struct plan plan;

	if (!make_plan(&plan, head))
		return -ENOSPC;
	head->body_size = plan.end;
	head->fixed_size = plan.fixed;
	return ipci_region_create(r, sizeof(struct ipc_queue), name, mode, head,
				  prepare);
}

/* where addresses are few, fewer will do */
static int create_fitting(struct ipci_region **r, const char *name,
			  uint32_t mode, struct head_shm *head)
{
	int err = create(r, name, mode, head);

	while (err == -ENOSPC && head->u.queue.chunks > IPCI_CHUNKS_MIN) {
		head->u.queue.chunks /= 4;
		if (head->u.queue.chunks < IPCI_CHUNKS_MIN)
			head->u.queue.chunks = IPCI_CHUNKS_MIN;
		err = create(r, name, mode, head);
	}
	return err;
}

int ipc_queue_create(struct ipc_queue **q, const char *name,
		     const struct ipc_queue_opts *opts)
{
	static const struct ipc_queue_opts defaults;
	struct ipci_region *r;
	struct head_shm head;
	int err;

	if (!q)
		return -EINVAL;
	if (!opts)
		opts = &defaults;
	err = check_opts(opts);
	if (err)
		return err;
	describe(&head, opts);
	err = create_fitting(&r, name, opts->mode, &head);
	if (!err)
		*q = attach(r, &head);
	return err;
}

/* nothing in the head is taken on trust */
static int check_head(const struct head_shm *head)
{
	uint64_t maxsize = head->u.queue.maxsize, chunks = head->u.queue.chunks;
	uint64_t item_size = head->u.queue.item_size;
	struct plan plan;

	if (item_size == 0 || item_size > INT_MAX || maxsize > LONG_MAX ||
	    !is_order(head->u.queue.order) ||
	    (head->u.queue.flags & ~(uint32_t)FLAGS) ||
	    head->u.queue.max_attempts == 0)
		return -EBADMSG;
	if (has_chunks(head) ? chunks < IPCI_CHUNKS_MIN || chunks > INT_MAX
			     : chunks != 0)
		return -EBADMSG;
	if (!make_plan(&plan, head) || head->fixed_size != plan.fixed ||
	    head->body_size != ipci_region_round(plan.end))
		return -EBADMSG;
	return 0;
}

int ipc_queue_open(struct ipc_queue **q, const char *name)
{
	struct ipci_region *r;
	struct head_shm head;
	int err;

	if (!q)
		return -EINVAL;
	err = ipci_region_open(&r, sizeof(**q), name, IPCI_KIND_QUEUE, &head);
	if (err)
		return err;
	err = check_head(&head);
	if (err)
		ipci_region_close(r);
	else
		*q = attach(r, &head);
	return err;
}

int ipc_queue_close(struct ipc_queue *q)
{
	if (!q)
		return -EINVAL;
	if (q->joinable)
		ipci_tasks_close(&q->tasks);
	ipci_region_close(&q->region);
	return 0;
}
