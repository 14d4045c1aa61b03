/* SPDX-License-Identifier: MIT */
/*
 * test_named_race.c - of those who create the same name at the same time one
 * wins, and whoever opens it meanwhile finds a whole object or none
 *
 * By chance here; test_named_steps.c goes through the system calls one by one.
 */
#include "named_util.h"

#include <sched.h>

enum { RACERS = 4, ROUNDS = 100 };

struct race {
	const struct kind *kind;
	char name[64];
	_Atomic int ready[ROUNDS], done[ROUNDS];
	_Atomic int winners[ROUNDS];
	_Atomic int stop;
	_Atomic int seen;
};

/* until all of them are here */
static void meet(_Atomic int *gate)
{
	double until = now_ms() + 10e3 * test_slow();

	++*gate;
	for (int i = 0; *gate < RACERS; i++) {
		child_check(now_ms() < until);
		if (i < 100)
			sched_yield();
		else
			sleep_ms(0.02);
	}
}

/* whoever lost opens it at once: it is whole */
static int create_at_the_same_time(void *arg)
{
	struct race *race = arg;

	for (int i = 0; i < ROUNDS; i++) {
		int r;
		meet(&race->ready[i]);
		r = try_create(race->kind, race->name, 0, 0);
		child_check(r == 0 || r == -EEXIST);
		race->winners[i] += r == 0;
		child_check(try_open(race->kind, race->name) == 0);
		meet(&race->done[i]);
		if (r == 0)
			child_check(ipc_unlink(race->name) == 0);
	}
	return 0;
}

static struct race *new_race(const struct kind *k)
{
	struct race *race = shared_alloc(sizeof(*race));

	race->kind = k;
	unique_name(race->name, k->tag);
	return race;
}

static void test_one_wins(void **state)
{
	pid_t pid[RACERS];
	(void)state;

	for (int i = 0; i < KINDS; i++) {
		struct race *race = new_race(&kinds[i]);
		for (int n = 0; n < RACERS; n++)
			pid[n] = spawn_child(create_at_the_same_time, race);
		for (int n = 0; n < RACERS; n++)
			expect_exit(pid[n], 0);
		for (int n = 0; n < ROUNDS; n++)
			assert_int_equal(race->winners[n], 1);
		expect_nothing(race->name);
	}
}

/* it comes and goes, and nobody ever sees half of it */
static int open_all_the_time(void *arg)
{
	struct race *race = arg;

	while (!race->stop) {
		void *o = SENTINEL;
		int r = race->kind->open(&o, race->name);
		child_check(r == 0 || r == -ENOENT);
		child_check((r == 0) == (o != SENTINEL));
		if (r == 0) {
			race->seen++;
			child_check(race->kind->close(o) == 0);
		}
	}
	return 0;
}

static void test_opened_whole(void **state)
{
	pid_t pid[2];
	(void)state;

	for (int i = 0; i < KINDS; i++) {
		struct race *race = new_race(&kinds[i]);
		for (int n = 0; n < 2; n++)
			pid[n] = spawn_child(open_all_the_time, race);
		for (int n = 0; n < 300 || race->seen < 20; n++) {
			assert_int_equal(try_create(race->kind, race->name, 0,
						    10000),
					 0);
			expect_unlinked(race->name);
		}
		race->stop = 1;
		for (int n = 0; n < 2; n++)
			expect_exit(pid[n], 0);
	}
}

/* killed at any moment, the creator leaves a whole object, or none */
static int create_all_the_time(void *arg)
{
	struct race *race = arg;

	for (;;) {
		int r = try_create(race->kind, race->name, 0, 10000);
		child_check(r == 0 || r == -EEXIST);
		race->seen++;
		ipc_unlink(race->name);
	}
	return 0;
}

static void test_creator_is_killed(void **state)
{
	unsigned int random = 3;
	(void)state;

	for (int i = 0; i < KINDS; i++) {
		struct race *race = new_race(&kinds[i]);
		for (int n = 0; n < 25; n++) {
			pid_t pid = spawn_child(create_all_the_time, race);
			int r;
			race->seen = 0;
			assert_true(eventually(race->seen > 3, 10000));
			sleep_ms(rand_r(&random) % 100 / 100.0);
			kill_child(pid);
			r = try_open(race->kind, race->name);
			assert_true(r == 0 || r == -ENOENT);
			assert_int_equal(ipc_unlink(race->name), r);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_wins),
		TEST(test_opened_whole),
		TEST(test_creator_is_killed),
	};

	return RUN_TESTS(tests);
}
