/* SPDX-License-Identifier: MIT */
/*
 * queue_side.c - come in to one side of a queue, where a look is not enough
 */
#include "queue.h"

/* whether n items may be moved; they may be got after a shutdown, too */
static int check(const struct ipci_queue_side *d, uint64_t n)
{
	uint64_t state = ipci_side_state(d);

	if (state & IPCI_STATE_SHUT &&
	    (d->limit || !n || state & IPCI_STATE_DROPPED))
		return -ESHUTDOWN;
	return n && n <= d->maxsize ? 0 : -EBADMSG;
}

int ipci_side_admit(struct ipci_self *self, const struct ipci_queue_side *d,
		    uint64_t n, int timeout_ms)
{
	int r = check(d, n);

	if (!r && d->pool)
		r = ipci_pool_enter(self, d->pool, ipci_deadline(timeout_ms));
	if (r < 0)
		ipci_side_leave_gate(self, d);
	return r == -ETIMEDOUT ? ipci_gave_up(timeout_ms) : r;
}

int ipci_side_enter_slow(struct ipci_self *self,
			 const struct ipci_queue_side *d, uint64_t want,
			 int timeout_ms, uint64_t *n)
{
	int64_t deadline = ipci_deadline(timeout_ms);
	int r = d->alone ? ipci_gate_await(self, &d->gate, deadline)
			 : ipci_side_wait(self, d, deadline);

	if (r < 0)
		return ipci_gave_up(timeout_ms);
	*n = ipci_side_movable(d, want);
	ipci_gate_learn(self, *n > want);
	return ipci_side_admit(self, d, *n, timeout_ms);
}
