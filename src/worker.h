/* SPDX-License-Identifier: MIT */
/*
 * worker.h - the calling thread as one that gets tasks of a joinable queue
 *
 * A thread that gets a task has a row in the queue (worker_shm), from its first
 * get until it ends, or closes its handle. The row's two words are its own all
 * that time, on its list of held locks: so its death tells the others. Which
 * tasks it holds, oldest first, it remembers in private memory, as tickets.
 */
#ifndef IPCI_WORKER_H
#define IPCI_WORKER_H

#include "gate.h"
#include "held.h"
#include "region.h"

/* one handle's view of the rows */
struct ipci_workers {
	struct ipci_region *region;
	struct leases_shm *s;
	struct worker_shm *row;
	uint32_t max;			     /* rows that there can be */
	bool rooms;			     /* and their rooms are in use */
	const struct ipci_gate *sleepers[2]; /* getters, joiners */
	const struct ipci_gate *lock;	     /* the lease gate */
	uint64_t id; /* this handle, never the same again */
};

enum {
	IPCI_GETTERS = 0, /* the class of a word of life[] */
	IPCI_JOINERS = 1,
};

#define IPCI_NO_ROW UINT32_MAX

/* the thread's own record of one row of one queue; private memory */
struct ipci_worker {
	struct ipci_anchor anchor[2];
	struct ipci_workers queue; /* a copy: the handle may be closed */
	uint32_t row;
	uint32_t attempts; /* of the task got last: deliveries, with this one */
	uint64_t *ticket;  /* a ring of room, a power of two */
	size_t room;
	size_t first; /* indexes that go on for ever */
	size_t end;
	struct ipci_worker *next;
};

/* bytes of the table */
size_t ipci_workers_bytes(void);

/* at offset in the region's body, a multiple of the page size */
void ipci_workers_init(struct ipci_workers *w, struct ipci_region *r,
		       struct leases_shm *s, size_t offset);

/* what the calling thread has of this handle, or NULL */
struct ipci_worker *ipci_worker_search(struct ipci_self *self,
				       const struct ipci_workers *w);

static inline struct ipci_worker *ipci_worker_find(struct ipci_self *self,
						   const struct ipci_workers *w)
{
	struct ipci_worker *last = self->worker;

	return last && last->queue.id == w->id ? last
					       : ipci_worker_search(self, w);
}

/*
 * The same; if it has none, N1 .. N4. -ENOMEM, -ENOSPC; -ENOBUFS: all rows are
 * taken, as long as nobody reaps.
 */
int ipci_worker_attach(struct ipci_self *self, const struct ipci_workers *w,
		       struct ipci_worker **mine);

static inline bool ipci_worker_has_room(const struct ipci_worker *mine,
					size_t n)
{
	return mine->end - mine->first + n <= mine->room;
}

/* room to remember n tickets more: 0 or -ENOMEM */
int ipci_worker_make_room(struct ipci_worker *mine, size_t n);

static inline void ipci_worker_remember(struct ipci_worker *mine,
					uint64_t ticket)
{
	mine->ticket[mine->end++ & (mine->room - 1)] = ticket;
}

/* rows in use so far; more than there can be is damage */
static inline uint32_t ipci_workers_rows(const struct ipci_workers *w)
{
	uint32_t n = atomic_load_explicit(&w->s->rows, memory_order_seq_cst);

	return n < w->max ? n : w->max;
}

/* ---- what a thread marks done, of its own ---- */

/*
 * D7, D8, by the thread that has the row: whether it is done. Not where there
 * are rooms, whose sleepers no fence of theirs tells us of; where the marks are
 * full; or where another thread may be about to mark the same: within the gate,
 * then.
 */
IPCI_INLINE bool ipci_worker_mark(const struct ipci_worker *mine,
				  uint64_t ticket)
{
	struct worker_shm *row = &mine->queue.row[mine->row];
	uint64_t n = atomic_load_explicit(&row->done, memory_order_relaxed);

	if (mine->queue.rooms ||
	    n - atomic_load_explicit(&row->freed, memory_order_acquire) >=
		    IPCI_MARKS)
		return false;
	atomic_store_explicit(&row->mark[n % IPCI_MARKS], ticket,
			      memory_order_relaxed); /* D7 */
	ipci_order(); /* that the CPU does not turn them around: N8 */
	if (IPCI_HELPED(
		    atomic_load_explicit(&row->helped, memory_order_relaxed)))
		return false;
	atomic_store_explicit(&row->done, n + 1,
			      memory_order_release); /* D8 COMMIT */
	ipci_order();
	return true;
}

