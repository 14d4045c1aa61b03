/* SPDX-License-Identifier: MIT */
/*
 * layout.h - every byte that two processes share
 *
 * An object is one region: a head page, and a body that begins one page
 * further on. Between the two each process maps a page of its own:
 *
 *	file    | head page        |                | body ...
 *	memory  | head page        | private page   | body ...
 *	         ^head_shm  ^mutex_shm (last 16 bytes)
 *
 * The private page is where the thread's list of held locks passes through
 * (list nodes lie up to 40 bytes behind a lock word), so no pointer that we
 * follow is ever in shared memory, whatever another process writes there.
 *
 * All zero is the initial state of everything but the head: an object is born
 * by clearing memory, filling in the head and giving it a name.
 *
 * Each struct has five parts. GUARD: who may touch it. INVARIANTS: what holds
 * at every instant. FIELDS: kind, writer, reader, order, partner; kinds are
 * C = constant after create, A = atomic, anyone, G = only the gate's holder.
 * STEPS: with the one COMMIT. KILLED: after each step, what the next one finds
 * and does. The kill sweeps (tests/kill) are the KILLED tables, executed.
 */
#ifndef IPCI_LAYOUT_H
#define IPCI_LAYOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
	IPCI_LAYOUT = 6,     /* raise when a byte below changes its meaning */
	IPCI_CACHELINE = 64, /* what one CPU takes from another at a time */
};

/* what a call of put or get consists of, all in one piece */
#define IPCI_INLINE static inline __attribute__((always_inline))

#define IPCI_MAGIC 0x0043504942494c01u /* "\1LIBIPC\0" in memory */

enum ipci_kind {
	IPCI_KIND_MUTEX = 1,
	IPCI_KIND_QUEUE = 2,
	IPCI_KIND_PIPE = 3,
	IPCI_KIND_SHARED = 4,
};

/*
 * struct head_shm - what an opener must know                       128 bytes
 *
 * GUARD      written before the object has a name, constant afterwards. An
 *            opener trusts nothing: it checks each field against the file and
 *            keeps its own copy.
 *
 * INVARIANTS H1  a named object is complete: the name is given last
 *            H2  page + body_size == size of the file
 *            H3  the first fixed_size bytes of the body have their memory; of
 *                the rest only what somebody reserved is ever touched
 *            H4  all who have it open live in id_space: thread ids are
 *                unique there, and nowhere else
 *
 * FIELDS     all C
 *
 * STEPS      create: C1 unnamed file, C2 size, C3 map, C4 fill the head,
 *            C5 link the name (COMMIT)
 *
 * KILLED     ..C4  nothing: the kernel frees a file that has no name
 *            C5    a complete object that nobody has open: the next opener
 *                  uses it
 */
struct head_shm {
	uint64_t magic;
	uint32_t layout;      /* IPCI_LAYOUT */
	uint32_t kind;	      /* enum ipci_kind */
	uint64_t fingerprint; /* sizes, offsets and back end of the build */
	uint64_t page;	      /* bytes before the body */
	uint64_t body_size;   /* bytes from there to the end of the file */
	uint64_t fixed_size;  /* bytes of the body reserved at create */
	uint64_t id_space;    /* in which its thread ids mean somebody */
	union {
		struct {
			uint64_t maxsize;
			uint64_t item_size;
			uint32_t order;
			uint32_t flags;
			uint32_t max_attempts; /* of a task */
			uint32_t reserved;
			uint64_t chunks; /* addresses: grow_shm; 0: none */
		} queue;
		struct {
			uint64_t size; /* as asked for; the body is larger */
		} shared;
		struct {
			uint32_t flags; /* LIBIPC_MUTEX_* */
		} mutex;
		uint64_t reserved[9];
	} u;
};

_Static_assert(sizeof(struct head_shm) == 128, "head_shm");

