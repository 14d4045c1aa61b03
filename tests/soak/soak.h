/* SPDX-License-Identifier: MIT */
/*
 * soak.h - who takes part in the soak, and the accounts that are kept
 *
 * Members (processes) work in groups, each group around one object. Each has a
 * journal in memory that main reads when it has been killed: what it was about.
 * main kills, stops and restarts them; now and then it has all of them pause,
 * and the accounts must agree:
 *
 *	plain queue	each number that was put came out, exactly once, but
 *			for those that a killed member had under way
 *	joinable	each was done, exactly once, or set aside
 *	mutex		nobody else inside; the count under it is the sum of
 *			what each says it did
 *	pipe		what came is a beginning of what was sent, and at least
 *			what send() had returned for
 */
#ifndef LIBIPC_TESTS_SOAK_H
#define LIBIPC_TESTS_SOAK_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <libipc.h>

enum {
	SOAK_MEMBERS = 48,
	SOAK_GROUPS = 16,
	SOAK_SERIES = 8,
	SOAK_WINDOW = 1 << 17, /* numbers of a series between two pauses */
	SOAK_BATCH = 8,
	SOAK_STOP = -1, /* series of the item that tells to pause */
};

/* what is known of one number of a series */
enum {
	SOAK_SEEN = 1,	     /* it came out */
	SOAK_MAYBE_PUT = 2,  /* its producer was killed in the put */
	SOAK_DONE = 4,	     /* task_done returned for it */
	SOAK_MAYBE_DONE = 8, /* its worker was killed in task_done */
	SOAK_FAILED = 16,    /* it was set aside */
};

struct soak_item {
	uint64_t number;
	int32_t series;
	uint32_t check;
};

/* numbers 1, 2, ... that one producer puts, over all its lives */
struct soak_series {
	int group;
	uint64_t base; /* up to there, all are accounted for */
	_Atomic uint8_t mark[SOAK_WINDOW];
};

struct soak_member;

struct soak_role {
	const char *name;
	void (*run)(struct soak_member *m);
	/* of those that were killed: what the accounts must allow for */
	void (*died)(struct soak_member *m);
};

extern const struct soak_role soak_producer, soak_consumer, soak_worker,
	soak_locker, soak_sender, soak_receiver, soak_pinger, soak_ponger;

/* the journal: the member's own, and main's when the member is dead */
struct soak_member {
	const struct soak_role *role;
	int group;
	int series; /* of a producer */
	int batch;  /* items at a time */
	pid_t pid;
	double stopped_until; /* ms; 0: it runs */
	_Atomic bool parked;
	_Atomic uint64_t put;	 /* this and all before are put, sent, ... */
	_Atomic uint64_t tried;	 /* ... up to there perhaps */
	_Atomic uint64_t asks;	 /* items that a get may have taken */
	_Atomic uint64_t ending; /* the number whose task_done is under way */
	_Atomic int32_t ending_series;
	_Atomic uint64_t calls;
	_Atomic uint64_t slowest_us; /* of all its calls */
};

enum soak_kind { SOAK_QUEUE, SOAK_TASKS, SOAK_MUTEX, SOAK_PIPE, SOAK_PINGPONG };

struct soak_group {
	const char *what;
	enum soak_kind kind;
	char name[64]; /* "": anonymous */
	bool immortal; /* nobody is killed */
	bool poisoned; /* some tasks kill whoever gets them */
	uint32_t max_attempts;
	size_t maxsize;
	/* for the accounts */
	uint64_t lost; /* items that killed consumers may have taken along */
	uint64_t deaths;
	_Atomic uint64_t counter; /* under the mutex; written plainly there */
	_Atomic pid_t inside;

	/* for the watchdog */
	uint64_t calls_before;
	double moved_at;
};

/* all of it shared */
struct soak {
	struct soak_member member[SOAK_MEMBERS];
	struct soak_group group[SOAK_GROUPS];
	struct soak_series series[SOAK_SERIES];
	int members, groups, n_series;
	_Atomic bool pausing;
	_Atomic int breaches;
	double limit_ms; /* of a standstill */
	double longest_standstill;
	const char *longest_of;
	uint64_t kills, stops, pauses, messages, set_aside, maybe;
	double slowest_pause;
	_Atomic uint64_t redelivered; /* tasks that came again */
};

extern struct soak *soak;

/* of each group; private, so that a member keeps what it was born with */
struct soak_handles {
	struct ipc_queue *q[2];
	struct ipc_mutex *m;
	struct ipc_pipe *ends[2];
};
extern struct soak_handles soak_handles[SOAK_GROUPS];

struct soak_handles *soak_of(const struct soak_group *g);

double soak_ms(void);
void soak_sleep_ms(double ms);

/* something is not as it must be: it is told at once, and the soak fails */
__attribute__((format(printf, 1, 2))) void soak_breach(const char *format, ...);

/* crew.c */
struct soak_item soak_item(int series, uint64_t number);
bool soak_item_ok(const struct soak_item *item);
_Atomic uint8_t *soak_mark(int series, uint64_t number);
bool soak_is_poison(int group, uint64_t number);

/* account.c: everybody pauses; then it must all add up */
void soak_settle(void);
void soak_resume(void);

/* watch.c */
void soak_watch_begin(void);	 /* a thread of main looks for standstills */
void soak_watch_idle(bool idle); /* nobody has to move */
bool soak_watch_worried(void);	 /* whether a group stands still */
void soak_watch_end(void);
void soak_dump(void);
/* that main and its children need no more than the first time */
void soak_check_flat(void);

/* soak.c */
void soak_spawn(struct soak_member *m);
void soak_bury_dead(void); /* those that poison killed; others are a breach */
void soak_kill_all(void);

#endif
