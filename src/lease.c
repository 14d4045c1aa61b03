/* SPDX-License-Identifier: MIT */
/*
 * lease.c - take leases, give them back, find them, repair the table
 */
#include <errno.h>
#include <string.h>

#include "lease.h"

enum {
	LEASES_MIN = 4096,
	LEASES_STEP = 64, /* reserved at a time; a page of them */
};

/* addresses that the items may take */
#define ITEMS_BYTES_MAX                                                        \
	(sizeof(void *) > 4 ? UINT64_C(1) << 36 : UINT64_C(1) << 25)

/* ---- geometry ---- */

static uint64_t stride_for(size_t item_size)
{
	return ((uint64_t)item_size + 63) & ~UINT64_C(63);
}

/* twice what may wait, if that is more than a few thousand */
static uint32_t leases_for(uint64_t maxsize, size_t item_size)
{
	uint64_t n = maxsize && maxsize < IPCI_LEASES_MAX / 2 ? 2 * maxsize
							      : IPCI_LEASES_MAX;
	uint64_t fit = ITEMS_BYTES_MAX / stride_for(item_size);

	if (n < LEASES_MIN)
		n = LEASES_MIN;
	if (n > fit)
		n = fit > LEASES_STEP ? fit : LEASES_STEP;
	return (uint32_t)(n / LEASES_STEP * LEASES_STEP);
}

uint64_t ipci_leases_bytes(uint64_t maxsize, size_t item_size)
{
	uint64_t n = leases_for(maxsize, item_size);

	return n * (sizeof(struct lease_shm) + stride_for(item_size));
}

void ipci_leases_init(struct ipci_leases *l, struct ipci_region *r,
		      struct leases_shm *s, size_t offset, uint64_t maxsize,
		      size_t item_size)
{
	l->region = r;
	l->s = s;
	l->max = leases_for(maxsize, item_size);
	l->stride = (size_t)stride_for(item_size);
	l->item_size = item_size;
	l->lease = (struct lease_shm *)(r->body + offset);
	l->items = (unsigned char *)(l->lease + l->max);
}

static int reserve(const struct ipci_leases *l, const void *from, size_t size)
{
	return ipci_region_reserve(
		l->region,
		(size_t)((const unsigned char *)from - l->region->body), size);
}

/* ---- take and free ---- */

/* whether items have their memory with their leases */
static bool is_dense(const struct ipci_leases *l)
{
	return l->stride <= IPCI_LEASE_DENSE;
}

/* memory for those that were never used from i on, some at a time */
static int reserve_step(struct ipci_leases *l, uint32_t i)
{
	uint32_t from = i / LEASES_STEP * LEASES_STEP;
	int err = reserve(l, &l->lease[from], LEASES_STEP * sizeof(*l->lease));

	if (!err && is_dense(l))
		err = reserve(l, ipci_lease_item(l, from),
			      LEASES_STEP * l->stride);
	if (!err)
		l->s->stepped = from + LEASES_STEP;
	return err;
}

/* 0: it is there; the first one is, if not its room (L5) */
static int reserve_fresh(struct ipci_leases *l, uint32_t i)
{
	int err = i < l->s->stepped ? 0 : reserve_step(l, i);

	if (!err && is_dense(l))
		l->lease[i].room = (uint32_t)l->stride;
	return i ? err : 0;
}

int ipci_lease_fresh(struct ipci_leases *l)
{
	uint32_t i = ipci_leases_in_use(l);
	int err = i == l->max ? -ENOBUFS : reserve_fresh(l, i);

	if (err)
		return err;
	l->s->free = 0; /* or damaged */
	ipci_lease_free(l, i);
	atomic_signal_fence(memory_order_seq_cst); /* killed here: not yet */
	l->s->fresh = i + 1;
	return (int)i;
}

static int reserve_item(struct ipci_leases *l, uint32_t i, size_t len)
{
	int err = reserve(l, ipci_lease_item(l, i), len);

	if (!err)
		l->lease[i].room = (uint32_t)len;
	return err;
}

/* to the front of those that are free: from behind the one before it */
static void bring_forward(struct ipci_leases *l, uint32_t i, uint32_t before)
{
	l->lease[before].next = l->lease[i].next;
	l->lease[i].next = l->s->free;
	l->s->free = i + 1;
}

/* a free one behind first that has room for len bytes: that one, or -1 */
static int find_room(struct ipci_leases *l, uint32_t first, size_t len)
{
	uint32_t n = ipci_leases_in_use(l), before = first, i, looks;

	for (looks = 0; looks < n; looks++, before = i) {
		i = *(volatile uint32_t *)&l->lease[before].next - 1;
		if (i >= n)
			return -1;
		if (i && l->lease[i].room < len)
			continue;
		bring_forward(l, i, before);
		return (int)i;
	}
	return -1;
}

/* where puts have promised it, there is nothing to take, and so no error */
int ipci_lease_make_room(struct ipci_leases *l, uint32_t i, size_t len)
{
	int err = reserve_item(l, i, len), other;

	if (!err)
		return (int)i;
	other = find_room(l, i, len);
	if (other < 0)
		return err;
	if (l->lease[other].room < len)
		err = reserve_item(l, (uint32_t)other, len);
	else
		err = 0;
	return err ? err : other;
}

int ipci_lease_promise_slow(struct ipci_leases *l, size_t len)
{
	int err = reserve(l, ipci_lease_item(l, 0), len);

	if (!err)
		atomic_store_explicit(&l->s->promised, (uint32_t)len,
				      memory_order_relaxed);
	return err;
}

