/* SPDX-License-Identifier: MIT */
/*
 * test_backend.c - where the system lacks what exact wake-ups need, everything
 * works in the bounded way, and says so; the two refuse each other's objects
 *
 * Each test is a child, because the answer is found once and remembered; the
 * parent does not ask before.
 */
#include "named_util.h"
#include "process_util.h"
#include "os.h"
#include "os_linux.h"

static bool finds(int want)
{
	return ipc_caps() == want && ipc_caps() == want;
}

/* every kind of object, without and with a name, and a pipe */
static int everything_works(const char *name)
{
	struct ipc_pipe *ends[2];
	char buf[8];

	for (int i = 0; i < KINDS; i++) {
		void *o = SENTINEL, *other = SENTINEL;

		child_check(kinds[i].create(&o, NULL, 0, 0) == 0);
		child_check(kinds[i].use(o, o) == 0);
		child_check(kinds[i].close(o) == 0);
		child_check(kinds[i].create(&o, name, 0, 0) == 0);
		child_check(kinds[i].open(&other, name) == 0);
		child_check(kinds[i].use(o, other) == 0);
		child_check(kinds[i].close(o) == 0);
		child_check(kinds[i].close(other) == 0);
		child_check(ipc_unlink(name) == 0);
	}
	child_check(ipc_pipe_create(ends, NULL) == 0);
	child_check(ipc_pipe_send(ends[0], "hello", 5, -1) == 0);
	child_check(ipc_pipe_recv(ends[1], buf, sizeof(buf), -1) == 5);
	child_check(ipc_pipe_close(ends[0]) == 0);
	child_check(ipc_pipe_recv(ends[1], buf, sizeof(buf), -1) == -EPIPE);
	child_check(ipc_pipe_close(ends[1]) == 0);
	return 0;
}

struct lack {
	const char *name;
	long call;
	int error;
};

static int lacks(void *arg)
{
	const struct lack *lack = arg;

	deny(lack->call, lack->error);
	child_check(finds(LIBIPC_CAP_BOUNDED_WAKE));
	return everything_works(lack->name);
}

static void expect_bounded_without(long call, int error)
{
	char name[64];
	struct lack lack = {unique_name(name, "lack"), call, error};

	expect_exit(spawn_child(lacks, &lack), 0);
}

/* a kernel before 5.16, and a container that knows of none newer */
static void test_without_futex_waitv(void **state)
{
	(void)state;
	need_filters();
	expect_bounded_without(SYS_futex_waitv, ENOSYS);
	expect_bounded_without(SYS_futex_waitv, EPERM);
}

/* a kernel before 4.16, and a sandbox that does without */
static void test_without_membarrier(void **state)
{
	(void)state;
	need_filters();
	expect_bounded_without(SYS_membarrier, ENOSYS);
	expect_bounded_without(SYS_membarrier, EPERM);
}

/* as in an emulator */
static void test_without_robust_lists(void **state)
{
	(void)state;
	need_filters();
	expect_bounded_without(SYS_get_robust_list, ENOSYS);
	expect_bounded_without(SYS_get_robust_list, EPERM);
}

/* -------------------------------------------------- as the environment says */

static int as_told(void *arg)
{
	setenv("LIBIPC_BACKEND", "posix", 1);
	child_check(finds(LIBIPC_CAP_BOUNDED_WAKE));
	/* once is enough */
	setenv("LIBIPC_BACKEND", "linux", 1);
	child_check(finds(LIBIPC_CAP_BOUNDED_WAKE));
	return everything_works(arg);
}

static void test_environment(void **state)
{
	char name[64];
	(void)state;

	expect_exit(spawn_child(as_told, unique_name(name, "told")), 0);
}

/* ------------------------------------------------------ what is there by us */

/* what a process without any of this finds */
static int ask(void *arg)
{
	*(_Atomic int *)arg = ipc_caps();
	return 0;
}

static int usual_caps(void)
{
	_Atomic int *caps = shared_alloc(sizeof(*caps));

	expect_exit(spawn_child(ask, (void *)caps), 0);
	return *caps;
}

static int asks_once(void *arg)
{
	int caps = ipc_caps();

	child_check(caps == *(int *)arg);
	deny(SYS_futex_waitv, ENOSYS);
	deny(SYS_get_robust_list, ENOSYS);
	child_check(ipc_caps() == caps);
	return 0;
}

static void test_asks_once(void **state)
{
	int caps = usual_caps();
	(void)state;

	need_filters();
	expect_exit(spawn_child(asks_once, &caps), 0);
}

