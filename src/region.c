/* SPDX-License-Identifier: MIT */
/*
 * region.c - the memory of one object: the only mmap in the library
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS: in POSIX since 2024 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ipc/base.h>
#include "os.h"
#include "region.h"

enum {
	NAME_LIMIT = 250, /* bytes behind the slash */
	MODE_MASK = 0777,
	OPEN_TRIES = 1000,
};

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

uint64_t ipci_region_round(uint64_t size)
{
	uint64_t page = page_size();

	return (size + page - 1) / page * page;
}

static int check_name(const char *name)
{
	size_t len;

	if (!name || name[0] != '/' || name[1] == '\0')
		return -EINVAL;
	len = strnlen(name + 1, NAME_LIMIT + 1);
	if (memchr(name + 1, '/', len) || !strcmp(name, "/.") ||
	    !strcmp(name, "/.."))
		return -EINVAL;
	return len > NAME_LIMIT ? -ENAMETOOLONG : 0;
}

/* what the headers list, for what a file system may answer */
static int answer(int error)
{
	switch (error) {
	case EROFS: /* not permitted, either: a file system to be read only, */
	case EPERM:
	case EISDIR: /* a directory to be unlinked */
		return -EACCES;
	case EDQUOT:
	case EFBIG:
	case EMLINK:
		return -ENOSPC;
	case EOVERFLOW: /* more than we could map */
		return -ENOMEM;
	case EACCES:
	case EEXIST:
	case EINVAL:
	case EMFILE:
	case ENAMETOOLONG:
	case ENFILE:
	case ENOENT:
	case ENOMEM:
	case ENOSPC:
	case ENOSYS:
		return -error;
	default:
		return -EIO;
	}
}

/* opening waits where somebody looks whether it has users (libipc gc), which
   does not take long; no signal makes it fail, nor that musl does not wait */
static int open_shm(const char *name)
{
	int fd, tries = 0;

	do
		fd = ipci_os_shm_open(name);
	while (fd < 0 &&
	       (errno == EINTR || (errno == EAGAIN && tries++ < OPEN_TRIES &&
				   sched_yield() == 0)));
	return fd;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * UINT64_C(0x100000001b3);
}

/* two builds that disagree on any of this must not share memory */
static uint64_t fingerprint(void)
{
	static const size_t facts[] = {
		sizeof(struct head_shm),
		sizeof(struct mutex_shm),
		sizeof(struct side_shm),
		sizeof(struct queue_shm),
		sizeof(struct slot_shm),
		sizeof(struct rare_shm),
		sizeof(struct pool_shm),
		sizeof(struct pool_slot_shm),
		sizeof(struct pipe_shm),
		sizeof(struct grow_shm),
		offsetof(struct head_shm, u),
		sizeof(void *),
		offsetof(struct side_shm, seen),
		offsetof(struct side_shm, index),
		offsetof(struct side_shm, hint),
		offsetof(struct queue_shm, rare),
		offsetof(struct queue_shm, pool),
		offsetof(struct pipe_shm, closings),
		IPCI_CACHELINE,
		IPCI_CHUNK,
		__BYTE_ORDER__,
	};
	uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), IPCI_LAYOUT);

	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
		hash = mix(hash, facts[i]);
	hash = mix(hash, ipci_os_backend());
	if (ipci_os_backend() != IPCI_BACKEND_EXACT)
		hash = mix(hash, ipci_room_fingerprint());
	return mix(hash, page_size());
}

/* ---- mapping ---- */

/* one piece of the region at its place; fd -1: memory shared over fork, of
   which a large part may never be touched */
static int map_at(void *at, size_t size, int flags, int fd, size_t offset)
{
	void *got = mmap(at, size, PROT_READ | PROT_WRITE,
			 flags | MAP_FIXED | MAP_NORESERVE |
				 (fd < 0 ? MAP_ANONYMOUS : 0),
			 fd, (off_t)offset);

	return got == MAP_FAILED ? -ENOSPC : 0;
}