/*
 * The gate - lock, sleep queue and condition at once            8 + 8 bytes
 *
 *	word   epoch:32 | W(31) F(30) owner(0..29)       low half: a futex
 *	hint   generation | FIRED(2) FENCED(1) LEFT(0)   low half is compared
 *
 *	word, low half   meaning
 *	0, W             nobody holds it
 *	T|W              thread T holds it
 *	W|F              nobody holds it, its last owner died
 *
 *	hint             meaning
 *	no bit           nobody sleeps
 *	LEFT             somebody is about to sleep
 *	LEFT FENCED      ... and may be asleep: whoever commits sees this
 *	FIRED, too       somebody was told to come and look
 *	FENCED           nobody sleeps, but somebody did not long ago
 *
 * W is for the kernel alone: it takes a dead owner's T|W to W|F and wakes one
 * sleeper, which is just what a release does that finds the condition true.
 *
 * Those who commit and those who release are many, and in a hurry; those who go
 * to sleep have time. So a commit and a release are plain stores, with no fence
 * between them and the look at the hint that follows, and the sleeper pays for
 * it: after it has left its hint it has the system put a fence into every
 * running thread (ipci_os_barrier). What was stored before that, it sees in its
 * last look; whoever stores later, sees the hint.
 *
 * Who has seen a hint is in no hurry any more: fire and release then fence for
 * themselves (F1, R4) and look again, for these two must not miss each other: a
 * commit that finds an owner leaves the fire to him. FENCED keeps them doing so
 * when nobody sleeps any more: then the next sleeper needs no barrier, which
 * takes long. It goes out when nobody has slept for many commits.
 *
 * GUARD      word: compare-and-swap of the whole to take it; a plain store of
 *            its owner to release it, for nobody else changes it meanwhile, but
 *            the kernel when he dies. hint: A, compare-and-swap.
 *
 * INVARIANTS G1  a thread whose id is in owner has the word on its list of
 *                held locks, or in `pending`; and W is set with it
 *            G2  `pending` names the word from before an acquire until after
 *                it, from before a release until after it, all through a
 *                sleep, and from before a store that makes the condition true
 *                until after the fire that follows it
 *            G3  when the kernel put a sleeper to sleep, the hint was LEFT and
 *                FENCED and not FIRED, and it, the owner, and the index that
 *                the condition depends on were the same as when the condition
 *                was last seen false. (Is the barrier refused, by a filter that
 *                came late: not FENCED; it sleeps 50 ms at most.)
 *            G4  no value of the hint comes twice: a bit goes out only with
 *                the next generation
 *            G5  LEFT goes out only by a fire that has set, or found, FIRED,
 *                and whose wake-up then found nobody, if FIRED is still in: so
 *                nobody sleeps, and who is about to, finds another hint (S6)
 *            G6  FENCED: there was a barrier since some bit went in. It goes
 *                out only alone, when LEFT is out
 *
 * STEPS      acquire  A1 pending = word   A2 CAS owner and W in, F out, epoch+1
 *                     A3 on the list
 *            release  R1 pending = word   R2 off the list
 *                     R3 store: owner out. No hint: R6. Else
 *                     R4 fence            R5 condition true: fire
 *                     R6 pending = none
 *            sleep    S1 pending = word   S2 CAS LEFT in; and, where it was in,
 *                                            FIRED out, generation+1
 *                     S3 no FENCED yet: barrier, then CAS FENCED in
 *                     S4 read word and index; held: since
 *                     S5 last look: condition false
 *                     S6 wait, if word, hint and index are still the same
 *            fire     F1 fence. Not LEFT, or held: nothing, the release looks.
 *                     F2 CAS FIRED in     F3 wake one
 *                     F4 nobody there: CAS LEFT and FIRED out, generation+1
 *            relax    F5 not LEFT for long: CAS FENCED out, generation+1
 *
 * KILLED     A1  nothing held. The kernel wakes one if the word is free: it
 *                looks and sleeps again.
 *            A2  `pending` and owner agree: the kernel frees it, wakes one
 *            A3  on the list: the same
 *            R1, R2  as A2
 *            R3, R4  the kernel, by `pending`, wakes one: it looks. Held again:
 *                that one's release looks
 *            R5, R6  done
 *            S1  as A1
 *            S2, S3  a hint without a sleeper: the next fire wakes nobody and
 *                clears it
 *            S4..S6  as S2, and what since says was so; was it woken just now,
 *                the kernel, by `pending`, wakes the next one
 *            F1  nobody woken: the kernel, by `pending`, wakes one if the word
 *                is free; else its release looks
 *            F2  as F1
 *            F3  was there a sleeper, it is awake; else as F4
 *            F4, F5  done
 */
#define IPCI_GATE_SLEEPERS UINT64_C(0x80000000) /* W, FUTEX_WAITERS */
#define IPCI_GATE_FIRED	   UINT64_C(0x40000000) /* F, FUTEX_OWNER_DIED */
#define IPCI_GATE_OWNER	   UINT64_C(0x3fffffff)
#define IPCI_GATE_EPOCH	   UINT64_C(0x100000000) /* one epoch */

/*
 * Before a word that its thread may hold when it ends. musl takes what is then
 * on the list for mutexes of its own, and lets go of them: as the kernel would,
 * but that it wakes other processes only if there stands what stands there in
 * its process-shared ones.
 */
#define IPCI_WORD_SHARED UINT32_C(128)

#define IPCI_HINT_LEFT	     UINT64_C(1)
#define IPCI_HINT_FENCED     UINT64_C(2)
#define IPCI_HINT_FIRED	     UINT64_C(4)
#define IPCI_HINT_BITS	     UINT64_C(7)
#define IPCI_HINT_GENERATION UINT64_C(8) /* one generation */

/*
 * struct room_shm - what a gate is made of where the kernel cannot do all this
 *                                                                   96 bytes
 *
 * The bounded back end: the lock is a robust pthread mutex, sleepers wait for
 * a semaphore, and look again every 30 ms (BOUNDED_SLICE_NS), which keeps the
 * promised 50, whatever happens or does not happen. So no wake-up is owed, and
 * a lost one is made up for by the sleeper itself. The word only tells who is
 * inside:
 *
 *	serial:32 | 0 F(30) pid(0..29)
 *
 *	0        nobody, or the holder has not signed in yet, or has signed out
 *	S | P    thread S of process P; or it died inside, and nobody came since
 *	F        it died inside, and somebody has noticed, who did not want in
 *
 * Where the system has no robust mutexes either (an emulator), the word is the
 * lock, by compare-and-swap, and who finds it held asks whether process P still
 * exists; threads that end leave F in what they hold (held.c, worker.c), since
 * the process lives on.
 *
 * In the exact back end all of this is zero and nobody looks at it, but for
 * asleep, which is the hint of a gate that has no other, and since, which no
 * decision depends on: it is for whoever wants to know what is stuck. Taking a
 * gate reads no clock; but who goes to sleep because it is held has the time to
 * note down when that was so (S4). While the word has the same epoch, it has
 * been held from then on at least.
 *
 * GUARD      mutex: libc's. sem, asleep: A
 *
 * INVARIANTS B1  who is inside holds the mutex; the word names only him, or
 *                one that died
 *            B2  a sleeper stamps asleep, looks a last time, and sleeps; at
 *                most BOUNDED_SLICE_NS later it does so again. A stamp is old:
 *                nobody sleeps.
 *            B3  the semaphore counts one wake-up at most that nobody took
 *                yet; more would be for nobody
 *
 * FIELDS     asleep  A  when the latest sleeper came: ns of CLOCK_MONOTONIC, or
 *                       0. Takes the place of hint. seq_cst, pairs with index
 *                       (commit, then read asleep / stamp, then read index),
 *                       and with the word of a mutex (sign out, read asleep /
 *                       stamp, read the word)
 *            since   A  epoch:32 | ms:32, the lower part of CLOCK_MONOTONIC:
 *                       in one word, so that they belong together. CAS, never
 *                       to an older epoch: release, pairs with the acquire of
 *                       the next one
 *
 * STEPS      create   room, before the object has its name
 *            acquire  b1 trylock; EOWNERDEAD: make it consistent
 *                     b2 sign in: word = S | P
 *            release  b3 sign out: word = 0     b4 unlock
 *                     b5 condition true: fire
 *            sleep    b6 asleep = now   b7 last look   b8 sem_timedwait
 *            fire     b9 asleep is old: CAS it to 0. Else
 *                     b10 post, if the semaphore is 0
 *
 * KILLED     b1, b2, b3  libc and the kernel hand the mutex on, EOWNERDEAD; the
 *                word is overwritten by the next one
 *            b4, b5, b10 a wake-up is lost: whoever sleeps looks within a slice
 *            b6, b7      a fire for nobody
 *            b8      had it taken a wake-up, the next one looks in a slice
 *            b9      as b6
 */
