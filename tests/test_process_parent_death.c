/* SPDX-License-Identifier: MIT */
/*
 * test_process_parent_death.c - daemons go with their parent when it is killed,
 * and not before, whichever thread has started them
 */
#include "process_util.h"

#include <pthread.h>

enum {
	SLOTS = 64,
	TRIALS = 30,
};

/* who runs, as each of them tells when its function begins */
struct told {
	_Atomic pid_t daemon, below, other;
	_Atomic int thread_ended;
	_Atomic pid_t slot[SLOTS];
};

/* the starter ends before the parent waits: for a thread that is the point */
static int in_thread(int (*fn)(void *), void *arg)
{
	return join_thread(start_thread(fn, arg));
}

static int start_both(void *arg)
{
	struct told *told = arg;

	child_started(tell_and_wait, (void *)&told->daemon, LIBIPC_DAEMON);
	child_started(tell_and_wait, (void *)&told->other, 0);
	return 0;
}

static int parent_main(void *arg)
{
	start_both(arg);
	return wait_for_ever(NULL);
}

static int parent_thread(void *arg)
{
	in_thread(start_both, arg);
	((struct told *)arg)->thread_ended = 1;
	return wait_for_ever(NULL);
}

static void expect_only_daemon_goes(int (*parent)(void *))
{
	struct told *told = shared_alloc(sizeof(*told));
	pid_t pid = spawn_child(parent, told);

	assert_true(eventually(told->daemon && told->other, 5000));
	assert_false(gone(told->daemon));
	kill_child(pid);
	assert_true(eventually(gone(told->daemon), 2000));
	assert_false(gone(told->other));
	kill(told->other, SIGKILL);
	assert_true(eventually(gone(told->other), 2000));
}

static void test_started_by_the_main_thread(void **state)
{
	(void)state;
	expect_only_daemon_goes(parent_main);
}

static void test_started_by_another_thread(void **state)
{
	(void)state;
	expect_only_daemon_goes(parent_thread);
}

static void test_lives_on_when_the_thread_ends(void **state)
{
	struct told *told = shared_alloc(sizeof(*told));
	pid_t pid = spawn_child(parent_thread, told);
	(void)state;

	assert_true(eventually(told->daemon && told->thread_ended, 5000));
	sleep_ms(200);
	assert_false(gone(told->daemon));
	kill_child(pid);
	assert_true(eventually(gone(told->daemon), 2000));
	kill(told->other, SIGKILL);
	assert_true(eventually(gone(told->other), 2000));
}

/* ----------------------------------------------------------------- the tree */

static int daemon_with_child(void *arg)
{
	struct told *told = arg;

	child_started(tell_and_wait, (void *)&told->below, 0);
	return tell_and_wait((void *)&told->daemon);
}

static int start_tree(void *arg)
{
	child_started(daemon_with_child, arg, LIBIPC_DAEMON);
	return 0;
}

static int tree_main(void *arg)
{
	start_tree(arg);
	return wait_for_ever(NULL);
}

static int tree_thread(void *arg)
{
	in_thread(start_tree, arg);
	return wait_for_ever(NULL);
}

static void test_the_whole_tree_goes(void **state)
{
	int (*const parents[])(void *) = {tree_main, tree_thread};
	(void)state;

	for (int i = 0; i < 2; i++) {
		struct told *told = shared_alloc(sizeof(*told));
		pid_t pid = spawn_child(parents[i], told);
		assert_true(eventually(told->daemon && told->below, 5000));
		kill_child(pid);
		assert_true(eventually(gone(told->daemon), 2000));
		assert_true(eventually(gone(told->below), 2000));
	}
}

static void test_the_middle_of_the_tree_dies(void **state)
{
	struct told *told = shared_alloc(sizeof(*told));
	pid_t pid = spawn_child(tree_main, told);
	(void)state;

	assert_true(eventually(told->daemon && told->below, 5000));
	kill(told->daemon, SIGKILL);
	assert_true(eventually(gone(told->below), 2000));
	kill_child(pid);
}