/* addresses for all of it, so that the pieces lie where they must */
static int reserve_addresses(struct ipci_region *r, size_t page)
{
	void *at;

	if (r->body_size > SIZE_MAX - 2 * page)
		return -ENOSPC;
	r->map_size = r->body_size ? 2 * page + r->body_size : 2 * page;
	at = mmap(NULL, r->map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		  0);
	if (at == MAP_FAILED)
		return -ENOSPC;
	r->head = at;
	r->mutex = (struct mutex_shm *)((unsigned char *)at + page) - 1;
	r->body = (unsigned char *)at + 2 * page;
	return 0;
}

/* close is a cancellation point, and may find that we were cancelled */
static void close_file(int fd)
{
	int cancel;

	if (fd < 0)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	close(fd);
	pthread_setcancelstate(cancel, &cancel);
}

static void unmap(struct ipci_region *r)
{
	munmap(r->head, r->map_size);
}

static int map(struct ipci_region *r, int fd)
{
	size_t page = page_size();
	unsigned char *base;
	int err = reserve_addresses(r, page);

	if (err)
		return err;
	base = (unsigned char *)r->head;
	err = map_at(base, page, MAP_SHARED, fd, 0);
	if (!err)
		err = map_at(base + page, page, MAP_PRIVATE, -1, 0);
	if (!err && r->body_size)
		err = map_at(r->body, r->body_size, MAP_SHARED, fd, page);
	if (err)
		unmap(r);
	return err;
}

/* adds change holders; how many there were, and the handle */
static uint32_t count_holders(struct ipci_region *r, int change)
{
	uint64_t now = (uint64_t)ipci_generation() << 32;
	uint64_t is = atomic_load_explicit(&r->holders, memory_order_relaxed);
	uint32_t n;

	do {
		n = is >> 32 == now >> 32 ? (uint32_t)is : 0;
		/* acq_rel: who frees it, comes after all the others */
	} while (!atomic_compare_exchange_weak_explicit(
		&r->holders, &is, now | (uint32_t)(n + (uint32_t)change),
		memory_order_acq_rel, memory_order_relaxed));
	return n + 1;
}

void ipci_region_hold(struct ipci_region *r)
{
	count_holders(r, 1);
}

/* what is only addresses yet */
static void spare_dumps(const struct ipci_region *r,
			const struct head_shm *head)
{
	if (head->fixed_size < r->body_size)
		ipci_os_leave_out_of_dumps(r->body + (size_t)head->fixed_size,
					   r->body_size -
						   (size_t)head->fixed_size);
}

void ipci_region_close(struct ipci_region *r)
{
	if (count_holders(r, -1) > 1)
		return;
	unmap(r);
	ipci_region_leave(r);
}

void ipci_region_leave(struct ipci_region *r)
{
	close_file(r->fd);
	free(r);
}

/* ---- memory as it is needed ---- */

/* named, the file's memory is what counts; the pages are only sooner here */
int ipci_region_reserve(const struct ipci_region *r, size_t offset, size_t size)
{
	size_t page = page_size(), from = offset / page * page;
	int err;

	if (r->fd < 0)
		return ipci_os_populate(r->body + from, offset + size - from);
	err = ipci_os_shm_reserve(r->fd, page + offset, size);
	if (!err)
		(void)ipci_os_populate(r->body + from, offset + size - from);
	/* a put knows two answers: whatever the file system says, it is full */
	return err && err != -ENOMEM ? -ENOSPC : err;
}

void ipci_region_discard(const struct ipci_region *r, size_t offset,
			 size_t size)
{
	size_t page = page_size();
	size_t from = (offset + page - 1) / page * page;
	size_t to = (offset + size) / page * page;

	if (from < to)
		ipci_os_discard(r->body + from, to - from);
}

void *ipci_region_inherit(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	if (!ipci_os_populate(at, size))
		return at;
	ipci_region_forget(at, size);
	return NULL;
}

void ipci_region_forget(void *memory, size_t size)
{
	munmap(memory, size);
}