struct room_shm {
	_Alignas(8) unsigned char mutex[48]; /* pthread_mutex_t */
	_Alignas(8) unsigned char sem[32];   /* sem_t */
	_Atomic uint64_t asleep;
	_Atomic uint64_t since;
};

_Static_assert(sizeof(struct room_shm) == 96, "room_shm");

/*
 * struct mutex_shm - a gate whose condition is "free"              120 bytes
 *
 * The last bytes of the head page, so that its list node, 20 to 40 bytes
 * behind the word, falls into the private page.
 *
 * GUARD      the gate
 *
 * INVARIANTS M1  holder is 0 unless a thread is between the return of lock
 *                and the call of unlock, or died there
 *            M2  of a recursive mutex that is held: depth is how often its
 *                holder has locked and not unlocked it, through all handles
 *            M3  each handle through which its holder holds it has a node of
 *                its own on the holder's list. Of several the kernel finds the
 *                first one, frees the word, and leaves it alone at the others.
 *
 * FIELDS     room    -  see above
 *            shared  C  IPCI_WORD_SHARED
 *            word    A  see above
 *            holder  G  thread id, for "the owner died inside"; atomic only
 *                       because a debugger may look. Ordered by the word.
 *            depth   G  of a recursive one; atomic for the same reason
 *            (its hint is the room's asleep)
 *
 * STEPS      lock:   A1 A2 A3, L1 read holder, L2 holder = me, L3 depth = 1,
 *                    L4 no pending
 *            unlock: U1 holder = 0 (COMMIT: nobody is inside), R1 .. R6
 *            lock again:        N1 on the list, if this handle is not
 *                               N2 depth += 1
 *            unlock, not last:  N3 depth -= 1
 *                               N4 off the list, if it was the handle's last
 *
 * KILLED     ..L1  freed; holder tells about the one before, if it died: the
 *                  next one gets the news that this one did not live to tell
 *            L2..  freed; the next one finds holder != 0: LIBIPC_OWNER_DIED
 *            N..   as L2: some node of this word is on the list throughout.
 *                  The depth died with its holder: L3 of the next one
 *            U1..  freed; no news, the section was complete
 */
struct mutex_shm {
	struct room_shm room;
	unsigned char pad[4];
	uint32_t shared;
	_Atomic uint64_t word;
	_Atomic uint32_t holder;
	_Atomic uint32_t depth;
};

_Static_assert(sizeof(struct mutex_shm) == 120, "mutex_shm");
_Static_assert(offsetof(struct mutex_shm, word) == 104, "node is private");

/*
 * struct side_shm - one side of a ring: its gate and its index     256 bytes
 *
 * Three cache lines of different temper, so that nobody takes a line that he
 * does not need: the gate bounces between those of this side, the index is
 * written here and read over there, the hint is read over there and rarely
 * written.
 *
 * GUARD      the gate; of a side without a lock (pipe, SINGLE_*): the one
 *            thread that uses it
 *
 * INVARIANTS I1  index never goes back
 *            I2  seen is an earlier or the present value of the opposite index
 *
 * FIELDS     word   A  the gate word
 *            node   -  written by the holder for the kernel, never read
 *            seen   G  the opposite index, to leave its cache line alone
 *            index  A  written by the guard's holder: release; read opposite:
 *                      acquire; by sleepers: seq_cst. Pairs with hint:
 *                      commit, then read hint / set hint, barrier, then read
 *                      index: one of the two sees the other.
 *            hint   A  some bit: there may be sleepers, call fire. Set by
 *                      seq_cst CAS; after a commit, read relaxed.
 *            room   -  see above; its asleep takes the place of hint
 */
struct side_shm {
	_Atomic uint64_t word;
	unsigned char node[40];
	uint64_t seen;
	unsigned char pad0[8];
	_Atomic uint64_t index;
	unsigned char pad1[56];
	_Atomic uint64_t hint;
	struct room_shm room;
	unsigned char pad2[24];
};

_Static_assert(sizeof(struct side_shm) == 256, "side_shm");
_Static_assert(offsetof(struct side_shm, index) == 64, "index alone");
_Static_assert(offsetof(struct side_shm, hint) == 128, "hint alone");

