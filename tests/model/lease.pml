/* SPDX-License-Identifier: MIT */
/*
 * lease.pml - Promela model of the leases of a joinable queue (src/joinable.c,
 * src/worker.c, src/lease.c, src/queue_tasks.c; struct leases_shm in
 * src/layout.h) and of the kernel's part: futex_waitv over several words,
 * FUTEX_WAKE, and the walk of a dead thread's list.
 *
 * STEPS      Every atomic {} below is one atomic instruction, or one thing that
 *            the kernel does under one lock, with what only its own thread
 *            sees. Between two of them any other thread may run and this one
 *            may be killed (KILL). The labels are those of layout.h.
 *
 * STATE      Threads: workers 1 .. NW, then NJ joiners, NF that wait for a
 *            task set aside, NP putters. A mask has bit i for thread i.
 *            g_* the get gate, d_* the done gate. l_*[2 * r + c] word c of
 *            row r, c = 0 for getters, 1 for joiners; l_f: mask of words.
 *            *_same: who has looked at the word and would find it unchanged:
 *            all that a comparison of epochs, versions and ids can tell.
 *            *_q: who is queued there and can be woken. A thread that one
 *            word's wake-up chose is still on the other queues until it runs:
 *            a second wake-up may choose it again.
 *            born, gone, owner, att: a lease. born 0: NONE, else its index + 1
 *            marked, mark: of a row, whose thread has marked one task done and
 *            not been inside since: its lease + 1, and its born. One at a time
 *            (IPCI_MARKS is 1), and it may go through the gate instead, as one
 *            that is helped does. rows_done: what all rows say
 *
 * CLAIMS     1 When all that are alive are asleep, or at work on a task, for as
 *              long as they like: is a worker asleep, each task is done, set
 *              aside, or held by one that is alive; if all are done or set
 *              aside, no joiner is asleep; if one is set aside, nobody who
 *              waits for that (QUIET).
 *            2 A task is never held by two living workers; it is done once, or
 *              set aside once, that after MAX deliveries.
 *            3 When the lease gate is left, each task that was put is in one
 *              slot, in one lease, or over (L1).
 *            4 Sleeping is the only place where a thread waits for ever, and no
 *              run is endless (-DNP: no label is marked as progress).
 *
 * ABSTRACTED Memory is sequentially consistent. What gate.pml proves is used:
 *            - the lease gate is a lock that whoever wants it gets in the end,
 *              freed by its owner's death (gate.pml, MUTEX); its own sleep
 *              queue is left out
 *            - the gates have no hint: fire looks at W (gate.pml: hint 0 only
 *              if nobody sleeps)
 *            - load and compare-and-swap are one step: a swap that fails looks
 *              again, which is a step that came later
 *            - looks before the last one (S5) are one step: they decide only
 *              between another look and an attempt
 *            N1, and the free list, are left out: N1 comes before N2 and only
 *            grows; the list is private to the gate's holder, and made anew by
 *            the repair. A worker holds one task at a time, and nobody else
 *            marks it (N7, N8: test_gate_fences). T3, T5: the put
 *            side is gate.pml's; here slots have room. rows[].held is derived:
 *            it differs from the leases only while dirty is set.
 *
 * CONTROLS   each must make pan fail, or the model proves nothing; see run.sh.
 *            NO_WATCH NO_ROUSE NO_VERSION VERSION_LATE NO_REPAIR NO_DEBT
 *            NO_ANNOUNCE ONE_WORD BURY_FIRST ALL_ONE REPAIR_SILENT REPAIR_ZERO
 *            NO_MARKS NO_TELL REFILL
 */

#ifndef NW
#define NW 2		/* workers */
#endif
#ifndef NJ
#define NJ 1		/* joiners */
#endif
#ifndef NF
#define NF 0		/* waiters for a task that is set aside */
#endif
#ifndef NP
#define NP 0		/* putters */
#endif
#ifndef PRE
#define PRE 1		/* tasks that were put before */
#endif
#ifndef PUTS
#define PUTS 1		/* tasks that each putter puts, with one commit */
#endif
#ifndef MAX
#define MAX 3		/* deliveries until a task is set aside */
#endif
#ifndef MORTAL
#define MORTAL 0	/* mask: may be killed before any step */
#endif
#ifndef KILLS
#define KILLS 0		/* deaths in one run, at most */
#endif
#ifndef ENDS
#define ENDS 0		/* mask: workers that end when they have got a task */
#endif
#ifndef LATE
#define LATE 0		/* mask: workers that come later, the others have rows */
#endif
#ifndef ROWS
#define ROWS NW
#endif