/* ---- create ---- */

static int round_up(struct head_shm *head)
{
	uint64_t page = page_size(), size = head->body_size;

	if (size > INT64_MAX - 2 * page || size > SIZE_MAX / 2)
		return -ENOSPC;
	if (!head->fixed_size)
		head->fixed_size = size;
	head->body_size = ipci_region_round(size);
	head->fixed_size = ipci_region_round(head->fixed_size);
	return 0;
}

/* before anybody else can see it */
static int fill(struct ipci_region *r, const struct head_shm *want)
{
	struct head_shm *to = r->head;

	*to = *want;
	to->magic = IPCI_MAGIC;
	to->layout = IPCI_LAYOUT;
	to->fingerprint = fingerprint();
	to->page = page_size();
	to->id_space = ipci_os_id_space();
	ipci_room_init(&r->mutex->room);
	r->mutex->shared = IPCI_WORD_SHARED;
	return r->prepare ? r->prepare(r) : 0;
}

/* the file of a region that grows stays open, for reserve */
static void keep_file(struct ipci_region *r, int err, int fd,
		      const struct head_shm *head)
{
	bool keep = !err && head->fixed_size < head->body_size;

	r->fd = keep ? fd : -1;
	if (!keep)
		close(fd);
}

static int finish(struct ipci_region *r, struct ipci_shm_file *f,
		  const char *name, const struct head_shm *want)
{
	int err;

	r->fd = f->fd;	     /* prepare may reserve */
	err = fill(r, want); /* C4 */
	if (err) {
		ipci_os_shm_drop(f);
		return err;
	}
	err = ipci_os_shm_publish(f, name); /* C5 */
	return err ? answer(-err) : 0;
}

static int map_named(struct ipci_region *r, const char *name, uint32_t mode,
		     const struct head_shm *want)
{
	struct ipci_shm_file f;
	int err = ipci_os_shm_make(&f, page_size() + want->body_size,
				   page_size() + want->fixed_size,
				   mode); /* C1 C2 */

	if (err)
		return answer(-err);
	err = map(r, f.fd); /* C3 */
	if (err) {
		ipci_os_shm_drop(&f);
	} else {
		err = finish(r, &f, name, want);
		if (err)
			unmap(r);
	}
	keep_file(r, err, f.fd, want);
	return err;
}

static int map_anonymous(struct ipci_region *r, const struct head_shm *want)
{
	int err = map(r, -1);

	if (err)
		return err;
	err = fill(r, want);
	if (err)
		unmap(r);
	return err;
}

/* the name is there, but it is a link, a socket, or a directory, which
   shm_open calls invalid; the name itself was checked before */
static bool is_foreign(int error)
{
	return error == ELOOP || error == ENXIO || error == EISDIR ||
	       error == EINVAL;
}

/* only for a better answer than -ENOSPC; C5 is what decides */
static bool is_taken(const char *name)
{
	int fd = open_shm(name);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || answer(errno) == -EACCES || is_foreign(errno);
}

static int check_create(const char *name, uint32_t mode)
{
	int err = ipci_os_caps();

	if (err < 0)
		return err;
	if (mode & ~(uint32_t)MODE_MASK)
		return -EINVAL;
	err = name ? check_name(name) : 0;
	if (err)
		return err;
	return name && is_taken(name) ? -EEXIST : 0;
}

static struct ipci_region *new_region(size_t handle_size)
{
	struct ipci_region *r = calloc(1, handle_size);

	if (r)
		r->fd = -1;
	return r;
}

static int create(struct ipci_region **r, size_t handle_size, const char *name,
		  uint32_t mode, const struct head_shm *want,
		  int (*prepare)(struct ipci_region *))
{
	struct head_shm head = *want;
	struct ipci_region *new;
	int err = check_create(name, mode);

	if (!err)
		err = round_up(&head);
	if (err)
		return err;
	new = new_region(handle_size);
	if (!new)
		return -ENOMEM;
	new->body_size = (size_t)head.body_size;
	new->prepare = prepare;
	err = name ? map_named(new, name, mode ? mode : 0600, &head)
		   : map_anonymous(new, &head);
	if (err) {
		free(new);
		return err;
	}
	spare_dumps(new, &head);
	*r = new;
	return 0;
}