/*
 * struct pool_shm - the items of a LIFO or priority queue           64 bytes
 *
 * Such a queue has the same two sides, with the same indexes; its items lie in
 * a pool of maxsize slots, each of which says for itself whether its item
 * waits. That is the truth. The order in which they will come out is only an
 * index over it: a table of maxsize slot numbers, of which the first n name
 * the slots whose items wait (n = put.index - get.index; a binary heap, or for
 * LIFO a stack whose top is the last), and the others those that are free. An
 * entry is the number xor its place, so that zeros are a table, too.
 *
 *	waits    born != 0, born <= put.index, gone == 0 or gone > get.index
 *	free     all others: never used, or a put or a get of it was committed
 *
 * GUARD      word, a lock that is taken within the gate of a side, by both
 *            sides, and held until after the commit
 *
 * INVARIANTS B1  dirty is 0: table and slots agree. Else somebody is inside,
 *                or died there: the next one rebuilds the table, all of it,
 *                from the slots. That may be killed and done again.
 *            B2  used is more than the number of each slot that ever was
 *                written, and the table is all zero from there on
 *            B3  two slots that wait have not the same born
 *
 * FIELDS     word   A  a gate word; condition: free
 *            node   -  written by the holder for the kernel, never read
 *            dirty  G
 *            used   G
 *            ready  G  memory that comes with the items (no maxsize, or large
 *                      items): the first slots, with their places in the table,
 *                      that have it; of a large item's slot as much as its room
 *            peak   G  the first slots that may have it; the rest never had
 *
 * STEPS      put      P1, then: B1 acquire the pool, rebuild if it is dirty
 *                     B2 dirty = 1            B8 no memory: peak, reserve,
 *                        ready; used          B3 a free slot: born = 0,
 *                        gone = 0, the item, born = index of the put + 1
 *                     B4 into the table       P3 P4 (COMMIT) P5
 *                     B5 dirty = 0            B6 release the pool   P6
 *            get      E1 B1 B2 as put         B7 the best slot: copy the item,
 *                        gone = index of the get + 1, out of the table
 *                     E3 E4 (COMMIT) E5       B9 nothing waits: room = less,
 *                        discard the rest of it; the table = 0, used = 0,
 *                        ready = less, discard the rest, peak
 *                     B5 B6 E6
 *
 * KILLED     B1, B6   the kernel frees the pool, and the side
 *            B2       the table was right, and is made again
 *            B3, B4   born is 0, or beyond put.index: free
 *            B7       gone is beyond get.index: it waits as before
 *            P4, E4   committed; the table is made again
 *            B8       memory that nobody uses, until it is discarded up to peak
 *            B9       a kept slot's memory that its room does not say is taken
 *                     again by the next long item there;
 *                     the table is made again of slots none of which waits;
 *                     once used is 0, of none; the next one goes on
 *            B5       nothing left to repair
 *            a rebuild is killed: dirty still; what it wrote into slots
 *                     changes nothing
 */
struct pool_shm {
	_Atomic uint64_t word;
	unsigned char node[40];
	_Atomic uint32_t dirty;
	uint32_t used;
	uint32_t ready;
	uint32_t peak;
};

_Static_assert(sizeof(struct pool_shm) == 64, "pool_shm");

/*
 * struct rare_shm - what seldom changes in a queue                 128 bytes
 *
 * One line that put and get only read, unless a queue is used at both ends or
 * shut down.
 *
 * The turn: an item lies at the place that its index says, plus the turn. To
 * put an item at the front, or to take one at the back, is to count it at the
 * side as always, and to turn the ring back by one with the same store: so
 * indexes only grow, and whatever else is made of them stays right. put at the
 * front: put.index + 1, and with the turn one less the next put goes where it
 * would have gone, while the next get begins one place earlier. get at the
 * back: get.index + 1, the next get goes where it would have gone, and the
 * next put one place earlier.
 *
 * Shut down: nothing is put any more. Dropped: what waits is as good as got and
 * done; get.index and put.index stay where they are, and nothing is got from
 * between them. So both are one store, whatever else is under way.
 *
 * GUARD      both gates. Reading: either of them, or at any time for a hint.
 *
 * INVARIANTS K1  the turn is turn[state / 4 % 2].back, minus one for each of
 *                its marks that is not 0 and that the index of its side has
 *                reached
 *            K2  a mark that its index has not reached is index + 1, of a call
 *                under way or one that died; nobody commits before it took it
 *                away
 *
 *            K3  a state that was shut down, or dropped, stays so
 *
 * FIELDS     state    A  IPCI_STATE_*, and 4 for each turn begun; seq_cst.
 *                     Written by the guard's holder; sleepers read it, those
 *                     for the end of all tasks compare it. 0: as it was born
 *            turn     A  [state / 4 % 2] is valid, the other one is to come
 *
 * STEPS      front    K1 acquire put, there is room; acquire get
 *                     K2 the item, before head; the other turn: back as it
 *                        is, mark = put.index + 1    K3 state += 4
 *                     P4 (COMMIT), release get, P6
 *            back     the same with the sides exchanged, and E2, E3, E4
 *            any put or get of a queue that was turned, within its gate:
 *                     K4 a mark of its own side that was not reached: 0
 *
 *            shutdown K5 acquire put and get    K6 pending = done
 *                     K7 state: shut down, dropped (COMMIT)
 *                     K8 fire done, all (joinable)
 *                     K9 release get, release put; fire all at both
 *
 * KILLED     K1, K2   nothing happened
 *            K3       a mark that is not reached: K4 by the next one
 *            P4, E4   done. The kernel frees both gates, and wakes one at each
 *            K4       the mark that had no meaning is gone
 *            K5, K6   nothing happened
 *            K7..     shut down. The kernel frees both gates and wakes one at
 *                     each, and by `pending` one at done. Whoever is woken
 *                     finds the state, and passes it on: by the release of the
 *                     gate (R5), or the fire of a joiner
 */
enum {
	IPCI_STATE_SHUT = 1,	/* nothing is put any more */
	IPCI_STATE_DROPPED = 2, /* what waits is no more */
	IPCI_STATE_TURN = 4,
};

struct turn_shm {
	_Atomic uint64_t back;
	_Atomic uint64_t mark[2]; /* of put.index, of get.index */
};

struct rare_shm {
	_Atomic uint64_t state;
	struct turn_shm turn[2];
	unsigned char pad[72];
};

_Static_assert(sizeof(struct rare_shm) == 128, "rare_shm");