#define N (NW + NJ + NF + NP)
#define TASKS (PRE + NP * PUTS)
#ifdef NO_REPAIR
#define LEASES (TASKS + KILLS)
#else
#define LEASES (TASKS + 1)
#endif
#define NOBODY ROWS
#define BIT(i) (1 << (i))
#define IN(mask) ((mask) & BIT(me))
#define ADD(mask) mask = mask | BIT(me)
#define DROP(mask) mask = mask & ~BIT(me)
#define IS_WORKER (me <= NW)
#define WORKERS (BIT(NW + 1) - 2)
#define JOINERS ((BIT(NJ) - 1) << (NW + 1))
#define FAILERS ((BIT(NF) - 1) << (NW + NJ + 1))

/* the words that getters and joiners watch */
#define GETTERS_WORDS 21
#ifdef ONE_WORD
#define JOINER 0
#define JOINERS_WORDS 21
#else
#define JOINER 1
#define JOINERS_WORDS 42
#endif

/* list_op_pending: what of it matters */
#define NONE 0
#define GET 1
#define DONE 2
#define WORD 3		/* and above: word 0, 1 of the row */
#ifdef NO_ANNOUNCE
#define ANNOUNCE(gate) pend = NONE
#else
#define ANNOUNCE(gate) pend = gate
#endif
#ifdef NO_DEBT
#define OWE(gate) pend = NONE
#else
#define OWE(gate) ANNOUNCE(gate)
#endif

/* shared memory */
bit g_w, g_f, d_w, d_f, dirty;
byte g_own, lock;
byte head, tail = PRE, done, again, failed;
byte l_own[2 * ROWS], l_w, l_f;
byte born[LEASES], gone[LEASES], owner[LEASES], att[LEASES];
byte marked[3], mark[3], rows_done;
/* what sleepers have seen of it */
byte g_same, d_same, put_same, done_same, version_same, l_same[2 * ROWS];
/* the kernel */
byte g_q, d_q, l_q[2 * ROWS], woken, parked, busy;
byte alive = BIT(N + 1) - 2;
byte kills = KILLS;
/* the claims */
byte holder[TASKS], deliveries[TASKS], over;
hidden byte i, k, n;

#define KILL						\
	if						\
	:: true						\
	:: IN(MORTAL) && kills -> kills--; goto killed	\
	fi

#define G_BUMP g_same = 0
#define D_BUMP d_same = 0
#define L_CHANGE(w) l_same[w] = 0

/* states of a lease, as in layout.h */
#define COMMITTED(i) (born[i] && born[i] <= head)
#define GONE(i) (gone[i] && gone[i] <= done)
#define OPEN(i) (COMMITTED(i) && !GONE(i))
#define WAITS(i) (OPEN(i) && !owner[i])
#define SET_ASIDE(i) (COMMITTED(i) && GONE(i) && !owner[i])
#define NAMED(r, i) (marked[r] == (i) + 1 && mark[r] == born[i] && \
		     owner[i] == (r) + 1)
#define MARKED(i) (NAMED(0, i) || NAMED(1, i) || NAMED(2, i))
#define FINISHED (done + rows_done)

#define MOURNED(words) (l_f & (words))
#define ENDED(r) (l_f & (3 << (2 * (r))))
#define READY (head != tail || again || MOURNED(GETTERS_WORDS))
#define WORTH (MOURNED(JOINERS_WORDS) ||		\
	       (IN(FAILERS) -> failed : FINISHED == tail))

/* ---- claims ---- */

#define QUIET						\
	d_step {					\
		if					\
		:: ((parked & ~woken) | busy) == alive ->	\
			quiet()				\
		:: else					\
		fi					\
	}

inline quiet()
{
	k = 0;
	do	/* each task is over, or held by one that is alive */
	:: k < tail && (holder[k] || (over & BIT(k))) -> k++
	:: else -> break
	od;
	assert(!(parked & WORKERS) || k == tail);
	k = 0;
	assert(!(alive & JOINERS) || FINISHED != tail);
	i = 0;
	do
	:: i < LEASES && !SET_ASIDE(i) -> i++
	:: else -> break
	od;
	assert(!(alive & FAILERS) || i == LEASES);
	i = 0
}

