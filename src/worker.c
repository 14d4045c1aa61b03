/* SPDX-License-Identifier: MIT */
/*
 * worker.c - rows: take one, own it, watch the others
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "worker.h"

enum {
	ROWS_MAX = 4096,
	TICKETS_MIN = 8,
};

/* ---- the table ---- */

size_t ipci_workers_bytes(void)
{
	return ROWS_MAX * sizeof(struct worker_shm);
}

void ipci_workers_init(struct ipci_workers *w, struct ipci_region *r,
		       struct leases_shm *s, size_t offset)
{
	static _Atomic uint64_t handles;

	w->region = r;
	w->s = s;
	w->row = (struct worker_shm *)(r->body + offset);
	w->max = ROWS_MAX;
	w->rooms = ipci_os_backend() != IPCI_BACKEND_EXACT;
	w->id = atomic_fetch_add_explicit(&handles, 1, memory_order_relaxed);
}

uint32_t ipci_workers_ended(const struct ipci_workers *w, uint32_t row)
{
	for (uint32_t n = ipci_workers_rows(w); row < n; row++)
		if (ipci_worker_ended(w, row))
			return row;
	return IPCI_NO_ROW;
}

bool ipci_workers_mourn(const struct ipci_workers *w, int class)
{
	uint32_t n = ipci_workers_rows(w);

	for (uint32_t i = 0; i < n; i++)
		if (ipci_worker_is_dead(w, i, IPCI_LIFE(class)))
			return true;
	return false;
}

void ipci_worker_bury(const struct ipci_workers *w, uint32_t row)
{
	for (int class = 0; class < 2; class ++) {
		struct ipci_gate g = ipci_worker_life(w, row, class);

		ipci_gate_bury(&g);
	}
}

/* ---- watch ---- */

/*
 * The version is read first: a row that is taken later moves it, and then wakes
 * whoever was asleep by then (N3, N4).
 */
int ipci_workers_watch(const struct ipci_workers *w, int class,
		       struct ipci_still *more, int room)
{
	uint64_t version =
		atomic_load_explicit(&w->s->version, memory_order_seq_cst);
	uint32_t rows = IPCI_WATCHED(ipci_workers_rows(w));
	struct ipci_still still;
	int n = 0;

	more[n++] = (struct ipci_still){&w->s->version, version};
	for (uint32_t i = 0; i < rows; i++) {
		if (!ipci_word_watch(&w->row[i].life[IPCI_LIFE(class)].word,
				     &still))
			continue;
		if (n == room)
			return -1;
		more[n++] = still;
	}
	return n;
}

/* ---- the thread's records ---- */

static _Thread_local struct {
	struct ipci_worker *first;
	uint32_t generation;
} records;

static void forget(struct ipci_worker *mine)
{
	free(mine->ticket);
	free(mine);
}

/* a forked child is a new thread: it has none of its parent's rows */
static void forget_parent(void)
{
	uint32_t now = ipci_generation();
	struct ipci_worker *mine;

	if (records.generation == now)
		return;
	while ((mine = records.first)) {
		records.first = mine->next;
		forget(mine);
	}
	records.generation = now;
}

struct ipci_worker *ipci_worker_search(struct ipci_self *self,
				       const struct ipci_workers *w)
{
	struct ipci_worker *x;

	forget_parent();
	for (x = records.first; x && x->queue.id != w->id; x = x->next)
		;
	self->worker = x;
	return x;
}

/* ---- give a row up ---- */

static void take_off(struct ipci_worker *mine)
{
	struct ipci_worker **link = &records.first;

	while (*link != mine)
		link = &(*link)->next;
	*link = mine->next;
}

/* N5, N6: as if the thread had died: whoever comes next, reaps */
static void retire(struct ipci_self *self, struct ipci_worker *mine)
{
	for (int class = 1; class >= 0; class --) {
		struct ipci_gate g =
			ipci_worker_life(&mine->queue, mine->row, class);

		ipci_gate_announce(self, &g);
		ipci_held_unlink_last(self, &mine->anchor[class]);
		ipci_gate_abandon(self, &g);
		ipci_gate_settle(self);
	}
	self->worker = NULL;
	take_off(mine);
	ipci_region_close(mine->queue.region);
	forget(mine);
}