/*
 * struct queue_shm - bounded FIFO of items, then its slots        1536 bytes
 *
 * Item i lies in slot i modulo the number of slots, a power of two that is at
 * least maxsize. A slot is the item's length and its bytes, and a stamp: what
 * put.index has come to at least. Stamps spare a getter the line of put.index,
 * which its putter would have to take back for the next item; they need not be
 * there, for the index says it all.
 *
 * GUARD      put: the producers' gate. get: the consumers' gate, or, where the
 *            items are tasks, the lease gate. Both sides may work at the same
 *            time.
 *
 * INVARIANTS Q1  0 <= put.index - get.index <= maxsize
 *            Q2  slots [get.index, put.index) hold whole items; the others
 *                have no meaning
 *            Q3  0 <= put.index - done.index; done.index counts the tasks
 *                that are done or set aside (joinable queues; 0 in others)
 *            Q4  a stamp's distance from the index i whose slot it is in is
 *                more than 2^31 (of an earlier round), 0 (not committed), or
 *                1 .. maxsize: then put.index has been i + that. Of rings that
 *                were never turned and have less than 2^31 slots, for there
 *                each round writes each slot.
 *
 * STEPS      put      P1 acquire put (A1 A2 A3)   P2 copy into the slots
 *                        with stamps of 0; joinable: a long one, promised (L5)
 *                     P3 pending = get            P4 put.index += n (COMMIT)
 *                     P5 stamp the first of them with it; fire get, if its hint
 *                        says so
 *                     P6 release put (R1 .. R6; condition: there is room)
 *            get      the same with the sides exchanged: E1 .. E6
 *            join     sleeps at the gate of done (S1 .. S6; condition:
 *                     done.index == put.index). A fire there wakes all, for
 *                     one that is stopped would not pass it on; and who was
 *                     woken fires again, for the kernel wakes only one.
 *
 * KILLED     ..P3  no item; put is freed by the kernel and one putter woken
 *            P4    the item is there. The kernel frees put, wakes a putter,
 *                  and, by `pending`, wakes a getter.
 *            P5    as P4, without need
 *            P6    as release
 *            E..   the mirror image: up to E3 the item is still there, from
 *                  E4 on it is gone with the getter
 *            join  woken, then killed: the kernel, by `pending`, wakes the
 *                  next joiner
 *            Nothing needs repair: one store commits, the rest is unread.
 */

/*
 * struct leases_shm - the tasks that were got and are not done       128 bytes
 *
 * Behind the slots of a joinable queue lie three tables: workers (worker_shm),
 * leases (lease_shm), and for each lease room for one item. A worker is a
 * thread that gets tasks; it has a row from its first get until it ends or
 * closes its handle. A lease is a task on its way: got, not done. A get moves
 * the task from its slot into a lease, so a slow one keeps no slot. Rows and
 * leases are taken into use from the front, and used again when they are free.
 *
 * Whether a row's thread lives, the kernel says: the row has two gate words
 * that the thread owns all the time, on the list of held locks. Its death, or
 * end, makes both "fired" and wakes one sleeper on each: a getter, who watches
 * one of them, and a joiner, who watches the other.
 *
 * A lease's state follows from three words of it and two indexes:
 *
 *	free       born == NONE
 *	ghost      get.index <= born: its get was killed before it committed
 *	held       born < get.index, gone not < done.index, owner: a row
 *	marked     the same, and the row's marks name it: done; about to be free
 *	again      the same, owner: nobody; waits for the next getter
 *	done       gone < done.index, owner: a row; about to be free
 *	set aside  gone < done.index, owner: nobody
 *
 * GUARD      the lease gate, a lock that nobody waits at for anything but the
 *            lock. It guards the get side of the ring, too: a getter needs the
 *            get gate only when it has to wait for a task, and takes this one
 *            within it. Who works at both ends, or shuts down, takes both.
 *
 * INVARIANTS L1  each task that was put and is not done is in one slot or in
 *                one lease; get.index says which, in one store
 *            L2  dirty is 0, or somebody is inside, or died inside: then the
 *                next one in runs the repair, which makes all words below G
 *                anew from the leases, and may be killed, too; and tells all
 *                sleepers, for the dead one may not have told them
 *            L3  whoever sleeps for a task, or for the end of all, watches
 *                each row that can hold one: a row is made known (version)
 *                and all sleepers are woken to look again before its first get
 *            L4  a row is free for a new thread only when nobody owns either
 *                word, neither is fired, and no lease names it
 *            L5  the first row, and lease 0 with room for the longest item that
 *                was put, have memory before that item waits: so where none is
 *                left, one task at a time can be got all the same, and a queue
 *                that took all of it can be drained
 *            L6  as many are done, or set aside, as done.index and each row's
 *                done say together. Who marks what it got itself moves its own
 *                row's, without the gate; all others, within it, done.index.
 *            L7  of a row, done is freed, or up to IPCI_MARKS more: the last of
 *                its marks, that many, name leases that are to be free
 *
 * FIELDS     version  A  counts the rows taken; seq_cst. Sleepers compare it.
 *            rows     A  rows in use so far; only grows
 *            dirty    G  somebody is inside
 *            free     G  first free lease, plus one; 0: none
 *            fresh    G  leases in use so far; those behind are all zero
 *            again    G  how many wait again; read by sleepers
 *            failed   G  how many are set aside; read by anybody
 *            stepped  G  the first leases, that have memory
 *            visits   G  where the gate has a room: how often somebody came in,
 *                     which its word does not tell; seq_cst, for who counts
 *                     leases
 *            promised P  bytes of the item of lease 0 that have memory; written
 *                     within the put gate, only grows. relaxed: only puts read
 *                     it
 *
 * STEPS      row      N1 reserve, rows      N2 pending, own both words, list
 *                     N3 version += 1       N4 wake all that sleep at get
 *                        and at done, if W says so
 *            end      a thread that lives gives its row up: N5 pending, off
 *                        the list; joiners' word fired, wake one
 *                     N6 the getters' word in the same way
 *            get      T1 the lease gate, dirty; repair; reap; if there is a
 *                     task:
 *                     T2 a lease: item, owner = row, born = get.index
 *                     T3 pending = put      T4 get.index += n (COMMIT)
 *                     T5 fire put, if its hint says so
 *                     T6 clean, release. There was none: E1, and all of it
 *                        again, E6
 *            again    T1, then: T7 owner = row, attempts + 1 (COMMIT)  T6
 *            done     the thread that got it, without the gate:
 *                     D7 mark = ticket      D8 row's done += 1 (COMMIT)
 *                     D9 fire done, if all is done now
 *                     and within T1, when it next comes in, somebody reaps its
 *                     row, or wants a lease and there is no other:
 *                     T9 the lease is free, freed += 1
 *            done     where its marks are full, or helped, or there are rooms:
 *                     D1 as T1, T9          D2 gone = done.index
 *                     D4 done.index += 1 (COMMIT)
 *                     D5 fire done, if all is done now
 *                     D6 the lease is free  T6
 *            help     another thread of its process does the same, but first
 *                     N7 helped = 1, once   N8 barrier: from here on that one
 *                     comes in for it. What its mark names is under way: no
 *            reap     of a row whose thread has ended, within T1:
 *                     T9 its marks
 *                     D9                    X1 pending = get
 *                     X2 owner = nobody, each lease
 *                     X3 fire that          X4 too many attempts:
 *                        D3 pending = done; D2 D4, and fire done
 *                     X5 the words are no longer fired
 *            repair   of what one left that died inside, within T1:
 *                     Y1 the words below G, anew; T9 of all rows
 *                     Y2 fire get           Y3 fire done; X4
 *            failed   T1, then: T8 born = NONE (COMMIT)   T6
 *
 * KILLED     N1..N3  a row without a task; it is reaped
 *            N4    a sleeper may not watch the row, which never held a task
 *            N5, N6  the kernel does the rest
 *            T1    the kernel frees the gate; the next one finds dirty
 *            P2    memory that was not noted: the next long item asks for it
 *            T2, T3  a ghost, freed by the repair; the task is in its slot
 *            T4..  held by a dead one: the kernel has woken a getter and a
 *                  joiner, by the row's words, and a putter, by `pending`;
 *                  whoever comes first reaps
 *            T7    as T4; before it, it waits again as it did
 *            D1    as T1
 *            D2, D3  the repair takes gone back: not done; it goes again when
 *                  the row is reaped
 *            D4..  done. The task's row ends with who was killed: it is his,
 *                  or another thread's of his process. So the kernel, by the
 *                  row's word, wakes a joiner, who tells the others before he
 *                  looks. The repair frees the lease. In X4: by `pending`
 *            D7    not done, D8 was not reached: the mark counts for nothing
 *            D8..  done: as D4, the row is his; whoever of those who sleep at
 *                  done was woken reaps it: tells the others, frees the lease
 *            T9    the repair frees it (again)
 *            N7, N8  who was to know of it is of the same process
 *            X1..X4  the words are still fired: the next one goes on, and all
 *                  were told of that death, but for whom the one that it woke
 *                  was stopped. So the kernel, by `pending`, wakes another
 *                  getter. Who sleeps at done was told by D9, if all is done or
 *                  it was shut down, and is told by X4.
 *            X5    done with
 *            T8    the failed task went with who took it
 *            Y1..  dirty: the next one repairs. The row of the one before, or
 *                  that it was reaping, is still fired, and somebody was woken
 *                  for it (D4, X1): he comes, or is told again
 */
