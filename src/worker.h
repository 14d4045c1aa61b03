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

/* whether a thread of this process has the row, through this handle */
bool ipci_worker_ours(const struct ipci_workers *w, uint32_t row);

/*
 * This handle is being closed: gives up the calling thread's row. Other threads
 * of the process give theirs up when they end or next take a row.
 */
void ipci_workers_close(struct ipci_self *self, const struct ipci_workers *w);

/* rows in use so far; more than there can be is damage */
static inline uint32_t ipci_workers_rows(const struct ipci_workers *w)
{
	uint32_t n = atomic_load_explicit(&w->s->rows, memory_order_seq_cst);

	return n < w->max ? n : w->max;
}

IPCI_INLINE struct ipci_gate ipci_worker_life(const struct ipci_workers *w,
					      uint32_t row, int class)
{
	struct room_shm *room = &w->row[row].room[class];

	return (struct ipci_gate){.room = w->rooms ? room : NULL,
				  .word = &w->row[row].life[class].word,
				  .hint = &room->asleep};
}

IPCI_INLINE bool ipci_worker_is_dead(const struct ipci_workers *w, uint32_t row,
				     int class)
{
	struct ipci_gate g;

	/* get and task_done ask for each row: without a gate around the word */
	if (__builtin_expect(!w->rooms, true))
		return ipci_word_is_dead(atomic_load_explicit(
			&w->row[row].life[class].word, memory_order_seq_cst));
	g = ipci_worker_life(w, row, class);
	return ipci_gate_dead(&g);
}

/* whether the row's thread has ended, or given it up */
IPCI_INLINE bool ipci_worker_ended(const struct ipci_workers *w, uint32_t row)
{
	return ipci_worker_is_dead(w, row, IPCI_GETTERS) ||
	       ipci_worker_is_dead(w, row, IPCI_JOINERS);
}

/* the first one from row on that has ended; IPCI_NO_ROW: none */
IPCI_INLINE uint32_t ipci_workers_ended(const struct ipci_workers *w,
					uint32_t row)
{
	for (uint32_t n = ipci_workers_rows(w); row < n; row++)
		if (ipci_worker_ended(w, row))
			return row;
	return IPCI_NO_ROW;
}

/* whether a sleeper of that class has a death to look after */
bool ipci_workers_mourn(const struct ipci_workers *w, int class);

/* X5: nothing names the row any more */
void ipci_worker_bury(const struct ipci_workers *w, uint32_t row);

/* for struct ipci_gate, watch */
int ipci_workers_watch(const struct ipci_workers *w, int class,
		       struct ipci_still *more, int room);

#endif
