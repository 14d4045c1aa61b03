/* SPDX-License-Identifier: MIT */
/*
 * test_tool_stat.c - libipc stat says of an object what is true, also while
 * everything is stuck
 */
#include "tool_util.h"
#include "named_util.h"
#include "observe.h"

static struct ran r;

/* the object as JSON; also that the text form works */
static const char *stat_of(const char *name)
{
	run_tool(&r, "stat", (char *)(uintptr_t)name);
	expect_well(&r);
	run_tool(&r, "-j", "stat", (char *)(uintptr_t)name);
	expect_well(&r);
	assert_true(json_is_valid(r.out));
	return r.out;
}

static char *number(char buf[32], long n)
{
	snprintf(buf, 32, "%ld", n);
	return buf;
}

static void test_the_file(void **state)
{
	const char *const names[KINDS] = {"\"mutex\"", "\"shared\"",
					  "\"queue\""};
	char name[64], quoted[80], buf[32];
	struct stat st;
	(void)state;

	for (int i = 0; i < KINDS; i++) {
		char path[300];
		const char *o;

		unique_name(name, kinds[i].tag);
		expect_closed(&kinds[i], new_object(&kinds[i], name, 0640));
		o = stat_of(name);
		snprintf(quoted, sizeof(quoted), "\"%s\"", name);
		expect_json(o, "name", quoted);
		expect_json(o, "kind", names[i]);
		expect_json(o, "state", "\"ok\"");
		expect_json(o, "mode", "\"0640\"");
		assert_int_equal(stat(path_of(path, name), &st), 0);
		expect_json(o, "size", number(buf, st.st_size));
		expect_json(o, "memory", number(buf, st.st_blocks * 512));
		expect_unlinked(name);
	}
}

/* with and without a slash */
static void test_name_without_slash(void **state)
{
	char name[64];
	struct ipc_mutex *m;
	(void)state;

	assert_int_equal(ipc_mutex_create(&m, unique_name(name, "slash"), NULL),
			 0);
	stat_of(name);
	stat_of(name + 1);
	assert_int_equal(ipc_mutex_close(m), 0);
	expect_unlinked(name);
}

static int lock_and_sleep(void *arg)
{
	child_check(ipc_mutex_lock(arg, LIBIPC_FOREVER) >= 0);
	for (;;)
		pause();
	return 0;
}

/* key.pid and key.tid are that thread */
static void expect_thread(const char *thread, pid_t pid)
{
	char buf[32];

	expect_json(thread, "pid", number(buf, pid));
	expect_json(thread, "tid", number(buf, pid));
	expect_json(thread, "state", "\"S\"");
	assert_non_null(json_member(thread, "command"));
}

/* how many sleep at part of it, or at all of it: NULL */
static bool has_sleepers(const char *name, const char *part, long n)
{
	const char *o = stat_of(name);
	char buf[32];

	return json_is(json_member(part ? json_member(o, part) : o, "sleepers"),
		       number(buf, n));
}

/* who sleeps may look up just when we look */
#define expect_asleep(name, part, n)                                           \
	assert_true(eventually(has_sleepers(name, part, n), 5000))