int ipci_leases_prepare(struct ipci_leases *l)
{
	int err = reserve(l, &l->lease[0], sizeof(*l->lease));

	return err ? err
		   : ipci_lease_promise_slow(l, l->item_size < IPCI_LEASE_DENSE
							? l->item_size
							: IPCI_LEASE_DENSE);
}

int ipci_lease_read(const struct ipci_leases *l, uint32_t i, void *buf,
		    size_t size)
{
	uint32_t len = *(volatile uint32_t *)&l->lease[i].len;

	if (len > l->item_size || len > l->lease[i].room)
		return -EBADMSG;
	if (len > size)
		return -EMSGSIZE;
	if (len)
		memcpy(buf, ipci_lease_item(l, i), len);
	return (int)len;
}

/* ---- find ---- */

bool ipci_lease_waits_again(const struct lease_shm *x, struct ipci_when when)
{
	return (uint32_t)x->owner == 0 && ipci_lease_open(x, when);
}

bool ipci_lease_set_aside(const struct lease_shm *x, struct ipci_when when)
{
	return (uint32_t)x->owner == 0 && ipci_lease_committed(x, when) &&
	       ipci_lease_gone(x, when);
}

/* the oldest that is as asked, and was delivered so many times at least */
static int find_oldest(const struct ipci_leases *l, struct ipci_when when,
		       bool (*is)(const struct lease_shm *, struct ipci_when),
		       uint32_t attempts)
{
	uint32_t n = ipci_leases_in_use(l);
	int best = -1;

	for (uint32_t i = 0; i < n; i++) {
		const struct lease_shm *x = &l->lease[i];

		if (is(x, when) && ipci_lease_attempts(x) >= attempts &&
		    (best < 0 || ipci_before(x->born, l->lease[best].born)))
			best = (int)i;
	}
	return best;
}

uint32_t ipci_lease_count(const struct ipci_leases *l, struct ipci_when when,
			  bool (*is)(const struct lease_shm *, struct ipci_when,
				     const void *),
			  const void *arg)
{
	uint32_t n = 0, used = ipci_leases_in_use(l);

	for (uint32_t i = 0; i < used; i++)
		n += is(&l->lease[i], when, arg);
	return n;
}

int ipci_lease_again(const struct ipci_leases *l, struct ipci_when when)
{
	return find_oldest(l, when, ipci_lease_waits_again, 0);
}

int ipci_lease_exhausted(const struct ipci_leases *l, uint32_t max_attempts,
			 struct ipci_when when)
{
	return find_oldest(l, when, ipci_lease_waits_again, max_attempts);
}

int ipci_lease_failed(const struct ipci_leases *l, struct ipci_when when)
{
	return find_oldest(l, when, ipci_lease_set_aside, 0);
}

/* ---- owners ---- */

void ipci_lease_renew(struct ipci_leases *l, uint32_t i, uint32_t row)
{
	struct lease_shm *x = &l->lease[i];

	x->owner = (uint64_t)(ipci_lease_attempts(x) + 1) << 32 | (row + 1);
}

uint32_t ipci_lease_revoke(struct ipci_leases *l, uint32_t row,
			   struct ipci_when when)
{
	uint32_t n = ipci_leases_in_use(l), revoked = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct lease_shm *x = &l->lease[i];

		if (ipci_lease_row(x) != row || !ipci_lease_open(x, when))
			continue;
		x->owner &= ~UINT64_C(0xffffffff); /* X2 */
		revoked++;
	}
	return revoked;
}

/* ---- repair ---- */

/* free, held, and what is left of a "done" that was not committed */
static void put_right(struct ipci_leases *l, uint32_t i, struct ipci_when when,
		      struct worker_shm *row, uint32_t rows)
{
	struct lease_shm *x = &l->lease[i];
	bool gone = ipci_lease_gone(x, when);
	uint32_t r = ipci_lease_row(x);

	if (!ipci_lease_committed(x, when) || (gone && (uint32_t)x->owner)) {
		ipci_lease_free(l, i);
		return;
	}
	if (gone)
		return;
	x->gone = IPCI_LEASE_NONE; /* D2 without D4 */
	if (r < rows)
		atomic_fetch_add_explicit(&row[r].held, 1,
					  memory_order_relaxed);
}

static bool is_again(const struct lease_shm *x, struct ipci_when when,
		     const void *unused)
{
	(void)unused;
	return ipci_lease_waits_again(x, when);
}

static bool is_failed(const struct lease_shm *x, struct ipci_when when,
		      const void *unused)
{
	(void)unused;
	return ipci_lease_set_aside(x, when);
}

/*
 * again and failed go from what they were to what they are: were they 0 for a
 * moment, somebody might go to sleep over it, and nobody would wake him.
 */
void ipci_leases_repair(struct ipci_leases *l, struct ipci_when when,
			struct worker_shm *row, uint32_t rows)
{
	uint32_t n = ipci_leases_in_use(l);

	l->s->free = 0;
	for (uint32_t r = 0; r < rows; r++)
		atomic_store_explicit(&row[r].held, 0, memory_order_relaxed);
	for (uint32_t i = n; i-- > 0;)
		put_right(l, i, when, row, rows);
	atomic_store_explicit(&l->s->again,
			      ipci_lease_count(l, when, is_again, NULL),
			      memory_order_seq_cst);
	atomic_store_explicit(&l->s->failed,
			      ipci_lease_count(l, when, is_failed, NULL),
			      memory_order_seq_cst);
}
