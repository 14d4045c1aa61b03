/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_close.c - close refuses a handle that a thread of this process
 * holds the lock through, and is nobody else's business
 */
#include "mutex_util.h"

#include <semaphore.h>

static void test_held_by_this_thread(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_lock(m, 0);
	assert_int_equal(ipc_mutex_close(m), -EBUSY);
	assert_int_equal(ipc_mutex_lock(m, 0), -EDEADLK);
	expect_unlock(m);
	expect_sound_and_close(m);
}

struct hold {
	struct ipc_mutex *m;
	sem_t held, let_go;
};

static int hold_until_told(void *arg)
{
	struct hold *h = arg;

	child_check(ipc_mutex_lock(h->m, LIBIPC_FOREVER) == 0);
	sem_post(&h->held);
	while (sem_wait(&h->let_go) != 0)
		;
	child_check(ipc_mutex_unlock(h->m) == 0);
	return 0;
}

static void test_held_by_another_thread(void **state)
{
	struct hold h = {.m = new_mutex()};
	struct test_thread *thread;
	(void)state;

	sem_init(&h.held, 0, 0);
	sem_init(&h.let_go, 0, 0);
	thread = start_thread(hold_until_told, &h);
	sem_wait(&h.held);
	assert_int_equal(ipc_mutex_close(h.m), -EBUSY);
	sem_post(&h.let_go);
	join_thread(thread);
	expect_sound_and_close(h.m);
}

static int close_it(void *arg)
{
	child_check(ipc_mutex_lock(arg, 0) == -EAGAIN);
	child_check(ipc_mutex_close(arg) == 0);
	return 0;
}

/* the child has a copy of the handle, but not of the lock */
static void test_child_closes_while_parent_holds(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_lock(m, 0);
	expect_exit(spawn_child(close_it, m), 0);
	expect_exit(spawn_child(try_and_fail, m), 0);
	expect_unlock(m);
	expect_sound_and_close(m);
}

static void test_parent_closes_while_child_holds(void **state)
{
	struct ipc_mutex *m = new_mutex();
	pid_t pid = spawn_holder(m);
	(void)state;

	expect_close(m);
	kill_child(pid);
}

static void test_held_through_another_handle(void **state)
{
	struct ipc_mutex *m, *same;
	char name[64];
	(void)state;

	unique_name(name, "close");
	assert_int_equal(ipc_mutex_create(&m, name, NULL), 0);
	assert_int_equal(ipc_mutex_open(&same, name), 0);
	assert_int_equal(ipc_unlink(name), 0);
	expect_lock(m, 0);
	expect_close(same);
	assert_int_equal(ipc_mutex_close(m), -EBUSY);
	expect_unlock(m);
	expect_sound_and_close(m);
}

static int lock_and_end(void *arg)
{
	child_check(ipc_mutex_lock(arg, LIBIPC_FOREVER) == 0);
	return 0;
}

/* the dead do not hold it */
static void test_the_thread_that_held_it_has_ended(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	join_thread(start_thread(lock_and_end, m));
	expect_close(m);
}

/* it was a thread of this process once, but by now it is another process */
static void test_the_thread_ended_and_a_child_holds(void **state)
{
	struct ipc_mutex *m = new_mutex();
	struct holder h = {m, shared_alloc(sizeof(int))};
	pid_t pid;
	int r;
	(void)state;

	join_thread(start_thread(lock_and_end, m));
	pid = spawn_child(hold_for_ever, &h);
	assert_true(eventually(*h.holds != 0, 10000));
	r = ipc_mutex_close(m);
	kill_child(pid);
	assert_int_equal(*h.holds, LIBIPC_OWNER_DIED + 1);
	assert_int_equal(r, 0);
}

static void test_the_next_holder_has_let_go(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	join_thread(start_thread(lock_and_end, m));
	expect_lock(m, LIBIPC_OWNER_DIED);
	assert_int_equal(ipc_mutex_close(m), -EBUSY);
	expect_unlock(m);
	expect_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_held_by_this_thread),
		TEST(test_held_by_another_thread),
		TEST(test_child_closes_while_parent_holds),
		TEST(test_parent_closes_while_child_holds),
		TEST(test_held_through_another_handle),
		TEST(test_the_thread_that_held_it_has_ended),
		TEST(test_the_thread_ended_and_a_child_holds),
		TEST(test_the_next_holder_has_let_go),
	};

	return RUN_TESTS(tests);
}
