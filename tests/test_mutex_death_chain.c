/* SPDX-License-Identifier: MIT */
/*
 * test_mutex_death_chain.c - holders killed one after another while others
 * wait, and waiters killed among them: it always goes to one that lives
 */
#include "mutex_util.h"

enum { LINKS = 12 };

struct chain {
	struct ipc_mutex *m;
	_Atomic int *news;     /* what lock returned to each, plus one */
	_Atomic pid_t *inside; /* who holds it */
};

struct link {
	struct chain *chain;
	int number;
};

static int hold_link(void *arg)
{
	struct link *l = arg;
	int r = ipc_mutex_lock(l->chain->m, LIBIPC_FOREVER);

	child_check(r >= 0);
	l->chain->news[l->number] = r + 1;
	*l->chain->inside = getpid();
	sleep_for_ever();
	return 0;
}

static void setup_chain(struct chain *c, pid_t pid[LINKS])
{
	c->m = new_mutex();
	c->news = shared_alloc(LINKS * sizeof(int));
	c->inside = shared_alloc(sizeof(pid_t));
	expect_lock(c->m, 0);
	for (int i = 0; i < LINKS; i++) {
		struct link l = {c, i};
		pid[i] = spawn_child(hold_link, &l);
		wait_asleep(pid[i]);
	}
}

/* the number of the holder, -1 if it is not among those that live */
static int holder_of(struct chain *c, const pid_t pid[LINKS],
		     const bool dead[LINKS])
{
	for (int i = 0; i < LINKS; i++) {
		if (pid[i] == *c->inside && !dead[i])
			return i;
	}
	return -1;
}

static int next_holder(struct chain *c, const pid_t pid[LINKS],
		       const bool dead[LINKS])
{
	assert_true(eventually(holder_of(c, pid, dead) >= 0, 10000));
	return holder_of(c, pid, dead);
}

static void test_each_holder_is_killed(void **state)
{
	struct chain c;
	pid_t pid[LINKS];
	bool dead[LINKS] = {false};
	(void)state;

	setup_chain(&c, pid);
	expect_unlock(c.m);
	for (int i = 0; i < LINKS; i++) {
		int n = next_holder(&c, pid, dead);
		assert_int_equal(c.news[n], (i ? LIBIPC_OWNER_DIED : 0) + 1);
		expect_held_by_another(c.m);
		dead[n] = true;
		kill_child(pid[n]);
	}
	expect_died_once(c.m);
	expect_close(c.m);
}

/* with each holder dies one that waits, now before it and now after it */
static void test_waiters_are_killed_too(void **state)
{
	struct chain c;
	pid_t pid[LINKS];
	bool dead[LINKS] = {false};
	(void)state;

	setup_chain(&c, pid);
	expect_unlock(c.m);
	for (int i = 0; i < LINKS / 2; i++) {
		int n = next_holder(&c, pid, dead), w = n;
		dead[n] = true;
		while (dead[w])
			w = (w + 5) % LINKS;
		dead[w] = true;
		kill(i % 2 ? pid[n] : pid[w], SIGKILL);
		kill(i % 2 ? pid[w] : pid[n], SIGKILL);
		expect_killed(pid[n], SIGKILL);
		expect_killed(pid[w], SIGKILL);
	}
	expect_died_once(c.m);
	expect_close(c.m);
}

static void test_all_at_once(void **state)
{
	struct chain c;
	pid_t pid[LINKS];
	(void)state;

	setup_chain(&c, pid);
	for (int i = 0; i < LINKS; i++)
		kill(pid[i], SIGKILL);
	for (int i = 0; i < LINKS; i++)
		expect_killed(pid[i], SIGKILL);
	expect_unlock(c.m);
	expect_sound_and_close(c.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_holder_is_killed),
		TEST(test_waiters_are_killed_too),
		TEST(test_all_at_once),
	};

	return RUN_TESTS(tests);
}
