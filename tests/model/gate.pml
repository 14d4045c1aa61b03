/* SPDX-License-Identifier: MIT */
/*
 * gate.pml - Promela model of the gate (src/gate.c) and of the kernel's part
 * in it: futex_waitv, FUTEX_WAKE and the walk of a dead thread's robust list.
 *
 * STEPS      Every atomic {} below is one atomic instruction, or one thing that
 *            the kernel does under one lock. Between two of them any other
 *            thread may run and this one may be killed (KILL). The labels, as
 *            names and in comments, are those of layout.h (check_labels.sh
 *            compares them); small letters and K_* mark what is no step there.
 *            E4: a get takes its item; P3 .. P5: a put, or the like.
 *
 * STATE      word = { epoch | W | F | owner }. Epoch and hint are numbers of
 *            which only equality counts, and an epoch never comes twice; so
 *            BUMP gives the word a number that nobody remembers, and renames
 *            the others (rename): exact, and without bound or wrap-around.
 *            e[i]: the epoch, h[i]: the hint that thread i remembers. 0: none.
 *            queued: on the futex of the gate, FUTEX_WAKE finds it.
 *            parked: all compares of futex_waitv have passed, truly asleep.
 *            alive:  has not died, not left and not been stopped for ever.
 *            pend:   list_op_pending names the gate (private to its thread).
 *
 * CLAIMS     1 When every thread that is alive is asleep, no sleeper's
 *              condition is true (QUIET). Where a thread was stopped for
 *              ever, not as the owner: unless nothing was put or got since.
 *            2 Whoever owns the gate stays its owner until it releases it.
 *            3 Nobody is queued at the moment W is cleared (F4), and
 *              W is set when everybody sleeps.
 *            4 Sleeping is the only place where a thread waits (pan's search
 *              for invalid end states), and no run is endless (pan built with
 *              -DNP: no label is marked as progress, so every cycle counts).
 *
 * ABSTRACTED Memory is sequentially consistent: all these steps are seq_cst or
 *            read-modify-write in the code. FUTEX_WAKE picks any sleeper, not
 *            the first. The ring is two counters; the put side's own gate is
 *            left out, so two producers may be anywhere at once. announce and
 *            withdraw of pend are merged into the neighbouring step: no
 *            other thread sees them, and KILL stands before and after.
 *
 * VARIANTS   default: consumers that lock (queue). MUTEX: condition always
 *            true, no index, no hint. PIPE: one reader that never locks.
 *            JOIN: waiters that never lock, leave once all is done; no hint.
 *
 * CONTROLS   each must make pan fail, or the model proves nothing; see run.sh.
 *            NO_DEBT NO_COMPARE NO_ANNOUNCE NO_EPOCH_COMPARE HINT_BLIND
 *            HINT_STORE ARRIVALS_ONLY F_RETURN STICKY_OFF CHAIN JOIN_SILENT
 */

/* Size of a run. A mask has bit i set for thread i. */
#ifndef NC
#define NC 2		/* consumers: threads 1 .. NC */
#endif
#ifdef MUTEX
#define NP 0
#endif
#ifndef NP
#define NP 1		/* producers: threads NC+1 .. NC+NP */
#endif
#ifndef ITEMS
#define ITEMS 1		/* puts per producer */
#endif
#ifndef ROUNDS
#define ROUNDS 1	/* gets per consumer of the mask LEAVES */
#endif
#ifndef LEAVES
#define LEAVES 0	/* mask: leaves after ROUNDS gets; others never */
#endif
#ifndef MORTAL
#define MORTAL 0	/* mask: may be killed before any step */
#endif
#ifndef KILLS
#define KILLS 0		/* deaths in one run, at most */
#endif
#ifndef TIMED
#define TIMED 0		/* mask: its sleep may time out; then it leaves */
#endif
#ifndef STOPS
#define STOPS 0		/* mask: one of them may be stopped for ever */
#endif

#ifndef HINT
#define HINT 0		/* 9: earlier sleepers have left it up */
#endif

#define BIT(i) (1 << (i))
#define IN(mask) ((mask) & BIT(me))
#define DROP(mask) mask = mask & ~BIT(me)

/* The condition, from one load i of the opposite index. */
#if defined(MUTEX)
#define TRUE_AT(i) true
#define TAKE skip
#define NO_COMPARE
#define NO_HINT
#elif defined(JOIN)
#define TRUE_AT(i) ((i) == NP * ITEMS)
#define NO_HINT
#else
#define TRUE_AT(i) ((i) != head)
#endif
#ifndef TAKE
#define TAKE head++
#endif

