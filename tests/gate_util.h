/* SPDX-License-Identifier: MIT */
/*
 * gate_util.h - a gate of which the test sees every bit
 *
 * Its condition is that the opposite index is not zero.
 */
#ifndef LIBIPC_TESTS_GATE_UTIL_H
#define LIBIPC_TESTS_GATE_UTIL_H

#include "harness.h"
#include "gate.h"

#include <sys/wait.h>

#define W     IPCI_GATE_SLEEPERS
#define F     IPCI_GATE_FIRED
#define EPOCH IPCI_GATE_EPOCH

#define LEFT   IPCI_HINT_LEFT
#define FENCED IPCI_HINT_FENCED
#define FIRED  IPCI_HINT_FIRED

struct test_gate {
	struct ipci_gate gate;
	struct side_shm side, opposite;
};

static inline bool gate_is_ready(const void *arg)
{
	const struct test_gate *t = arg;

	return atomic_load(&t->opposite.index) != 0;
}

/* shared with children, free, not ready */
static inline struct test_gate *new_gate(void)
{
	struct test_gate *t = shared_alloc(sizeof(*t));

	assert_true(ipc_caps() > 0);
	ipci_room_init(&t->side.room);
	t->gate = (struct ipci_gate){.word = &t->side.word,
				     .hint = &t->side.hint,
				     .index = &t->opposite.index,
				     .ready = gate_is_ready,
				     .arg = t};
	ipci_gate_furnish(&t->gate, &t->side.room);
	return t;
}

static inline uint64_t word_of(const struct test_gate *t)
{
	return atomic_load(&t->side.word);
}

static inline uint64_t hint_of(const struct test_gate *t)
{
	return atomic_load(t->gate.hint);
}

static inline uint64_t hint_bits(const struct test_gate *t)
{
	return hint_of(t) & IPCI_HINT_BITS;
}

static inline void set_word(struct test_gate *t, uint64_t word, uint64_t hint)
{
	atomic_store(&t->side.word, word);
	atomic_store(&t->side.hint, hint);
}

/* the condition, and nobody is told */
static inline void set_ready(struct test_gate *t, bool ready)
{
	atomic_store(&t->opposite.index, ready);
}

/* as the owner bits of a word say it */
static inline uint64_t my_tid(void)
{
	return ipci_self()->tid;
}

static inline uintptr_t node_of(const struct test_gate *t)
{
	return ipci_node_of(ipci_self(), t->gate.word);
}

/* nothing is announced, nothing is on the list of held locks */
static inline bool holds_nothing(void)
{
	const struct ipci_self *self = ipci_self();

	return *self->pending == 0 && *self->list == (uintptr_t)self->list;
}

/* of a child that was killed, or had ended by then */
static inline void reap_any(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	if (info.si_code == CLD_EXITED)
		expect_exit(pid, 0);
	else
		expect_killed(pid, SIGKILL);
}

/* for children */
static inline _Noreturn void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* sleeps until it is ready, and holds nothing afterwards */
static inline int await_it(void *arg)
{
	struct test_gate *t = arg;

	child_check(ipci_gate_await(ipci_self(), &t->gate, IPCI_NEVER) == 0);
	child_check(gate_is_ready(t));
	child_check(holds_nothing());
	return 0;
}

static inline pid_t spawn_awaiting(struct test_gate *t)
{
	pid_t pid = spawn_child(await_it, t);

	wait_asleep(pid);
	return pid;
}

#endif