static void test_mutex(void **state)
{
	const struct ipc_mutex_opts opts = {.flags = LIBIPC_MUTEX_RECURSIVE};
	char name[64], line[100];
	struct ipc_mutex *m;
	pid_t holder, sleeper;
	const char *o;
	(void)state;

	need_exact_wakes(); /* who sleeps cannot be seen else */
	assert_int_equal(
		ipc_mutex_create(&m, unique_name(name, "mutex"), &opts), 0);
	o = stat_of(name);
	expect_json(o, "holder", "null");
	expect_json(o, "depth", "0");
	expect_json(o, "sleepers", "0");
	expect_json(o, "all_sleepers_known", "true");

	assert_int_equal(ipc_mutex_lock(m, 0), 0);
	assert_int_equal(ipc_mutex_lock(m, 0), 0);
	o = stat_of(name);
	expect_json(o, "depth", "2");
	snprintf(line, sizeof(line), "%d", (int)getpid());
	expect_json(json_member(o, "holder"), "pid", line);
	assert_int_equal(ipc_mutex_unlock(m), 0);
	assert_int_equal(ipc_mutex_unlock(m), 0);

	holder = spawn_child(lock_and_sleep, m);
	assert_true(eventually(ipc_mutex_lock(m, 0) == -EAGAIN ||
				       ipc_mutex_unlock(m) != 0,
			       5000));
	wait_asleep(holder);
	sleeper = spawn_child(lock_and_sleep, m);
	wait_asleep(sleeper);
	expect_asleep(name, NULL, 1);
	o = r.out;
	expect_thread(json_member(o, "holder"), holder);
	expect_json(o, "depth", "1");
	expect_thread(json_element(json_member(o, "asleep"), 0), sleeper);

	kill_child(sleeper);
	kill_child(holder);
	o = stat_of(name);
	expect_json(o, "holder", "null");
	expect_json(o, "holder_died", "true");
	expect_json(o, "sleepers", "0");
	assert_int_equal(ipc_mutex_lock(m, 0), LIBIPC_OWNER_DIED);
	expect_json(stat_of(name), "holder_died", "false");
	assert_int_equal(ipc_mutex_unlock(m), 0);
	assert_int_equal(ipc_mutex_close(m), 0);
	expect_unlinked(name);
}

static int get_one(void *arg)
{
	char buf[100];

	child_check(ipc_queue_get(arg, buf, sizeof(buf), LIBIPC_FOREVER) >= 0);
	return 0;
}

static int put_one(void *arg)
{
	child_check(ipc_queue_put(arg, "x", 1, LIBIPC_FOREVER) == 0);
	return 0;
}

static void expect_counts(const char *o, long put, long got, long items)
{
	char buf[32];

	expect_json(json_member(o, "put"), "total", number(buf, put));
	expect_json(json_member(o, "get"), "total", number(buf, got));
	expect_json(o, "items", number(buf, items));
}

static void expect_sleepers(const char *name, long putters, long getters)
{
	expect_asleep(name, "put", putters);
	expect_asleep(name, "get", getters);
	expect_json(json_member(r.out, "put"), "inside", "null");
	expect_json(json_member(r.out, "get"), "inside", "null");
}

static void test_queue_shut_down(void **state)
{
	const struct ipc_queue_opts opts = {.maxsize = 2,
					    .item_size = 40,
					    .order = LIBIPC_LIFO,
					    .flags = LIBIPC_JOINABLE};
	char name[64];
	struct ipc_queue *q;
	const char *o;
	(void)state;

	assert_int_equal(ipc_queue_create(&q, unique_name(name, "shut"), &opts),
			 0);
	assert_int_equal(put_one(q), 0);
	assert_int_equal(put_one(q), 0);
	assert_int_equal(get_one(q), 0);
	o = stat_of(name);
	expect_json(o, "order", "\"lifo\"");
	expect_json(o, "shut_down", "false");
	expect_counts(o, 2, 1, 1);
	expect_json(o, "unfinished", "2");
	assert_int_equal(ipc_queue_shutdown(q, true), 0);
	o = stat_of(name);
	expect_json(o, "shut_down", "true");
	expect_counts(o, 2, 1, 0);
	expect_json(o, "unfinished", "1");
	assert_int_equal(ipc_queue_task_done(q), 0);
	assert_int_equal(ipc_queue_close(q), 0);
	expect_unlinked(name);
}

