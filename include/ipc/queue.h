/* SPDX-License-Identifier: MIT */
/*
 * queue.h - a queue of messages, many producers and many consumers
 *
 * put copies the item: when it returns, the item is visible to every process
 * and safe from the putter's death. Each item comes out exactly once. There is
 * no feeder thread and nothing to flush at exit.
 *
 *	struct ipc_queue_opts opts = {
 *		.maxsize = 100, .item_size = sizeof(struct job)};
 *	ipc_queue_create(&q, "/jobs", &opts);
 *	ipc_queue_put(q, &job, sizeof(job), LIBIPC_FOREVER);
 *
 * Which item comes out next:
 *
 *	LIBIPC_FIFO      the oldest, over all producers in the order of their
 *	                 commits. Both ends can be used: put_front, get_back.
 *	LIBIPC_LIFO      the youngest of those that wait at that moment
 *	LIBIPC_PRIORITY  that with the smallest priority (put_priority; of a
 *	                 plain put: 0), of equals the oldest
 *
 * All the rest is the same for all of them; put and get of a LIFO and of a
 * priority queue take turns, where those of a FIFO go on side by side.
 *
 * A getter that was killed inside get has taken its item, or has not: the item
 * is never handed out twice.
 *
 * item_size is a limit, not a price: where it is more than a few KiB, an item
 * takes memory for the bytes that it has. With maxsize 0 the queue is never
 * full: its memory grows with the items that wait, and is given back when they
 * have been taken, but for about 1 MiB. What is written was reserved before, so
 * a lack of memory is an error and never SIGBUS later:
 *
 * - maxsize given, item_size to 4096: all of it at create; put lacks nothing
 * - maxsize given, larger items: 248 bytes of each; longer ones in put
 * - maxsize 0: all in put
 *
 * (What an anonymous queue reserves at create, the system may promise without
 * having it, as with malloc: overcommit. A named one has it.)
 *
 * Of a LIFO or priority queue with maxsize 0 or items above 4096 bytes all is
 * reserved in put, and an item takes, with its neighbours, room for the longest
 * (from 16 KiB on: only what it needs). Memory goes back when nothing waits.
 *
 * Where put reserves, it can answer -ENOSPC (a named queue: /dev/shm is full)
 * or -ENOMEM; that item is not in the queue then, all others are, and it can be
 * tried again. Such a queue takes a large range of addresses, 256 GiB at most,
 * less where there are not as many; so the length of a named one's file says
 * nothing about its memory (du does).
 *
 * With LIBIPC_JOINABLE each item is a task: whoever got it calls
 * ipc_queue_task_done() when it is done, and ipc_queue_join() waits until every
 * task that was put is done. A task belongs to the thread that got it. If that
 * thread or its process ends before, or closes the handle that the task was got
 * through, the task goes to the next getter, before new ones; a getter that is
 * asleep is woken for it. After opts.max_attempts deliveries it is set aside:
 * join no longer waits for it but returns how many there are, and
 * ipc_queue_get_failed() reads them. So the thread that got a task must outlive
 * it. A task that is held keeps no room of the queue: a slow one stops neither
 * producers nor other workers. At most some thousands (twice maxsize, if that
 * is more, and at least 64 of very large items) may be held at a time. Each of
 * them needs memory; for one at a time it is there before put returns, so that
 * a queue which has taken all the memory can be drained.
 */
#ifndef LIBIPC_QUEUE_H
#define LIBIPC_QUEUE_H

#include <ipc/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ipc_queue;

enum ipc_order { LIBIPC_FIFO, LIBIPC_LIFO, LIBIPC_PRIORITY };

/* ipc_queue_opts.flags */
#define LIBIPC_JOINABLE	       0x1 /* task_done and join */
#define LIBIPC_SINGLE_PRODUCER 0x2 /* only one thread puts at a time: faster */
#define LIBIPC_SINGLE_CONSUMER 0x4 /* only one thread gets at a time: faster */

struct ipc_queue_opts {
	size_t maxsize;	       /* items that may wait; 0: as memory allows */
	size_t item_size;      /* bytes, largest item, to INT_MAX; 0: 256 */
	enum ipc_order order;  /* which item comes out next */
	uint32_t flags;	       /* LIBIPC_JOINABLE, LIBIPC_SINGLE_* */
	uint32_t mode;	       /* permissions of a named queue; 0: 0600 */
	uint32_t max_attempts; /* joinable: deliveries of a task; 0: 16 */
	uint64_t reserved[4];
};

