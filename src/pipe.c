/* SPDX-License-Identifier: MIT */
/*
 * pipe.c - two byte rings, whose gates are only slept at, and two lifelines
 *
 * A queue without the lock: each direction has one sender and one receiver
 * (struct pipe_shm in layout.h has the steps T1 .. T5, V1 .. V5, X1 .. X3).
 *
 * Who is still there, the kernel knows: each end has one descriptor of a
 * connected pair, inherited by fork, closed by every kind of death. A close
 * moves a counter, so the other side looks at once. To learn of a death, a
 * sleeper watches a thread of one that holds the other end, if it knows any,
 * or looks every 50 ms; a sender that need not wait looks every 5 ms.
 */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <ipc/pipe.h>
#include "flow.h"
#include "region.h"

enum {
	CAPACITY = 65536,
};

/* what both handles of a process share; the last one to close frees it */
struct core {
	struct ipci_region region;
	_Atomic unsigned int handles;
};

/*
 * A message in pieces, as far as it came: private, for once the first piece
 * was received, the rest comes to the same process.
 */
struct assembly {
	unsigned char *data;
	size_t room; /* bytes allocated */
	size_t have;
	size_t total;
	uint64_t next; /* the index where the next piece must lie */
	uint32_t generation;
	bool active;
};

struct ipc_pipe {
	struct core *core;
	_Atomic uint32_t *closings; /* of this end */
	int lifeline;
	struct ipci_flow out;
	struct ipci_flow in;
	struct assembly parts;
};

/* ---- send ---- */

IPCI_INLINE void write_record(struct ipci_self *self, struct ipci_flow *f,
			      enum ipci_record kind, const void *data,
			      size_t len)
{
	uint64_t at = ipci_flow_index(f);

	ipci_record_begin(&f->ring, at, kind, (uint32_t)len); /* T1 */
	ipci_bytes_write(&f->ring, at + 8, data, len);
	ipci_flow_commit(self, f, ipci_record_bytes(len));
}

static int send_whole(struct ipci_self *self, struct ipci_flow *f,
		      const void *data, size_t len, int timeout_ms)
{
	uint64_t need = ipci_record_bytes(len);
	int r = ipci_flow_look(f, need);

	if (r == 0)
		r = ipci_flow_await(self, f, need, ipci_deadline(timeout_ms));
	if (r < 0)
		return r;
	write_record(self, f, IPCI_RECORD_WHOLE, data, len);
	return 0;
}

/* the word that says how much will come */
static int send_begin(struct ipci_self *self, struct ipci_flow *f, size_t total,
		      int64_t deadline)
{
	int r = ipci_flow_await(self, f, 8, deadline);

	if (r < 0)
		return r;
	ipci_record_begin(&f->ring, ipci_flow_index(f), IPCI_RECORD_BEGIN,
			  (uint32_t)total);
	ipci_flow_commit(self, f, 8);
	return 0;
}

/*
 * As much as there is room for, half a ring at least, so that sender and
 * receiver work at the same time. When it gives up on the way, the receiver
 * finds the next message where a piece was due, and drops these.
 */
static int send_pieces(struct ipci_self *self, struct ipci_flow *f,
		       const unsigned char *data, size_t len, int64_t deadline)
{
	int r = send_begin(self, f, len, deadline);

	while (r >= 0 && len) {
		uint64_t need = ipci_record_bytes(len), room;
		size_t n;

		if (need > f->ring.size / 2)
			need = f->ring.size / 2;
		r = ipci_flow_await(self, f, need, deadline);
		if (r < 0)
			break;
		room = ipci_flow_bytes(f);
		n = len < room - 8 ? len : (size_t)(room - 8);
		write_record(self, f, IPCI_RECORD_PIECE, data, n);
		data += n;
		len -= n;
	}
	return r < 0 ? r : 0;
}

/* whether it is done: most are */
IPCI_INLINE bool send_at_once(struct ipci_flow *f, const void *data, size_t len)
{
	struct ipci_self *self = &ipci_thread;

	if (!self->tid || len >= f->ring.size ||
	    ipci_flow_look(f, ipci_record_bytes(len)) != 1 ||
	    !ipci_flow_is_sound(f))
		return false;
	write_record(self, f, IPCI_RECORD_WHOLE, data, len);
	return true;
}