static void test_queue(void **state)
{
	const struct ipc_queue_opts opts = {.maxsize = 2, .item_size = 40};
	char name[64];
	struct ipc_queue *q;
	pid_t child[3];
	const char *o;
	(void)state;

	need_exact_wakes(); /* who sleeps cannot be seen else */
	assert_int_equal(
		ipc_queue_create(&q, unique_name(name, "queue"), &opts), 0);
	o = stat_of(name);
	expect_json(o, "order", "\"fifo\"");
	expect_json(o, "joinable", "false");
	expect_json(o, "maxsize", "2");
	expect_json(o, "item_size", "40");
	expect_counts(o, 0, 0, 0);
	expect_sleepers(name, 0, 0);
	assert_null(json_member(o, "unfinished"));

	for (int i = 0; i < 3; i++) {
		child[i] = spawn_child(get_one, q);
		wait_asleep(child[i]);
	}
	expect_sleepers(name, 0, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(put_one(q), 0);
	for (int i = 0; i < 3; i++)
		expect_exit(child[i], 0);
	o = stat_of(name);
	expect_counts(o, 3, 3, 0);
	expect_sleepers(name, 0, 0);

	for (int i = 0; i < 2; i++)
		assert_int_equal(put_one(q), 0);
	for (int i = 0; i < 2; i++) {
		child[i] = spawn_child(put_one, q);
		wait_asleep(child[i]);
	}
	o = stat_of(name);
	expect_counts(o, 5, 3, 2);
	expect_sleepers(name, 2, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(get_one(q), 0);
		expect_exit(child[i], 0);
	}
	assert_int_equal(ipc_queue_close(q), 0);
	expect_unlinked(name);
}

static int join_it(void *arg)
{
	child_check(ipc_queue_join(arg, LIBIPC_FOREVER) == 0);
	return 0;
}

static void test_joinable_queue(void **state)
{
	const struct ipc_queue_opts opts = {
		.maxsize = 8, .item_size = 40, .flags = LIBIPC_JOINABLE};
	char name[64];
	struct ipc_queue *q;
	const char *o;
	pid_t joiner;
	(void)state;

	need_exact_wakes(); /* who sleeps cannot be seen else */
	assert_int_equal(
		ipc_queue_create(&q, unique_name(name, "joinable"), &opts), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(put_one(q), 0);
	assert_int_equal(get_one(q), 0);
	joiner = spawn_child(join_it, q);
	wait_asleep(joiner);
	o = stat_of(name);
	expect_json(o, "joinable", "true");
	expect_json(o, "unfinished", "3");
	expect_asleep(name, "done", 1);
	assert_int_equal(ipc_queue_task_done(q), 0);
	o = stat_of(name);
	expect_json(o, "unfinished", "2");
	expect_json(json_member(o, "done"), "total", "1");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(get_one(q), 0);
		assert_int_equal(ipc_queue_task_done(q), 0);
	}
	expect_exit(joiner, 0);
	assert_int_equal(ipc_queue_close(q), 0);
	expect_unlinked(name);
}

static int sleep_long(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

static bool is_listed(const char *users, pid_t pid)
{
	char buf[32];
	const char *u;

	number(buf, pid);
	for (int i = 0; (u = json_element(users, i)); i++)
		if (!strncmp(json_member(u, "pid"), buf, strlen(buf)))
			return true;
	return false;
}

/* whoever has it mapped, a forked child too */
static void test_users(void **state)
{
	char name[64];
	struct ipc_shared *s;
	pid_t child;
	(void)state;

	assert_int_equal(
		ipc_shared_create(&s, unique_name(name, "users"), 99, NULL), 0);
	child = spawn_child(sleep_long, NULL);
	assert_true(is_listed(json_member(stat_of(name), "users"), getpid()));
	assert_true(is_listed(json_member(r.out, "users"), child));
	expect_json(r.out, "bytes", "99");
	assert_int_equal(ipc_shared_close(s), 0);
	assert_false(is_listed(json_member(stat_of(name), "users"), getpid()));
	assert_true(is_listed(json_member(r.out, "users"), child));
	kill_child(child);
	assert_false(is_listed(json_member(stat_of(name), "users"), child));
	expect_unlinked(name);
}

/* a process stopped inside the critical section blocks everybody but us */
static int stop_inside(void *arg)
{
	child_check(ipc_mutex_lock(arg, 0) == 0);
	raise(SIGSTOP);
	return ipc_mutex_unlock(arg);
}

static void test_stopped_holder(void **state)
{
	char name[64];
	struct ipc_mutex *m;
	const char *o;
	pid_t pid;
	(void)state;

	assert_int_equal(
		ipc_mutex_create(&m, unique_name(name, "stopped"), NULL), 0);
	pid = spawn_child(stop_inside, m);
	assert_true(eventually(harness_state(pid) == 'T', 5000));
	o = stat_of(name);
	expect_json(json_member(o, "holder"), "state", "\"T\"");
	assert_null(json_member(o, "for_ms_at_least"));
	run_tool(&r, "stat", "-jw", name);
	expect_well(&r);
	if (ipc_caps() & LIBIPC_CAP_EXACT_WAKE)
		expect_json(r.out, "for_ms_at_least", "1000");
	kill(pid, SIGCONT);
	expect_exit(pid, 0);
	assert_int_equal(ipc_mutex_close(m), 0);
	expect_unlinked(name);
}

static int lock_it(void *arg)
{
	child_check(ipc_mutex_lock(arg, LIBIPC_FOREVER) == 0);
	return ipc_mutex_unlock(arg);
}

static long number_at(const char *o, const char *key)
{
	const char *n = json_member(o, key);

	return n ? strtol(n, NULL, 10) : -1;
}

static bool held_for(const char *name, long ms)
{
	return number_at(stat_of(name), "for_ms_at_least") >= ms;
}

/*
 * Who sleeps at a lock says since when it has been held, with no watching: the
 * first one does, not the one that came last; and not since longer than that.
 */
static void test_held_since(void **state)
{
	char name[64];
	struct ipc_mutex *m;
	pid_t holder, sleeper[2];
	double before, after, asleep;
	(void)state;

	need_exact_wakes();
	assert_int_equal(ipc_mutex_create(&m, unique_name(name, "since"), NULL),
			 0);
	holder = spawn_child(stop_inside, m);
	assert_true(eventually(harness_state(holder) == 'T', 5000));
	before = now_ms();
	sleeper[0] = spawn_child(lock_it, m);
	wait_asleep(sleeper[0]);
	asleep = now_ms();
	assert_true(eventually(held_for(name, 300), 5000));
	assert_true(now_ms() - before >= 300);
	sleeper[1] = spawn_child(lock_it, m);
	wait_asleep(sleeper[1]);
	after = now_ms();
	assert_true(held_for(name, (long)(after - asleep) - 3));
	assert_true((double)number_at(r.out, "for_ms_at_least") <=
		    now_ms() - before);
	assert_true((double)number_at(r.out, "for_ms_at_most") >=
		    after - before);
	kill(holder, SIGCONT);
	expect_exit(holder, 0);
	for (int i = 0; i < 2; i++)
		expect_exit(sleeper[i], 0);

	/* the next one to hold it has not done so since then */
	assert_int_equal(ipc_mutex_lock(m, 0), 0);
	assert_null(json_member(stat_of(name), "for_ms_at_least"));
	assert_int_equal(ipc_mutex_unlock(m), 0);
	assert_null(json_member(stat_of(name), "for_ms_at_most"));
	assert_int_equal(ipc_mutex_close(m), 0);
	expect_unlinked(name);
}

/* while it is used as fast as it goes, no answer is impossible */
static int churn(void *arg)
{
	char buf[100];

	for (;;) {
		ipc_queue_put(arg, "x", 1, LIBIPC_FOREVER);
		ipc_queue_get(arg, buf, sizeof(buf), LIBIPC_FOREVER);
	}
	return 0;
}

static void test_busy_queue(void **state)
{
	const struct ipc_queue_opts opts = {.maxsize = 2, .item_size = 40};
	char name[64];
	struct ipc_queue *q;
	pid_t child[2];
	(void)state;

	assert_int_equal(ipc_queue_create(&q, unique_name(name, "busy"), &opts),
			 0);
	for (int i = 0; i < 2; i++)
		child[i] = spawn_child(churn, q);
	/* it never stands still, but while somebody inside lost its CPU */
	run_tool(&r, "stat", "-wj", name);
	expect_well(&r);
	assert_true(number_at(json_member(r.out, "put"), "for_ms_at_least") <
		    1000);
	assert_true(number_at(json_member(r.out, "get"), "for_ms_at_least") <
		    1000);
	for (int i = 0; i < 20; i++) {
		const char *items = json_member(stat_of(name), "items");

		assert_true(items && items[0] >= '0' && items[0] <= '2');
		assert_false(isdigit((unsigned char)items[1]));
	}
	for (int i = 0; i < 2; i++)
		kill_child(child[i]);
	assert_int_equal(ipc_queue_close(q), 0);
	expect_unlinked(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_file),	    TEST(test_name_without_slash),
		TEST(test_mutex),	    TEST(test_queue),
		TEST(test_queue_shut_down), TEST(test_joinable_queue),
		TEST(test_users),	    TEST(test_stopped_holder),
		TEST(test_held_since),	    TEST(test_busy_queue),
	};

	return RUN_TESTS(tests);
}
