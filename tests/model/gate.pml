/* SPDX-License-Identifier: MIT */
/*
 * gate.pml - Promela model of the gate (src/gate.c), of the memory of a machine
 * that delays stores, and of the kernel's part: futex_waitv, FUTEX_WAKE,
 * membarrier and the walk of a dead thread's robust list.
 *
 * STEPS      Every atomic {} below is one atomic instruction, or one thing that
 *            the kernel does under one lock. Between two of them any other
 *            thread may run and this one may be killed (KILL). The labels, as
 *            names and in comments, are those of layout.h (check_labels.sh
 *            compares them); small letters and K_* mark what is no step there.
 *            E4: a get takes its item; P3 .. P5: a put, or the like.
 *
 * MEMORY     Total store order. The plain stores (P4, E4 of the index, R3 of
 *            the word) go into the thread's own buffer; the process `memory`
 *            lets them out in order, each at any moment. A thread sees what is
 *            in its own buffer (OWNER, READY). Its buffer is empty after a
 *            fence, a compare-and-swap, a system call, a stop and its death
 *            (drain), and after the barrier of any other (S3, drain_all).
 *            buf_t[i], buf_h, buf_r: what of tail, head, release is in there.
 *            Of one side, only one at a time stores: the next one has seen the
 *            release of the one before, so no two stores of tail are under way.
 *
 * STATE      word = { W | F | owner }: the epoch is never compared. hint: its
 *            bits. Of its generations only equality counts, and none comes
 *            twice: fresh has a bit for each thread that remembers a hint of
 *            the present generation (BUMP: none does), h[i] the bits that it
 *            remembers. Exact, and without bound or wrap-around.
 *            queued: on the futex of the gate, FUTEX_WAKE finds it.
 *            parked: all compares of futex_waitv have passed, truly asleep.
 *            alive:  has not died, not left and not been stopped for ever.
 *            pend:   list_op_pending names the gate (private to its thread).
 *
 * CLAIMS     1 When every thread that is alive is asleep, no sleeper's
 *              condition is true (QUIET). Where a thread was stopped for
 *              ever, not as the owner: unless nothing was put or got since.
 *            2 Whoever owns the gate stays its owner until it releases it.
 *            3 Nobody is asleep at the moment LEFT goes out (F4), whoever
 *              falls asleep finds LEFT, and the hint is LEFT and FENCED when
 *              everybody sleeps.
 *            4 Sleeping is the only place where a thread waits (pan's search
 *              for invalid end states), and no run is endless (pan built with
 *              -DNP: no label is marked as progress, so every cycle counts).
 *
 * ABSTRACTED Loads are in order, as TSO has it: on other machines they are
 *            seq_cst or acquire in the code. FUTEX_WAKE picks any sleeper, not
 *            the first. The ring is two counters; the put side's own gate is
 *            left out. announce and withdraw of pend are merged into the
 *            neighbouring step: no other thread sees them, and KILL stands
 *            before and after. A fence is one step with the load behind it:
 *            its stores may have left earlier. F5 comes at any time.
 *
 * VARIANTS   default: consumers that lock (queue). MUTEX: condition always
 *            true, no index. PIPE: one reader that never locks.
 *            JOIN: waiters that never lock, leave once all is done.
 *
 * CONTROLS   each must make pan fail, or the model proves nothing; see run.sh.
 *            NO_BARRIER EARLY_FENCED LEFT_ONLY NO_FENCE_FIRE NO_FENCE_RELEASE
 *            NO_DEBT NO_COMPARE NO_HINT_COMPARE NO_ANNOUNCE NO_GENERATION
 *            CLEAR_BLIND RELAX_BLIND FIRED_KEPT F_RETURN CHAIN JOIN_SILENT
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
#define HINT 0		/* what earlier sleepers have left of it */
#endif

#define BIT(i) (1 << (i))
#define IN(mask) ((mask) & BIT(me))
#define DROP(mask) mask = mask & ~BIT(me)

#define LEFT 1
#define FENCED 2
#define FIRED 4

/* The condition, from one load i of the opposite index; READY: as me sees it. */
#if defined(MUTEX)
#define TRUE_AT(i) true
#define READY(i) true
#define TAKE skip
#define NO_INDEX
#elif defined(JOIN)
#define TRUE_AT(i) ((i) == NP * ITEMS)
#define READY(i) ((i) + buf_t[me] == NP * ITEMS)
#else
#define TRUE_AT(i) ((i) != head)
#define READY(i) ((i) != head + ((buf_h >> me) & 1))
#ifdef PIPE
#define TAKE head++		/* nobody else reads it */
#endif
#endif
#ifndef TAKE
#define TAKE buf_h = buf_h | BIT(me)
#endif

/* shared memory */
bit W, F;
byte hint = HINT;
byte own;
byte head, tail;
/* stores that have not reached it */
byte buf_t[NC + NP + 1], buf_h, buf_r;
/* what each thread remembers of the hint */
byte h[NC + NP + 1], fresh;
hidden byte i;
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