/* at the end of the thread, so that no node of its list lies in memory that is
   unmapped while it is still there */
static void retire_all(void *unused)
{
	struct ipci_self *self = ipci_self();

	(void)unused;
	forget_parent();
	while (self && records.first)
		retire(self, records.first);
}

/* rows that this thread still has of handles that others closed */
static void retire_closed(struct ipci_self *self)
{
	struct ipci_worker *x = records.first, *next;

	for (; x; x = next) {
		next = x->next;
		if (atomic_load_explicit(&x->queue.region->closed,
					 memory_order_relaxed))
			retire(self, x);
	}
}

static uint64_t handle_id(const struct ipci_workers *w)
{
	return (uint64_t)getpid() << 32 | (w->id & UINT32_MAX);
}

bool ipci_worker_ours(const struct ipci_workers *w, uint32_t row)
{
	struct ipci_gate g = ipci_worker_life(w, row, IPCI_GETTERS);

	return ipci_gate_owner(&g) && w->row[row].handle == handle_id(w);
}

void ipci_workers_close(struct ipci_self *self, const struct ipci_workers *w)
{
	struct ipci_worker *mine = ipci_worker_find(self, w);

	if (mine)
		retire(self, mine);
	atomic_store_explicit(&w->region->closed, true, memory_order_relaxed);
}

/* ---- take a row ---- */

/* N2 of one word: owned, on the list */
static void own(struct ipci_self *self, struct ipci_gate *g,
		struct ipci_anchor *a)
{
	a->node = ipci_node_of(self, g->word);
	ipci_held_link_last(self, a);
	ipci_gate_settle(self);
}

/* both words are free, and no lease names the row (L4) */
static bool take_row(struct ipci_self *self, struct ipci_worker *mine,
		     uint32_t row)
{
	struct ipci_gate first =
		ipci_worker_life(&mine->queue, row, IPCI_GETTERS);
	struct ipci_gate second =
		ipci_worker_life(&mine->queue, row, IPCI_JOINERS);

	if (ipci_gate_dead(&second) || ipci_gate_owner(&second) ||
	    !ipci_gate_claim(self, &first))
		return false;
	own(self, &first, &mine->anchor[IPCI_GETTERS]);
	if (!ipci_gate_claim(self, &second)) { /* damaged */
		ipci_gate_announce(self, &first);
		ipci_held_unlink_last(self, &mine->anchor[IPCI_GETTERS]);
		ipci_gate_abandon(self, &first);
		ipci_gate_settle(self);
		return false;
	}
	own(self, &second, &mine->anchor[IPCI_JOINERS]);
	mine->row = row;
	return true;
}

/*
 * N1: row n - 1 is in use, too. With rooms, within the lease gate, so that only
 * one makes them; was he killed, they are made anew.
 */
static void add_row(struct ipci_self *self, const struct ipci_workers *w,
		    uint32_t n)
{
	uint32_t is = n - 1;

	if (w->lock->room) {
		ipci_gate_enter(self, w->lock, IPCI_NEVER);
		ipci_gate_push_within(self, w->lock);
		if (ipci_workers_rows(w) == is) {
			ipci_room_init(&w->row[is].room[0]);
			ipci_room_init(&w->row[is].room[1]);
		}
	}
	atomic_compare_exchange_strong_explicit(&w->s->rows, &is, n,
						memory_order_seq_cst,
						memory_order_seq_cst);
	if (w->lock->room)
		ipci_gate_leave_within(self, w->lock);
}

/* memory for it first */
static int use_row(struct ipci_self *self, const struct ipci_workers *w,
		   uint32_t row)
{
	size_t at = (size_t)((unsigned char *)&w->row[row] - w->region->body);
	int err = ipci_region_reserve(w->region, at, sizeof(*w->row));

	if (!err)
		add_row(self, w, row + 1);
	return err;
}

