/* SPDX-License-Identifier: MIT */
/*
 * tool_look.c - reads an object as it stands in its file, without any lock
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ipc/base.h>
#include "os.h"
#include "region.h"
#include "tool.h"

enum {
	LOOKS = 1000, /* at what moves, until it makes sense */
};

/* ---- words of the file ---- */

static bool read_bytes(struct tool_object *o, void *to, size_t n, uint64_t at)
{
	if (pread(o->fd, to, n, (off_t)at) == (ssize_t)n)
		return true;
	o->error = -EBADMSG; /* it was cut off meanwhile */
	return false;
}

/* in the bounded back end nothing that stands there tells who sleeps */
static bool has_sleepers(uint64_t hint)
{
	return hint & IPCI_HINT_LEFT && ipc_caps() & LIBIPC_CAP_EXACT_WAKE;
}

static struct tool_gate gate_of(uint64_t word, uint64_t hint, uint64_t from,
				size_t size)
{
	return (struct tool_gate){.from = from,
				  .to = from + size,
				  .word = word,
				  .owner = (uint32_t)(word & IPCI_GATE_OWNER),
				  .sleepers = has_sleepers(hint)};
}

/* the first one that went to sleep while it was held by this owner noted when
   that was; the time may have gone round, so it is longer, if anything */
static void set_since(struct tool_gate *g, const struct room_shm *room,
		      uint32_t looked)
{
	uint64_t since =
		atomic_load_explicit(&room->since, memory_order_relaxed);
	int32_t ms = (int32_t)(looked - (uint32_t)since);

	if (!g->owner || !since || since >> 32 != g->word >> 32)
		return;
	g->stood = true;
	g->for_ms = ms > 0 ? (uint64_t)ms : 0;
}

static void read_mutex(struct tool_object *o)
{
	uint64_t at = o->head.page - sizeof(struct mutex_shm);
	struct mutex_shm m;

	if (!read_bytes(o, &m, sizeof(m), at))
		return;
	o->lock = gate_of(atomic_load_explicit(&m.word, memory_order_relaxed),
			  atomic_load_explicit(&m.room.asleep,
					       memory_order_relaxed),
			  at, sizeof(m));
	set_since(&o->lock, &m.room, o->looked);
	o->holder = atomic_load_explicit(&m.holder, memory_order_relaxed);
	o->depth = atomic_load_explicit(&m.depth, memory_order_relaxed);
}

static struct tool_side side_of(const struct tool_object *o,
				const struct side_shm *s, size_t offset)
{
	uint64_t word = atomic_load_explicit(&s->word, memory_order_relaxed);
	uint64_t hint = atomic_load_explicit(&s->hint, memory_order_relaxed);
	struct tool_side side = {
		atomic_load_explicit(&s->index, memory_order_relaxed),
		gate_of(word, hint, o->head.page + offset, sizeof(*s))};

	set_since(&side.gate, &s->room, o->looked);
	return side;
}

/* what no sound queue can say */
static bool is_impossible(const struct tool_object *o)
{
	uint64_t maxsize = o->head.u.queue.maxsize;
	uint64_t waiting = o->put.index - o->get.index;

	return waiting > INT64_MAX || (maxsize && waiting > maxsize) ||
	       o->put.index - o->finished > INT64_MAX;
}

static void read_sides(struct tool_object *o)
{
	struct queue_shm q;
	/* first, so that not more are done than were put */
	uint64_t marked = tool_marked_done(o);

	if (!read_bytes(o, &q, sizeof(q), o->head.page))
		return;
	o->shut = q.rare.state & IPCI_STATE_SHUT;
	o->dropped = q.rare.state & IPCI_STATE_DROPPED;
	o->put = side_of(o, &q.put, offsetof(struct queue_shm, put));
	o->get = side_of(o, &q.get, offsetof(struct queue_shm, get));
	o->done = side_of(o, &q.done, offsetof(struct queue_shm, done));
	o->finished = o->done.index + marked;
}

/*
 * All at one moment, or very nearly, of a queue that does not stand still: the
 * kernel copies it in some nanoseconds. If what came out cannot be, it moved
 * just then, or it is damaged, and stays as it is.
 */
static void read_queue(struct tool_object *o)
{
	int looks = 0;

	do
		read_sides(o);
	while (!o->error && is_impossible(o) && ++looks < LOOKS);
	if (looks == LOOKS)
		o->error = -EBADMSG;
}