/**
 * ipc_queue_create - make an empty queue
 * @q:          receives the handle
 * @name:       NULL: anonymous, shared with children; else see base.h
 * @opts:       maxsize and the rest
 *
 * Returns  0, or
 *          -EEXIST  the name is taken      -EACCES  not permitted
 *          -ENOSPC  no room for what is reserved at create: see above
 *          -ENOMEM  no memory for the handle
 *          -ENOSYS  see ipc_caps()         -EMFILE, -ENFILE  no descriptor
 *          -EIO     the file system failed
 *          -EINVAL, -ENAMETOOLONG  bad arguments
 * Crash    there is a complete queue of that name, or none.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_queue_create(struct ipc_queue **q, const char *name,
				const struct ipc_queue_opts *opts);

/**
 * ipc_queue_open - open a named queue that some process created
 * @q:          receives the handle
 * @name:       as given to create
 *
 * Returns  0, or
 *          -ENOENT  no such name           -EACCES  not permitted
 *          -EPROTO  not a queue, made by an incompatible build, or in
 *                   another PID namespace
 *          -EBADMSG damaged                -ENOMEM  no memory
 *          -ENOSYS  see ipc_caps()         -EMFILE, -ENFILE  no descriptor
 *          -EIO     the file system failed
 *          -EINVAL, -ENAMETOOLONG  bad arguments
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_queue_open(struct ipc_queue **q, const char *name);

/**
 * ipc_queue_close - free this handle; the queue goes on without it
 * @q:          the handle
 *
 * Returns  0, or -EINVAL: @q is NULL
 * Crash    changes nothing for others.
 * Safety   thread no | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_queue_close(struct ipc_queue *q);

/**
 * ipc_queue_shutdown - let nothing more be put, for everybody and for ever
 * @q:          the queue
 * @immediate:  drop what waits, too
 *
 * From now on every put, also one that is waiting, answers -ESHUTDOWN. Getters
 * take what still waits, and then -ESHUTDOWN; with @immediate at once, and the
 * dropped tasks of a joinable queue count as done. A task that is held stays
 * unfinished, and should its worker end, it comes back: so getters of a
 * joinable queue wait on while any other thread holds one. Again is harmless;
 * @immediate may come later. Waits for those inside a put or get at that
 * moment, though not for sleepers.
 *
 * Returns  0, or
 *          -EINVAL  @q is NULL             -ENOSYS  see ipc_caps()
 *          -EBADMSG the shared memory is damaged
 * Crash    killed inside: it is shut down, for all, or not at all.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 *          (SINGLE_PRODUCER: a put that is under way at that moment may still
 *          be taken, after others got -ESHUTDOWN)
 */
LIBIPC_API int ipc_queue_shutdown(struct ipc_queue *q, bool immediate);

/**
 * ipc_queue_put - put one item, waiting while the queue is full
 * @q:          the queue
 * @item:       @len bytes, copied before return; may be NULL if @len is 0
 * @len:        bytes, 0 to ipc_queue_item_size()
 * @timeout_ms: milliseconds; 0 tries once, LIBIPC_FOREVER waits
 *
 * Returns  0, the item is visible to every process; or
 *          -EAGAIN    full, @timeout_ms was 0     -ETIMEDOUT  still full
 *          -ESHUTDOWN the queue was shut down
 *          -EMSGSIZE  @len is too large           -EINVAL  bad arguments
 *          -ENOSPC, -ENOMEM  no memory for it now (see above: with maxsize 0,
 *                     or a long item); nothing changed, whatever @timeout_ms
 *          -EBADMSG   the shared memory is damaged
 * Crash    killed inside: the whole item is in the queue, or nothing of it.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 *          (SINGLE_PRODUCER: one thread of all processes at a time)
 */
LIBIPC_API int ipc_queue_put(struct ipc_queue *q, const void *item, size_t len,
			     int timeout_ms);