static int ask_the_same(void *arg)
{
	child_check(ipc_caps() == *(int *)arg);
	return 0;
}

static int ask_in_threads(void *arg)
{
	struct test_thread *thread[8];

	for (int i = 0; i < 8; i++)
		thread[i] = start_thread(ask_the_same, arg);
	for (int i = 0; i < 8; i++)
		join_thread(thread[i]);
	return 0;
}

static int ask_in_threads_when_told(void *arg)
{
	int bounded = LIBIPC_CAP_BOUNDED_WAKE;

	(void)arg;
	setenv("LIBIPC_BACKEND", "posix", 1);
	return ask_in_threads(&bounded);
}

static void test_many_ask_at_once(void **state)
{
	int caps = usual_caps();
	(void)state;

	expect_exit(spawn_child(ask_in_threads, &caps), 0);
	expect_exit(spawn_child(ask_in_threads_when_told, NULL), 0);
}

/* ----------------------------------------------------- each other's objects */

struct object {
	const char *name;
	const struct kind *kind;
	const char *backend;
	int open;
};

static int create_it(void *arg)
{
	struct object *o = arg;

	setenv("LIBIPC_BACKEND", o->backend, 1);
	return -try_create(o->kind, o->name, 0, 0);
}

static int open_it(void *arg)
{
	struct object *o = arg;

	setenv("LIBIPC_BACKEND", o->backend, 1);
	child_check(try_open(o->kind, o->name) == o->open);
	child_check(try_create(o->kind, o->name, 0, 0) == -EEXIST);
	return 0;
}

static void refuse(const char *maker, const char *other)
{
	char name[64];

	unique_name(name, "refuse");
	for (int i = 0; i < KINDS; i++) {
		struct object o = {name, &kinds[i], maker, 0};

		expect_exit(spawn_child(create_it, &o), 0);
		expect_exit(spawn_child(open_it, &o), 0);
		o.backend = other;
		o.open = -EPROTO;
		expect_exit(spawn_child(open_it, &o), 0);
		expect_unlinked(name);
	}
}

static void test_they_refuse_each_other(void **state)
{
	(void)state;
	if (usual_caps() != LIBIPC_CAP_EXACT_WAKE) {
		print_message("# skipped: there is only one back end here\n");
		skip();
	}
	refuse("linux", "posix");
	refuse("posix", "linux");
}

#ifdef TEST_LINUX_BACKEND
/* ------------------------------------------------------ the question itself */

/* by threads: this kernel passes, and would not if nothing were announced */
static int probe(void *arg)
{
	(void)arg;
	child_check(ipci_os_probe_death(true) == 1);
	child_check(ipci_os_probe_death(false) == 0);
	return 0;
}

static void test_probe(void **state)
{
	(void)state;
	if (usual_caps() != LIBIPC_CAP_EXACT_WAKE) {
		print_message("# skipped: this kernel has no exact wake-ups\n");
		skip();
	}
	for (int i = 0; i < 50; i++)
		expect_exit(spawn_child(probe, NULL), 0);
}

/* of the kernel only a name that is too old is known: it is asked */
static int nameless(void *arg)
{
	deny(SYS_uname, EPERM);
	child_check(finds(*(int *)arg));
	return 0;
}

static void test_kernel_without_a_number(void **state)
{
	int caps = usual_caps();
	(void)state;

	need_filters();
	expect_exit(spawn_child(nameless, &caps), 0);
}

static int nameless_without_threads(void *arg)
{
	(void)arg;
	deny(SYS_uname, EPERM);
	deny(SYS_clone3, EAGAIN);
	deny(SYS_clone, EAGAIN);
	child_check(ipc_caps() == -ENOMEM);
	for (int i = 0; i < KINDS; i++)
		child_check(try_create(&kinds[i], NULL, 0, 0) == -ENOMEM);
	return 0;
}

static void test_no_memory_to_find_out(void **state)
{
	(void)state;
	if (usual_caps() == LIBIPC_CAP_EXACT_WAKE)
		expect_exit(spawn_child(nameless_without_threads, NULL), 0);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_without_futex_waitv),
		TEST(test_without_membarrier),
		TEST(test_without_robust_lists),
		TEST(test_environment),
		TEST(test_asks_once),
		TEST(test_many_ask_at_once),
		TEST(test_they_refuse_each_other),
#ifdef TEST_LINUX_BACKEND
		TEST(test_probe),
		TEST(test_kernel_without_a_number),
		TEST(test_no_memory_to_find_out),
#endif
	};

	return RUN_TESTS(tests);
}