struct leases_shm {
	_Atomic uint64_t version;
	_Atomic uint32_t rows;
	unsigned char pad0[52];
	uint32_t dirty;
	uint32_t free;
	uint32_t fresh;
	_Atomic uint32_t again;
	_Atomic uint32_t failed;
	uint32_t stepped;
	_Atomic uint32_t promised;
	_Atomic uint32_t visits;
	unsigned char pad1[32];
};

_Static_assert(sizeof(struct leases_shm) == 128, "leases_shm");

struct queue_shm {
	struct side_shm put;
	struct side_shm get;
	struct side_shm done;
	struct side_shm lease; /* its gate only */
	struct rare_shm rare;
	struct pool_shm pool; /* of LIFO and priority queues */
	struct room_shm pool_room;
	unsigned char pad[96];
	struct leases_shm leases;
};

_Static_assert(sizeof(struct queue_shm) == 1536, "queue_shm");

/*
 * struct worker_shm - one row: a thread that gets tasks             448 bytes
 *
 * The two words, and their nodes, 12 to 32 bytes behind each, lie so that a
 * look at both is one at one cache line, which others keep: what the owner
 * writes with each task lies apart.
 *
 * GUARD      the words: A, their owner and the kernel. handle, pid: the owner,
 *            between N2 and N3. held, freed: the lease gate. done, mark: the
 *            owner.
 *
 * FIELDS     word    A  [0] watched by getters, [1] by joiners
 *            node    -  written by the owner for the kernel, never read
 *            handle  the queue handle of its process that it came through
 *            pid     of its process, for whoever wants to tell
 *            held    G  leases that name it; read by anybody
 *            done    A  tasks that its threads marked done, without the gate;
 *                       only grows. Release, pairs with the acquire of who
 *                       reads the marks; by sleepers: seq_cst. Pairs with the
 *                       hint of done, as an index does.
 *            freed   G  of those, whose leases are free again; release, pairs
 *                       with the acquire of the owner, who writes there anew
 *            mark    A  their tickets, the last IPCI_MARKS of them
 *            helped  A  1: other threads want to mark what this one has; 2: and
 *                       it knows, for there was a barrier. Set within the gate
 *            room    -  one for each word; made before rows counts them
 */
#define IPCI_MARKS 8 /* a cache line of them */

