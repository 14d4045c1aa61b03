/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what the parts of the benchmark share
 *
 * A contest is one measure. Its entrants, the library first, do the same work
 * in turns, in many short rounds: A B C, B C A, ... Only times of one round are
 * compared with each other, because the next one may find a busier machine or
 * the CPUs in other places.
 *
 *	bench.c      options, and the order of things
 *	contests.c   the list of contests
 *	rounds.c     calibrates and runs one contest
 *	report.c     medians, the table, the CSV file
 *	goals.c      which goals are reached; the data of the picture
 *	crew.c       processes that work together; pinning, watchdog
 *	run_*.c      what is timed
 *	ours.c       the library's queues, pipes and mutexes
 *	peer_*.c     what there is without it
 *	peers.sh     which libraries to compare with are here
 *	draw.sh      the picture, by gnuplot with plot.gp
 */
#ifndef LIBIPC_BENCH_H
#define LIBIPC_BENCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

enum {
	DEPTH = 1024,	  /* messages that may wait, where one can choose */
	DEPTH_LARGE = 16, /* of messages of MAX_LEN */
	MAX_LEN = 64 * 1024,
	MAX_SMALL = 1024,
	MAX_BATCH = 16,
	MAX_SLEEPERS = 64,
	MAX_PARTIES = MAX_SLEEPERS + 2,
	MAX_ROUNDS = 99,
	MAX_ENTRANTS = 16,
	MAX_FIGURES = 3,
	LINE = 128, /* two cache lines: some CPUs fetch them in pairs */
};

/* ---- who takes part ---- */

/*
 * A way to carry messages of one length. put and put_many wait for room, get
 * and get_many for a message. put: 0; get: the length; many: how many.
 */
struct transport {
	const char *name;
	const char *package; /* which has it, where it may be missing */
	bool ours;	     /* the library's: no peer */
	bool spins;	     /* never sleeps */
	size_t depth;	     /* messages that may wait, if not DEPTH */
	/* NULL: it was not there when this was built; answers NULL: this system
	   has none */
	void *(*open)(size_t len);
	void (*close)(void *t);
	int (*put)(void *t, const void *item, size_t len);
	int (*get)(void *t, void *buf, size_t size);
	/* both may be NULL: one by one */
	int (*put_many)(void *t, const void *items, size_t len, size_t n);
	int (*get_many)(void *t, void *items, size_t size, size_t n);
	int (*done)(void *t); /* after each get; may be NULL */
	/* what a watchdog wants to see; may be NULL */
	void (*describe)(void *t, FILE *out);
};

struct lock {
	const char *name;
	void *(*open)(void);
	void (*close)(void *l);
	int (*lock)(void *l);
	int (*unlock)(void *l);
	void (*describe)(void *l, FILE *out); /* may be NULL */
};

/* starts a process and waits for its end: 0, or negative */
struct starter {
	const char *name;
	int (*start_and_join)(void);
};

struct contest;

/* another program, which does n steps and says how long one took */
struct program {
	const char *name, *package;
	bool (*run)(const struct contest *c, long n, double *ns);
};

struct entrant {
	const struct transport *transport;
	const struct lock *lock;
	const struct starter *starter;
	const struct program *program;
	int sleepers;	  /* how many, where others sleep meanwhile */
	const char *name; /* NULL: what it is has one */
	/* how many times as fast we want to be; 0: as it comes */
	double goal[MAX_FIGURES];
};

extern const struct transport our_queue, our_queue_singly, our_queue_alone,
	our_tasks, our_pipe, our_queue_16, our_queue_1k, our_queue_32k,
	our_queue_1m, our_queue_unbounded;
extern const struct transport textbook_queue, textbook_tasks, vyukov_ring,
	spsc_ring, kernel_pipe, kernel_socket, kernel_mq, kernel_sysv, ck_mpmc,
	ck_spsc, boost_queue, boost_spsc, boost_mq, qb_ring, two_memcpys;
extern const struct lock our_mutex, robust_mutex, pthread_mutex;
extern const struct starter our_process, plain_fork;
extern const struct program python_tasks;

/* ---- contests ---- */

struct contest {
	const char *name;
	const char *figure[MAX_FIGURES]; /* NULL, or what each figure is */
	/* does n steps; figures in ns per step; false: this system has none */
	bool (*run)(const struct contest *c, const struct entrant *e, long n,
		    double ns[MAX_FIGURES]);
	size_t len;   /* bytes of a message */
	int pairs;    /* producers, and as many consumers; 0: one process */
	size_t batch; /* messages at once, 0: put and get */
	long min_steps;
	bool apart;	      /* needs two CPUs */
	double goal_sleeping; /* against the best peer that sleeps; 0: none */
	double goal_spinning; /* and that spins */
	struct entrant entrants[MAX_ENTRANTS]; /* the library's first */
};

extern const struct contest contests[];
extern const size_t n_contests;