static __attribute__((noinline)) int send_slowly(struct ipc_pipe *end,
						 const void *data, size_t len,
						 int timeout_ms)
{
	struct ipci_self *self = ipci_self();
	struct ipci_flow *f = &end->out;
	int r;

	if (!f->usable)
		return -EBADF;
	if (len > INT_MAX)
		return -EMSGSIZE;
	if (!self)
		return -ENOSYS;
	if (ipci_flow_broken(self, f))
		return -EPIPE;
	if (ipci_record_bytes(len) <= f->ring.size)
		r = send_whole(self, f, data, len, timeout_ms);
	else if (timeout_ms == 0)
		r = -EAGAIN; /* it takes more than one try */
	else
		r = send_pieces(self, f, data, len, ipci_deadline(timeout_ms));
	return r == -ETIMEDOUT ? ipci_gave_up(timeout_ms) : r;
}

int ipc_pipe_send(struct ipc_pipe *end, const void *data, size_t len,
		  int timeout_ms)
{
	if (!end || (!data && len))
		return -EINVAL;
	if (send_at_once(&end->out, data, len))
		return 0;
	return send_slowly(end, data, len, timeout_ms);
}

/* ---- receive ---- */

static void drop_parts(struct assembly *a)
{
	free(a->data);
	*a = (struct assembly){.active = false};
}

/* room for len bytes more; grows with what came, not with what was promised */
static int make_room(struct assembly *a, size_t len)
{
	size_t room = a->room * 2;
	unsigned char *more;

	if (a->have + len <= a->room)
		return 0;
	if (room < a->have + len)
		room = a->have + len;
	if (room > a->total)
		room = a->total;
	more = realloc(a->data, room);
	if (!more)
		return -ENOMEM;
	a->data = more;
	a->room = room;
	return 0;
}

static int take_begin(struct ipci_self *self, struct ipci_flow *f,
		      struct assembly *a, uint32_t total)
{
	if (total > INT_MAX)
		return -EBADMSG;
	drop_parts(a);
	a->active = true;
	a->total = total;
	a->generation = ipci_generation();
	ipci_flow_commit(self, f, 8);
	a->next = ipci_flow_index(f);
	return 0;
}

/*
 * A piece whose beginning another process received: that one died with it, and
 * what is left of the message is nobody's.
 */
static int take_piece(struct ipci_self *self, struct ipci_flow *f,
		      struct assembly *a, uint32_t len)
{
	int r;

	if (len == 0)
		return -EBADMSG;
	if (!a->active || a->next != ipci_flow_index(f)) {
		drop_parts(a);
		ipci_flow_commit(self, f, ipci_record_bytes(len));
		return 0;
	}
	if (len > a->total - a->have)
		return -EBADMSG;
	r = make_room(a, len);
	if (r < 0)
		return r;
	ipci_bytes_read(&f->ring, ipci_flow_index(f) + 8, a->data + a->have,
			len);
	a->have += len;
	ipci_flow_commit(self, f, ipci_record_bytes(len));
	a->next = ipci_flow_index(f);
	return 0;
}

/*
 * Takes the record at the front as far as the message is in pieces. 1: it is a
 * whole message of *len bytes, left where it is. The record's word is read
 * once; what it says is checked, and then used.
 */
static int take_record(struct ipci_self *self, struct ipci_flow *f,
		       struct assembly *a, long *len)
{
	uint64_t word = ipci_record_word(&f->ring, ipci_flow_index(f));
	uint64_t there = ipci_flow_bytes(f);
	uint32_t n = (uint32_t)word, kind = (uint32_t)(word >> 32);

	if (kind == IPCI_RECORD_BEGIN)
		return take_begin(self, f, a, n);
	if (ipci_record_bytes(n) > there || n > INT_MAX)
		return -EBADMSG;
	if (kind == IPCI_RECORD_PIECE)
		return take_piece(self, f, a, n);
	if (kind != IPCI_RECORD_WHOLE)
		return -EBADMSG;
	drop_parts(a); /* torn: its sender died or gave up */
	*len = (long)n;
	return 1;
}

/* what the parent that forked us had collected is the parent's to deliver */
static void forget_parent(struct assembly *a)
{
	if (a->active && a->generation != ipci_generation())
		drop_parts(a);
}

static bool complete(const struct assembly *a)
{
	return a->active && a->have == a->total;
}

/* waits for a record; the clock is asked only if it must wait */
static int await_record(struct ipci_self *self, struct ipci_flow *f,
			int64_t *deadline, int timeout_ms)
{
	int r = ipci_flow_look(f, 8);

	if (r)
		return r;
	if (*deadline < 0)
		*deadline = ipci_deadline(timeout_ms);
	return ipci_flow_await(self, f, 8, *deadline);
}

