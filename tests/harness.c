/* SPDX-License-Identifier: MIT */
/*
 * harness.c - the runner of the tests: time limits and leak checks
 *
 * The runner is the main thread of the process that called harness_start().
 * Whatever fails in it fails the test; whatever fails elsewhere, in a child or
 * in another thread, tells where and ends that process.
 */
#include "harness_own.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum {
	HUNG = 124,
	STRAY_RUNNER = 71,
};

/* tests may use SIGALRM for themselves, and valgrind uses the last signal */
#define WATCHDOG_SIGNAL (SIGRTMAX - 2)

static const int fault_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS};
#define FAULTS (sizeof(fault_signals) / sizeof(fault_signals[0]))

static struct {
	pid_t pid;
	char children[64]; /* the file that lists them */
	timer_t watchdog, backstop;
	struct sigaction faults[FAULTS];
} runner;

struct harness_own harness_my;

/* ---------------------------------------------------------------- reporting */

static bool is_runner(void)
{
	return getpid() == runner.pid && gettid() == runner.pid;
}

_Noreturn void child_failed(const char *file, int line, const char *what)
{
	dprintf(STDERR_FILENO, "%s: %s:%d: not true in process %d: %s\n",
		harness_my.test ? harness_my.test->name : "no test", file, line,
		(int)getpid(), what);
	_exit(CHILD_FAILED);
}

void harness_fail(const char *file, int line, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!is_runner())
		child_failed(file, line, text);
	print_error("%s\n", text);
	_fail(file, line);
	abort();
}

/* ------------------------------------------------------------------- limits */

int test_slow(void)
{
	const char *factor = getenv("TEST_SLOW");
	int n = factor ? atoi(factor) : 1;

	return n > 1 ? n : 1;
}

double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void sleep_ms(double ms)
{
	struct timespec t = {.tv_sec = (time_t)(ms / 1e3)};

	t.tv_nsec = (long)((ms - (double)t.tv_sec * 1e3) * 1e6);
	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

/* a list such as "12 34 "; only calls that a signal handler may make */
static void kill_listed(const char *list)
{
	pid_t pid = 0;

	for (; *list != '\0'; list++) {
		if (*list >= '0' && *list <= '9') {
			pid = pid * 10 + (*list - '0');
		} else if (pid > 0) {
			kill(pid, SIGKILL);
			pid = 0;
		}
	}
}

/* those of spawn_child(), and those that the test forked in its own ways as
   far as the kernel tells */
static void kill_children(void)
{
	char list[4096];
	ssize_t n = -1;
	int fd = open(runner.children, O_RDONLY | O_CLOEXEC);

	for (int i = 0; i < MAX_CHILDREN; i++) {
		if (harness_my.children[i] > 0)
			kill(harness_my.children[i], SIGKILL);
	}
	if (fd >= 0) {
		n = read(fd, list, sizeof(list) - 1);
		close(fd);
	}
	list[n > 0 ? n : 0] = '\0';
	kill_listed(list);
}

void harness_forget(pid_t pid)
{
	for (int i = 0; i < MAX_CHILDREN; i++) {
		pid_t same = pid;
		atomic_compare_exchange_strong(&harness_my.children[i], &same,
					       0);
	}
}

static void on_watchdog(int sig)
{
	(void)sig;
	kill_children();
	if (write(STDERR_FILENO, harness_my.hung, strlen(harness_my.hung)) < 0)
		_exit(HUNG + 1);
	_exit(HUNG);
}

static timer_t new_timer(int sig)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL};
	timer_t timer;

	event.sigev_signo = sig;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) {
		perror("timer_create");
		exit(1);
	}
	return timer;
}

static void set_timer(timer_t timer, int seconds)
{
	struct itimerspec when = {.it_value = {.tv_sec = seconds}};

	timer_settime(timer, 0, &when, NULL);
}

/*
 * cmocka turns a fault into a failed assert, by a jump into the runner, which
 * a child must not do. Timers do not come along with fork().
 */
static void after_fork_in_child(void)
{
	const struct harness_test *test = harness_my.test;

	memset(&harness_my, 0, sizeof(harness_my));
	harness_my.test = test;
	for (size_t i = 0; i < FAULTS; i++)
		sigaction(fault_signals[i], &runner.faults[i], NULL);
}

/* -------------------------------------------------------------- leak checks */

__attribute__((format(printf, 1, 2))) static int leaked(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: left behind: ", harness_my.test->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return 1;
}

static void list_fds(bool open[MAX_FDS])
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	memset(open, 0, MAX_FDS * sizeof(open[0]));
	while (dir && (entry = readdir(dir)) != NULL) {
		int fd = atoi(entry->d_name);
		if (entry->d_name[0] != '.' && fd < MAX_FDS && fd != dirfd(dir))
			open[fd] = true;
	}
	if (dir)
		closedir(dir);
}