/**
 * ipc_queue_get - take the next item, waiting while the queue is empty
 * @q:          the queue
 * @buf:        receives the item; may be NULL if @size is 0
 * @size:       bytes of room in @buf
 * @timeout_ms: milliseconds; 0 tries once, LIBIPC_FOREVER waits
 *
 * Returns  the item's length in bytes (0 is a legal item); or
 *          -EAGAIN    empty, @timeout_ms was 0    -ETIMEDOUT  still empty
 *          -ESHUTDOWN shut down, and nothing waits (see ipc_queue_shutdown)
 *          -EMSGSIZE  @size is too small; the item stays where it is
 *          -ENOMEM, -ENOSPC  joinable: no memory to keep one more task, while
 *                     others are held
 *          -ENOBUFS   joinable: too many tasks are held, or too many threads
 *                     get tasks
 *          -EINVAL    bad arguments
 *          -EBADMSG   the shared memory is damaged
 * Crash    killed inside: the item is still there, or is gone with the caller;
 *          joinable: it goes to the next getter.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 *          (SINGLE_CONSUMER: one thread of all processes at a time)
 */
LIBIPC_API int ipc_queue_get(struct ipc_queue *q, void *buf, size_t size,
			     int timeout_ms);

/**
 * ipc_queue_put_many - put up to @n items of the same length at once
 * @q:          the queue
 * @items:      @n items of @len bytes, one after another
 * @len:        bytes of each item, 0 to ipc_queue_item_size()
 * @n:          items, at least 1
 * @timeout_ms: milliseconds; 0 tries once, LIBIPC_FOREVER waits
 *
 * Waits until at least one fits, then takes what goes at once: the items that
 * it took become visible together, with nobody else's in between.
 *
 * Returns  how many were put, 1 to @n, from the front of @items; or
 *          -EAGAIN, -ETIMEDOUT, -ESHUTDOWN, -EMSGSIZE, -EINVAL, -ENOSPC,
 *          -ENOMEM, -EBADMSG as put
 * Crash    killed inside: all that it would have reported are there, or none.
 * Safety   as ipc_queue_put()
 */
LIBIPC_API int ipc_queue_put_many(struct ipc_queue *q, const void *items,
				  size_t len, size_t n, int timeout_ms);

/**
 * ipc_queue_get_many - take up to @n of the next items at once
 * @q:          the queue
 * @items:      receives them, @size bytes apart
 * @size:       bytes of room for each item
 * @lens:       receives the length of each, in bytes; may be NULL
 * @n:          items, at least 1
 * @timeout_ms: milliseconds; 0 tries once, LIBIPC_FOREVER waits
 *
 * Waits until there is at least one, then takes what is there. It stops before
 * an item that is longer than @size; and, joinable, after tasks that were
 * delivered before, and after 64 if @lens is NULL.
 *
 * Returns  how many were taken, 1 to @n; or
 *          -EMSGSIZE  the first one is longer than @size; it stays
 *          -EAGAIN, -ETIMEDOUT, -ESHUTDOWN, -ENOMEM, -ENOSPC, -ENOBUFS,
 *          -EINVAL, -EBADMSG as get
 * Crash    killed inside: all are still there, or all that it would have
 *          reported are gone with the caller; joinable: they go to the next
 *          getters.
 * Safety   as ipc_queue_get()
 */
LIBIPC_API int ipc_queue_get_many(struct ipc_queue *q, void *items, size_t size,
				  size_t *lens, size_t n, int timeout_ms);

/**
 * ipc_queue_put_priority - put one item into a priority queue
 * @q:          a queue with LIBIPC_PRIORITY
 * @item:       @len bytes, copied before return; may be NULL if @len is 0
 * @len:        bytes, 0 to ipc_queue_item_size()
 * @priority:   any number; the smallest comes out first, of equals the oldest
 * @timeout_ms: milliseconds; 0 tries once, LIBIPC_FOREVER waits
 *
 * Returns  0, the item is visible to every process; or
 *          -EINVAL    not a priority queue, or bad arguments
 *          -EAGAIN, -ETIMEDOUT, -ESHUTDOWN, -EMSGSIZE, -EBADMSG  as put
 * Crash    killed inside: the whole item is in the queue, or nothing of it.
 * Safety   as ipc_queue_put()
 */
LIBIPC_API int ipc_queue_put_priority(struct ipc_queue *q, const void *item,
				      size_t len, int64_t priority,
				      int timeout_ms);

