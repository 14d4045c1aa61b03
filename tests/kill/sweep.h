/* SPDX-License-Identifier: MIT */
/*
 * sweep.h - kill a process after every single instruction of a call
 *
 * A sweep tells the same short story again and again. Each time it makes new
 * objects, puts some processes to sleep at them, lets a victim go k
 * instructions into a call, kills it, and asks the survivors what they see.
 * k grows until the call has returned.
 *
 *	begin    make the objects, and those who sleep at them
 *	victim   in a process of its own: prepare, sweep_marker(), the call
 *	marked   it stands at its marker
 *	asleep   it sleeps in the call: do what it waits for (once)
 *	look     it stands still, in the instant before its death
 *	judge    it is dead: NULL, or what is wrong
 *	end      free the objects
 *
 * The processes run and stop as the parent says, and what it says of them it
 * reads from the kernel: that a process sleeps means that it is off the run
 * queue, inside a futex call, so no wake-up is under way to it. Is everybody
 * asleep and without a time limit, then nothing will ever happen again, and a
 * promise not kept by then is broken; no such verdict depends on a delay.
 *
 * In the bounded back end every sleep has a limit: there a promise is broken
 * when it is not kept within half a second, and "quiet" means only that nobody
 * has anything to do until its time is up.
 */
#ifndef LIBIPC_TESTS_KILL_SWEEP_H
#define LIBIPC_TESTS_KILL_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sweep {
	const char *name;
	const void *row; /* handed to all of these */
	void (*begin)(const void *row);
	int (*victim)(const void *row);
	void (*marked)(const void *row); /* or NULL */
	void (*asleep)(const void *row); /* NULL: others see to it */
	void (*look)(const void *row);	 /* or NULL */
	const char *(*judge)(const void *row);
	void (*end)(const void *row);
	bool by_calls;	     /* k counts entries to system calls and exits */
	unsigned int stride; /* of k, about, in a short run; 0: 1 */
};

/*
 * Runs the sweeps whose name contains argv[2]; argv[1] is short or full. A
 * short one that takes long makes longer steps. The environment may say
 * SWEEP_LANE=I/N: only every Nth, beginning with the Ith; SWEEP_CONTROL: a
 * sweep that is to fail ends when it has; and SWEEP_BY_STEPS: nobody leaps.
 */
int sweep_main(int argc, char **argv, const struct sweep *sweeps, size_t n);

/* ---- the same for stories of another shape ---- */

/* one point of a sweep: NULL, or what is wrong; *over: there are no more */
struct story {
	const char *name;
	const void *row;
	const char *(*point)(const void *row, unsigned long k, bool *over);
	unsigned int stride;
};

/* row is a struct sweep: its story */
const char *sweep_point(const void *row, unsigned long k, bool *over);

int story_main(int argc, char **argv, const struct story *stories, size_t n);

/* ---- processes; they are all gone after each point ---- */

struct proc;

/* runs fn(arg) in a child */
struct proc *sweep_spawn(int (*fn)(const void *arg), const void *arg);

/* the same, and it stands still at its marker */
struct proc *sweep_trace(int (*fn)(const void *arg), const void *arg);

/* in the child: from here on instructions count */
void sweep_marker(void);

/* has its fn returned, and what? */
bool sweep_returned(const struct proc *p, int *value);
bool sweep_ended(struct proc *p);
pid_t sweep_pid(const struct proc *p);

/* one instruction; false: it sleeps in it */
bool sweep_step(struct proc *p);
/*
 * As many instructions as one before it went in this sweep, up to k, and at
 * once: returns how many. It stands where that one stood, or is dead, and the
 * point will be told again.
 */
unsigned long sweep_leap(struct proc *p, unsigned long k);
/* k instructions, or until it has returned; false: it sleeps */
bool sweep_steps(struct proc *p, unsigned long k);
/* to the entry of the next system call, or out of it; as sweep_step */
bool sweep_call(struct proc *p);
/* until that instruction is over; false: nobody will wake it */
bool sweep_wakes(struct proc *p);
/* to the entry of the system call in which it will sleep */
void sweep_to_sleep_entry(struct proc *p);
/* ... and into it; when it is woken, it stands still on its way out of it */
void sweep_into_sleep(struct proc *p);
/* no longer traced: it runs on, or sleeps on */
void sweep_let_go(struct proc *p);
void sweep_slay(struct proc *p);

/* wake-ups are exact, so that a sleep needs no time limit */
bool sweep_exact(void);

bool sweep_is_asleep(struct proc *p);
void sweep_until_asleep(struct proc *p);
/* until nothing will happen any more, unless the parent does it */
void sweep_until_quiet(void);

/* ---- verdicts ---- */

/*
 * Until is(arg) is true. False: it never will be, for everybody sleeps, or
 * half a second was not enough. The longest that was needed is reported.
 */
bool sweep_eventually(bool (*is)(const void *arg), const void *arg);
/* the same with another limit */
bool sweep_within(int ms, bool (*is)(const void *arg), const void *arg);

/* half a second, in milliseconds; longer where TEST_SLOW says so */
int sweep_limit_ms(void);

/* the moment from which on somebody was to notice something; now */
double sweep_now_ms(void);
/* count this among the times that recovery took */
void sweep_took(double ms);

/* what this point prints beside its reason, if it is bad */
void sweep_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct side_shm;
void sweep_note_side(const char *name, const struct side_shm *side);

/* the test itself cannot go on: says so and ends the program */
_Noreturn void sweep_bail(const char *what);
#define sweep_require(expr) ((expr) ? (void)0 : sweep_bail(#expr))

/* zeroed bytes, shared with the children; cleared before each point */
void *sweep_shared(size_t size);

#endif