struct worker_shm {
	struct {
		_Atomic uint64_t word;
		unsigned char node[32];
	} life[2];
	unsigned char pad0[48];
	_Atomic uint64_t done;
	_Atomic uint64_t freed;
	_Atomic uint32_t held;
	_Atomic uint32_t helped;
	uint64_t handle;
	uint32_t pid;
	unsigned char pad1[28];
	_Atomic uint64_t mark[IPCI_MARKS];
	struct room_shm room[2];
};

_Static_assert(sizeof(struct worker_shm) == 448, "worker_shm");
_Static_assert(offsetof(struct worker_shm, done) == 128, "not in that line");
_Static_assert(offsetof(struct worker_shm, life[1].word) == 40, "one line");

/*
 * struct lease_shm - a task on its way; see leases_shm               64 bytes
 *
 * GUARD      the lease gate
 *
 * FIELDS     born    G  get.index when it was taken from its slot; or NONE
 *            gone    G  done.index when it was done or set aside; or NONE
 *            owner   G  attempts:32 | row + 1, or 0 for nobody
 *            len     G  bytes of item
 *            room    G  bytes that are reserved for the item
 *            next    G  next free lease, plus one
 */
#define IPCI_LEASE_NONE UINT64_MAX

struct lease_shm {
	uint64_t born;
	uint64_t gone;
	uint64_t owner;
	uint32_t len;
	uint32_t room;
	uint32_t next;
	unsigned char pad[28];
};

_Static_assert(sizeof(struct lease_shm) == 64, "lease_shm");

struct slot_shm {
	uint32_t len;		/* bytes of item */
	_Atomic uint32_t stamp; /* low half; Q4 */
	unsigned char item[];
};

struct pool_slot_shm {
	uint64_t born; /* put index, plus one; 0: never */
	uint64_t gone; /* get index, plus one; 0: not */
	int64_t priority;
	uint32_t len;  /* bytes of item */
	uint32_t room; /* bytes of it that have memory; large items */
	unsigned char item[];
};

/*
 * struct grow_shm - memory that comes with the items and goes with them
 *                                                                  256 bytes
 *
 * A queue without maxsize, or with long items, has a large range of addresses,
 * cut into chunks of one size, most of which have no memory. A chunk holds
 *
 *	slots  the slots of the items n * S .. n * S + S - 1 of a queue without
 *	       maxsize (S of them fit). Each item's slot is there, or, with
 *	       maxsize, in the ring of slots as ever.
 *	bytes  long items, one behind the other. Such an item's slot says where:
 *	       its first 8 bytes are the distance from the first chunk.
 *	run    one item alone, in one chunk or several in a row
 *
 * The word of a chunk says until when: until:61 | flags:3, the index behind the
 * last item that has anything in it. It is free as soon as released has come
 * that far. So nothing is ever put into a list of free chunks or taken from
 * one, and which item is whose stands in one index, as in every queue.
 *
 * GUARD      put side: the producers' gate, and all chunks that are free.
 *            get side: the consumers' gate, and all chunks that are not
 *            released, but whose items all were got: what becomes of their
 *            memory is settled before released hands them over.
 *
 * INVARIANTS V1  a chunk that is in use has the memory that its items need
 *            V2  the word of a chunk that has memory has MEMORY (all of it) or
 *                RUN (as much as its item needs), or taken names the chunk,
 *                or leaving is set
 *            V3  two chunks that are in use do not hold the same slots
 *            V4  bytes_at lies behind all items of its chunk, which nobody else
 *                takes; 0: there is none
 *            V5  released has not come to the end of the chunk that is open: so
 *                it is settled once put has closed it, and not before
 *
 * FIELDS     taken     G  put: chunks that were taken since K5, each entry
 *                         first:32 | how many:32; filled from the front. They
 *                         are in use, or about to be, or were to be.
 *            bytes_at  A  put: where the next long item goes, in the chunk that
 *                         is open; release, read by getters: acquire
 *            bytes_was G  put: the same, before the first of taken
 *            used      A  put: chunks that were ever used, from the first on;
 *                         release, read by getters: acquire
 *            from      G  put: where to look for a free chunk
 *            slots_in  G  put: the chunk of the latest slots
 *            released  A  get: release, pairs with the acquire in put: a chunk
 *                         that it frees is settled
 *            leaving   G  get: a get may have left chunks behind, and not
 *                         settled them
 *            bytes_in  G  get: the chunk of the long item that was got last,
 *                         plus one; 0: not known
 *            kept      A  get: chunks that are free and have memory: hints for
 *                         put, relaxed. Nothing is wrong with a wrong one.
 *
 * STEPS      put      within P2, when a chunk is needed:
 *                     K0 bytes_was; that one's word, of real items only
 *                     K1 taken = chunk       K2 reserve its memory
 *                     K3 slots_in            K4 its word; bytes_at
 *                        ... P3, P4 (COMMIT) ...
 *                     K5 the next put: each of taken that is not in use after
 *                        all: discard, word = 0, was it open: bytes_was if
 *                        that put wrote there; taken = 0
 *            front    both gates: L1, K1 .. K4, P4 (COMMIT), L4
 *            back     both gates: K1, of what goes with the item; E4 (COMMIT);
 *                     bytes_at; each such chunk as in L2; taken = 0
 *            get      if a chunk is left behind: L1 leaving = 1  E4 (COMMIT) E5
 *                     L2 for each such chunk: kept, if there is room for it;
 *                        else its word without flags, and discard
 *                     L3 released = get.index, or V5   L4 leaving = 0  E6
 *                     A get that finds leaving looks at all chunks (L2 of those
 *                     that are not released and whose items all were got), and
 *                     goes on with L3.
 *
 * KILLED     K0       nothing happened
 *            K1       the chunk is free; K5 discards what it kept
 *            K2       it may have memory; K5 discards it
 *            K3, K4   the word is beyond put.index: K5. For a put at the front
 *                     it ends at the head: the next get takes it for what one
 *                     before it has left (L2)
 *            P4..     in use; K5 sees it. After E4 at the back its word is
 *                     beyond put.index: K5
 *            K5       again
 *            L1       nothing was got; the next get looks in vain
 *            E4, L2   the next get does it. A chunk is discarded twice, or kept
 *                     twice, at worst.
 *            L3, L4   settled; the next get looks in vain
 */