/**
 * ipc_queue_put_front - put one item before all others of a FIFO queue
 * @q:          a queue with LIBIPC_FIFO, without LIBIPC_SINGLE_CONSUMER
 * @item:       @len bytes, copied before return; may be NULL if @len is 0
 * @len:        bytes, 0 to ipc_queue_item_size()
 * @timeout_ms: milliseconds; 0 tries once, LIBIPC_FOREVER waits
 *
 * The next get takes it. Slower than a put: it works at both ends.
 *
 * Returns  0, the item is visible to every process; or
 *          -EINVAL    not such a queue, or bad arguments
 *          -EAGAIN, -ETIMEDOUT, -ESHUTDOWN, -EMSGSIZE, -EBADMSG  as put
 * Crash    killed inside: the whole item is in the queue, or nothing of it.
 * Safety   as ipc_queue_put()
 */
LIBIPC_API int ipc_queue_put_front(struct ipc_queue *q, const void *item,
				   size_t len, int timeout_ms);

/**
 * ipc_queue_get_back - take the youngest item of a FIFO queue
 * @q:          a queue with LIBIPC_FIFO, without LIBIPC_SINGLE_PRODUCER
 * @buf:        receives the item; may be NULL if @size is 0
 * @size:       bytes of room in @buf
 * @timeout_ms: milliseconds; 0 tries once, LIBIPC_FOREVER waits
 *
 * Takes the one that a get would have taken last. Slower than a get: it works
 * at both ends.
 *
 * Returns  the item's length in bytes (0 is a legal item); or
 *          -EINVAL    not such a queue, or bad arguments
 *          -EAGAIN, -ETIMEDOUT, -ESHUTDOWN, -EMSGSIZE, -ENOMEM, -ENOSPC,
 *          -ENOBUFS, -EBADMSG  as get
 * Crash    as ipc_queue_get()
 * Safety   as ipc_queue_get()
 */
LIBIPC_API int ipc_queue_get_back(struct ipc_queue *q, void *buf, size_t size,
				  int timeout_ms);

/**
 * ipc_queue_size - how many items wait
 * @q:          the queue
 *
 * Tasks whose worker has ended wait again; they do not count for maxsize.
 *
 * Returns  items, exact at one moment during the call; or
 *          -EINVAL  @q is NULL      -EBADMSG  the shared memory is damaged
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal yes | fork yes | cancel no
 */
LIBIPC_API long ipc_queue_size(struct ipc_queue *q);

/**
 * ipc_queue_empty - whether no item waits
 * @q:          the queue
 *
 * Returns  1 or 0, exact at one moment during the call; errors as size
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal yes | fork yes | cancel no
 */
LIBIPC_API int ipc_queue_empty(struct ipc_queue *q);

/**
 * ipc_queue_full - whether maxsize items wait
 * @q:          the queue
 *
 * Returns  1 or 0, exact at one moment during the call (maxsize 0: always 0);
 *          errors as size
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal yes | fork yes | cancel no
 */
LIBIPC_API int ipc_queue_full(struct ipc_queue *q);

/**
 * ipc_queue_maxsize - how many items may wait
 * @q:          the queue
 *
 * Returns  items, as given to create (0: as memory allows); or -EINVAL
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal yes | fork yes | cancel no
 */
LIBIPC_API long ipc_queue_maxsize(struct ipc_queue *q);

/**
 * ipc_queue_item_size - how long an item may be
 * @q:          the queue
 *
 * Returns  bytes, as given to create; 0 if @q is NULL
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal yes | fork yes | cancel no
 */
LIBIPC_API size_t ipc_queue_item_size(struct ipc_queue *q);

/* one delivery of a task */
struct ipc_task {
	uint64_t ticket;   /* names it, for ipc_queue_task_done_ticket() */
	uint32_t attempts; /* how often it was delivered, with this time */
	uint32_t reserved;
};

