/* SPDX-License-Identifier: MIT */
/*
 * test_lease_list.c - the words of a worker stand at the end of its thread's
 * list of held locks, whatever is locked and unlocked before them, and in
 * whatever order; and the kernel finds everything when the thread dies
 */
#include "lease_util.h"

#include <pthread.h>

enum {
	LOCKS = 3,
	QUEUES = 3,
	STEPS = 3000,
};

static struct world {
	pthread_mutex_t theirs[LOCKS];
	struct ipc_mutex *ours[LOCKS];
	struct ipc_queue *queue[QUEUES]; /* closed and made anew on the way */
	bool theirs_held[LOCKS], ours_held[LOCKS];
} * world;

static void init_theirs(pthread_mutex_t *m)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	assert_int_equal(pthread_mutex_init(m, &attr), 0);
	pthread_mutexattr_destroy(&attr);
}

static void new_world(void)
{
	world = shared_alloc(sizeof(*world));
	for (int i = 0; i < LOCKS; i++) {
		init_theirs(&world->theirs[i]);
		assert_int_equal(ipc_mutex_create(&world->ours[i], NULL, NULL),
				 0);
	}
	for (int i = 0; i < QUEUES; i++)
		world->queue[i] = new_tasks(4, 0);
}

static void end_world(void)
{
	for (int i = 0; i < LOCKS; i++) {
		pthread_mutex_destroy(&world->theirs[i]);
		assert_int_equal(ipc_mutex_close(world->ours[i]), 0);
	}
	for (int i = 0; i < QUEUES; i++)
		close_queue(world->queue[i]);
}

/* ---- in the child ---- */

static void flip_theirs(int i)
{
	bool *held = &world->theirs_held[i];

	child_check((*held ? pthread_mutex_unlock(&world->theirs[i])
			   : pthread_mutex_lock(&world->theirs[i])) == 0);
	*held = !*held;
}

static void flip_ours(int i)
{
	bool *held = &world->ours_held[i];

	child_check((*held ? ipc_mutex_unlock(world->ours[i])
			   : ipc_mutex_lock(world->ours[i], 0)) == 0);
	*held = !*held;
}

static void work(int i)
{
	child_put(world->queue[i], i);
	child_check(child_get(world->queue[i]) == i);
	child_check(ipc_queue_task_done(world->queue[i]) == 0);
}

/* of this process: its words leave the list and others come */
static void renew(int i)
{
	const struct ipc_queue_opts opts = {.maxsize = 4,
					    .item_size = sizeof(int),
					    .flags = LIBIPC_JOINABLE};
	static struct ipc_queue *own[QUEUES];

	if (own[i])
		child_check(ipc_queue_close(own[i]) == 0);
	child_check(ipc_queue_create(&own[i], NULL, &opts) == 0);
	child_put(own[i], 1);
	child_check(child_get(own[i]) == 1);
}

static int shuffle_and_die(void *arg)
{
	unsigned int seed = *(unsigned int *)arg;

	for (int i = 0; i < STEPS; i++) {
		int what = rand_r(&seed) % 4, which = rand_r(&seed) % LOCKS;

		if (what == 0)
			flip_theirs(which);
		else if (what == 1)
			flip_ours(which);
		else if (what == 2)
			work(which);
		else
			renew(which);
	}
	for (int i = 0; i < QUEUES; i++) {
		child_put(world->queue[i], i);
		child_get(world->queue[i]);
	}
	kill(getpid(), SIGKILL);
	return 1;
}

/* ---- what is left ---- */

static void expect_theirs(int i)
{
	int r = pthread_mutex_trylock(&world->theirs[i]);

	assert_int_equal(r, world->theirs_held[i] ? EOWNERDEAD : 0);
	if (r == EOWNERDEAD)
		assert_int_equal(pthread_mutex_consistent(&world->theirs[i]),
				 0);
	assert_int_equal(pthread_mutex_unlock(&world->theirs[i]), 0);
	world->theirs_held[i] = false;
}

static void expect_ours(int i)
{
	assert_int_equal(ipc_mutex_lock(world->ours[i], 0),
			 world->ours_held[i] ? LIBIPC_OWNER_DIED : 0);
	assert_int_equal(ipc_mutex_unlock(world->ours[i]), 0);
	world->ours_held[i] = false;
}

static void test_shuffled(void **state)
{
	(void)state;

	new_world();
	for (unsigned int seed = 1; seed <= 10; seed++) {
		expect_killed(spawn_child(shuffle_and_die, &seed), SIGKILL);
		for (int i = 0; i < LOCKS; i++) {
			expect_theirs(i);
			expect_ours(i);
		}
		for (int i = 0; i < QUEUES; i++) {
			expect_task(world->queue[i], i, 2);
			assert_int_equal(ipc_queue_task_done(world->queue[i]),
					 0);
		}
	}
	end_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_shuffled),
	};

	return RUN_TESTS(tests);
}
