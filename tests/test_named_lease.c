/* SPDX-License-Identifier: MIT */
/*
 * test_named_lease.c - an opener that has to wait, because somebody looks by a
 * lease whether the object has users (as `libipc gc` does): it gets the object,
 * or, if that was removed meanwhile, nothing
 */
#include "named_util.h"

struct opener {
	const struct kind *kind;
	const char *name;
	int result;
	int lease;
};

static int take_lease(const char *name)
{
	int fd = shm_open(name, O_RDWR, 0);

	if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0)
		return fd;
	close(fd);
	print_message("# skipped: no leases here: %s\n", strerror(errno));
	return -1;
}

static void on_signal(int sig)
{
	(void)sig;
}

static int open_it(void *arg)
{
	const struct opener *o = arg;
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGUSR1, &action, NULL); /* without SA_RESTART */
	close(o->lease);		   /* or we keep it, too */
	child_check(try_open(o->kind, o->name) == o->result);
	return 0;
}

/* an opener that waits for the lease, disturbed by signals */
static pid_t start_opener(struct opener *o)
{
	pid_t pid = spawn_child(open_it, o);

	assert_true(eventually(fcntl(o->lease, F_GETLEASE) != F_WRLCK, 5000));
	for (int i = 0; i < 5; i++) {
		wait_asleep(pid);
		kill(pid, SIGUSR1);
	}
	wait_asleep(pid);
	return pid;
}

static void with_opener(bool removed)
{
	signal(SIGIO, SIG_IGN); /* what tells that somebody waits */
	for (int i = 0; i < KINDS; i++) {
		char name[64];
		struct opener o = {&kinds[i], unique_name(name, "lease"),
				   removed ? -ENOENT : 0, -1};
		pid_t pid;

		expect_closed(&kinds[i], new_object(&kinds[i], name, 0));
		o.lease = take_lease(name);
		if (o.lease < 0) {
			expect_unlinked(name);
			skip();
		}
		pid = start_opener(&o);
		if (removed)
			expect_unlinked(name);
		close(o.lease);
		expect_exit(pid, 0);
		if (!removed)
			expect_unlinked(name);
	}
}

static void test_opener_gets_it(void **state)
{
	(void)state;
	with_opener(false);
}

static void test_removed_under_the_opener(void **state)
{
	(void)state;
	with_opener(true);
}

/* open, mapped, inherited: all of it counts as use; closed, it is over */
static int hold_until_killed(void *arg)
{
	_Atomic int *there = arg;

	*there = 1;
	pause();
	return 0;
}

static void test_handles_are_seen(void **state)
{
	(void)state;

	for (int i = 0; i < KINDS; i++) {
		_Atomic int *there = shared_alloc(sizeof(int));
		char name[64];
		void *o;
		int fd;
		pid_t pid;

		o = new_object(&kinds[i], unique_name(name, "users"), 0);
		fd = shm_open(name, O_RDWR, 0);
		assert_int_equal(fcntl(fd, F_SETLEASE, F_WRLCK), -1);
		pid = spawn_child(hold_until_killed, (void *)there);
		assert_true(eventually(*there, 5000));
		expect_closed(&kinds[i], o);
		assert_int_equal(fcntl(fd, F_SETLEASE, F_WRLCK), -1);
		kill_child(pid);
		assert_true(fcntl(fd, F_SETLEASE, F_WRLCK) == 0 ||
			    errno == EINVAL);
		close(fd);
		expect_unlinked(name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_opener_gets_it),
		TEST(test_removed_under_the_opener),
		TEST(test_handles_are_seen),
	};

	return RUN_TESTS(tests);
}
