/* SPDX-License-Identifier: MIT */
/*
 * harness.c - limits, children, threads, names and leak checks of the tests
 *
 * The runner is the main thread of the process that called harness_start().
 * Whatever fails in it fails the test; whatever fails elsewhere, in a child or
 * in another thread, tells where and ends that process.
 */
#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define MAX_CHILDREN 256
#define MAX_NAMES    64
#define MAX_SHARED   64
#define MAX_FDS	     4096
#define HUNG	     124
#define STRAY_RUNNER 71

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

/* what the running test owns; a forked child starts with the test alone */
static struct {
	const struct harness_test *test;
	char hung[160]; /* what the watchdog says */
	_Atomic pid_t children[MAX_CHILDREN];
	atomic_int threads;
	int names, shareds;
	struct name {
		char text[64];
		bool may_stay;
	} name[MAX_NAMES];
	struct shared {
		void *start;
		size_t size;
	} shared[MAX_SHARED];
	bool fd[MAX_FDS];
} my;

/* ---------------------------------------------------------------- reporting */

static bool is_runner(void)
{
	return getpid() == runner.pid && gettid() == runner.pid;
}

_Noreturn void child_failed(const char *file, int line, const char *what)
{
	dprintf(STDERR_FILENO, "%s: %s:%d: not true in process %d: %s\n",
		my.test ? my.test->name : "no test", file, line, (int)getpid(),
		what);
	_exit(CHILD_FAILED);
}

__attribute__((format(printf, 3, 4))) static void fail_at(const char *file,
							  int line,
							  const char *format,
							  ...)
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
		if (my.children[i] > 0)
			kill(my.children[i], SIGKILL);
	}
	if (fd >= 0) {
		n = read(fd, list, sizeof(list) - 1);
		close(fd);
	}
	list[n > 0 ? n : 0] = '\0';
	kill_listed(list);
}

