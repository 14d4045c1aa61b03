/* SPDX-License-Identifier: MIT */
/*
 * test_gate_bounded.c - the gate with a room: who died where, and that whoever
 * sleeps finds out by itself
 *
 * Always of the bounded back end, whatever this system can do.
 */
#include "gate_util.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>

/* what may pass until a sleeper has looked by itself, with a slow machine */
#define SOON_MS 2000

static void leave(struct test_gate *t)
{
	struct ipci_self *self = ipci_self();

	ipci_gate_announce(self, &t->gate);
	ipci_gate_pop(self);
	ipci_gate_release(self, &t->gate);
}

static int enter(struct test_gate *t, int timeout_ms)
{
	struct ipci_self *self = ipci_self();
	int r = ipci_gate_enter(self, &t->gate, ipci_deadline(timeout_ms));

	if (r == 0)
		ipci_gate_push(self, &t->gate);
	return r;
}

static void test_it_is_bounded(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	assert_int_equal(ipc_caps(), LIBIPC_CAP_BOUNDED_WAKE);
	assert_int_not_equal(ipci_os_backend(), IPCI_BACKEND_EXACT);
	assert_ptr_equal(t->gate.room, &t->side.room);
	assert_true(holds_nothing());
}

static void test_word_names_who_is_inside(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	set_ready(t, true);
	assert_int_equal(word_of(t), 0);
	assert_int_equal(enter(t, 0), 0);
	assert_int_equal(word_of(t), ipci_self()->key);
	assert_true(ipci_gate_mine(ipci_self(), &t->gate));
	leave(t);
	assert_int_equal(word_of(t), 0);
	assert_false(ipci_gate_mine(ipci_self(), &t->gate));
}

static void stop_here(int sig)
{
	(void)sig;
	_exit(3);
}

/* it gets no further than to the mutex */
static int sign_out(void *arg)
{
	struct test_gate *t = arg;

	child_check(enter(t, 0) == 0);
	signal(SIGSEGV, stop_here);
	child_check(mprotect(t->gate.room, sizeof(*t->gate.room), PROT_READ) ==
		    0);
	leave(t);
	return 3; /* there is none */
}

/* b3 before b4: whoever comes in next has signed in by then, perhaps */
static void test_signs_out_before_it_lets_go(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	t->gate.room = shared_alloc(sizeof(*t->gate.room));
	ipci_room_init(t->gate.room);
	set_ready(t, true);
	expect_exit(spawn_child(sign_out, t), 3);
	assert_int_equal(word_of(t), 0);
}

/* --------------------------------------------------------- deaths of owners */

static int die_inside(void *arg)
{
	child_check(enter(arg, 0) == 0);
	die();
}

/* b1: locked, and not yet signed in; b3: signed out, and not yet unlocked */
static int die_unnamed(void *arg)
{
	struct test_gate *t = arg;

	child_check(enter(t, 0) == 0);
	atomic_store(&t->side.word, 0);
	die();
}

static void expect_usable(struct test_gate *t)
{
	for (int i = 0; i < 3; i++) {
		assert_int_equal(enter(t, 0), 0);
		leave(t);
	}
}

static void test_owner_died(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	set_ready(t, true);
	for (int i = 0; i < 10; i++) {
		expect_killed(spawn_child(i % 2 ? die_inside : die_unnamed, t),
			      SIGKILL);
		expect_usable(t);
	}
}

static int enter_and_end(void *arg)
{
	child_check(enter(arg, 0) == 0);
	return 0;
}

static void test_owner_thread_ended(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	set_ready(t, true);
	join_thread(start_thread(enter_and_end, t));
	assert_true(eventually(enter(t, 0) == 0, 1000));
	leave(t);
	expect_usable(t);
}

static int enter_and_leave(void *arg)
{
	child_check(enter(arg, LIBIPC_FOREVER) == 0);
	leave(arg);
	return 0;
}

/* they sleep while somebody is inside, who does not come out */
static void test_those_who_wait_get_in(void **state)
{
	struct test_gate *t = new_gate();
	pid_t holder, pid[3];
	(void)state;

	set_ready(t, true);
	holder = spawn_child(die_inside, t);
	expect_killed(holder, SIGKILL);
	assert_int_equal(enter(t, 0), 0);
	for (int i = 0; i < 3; i++) {
		pid[i] = spawn_child(enter_and_leave, t);
		wait_asleep(pid[i]);
	}
	leave(t);
	for (int i = 0; i < 3; i++)
		expect_exit(pid[i], 0);
}

