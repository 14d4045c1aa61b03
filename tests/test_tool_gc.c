/* SPDX-License-Identifier: MIT */
/*
 * test_tool_gc.c - libipc gc removes what provably nobody uses, libipc rm what
 * it is told to
 *
 * gc of everything runs where /dev/shm is our own: other tests are under way.
 */
#include "tool_util.h"
#include "named_util.h"

#include <sched.h>
#include <sys/mount.h>

static struct ran r;

#define NO_MOUNT 77

static bool exists(const char *name)
{
	char path[300];
	struct stat st;

	return lstat(path_of(path, name), &st) == 0;
}

/* ----------------------------------------------------------------------- rm */

static void test_rm(void **state)
{
	char one[64], two[64];
	void *o;
	(void)state;

	o = new_object(&kinds[SHARED], unique_name(one, "one"), 0);
	expect_closed(&kinds[MUTEX],
		      new_object(&kinds[MUTEX], unique_name(two, "two"), 0));
	run_tool(&r, "rm", one, two);
	expect_well(&r);
	assert_string_equal(r.out, "");
	expect_nothing(one);
	expect_nothing(two);
	assert_int_equal(kinds[SHARED].use(o, o), 0); /* who has it, keeps it */
	expect_closed(&kinds[SHARED], o);
}

static void test_rm_of_some_that_are_not_there(void **state)
{
	char one[64];
	(void)state;

	expect_closed(&kinds[MUTEX],
		      new_object(&kinds[MUTEX], unique_name(one, "one"), 0));
	run_tool(&r, "rm", "/libipc-test-not-there", one);
	expect_failure(&r, 1);
	expect_nothing(one);
}

/* what another program put there */
static void test_rm_of_what_is_not_ours(void **state)
{
	char file[64];
	int fd;
	(void)state;

	fd = shm_open(unique_name(file, "file"), O_CREAT | O_RDWR, 0600);
	assert_int_equal(pwrite(fd, "not an object", 13, 0), 13);
	close(fd);
	run_tool(&r, "rm", file);
	expect_failure(&r, 1);
	assert_true(exists(file));
	run_tool(&r, "gc", file);
	expect_failure(&r, 1);
	assert_true(exists(file));
	expect_unlinked(file);
}

/* ----------------------------------------------------------------------- gc */

static void gc(char *name, bool removed)
{
	char line[200];

	run_tool(&r, "gc", name);
	expect_well(&r);
	snprintf(line, sizeof(line), "%s: removed\n", name);
	assert_string_equal(r.out, removed ? line : "");
	assert_int_equal(exists(name), !removed);
}

static int keep(void *arg)
{
	*(_Atomic int *)arg = 1;
	for (;;)
		pause();
	return 0;
}

static void test_in_use(void **state)
{
	char name[64];
	(void)state;

	for (int i = 0; i < KINDS; i++) {
		_Atomic int *there = shared_alloc(sizeof(int));
		pid_t pid;
		void *o;

		o = new_object(&kinds[i], unique_name(name, "used"), 0);
		gc(name, false);
		pid = spawn_child(keep, (void *)there);
		assert_true(eventually(*there, 5000));
		expect_closed(&kinds[i], o);
		gc(name, false); /* a forked child has it */
		kill_child(pid);
		gc(name, true);
		expect_nothing(name);
	}
}

/* a process without our library, that only looks at it */
static void test_open_for_reading(void **state)
{
	char name[64];
	void *p;
	int fd;
	(void)state;

	expect_closed(&kinds[QUEUE],
		      new_object(&kinds[QUEUE], unique_name(name, "read"), 0));
	fd = shm_open(name, O_RDONLY, 0);
	gc(name, false);
	p = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(p != MAP_FAILED);
	close(fd);
	gc(name, false);
	munmap(p, 1);
	gc(name, true);
}

static void test_dry_run(void **state)
{
	char name[64], line[200];
	void *o;
	(void)state;

	o = new_object(&kinds[QUEUE], unique_name(name, "dry"), 0);
	run_tool(&r, "gc", "-n", name);
	expect_well(&r);
	assert_string_equal(r.out, "");
	expect_closed(&kinds[QUEUE], o);
	run_tool(&r, "gc", "-n", name);
	expect_well(&r);
	snprintf(line, sizeof(line), "%s: no users\n", name);
	assert_string_equal(r.out, line);
	run_tool(&r, "gc", "-j", "--dry-run", name);
	expect_well(&r);
	assert_true(json_is_valid(r.out));
	expect_json(json_element(r.out, 0), "fate", "\"no users\"");
	assert_int_equal(try_open(&kinds[QUEUE], name), 0);
	gc(name, true);
}