#define SEES h[me] = hint; fresh = fresh | BIT(me)
#define FORGETS h[me] = 0; DROP(fresh)
#define SAME (IN(fresh) && h[me] == hint)
#ifdef NO_GENERATION
#define BUMP skip
#else
#define BUMP fresh = 0
#endif

#ifdef LEFT_ONLY	/* FENCED alone says nothing to who is in a hurry */
#define SLEPT (hint & LEFT)
#else
#define SLEPT hint
#endif

#define OWNER (own && !(own == me && IN(buf_r)))

/* all of thread x that is under way reaches memory */
inline drain(x)
{
	d_step {
		head = head + ((buf_h >> x) & 1);
		buf_h = buf_h & ~BIT(x);
		if
		:: buf_r & BIT(x) ->
			assert(own == x && W);
			own = 0;
			buf_r = buf_r & ~BIT(x)
		:: else
		fi;
		tail = tail + buf_t[x];
		buf_t[x] = 0
	}
}

inline drain_all()
{
	d_step {
		head = head + (buf_h != 0);	/* only the owner's */
		buf_h = 0;
		if
		:: buf_r -> assert(buf_r == BIT(own)); own = 0; buf_r = 0
		:: else
		fi;
		i = 1;
		do
		:: i <= NC + NP -> tail = tail + buf_t[i]; buf_t[i] = 0; i++
		:: else -> break
		od;
		i = 0
	}
}

#ifdef NO_FENCE_FIRE
#define FENCE_FIRE skip
#else
#define FENCE_FIRE drain(me)
#endif
#ifdef NO_FENCE_RELEASE
#define FENCE_RELEASE skip
#else
#define FENCE_RELEASE drain(me)
#endif
#ifdef NO_BARRIER
#define BARRIER drain(me)	/* a system call, no more */
#else
#define BARRIER drain_all()
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

/* no store of the put side is under way */
#if NP > 1
#define TURN (!buf_t[NC + 1 + NC + 2 - me])
#else
#define TURN true
#endif
#if NP > 2
#error two producers at most
#endif

#if NP > 1
#define UNDER_WAY (buf_h || buf_r || buf_t[NC + 1] || buf_t[NC + 2])
#elif NP
#define UNDER_WAY (buf_h || buf_r || buf_t[NC + 1])
#else
#define UNDER_WAY (buf_h || buf_r)
#endif

/* Claims 1 and 3; asked when a thread falls asleep or goes away, and when the
   last store has reached memory. */
#define QUIET						\
	assert((queued & parked) != alive || !queued || UNDER_WAY || \
	       ((hint & LEFT) && (hint & FENCED) &&	\
		(!TRUE_AT(tail) || EXCUSED)))

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
 * Wake a sleeper. Called with pend. A firer that finds FIRED goes on to wake
 * all the same: who was woken before may be stopped. Ends at the label "fired".
 */
inline fire()
{
/* F1: */
	atomic {
		KILL;
		FENCE_FIRE;
		SEES;
		if
		:: hint & LEFT
		:: else -> goto F5
		fi
	};
fire_owner:
	atomic {
		KILL;
		if
		:: OWNER -> FORGETS; goto fired	/* its release will look */
#ifdef F_RETURN
		:: !OWNER && (h[me] & FIRED) -> FORGETS; goto fired
#else
		:: !OWNER && (h[me] & FIRED) -> goto F3
#endif
		:: else
		fi
	};
F2:
	atomic {
		KILL;
		drain(me);
		if
		:: SAME -> hint = hint | FIRED; h[me] = hint
		:: else -> FORGETS; goto F1
		fi
	};
F3:
	atomic {
		KILL;
		drain(me);
		if
		:: queued -> wake(); FORGETS; goto fired
		:: else
		fi
	};
F4:
	atomic {
		KILL;
		drain(me);
		if
#ifdef CLEAR_BLIND
		:: true ->
#else
		:: SAME ->
#endif
			hint = hint & FENCED;
			BUMP;
			assert(!(queued & parked))
		:: else
		fi;
		FORGETS;
		goto fired
	};
F5:
	atomic {
		KILL;
		if
#ifdef RELAX_BLIND
		:: h[me] == FENCED ->
#else
		:: SAME && h[me] == FENCED ->
#endif
			drain(me);
			hint = hint & ~FENCED;
			BUMP
		:: true
		fi;
		FORGETS;
		goto fired
	}
}

/*
 * Sleep until the gate may be worth a try; pend all the time. o, w, f: the
 * word as loaded. Ends at the label "look" with last set if time is over.
 */
