/* SPDX-License-Identifier: MIT */
/*
 * test_named_namespaces.c - an object belongs to one PID namespace: from
 * another one it is refused, and nothing happens to it
 *
 * Thread ids are unique in one namespace only. If the same number could stand
 * for two threads, the death of one would free the lock of the other.
 *
 * A new namespace takes a right that not everybody has: then these are skipped.
 */
#include "named_util.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "layout.h"
#include "os.h"

/* a child ends with this where a namespace is not permitted */
#define NOT_PERMITTED 77

struct plan {
	int (*fn)(const struct plan *p);
	const char *name;
	void *objects[KINDS];
	struct ipc_pipe *ends[2];
};

/* the namespace is that of the children, not of the caller */
static void leave_namespace(void)
{
	if (unshare(CLONE_NEWPID) && unshare(CLONE_NEWUSER | CLONE_NEWPID))
		_exit(NOT_PERMITTED);
}

/* runs p->fn in a child's child, which is in the other namespace */
static int from_outside(void *arg)
{
	const struct plan *p = arg;
	int status;
	pid_t pid;

	leave_namespace();
	pid = fork();
	if (pid == 0) {
		alarm(10);
		_exit(p->fn(p));
	}
	child_check(pid > 0 && waitpid(pid, &status, 0) == pid);
	child_check(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* false: it was not permitted, and is skipped, out loud */
static bool run_outside(struct plan *p)
{
	pid_t pid = spawn_child(from_outside, p);
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED) {
		print_message("# skipped: no right to a PID namespace\n");
		return false;
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	return true;
}

/* POSIX knows of no namespaces: then an open cannot tell */
static void need_id_space(void)
{
	assert_true(ipc_caps() > 0);
	if (ipci_os_id_space() != 0)
		return;
	print_message("# skipped: nothing tells one namespace from another\n");
	skip();
}

/* ---------------------------------------------------------- a forked child */

/* what it inherited, and everything else, is of no use to it */
static int use_what_was_inherited(const struct plan *p)
{
	struct ipc_mutex *m = SENTINEL;
	char buf[300];

	child_check(getpid() != 0 && getppid() == 0);
	child_check(ipc_caps() == -ENOSYS);
	child_check(ipc_mutex_lock(p->objects[MUTEX], 0) == -ENOSYS);
	child_check(ipc_mutex_unlock(p->objects[MUTEX]) == -ENOSYS);
	child_check(ipc_shared_lock(p->objects[SHARED], 0) == -ENOSYS);
	child_check(ipc_queue_put(p->objects[QUEUE], "x", 1, 0) == -ENOSYS);
	child_check(ipc_queue_get(p->objects[QUEUE], buf, sizeof(buf), 0) ==
		    -ENOSYS);
	child_check(ipc_pipe_send(p->ends[0], "x", 1, 0) == -ENOSYS);
	child_check(ipc_pipe_recv(p->ends[1], buf, sizeof(buf), 0) == -ENOSYS);
	child_check(ipc_mutex_create(&m, NULL, NULL) == -ENOSYS);
	child_check(ipc_mutex_open(&m, p->name) == -ENOSYS);
	child_check(m == SENTINEL);
	return 0;
}

/* nor to its children, whose parent is in the same namespace as they are */
static int fork_and_use(const struct plan *p)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		child_check(getppid() != 0);
		child_check(ipc_caps() == -ENOSYS);
		child_check(ipc_queue_put(p->objects[QUEUE], "x", 1, 0) ==
			    -ENOSYS);
		_exit(0);
	}
	child_check(pid > 0 && waitpid(pid, &status, 0) == pid);
	return !WIFEXITED(status) || WEXITSTATUS(status);
}

/* one of each kind, anonymous; the queue and the pipe hold an item */
static void make_anonymous(struct plan *p)
{
	for (int i = 0; i < KINDS; i++)
		p->objects[i] = new_object(&kinds[i], NULL, 0);
	assert_int_equal(ipc_pipe_create(p->ends, NULL), 0);
	assert_int_equal(ipc_pipe_send(p->ends[0], "kept", 4, 0), 0);
	assert_int_equal(ipc_queue_put(p->objects[QUEUE], "kept", 4, 0), 0);
}

static void expect_untouched_and_close(struct plan *p)
{
	char buf[300];

	assert_int_equal(ipc_queue_get(p->objects[QUEUE], buf, sizeof(buf), 0),
			 4);
	assert_int_equal(ipc_pipe_recv(p->ends[1], buf, sizeof(buf), 0), 4);
	for (int i = 0; i < KINDS; i++) {
		assert_int_equal(kinds[i].use(p->objects[i], p->objects[i]), 0);
		expect_closed(&kinds[i], p->objects[i]);
	}
	assert_int_equal(ipc_pipe_close(p->ends[0]), 0);
	assert_int_equal(ipc_pipe_close(p->ends[1]), 0);
}