/* of another build, or damaged: no reason to keep what nobody has */
static void test_damaged(void **state)
{
	char name[64];
	int fd;
	(void)state;

	expect_closed(&kinds[QUEUE],
		      new_object(&kinds[QUEUE], unique_name(name, "dmg"), 0));
	fd = shm_open(name, O_RDWR, 0);
	assert_int_equal(ftruncate(fd, 9), 0);
	gc(name, false);
	close(fd);
	gc(name, true);
}

/* another user's object: nobody tells us whether it is in use */
static int gc_as_nobody(void *arg)
{
	char *name = arg;

	child_check(setgid(65534) == 0 && setuid(65534) == 0);
	run_tool(&r, "gc", name);
	child_check(r.code == 0);
	child_check(strstr(r.out, ": kept: ") != NULL);
	run_tool(&r, "gc", "-j", name);
	child_check(r.code == 0 && json_is_valid(r.out));
	return 0;
}

static void test_cannot_be_told(void **state)
{
	char name[64];
	(void)state;

	if (geteuid() != 0) {
		print_message("# skipped: only root can become another user\n");
		skip();
	}
	expect_closed(&kinds[MUTEX],
		      new_object(&kinds[MUTEX], unique_name(name, "other"),
				 0644));
	expect_exit(spawn_child(gc_as_nobody, name), 0);
	assert_true(exists(name));
	gc(name, true);
}

/* ----------------------------------------------------------- gc of them all */

static int gc_all(void *arg)
{
	void *used;

	(void)arg;
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL))
		return NO_MOUNT;
	for (int i = 0; i < KINDS; i++) {
		child_check(kinds[i].create(&used, i ? "/b" : "/a", 0, 0) == 0);
		if (i == 1)
			break;
		kinds[i].close(used);
	}
	close(shm_open("/foreign", O_CREAT | O_RDWR, 0600));
	run_tool(&r, "gc", "-n");
	child_check(r.code == 0 && !strcmp(r.out, "/a: no users\n"));
	run_tool(&r, "gc");
	child_check(r.code == 0 && !strcmp(r.out, "/a: removed\n"));
	child_check(!exists("/a") && exists("/b") && exists("/foreign"));
	kinds[1].close(used);
	run_tool(&r, "gc", "-j");
	child_check(r.code == 0 && json_is_valid(r.out));
	child_check(!exists("/b") && exists("/foreign"));
	run_tool(&r, "ls");
	child_check(r.code == 0 && !strcmp(r.out, ""));
	run_tool(&r, "ls", "-j");
	child_check(r.code == 0 && !strcmp(r.out, "[]\n"));
	return 0;
}

static void test_all(void **state)
{
	int status;
	pid_t pid = spawn_child(gc_all, NULL);
	(void)state;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_MOUNT) {
		print_message("# skipped: no right to mount\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/*
 * While one process makes, uses and removes objects, another collects: nobody
 * ever loses one that it has, and an opener gets a whole one or none.
 */
struct churn {
	char name[64];
	_Atomic int stop;
};

static int make_and_use(void *arg)
{
	struct churn *c = arg;

	for (int i = 0; !c->stop; i++) {
		void *o = SENTINEL;
		int e = kinds[QUEUE].create(&o, c->name, 0, 0);

		child_check(e == 0 || e == -EEXIST);
		if (e == 0) {
			/* nobody else removes: it is there as long as we are */
			child_check(exists(c->name));
			child_check(kinds[QUEUE].use(o, o) == 0);
			child_check(exists(c->name));
			kinds[QUEUE].close(o);
		}
		e = kinds[QUEUE].open(&o, c->name);
		child_check(e == 0 || e == -ENOENT);
		if (e == 0) {
			child_check(exists(c->name));
			child_check(kinds[QUEUE].use(o, o) == 0);
			child_check(exists(c->name));
			kinds[QUEUE].close(o);
		}
		if (i % 4 == 0)
			sleep_ms(1); /* nobody has it */
	}
	return 0;
}

static void test_never_under_a_user(void **state)
{
	struct churn *c = shared_alloc(sizeof(*c));
	int removed = 0, rounds = 0;
	double until = now_ms() + 2000;
	pid_t pid;
	(void)state;

	unique_name(c->name, "churn");
	expect_left(c->name);
	pid = spawn_child(make_and_use, c);
	while (removed == 0 || (now_ms() < until && rounds < 300)) {
		rounds++;
		run_tool(&r, "gc", c->name);
		assert_true(r.code == 0 || strstr(r.err, "no such object"));
		removed += strstr(r.out, ": removed") != NULL;
	}
	c->stop = 1;
	expect_exit(pid, 0);
	assert_true(removed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rm),
		TEST(test_rm_of_some_that_are_not_there),
		TEST(test_rm_of_what_is_not_ours),
		TEST(test_in_use),
		TEST(test_open_for_reading),
		TEST(test_dry_run),
		TEST(test_damaged),
		TEST(test_cannot_be_told),
		TEST(test_all),
		TEST(test_never_under_a_user),
	};

	return RUN_TESTS(tests);
}