static int die_when_told(void *arg)
{
	struct test_gate *t = arg;

	child_check(enter(t, 0) == 0);
	while (atomic_load(&t->side.index) == 0)
		sleep_ms(1);
	die();
}

static void test_the_owner_dies_while_they_wait(void **state)
{
	struct test_gate *t = new_gate();
	pid_t holder, pid[3];
	double from;
	(void)state;

	set_ready(t, true);
	holder = spawn_child(die_when_told, t);
	assert_true(eventually(word_of(t) != 0, 5000));
	for (int i = 0; i < 3; i++) {
		pid[i] = spawn_child(enter_and_leave, t);
		wait_asleep(pid[i]);
	}
	atomic_store(&t->side.index, 1);
	expect_killed(holder, SIGKILL);
	from = now_ms();
	for (int i = 0; i < 3; i++)
		expect_exit(pid[i], 0);
	assert_true(now_ms() - from < SOON_MS * test_slow());
}

/* ---------------------------------------------------------- long-held words */

/* a thread that was joined is not quite gone, as far as the kernel can tell */
static void expect_dead(struct test_gate *t, bool dead)
{
	if (dead)
		assert_true(eventually(ipci_gate_dead(&t->gate), 1000));
	for (int i = 0; i < 3; i++)
		assert_int_equal(ipci_gate_dead(&t->gate), dead);
}

static void test_dead_or_not(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	expect_dead(t, false);
	set_ready(t, true);
	assert_int_equal(enter(t, 0), 0);
	expect_dead(t, false);
	leave(t);
	expect_dead(t, false);
	expect_killed(spawn_child(die_inside, t), SIGKILL);
	expect_dead(t, true);
	assert_int_equal(enter(t, 0), 0);
	expect_dead(t, false);
	leave(t);
	expect_dead(t, false);
	join_thread(start_thread(enter_and_end, t));
	expect_dead(t, true);
	expect_killed(spawn_child(die_unnamed, t), SIGKILL);
	expect_dead(t, false);
}

/* one that another thread of this process holds is not its own */
static int not_mine(void *arg)
{
	struct test_gate *t = arg;

	child_check(!ipci_gate_mine(ipci_self(), &t->gate));
	child_check(!ipci_gate_take(ipci_self(), &t->gate));
	ipci_gate_settle(ipci_self());
	child_check(!ipci_gate_dead(&t->gate));
	return 0;
}

static void test_whose_it_is(void **state)
{
	struct test_gate *t = new_gate();
	uint32_t mark;
	(void)state;

	set_ready(t, true);
	assert_int_equal(enter(t, 0), 0);
	mark = ipci_gate_mark(ipci_self(), &t->gate);
	assert_true(ipci_gate_holds(&t->gate, mark));
	assert_false(ipci_gate_holds(&t->gate, mark + 1));
	join_thread(start_thread(not_mine, t));
	expect_exit(spawn_child(not_mine, t), 0);
	leave(t);
	assert_false(ipci_gate_holds(&t->gate, mark));
}

static int claim_and_die(void *arg)
{
	const struct test_gate *t = arg;

	child_check(ipci_gate_claim(ipci_self(), &t->gate));
	die();
}

/* nobody's until it is buried, which it is once */
static void test_claimed_after_a_death(void **state)
{
	struct test_gate *t = new_gate();
	struct ipci_self *self = ipci_self();
	(void)state;

	for (int i = 0; i < 2; i++) {
		expect_killed(spawn_child(claim_and_die, t), SIGKILL);
		assert_false(ipci_gate_claim(self, &t->gate));
		expect_dead(t, true);
		assert_false(ipci_gate_claim(self, &t->gate));
		ipci_gate_bury(&t->gate);
		expect_dead(t, false);
	}
	assert_true(ipci_gate_claim(self, &t->gate));
	expect_dead(t, false);
	ipci_gate_abandon(self, &t->gate);
	expect_dead(t, true);
}

/* ----------------------------------------------------------------- wake-ups */

