/* SPDX-License-Identifier: MIT */
/*
 * tool_tasks.c - the tasks of a joinable queue that were got and are not done
 *
 * Read from the tables of layout.h (leases_shm), of which nothing stands still
 * meanwhile: what is told of one task is what its words said when they were
 * read.
 */
#include <string.h>
#include <unistd.h>

#include <ipc/queue.h>

#include "lease.h"
#include "tool.h"
#include "worker.h"

enum {
	LISTED = 100, /* the others are only counted */
	LEASES_MAX = 1 << 20,
	AT_ONCE = 64, /* leases read with one call */
};

enum state { NO_TASK, HELD, AGAIN, ASIDE };

struct reader {
	const struct tool_object *o;
	struct leases_shm s;
	struct ipci_when when;
	uint64_t rows_at, leases_at; /* in the file */
	uint64_t count[4];
};

/* what is not there, or not any more, is zeros, and so no task */
static void read_at(const struct reader *r, void *to, size_t n, uint64_t at)
{
	if (at > INT64_MAX || pread(r->o->fd, to, n, (off_t)at) != (ssize_t)n)
		memset(to, 0, n);
}

static void begin(struct reader *r, const struct tool_object *o)
{
	const struct head_shm *head = &o->head;

	*r = (struct reader){.o = o};
	r->when = (struct ipci_when){o->get.index, o->done.index};
	r->rows_at = head->page + head->fixed_size;
	r->leases_at = r->rows_at + ipci_workers_bytes();
	read_at(r, &r->s, sizeof(r->s),
		head->page + offsetof(struct queue_shm, leases));
}

/* leases in use; no queue has more, whatever it says */
static uint32_t in_use(const struct reader *r)
{
	return r->s.fresh < LEASES_MAX ? r->s.fresh : LEASES_MAX;
}

/* zeros, where there is no such row */
static void read_row(const struct reader *r, struct worker_shm *w, uint32_t row)
{
	if (row < ipci_workers_bytes() / sizeof(*w))
		read_at(r, w, sizeof(*w), r->rows_at + row * sizeof(*w));
	else
		memset(w, 0, sizeof(*w));
}

uint64_t tool_marked_done(const struct tool_object *o)
{
	struct worker_shm w;
	struct reader r;
	uint64_t n = 0;
	uint32_t row;

	if (!(o->head.u.queue.flags & LIBIPC_JOINABLE))
		return 0;
	begin(&r, o);
	for (row = 0; row < r.s.rows && row < ipci_workers_bytes() / sizeof(w);
	     row++) {
		read_row(&r, &w, row);
		n += w.done;
	}
	return n;
}

/* whose thread has ended waits again, also before somebody has noticed it */
static enum state state_of(const struct reader *r, const struct lease_shm *x,
			   uint32_t i, uint32_t *holder)
{
	struct worker_shm w;

	*holder = 0;
	if (!ipci_lease_committed(x, r->when))
		return NO_TASK;
	if (ipci_lease_gone(x, r->when))
		return ipci_lease_row(x) == UINT32_MAX ? ASIDE : NO_TASK;
	read_row(r, &w, ipci_lease_row(x));
	if (ipci_row_has_marked(&w, ipci_ticket_of(x, i)))
		return NO_TASK;
	*holder = (uint32_t)(w.life[0].word & IPCI_GATE_OWNER);
	return *holder ? HELD : AGAIN;
}

static void show_task(const struct reader *r, const struct lease_shm *x,
		      enum state state, uint32_t holder)
{
	static const char *const words[] = {"", "held", "waits again",
					    "set aside"};

	out_begin(NULL);
	out_text("state", words[state]);
	out_number("attempts", ipci_lease_attempts(x));
	out_number("length", x->len);
	tool_show_owner("holder", r->o, holder);
	out_end();
}

static void look_at(struct reader *r, const struct lease_shm *x, uint32_t i)
{
	uint32_t holder;
	enum state state = state_of(r, x, i, &holder);

	r->count[state]++;
	if (state != NO_TASK &&
	    r->count[HELD] + r->count[AGAIN] + r->count[ASIDE] <= LISTED)
		show_task(r, x, state, holder);
}

void tool_show_tasks(const struct tool_object *o)
{
	struct lease_shm x[AT_ONCE];
	struct reader r;
	uint32_t n, i;

	begin(&r, o);
	n = in_use(&r);
	out_list_begin("tasks");
	for (i = 0; i < n; i++) {
		if (i % AT_ONCE == 0)
			read_at(&r, x, sizeof(x), r.leases_at + i * sizeof(*x));
		look_at(&r, &x[i % AT_ONCE], i);
	}
	out_list_end();
	out_number("held", r.count[HELD]);
	out_number("wait_again", r.count[AGAIN]);
	out_number("set_aside", r.count[ASIDE]);
	out_number("max_attempts", o->head.u.queue.max_attempts);
}
