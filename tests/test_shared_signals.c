/* SPDX-License-Identifier: MIT */
/*
 * test_shared_signals.c - a signal handler that runs all the time does not
 * keep a large object from being made, nor its lock from working
 */
#include "shared_util.h"
#include "observe.h"

/* to reserve them takes longer than from one signal to the next; a kernel
   before 6.10 gives up then, and forgets what it had reserved */
enum { LARGE = 32 << 20 };

static _Atomic long handled;

static int make_large(void *arg)
{
	struct ipc_shared *s, *same;

	storm_begin(&handled);
	child_check(ipc_shared_create(&s, arg, LARGE, NULL) == 0);
	child_check(ipc_shared_open(&same, arg) == 0);
	child_check(ipc_unlink(arg) == 0);
	child_check(ipc_shared_size(same) == LARGE);
	((char *)ipc_shared_data(s))[LARGE - 1] = 1;
	child_check(((char *)ipc_shared_data(same))[LARGE - 1] == 1);
	child_check(ipc_shared_close(same) == 0);
	child_check(ipc_shared_close(s) == 0);
	return 0;
}

static void test_large_object(void **state)
{
	char name[64];
	(void)state;

	expect_exit(spawn_child(make_large, unique_name(name, "large")), 0);
}

struct stormed {
	struct ipc_shared *s;
	_Atomic long handled;
	_Atomic int timed_out;
};

static int time_out_and_wait(void *arg)
{
	struct stormed *stormed = arg;
	struct ipc_shared *s = stormed->s;
	double start = now_ms();

	storm_begin(&stormed->handled);
	child_check(ipc_shared_lock(s, 0) == -EAGAIN);
	child_check(ipc_shared_lock(s, 50) == -ETIMEDOUT);
	child_check(now_ms() - start >= 50);
	stormed->timed_out = 1;
	child_check(ipc_shared_lock(s, LIBIPC_FOREVER) == 0);
	child_check(ipc_shared_unlock(s) == 0);
	return 0;
}

static void test_lock(void **state)
{
	struct stormed *stormed = shared_alloc(sizeof(*stormed));
	struct ipc_shared *s = new_shared(1);
	pid_t pid;
	(void)state;

	stormed->s = s;
	expect_lock(s, 0);
	pid = spawn_child(time_out_and_wait, stormed);
	assert_true(eventually(stormed->timed_out, 10000));
	assert_true(eventually(stormed->handled > 30, 10000));
	expect_unlock(s);
	expect_exit(pid, 0);
	expect_sound(s);
	expect_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_large_object),
		TEST(test_lock),
	};

	return RUN_TESTS(tests);
}