/*
 * Waits until a whole message is at the front, of the ring or in end->parts:
 * its length. Pieces are collected on the way, so that their sender can go on.
 */
static long front(struct ipc_pipe *end, int timeout_ms)
{
	struct ipci_self *self = ipci_self();
	struct ipci_flow *f = &end->in;
	int64_t deadline = -1; /* not known yet */
	long len = 0;
	int r;

	if (!self)
		return -ENOSYS;
	forget_parent(&end->parts);
	while (!complete(&end->parts)) {
		r = await_record(self, f, &deadline, timeout_ms);
		if (r > 0)
			r = take_record(self, f, &end->parts, &len);
		if (r == -EPIPE)
			drop_parts(&end->parts);
		if (r < 0)
			return r == -ETIMEDOUT ? ipci_gave_up(timeout_ms) : r;
		if (r > 0)
			return len;
	}
	return (long)end->parts.total;
}

static int check_receiver(const struct ipc_pipe *end)
{
	if (!end)
		return -EINVAL;
	return end->in.usable ? 0 : -EBADF;
}

IPCI_INLINE void take_whole(struct ipci_self *self, struct ipci_flow *f,
			    void *buf, size_t len)
{
	ipci_bytes_read(&f->ring, ipci_flow_index(f) + 8, buf, len); /* V1 */
	ipci_flow_commit(self, f, ipci_record_bytes(len));
}

static void take_front(struct ipc_pipe *end, void *buf, size_t len)
{
	if (end->parts.active) {
		if (len)
			memcpy(buf, end->parts.data, len);
		drop_parts(&end->parts);
		return;
	}
	take_whole(ipci_self(), &end->in, buf, len);
}

/* whether it was there, whole; its length. Most are. */
IPCI_INLINE bool recv_at_once(struct ipc_pipe *end, void *buf, size_t size,
			      int *len)
{
	struct ipci_self *self = &ipci_thread;
	struct ipci_flow *f = &end->in;
	uint64_t word;
	uint32_t n;

	if (!self->tid || end->parts.active || ipci_flow_look(f, 8) != 1)
		return false;
	word = ipci_record_word(&f->ring, ipci_flow_index(f));
	n = (uint32_t)word;
	if (word >> 32 != IPCI_RECORD_WHOLE || n > size || n > INT_MAX ||
	    ipci_record_bytes(n) > ipci_flow_bytes(f))
		return false;
	take_whole(self, f, buf, n);
	*len = (int)n;
	return true;
}

static __attribute__((noinline)) int recv_slowly(struct ipc_pipe *end,
						 void *buf, size_t size,
						 int timeout_ms)
{
	long len = front(end, timeout_ms);

	if (len < 0)
		return (int)len;
	if ((size_t)len > size)
		return -EMSGSIZE;
	take_front(end, buf, (size_t)len);
	return (int)len;
}

int ipc_pipe_recv(struct ipc_pipe *end, void *buf, size_t size, int timeout_ms)
{
	int r = check_receiver(end), len;

	if (r < 0)
		return r;
	if (!buf && size)
		return -EINVAL;
	if (recv_at_once(end, buf, size, &len))
		return len;
	return recv_slowly(end, buf, size, timeout_ms);
}

long ipc_pipe_next(struct ipc_pipe *end)
{
	int r = check_receiver(end);

	return r < 0 ? r : front(end, 0);
}

int ipc_pipe_poll(struct ipc_pipe *end, int timeout_ms)
{
	int r = check_receiver(end);
	long len;

	if (r < 0)
		return r;
	len = front(end, timeout_ms);
	if (len >= 0 || len == -EPIPE)
		return 1;
	return len == -EAGAIN || len == -ETIMEDOUT ? 0 : (int)len;
}

/* ---- create and close ---- */