/* nobody tells the sleeper, for whoever should have is dead */
static void test_lost_wake_up(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	for (int i = 0; i < 5; i++) {
		pid_t pid = spawn_awaiting(t);
		double from = now_ms();

		set_ready(t, true);
		expect_exit(pid, 0);
		assert_true(now_ms() - from < SOON_MS * test_slow());
		set_ready(t, false);
	}
}

static int posts(struct test_gate *t)
{
	int n = -1;

	assert_int_equal(sem_getvalue((sem_t *)t->side.room.sem, &n), 0);
	return n;
}

/* wake-ups for nobody do not pile up, and end when nobody comes any more */
static void test_fires_for_nobody(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	for (int i = 0; i < 1000; i++)
		ipci_gate_fire(&t->gate);
	assert_int_equal(hint_of(t), 0);
	kill_child(spawn_awaiting(t));
	assert_int_not_equal(hint_of(t), 0);
	for (int i = 0; i < 1000; i++)
		ipci_gate_fire(&t->gate);
	assert_in_range(posts(t), 0, 1);
	sleep_ms(300);
	ipci_gate_fire(&t->gate);
	assert_int_equal(hint_of(t), 0);
}

/* a stamp of just now: there is somebody, who need not look by himself */
static bool post_for_a_new_stamp(struct test_gate *t)
{
	atomic_store(t->gate.hint, (uint64_t)ipci_coarse_ns() | 1);
	ipci_gate_fire(&t->gate);
	return posts(t) == 1;
}

static void test_a_fire_wakes_a_sleeper(void **state)
{
	struct test_gate *t = new_gate();
	(void)state;

	assert_int_equal(posts(t), 0);
	assert_true(eventually(post_for_a_new_stamp(t), 1000));
	assert_int_not_equal(hint_of(t), 0);
}

/* it wakes in time for a moment, whatever the slice */
static void test_never_early_hardly_late(void **state)
{
	const int timeouts[] = {1, 7, 40, 90};
	struct test_gate *t = new_gate();
	(void)state;

	for (int i = 0; i < 4; i++) {
		double from = now_ms();

		assert_int_equal(enter(t, timeouts[i]), -ETIMEDOUT);
		assert_true(now_ms() - from >= timeouts[i]);
		assert_true(now_ms() - from <
			    timeouts[i] + SOON_MS * test_slow());
	}
}

/* a sleep is no place to be cancelled */
static int sleep_once(void *arg)
{
	struct test_gate *t = arg;

	ipci_room_sleep(&t->side.room, IPCI_NEVER);
	return 7;
}

static void *be_cancelled(void *arg)
{
	pthread_cancel(pthread_self());
	sleep_once(arg);
	atomic_store(&((struct test_gate *)arg)->side.index, 1);
	pthread_testcancel();
	return NULL;
}

static void test_not_a_cancellation_point(void **state)
{
	struct test_gate *t = new_gate();
	pthread_t thread;
	void *r;
	(void)state;

	assert_int_equal(pthread_create(&thread, NULL, be_cancelled, t), 0);
	assert_int_equal(pthread_join(thread, &r), 0);
	assert_ptr_equal(r, PTHREAD_CANCELED);
	assert_int_equal(atomic_load(&t->side.index), 1);
}

int main(void)
{
	const char *wanted = getenv("LIBIPC_BACKEND");
	const struct CMUnitTest tests[] = {
		TEST(test_it_is_bounded),
		TEST(test_word_names_who_is_inside),
		TEST(test_signs_out_before_it_lets_go),
		TEST(test_owner_died),
		TEST(test_owner_thread_ended),
		TEST(test_those_who_wait_get_in),
		TEST(test_the_owner_dies_while_they_wait),
		TEST(test_dead_or_not),
		TEST(test_whose_it_is),
		TEST(test_claimed_after_a_death),
		TEST(test_lost_wake_up),
		TEST(test_fires_for_nobody),
		TEST(test_a_fire_wakes_a_sleeper),
		TEST(test_never_early_hardly_late),
		TEST(test_not_a_cancellation_point),
	};

	/* "pid", to be tried by hand, stays */
	if (!wanted || strcmp(wanted, "pid"))
		setenv("LIBIPC_BACKEND", "posix", 1);
	return RUN_TESTS(tests);
}