static void test_inherited_over_fork(void **state)
{
	int (*const fns[])(const struct plan *) = {use_what_was_inherited,
						   fork_and_use};
	bool permitted = true;
	(void)state;

	for (size_t i = 0; permitted && i < sizeof(fns) / sizeof(*fns); i++) {
		struct plan p = {.fn = fns[i], .name = "/none"};

		make_anonymous(&p);
		permitted = run_outside(&p);
		expect_untouched_and_close(&p);
	}
	if (!permitted)
		skip();
}

/* who did not leave goes on, and so do its children */
static int stay_and_use(void *arg)
{
	const struct plan *p = arg;
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0)
		_exit(kinds[QUEUE].use(p->objects[QUEUE], p->objects[QUEUE]));
	child_check(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	leave_namespace(); /* its children would be elsewhere; it is not */
	return kinds[QUEUE].use(p->objects[QUEUE], p->objects[QUEUE]);
}

static void test_the_one_that_unshared(void **state)
{
	struct plan p = {NULL};
	int status;
	pid_t pid;
	(void)state;

	p.objects[QUEUE] = new_object(&kinds[QUEUE], NULL, 0);
	pid = spawn_child(stay_and_use, &p);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	expect_closed(&kinds[QUEUE], p.objects[QUEUE]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED) {
		print_message("# skipped: no right to a PID namespace\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/* -------------------------------------------------------- another program */

/* a new program: this one again, see main(); it says 0 or NOT_PERMITTED */
static int run_program(const struct plan *p)
{
	exec_self(p->name, NULL);
}

/* in the new program: the objects of the other namespace are refused, its own
   ones work */
static int elsewhere(const char *prefix)
{
	char name[100];

	child_check(ipc_caps() > 0);
	for (int i = 0; i < KINDS; i++) {
		snprintf(name, sizeof(name), "%s-%s", prefix, kinds[i].tag);
		child_check(try_open(&kinds[i], name) == -EPROTO);
		child_check(try_create(&kinds[i], name, 0, 0) == -EEXIST);
		snprintf(name, sizeof(name), "%s-own", prefix);
		child_check(try_create(&kinds[i], name, 0, 0) == 0);
		child_check(try_open(&kinds[i], name) == 0);
		child_check(ipc_unlink(name) == 0);
	}
	return 0;
}

static void test_opened_by_name(void **state)
{
	char prefix[64], names[KINDS][100];
	struct plan p = {.fn = run_program, .name = prefix};
	void *objects[KINDS];
	bool permitted;
	(void)state;

	need_id_space();
	unique_name(prefix, "space");
	for (int i = 0; i < KINDS; i++) {
		snprintf(names[i], sizeof(names[i]), "%s-%s", prefix,
			 kinds[i].tag);
		objects[i] = new_object(&kinds[i], names[i], 0);
	}
	permitted = run_outside(&p);
	for (int i = 0; i < KINDS; i++) {
		void *other = open_object(&kinds[i], names[i]);

		assert_int_equal(kinds[i].use(objects[i], other), 0);
		expect_closed(&kinds[i], other);
		expect_closed(&kinds[i], objects[i]);
		expect_unlinked(names[i]);
	}
	if (!permitted)
		skip();
}

/* the namespace is one of the checked fields of the head; unknown is none */
static void test_recorded_in_the_head(void **state)
{
	char name[64];
	const size_t at = offsetof(struct head_shm, id_space);
	(void)state;

	need_id_space();
	for (int i = 0; i < KINDS; i++) {
		uint64_t good, bad;
		struct stat st;
		int fd;

		unique_name(name, kinds[i].tag);
		expect_closed(&kinds[i], new_object(&kinds[i], name, 0));
		fd = shm_open(name, O_RDWR, 0);
		assert_int_equal(pread(fd, &good, 8, (off_t)at), 8);
		assert_int_equal(stat("/proc/self/ns/pid", &st), 0);
		assert_int_equal(good, st.st_ino);
		for (int n = 0; n < 3; n++) {
			bad = n == 0 ? 0 : n == 1 ? good + 1 : ~good;
			assert_int_equal(pwrite(fd, &bad, 8, (off_t)at), 8);
			assert_int_equal(try_open(&kinds[i], name), -EPROTO);
		}
		assert_int_equal(pwrite(fd, &good, 8, (off_t)at), 8);
		assert_int_equal(try_open(&kinds[i], name), 0);
		close(fd);
		expect_unlinked(name);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_inherited_over_fork),
		TEST(test_the_one_that_unshared),
		TEST(test_opened_by_name),
		TEST(test_recorded_in_the_head),
	};

	if (argc == 2)
		return elsewhere(argv[1]);
	return RUN_TESTS(tests);
}