#ifndef IPCI_CHUNK_BYTES
#define IPCI_CHUNK_BYTES (256 << 10) /* whole pages; the sweeps take few */
#endif

enum {
	IPCI_CHUNK = IPCI_CHUNK_BYTES,
	IPCI_CHUNKS_KEPT = 4, /* one of each kind at work and left */
	IPCI_CHUNKS_TAKEN = 8,
};

enum ipci_chunk_flags {
	IPCI_CHUNK_SLOTS = 1,
	IPCI_CHUNK_RUN = 2,
	IPCI_CHUNK_MEMORY = 4,
	IPCI_CHUNK_FLAGS = 7,
};

struct grow_shm {
	uint64_t taken[IPCI_CHUNKS_TAKEN];
	_Atomic uint64_t bytes_at;
	uint64_t bytes_was;
	_Atomic uint32_t used;
	uint32_t from;
	uint32_t slots_in;
	unsigned char pad0[36];
	_Atomic uint64_t released;
	uint32_t leaving;
	uint32_t bytes_in;
	_Atomic uint32_t kept[IPCI_CHUNKS_KEPT];
	unsigned char pad1[96];
};

_Static_assert(sizeof(struct grow_shm) == 256, "grow_shm");

struct chunk_shm {
	_Atomic uint64_t word;
};

/*
 * struct life_shm - whether a thread lives                         64 bytes
 *
 * A gate word that the thread owns all its life, on the list of held locks: so
 * its end wakes one of those who watch it. It lies in a table of its own, which
 * is no part of a region (life.h).
 *
 * GUARD      its owner and the kernel
 *
 * INVARIANTS Z1  while the word has an owner and the same epoch, that thread
 *                lives
 *
 * FIELDS     shared A  IPCI_WORD_SHARED; written by the owner, before Z2
 *            word   A  a gate word
 *            node   -  written by the owner for the kernel, never read
 *            pid    A  of its process; written by the owner, after Z2
 *
 * STEPS      begin   Z1 pending; owner in, W, F out, epoch+1   Z2 on the list
 *
 * KILLED     Z1, Z2  the kernel makes it a dead one, which the next thread may
 *                    have
 */
struct life_shm {
	unsigned char pad0[4];
	_Atomic uint32_t shared;
	_Atomic uint64_t word;
	unsigned char node[40];
	_Atomic uint32_t pid;
	unsigned char pad1[4];
};

_Static_assert(sizeof(struct life_shm) == 64, "life_shm");
_Static_assert(offsetof(struct life_shm, word) == 8, "shared is before it");

/*
 * struct pipe_shm - two byte rings and who closed                 1152 bytes
 *
 * Direction d carries messages from end d to end 1 - d. Indexes count bytes;
 * a ring holds records, each a word {kind:32 | len:32} and, rounded up to 8,
 * its bytes:
 *
 *	WHOLE len    a message of len bytes follows
 *	BEGIN len    a message of len bytes comes in pieces
 *	PIECE len    the next len bytes of it
 *
 * GUARD      send: the one thread that sends in this direction. recv: the one
 *            that receives. The gates are only slept at. holder: A
 *
 * INVARIANTS Y1  0 <= send.index - recv.index <= ring size, multiples of 8
 *            Y2  bytes [recv.index, send.index) are whole records
 *            Y3  a WHOLE or BEGIN where a PIECE was due: the message before
 *                was torn (its sender died or gave up); it is dropped. A PIECE
 *                that no BEGIN came before: the receiver that took it died;
 *                it is dropped, too
 *            Y4  holder[e] names the life of a thread whose process has end e
 *                open, or of one that has ended, or is 0
 *
 * FIELDS     closings[e]  A  how often end e was closed; whoever waits for
 *                         its holders to go looks again when it moves
 *            holder[e]    A  one of perhaps many, that one may watch (life.h)
 *                         and need not look while it lives. When its process
 *                         closes the end: 0; then the next one that waits, or
 *                         sends for long, stands there
 *
 * STEPS      send     T1 copy   T2 pending = recv   T3 send.index += (COMMIT)
 *                     T4 fire recv                  T5 pending = none
 *                     (a message in pieces: again for each of them)
 *            recv     V1 copy   V2 pending = send   V3 recv.index += (COMMIT)
 *                     V4 fire send                  V5 pending = none
 *            hold     W1 holder[e] does not live: holder[e] = own life
 *            close    X1 holder[e] = 0, if it is of this process;
 *                        close the descriptor
 *                     X2 closings[e] += 1
 *                     X3 fire both gates where the other end may sleep
 *
 * KILLED     T1, T2  no message (or torn: Y3)
 *            T3..    the message is there; the kernel, by `pending`, wakes
 *                    the receiver
 *            V1, V2  the message is still there
 *            V3..    gone with the receiver; the kernel wakes the sender
 *            W1      its end is seen at once by who watches it
 *            X..     the kernel closes the descriptor; sleepers look at it
 *                    every 50 ms, or watch a holder that lives, of whose
 *                    closing or end they are told
 */
struct direction_shm {
	struct side_shm send;
	struct side_shm recv;
};

struct pipe_shm {
	struct direction_shm direction[2];
	_Atomic uint32_t closings[2];
	_Atomic uint64_t holder[2];
	unsigned char pad[104];
};

_Static_assert(sizeof(struct pipe_shm) == 1152, "pipe_shm");

enum ipci_record {
	IPCI_RECORD_WHOLE = 1,
	IPCI_RECORD_BEGIN = 2,
	IPCI_RECORD_PIECE = 3,
};

#endif
