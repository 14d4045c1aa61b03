/* SPDX-License-Identifier: MIT */
/*
 * fuzz_segment.c - one input: an object is made, its memory is written over,
 * and every call must come back, in time, with an answer or an error
 *
 * What is looked for: crashes and accesses outside (sanitizers, guard.c), calls
 * that do not keep their timeout or do not come back, lengths that cannot be,
 * locks that stay on the thread's list, memory that is not given back.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libipc.h>
#include "held.h"
#include "region.h"

enum {
	MAXSIZE = 5,
	ITEM = 24,
	MANY = 4,
	CALLS_MAX = 40, /* of one input */
	LATE_MS = 5000, /* a call that comes later than that hangs */
	CAPACITY = 256,
};

struct fuzz_sum fuzz_sum;

/* the input, as far as it is not read */
static const uint8_t *in;
static size_t left;

static uint8_t next_byte(void)
{
	if (!left)
		return 0;
	left--;
	return *in++;
}

__attribute__((format(printf, 1, 2))) static _Noreturn void wrong(
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

/* -------------------------------------------------------------- the object */

struct object {
	void *handle[2];      /* NULL: not open */
	char name[64];	      /* "": it has none */
	unsigned char *bytes; /* of the file, or of the pipe's body */
	size_t size;
};

struct kind {
	const char *what;
	int (*create)(struct object *o);
	int (*open)(void **handle, const char *name); /* NULL: no names */
	void (*use)(struct object *o); /* so that there is something in it */
	int (*const *calls)(void *handle, uint8_t arg);
	int (*close)(void *handle);
	int n_calls;
};

/* as an int */
static int clipped(long r)
{
	return r > INT_MAX ? INT_MAX : (int)r;
}

/* 0, 1 or 2 ms */
static int timeout(uint8_t arg)
{
	return arg % 3;
}

/* ---- mutex ---- */

static int create_mutex(struct object *o)
{
	return ipc_mutex_create((struct ipc_mutex **)&o->handle[0], o->name,
				NULL);
}

static int create_recursive(struct object *o)
{
	const struct ipc_mutex_opts opts = {.flags = LIBIPC_MUTEX_RECURSIVE};

	return ipc_mutex_create((struct ipc_mutex **)&o->handle[0], o->name,
				&opts);
}

static int open_mutex(void **m, const char *name)
{
	return ipc_mutex_open((struct ipc_mutex **)m, name);
}

static int lock(void *m, uint8_t arg)
{
	return ipc_mutex_lock(m, timeout(arg));
}

static int unlock(void *m, uint8_t arg)
{
	(void)arg;
	return ipc_mutex_unlock(m);
}

static void use_mutex(struct object *o)
{
	lock(o->handle[0], 0);
	unlock(o->handle[0], 0);
}

/* whatever is held is let go, so that nothing can be in the way */
static int close_mutex(void *m)
{
	while (ipc_mutex_unlock(m) == 0)
		;
	return ipc_mutex_close(m);
}

static int (*const mutex_calls[])(void *, uint8_t) = {lock, unlock};

/* ---- queue ---- */

static int create_queue_with(struct object *o, uint32_t flags,
			     enum ipc_order order, size_t maxsize)
{
	const struct ipc_queue_opts opts = {.maxsize = maxsize,
					    .item_size = ITEM,
					    .order = order,
					    .flags = flags};

	return ipc_queue_create((struct ipc_queue **)&o->handle[0], o->name,
				&opts);
}

static int create_fifo(struct object *o)
{
	return create_queue_with(o, 0, LIBIPC_FIFO, MAXSIZE);
}

static int create_single(struct object *o)
{
	return create_queue_with(
		o, LIBIPC_SINGLE_PRODUCER | LIBIPC_SINGLE_CONSUMER, LIBIPC_FIFO,
		MAXSIZE);
}

static int create_joinable(struct object *o)
{
	return create_queue_with(o, LIBIPC_JOINABLE, LIBIPC_FIFO, MAXSIZE);
}

static int create_lifo(struct object *o)
{
	return create_queue_with(o, 0, LIBIPC_LIFO, MAXSIZE);
}

static int create_priority(struct object *o)
{
	return create_queue_with(o, 0, LIBIPC_PRIORITY, MAXSIZE);
}

static int create_joinable_priority(struct object *o)
{
	return create_queue_with(o, LIBIPC_JOINABLE, LIBIPC_PRIORITY, MAXSIZE);
}

static int create_unbounded(struct object *o)
{
	return create_queue_with(o, 0, LIBIPC_FIFO, 0);
}

static int open_queue(void **q, const char *name)
{
	return ipc_queue_open((struct ipc_queue **)q, name);
}

static int put(void *q, uint8_t arg)
{
	size_t len = arg % (ITEM + 1);
	void *item = calloc(1, len + 1);
	int r = ipc_queue_put(q, item, len, timeout(arg));

	free(item);
	return r;
}

static int get(void *q, uint8_t arg)
{
	size_t size = arg % 2 ? ITEM : arg % (ITEM + 1);
	void *buf = malloc(size + 1);
	int r = ipc_queue_get(q, (char *)buf + 1, size, timeout(arg));

	free(buf);
	if (r > (int)size)
		wrong("get: %d bytes of %zu", r, size);
	return r;
}

static int put_many(void *q, uint8_t arg)
{
	size_t len = arg % (ITEM + 1), n = 1 + arg % MANY;
	void *items = calloc(n, len + 1);
	int r = ipc_queue_put_many(q, items, len, n, timeout(arg));

	free(items);
	if (r == 0 || r > (int)n)
		wrong("put_many: %d of %zu", r, n);
	return r;
}

static int get_many(void *q, uint8_t arg)
{
	size_t lens[MANY], n = 1 + arg % MANY;
	void *items = malloc(n * ITEM);
	int r = ipc_queue_get_many(q, items, ITEM, lens, n, timeout(arg));

	free(items);
	if (r == 0 || r > (int)n)
		wrong("get_many: %d of %zu", r, n);
	for (int i = 0; i < r; i++) {
		if (lens[i] > ITEM)
			wrong("get_many: %zu bytes", lens[i]);
	}
	return r;
}

static int look(void *q, uint8_t arg)
{
	(void)arg;
	ipc_queue_empty(q);
	ipc_queue_full(q);
	ipc_queue_maxsize(q);
	ipc_queue_item_size(q);
	return clipped(ipc_queue_size(q));
}

static int task_done(void *q, uint8_t arg)
{
	(void)arg;
	return ipc_queue_task_done(q);
}

static int join(void *q, uint8_t arg)
{
	return ipc_queue_join(q, timeout(arg));
}

static int unfinished(void *q, uint8_t arg)
{
	(void)arg;
	return clipped(ipc_queue_unfinished(q));
}

static int put_front(void *q, uint8_t arg)
{
	return ipc_queue_put_front(q, "front", arg % 6, timeout(arg));
}

static int get_back(void *q, uint8_t arg)
{
	size_t size = arg % (ITEM + 1);
	void *buf = malloc(size + 1);
	int r = ipc_queue_get_back(q, (char *)buf + 1, size, timeout(arg));

	free(buf);
	if (r > (int)size)
		wrong("get_back: %d bytes of %zu", r, size);
	return r;
}

static int put_priority(void *q, uint8_t arg)
{
	return ipc_queue_put_priority(q, "item", arg % 5, 60 - arg,
				      timeout(arg));
}

/* seldom, for not much can be done with a queue after it */
static int shut_down(void *q, uint8_t arg)
{
	return arg % 16 ? 0 : ipc_queue_shutdown(q, arg / 16 % 4 == 0);
}

static struct ipc_task last_task;

static int get_task(void *q, uint8_t arg)
{
	char buf[ITEM];
	int r = ipc_queue_get_task(q, buf, sizeof(buf), &last_task,
				   timeout(arg));

	if (r > ITEM)
		wrong("get_task: %d bytes", r);
	return r;
}

static int done_ticket(void *q, uint8_t arg)
{
	return ipc_queue_task_done_ticket(q, last_task.ticket + arg % 2);
}

static int get_failed(void *q, uint8_t arg)
{
	char buf[ITEM];
	int r = ipc_queue_get_failed(q, buf, sizeof(buf), timeout(arg));

	if (r > ITEM)
		wrong("get_failed: %d bytes", r);
	return r;
}

/* another process gets one and ends, so that there is one to come again */
static int die_with_one(void *q, uint8_t arg)
{
	pid_t pid = arg % 8 ? 0 : fork();

	if (arg % 8)
		return 0;
	if (pid == 0) {
		get(q, 1);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
	return 0;
}

static void use_queue(struct object *o)
{
	for (uint8_t i = 1; i <= 3; i++)
		put(o->handle[0], i);
	get(o->handle[0], 1);
}

static int close_queue(void *q)
{
	return ipc_queue_close(q);
}

static int (*const queue_calls[])(void *, uint8_t) = {
	put,	     get,	 put_many,     get_many,
	look,	     task_done,	 join,	       unfinished,
	put_front,   get_back,	 put_priority, get_task,
	done_ticket, get_failed, die_with_one, shut_down,
};

/* ---- shared bytes ---- */

static int create_shared(struct object *o)
{
	return ipc_shared_create((struct ipc_shared **)&o->handle[0], o->name,
				 100, NULL);
}

static int open_shared(void **s, const char *name)
{
	return ipc_shared_open((struct ipc_shared **)s, name);
}

static int lock_shared(void *s, uint8_t arg)
{
	return ipc_shared_lock(s, timeout(arg));
}

static int unlock_shared(void *s, uint8_t arg)
{
	(void)arg;
	return ipc_shared_unlock(s);
}

/* all of it can be written */
static int fill_shared(void *s, uint8_t arg)
{
	memset(ipc_shared_data(s), arg, ipc_shared_size(s));
	return 0;
}

static void use_shared(struct object *o)
{
	fill_shared(o->handle[0], 7);
}

static int close_shared(void *s)
{
	while (ipc_shared_unlock(s) == 0)
		;
	return ipc_shared_close(s);
}

static int (*const shared_calls[])(void *, uint8_t) = {
	lock_shared, unlock_shared, fill_shared};

/* ---- pipe ---- */

static int create_pipe(struct object *o)
{
	const struct ipc_pipe_opts opts = {.capacity = CAPACITY};
	struct ipc_pipe *ends[2];
	struct ipci_region *const *core;
	int r = ipc_pipe_create(ends, &opts);

	if (r < 0)
		return r;
	/* a handle begins with what both share, which begins with the region */
	core = (void *)ends[0];
	o->bytes = (*core)->body;
	o->size = (*core)->body_size;
	o->handle[0] = ends[0];
	o->handle[1] = ends[1];
	o->name[0] = '\0';
	return 0;
}

/* some are larger than the capacity, and must give up on the way */
static int send(void *end, uint8_t arg)
{
	size_t len = arg % 4 ? arg % 64 : 3 * CAPACITY;
	void *data = calloc(1, len + 1);
	int r = ipc_pipe_send(end, data, len, timeout(arg));

	free(data);
	return r;
}

static int recv(void *end, uint8_t arg)
{
	size_t size = arg % 2 ? 4 * CAPACITY : arg % 64;
	char *buf = malloc(size + 1);
	int r = ipc_pipe_recv(end, buf + 1, size, timeout(arg));

	free(buf);
	if (r > (int)size)
		wrong("recv: %d bytes of %zu", r, size);
	return r;
}

static int next_length(void *end, uint8_t arg)
{
	(void)arg;
	return clipped(ipc_pipe_next(end));
}

static int poll_pipe(void *end, uint8_t arg)
{
	return ipc_pipe_poll(end, timeout(arg));
}

static void use_pipe(struct object *o)
{
	for (uint8_t i = 1; i <= 3; i++)
		send(o->handle[i % 2], i);
	recv(o->handle[0], 1);
}

static int close_pipe(void *end)
{
	return ipc_pipe_close(end);
}

static int (*const pipe_calls[])(void *, uint8_t) = {send, recv, next_length,
						     poll_pipe};

/* ---- all of them ---- */

#define KIND(what, create, open, use, calls, close)                            \
	{                                                                      \
		what, create, open, use, calls, close,                         \
			sizeof(calls) / sizeof(*(calls))                       \
	}

static const struct kind kinds[] = {
	KIND("mutex", create_mutex, open_mutex, use_mutex, mutex_calls,
	     close_mutex),
	KIND("recursive mutex", create_recursive, open_mutex, use_mutex,
	     mutex_calls, close_mutex),
	KIND("queue", create_fifo, open_queue, use_queue, queue_calls,
	     close_queue),
	KIND("single queue", create_single, open_queue, use_queue, queue_calls,
	     close_queue),
	KIND("joinable queue", create_joinable, open_queue, use_queue,
	     queue_calls, close_queue),
	KIND("shared", create_shared, open_shared, use_shared, shared_calls,
	     close_shared),
	KIND("pipe", create_pipe, NULL, use_pipe, pipe_calls, close_pipe),
	KIND("LIFO", create_lifo, open_queue, use_queue, queue_calls,
	     close_queue),
	KIND("priority queue", create_priority, open_queue, use_queue,
	     queue_calls, close_queue),
	KIND("joinable priority queue", create_joinable_priority, open_queue,
	     use_queue, queue_calls, close_queue),
	KIND("unbounded queue", create_unbounded, open_queue, use_queue,
	     queue_calls, close_queue),
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

int fuzz_kinds(void)
{
	return KINDS;
}

int fuzz_calls(int kind)
{
	return kinds[kind].n_calls + 1; /* and: close and open again */
}

/* ------------------------------------------------------------------ damage */

static pid_t dead; /* nobody has this number, or ever had it for long */

static void find_dead(void)
{
	if (dead)
		return;
	dead = fork();
	if (dead == 0)
		_exit(0);
	waitpid(dead, NULL, 0);
}

static uint64_t value(unsigned int which, uint64_t is)
{
	const uint64_t me = (uint64_t)syscall(SYS_gettid);
	const uint64_t values[] = {
		0,
		1,
		UINT64_MAX,
		FUTEX_WAITERS,
		FUTEX_OWNER_DIED,
		FUTEX_WAITERS | FUTEX_OWNER_DIED,
		FUTEX_TID_MASK,
		FUTEX_TID_MASK | FUTEX_WAITERS,
		me,
		me | FUTEX_WAITERS,
		me | FUTEX_OWNER_DIED,
		(uint64_t)dead,
		(uint64_t)dead | FUTEX_WAITERS,
		1,
		UINT64_C(1) << 31,
		UINT64_C(1) << 32,
		UINT64_C(1) << 62,
		UINT64_C(1) << 63,
		is + 1,
		is - 1,
		is + 8,
		is - 8,
		is + MAXSIZE + 1,
		is ^ FUTEX_WAITERS,
		is ^ FUTEX_OWNER_DIED,
		is + (UINT64_C(1) << 32),
		UINT64_C(1) << 32 | 8, /* records of a pipe */
		UINT64_C(2) << 32 | 64,
		UINT64_C(3) << 32 | 16,
		UINT64_C(2) << 32,
		UINT32_MAX,
		INT64_MAX,
	};

	return values[which % (sizeof(values) / sizeof(*values))];
}

int fuzz_values(void)
{
	return 32;
}

static void damage(struct object *o, uint8_t command)
{
	size_t at = next_byte(), n = 1 + command % 8;
	uint64_t word;

	at = (at | (size_t)next_byte() << 8) % o->size;
	fuzz_sum.damages++;
	if (command >= FUZZ_VALUE) {
		at &= ~(size_t)7;
		memcpy(&word, o->bytes + at, 8);
		word = value(command - FUZZ_VALUE, word);
		memcpy(o->bytes + at, &word, 8);
		return;
	}
	for (size_t i = 0; i < n && at + i < o->size; i++)
		o->bytes[at + i] = next_byte();
}

/* another process that writes here and there, until it is killed */
static pid_t shake(const struct object *o, uint64_t seed)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (uint64_t x = seed | 1;;) {
		size_t at;
		uint64_t word;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		at = (x >> 8) % o->size & ~(size_t)7;
		memcpy(&word, o->bytes + at, 8);
		word = value((unsigned int)(x % 37), word);
		memcpy(o->bytes + at, &word, 8);
		for (int i = 0; i < (int)(x % 512); i++)
			__asm__ volatile("");
	}
}

/* ------------------------------------------------------------------- checks */

static double ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void check_answer(const struct kind *k, const char *what, int r,
			 double began)
{
	double took = ms() - began;

	fuzz_sum.calls++;
	fuzz_sum.refused += r < 0;
	if (r < -133)
		wrong("%s, %s: answers %d", k->what, what, r);
	if (took > LATE_MS)
		wrong("%s, %s: took %.0f ms", k->what, what, took);
}

/* the thread holds nothing but its life, and is about nothing */
static void check_list(const struct kind *k)
{
	const struct ipci_anchor *life =
		ipci_thread.life ? ipci_thread.anchors : NULL;
	struct robust_list_head *head;
	uintptr_t last;
	size_t len;

	if (syscall(SYS_get_robust_list, 0, &head, &len))
		return;
	last = life ? life->node : (uintptr_t)&head->list;
	if ((uintptr_t)head->list.next != last || (life && life->next))
		wrong("%s: something stays on the list of locks", k->what);
	if (head->list_op_pending)
		wrong("%s: something stays pending", k->what);
}

/* --------------------------------------------------------------- one input */

static void map_file(struct object *o)
{
	struct stat st;
	int fd = shm_open(o->name, O_RDWR, 0);

	if (fd < 0 || fstat(fd, &st))
		wrong("no file: %s", o->name);
	o->size = (size_t)st.st_size;
	o->bytes =
		mmap(NULL, o->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (o->bytes == MAP_FAILED)
		wrong("no mapping: %s", o->name);
}

static bool make(const struct kind *k, struct object *o)
{
	int r;

	snprintf(o->name, sizeof(o->name), "/libipc-fuzz-%d", (int)getpid());
	r = k->create(o);
	if (r == -EEXIST && !ipc_unlink(o->name))
		r = k->create(o);
	if (r == -ENOTSUP)
		return false; /* not in this version */
	if (r < 0)
		wrong("%s: create answers %d", k->what, r);
	k->use(o);
	if (o->name[0])
		map_file(o);
	return true;
}

static void close_handle(const struct kind *k, void **handle)
{
	double began = ms();
	int r;

	if (!*handle)
		return;
	r = k->close(*handle);
	*handle = NULL;
	check_answer(k, "close", r, began);
	if (r < 0)
		wrong("%s: close answers %d", k->what, r);
}

static void open_handle(const struct kind *k, struct object *o, int i)
{
	double began = ms();

	if (k->open && !o->handle[i])
		check_answer(k, "open", k->open(&o->handle[i], o->name), began);
}

static void call(const struct kind *k, struct object *o, uint8_t command)
{
	int which = (command - FUZZ_CALL) % (k->n_calls + 1);
	uint8_t arg = next_byte();
	int i = arg >> 7;
	double began;

	if (which == k->n_calls) {
		if (k->open)
			close_handle(k, &o->handle[i]);
		open_handle(k, o, i);
		return;
	}
	began = ms();
	if (o->handle[i])
		check_answer(k, "call",
			     k->calls[which](o->handle[i], arg & 127), began);
}

static void commands(const struct kind *k, struct object *o)
{
	for (int n = 0; left && n < CALLS_MAX; n++) {
		uint8_t command = next_byte();

		if (command < FUZZ_CALL) {
			damage(o, command);
			continue;
		}
		open_handle(k, o, 0);
		open_handle(k, o, 1);
		call(k, o, command);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct object o = {.name = ""};
	const struct kind *k;
	pid_t shaker = 0;
	uint8_t flags;

	in = data;
	left = size < FUZZ_MAX ? size : FUZZ_MAX;
	find_dead();
	fuzz_sum.inputs++;
	k = &kinds[next_byte() % KINDS];
	flags = next_byte();
	if (!make(k, &o))
		return 0;
	if (flags & FUZZ_STORED && k->open)
		close_handle(k, &o.handle[0]);
	if (flags & FUZZ_SHAKEN)
		shaker = shake(&o, size * 31 + flags);
	commands(k, &o);
	if (shaker) {
		kill(shaker, SIGKILL);
		waitpid(shaker, NULL, 0);
	}
	close_handle(k, &o.handle[0]);
	close_handle(k, &o.handle[1]);
	if (o.name[0]) {
		ipc_unlink(o.name);
		munmap(o.bytes, o.size);
	}
	check_list(k);
	return 0;
}