/* task k of the lease i goes to me */
#define DELIVERED(k)					\
	assert(!holder[k] && !(over & BIT(k)));		\
	holder[k] = me;					\
	deliveries[k]++;				\
	assert(deliveries[k] <= MAX)

inline conserved()
{
	d_step {
		k = 0;
		do
		:: k < head ->
			n = (over >> k) & 1;
			i = 0;
			do
			:: i < LEASES && OPEN(i) && !MARKED(i) &&
			   born[i] == k + 1 ->
				n++; i++
			:: i < LEASES && !(OPEN(i) && !MARKED(i) &&
					   born[i] == k + 1) ->
				i++
			:: i == LEASES -> break
			od;
			assert(n == 1);
			k++
		:: else -> break
		od;
		k = 0; i = 0; n = 0
	}
}

/* ---- wake-ups; FUTEX_WAKE picks any sleeper, not the first ---- */

#define WAKE_IF(q, b) q & b -> q = q & ~b; woken = woken | b

inline wake_one(q)
{
	if
	:: WAKE_IF(q, 2)
	:: WAKE_IF(q, 4)
	:: WAKE_IF(q, 8)
	:: WAKE_IF(q, 16)
	:: WAKE_IF(q, 32)
	:: WAKE_IF(q, 64)
	:: else
	fi
}

#define WAKE_ALL(q) woken = woken | q; q = 0

/*
 * Calls: `then` says where to go on. Each proctype has one copy of each part,
 * or Spin makes a program that takes minutes to compile.
 */
#define FROM_REPAIR 1
#define FROM_REAP 2
#define FROM_ASIDE 3
#define FROM_DONE 4
#define FROM_RELEASE 5
#define FROM_AWAIT 6
#define FROM_MARK 7
#define FROM_TELL 8

/* F1 .. F4 at the get gate; announced */
inline fire_get()
{
	atomic {	/* F1 F2 */
		KILL;
		if
		:: g_w && !g_own ->
			if
			:: !g_f -> g_f = 1; G_BUMP
			:: else
			fi;
			ADD(g_same)
		:: else -> goto fired_get	/* its release will look */
		fi
	};
F3:	atomic {
		KILL;
		if
		:: g_q -> wake_one(g_q); DROP(g_same); goto fired_get
		:: else
		fi
	};
F4:	atomic {
		KILL;
		if
		:: IN(g_same) && g_w && g_f && !g_own ->
			g_w = 0; g_f = 0; G_BUMP
		:: else
		fi;
		DROP(g_same);
		goto fired_get
	}
}

/* the same at the done gate; it has no owner, and all are woken */
inline fire_done()
{
	atomic {	/* F1 F2 */
		KILL;
		if
		:: d_w ->
			if
			:: !d_f -> d_f = 1; D_BUMP
			:: else
			fi;
			ADD(d_same)
		:: else -> goto fired_done
		fi
	};
F3_all:	atomic {
		KILL;
		if
#ifdef ALL_ONE
		:: d_q -> wake_one(d_q); DROP(d_same); goto fired_done
#else
		:: d_q -> WAKE_ALL(d_q); DROP(d_same); goto fired_done
#endif
		:: else
		fi
	};
F4_all:	atomic {
		KILL;
		if
		:: IN(d_same) && d_w && d_f -> d_w = 0; d_f = 0; D_BUMP
		:: else
		fi;
		DROP(d_same);
		goto fired_done
	}
}

/* ---- the lease gate ---- */

#define FREE_LEASE(i)	\
	born[i] = 0; gone[i] = 0; owner[i] = 0; att[i] = 0

/* T9 of row r, of which others see nothing */
inline clear_mark(r)
{
	d_step {
		if
		:: marked[r] && NAMED(r, marked[r] - 1) ->
			FREE_LEASE(marked[r] - 1)
		:: else
		fi;
		marked[r] = 0; mark[r] = 0
	}
}