/* shared memory */
bit W, F;
byte epoch = 1, hint = HINT;
/* what each thread remembers of them */
byte e[NC + NP + 1], h[NC + NP + 1];
hidden byte name[16], i, n, v;
byte own;
byte head, tail;
/* the kernel */
byte queued, parked;
byte alive = BIT(NC + NP + 1) - 2;
byte kills = KILLS;
#if STOPS
bit stopped, after;
#define HAPPENS after = 1
#ifdef JOIN
#define EXCUSED false
#else
#define EXCUSED (stopped && !after)
#endif
#else
#define HAPPENS skip
#define EXCUSED false
#endif

#define SEES e[me] = epoch
#define FORGETS e[me] = 0; h[me] = 0
#define SAME_EPOCH (e[me] == epoch)
#define BUMP epoch = 15; rename()
#ifdef ARRIVALS_ONLY
#define BUMP_ACQUIRE skip
#define BUMP_FIRE skip
#else
#define BUMP_ACQUIRE BUMP
#define BUMP_FIRE BUMP; SEES
#endif

#if STOPS	/* anywhere but inside: who stops as the owner stops all */
#define STOP :: IN(STOPS) && !stopped && own != me -> goto halted
#else
#define STOP
#endif
#define KILL						\
	if						\
	:: true						\
	:: IN(MORTAL) && kills -> kills--; goto killed	\
	STOP						\
	fi

/* Claims 1 and 3; asked whenever a thread falls asleep or goes away. */
#define QUIET						\
	assert((queued & parked) != alive || !queued ||	\
	       (W && (!TRUE_AT(tail) || EXCUSED)))

inline rename_one(x)
{
	v = x;
	if
	:: v && !name[v] -> n++; name[v] = n
	:: else
	fi;
	x = name[v]
}

/* 1, 2, 3 in the order in which they are found here; 15: the new epoch */
inline rename()
{
	d_step {
		n = 0;
		rename_one(epoch);
		rename_one(hint);
		i = 1;
		do
		:: i <= NC + NP -> rename_one(e[i]); rename_one(h[i]); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < 16 -> name[i] = 0; i++
		:: else -> break
		od;
		i = 0; n = 0; v = 0
	}
}

inline wake_one()
{
	if
	:: queued & 2 -> queued = queued & ~2
	:: queued & 4 -> queued = queued & ~4
	:: queued & 8 -> queued = queued & ~8
	:: queued & 16 -> queued = queued & ~16
	fi
}

inline wake()
{
#if defined(JOIN) && !defined(CHAIN)
	queued = 0
#else
	wake_one()
#endif
}

/*
 * Wake a sleeper. Called with pend. A firer that finds F goes on to wake all
 * the same: who was woken before may be stopped. Ends at the label "fired",
 * or at "idle" if no sleeper is announced.
 */
inline fire()
{
/* fire_load: */
	atomic {
		KILL;
		if
		:: !W -> goto idle
		:: W && own -> goto fired	/* its release will look */
#ifdef F_RETURN
		:: W && !own && F -> goto fired
#else
		:: W && !own && F -> SEES; goto F3
#endif
		:: else -> SEES
		fi
	};
F2:
	atomic {
		KILL;
		if
		:: SAME_EPOCH && W && !F && !own -> F = 1; BUMP_FIRE
		:: else -> FORGETS; goto fire_load
		fi
	};
F3:
	atomic {
		KILL;
		if
		:: queued -> wake(); FORGETS; goto fired
		:: else
		fi
	};
F4:
	atomic {
		KILL;
		if
		:: SAME_EPOCH && W && F && !own ->
			W = 0;
			F = 0;
#ifndef NO_CLAIM_3
			assert(!queued)
#endif
		:: else
		fi;
		FORGETS;
		goto fired
	}
}

/*
 * Nobody sleeps: spare later puts the look at the word. The hint is the epoch
 * of the latest sleeper, so the CAS fails if one came since it was read.
 */
inline lower()
{
	skip;
#ifndef NO_HINT
/* F1_read: */
	atomic { KILL; h[me] = hint };
F1_look:
	atomic {
		KILL;
		if
		:: W -> FORGETS; goto fire_load
		:: else
		fi
	};
F1:
	atomic {
		KILL;
		if
#ifdef HINT_BLIND
		:: hint -> hint = 0
#else
		:: hint && hint == h[me] -> hint = 0
#endif
		:: else
		fi;
		FORGETS
	}
#endif
}