inline sleep()
{
/* S1: */
	atomic { KILL; SEES };
S2:
	atomic {
		KILL;
		if
		:: h[me] == LEFT || h[me] == (LEFT | FENCED)	/* stays */
		:: h[me] == 0 || h[me] == FENCED || (h[me] & FIRED) ->
			drain(me);
			if
			:: SAME ->
#ifdef FIRED_KEPT
				hint = hint | LEFT;
#else
				if
				:: hint & FIRED -> hint = hint & ~FIRED; BUMP
				:: else
				fi;
				hint = hint | LEFT;
#endif
				SEES
			:: else -> FORGETS; goto look
			fi
		fi;
		if
		:: h[me] & FENCED -> goto S4
		:: else
		fi
	};
#ifdef EARLY_FENCED
	atomic {
		KILL;
		drain(me);
		if
		:: SAME -> hint = hint | FENCED
		:: else
		fi;
		h[me] = h[me] | FENCED
	};
#endif
S3:
	atomic { KILL; BARRIER; QUIET };
sleep_fenced:
	atomic {
		KILL;
		drain(me);
		if
		:: SAME -> hint = hint | FENCED
		:: else
		fi;
		h[me] = h[me] | FENCED;
		if
		:: SAME
		:: else -> FORGETS; goto look
		fi
	};
S4:
	atomic {
		KILL;
		w = W; f = F; o = (OWNER -> own : 0)
	};
sleep_index:
	atomic {
		KILL;
		if
		:: !o -> seen = tail
		:: else
		fi
	};
S5:
	atomic {
		KILL;
		if
		:: !o && READY(tail) ->
			FORGETS; w = 0; f = 0; seen = 0;
			goto look
		:: else
		fi
	};
S6:
	atomic {
		KILL;
		drain(me);
		if
		:: W == w && F == f && own == o -> queued = queued | BIT(me)
		:: else ->
			FORGETS; o = 0; w = 0; f = 0; seen = 0;
			goto look
		fi;
		w = 0; f = 0
	};
K_waitv_hint:
	atomic {
		KILL;
		if
#ifndef NO_HINT_COMPARE
		:: !SAME ->
			FORGETS; DROP(queued); o = 0; seen = 0;
			goto look
#endif
		:: else
		fi
	};
K_waitv_index:
	atomic {
		KILL;
		FORGETS;
		if
#if !defined(NO_COMPARE) && !defined(NO_INDEX)
		:: !o && tail != seen ->
			DROP(queued); o = 0; seen = 0;
			goto look
#endif
		:: else ->
			o = 0; seen = 0;
			parked = parked | BIT(me);
			assert((hint & LEFT) || !IN(queued));
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
		drain(me);
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
		drain(me);
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
		:: READY(tail)
		:: !READY(tail) && last -> goto withdraw
		:: else -> goto S1
		fi
	};
A2:
	atomic {
		KILL;
		if
		:: !OWNER -> drain(me); own = me; W = 1; F = 0
		:: OWNER && last -> goto withdraw
		:: else -> goto S1
		fi
	};
	LINK(1)
E4:
	atomic {
		KILL;
		assert(own == me);
		if
		:: READY(tail) -> TAKE; rounds++; took = 1
		:: else
		fi
	};
	LINK(0)
R3:
	atomic {
		KILL;
		assert(own == me && W && !F);
		HAPPENS;
		buf_r = buf_r | BIT(me)
	};
release_look:
	atomic {
		KILL;
		if
		:: SLEPT
		:: else -> goto fired
		fi
	};
R4:
	atomic {
		KILL;
		FENCE_RELEASE;
		SEES;
		if
		:: hint & LEFT -> FORGETS
		:: else -> goto F5
		fi
	};
R5:
	atomic { KILL; seen = tail };
release_ready:
	atomic {
		KILL;
		if
		:: READY(seen) -> seen = 0
		:: else -> seen = 0; goto fired
		fi
	};
F1:
	fire();
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
		:: READY(tail)
		:: !READY(tail) && last -> goto fired
		:: else -> goto S1
		fi
	};
#ifdef JOIN
#ifdef JOIN_SILENT
	goto fired;
#endif
F1:
	fire();
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
		TURN;
		KILL;
#ifndef NO_DEBT
		pend = 1;	/* P3 */
#endif
		KILL;
		buf_t[me]++;
		rounds--;
		HAPPENS
	};
P5:
	atomic {
		KILL;
		if
		:: !SLEPT -> goto fired
#ifdef JOIN
		:: SLEPT && !READY(tail) -> goto fired
#endif
		:: else
		fi
	};
F1:
	fire();
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

/* lets out what a thread has stored: the index first, then the release */
proctype memory(byte me)
{
end_empty:
	do
	:: atomic { IN(buf_h) -> head++; DROP(buf_h); QUIET }
	:: atomic {
		IN(buf_r) && !IN(buf_h) ->
		assert(own == me);
		own = 0; DROP(buf_r);
		QUIET
	   }
	:: atomic { buf_t[me] -> tail++; buf_t[me]--; QUIET }
	od
}

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
		i = 1;
		do
		:: i <= NC + NP -> run memory(i); i++
		:: else -> break
		od;
		i = 0
	}
}
