/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_overwritten.c - whatever somebody writes over a mutex while it is
 * held, its holder gets out, and the list of what the thread holds stays whole
 */
#include "mutex_util.h"
#include "region.h"

#include <pthread.h>
#include <string.h>

static struct mutex_shm *words(struct ipc_mutex *m)
{
	return ((struct ipci_region *)m)->mutex;
}

/* the thread's list still works: with others of ours, and with libc's */
static void expect_list_whole(void)
{
	struct ipc_mutex *a = new_mutex(), *b = new_mutex();
	pthread_mutexattr_t attr;
	pthread_mutex_t robust;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attr);
	expect_lock(a, 0);
	assert_int_equal(pthread_mutex_lock(&robust), 0);
	expect_lock(b, 0);
	expect_unlock(a);
	assert_int_equal(pthread_mutex_unlock(&robust), 0);
	expect_unlock(b);
	pthread_mutex_destroy(&robust);
	pthread_mutexattr_destroy(&attr);
	expect_close(a);
	expect_close(b);
}

/* a mutex that was cleared under its holder */
static void clear(struct ipc_mutex *m)
{
	struct mutex_shm *s = words(m);

	memset(&s->word, 0, sizeof(*s) - offsetof(struct mutex_shm, word));
}

static void test_unlock_and_close(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_lock(m, 0);
	clear(m);
	assert_int_equal(ipc_mutex_close(m), -EBUSY);
	assert_int_equal(ipc_mutex_unlock(m), -EBADMSG);
	assert_int_equal(ipc_mutex_unlock(m), -EPERM);
	expect_sound_and_close(m);
	expect_list_whole();
}

static void test_lock_again(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_lock(m, 0);
	clear(m);
	expect_lock(m, 0);
	expect_unlock(m);
	expect_sound_and_close(m);
	expect_list_whole();
}

static void test_in_the_name_of_another(void **state)
{
	struct ipc_mutex *m = new_mutex();
	(void)state;

	expect_lock(m, 0);
	words(m)->word = 1; /* init holds it */
	assert_int_equal(ipc_mutex_lock(m, 0), -EAGAIN);
	assert_int_equal(ipc_mutex_unlock(m), -EBADMSG);
	assert_int_equal(ipc_mutex_unlock(m), -EPERM);
	expect_close(m);
	expect_list_whole();
}

/* too small, too large: it is let go sooner, or not; both without harm */
static void test_any_depth(void **state)
{
	const uint32_t depths[] = {0, 1, 2, 4, 1000000, UINT32_MAX};
	(void)state;

	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		struct ipc_mutex *m = new_recursive_mutex(NULL);

		for (int n = 0; n < 3; n++)
			expect_lock(m, 0);
		words(m)->depth = depths[i];
		for (int n = 0; n < 5; n++)
			ipc_mutex_unlock(m);
		assert_int_equal(ipc_mutex_unlock(m), -EPERM);
		if (exact_wakes()) {
			clear(m);
			expect_lock(m, 0);
			expect_unlock(m);
		}
		expect_close(m);
	}
	expect_list_whole();
}

/* two handles, and the depth of one: the other one is on the list when the
   word is free */
static void test_depth_of_two_handles(void **state)
{
	struct ipc_mutex *a, *b = NULL;
	char name[64];
	(void)state;

	a = new_recursive_mutex(unique_name(name, "depth"));
	assert_int_equal(ipc_mutex_open(&b, name), 0);
	expect_lock(a, 0);
	expect_lock(b, 0);
	words(a)->depth = 1;
	expect_unlock(a);
	assert_int_equal(ipc_mutex_close(b), -EBUSY);
	assert_int_equal(ipc_mutex_unlock(b), -EBADMSG);
	expect_close(b);
	expect_close(a);
	assert_int_equal(ipc_unlink(name), 0);
	expect_list_whole();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unlock_and_close),	   TEST(test_lock_again),
		TEST(test_in_the_name_of_another), TEST(test_any_depth),
		TEST(test_depth_of_two_handles),
	};

	return RUN_TESTS(tests);
}