/*
 * Sleep until the gate may be worth a try; pend all the time. o, w, f: the
 * word as loaded. Ends at the label "look" with last set if time is over.
 */
inline sleep()
{
/* S1: */
#ifndef NO_HINT
	atomic { KILL; h[me] = hint };	/* before the word */
sleep_word:
#endif
	atomic { KILL; w = W; f = F; o = own; SEES };
sleep_look:
	atomic {
		KILL;
		if
		:: !o && TRUE_AT(tail) ->
			FORGETS; w = 0; f = 0;
			goto look
		:: else
		fi
	};
S2:
	atomic {
		KILL;
		if
		:: w && !f	/* joins those who sleep: the word stays */
		:: (!w || f) && SAME_EPOCH && W == w && F == f && own == o ->
			assert(!o || !f);
			W = 1;
			F = 0;	/* it will look for itself */
			BUMP; SEES
		:: else ->
			FORGETS; w = 0; f = 0; o = 0;
			goto look
		fi;
		w = 0; f = 0
	};
#ifndef NO_HINT
S3:
	atomic {
		KILL;
		if
#ifdef HINT_STORE
		:: true -> hint = e[me]
#else
		:: hint == h[me] || hint == e[me] -> hint = e[me]
		:: else -> FORGETS; o = 0; goto look
#endif
		fi;
		h[me] = 0
	};
#endif
S4:
	atomic { KILL; seen = tail };
S5:
	atomic {
		KILL;
		if
		:: !o && TRUE_AT(seen) ->
			FORGETS; seen = 0;
			goto look
		:: else
		fi
	};
S6:
	atomic {
		KILL;
		if
		:: W && !F && own == o -> queued = queued | BIT(me)
		:: else ->
			FORGETS; o = 0; seen = 0;
			goto look
		fi
	};
#ifndef NO_HINT
K_waitv_epoch:
	atomic {
		KILL;
		if
#ifndef NO_EPOCH_COMPARE
		:: !SAME_EPOCH ->
			FORGETS; DROP(queued); o = 0; seen = 0;
			goto look
#endif
		:: else
		fi
	};
#endif
K_waitv_index:
	atomic {
		KILL;
		FORGETS;
		if
#ifndef NO_COMPARE
		:: !o && tail != seen ->
			DROP(queued); o = 0; seen = 0;
			goto look
#endif
		:: else ->
			o = 0; seen = 0;
			parked = parked | BIT(me);
			QUIET
		fi
	};
end_asleep:
	atomic {
		if
		:: !IN(queued)
		:: IN(MORTAL) && kills -> kills--; goto killed
#if TIMED
		:: IN(TIMED) -> last = 1	/* woken as well or not */
#endif
		STOP
		fi;
		DROP(queued); DROP(parked)
	};
	goto look
}

/* A stopped thread is on no queue: a signal takes it out of futex_waitv. */
inline halt()
{
	atomic {
#if STOPS
		FORGETS; DROP(queued); DROP(parked); DROP(alive);
		o = 0; w = 0; f = 0; seen = 0;
		last = 0; took = 0; rounds = 0; pend = 0;
		stopped = 1;
		after = 0;
		QUIET;
#endif
		goto out
	}
}

/* The kernel buries a thread. w: a wake-up is due. */
inline death()
{
/* killed: K_death_word: */
	atomic {
		FORGETS; DROP(queued); DROP(parked);
		o = 0; w = 0; f = 0; seen = 0; last = 0; took = 0; rounds = 0;
		if
		:: own == me && (linked || pend) -> own = 0; F = 1; w = W
		:: own == 0 && pend -> w = 1	/* the word is not touched */
		:: else
		fi;
		pend = 0; linked = 0
	};
K_death_wake:
	atomic {
		if
		:: w && queued -> wake_one()
		:: else
		fi;
		w = 0;
		DROP(alive); QUIET
	}
}

#define LOCALS						\
	byte o, seen, rounds;				\
	bit w, f, last, took, pend, linked

#ifdef NO_ANNOUNCE
#define ANNOUNCE skip
#define LINK(yes) atomic { KILL; linked = yes };
#else
#define ANNOUNCE pend = 1
#define LINK(yes)		/* pend covers acquire and release */
#endif