/* ring[d]: the bytes of direction d, NULL where there is no such direction */
static void init_end(struct ipc_pipe *end, struct core *core, int e,
		     int lifeline, unsigned char *ring[2], uint64_t size)
{
	struct pipe_shm *s = (struct pipe_shm *)core->region.body;
	struct direction_shm *out = &s->direction[e];
	struct direction_shm *in = &s->direction[1 - e];

	end->core = core;
	end->closings = &s->closings[e];
	end->lifeline = lifeline;
	ipci_flow_init(&end->out, &out->send, &out->recv,
		       (struct ipci_bytes){ring[e], size}, size);
	ipci_flow_init(&end->in, &in->recv, &in->send,
		       (struct ipci_bytes){ring[1 - e], size}, 0);
	end->in.watch = (struct ipci_watch){.closings = &s->closings[1 - e],
					    .holder = &s->holder[1 - e],
					    .own = &s->holder[e],
					    .lifeline = lifeline};
	end->out.watch = end->in.watch;
}

static int prepare(struct ipci_region *r)
{
	struct pipe_shm *s = (struct pipe_shm *)r->body;

	for (int d = 0; d < 2; d++) {
		ipci_room_init(&s->direction[d].send.room);
		ipci_room_init(&s->direction[d].recv.room);
	}
	return 0;
}

static int make_core(struct core **core, uint64_t size, bool simplex)
{
	struct head_shm head = {
		.kind = IPCI_KIND_PIPE,
		.body_size = sizeof(struct pipe_shm) + size * (simplex ? 1 : 2),
	};
	struct ipci_region *r;
	int err =
		ipci_region_create(&r, sizeof(**core), NULL, 0, &head, prepare);

	if (err)
		return err;
	*core = (struct core *)r;
	atomic_init(&(*core)->handles, 2);
	return 0;
}

static int make_ends(struct ipc_pipe *ends[2], int lifelines[2])
{
	ends[0] = calloc(1, sizeof(*ends[0]));
	ends[1] = calloc(1, sizeof(*ends[1]));
	if (ends[0] && ends[1]) {
		int r = ipci_os_lifeline(lifelines);

		if (r == 0)
			return 0;
		free(ends[0]);
		free(ends[1]);
		return r;
	}
	free(ends[0]);
	free(ends[1]);
	return -ENOMEM;
}

/* whoever waits for either of them may watch us, who have both */
static void hold(struct ipc_pipe *const ends[2])
{
	struct ipci_self *self = ipci_self();

	ipci_life_prepare();
	for (int e = 0; self && e < 2; e++)
		ipci_watch_hold(self, &ends[e]->in.watch);
}

int ipc_pipe_create(struct ipc_pipe *ends[2], const struct ipc_pipe_opts *opts)
{
	static const struct ipc_pipe_opts defaults;
	struct ipc_pipe *new[2];
	unsigned char *ring[2];
	struct core *core;
	uint64_t size;
	int err, lifelines[2];
	bool simplex;

	if (!opts)
		opts = &defaults;
	if (!ends || (opts->flags & ~(uint32_t)LIBIPC_SIMPLEX) ||
	    opts->reserved32 || opts->reserved[0] || opts->reserved[1])
		return -EINVAL;
	simplex = opts->flags & LIBIPC_SIMPLEX;
	size = ipci_bytes_for(opts->capacity ? opts->capacity : CAPACITY);
	if (!size)
		return -ENOSPC;
	err = make_core(&core, size, simplex);
	if (err)
		return err;
	err = make_ends(new, lifelines);
	if (err) {
		ipci_region_close(&core->region);
		return err;
	}
	ring[1] = core->region.body + sizeof(struct pipe_shm);
	ring[0] = simplex ? NULL : ring[1] + size;
	for (int e = 0; e < 2; e++) {
		init_end(new[e], core, e, lifelines[e], ring, size);
		ends[e] = new[e];
	}
	hold(new);
	return 0;
}

/* X3: the other end may sleep in either direction. Nothing is owed: are we
   killed here, it looks by itself, or watches us, as before any death. */
static void wake_other_end(const struct ipc_pipe *end)
{
	ipci_gate_notify(&end->out.peer);
	ipci_gate_notify(&end->in.peer);
}

int ipc_pipe_close(struct ipc_pipe *end)
{
	int cancel;

	if (!end)
		return -EINVAL;
	ipci_watch_let_go(&end->in.watch); /* X1 */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	close(end->lifeline);
	pthread_setcancelstate(cancel, &cancel);
	atomic_fetch_add_explicit(end->closings, 1, /* X2 */
				  memory_order_seq_cst);
	wake_other_end(end);
	drop_parts(&end->parts);
	/* acq_rel: the other handle's thread is done with the region */
	if (atomic_fetch_sub_explicit(&end->core->handles, 1,
				      memory_order_acq_rel) == 1)
		ipci_region_close(&end->core->region);
	free(end);
	return 0;
}
