/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_death_random.c - processes lock at random while others of them
 * are killed at random: never two inside, the news is true, all go on
 */
#include "mutex_util.h"

#include <time.h>

enum { WORKERS = 6, KILLS = 250 };

/*
 * Whoever is inside has written its pid, after lock returned, and takes it
 * out before it calls unlock. So a pid that is there when lock returns is of
 * one that died inside; one that died inside may also have left none.
 */
struct work {
	_Atomic pid_t inside;
	_Atomic long rounds;
	_Atomic long deaths;
	struct ipc_mutex *m;
};

static int lock_somehow(struct work *w, unsigned int *random)
{
	switch (rand_r(random) % 3) {
	case 0:
		return ipc_mutex_lock(w->m, 0);
	case 1:
		return ipc_mutex_lock(w->m, 1);
	default:
		return ipc_mutex_lock(w->m, LIBIPC_FOREVER);
	}
}

static void be_inside(struct work *w, bool died)
{
	pid_t before = w->inside;

	child_check(before == 0 || died);
	w->inside = getpid();
	w->rounds++;
	w->deaths += died;
	for (volatile int i = 0; i < 200; i++)
		child_check(w->inside == getpid());
	w->inside = 0;
}

static int work_for_ever(void *arg)
{
	struct work *w = arg;
	unsigned int random = (unsigned int)getpid();

	for (;;) {
		int r = lock_somehow(w, &random);
		if (r == -EAGAIN || r == -ETIMEDOUT)
			continue;
		child_check(r == 0 || r == LIBIPC_OWNER_DIED);
		be_inside(w, r == LIBIPC_OWNER_DIED);
		child_check(ipc_mutex_unlock(w->m) == 0);
	}
	return 0;
}

/* those who are left get in, again and again */
static void expect_progress(struct work *w)
{
	long before = w->rounds;

	assert_true(eventually(w->rounds >= before + 20, 10000));
}

static void test_random_deaths(void **state)
{
	struct work *w = shared_alloc(sizeof(*w));
	unsigned int random = (unsigned int)time(NULL);
	pid_t pid[WORKERS];
	(void)state;

	print_message("# seed %u\n", random);
	w->m = new_mutex();
	for (int i = 0; i < WORKERS; i++)
		pid[i] = spawn_child(work_for_ever, w);
	for (int n = 0; n < KILLS; n++) {
		int victim = rand_r(&random) % WORKERS;
		if (n % 10 == 0)
			expect_progress(w);
		sleep_ms(rand_r(&random) % 1000 / 400.0);
		kill_child(pid[victim]);
		pid[victim] = spawn_child(work_for_ever, w);
	}
	expect_progress(w);
	for (int i = 0; i < WORKERS; i++)
		kill_child(pid[i]);
	assert_true(ipc_mutex_lock(w->m, 10000) >= 0);
	expect_unlock(w->m);
	expect_sound_and_close(w->m);
	/* else nobody was killed inside, and the test has shown nothing */
	assert_true(w->deaths > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_random_deaths, 60),
	};

	return RUN_TESTS(tests);
}