#if !defined(PIPE) && !defined(JOIN)
/* get, again and again: look, acquire, take one item, release. */
proctype consumer(byte me)
{
	LOCALS;

A1:
	atomic {
		KILL;
		ANNOUNCE;
		if
		:: goto look
		:: goto A2	/* the fast path does not look first */
		fi
	};
look:
	atomic {
		KILL;
		if
		:: TRUE_AT(tail)
		:: !TRUE_AT(tail) && last -> goto withdraw
		:: else -> goto S1
		fi
	};
A2:
	atomic {
		KILL;
		if
		:: !own -> own = me; F = 0; BUMP_ACQUIRE
		:: own && last -> goto withdraw
		:: else -> goto S1
		fi
	};
	LINK(1)
E4:
	atomic {
		KILL;
		assert(own == me);
		if
		:: TRUE_AT(tail) -> TAKE; rounds++; took = 1
		:: else
		fi
	};
	LINK(0)
#ifdef STICKY_OFF	/* as pthread: clear W, trust the one that is woken */
	atomic { KILL; own = 0; w = W; W = 0; F = 0 };
	atomic {
		KILL;
		if
		:: w && queued -> wake_one()
		:: else
		fi;
		w = 0;
		goto fired
	};
#endif
R3:
	atomic {
		KILL;
		assert(own == me);
		HAPPENS;
		if
		:: !W -> own = 0; goto fired
		:: else
		fi
	};
R4:
	atomic { KILL; assert(own == me); own = 0 };	/* W stays */
R5:
	atomic { KILL; seen = tail };
R5_look:
	atomic {
		KILL;
		if
		:: TRUE_AT(seen) -> seen = 0
		:: else -> seen = 0; goto fired
		fi
	};
fire_load:
	fire();
idle:
	lower();
fired:
	if
	:: took || last
	:: else -> goto look		/* it took nothing: wait */
	fi;
withdraw:	/* R6 */
	atomic {
		KILL;
		pend = 0; took = 0;
		if
		:: last || (IN(LEAVES) && rounds == ROUNDS) ->
			last = 0; rounds = 0;
			DROP(alive); QUIET;
			goto out
		:: else
		fi;
		if
		:: !IN(LEAVES) -> rounds = 0
		:: else
		fi;
		goto A1
	};
S1:
	sleep();
halted:
	halt();
killed:
	death();
out:	skip
}
#else
/*
 * PIPE: a reader that never locks. JOIN: a waiter, which leaves when its
 * condition is true, after it has fired for the next one.
 */
proctype waiter(byte me)
{
	LOCALS;

look:
	atomic {
		KILL;
		ANNOUNCE;
		if
		:: TRUE_AT(tail)
		:: !TRUE_AT(tail) && last -> goto fired
		:: else -> goto S1
		fi
	};
#ifdef JOIN
#ifdef JOIN_SILENT
	goto fired;
#endif
fire_load:
	fire();
idle:
#else
E4:
	atomic {
		KILL;
		TAKE;
		pend = 0;
		HAPPENS;
		if
		:: last -> goto fired
		:: else -> goto look
		fi
	};
#endif
fired:
	atomic {
		KILL;
		pend = 0; last = 0;
		DROP(alive); QUIET;
		goto out
	};
S1:
	sleep();
halted:
	halt();
killed:
	death();
out:	skip
}
#endif

#ifndef MUTEX
/* put, or task_done for JOIN: announce the debt, commit, fire. */
proctype producer(byte me)
{
	LOCALS;

	rounds = ITEMS;
P4:
	atomic {
		KILL;
#ifndef NO_DEBT
		pend = 1;	/* P3 */
#endif
		KILL;
		tail++;
		rounds--;
		HAPPENS
	};
P5:
	atomic {
		KILL;
		if
#ifdef JOIN
		:: !TRUE_AT(tail) -> goto fired
#else
		:: !hint -> goto fired
#endif
		:: else
		fi
	};
fire_load:
	fire();
idle:
	lower();
fired:
	atomic {
		KILL;
		pend = 0;
		if
		:: rounds -> goto P4
		:: else -> DROP(alive); QUIET; goto out
		fi
	};
halted:
	halt();
killed:
	death();
out:	skip
}
#endif

init
{
	i = 1;

	atomic {
		do
#if defined(PIPE) || defined(JOIN)
		:: i <= NC -> run waiter(i); i++
#else
		:: i <= NC -> run consumer(i); i++
#endif
#ifndef MUTEX
		:: i > NC && i <= NC + NP -> run producer(i); i++
#endif
		:: else -> break
		od;
		i = 0
	}
}
