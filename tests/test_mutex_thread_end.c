/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_thread_end.c - a thread that ends lets go of its mutexes before it
 * is joined, also where only a process is ever found dead
 */
#include "mutex_util.h"
#include "os.h"

#include <pthread.h>

enum { MUTEXES = 3 };

static struct ipc_mutex *mutexes[MUTEXES];

static void make_all(void)
{
	for (int i = 0; i < MUTEXES; i++)
		mutexes[i] = new_mutex();
}

static void close_all(void)
{
	for (int i = 0; i < MUTEXES; i++)
		expect_close(mutexes[i]);
}

static void unlock_and_close_all(void)
{
	for (int i = 0; i < MUTEXES; i++)
		expect_unlock(mutexes[i]);
	close_all();
}

static int lock_all(void *arg)
{
	(void)arg;
	for (int i = 0; i < MUTEXES; i++)
		child_check(ipc_mutex_lock(mutexes[i], 0) == 0);
	return 0;
}

static void test_where_it_is_tried(void **state)
{
	(void)state;
	assert_int_equal(ipci_os_backend(), IPCI_BACKEND_PID);
}

static void test_at_once(void **state)
{
	(void)state;
	make_all();
	join_thread(start_thread(lock_all, NULL));
	for (int i = 0; i < MUTEXES; i++)
		assert_int_equal(ipc_mutex_lock(mutexes[i], 0),
				 LIBIPC_OWNER_DIED);
	unlock_and_close_all();
}

static void test_closed_at_once(void **state)
{
	(void)state;
	make_all();
	join_thread(start_thread(lock_all, NULL));
	close_all();
}

static _Atomic bool holds, may_end;

static int lock_all_until_told(void *arg)
{
	lock_all(arg);
	holds = true;
	while (!may_end)
		sleep_ms(1);
	return 0;
}

static int expect_news(void *arg)
{
	child_check(ipc_mutex_lock(arg, LIBIPC_FOREVER) == LIBIPC_OWNER_DIED);
	child_check(ipc_mutex_unlock(arg) == 0);
	return 0;
}

static void test_another_process_waits(void **state)
{
	struct test_thread *thread;
	pid_t pid;
	(void)state;

	make_all();
	thread = start_thread(lock_all_until_told, NULL);
	assert_true(eventually(holds, 10000));
	pid = spawn_child(expect_news, mutexes[1]);
	wait_asleep(pid);
	may_end = true;
	join_thread(thread);
	expect_exit(pid, 0);
	close_all();
}

static int lock_and_unlock_some(void *arg)
{
	lock_all(arg);
	child_check(ipc_mutex_unlock(mutexes[1]) == 0);
	child_check(ipc_mutex_unlock(mutexes[2]) == 0);
	child_check(ipc_mutex_lock(mutexes[2], 0) == 0);
	return 0;
}

static void test_those_only_that_it_holds(void **state)
{
	(void)state;
	make_all();
	join_thread(start_thread(lock_and_unlock_some, NULL));
	expect_lock(mutexes[0], LIBIPC_OWNER_DIED);
	expect_lock(mutexes[1], 0);
	expect_lock(mutexes[2], LIBIPC_OWNER_DIED);
	unlock_and_close_all();
}

static int lock_twice_and_again(void *arg)
{
	struct ipc_mutex **both = arg;

	child_check(ipc_mutex_lock(both[0], 0) == 0);
	child_check(ipc_mutex_lock(both[0], 0) == 0);
	child_check(ipc_mutex_lock(both[1], 0) == 0);
	return 0;
}

/* a recursive one, through two handles */
static void test_recursive(void **state)
{
	struct ipc_mutex *both[2];
	char name[64];
	(void)state;

	both[0] = new_recursive_mutex(unique_name(name, "end"));
	assert_int_equal(ipc_mutex_open(&both[1], name), 0);
	assert_int_equal(ipc_unlink(name), 0);
	join_thread(start_thread(lock_twice_and_again, both));
	expect_lock(both[1], LIBIPC_OWNER_DIED);
	expect_unlock(both[1]);
	expect_close(both[0]);
	expect_close(both[1]);
}

/* -------------------------------------------------- the user's destructors */

static pthread_key_t key;

static void end_thread(int (*thread)(void *), void (*destructor)(void *))
{
	make_all();
	assert_int_equal(pthread_key_create(&key, destructor), 0);
	join_thread(start_thread(thread, NULL));
	assert_int_equal(pthread_key_delete(key), 0);
}

static void unlock_all(void *arg)
{
	(void)arg;
	for (int i = 0; i < MUTEXES; i++)
		child_check(ipc_mutex_unlock(mutexes[i]) == 0);
}

static int lock_all_and_leave_it_to_the_end(void *arg)
{
	child_check(pthread_setspecific(key, mutexes) == 0);
	return lock_all(arg);
}

/* they may come behind the library's own */
static void test_a_destructor_unlocks(void **state)
{
	(void)state;
	end_thread(lock_all_and_leave_it_to_the_end, unlock_all);
	for (int i = 0; i < MUTEXES; i++)
		expect_lock(mutexes[i], 0);
	unlock_and_close_all();
}

/* even in the last round of all */
static void unlock_late(void *round)
{
	if ((char *)round < (char *)NULL + PTHREAD_DESTRUCTOR_ITERATIONS)
		child_check(pthread_setspecific(key, (char *)round + 1) == 0);
	else
		for (int i = 0; i < MUTEXES; i++)
			ipc_mutex_unlock(mutexes[i]);
}

static int lock_all_and_unlock_late(void *arg)
{
	child_check(pthread_setspecific(key, (char *)NULL + 1) == 0);
	return lock_all(arg);
}

static void test_a_destructor_unlocks_late(void **state)
{
	(void)state;
	end_thread(lock_all_and_unlock_late, unlock_late);
	for (int i = 0; i < MUTEXES; i++)
		assert_true(ipc_mutex_lock(mutexes[i], 0) >= 0);
	unlock_and_close_all();
}

/* -------------------------------------------------------------------- forks */

/* the only thread of its process, which ends in good order */
static int end_by_itself(void *arg)
{
	(void)arg;
	pthread_exit(NULL);
}

static int end_in_a_child(void *arg)
{
	lock_all(arg);
	expect_exit(spawn_child(end_by_itself, NULL), 0);
	expect_exit(spawn_child(try_and_fail, mutexes[0]), 0);
	for (int i = 0; i < MUTEXES; i++)
		child_check(ipc_mutex_unlock(mutexes[i]) == 0);
	return 0;
}

static void test_what_the_parent_holds(void **state)
{
	(void)state;
	make_all();
	join_thread(start_thread(end_in_a_child, NULL));
	for (int i = 0; i < MUTEXES; i++)
		expect_sound(mutexes[i]);
	close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_where_it_is_tried),
		TEST(test_at_once),
		TEST(test_closed_at_once),
		TEST(test_another_process_waits),
		TEST(test_those_only_that_it_holds),
		TEST(test_recursive),
		TEST(test_a_destructor_unlocks),
		TEST(test_a_destructor_unlocks_late),
		TEST(test_what_the_parent_holds),
	};

	setenv("LIBIPC_BACKEND", "pid", 1);
	return RUN_TESTS(tests);
}