static void read_body(struct tool_object *o)
{
	o->looked = (uint32_t)(ipci_now_ns() / 1000000);
	switch (o->head.kind) {
	case IPCI_KIND_MUTEX:
	case IPCI_KIND_SHARED:
		read_mutex(o);
		break;
	case IPCI_KIND_QUEUE:
		if (o->head.body_size < sizeof(struct queue_shm)) {
			o->error = -EBADMSG;
			break;
		}
		read_queue(o);
		break;
	default:
		o->error = -EPROTO;
	}
}

/* ---- one object ---- */

/* made by this library, if maybe by another version of it */
static bool is_ours(int fd)
{
	uint64_t magic;

	return pread(fd, &magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
	       magic == IPCI_MAGIC;
}

static int look_at_file(struct tool_object *o)
{
	if (fstat(o->fd, &o->st)) {
		close(o->fd);
		return -errno;
	}
	o->ours = S_ISREG(o->st.st_mode) && is_ours(o->fd);
	o->error = o->ours ? ipci_region_peek(o->fd, &o->head) : -EPROTO;
	if (!o->error)
		read_body(o);
	o->here = !o->error && o->head.id_space == ipci_os_id_space();
	return 0;
}

int tool_look(struct tool_object *o, const char *name)
{
	int tries = 0;

	memset(o, 0, sizeof(*o));
	strcpy(o->name, name);
	/* not to wait at a fifo; EAGAIN: another one is in tool_unused() */
	do
		o->fd = shm_open(name, O_RDONLY | O_NONBLOCK, 0);
	while (o->fd < 0 && errno == EAGAIN && tries++ < LOOKS &&
	       sched_yield() == 0);
	return o->fd < 0 ? -errno : look_at_file(o);
}

void tool_look_end(struct tool_object *o)
{
	close(o->fd);
	o->fd = -1;
}

/*
 * The word of a gate moves with every acquisition (its epoch). In the bounded
 * back end it may be the same again.
 */
static void compare(struct tool_gate *now, const struct tool_gate *then,
		    unsigned int ms)
{
	if (now->owner && now->word == then->word &&
	    now->word >= IPCI_GATE_EPOCH) {
		now->stood = true;
		now->for_ms = now->for_ms > ms ? now->for_ms : ms;
	}
}

void tool_watch(struct tool_object *o, unsigned int ms)
{
	struct tool_object then = *o;

	if (o->error || !(ipc_caps() & LIBIPC_CAP_EXACT_WAKE))
		return;
	ms = tool_pause(ms);
	read_body(o);
	compare(&o->lock, &then.lock, ms);
	compare(&o->put.gate, &then.put.gate, ms);
	compare(&o->get.gate, &then.get.gate, ms);
	compare(&o->done.gate, &then.done.gate, ms);
}

const char *tool_kind(const struct tool_object *o)
{
	switch (o->error == -EPROTO ? 0 : o->head.kind) {
	case IPCI_KIND_MUTEX:
		return "mutex";
	case IPCI_KIND_QUEUE:
		return "queue";
	case IPCI_KIND_SHARED:
		return "shared";
	default:
		return "unknown";
	}
}

const char *tool_state(const struct tool_object *o)
{
	switch (o->error) {
	case 0:
		return o->here ? "ok" : "of another PID namespace";
	case -EPROTO:
		return o->ours ? "made by another build" : "not an object";
	case -EBADMSG:
		return "damaged";
	case -ENOENT:
		return "removed";
	default:
		return strerror(-o->error);
	}
}

/* ---- all objects ---- */

/* what cannot be opened cannot be told from other files: it is left out, as
   is what goes meanwhile */
static int is_candidate(const struct dirent *d)
{
	return strcmp(d->d_name, ".") && strcmp(d->d_name, "..") &&
	       strlen(d->d_name) + 2 <= TOOL_NAME_MAX;
}

static void look_and_call(const char *entry,
			  void (*fn)(struct tool_object *o, void *arg),
			  void *arg)
{
	char name[TOOL_NAME_MAX] = "/";
	struct tool_object o;

	strcat(name, entry);
	if (tool_look(&o, name))
		return;
	if (o.ours && o.error != -ENOENT)
		fn(&o, arg);
	tool_look_end(&o);
}

int tool_for_each(void (*fn)(struct tool_object *o, void *arg), void *arg)
{
	struct dirent **entry;
	int n = scandir(tool_shm_dir(), &entry, is_candidate, alphasort);

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		look_and_call(entry[i]->d_name, fn, arg);
		free(entry[i]);
	}
	free(entry);
	return 0;
}
