/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_faults.c - lock and unlock, with each call failing once
 */
#include "faults.h"

static struct ipc_mutex *m;
static pid_t other;

static void make(void)
{
	child_check(ipc_mutex_create(&m, NULL, NULL) == 0);
}

static void make_recursive(void)
{
	const struct ipc_mutex_opts opts = {.flags = LIBIPC_MUTEX_RECURSIVE};

	child_check(ipc_mutex_create(&m, NULL, &opts) == 0);
}

static void drop(void)
{
	child_check(ipc_mutex_lock(m, 0) == 0);
	child_check(ipc_mutex_unlock(m) == 0);
	child_check(ipc_mutex_close(m) == 0);
}

static int lock(void)
{
	return ipc_mutex_lock(m, 1000);
}

static int unlock(void)
{
	return ipc_mutex_unlock(m);
}

static int lock_and_unlock(void)
{
	int r = lock();

	if (r == 0)
		child_check(unlock() == 0);
	return r;
}

static int lock_twice(void)
{
	int r = lock_and_unlock();

	if (r == 0)
		child_check(lock() == 0 && lock() == 0 && unlock() == 0 &&
			    unlock() == 0);
	return r;
}

static void unlock_and_drop(void)
{
	child_check(unlock() == 0);
	drop();
}

/* ---------------------------------------------------------- held by another */

/* until a byte comes */
static int hold_until_told(void *arg)
{
	int *pipes = arg;
	char c = 0;

	child_check(lock() == 0);
	child_check(write(pipes[1], &c, 1) == 1);
	child_check(read(pipes[2], &c, 1) == 1);
	child_check(unlock() == 0);
	return 0;
}

static int fds[4]; /* a pipe from the other and one to it */

static void make_held(void)
{
	int swapped[4];
	char c;

	make();
	child_check(pipe(fds) == 0 && pipe(fds + 2) == 0);
	memcpy(swapped, fds, sizeof(fds));
	other = spawn_child(hold_until_told, swapped);
	child_check(read(fds[0], &c, 1) == 1);
}

static void let_go(void)
{
	child_check(write(fds[3], "", 1) == 1);
}

static void end_other(void)
{
	expect_exit(other, 0);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	drop();
}

static int lock_in_vain(void)
{
	return ipc_mutex_lock(m, 5);
}

static void let_go_and_end(void)
{
	let_go();
	end_other();
}

/* the other lets go while we sleep; it looks from outside whether we do */
static int let_go_when_asleep(void *arg)
{
	(void)arg;
	child_check(eventually(harness_state(getppid()) == 'S', 5000));
	let_go();
	return 0;
}

static pid_t helper;

static void make_soon_free(void)
{
	make_held();
	helper = spawn_child(let_go_when_asleep, NULL);
}

static int lock_asleep(void)
{
	return ipc_mutex_lock(m, LIBIPC_FOREVER);
}

static void end_helper(void)
{
	expect_exit(helper, 0);
	child_check(unlock() == 0);
	end_other();
}

/* -------------------------------------------------------- another one waits */

static int lock_briefly(void *arg)
{
	(void)arg;
	child_check(ipc_mutex_lock(m, LIBIPC_FOREVER) == 0);
	child_check(unlock() == 0);
	return 0;
}

static void make_wanted(void)
{
	make();
	child_check(lock() == 0);
	other = spawn_child(lock_briefly, NULL);
	wait_asleep(other);
}

static void other_had_it(void)
{
	expect_exit(other, 0);
	drop();
}

static const struct fault_case cases[] = {
	{"lock", make, lock, unlock_and_drop, 0, {0}, 0},
	{"lock and unlock, first use",
	 make,
	 lock_and_unlock,
	 drop,
	 0,
	 {ENOSYS},
	 FAULTS_FRESH},
	{"lock, recursive",
	 make_recursive,
	 lock_twice,
	 drop,
	 0,
	 {ENOSYS},
	 FAULTS_FRESH},
	{"lock, held by another",
	 make_held,
	 lock_in_vain,
	 let_go_and_end,
	 -ETIMEDOUT,
	 {0},
	 FAULTS_LOOSE},
	{"lock, asleep, then let in",
	 make_soon_free,
	 lock_asleep,
	 end_helper,
	 0,
	 {0},
	 FAULTS_LOOSE},
	{"unlock, somebody waits",
	 make_wanted,
	 unlock,
	 other_had_it,
	 0,
	 {0},
	 FAULTS_LOOSE},
};

static void test_lock_and_unlock(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_faults(&cases[i]);
}

/* ------------------------------------------------------- of an ipc_shared */

static struct ipc_shared *s;

static void make_shared(void)
{
	child_check(ipc_shared_create(&s, NULL, 8, NULL) == 0);
}

static int lock_shared(void)
{
	int r = ipc_shared_lock(s, 5);

	if (r == 0)
		child_check(ipc_shared_unlock(s) == 0);
	return r;
}

static void close_shared(void)
{
	child_check(ipc_shared_close(s) == 0);
}

static void test_shared(void **state)
{
	static const struct fault_case c = {"shared: lock and unlock",
					    make_shared,
					    lock_shared,
					    close_shared,
					    0,
					    {ENOSYS},
					    FAULTS_FRESH};
	(void)state;

	expect_faults(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_lock_and_unlock, 60),
		TEST(test_shared),
	};

	return RUN_TESTS(tests);
}