static int check_fds(void)
{
	static bool now[MAX_FDS];
	char path[64], target[128];
	int leaks = 0;

	list_fds(now);
	for (int fd = 0; fd < MAX_FDS; fd++) {
		ssize_t n;
		if (now[fd] == harness_my.fd[fd])
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target));
		leaks += leaked("fd %d %s %.*s", fd, now[fd] ? "open" : "shut",
				n > 0 ? (int)n : 0, target);
		if (now[fd])
			close(fd);
	}
	return leaks;
}

static int check_children(void)
{
	int leaks = 0;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		harness_forget(pid);
		leaks += leaked("child %d, ended, not waited for", (int)pid);
	}
	if (pid == 0)
		kill_children();
	while (pid == 0 && (pid = waitpid(-1, NULL, 0)) > 0) {
		leaks += leaked("child %d, still running", (int)pid);
		pid = 0;
	}
	return leaks;
}

static int check_threads(void)
{
	return harness_my.threads
		       ? leaked("%d threads", (int)harness_my.threads)
		       : 0;
}

/* of all names those that tell our pid, whoever chose them */
static int check_shm(void)
{
	char mark[32], name[NAME_MAX + 2];
	struct dirent *entry;
	DIR *dir = opendir("/dev/shm");
	int leaks = 0;

	snprintf(mark, sizeof(mark), "-%d-", (int)runner.pid);
	while (dir && (entry = readdir(dir)) != NULL) {
		if (!strstr(entry->d_name, mark))
			continue;
		leaks += leaked("/dev/shm/%s", entry->d_name);
		snprintf(name, sizeof(name), "/%s", entry->d_name);
		shm_unlink(name);
	}
	if (dir)
		closedir(dir);
	return leaks;
}

static int check_names(void)
{
	int leaks = 0;

	for (int i = 0; i < harness_my.names; i++) {
		struct name *name = &harness_my.name[i];
		if (shm_unlink(name->text) == 0 && !name->may_stay)
			leaks += leaked("%s", name->text);
	}
	return leaks + check_shm();
}

static void free_shared(void)
{
	for (int i = 0; i < harness_my.shareds; i++)
		munmap(harness_my.shared[i].start, harness_my.shared[i].size);
}

/* ------------------------------------------------------------------- runner */

/* AddressSanitizer asks. On the stack of a cancelled thread frames stay marked
   as in use, and its own last call there, sigaltstack, would be reported. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "use_sigaltstack=0";
}

/* LeakSanitizer asks. A child that ends by exit(), as some tests have it do,
   holds what its parent had made; the runner itself must free all. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return getpid() != runner.pid;
}

/* line by line: a program that hangs or dies has said all that it knew, and a
   forked child has nothing of it in its buffer */
void harness_start(void)
{
	struct sigaction action = {.sa_handler = on_watchdog};

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	if (runner.pid == 0) {
		pthread_atfork(NULL, NULL, after_fork_in_child);
		for (size_t i = 0; i < FAULTS; i++)
			sigaction(fault_signals[i], NULL, &runner.faults[i]);
	}
	runner.pid = getpid();
	snprintf(runner.children, sizeof(runner.children),
		 "/proc/self/task/%d/children", (int)runner.pid);
	sigaction(WATCHDOG_SIGNAL, &action, NULL);
	runner.watchdog = new_timer(WATCHDOG_SIGNAL);
	runner.backstop = new_timer(SIGKILL);
}

/* the second limit is for a thread that the first one's handler, which a
   sanitizer may put off, does not reach */
int harness_begin(void **state)
{
	int limit;

	memset(&harness_my, 0, sizeof(harness_my));
	harness_my.test = *state;
	*state = NULL;
	list_fds(harness_my.fd);
	limit = harness_my.test->limit_s * test_slow();
	snprintf(harness_my.hung, sizeof(harness_my.hung),
		 "%s: still running after %d s\n", harness_my.test->name,
		 limit);
	set_timer(runner.watchdog, limit);
	set_timer(runner.backstop, limit + 5);
	return 0;
}

int harness_end(void **state)
{
	int leaks = 0;

	(void)state;
	if (!is_runner()) {
		dprintf(STDERR_FILENO, "a cmocka assert failed in a child\n");
		kill_children();
		_exit(STRAY_RUNNER);
	}
	leaks += check_children();
	leaks += check_threads();
	leaks += check_fds();
	leaks += check_names();
	free_shared();
	set_timer(runner.watchdog, 0);
	set_timer(runner.backstop, 0);
	return leaks ? -1 : 0;
}
