/* SPDX-License-Identifier: MIT */
/*
 * peer_sysv.c - System V messages: the kernel's, with a type before each one.
 * The kernel limits the bytes that wait; 16 KiB unless somebody raised it.
 */
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include "bench.h"

struct message {
	long type;
	char bytes[MAX_SMALL];
};

/* a queue goes when its last user says so, not by itself: so also when we
   fail */
static int made[2] = {-1, -1};

static void remove_all(void)
{
	for (int i = 0; i < 2; i++)
		if (made[i] >= 0)
			msgctl(made[i], IPC_RMID, NULL);
}

static void *sysv_open(size_t len)
{
	int *slot = made[0] < 0 ? &made[0] : &made[1];

	if (len > MAX_SMALL)
		return NULL;
	when_it_fails(remove_all);
	*slot = msgget(IPC_PRIVATE, 0600);
	return *slot < 0 ? NULL : slot;
}

static void sysv_close(void *t)
{
	int *id = t;

	msgctl(*id, IPC_RMID, NULL);
	*id = -1;
}

static int sysv_put(void *t, const void *item, size_t len)
{
	struct message m;

	m.type = 1;
	memcpy(m.bytes, item, len);
	return msgsnd(*(int *)t, &m, len, 0);
}

static int sysv_get(void *t, void *buf, size_t size)
{
	struct message m;
	ssize_t got = msgrcv(*(int *)t, &m, size, 0, 0);

	if (got > 0)
		memcpy(buf, m.bytes, (size_t)got);
	return (int)got;
}

const struct transport kernel_sysv = {
	.name = "System V messages",
	.open = sysv_open,
	.close = sysv_close,
	.put = sysv_put,
	.get = sysv_get,
};