static void on_watchdog(int sig)
{
	(void)sig;
	kill_children();
	if (write(STDERR_FILENO, my.hung, strlen(my.hung)) < 0)
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

/* ----------------------------------------------------------------- children */

/*
 * cmocka turns a fault into a failed assert, by a jump into the runner, which
 * a child must not do. Timers do not come along with fork().
 */
static void after_fork_in_child(void)
{
	const struct harness_test *test = my.test;

	memset(&my, 0, sizeof(my));
	my.test = test;
	for (size_t i = 0; i < FAULTS; i++)
		sigaction(fault_signals[i], &runner.faults[i], NULL);
}

static void remember_child(pid_t pid)
{
	for (int i = 0; i < MAX_CHILDREN; i++) {
		pid_t none = 0;
		if (atomic_compare_exchange_strong(&my.children[i], &none, pid))
			return;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	fail_at(__FILE__, __LINE__, "more than %d children", MAX_CHILDREN);
}

static void forget_child(pid_t pid)
{
	for (int i = 0; i < MAX_CHILDREN; i++) {
		pid_t same = pid;
		atomic_compare_exchange_strong(&my.children[i], &same, 0);
	}
}

pid_t spawn_child(int (*fn)(void *), void *arg)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		fail_at(__FILE__, __LINE__, "fork: %s", strerror(errno));
	if (pid != 0) {
		remember_child(pid);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(CHILD_FAILED);
	_exit(fn(arg) & 0xff);
}

static int reap(pid_t pid, const char *file, int line)
{
	double until = now_ms() + 10e3 * test_slow();
	int status = 0;
	pid_t got;

	while ((got = waitpid(pid, &status, WNOHANG)) == 0 && now_ms() < until)
		sleep_ms(0.2);
	if (got == 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	forget_child(pid);
	if (got == 0)
		fail_at(file, line, "child %d: does not end", (int)pid);
	if (got < 0)
		fail_at(file, line, "child %d: %s", (int)pid, strerror(errno));
	return status;
}

static const char *ending(int status, char text[64])
{
	if (WIFEXITED(status))
		snprintf(text, 64, "exited with %d", WEXITSTATUS(status));
	else
		snprintf(text, 64, "killed by signal %d", WTERMSIG(status));
	return text;
}

void harness_exit(pid_t pid, int code, const char *file, int line)
{
	int status = reap(pid, file, line);
	char text[64];

	if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
		fail_at(file, line, "child %d: %s, not exited with %d",
			(int)pid, ending(status, text), code);
}

void harness_killed(pid_t pid, int sig, const char *file, int line)
{
	int status = reap(pid, file, line);
	char text[64];

	if (!WIFSIGNALED(status) || WTERMSIG(status) != sig)
		fail_at(file, line, "child %d: %s, not killed by signal %d",
			(int)pid, ending(status, text), sig);
}

void harness_kill(pid_t pid, const char *file, int line)
{
	int status;
	char text[64];

	kill(pid, SIGKILL);
	status = reap(pid, file, line);
	if (status != 0 && status != SIGKILL)
		fail_at(file, line, "child %d: %s before it was killed",
			(int)pid, ending(status, text));
}

/* the letter of /proc/ID/stat; it stands behind the name, which may be odd */
static char run_state(pid_t id)
{
	char path[64], text[512];
	const char *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)id);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 'X';
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	end = strrchr(text, ')');
	return end && end[1] == ' ' ? end[2] : 'X';
}

/* twice, because a short sleep on the way there looks the same */
void harness_asleep(pid_t id, const char *file, int line)
{
	double until = now_ms() + 5e3 * test_slow();
	int seen = 0;

	while (seen < 2) {
		char now = run_state(id);
		seen = now == 'S' ? seen + 1 : 0;
		if (now == 'X' || now == 'Z')
			fail_at(file, line, "%d ended, not asleep", (int)id);
		if (now_ms() > until)
			fail_at(file, line, "%d does not sleep", (int)id);
		sleep_ms(1);
	}
}

/* ------------------------------------------------------------------ threads */

struct test_thread {
	pthread_t thread;
	int (*fn)(void *);
	void *arg;
	int value;
	_Atomic pid_t tid;
};

static void *run_thread(void *arg)
{
	struct test_thread *t = arg;

	t->tid = gettid();
	t->value = t->fn(t->arg);
	return NULL;
}

struct test_thread *start_thread(int (*fn)(void *), void *arg)
{
	struct test_thread *t = calloc(1, sizeof(*t));
	int r = t ? 0 : ENOMEM;

	if (r == 0) {
		t->fn = fn;
		t->arg = arg;
		r = pthread_create(&t->thread, NULL, run_thread, t);
	}
	if (r != 0) {
		free(t);
		fail_at(__FILE__, __LINE__, "thread: %s", strerror(r));
	}
	my.threads++;
	return t;
}

pid_t thread_tid(struct test_thread *thread)
{
	while (thread->tid == 0)
		sleep_ms(0.1);
	return thread->tid;
}

int join_thread(struct test_thread *thread)
{
	int value;

	pthread_join(thread->thread, NULL);
	my.threads--;
	value = thread->value;
	free(thread);
	return value;
}

/* ------------------------------------------------------ names, shared bytes */

char *unique_name(char buf[64], const char *tag)
{
	static atomic_int count;
	int n = snprintf(buf, 64, "/libipc-test-%.24s-%d-%d", tag,
			 (int)getpid(), count++);

	if (n >= 64 || my.names == MAX_NAMES)
		fail_at(__FILE__, __LINE__, "no room for name %s", tag);
	memcpy(my.name[my.names++].text, buf, 64);
	return buf;
}

void expect_left(const char *name)
{
	for (int i = 0; i < my.names; i++) {
		if (strcmp(my.name[i].text, name) == 0)
			my.name[i].may_stay = true;
	}
}

void *shared_alloc(size_t size)
{
	void *start = MAP_FAILED;

	if (my.shareds < MAX_SHARED)
		start = mmap(NULL, size, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (start == MAP_FAILED)
		fail_at(__FILE__, __LINE__, "no shared memory");
	my.shared[my.shareds].size = size;
	my.shared[my.shareds++].start = start;
	return start;
}

/* -------------------------------------------------------------- leak checks */

__attribute__((format(printf, 1, 2))) static int leaked(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: left behind: ", my.test->name);
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
		if (now[fd] == my.fd[fd])
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
		forget_child(pid);
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
	return my.threads ? leaked("%d threads", (int)my.threads) : 0;
}

static int check_names(void)
{
	char mark[32];
	struct dirent *entry;
	DIR *dir = opendir("/dev/shm");
	int leaks = 0;

	for (int i = 0; i < my.names; i++) {
		struct name *name = &my.name[i];
		if (shm_unlink(name->text) == 0 && !name->may_stay)
			leaks += leaked("%s", name->text);
	}
	snprintf(mark, sizeof(mark), "-%d-", (int)runner.pid);
	while (dir && (entry = readdir(dir)) != NULL) {
		if (strstr(entry->d_name, mark) != NULL)
			leaks += leaked("/dev/shm/%s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return leaks;
}

static void free_shared(void)
{
	for (int i = 0; i < my.shareds; i++)
		munmap(my.shared[i].start, my.shared[i].size);
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

	memset(&my, 0, sizeof(my));
	my.test = *state;
	*state = NULL;
	list_fds(my.fd);
	limit = my.test->limit_s * test_slow();
	snprintf(my.hung, sizeof(my.hung), "%s: still running after %d s\n",
		 my.test->name, limit);
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