/* --------------------------------------------------- killed while it starts */

static int start_many(void *arg)
{
	struct told *told = arg;

	for (int i = 0; i < SLOTS; i++)
		child_started(tell_and_wait, (void *)&told->slot[i],
			      LIBIPC_DAEMON);
	return 0;
}

static int many_main(void *arg)
{
	start_many(arg);
	return wait_for_ever(NULL);
}

static int many_thread(void *arg)
{
	in_thread(start_many, arg);
	return wait_for_ever(NULL);
}

static bool all_gone(const struct told *told)
{
	for (int i = 0; i < SLOTS; i++) {
		if (told->slot[i] && !gone(told->slot[i]))
			return false;
	}
	return true;
}

static void expect_nobody_left(int (*parent)(void *))
{
	for (int i = 0; i < TRIALS; i++) {
		struct told *told = shared_alloc(sizeof(*told));
		pid_t pid = spawn_child(parent, told);
		sleep_ms(0.3 * i);
		kill_child(pid);
		sleep_ms(20); /* for one that has not told yet */
		assert_true(eventually(all_gone(told), 2000));
	}
}

static void test_killed_while_its_main_thread_starts(void **state)
{
	(void)state;
	expect_nobody_left(many_main);
}

static void test_killed_while_another_thread_starts(void **state)
{
	(void)state;
	expect_nobody_left(many_thread);
}

/* ----------------------------------------------- daemons that do odd things */

/* closes what it does not know; the numbers become files that are readable */
static int reuse_descriptors(void *arg)
{
	for (int fd = 3; fd < 256; fd++)
		close(fd);
	for (int fd = 3; fd < 32; fd++)
		child_check(open("/dev/null", O_RDONLY) == fd);
	return tell_and_wait(arg);
}

static int start_odd(void *arg)
{
	child_started(reuse_descriptors, arg, LIBIPC_DAEMON);
	return 0;
}

static int odd_parent(void *arg)
{
	in_thread(start_odd, arg);
	return wait_for_ever(NULL);
}

static void test_descriptors_are_closed_and_reused(void **state)
{
	_Atomic pid_t *daemon = shared_alloc(sizeof(*daemon));
	pid_t pid = spawn_child(odd_parent, (void *)daemon);
	(void)state;

	assert_true(eventually(*daemon != 0, 5000));
	kill(*daemon, SIGSTOP); /* interrupts what waits in the daemon */
	assert_true(eventually(harness_state(*daemon) == 'T', 5000));
	kill(*daemon, SIGCONT);
	sleep_ms(100);
	assert_false(gone(*daemon));
	kill_child(pid);
	assert_true(eventually(gone(*daemon), 2000));
}

/* where no thread can be made in the daemon, it is rather gone too early */
static int start_without_threads(void *arg)
{
	deny(SYS_clone3, EAGAIN);
	child_started(tell_and_wait, arg, LIBIPC_DAEMON);
	return wait_for_ever(NULL);
}

static int parent_without_threads(void *arg)
{
	return join_thread(start_thread(start_without_threads, arg));
}

static void test_no_thread_to_watch(void **state)
{
	_Atomic pid_t *daemon;
	pid_t pid;
	(void)state;

	need_filters();
	need_process_fds();
	daemon = shared_alloc(sizeof(*daemon));
	pid = spawn_child(parent_without_threads, (void *)daemon);
	assert_true(eventually(*daemon != 0, 5000));
	sleep_ms(50);
	assert_false(gone(*daemon));
	kill_child(pid);
	assert_true(eventually(gone(*daemon), 2000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_started_by_the_main_thread),
		TEST(test_started_by_another_thread),
		TEST(test_lives_on_when_the_thread_ends),
		TEST(test_the_whole_tree_goes),
		TEST(test_the_middle_of_the_tree_dies),
		TEST(test_killed_while_its_main_thread_starts),
		TEST(test_killed_while_another_thread_starts),
		TEST(test_descriptors_are_closed_and_reused),
		TEST(test_no_thread_to_watch),
	};

	return RUN_TESTS(tests);
}
