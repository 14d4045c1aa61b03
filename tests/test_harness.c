/* SPDX-License-Identifier: MIT */
/*
 * test_harness.c - the harness notices what it promises to notice
 *
 * Each test here runs one bad test in a forked runner, and looks at that
 * runner's exit code and at what it said.
 */
#include "harness.h"

#include <fcntl.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* where a bad test tells the one that watches it what it left */
static struct {
	_Atomic pid_t pid;
	char name[64];
	sem_t never;
} * told;

struct bad {
	const struct CMUnitTest *test;
	int output;
};

static int run_bad(void *arg)
{
	const struct bad *bad = arg;
	const struct CMUnitTest tests[] = {*bad->test};
	int r;

	dup2(bad->output, STDOUT_FILENO);
	dup2(bad->output, STDERR_FILENO);
	r = RUN_TESTS(tests);
	fflush(NULL);
	return r;
}

/* runs @test, which must end with @code and say @words and its own name */
static void expect_bad(struct CMUnitTest test, int code, const char *words)
{
	static char said[8192];
	struct bad bad = {&test, memfd_create("output", MFD_CLOEXEC)};
	ssize_t n;

	assert_true(bad.output >= 0);
	expect_exit(spawn_child(run_bad, &bad), code);
	n = pread(bad.output, said, sizeof(said) - 1, 0);
	close(bad.output);
	assert_true(n > 0);
	said[n] = '\0';
	if (!strstr(said, words) || !strstr(said, test.name))
		fail_msg("%s, expected \"%s\", said:\n%s", test.name, words,
			 said);
}

static int setup(void **state)
{
	(void)state;
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return told == MAP_FAILED || sem_init(&told->never, 1, 0) != 0;
}

static int teardown(void **state)
{
	(void)state;
	return munmap(told, sizeof(*told));
}

static int sleep_for_ever(void *arg)
{
	(void)arg;
	told->pid = getpid();
	while (sem_wait(&told->never) != 0)
		;
	return 0;
}

static int return_7(void *arg)
{
	(void)arg;
	return 7;
}

/* ---------------------------------------------------------------- bad tests */

static void good(void **state)
{
	(void)state;
	expect_exit(spawn_child(return_7, NULL), 7);
}

static void leaves_fd(void **state)
{
	(void)state;
	assert_true(open("/dev/null", O_RDONLY) >= 0);
}

static void shuts_fd(void **state)
{
	(void)state;
	close(STDIN_FILENO);
}

static void leaves_child(void **state)
{
	(void)state;
	wait_asleep(spawn_child(sleep_for_ever, NULL));
}

static void leaves_forked_child(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(sleep_for_ever(NULL));
	wait_asleep(pid);
}

static void leaves_zombie(void **state)
{
	siginfo_t info;
	pid_t pid = spawn_child(return_7, NULL);

	(void)state;
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
}

static void leaves_thread(void **state)
{
	(void)state;
	wait_asleep_tid(thread_tid(start_thread(sleep_for_ever, NULL)));
}