/* how many were, in all rows */
static inline uint64_t ipci_workers_done(const struct ipci_workers *w)
{
	uint64_t done = 0;

	for (uint32_t n = ipci_workers_rows(w), i = 0; i < n; i++)
		done += atomic_load_explicit(&w->row[i].done,
					     memory_order_seq_cst);
	return done;
}

/* of the row, the first and the end of the marks whose leases are not free */
static inline uint64_t ipci_row_marks(const struct worker_shm *row,
				      uint64_t *end)
{
	uint64_t first =
		atomic_load_explicit(&row->freed, memory_order_relaxed);

	*end = atomic_load_explicit(&row->done, memory_order_acquire);
	/* more of them is damage */
	return *end - first <= IPCI_MARKS ? first : *end - IPCI_MARKS;
}

static inline uint64_t ipci_row_mark(const struct worker_shm *row, uint64_t n)
{
	return atomic_load_explicit(&row->mark[n % IPCI_MARKS],
				    memory_order_relaxed);
}

/* whether its thread is about to mark that (D7), or just has */
static inline bool ipci_row_is_marking(const struct worker_shm *row,
				       uint64_t ticket)
{
	uint64_t freed =
		atomic_load_explicit(&row->freed, memory_order_relaxed);

	return ipci_row_mark(row, freed) == ticket;
}

/* whether the ticket is one of those */
bool ipci_row_has_marked(const struct worker_shm *row, uint64_t ticket);

/* the place of the ticket among those that the thread has; mine->end: none */
size_t ipci_worker_find_ticket(const struct ipci_worker *mine, uint64_t ticket);

/* it has that one no more */
void ipci_worker_forget(struct ipci_worker *mine, size_t place);

/* N7, within the lease gate, for other threads: whether the row's thread knows
   of them, as the caller may have seen to, or an earlier one */
bool ipci_worker_is_helped(const struct ipci_workers *w, uint32_t row,
			   bool known);

/* whether a thread of this process has the row, through this handle */
bool ipci_worker_ours(const struct ipci_workers *w, uint32_t row);

/*
 * This handle is being closed: gives up the calling thread's row. Other threads
 * of the process give theirs up when they end or next take a row.
 */
void ipci_workers_close(struct ipci_self *self, const struct ipci_workers *w);

IPCI_INLINE struct ipci_gate ipci_worker_life(const struct ipci_workers *w,
					      uint32_t row, int class)
{
	struct room_shm *room = &w->row[row].room[class];

	return (struct ipci_gate){.room = w->rooms ? room : NULL,
				  .word = &w->row[row].life[class].word,
				  .hint = &room->asleep};
}

IPCI_INLINE bool ipci_row_is_dead(const struct worker_shm *row, int class)
{
	return ipci_word_is_dead(atomic_load_explicit(&row->life[class].word,
						      memory_order_seq_cst));
}

IPCI_INLINE bool ipci_worker_is_dead(const struct ipci_workers *w, uint32_t row,
				     int class)
{
	struct ipci_gate g;

	if (!w->rooms)
		return ipci_row_is_dead(&w->row[row], class);
	g = ipci_worker_life(w, row, class);
	return ipci_gate_dead(&g);
}

/* whether the row's thread has ended, or given it up */
static inline bool ipci_worker_ended(const struct ipci_workers *w, uint32_t row)
{
	return ipci_worker_is_dead(w, row, IPCI_GETTERS) ||
	       ipci_worker_is_dead(w, row, IPCI_JOINERS);
}

/* the first one from row on that has ended; IPCI_NO_ROW: none */
uint32_t ipci_workers_ended(const struct ipci_workers *w, uint32_t row);

/* whether there is one; may be wrong: who comes in asks for each row, and where
   there are rooms, that takes longer */
IPCI_INLINE bool ipci_workers_any_ended(const struct ipci_workers *w)
{
	const struct worker_shm *row = w->row;
	const struct worker_shm *end = row + ipci_workers_rows(w);

	if (w->rooms)
		return true;
	for (; row < end; row++)
		if (ipci_row_is_dead(row, IPCI_GETTERS) ||
		    ipci_row_is_dead(row, IPCI_JOINERS))
			return true;
	return false;
}

/* whether a sleeper of that class has a death to look after */
bool ipci_workers_mourn(const struct ipci_workers *w, int class);

/* X5: nothing names the row any more */
void ipci_worker_bury(const struct ipci_workers *w, uint32_t row);

/* for struct ipci_gate, watch */
int ipci_workers_watch(const struct ipci_workers *w, int class,
		       struct ipci_still *more, int room);

#endif