static int find_row(struct ipci_self *self, struct ipci_worker *mine)
{
	const struct ipci_workers *w = &mine->queue;
	int err;

	for (uint32_t i = 0; i < w->max; i++) {
		if (i >= ipci_workers_rows(w)) {
			err = use_row(self, w, i);
			if (err)
				return err;
		}
		if (take_row(self, mine, i))
			return 0;
	}
	return -ENOBUFS;
}

/* N3, N4 */
static void make_known(const struct ipci_worker *mine)
{
	const struct ipci_workers *w = &mine->queue;
	struct worker_shm *row = &w->row[mine->row];

	atomic_store_explicit(&row->helped, 0, memory_order_relaxed);
	row->handle = handle_id(w);
	row->pid = (uint32_t)getpid();
	atomic_fetch_add_explicit(&w->s->version, 1, memory_order_seq_cst);
	for (int class = 0; class < 2; class ++)
		ipci_gate_rouse(w->sleepers[class]);
}

static struct ipci_worker *new_record(const struct ipci_workers *w)
{
	static _Atomic uint64_t key;
	struct ipci_worker *mine = calloc(1, sizeof(*mine));

	if (!mine)
		return NULL;
	mine->queue = *w;
	if (!ipci_at_thread_end(&key, retire_all, &records) ||
	    ipci_worker_make_room(mine, 1)) {
		forget(mine);
		return NULL;
	}
	return mine;
}

int ipci_worker_attach(struct ipci_self *self, const struct ipci_workers *w,
		       struct ipci_worker **mine)
{
	struct ipci_worker *new;
	int err;

	*mine = ipci_worker_find(self, w);
	if (*mine)
		return 0;
	retire_closed(self);
	new = new_record(w);
	if (!new)
		return -ENOMEM;
	err = find_row(self, new);
	if (err) {
		forget(new);
		return err;
	}
	ipci_region_hold(w->region);
	make_known(new);
	new->next = records.first;
	records.first = new;
	*mine = new;
	return 0;
}

/* ---- tickets ---- */

bool ipci_worker_is_helped(const struct ipci_workers *w, uint32_t row,
			   bool known)
{
	_Atomic uint32_t *helped = &w->row[row].helped;

	if (w->rooms)
		return true;
	if (atomic_load_explicit(helped, memory_order_relaxed) == 2)
		return true;
	atomic_store_explicit(helped, known ? 2 : 1, memory_order_seq_cst);
	return known;
}

bool ipci_row_has_marked(const struct worker_shm *row, uint64_t ticket)
{
	uint64_t end, n;

	for (n = ipci_row_marks(row, &end); n != end; n++)
		if (ipci_row_mark(row, n) == ticket)
			return true;
	return false;
}

size_t ipci_worker_find_ticket(const struct ipci_worker *mine, uint64_t ticket)
{
	size_t i = mine->first;

	while (i != mine->end && mine->ticket[i & (mine->room - 1)] != ticket)
		i++;
	return i;
}

/* those before it move up */
void ipci_worker_forget(struct ipci_worker *mine, size_t place)
{
	for (; place != mine->first; place--)
		mine->ticket[place & (mine->room - 1)] =
			mine->ticket[(place - 1) & (mine->room - 1)];
	mine->first++;
}

int ipci_worker_make_room(struct ipci_worker *mine, size_t n)
{
	size_t have = mine->end - mine->first, room = mine->room;
	uint64_t *more;

	if (ipci_worker_has_room(mine, n))
		return 0;
	if (!room)
		room = TICKETS_MIN;
	while (room < have + n)
		room *= 2;
	more = malloc(room * sizeof(*more));
	if (!more)
		return -ENOMEM;
	for (size_t i = 0; i < have; i++)
		more[i] = mine->ticket[(mine->first + i) & (mine->room - 1)];
	free(mine->ticket);
	mine->ticket = more;
	mine->room = room;
	mine->first = 0;
	mine->end = have;
	return 0;
}
