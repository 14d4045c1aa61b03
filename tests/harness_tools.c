/* SPDX-License-Identifier: MIT */
/*
 * harness_tools.c - children, threads, names and shared bytes of the tests
 */
#include "harness_own.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* ----------------------------------------------------------------- children */

static void remember_child(pid_t pid)
{
	for (int i = 0; i < MAX_CHILDREN; i++) {
		pid_t none = 0;
		if (atomic_compare_exchange_strong(&harness_my.children[i],
						   &none, pid))
			return;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	harness_fail(__FILE__, __LINE__, "more than %d children", MAX_CHILDREN);
}

pid_t spawn_child(int (*fn)(void *), void *arg)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		harness_fail(__FILE__, __LINE__, "fork: %s", strerror(errno));
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
	harness_forget(pid);
	if (got == 0)
		harness_fail(file, line, "child %d: does not end", (int)pid);
	if (got < 0)
		harness_fail(file, line, "child %d: %s", (int)pid,
			     strerror(errno));
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
		harness_fail(file, line, "child %d: %s, not exited with %d",
			     (int)pid, ending(status, text), code);
}

void harness_killed(pid_t pid, int sig, const char *file, int line)
{
	int status = reap(pid, file, line);
	char text[64];

	if (!WIFSIGNALED(status) || WTERMSIG(status) != sig)
		harness_fail(file, line,
			     "child %d: %s, not killed by signal %d", (int)pid,
			     ending(status, text), sig);
}

void harness_kill(pid_t pid, const char *file, int line)
{
	int status;
	char text[64];

	kill(pid, SIGKILL);
	status = reap(pid, file, line);
	if (status != 0 && status != SIGKILL)
		harness_fail(file, line, "child %d: %s before it was killed",
			     (int)pid, ending(status, text));
}

/* it stands behind the name, which may be odd */
char harness_state(pid_t id)
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
		char now = harness_state(id);
		seen = now == 'S' ? seen + 1 : 0;
		if (now == 'X' || now == 'Z')
			harness_fail(file, line, "%d ended, not asleep",
				     (int)id);
		if (now_ms() > until)
			harness_fail(file, line, "%d does not sleep", (int)id);
		sleep_ms(1);
	}
}

_Noreturn void exec_self(const char *first, const char *second)
{
	char path[PATH_MAX] = "";

	child_check(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	if (emulated())
		execlp(getenv("TEST_RUNNER"), "runner", path, first, second,
		       (char *)NULL);
	else
		execl(path, path, first, second, (char *)NULL);
	child_failed(__FILE__, __LINE__, strerror(errno));
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
		harness_fail(__FILE__, __LINE__, "thread: %s", strerror(r));
	}
	harness_my.threads++;
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
	harness_my.threads--;
	value = thread->value;
	free(thread);
	return value;
}

/* ----------------------------------------------------- which promises hold */

bool exact_wakes(void)
{
	return ipc_caps() & LIBIPC_CAP_EXACT_WAKE;
}

void need_exact_wakes(void)
{
	if (exact_wakes())
		return;
	print_message("# skipped: only with exact wake-ups\n");
	skip();
}

bool emulated(void)
{
	const char *runner = getenv("TEST_RUNNER");

	return runner && *runner;
}

void need_native(const char *why)
{
	if (!emulated())
		return;
	print_message("# skipped: under an emulator %s\n", why);
	skip();
}

int harness_skip_all(void)
{
	printf("1..0 # SKIP only with exact wake-ups\n");
	return 0;
}

/* ------------------------------------------------------ names, shared bytes */

char *unique_name(char buf[64], const char *tag)
{
	static atomic_int count;
	int n = snprintf(buf, 64, "/libipc-test-%.24s-%d-%d", tag,
			 (int)getpid(), count++);

	if (n >= 64 || harness_my.names == MAX_NAMES)
		harness_fail(__FILE__, __LINE__, "no room for name %s", tag);
	memcpy(harness_my.name[harness_my.names++].text, buf, 64);
	return buf;
}

void expect_left(const char *name)
{
	for (int i = 0; i < harness_my.names; i++) {
		if (strcmp(harness_my.name[i].text, name) == 0)
			harness_my.name[i].may_stay = true;
	}
}

void *shared_alloc(size_t size)
{
	void *start = MAP_FAILED;

	if (harness_my.shareds < MAX_SHARED)
		start = mmap(NULL, size, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (start == MAP_FAILED)
		harness_fail(__FILE__, __LINE__, "no shared memory");
	harness_my.shared[harness_my.shareds].size = size;
	harness_my.shared[harness_my.shareds++].start = start;
	return start;
}