bool run_pair(const struct contest *c, const struct entrant *e, long n,
	      double ns[MAX_FIGURES]);
bool run_stream(const struct contest *c, const struct entrant *e, long n,
		double ns[MAX_FIGURES]);
bool run_pingpong(const struct contest *c, const struct entrant *e, long n,
		  double ns[MAX_FIGURES]);
bool run_lock(const struct contest *c, const struct entrant *e, long n,
	      double ns[MAX_FIGURES]);
bool run_answer(const struct contest *c, const struct entrant *e, long n,
		double ns[MAX_FIGURES]);
bool run_beside(const struct contest *c, const struct entrant *e, long n,
		double ns[MAX_FIGURES]);
bool run_starter(const struct contest *c, const struct entrant *e, long n,
		 double ns[MAX_FIGURES]);

/* nanoseconds that a cache line takes from CPU to CPU and back, now */
double line_round_trip(void);

/* what sleepers cost while nothing happens; prints a table */
void idle(double seconds);

/* valid until the next one is asked for; NULL: there is no such entrant */
const char *entrant_name(const struct contest *c, const struct entrant *e);

/* the package that it is in, if it was not there; else NULL */
const char *entrant_lacks(const struct entrant *e);

/* ---- rounds and report ---- */

struct effort {
	int rounds;
	double run_ns; /* about how long one run should take */
};

struct outcome {
	const struct contest *contest;
	int rounds, entrants;
	bool there[MAX_ENTRANTS];
	double ns[MAX_ENTRANTS][MAX_ROUNDS][MAX_FIGURES];
	double line_ns[MAX_ROUNDS];
};

void run_rounds(const struct contest *c, const struct effort *effort,
		struct outcome *o);

/* one line: the version and the machine */
void print_machine(FILE *to);

void report_machine(const struct effort *effort);
void report_missing(void);
void report_heading(void);
void report(const struct outcome *o);
void report_footing(void);
void report_csv_heading(FILE *csv);
void report_csv(const struct outcome *o, FILE *csv);

double median(const double *values, int n);

/* how many times as fast as the peer, in each round; their median */
double speeds(const struct outcome *o, int peer, int figure, double *v);

/* three digits that count, more or less */
const char *brief(double v, char text[16]);

/* ---- goals ---- */

/* the fastest peer that sleeps, or spins: an entrant; 0: there is none */
int best_peer(const struct outcome *o, int figure, bool spins);

/* for the sum and the picture: what was found, and what was wanted */
void judge(const char *what, const char *beside, double speed, double min,
	   double max, double goal);

/* the same of what is no speed and not in the picture */
void judge_plainly(bool reached);

void goals_report(void);

/* for plot.gp: the machine; then number, what, speed, min, max, goal */
void goals_data(FILE *data);

/* ---- crews ---- */

/* what a party reports, each in a cache line of its own */
struct result {
	_Alignas(LINE) double start_ns;
	double end_ns;
	uint64_t count, sum, squares; /* of the messages that it saw */
	double figure[MAX_FIGURES];
	pid_t pid;
};

/* processes that work at the same time; each runs work() and ends */
struct crew {
	int parties;
	int cpu[MAX_PARTIES]; /* 0 or 1: one of the two CPUs; -1: any */
	void (*work)(int me, void *arg, struct result *r);
	void *arg;
	const char *what; /* for the watchdog */
	void (*describe)(void *arg, FILE *out);
};

/* their results, valid until the next crew; ends the program if one fails */
const struct result *run_crew(const struct crew *crew);

/* parties: waits until all parties came here; says when, in ns */
double meet(void);

/* parties: what another one reported so far */
const struct result *result_of(int party);

/* finds the CPUs that we may use */
int choose_cpus(void);

/* both kinds of context switches so far */
long switches(pid_t pid);

/* which of the machine's CPUs is our 0 or 1 */
int cpu_of(int which);

/* called before the program ends because something failed */
void when_it_fails(void (*clean_up)(void));

/* anybody: says why, and ends the program */
_Noreturn void fail(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

double now_ns(void);

/* of CPU time: what one process alone is timed by, so that it does not matter
   who else wanted the CPU */
double cpu_ns(void);

/* memory that forked processes share, zeroed */
void *share(size_t size);
void give_back(void *p, size_t size);

/* ---- messages ---- */

/* number seq of producer who; the last bytes say it again */
void stamp(void *item, size_t len, int who, uint64_t seq);

/* ends the program unless item is a message of len bytes that is newer than
   what came from this producer before */
struct seen {
	uint64_t next[MAX_PARTIES];
};
void check(struct seen *seen, struct result *r, const void *item, size_t len,
	   int got);

/* adds to r what count messages of producer who would, for the comparison */
void expect(struct result *r, int who, uint64_t count);

/* ---- for peers that spin ---- */

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ __volatile__("yield");
#endif
}

struct backoff {
	unsigned int pause, used;
};

/* longer and longer pauses; after a while it lets others run */
void back_off(struct backoff *b);

#endif