/**
 * ipc_queue_get_task - as ipc_queue_get, and tell which delivery it is
 * @q:          a joinable queue
 * @buf:        receives the item; may be NULL if @size is 0
 * @size:       bytes of room in @buf
 * @task:       receives the ticket, and how often it was delivered
 * @timeout_ms: milliseconds; 0 tries once, LIBIPC_FOREVER waits
 *
 * Returns  as ipc_queue_get(); -EINVAL too if the queue is not joinable
 * Crash    as ipc_queue_get()
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_queue_get_task(struct ipc_queue *q, void *buf, size_t size,
				  struct ipc_task *task, int timeout_ms);

/**
 * ipc_queue_task_done - the oldest task that this thread got is done
 * @q:          a joinable queue, the handle that the task was got through
 *
 * Returns  0, or
 *          -EINVAL  this thread has no task of this handle (or too often), the
 *                   queue is not joinable, or @q is NULL
 *          -EBADMSG the shared memory is damaged
 * Crash    killed inside: the task counts as done, or goes to the next getter.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 *          (a forked child has none of its parent's tasks)
 */
LIBIPC_API int ipc_queue_task_done(struct ipc_queue *q);

/**
 * ipc_queue_task_done_ticket - a task that a thread of this process got is done
 * @q:          a joinable queue, the handle that the task was got through
 * @ticket:     from ipc_queue_get_task(), in whichever thread
 *
 * The thread that got it must still be there. Is that another one, its own
 * ipc_queue_task_done() takes a lock from then on, which else it does not need.
 *
 * Returns  0, or
 *          -EINVAL  the ticket names no task that this process holds through
 *                   this handle: it is done, or its thread has ended; or the
 *                   queue is not joinable, or @q is NULL
 *          -EBADMSG the shared memory is damaged
 *          -ENOSYS  see ipc_caps()
 * Crash    killed inside: the task counts as done, or goes to the next getter.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_queue_task_done_ticket(struct ipc_queue *q, uint64_t ticket);

/**
 * ipc_queue_join - wait until every task that was put is done or set aside
 * @q:          a joinable queue
 * @timeout_ms: milliseconds; 0 tries once, LIBIPC_FOREVER waits
 *
 * It does not wait for the death of workers: their tasks go to others. If there
 * is no worker left to get them, it waits as long as it may.
 *
 * Returns  0: at one moment during the call all were done; or, positive, how
 *          many are set aside, all the others being done; or
 *          -EAGAIN  tasks are unfinished, @timeout_ms was 0
 *          -ETIMEDOUT  tasks are still unfinished
 *          -EINVAL  not joinable, or @q is NULL
 *          -EBADMSG the shared memory is damaged
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_queue_join(struct ipc_queue *q, int timeout_ms);

/**
 * ipc_queue_get_failed - take the oldest task that was set aside
 * @q:          a joinable queue
 * @buf:        receives the item; may be NULL if @size is 0
 * @size:       bytes of room in @buf
 * @timeout_ms: milliseconds; 0 tries once, LIBIPC_FOREVER waits
 *
 * It is no longer counted then; put it again, or report it.
 *
 * Returns  the item's length in bytes; or
 *          -EAGAIN    none, @timeout_ms was 0     -ETIMEDOUT  still none
 *          -EMSGSIZE  @size is too small; it stays
 *          -EINVAL    bad arguments, or the queue is not joinable
 *          -EBADMSG   the shared memory is damaged
 *          -ENOSYS    see ipc_caps()
 * Crash    killed inside: it is still there, or is gone with the caller.
 * Safety   thread yes | process yes | signal no | fork yes | cancel no
 */
LIBIPC_API int ipc_queue_get_failed(struct ipc_queue *q, void *buf, size_t size,
				    int timeout_ms);

/**
 * ipc_queue_failed - how many tasks are set aside
 * @q:          a joinable queue
 *
 * Returns  tasks that max_attempts workers did not finish and nobody took with
 *          ipc_queue_get_failed(); or
 *          -EINVAL  not joinable, or @q is NULL
 *          -EBADMSG the shared memory is damaged
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal yes | fork yes | cancel no
 */
LIBIPC_API long ipc_queue_failed(struct ipc_queue *q);

/**
 * ipc_queue_unfinished - how many tasks were put and are not done or set aside
 * @q:          a joinable queue
 *
 * Returns  tasks, exact at one moment during the call; or
 *          -EINVAL  not joinable, or @q is NULL
 *          -EBADMSG the shared memory is damaged
 * Crash    changes nothing.
 * Safety   thread yes | process yes | signal yes | fork yes | cancel no
 */
LIBIPC_API long ipc_queue_unfinished(struct ipc_queue *q);

#ifdef __cplusplus
}
#endif
#endif
