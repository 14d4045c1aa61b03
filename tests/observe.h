/* SPDX-License-Identifier: MIT */
/*
 * observe.h - looking at processes from outside, and disturbing them
 */
#ifndef LIBIPC_TESTS_OBSERVE_H
#define LIBIPC_TESTS_OBSERVE_H

#include "harness.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

/* ----------------------------------------------------- how long calls take */

/* @call says that its time is up, and not before it was */
#define expect_timeout(call, ms)                                               \
	do {                                                                   \
		double start_ = now_ms();                                      \
		assert_int_equal(call, -ETIMEDOUT);                            \
		assert_true(now_ms() - start_ >= (ms));                        \
	} while (0)

/* @call returns @value and did not wait for anything */
#define expect_at_once(call, value)                                            \
	do {                                                                   \
		double start_ = now_ms();                                      \
		assert_int_equal(call, value);                                 \
		assert_true(now_ms() - start_ < 1000.0 * test_slow());         \
	} while (0)

/* a new seed each time; one that was printed comes again with TEST_SEED=n */
static inline unsigned int test_seed(void)
{
	const char *given = getenv("TEST_SEED");
	unsigned int seed = given ? (unsigned int)strtoul(given, NULL, 10)
				  : (unsigned int)now_ms();

	print_message("TEST_SEED=%u\n", seed);
	return seed;
}

/* ------------------------------------------------------------ from outside */

/* how often the kernel took the process, by its first thread, off a CPU */
static inline long switches(pid_t pid)
{
	const char *lines[] = {"\nvoluntary_ctxt_switches:",
			       "\nnonvoluntary_ctxt_switches:"};
	char path[64], text[4096];
	long sum = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	for (int i = 0; i < 2; i++) {
		const char *at = strstr(text, lines[i]);
		if (!at)
			return -1;
		sum += atol(at + strlen(lines[i]));
	}
	return sum;
}

/* until none of them ran for 20 ms; leaves their counts in before[] */
static inline bool settle(const pid_t *pid, long *before, int n)
{
	double until = now_ms() + 10e3 * test_slow();
	bool quiet;

	do {
		for (int i = 0; i < n; i++)
			before[i] = switches(pid[i]);
		sleep_ms(20);
		quiet = true;
		for (int i = 0; i < n; i++)
			quiet = quiet && switches(pid[i]) == before[i];
	} while (!quiet && now_ms() < until);
	return quiet;
}

/* how many of them ran since settle() */
static inline int how_many_ran(const pid_t *pid, const long *before, int n)
{
	int ran = 0;

	for (int i = 0; i < n; i++)
		ran += switches(pid[i]) != before[i];
	return ran;
}

/* milliseconds of CPU that the process has used */
static inline double cpu_ms(pid_t pid)
{
	struct timespec t = {.tv_sec = -1};
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) == 0)
		clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* whether the child has ended; it is still to be waited for */
static inline bool has_ended(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
	return info.si_pid == pid;
}

/* SIGSTOP, until it stands still */
static inline bool stop_child(pid_t pid)
{
	siginfo_t info;

	return kill(pid, SIGSTOP) == 0 &&
	       waitid(P_PID, (id_t)pid, &info, WSTOPPED) == 0;
}

/* ----------------------------------------------------------- signal storms */

/*
 * A handler runs in this process up to 2000 times a second, without
 * SA_RESTART, and counts into *count.
 */
static _Atomic long *storm_count;

static inline void storm_handler(int sig)
{
	(void)sig;
	(*storm_count)++;
}

static inline void storm_begin(_Atomic long *count)
{
	struct sigaction action = {.sa_handler = storm_handler};
	struct itimerval each = {{0, 500}, {0, 500}};

	storm_count = count;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &each, NULL);
}

static inline void storm_end(void)
{
	struct itimerval none = {{0, 0}, {0, 0}};

	setitimer(ITIMER_REAL, &none, NULL);
	signal(SIGALRM, SIG_DFL);
}

#endif