/* the words that can be known from the leases; ghosts and done: free */
inline repair()
{
	clear_mark(0); clear_mark(1); clear_mark(2);
	i = 0; again = 0; failed = 0;
	do
	:: i < LEASES ->
		if
		:: !COMMITTED(i) || (GONE(i) && owner[i]) -> born[i] = 0
		:: else
		fi;
		if
		:: !GONE(i) || !born[i] -> gone[i] = 0
		:: else
		fi;
		if
		:: !born[i] -> owner[i] = 0; att[i] = 0
		:: else
		fi;
		if
		:: SET_ASIDE(i) -> failed++
		:: WAITS(i) -> again++
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

/* y: one that waits and was delivered often enough, plus one; or 0 */
inline find_exhausted()
{
	d_step {
		y = 0;
		do
		:: y < LEASES && !(again && WAITS(y) && att[y] >= MAX) -> y++
		:: else -> break
		od;
		y = (y < LEASES -> y + 1 : 0)
	}
}

#define BURY(w) l_f = l_f & ~BIT(w); L_CHANGE(w)

/*
 * T1, with repair and reap; then "in_gate". What is done before the first
 * store that others see is one step with it, but may be killed in between.
 */
inline enter()
{
	atomic {
		if
		:: !lock -> lock = me
		:: IN(MORTAL) && kills -> kills--; goto killed
		fi;
		pend = NONE;
		r = 0;
		if
#ifndef NO_REPAIR
		:: dirty
#endif
		:: else -> dirty = 1; goto scan
		fi
	};
#ifdef REPAIR_ZERO
	atomic { KILL; again = 0; failed = 0 };
#endif
Y1:	atomic {
		KILL;
		d_step { repair() }
#ifdef REPAIR_SILENT
		;
		r = ROWS;
		find_exhausted();
		goto X4
#else
		;
		then = FROM_REPAIR;
		goto F1			/* Y2 */
#endif
	};
Y3:	goto F1_all;
repaired:
	atomic { r = ROWS; find_exhausted(); goto X4 };
scan:	/* each row's words are a look of their own */
	if
	:: r < ROWS && !ENDED(r) -> r++; goto scan
	:: r < ROWS && ENDED(r)
	:: r == ROWS -> r = 0; goto in_gate
	fi;
#ifdef BURY_FIRST
	atomic { KILL; BURY(2 * r); BURY(2 * r + 1) };
#endif
	atomic {
		KILL;
#ifndef NO_MARKS
		clear_mark(r);	/* T9 */
#endif
		KILL;
		if	/* D9 of one that did not live to */
#ifndef NO_TELL
		:: d_w && FINISHED == tail -> then = FROM_TELL; goto F1_all
#endif
		:: else
		fi
	};
X1:	atomic {
		KILL;
		i = 0;
		do
		:: i < LEASES && !(OPEN(i) && owner[i] == r + 1) -> i++
		:: else -> break
		od;
		if
		:: i < LEASES ->
			OWE(GET);
			owner[i] = 0;	/* X2 */
			i = 0;
			KILL;
			again++;
			then = FROM_REAP;
			goto F1		/* X3 */
		:: else -> i = 0
		fi;
		find_exhausted()
	};
X4:	if
	:: y -> atomic { KILL; failed++ };
		atomic { KILL; again--; then = FROM_ASIDE; goto D2 }
	:: !y && r == ROWS -> r = 0; goto scan	/* from the repair */
	:: !y && r < ROWS
	fi;
#ifndef BURY_FIRST
X5:	atomic { KILL; BURY(2 * r) };
	atomic { KILL; BURY(2 * r + 1) };
#endif
	r++;
	goto scan;

D2:	/* of lease y - 1; then: FROM_ASIDE or FROM_DONE */
	atomic {
		KILL;
		gone[y - 1] = done + 1;
		KILL;
		if	/* D3 */
		:: then == FROM_ASIDE -> OWE(DONE)
		:: else
		fi;
		KILL;
		k = born[y - 1] - 1;
		assert(!(over & BIT(k)));
		assert(then == FROM_ASIDE ->
		       !holder[k] && deliveries[k] == MAX : holder[k] == me);
		holder[k] = 0;
		over = over | BIT(k);
		k = 0;
		done++;		/* D4 */
		done_same = 0
	};
	if		/* D5 */
	:: then == FROM_ASIDE || FINISHED == tail
	:: else -> goto fired_done
	fi;
F1_all:	fire_done();
F1:	fire_get()
}

inline leave()
{
	atomic {	/* T6 */
		KILL;
#ifndef NO_REPAIR
		conserved();
#endif
		pend = NONE;
		dirty = 0;
		KILL;
		lock = 0
	}
}

/* ---- sleep: what is the same at both gates ---- */

/* S4: who lives, to be compared, and W in its word; class: 0, 1 */
#ifdef NO_WATCH
#define WATCH(class) skip
#else
#define WATCH(class)					\
	d_step {					\
		i = 0;					\
		do					\
		:: i < ROWS && l_own[2 * i + class] ->	\
			l_w = l_w | BIT(2 * i + class);	\
			l_same[2 * i + class] =		\
				l_same[2 * i + class] | BIT(me);\
			watched = watched | BIT(2 * i + class);	\
			i++				\
		:: i < ROWS && !l_own[2 * i + class] -> i++	\
		:: i == ROWS -> break			\
		od;					\
		i = 0					\
	}
#endif

#ifdef NO_VERSION
#define VERSION_SAME true
#else
#define VERSION_SAME IN(version_same)
#endif

inline unwatch()
{
	d_step {
		i = 0;
		do
		:: i < 2 * ROWS ->
			DROP(l_same[i]); DROP(l_q[i]);
			i++
		:: else -> break
		od;
		i = 0;
		DROP(g_same); DROP(d_same); DROP(g_q); DROP(d_q);
		DROP(put_same); DROP(done_same); DROP(version_same);
		DROP(woken); DROP(parked);
		watched = 0;
		o = 0
	}
}

/* whether all watched rows are as they were; then it is queued there */
inline queue_at_rows()
{
	d_step {
		i = 0;
		do
		:: i < 2 * ROWS && (watched & BIT(i)) && !IN(l_same[i]) ->
			break
		:: i < 2 * ROWS && !((watched & BIT(i)) && !IN(l_same[i])) ->
			i++
		:: i == 2 * ROWS -> break
		od;
		same = (i == 2 * ROWS);
		i = 0;
		do
		:: same && i < 2 * ROWS ->
			if
			:: watched & BIT(i) ->
				l_q[i] = l_q[i] | BIT(me);
				DROP(l_same[i])
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0
	}
}

/* ---- a thread's death ---- */

/* its word w of a row */
inline death_of_word(w)
{
	atomic {
		if
		:: row != NOBODY && l_own[2 * row + w] == me ->
			l_own[2 * row + w] = 0;
			l_f = l_f | BIT(2 * row + w);
			L_CHANGE(2 * row + w);
			some = (l_w >> (2 * row + w)) & 1
		:: else
		fi
	};
	if
	:: some -> atomic { some = 0; wake_one(l_q[2 * row + w]) }
	:: else
	fi
}

/* the list: lease gate, get gate, words; then what is pending */
inline death()
{
	atomic {
		unwatch();
		DROP(busy);
		some = 0;
		i = 0;
		do
		:: i < TASKS ->
			if
			:: holder[i] == me -> holder[i] = 0
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		if
		:: lock == me -> lock = 0
		:: else
		fi;
		if
		:: g_own == me && pend != GET ->
			g_own = 0; g_f = 1; some = g_w
		:: else
		fi
	};
	if
	:: some -> atomic { some = 0; wake_one(g_q) }
	:: else
	fi;
#ifndef ONE_WORD
	death_of_word(1);
#endif
	death_of_word(0);
	atomic {
		if
		:: pend == GET && g_own == me ->
			g_own = 0; g_f = 1; some = g_w
		:: pend == GET && !g_own -> some = 1
		:: pend > GET -> some = 1
		:: else
		fi
	};
	atomic {
		if
		:: some && pend == GET -> wake_one(g_q)
		:: some && pend == DONE -> wake_one(d_q)
		:: some && pend >= WORD && !l_own[2 * row + pend - WORD] ->
			wake_one(l_q[2 * row + pend - WORD])
		:: else
		fi;
		some = 0; pend = 0; r = 0; x = 0; y = 0; then = 0; row = NOBODY; same = 0;
		DROP(alive);
		QUIET
	}
}

#define LOCALS						\
	byte pend, o, r, x, y, then, watched, row = NOBODY;	\
	bit some, same

/* ---- threads ---- */

#define FREE(i) (!l_own[2 * (i)] && !l_own[2 * (i) + 1] && !ENDED(i))

/* takes a row, then gets tasks and does them, for ever */
proctype worker(byte me)
{
	LOCALS;

	if
	:: !IN(LATE) -> row = me - 1; goto T1
	:: else
	fi;
N2:	/* the first free row: one word, the other one */
	atomic {
		KILL;
		row = 0;
		do
		:: row < ROWS && !FREE(row) -> row++
		:: else -> break
		od;
		assert(row < ROWS);
		l_own[2 * row] = me;
		L_CHANGE(2 * row)
	};
	atomic {
		KILL;
		l_own[2 * row + 1] = me;
		L_CHANGE(2 * row + 1)
	};
N3:	atomic { KILL; version_same = 0 };
#ifndef NO_ROUSE
N4:	atomic {
		KILL;
		if
		:: g_w -> some = 1
		:: else
		fi
	};
	atomic {
		KILL;
		if
		:: some -> WAKE_ALL(g_q)
		:: else
		fi;
		some = 0
	};
	atomic {
		KILL;
		if
		:: d_w -> some = 1
		:: else
		fi
	};
	atomic {
		KILL;
		if
		:: some -> WAKE_ALL(d_q)
		:: else
		fi;
		some = 0
	};
#endif
	goto T1;
E1:	/* after T1 .. T6 without the get gate, which found nothing */
	atomic {
		KILL;
		ANNOUNCE(GET);
		if
		:: READY
		:: else -> goto S2
		fi
	};
A2:	atomic {
		KILL;
		if
		:: !g_own -> g_own = me; g_f = 0; G_BUMP
		:: else -> goto S2
		fi;
		if
		:: READY
		:: else -> goto R3	/* somebody was faster */
		fi
	};
T1:	enter();
fired_get:
	if
	:: then == FROM_REPAIR -> goto Y3
	:: then == FROM_REAP -> find_exhausted(); goto X4
	:: then == FROM_RELEASE -> goto R6
	fi;
fired_done:
	if
	:: then == FROM_REPAIR -> goto repaired
	:: then == FROM_ASIDE -> find_exhausted(); goto X4
	:: then == FROM_TELL -> goto X1
	:: then == FROM_DONE -> goto D6
	:: then == FROM_MARK -> goto T1
	fi;
in_gate:
	if
	:: x -> goto done_within
	:: !x && again ->
		atomic {	/* T7 */
			KILL;
			i = 0; x = LEASES;
			do	/* the oldest that waits */
			:: i < LEASES ->
				if
				:: WAITS(i) &&
				   (x == LEASES || born[i] < born[x]) -> x = i
				:: else
				fi;
				i++
			:: else -> break
			od;
			i = 0;
			assert(x < LEASES);
			owner[x] = row + 1;
			att[x] = att[x] + 1;
			k = born[x] - 1;
			DELIVERED(k);
			k = 0;
			x++;
			KILL;
			again--
		}
	:: !x && !again && head != tail && marked[row] ->
		atomic {	/* T9 T2 at once, T4 */
			KILL;
			x = marked[row];
			assert(NAMED(row, x - 1));
#ifndef REFILL
			born[x - 1] = 0;
			KILL;
#endif
			gone[x - 1] = 0;
			owner[x - 1] = row + 1;
			att[x - 1] = 1;
#ifdef REFILL
			mark[row] = 0;	/* the ticket is another one: attempts */
#endif
			KILL;
			born[x - 1] = head + 1;
			KILL;
			marked[row] = 0; mark[row] = 0;
			KILL;
			DELIVERED(head);
			head++
		}
	:: !x && !again && head != tail && !marked[row] ->
		atomic {	/* T2 T3 T4 */
			KILL;
			x = 0;
			do
			:: born[x] -> x++
			:: else -> break
			od;
			assert(x < LEASES);
			gone[x] = 0;
			owner[x] = row + 1;
			att[x] = 1;
			born[x] = head + 1;
			x++;
			KILL;
			DELIVERED(head);
			head++
		}
	:: else -> atomic { KILL; clear_mark(row) }	/* T9 */
	fi;
T6:	leave();
	if
	:: g_own != me -> goto R6
	:: else
	fi;
R3:	atomic {
		KILL;
		ANNOUNCE(GET);
		if
		:: !g_w -> g_own = 0; goto R6
		:: else
		fi
	};
R4:	atomic { KILL; g_own = 0; then = FROM_RELEASE };
R5:	atomic {
		KILL;
		if
		:: head != tail -> goto F1
		:: else
		fi
	};
	atomic {
		KILL;
		if
		:: again -> goto F1
		:: else
		fi
	};
	atomic {
		KILL;
		if
		:: MOURNED(GETTERS_WORDS) -> goto F1
		:: else
		fi
	};
R6:	atomic {
		KILL;
		pend = NONE;
		if
		:: !x -> goto E1	/* it took nothing: wait */
		:: x && IN(ENDS) -> goto N5
		:: x -> ADD(busy); QUIET
		fi
	};
	atomic {
		KILL;
		DROP(busy);
		if
		:: goto T1
		:: !marked[row] -> goto D7
		fi
	};
D7:	atomic {
		KILL;
		KILL;
		k = born[x - 1] - 1;	/* D8 */
		assert(!(over & BIT(k)) && holder[k] == me);
		holder[k] = 0;
		over = over | BIT(k);
		marked[row] = x;
		mark[row] = k + 1;
		rows_done++;
		x = 0; k = 0
	};
D9:	atomic {
		KILL;
		if
		:: d_w
		:: else -> goto T1
		fi
	};
	atomic {
		KILL;
		if
		:: FINISHED == tail -> then = FROM_MARK; goto F1_all
		:: else -> goto T1
		fi
	};
done_within:
	atomic { KILL; clear_mark(row) };	/* T9 */
	assert(OPEN(x - 1) && owner[x - 1] == row + 1);
	y = x;
	then = FROM_DONE;
	goto D2;
D6:	atomic {
		KILL;
		FREE_LEASE(x - 1);
		x = 0; y = 0;
		conserved();
		KILL;
		pend = NONE;
		dirty = 0;
		KILL;
		lock = 0;	/* T6 */
		goto T1
	};

S2:	/* S1 .. S6 at the get gate */
	atomic {
		KILL;
		o = g_own;
		if
		:: g_w && !g_f	/* joins those who sleep: the word stays */
		:: else -> g_w = 1; g_f = 0; G_BUMP
		fi;
		ADD(g_same)
	};
#ifdef VERSION_LATE
	atomic { KILL; WATCH(0) };
#endif
S4:	atomic {
		KILL;
		ADD(put_same); ADD(version_same);
		if	/* of S5; whoever moves tail is caught by S6 */
		:: !o && head != tail -> goto awake
		:: else
		fi
	};
#ifndef VERSION_LATE
	atomic { KILL; WATCH(0) };
#endif
S5:	atomic {
		KILL;
		if
		:: !o && again -> goto awake
		:: else
		fi
	};
	atomic {
		KILL;
		if
		:: !o && MOURNED(GETTERS_WORDS) -> goto awake
		:: else
		fi
	};
S6:	atomic {
		KILL;
		if
		:: g_w && !g_f && g_own == o -> ADD(g_q)
		:: else -> goto awake
		fi
	};
	atomic {
		KILL;
		queue_at_rows();
		if
		:: same && IN(g_same) && VERSION_SAME && (o || IN(put_same)) ->
			o = 0; same = 0; watched = 0;
			DROP(g_same); DROP(version_same); DROP(put_same);
			ADD(parked);
			QUIET
		:: else -> goto awake
		fi
	};
end_asleep:
	atomic {
		if
		:: IN(woken)
		:: IN(MORTAL) && kills -> kills--; goto killed
		fi;
		goto awake
	};
awake:	atomic { unwatch(); same = 0; goto E1 };

N5:	/* the thread ends: its words as if it had died, joiners' first */
	atomic {
		KILL;
		k = born[x - 1] - 1;
		holder[k] = 0;
		k = 0;
		ANNOUNCE(WORD + 1);
		l_own[2 * row + 1] = 0;
		l_f = l_f | BIT(2 * row + 1);
		L_CHANGE(2 * row + 1)
	};
	atomic { KILL; wake_one(l_q[2 * row + 1]); pend = NONE };
N6:	atomic {
		KILL;
		ANNOUNCE(WORD);
		l_own[2 * row] = 0;
		l_f = l_f | BIT(2 * row);
		L_CHANGE(2 * row)
	};
	atomic { KILL; wake_one(l_q[2 * row]); pend = NONE };
	atomic {
		x = 0; row = NOBODY;
		DROP(alive); QUIET; goto out
	};
killed:
	death();
out:	skip
}

/* join, or get_failed, which leaves with the first one that it gets */
proctype waiter(byte me)
{
	LOCALS;

look:	atomic {
		KILL;
		if
		:: WORTH
		:: else -> goto S2
		fi;
		if
		:: x -> x = 0; then = FROM_AWAIT; goto F1_all	/* it has slept */
		:: else
		fi
	};
T1:	enter();
fired_get:
	if
	:: then == FROM_REPAIR -> goto Y3
	:: then == FROM_REAP -> find_exhausted(); goto X4
	fi;
fired_done:
	if
	:: then == FROM_REPAIR -> goto repaired
	:: then == FROM_ASIDE -> find_exhausted(); goto X4
	:: then == FROM_TELL -> goto X1
	:: then == FROM_AWAIT -> goto T1
	fi;
in_gate:
	atomic {
		KILL;
		if
		:: IN(FAILERS) ->
			x = 0;
			do
			:: x < LEASES && !SET_ASIDE(x) -> x++
			:: else -> break
			od;
			if
			:: x < LEASES ->	/* T8 */
				FREE_LEASE(x);
				x = 1;
				KILL;
				failed--
			:: else -> x = 0
			fi
		:: else -> x = (FINISHED == tail)
		fi
	};
T6:	leave();
	atomic {
		KILL;
		if
		:: x -> x = 0; DROP(alive); QUIET; goto out
		:: else -> goto look
		fi
	};

S2:	atomic {
		KILL;
		ANNOUNCE(DONE);
		x = 0;
		if
		:: d_w && !d_f
		:: else -> d_w = 1; d_f = 0; D_BUMP
		fi;
		ADD(d_same)
	};
#ifdef VERSION_LATE
	atomic { KILL; WATCH(JOINER) };
#endif
S4:	atomic { KILL; ADD(done_same); ADD(version_same) };
#ifndef VERSION_LATE
	atomic { KILL; WATCH(JOINER) };
#endif
S5:	atomic { KILL; o = done };	/* one after the other */
	atomic {
		KILL;
		if
		:: (IN(FAILERS) -> failed : o + rows_done == tail) ->
			goto awake
		:: else
		fi
	};
	atomic {
		KILL;
		if
		:: MOURNED(JOINERS_WORDS) -> goto awake
		:: else
		fi
	};
S6:	atomic {
		KILL;
		if
		:: d_w && !d_f -> ADD(d_q)
		:: else -> goto awake
		fi
	};
	atomic {
		KILL;
		queue_at_rows();
		if
		:: same && IN(d_same) && VERSION_SAME && IN(done_same) ->
			same = 0; watched = 0; o = 0;
			DROP(d_same); DROP(version_same); DROP(done_same);
			ADD(parked);
			QUIET
		:: else -> goto awake
		fi
	};
end_asleep:
	atomic {
		if
		:: IN(woken)
		:: IN(MORTAL) && kills -> kills--; goto killed
		fi;
		goto awake
	};
awake:	atomic { unwatch(); same = 0; x = 1; goto look };
killed:
	death();
out:	skip
}

proctype putter(byte me)
{
	LOCALS;

P4:	atomic {
		KILL;
		OWE(GET);	/* P3 */
		KILL;
		tail = tail + PUTS;
		put_same = 0
	};
P5:	fire_get();
fired_get:
	atomic {	/* P6 */
		KILL;
		pend = NONE;
		DROP(alive); QUIET; goto out
	};
killed:
	death();
out:	skip
}

init
{
	n = 1;

	atomic {
		do
		:: n <= NW ->
			if
			:: !(LATE & BIT(n)) ->
				l_own[2 * n - 2] = n; l_own[2 * n - 1] = n
			:: else
			fi;
			run worker(n); n++
		:: n > NW && n <= NW + NJ + NF -> run waiter(n); n++
		:: n > NW + NJ + NF && n <= N -> run putter(n); n++
		:: else -> break
		od;
		n = 0
	}
}