/* cancelled in the middle, a thread would leave a descriptor behind */
int ipci_region_create(struct ipci_region **r, size_t handle_size,
		       const char *name, uint32_t mode,
		       const struct head_shm *want,
		       int (*prepare)(struct ipci_region *))
{
	int err, cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	err = create(r, handle_size, name, mode, want, prepare);
	pthread_setcancelstate(cancel, &cancel);
	return err;
}

/* ---- open ---- */

/* the head, in a copy that nobody else writes to: 0, -EPROTO if it has none */
static int read_head(int fd, const struct stat *st, struct head_shm *head)
{
	ssize_t n;

	if (!S_ISREG(st->st_mode) || (uint64_t)st->st_size < page_size())
		return -EPROTO;
	do
		n = pread(fd, head, sizeof(*head), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return answer(errno);
	return n == (ssize_t)sizeof(*head) ? 0 : -EPROTO;
}

int ipci_region_peek(int fd, struct head_shm *head)
{
	struct stat st;
	size_t page = page_size();
	int r;

	if (fstat(fd, &st))
		return answer(errno);
	if (st.st_nlink == 0)
		return -ENOENT; /* it was removed while we opened it */
	r = read_head(fd, &st, head);
	if (r < 0)
		return r;
	if (head->magic != IPCI_MAGIC || head->layout != IPCI_LAYOUT ||
	    head->fingerprint != fingerprint())
		return -EPROTO;
	if (head->page != page || head->body_size % page ||
	    head->body_size != (uint64_t)st.st_size - page ||
	    head->fixed_size > head->body_size ||
	    head->body_size > SIZE_MAX / 2)
		return -EBADMSG;
	return 0;
}

static int check_head(int fd, enum ipci_kind kind, struct head_shm *head)
{
	int err = ipci_region_peek(fd, head);

	if (err == 0 && (head->kind != (uint32_t)kind ||
			 head->id_space != ipci_os_id_space()))
		return -EPROTO;
	return err;
}

static int open_name(const char *name)
{
	int fd, err = ipci_os_caps();

	if (err >= 0)
		err = check_name(name);
	if (err < 0)
		return err;
	fd = open_shm(name);
	if (fd >= 0)
		return fd;
	return is_foreign(errno) ? -EPROTO : answer(errno);
}

static int map_checked(struct ipci_region *r, int fd, enum ipci_kind kind,
		       struct head_shm *head)
{
	int err = check_head(fd, kind, head);

	if (err)
		return err;
	r->body_size = (size_t)head->body_size;
	/* the file has its memory: it is addresses that we lack */
	err = map(r, fd);
	return err == -ENOSPC ? -ENOMEM : err;
}

static int map_open(struct ipci_region *r, const char *name,
		    enum ipci_kind kind, struct head_shm *head)
{
	int err, fd = open_name(name);

	if (fd < 0)
		return fd;
	err = map_checked(r, fd, kind, head);
	keep_file(r, err, fd, head);
	return err;
}

int ipci_region_open(struct ipci_region **r, size_t handle_size,
		     const char *name, enum ipci_kind kind,
		     struct head_shm *head)
{
	struct ipci_region *new = new_region(handle_size);
	int err, cancel;

	if (!new)
		return -ENOMEM;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	err = map_open(new, name, kind, head);
	pthread_setcancelstate(cancel, &cancel);
	if (err) {
		free(new);
		return err;
	}
	spare_dumps(new, head);
	*r = new;
	return 0;
}

int ipc_unlink(const char *name)
{
	int err = check_name(name);

	if (err)
		return err;
	while (ipci_os_shm_unlink(name))
		if (errno != EINTR)
			return answer(errno);
	return 0;
}