static void make_shm(const char *name)
{
	int fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void leaves_name(void **state)
{
	(void)state;
	make_shm(unique_name(told->name, "left"));
}

static void leaves_other_name(void **state)
{
	(void)state;
	snprintf(told->name, sizeof(told->name), "/other-%d-name",
		 (int)getpid());
	make_shm(told->name);
}

static void leaves_expected_name(void **state)
{
	leaves_name(state);
	expect_left(told->name);
}

static int check_fails(void *arg)
{
	child_check(arg != NULL);
	return 0;
}

static void child_fails(void **state)
{
	(void)state;
	expect_exit(spawn_child(check_fails, NULL), 0);
}

static void thread_fails(void **state)
{
	(void)state;
	join_thread(start_thread(check_fails, NULL));
}

static int assert_fails(void *arg)
{
	assert_non_null(arg);
	return 0;
}

static void child_asserts(void **state)
{
	(void)state;
	expect_exit(spawn_child(assert_fails, NULL), 0);
}

static int fault(void *arg)
{
	(void)arg;
	return raise(SIGSEGV);
}

static void child_faults(void **state)
{
	(void)state;
	expect_exit(spawn_child(fault, NULL), 0);
}

static void wrong_signal(void **state)
{
	pid_t pid = spawn_child(sleep_for_ever, NULL);

	(void)state;
	kill(pid, SIGTERM);
	expect_killed(pid, SIGKILL);
}

static void failed_before_kill(void **state)
{
	siginfo_t info;
	pid_t pid = spawn_child(check_fails, NULL);

	(void)state;
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	kill_child(pid);
}

static void ended_not_asleep(void **state)
{
	pid_t pid = spawn_child(return_7, NULL);

	(void)state;
	wait_asleep(pid);
}

static void hangs(void **state)
{
	(void)state;
	wait_asleep(spawn_child(sleep_for_ever, NULL));
	sleep_for_ever(NULL);
}

static void spins(void **state)
{
	(void)state;
	for (volatile int forever = 1; forever;)
		;
}

/* -------------------------------------------------------------------- tests */

static void test_passes_what_is_good(void **state)
{
	(void)state;
	expect_bad((struct CMUnitTest)TEST(good), 0, "");
}

static void test_notices_fds(void **state)
{
	(void)state;
	expect_bad((struct CMUnitTest)TEST(leaves_fd), 1, "/dev/null");
	expect_bad((struct CMUnitTest)TEST(shuts_fd), 1, "fd 0 shut");
}

static bool is_gone(pid_t pid)
{
	return eventually(kill(pid, 0) != 0 && errno == ESRCH, 2000);
}

static void test_notices_and_kills_children(void **state)
{
	(void)state;
	expect_bad((struct CMUnitTest)TEST(leaves_child), 1, "still running");
	assert_true(is_gone(told->pid));
	expect_bad((struct CMUnitTest)TEST(leaves_forked_child), 1,
		   "still running");
	assert_true(is_gone(told->pid));
	expect_bad((struct CMUnitTest)TEST(leaves_zombie), 1, "not waited for");
}

static void test_notices_threads(void **state)
{
	(void)state;
	expect_bad((struct CMUnitTest)TEST(leaves_thread), 1, "1 threads");
}

static void test_notices_and_removes_names(void **state)
{
	(void)state;
	expect_bad((struct CMUnitTest)TEST(leaves_name), 1, "libipc-test-left");
	assert_int_equal(shm_unlink(told->name), -1);
	expect_bad((struct CMUnitTest)TEST(leaves_other_name), 1, "-name");
	assert_int_equal(shm_unlink(told->name), -1);
	expect_bad((struct CMUnitTest)TEST(leaves_expected_name), 0, "");
	assert_int_equal(shm_unlink(told->name), -1);
}

static void test_notices_failing_children(void **state)
{
	(void)state;
	expect_bad((struct CMUnitTest)TEST(child_fails), 1, "arg != NULL");
	expect_bad((struct CMUnitTest)TEST(child_asserts), 1, "exited with 71");
	expect_bad((struct CMUnitTest)TEST(child_faults), 1,
		   "not exited with 0");
	expect_bad((struct CMUnitTest)TEST(wrong_signal), 1, "signal 15");
	expect_bad((struct CMUnitTest)TEST(failed_before_kill), 1, "with 70");
	expect_bad((struct CMUnitTest)TEST(ended_not_asleep), 1, "not asleep");
}

static void test_notices_failing_threads(void **state)
{
	(void)state;
	expect_bad((struct CMUnitTest)TEST(thread_fails), CHILD_FAILED,
		   "arg != NULL");
}

static void test_notices_hangs(void **state)
{
	(void)state;
	expect_bad((struct CMUnitTest)TEST_LIMIT(hangs, 1), 124, "still runn");
	assert_true(is_gone(told->pid));
	expect_bad((struct CMUnitTest)TEST_LIMIT(spins, 1), 124, "still runn");
}

static void test_eventually_waits(void **state)
{
	double start = now_ms();
	int looks = 0;

	(void)state;
	assert_false(eventually(false, 20));
	assert_true(now_ms() - start >= 20);
	assert_true(eventually(++looks == 3, 5000));
	assert_int_equal(looks, 3);
}

static void test_shared_bytes_are_shared(void **state)
{
	unsigned char *bytes = shared_alloc(2);
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		bytes[1] = 5;
		_exit(bytes[0]);
	}
	expect_exit(pid, 0);
	assert_int_equal(bytes[1], 5);
}

static void test_threads_give_their_value(void **state)
{
	(void)state;
	assert_int_equal(join_thread(start_thread(return_7, NULL)), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_passes_what_is_good),
		TEST(test_notices_fds),
		TEST(test_notices_and_kills_children),
		TEST(test_notices_threads),
		TEST(test_notices_and_removes_names),
		TEST(test_notices_failing_children),
		TEST(test_notices_failing_threads),
		TEST_LIMIT(test_notices_hangs, 30),
		TEST(test_eventually_waits),
		TEST(test_shared_bytes_are_shared),
		TEST(test_threads_give_their_value),
	};

	harness_start();
	return cmocka_run_group_tests(tests, setup, teardown) != 0;
}
