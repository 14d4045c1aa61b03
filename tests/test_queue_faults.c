/* SPDX-License-Identifier: MIT */
/*
 * test_queue_faults.c - the system says no: to create and to open
 *
 * What the system can do is asked once in a process, so everything here runs
 * in children, and the parent does not touch the library before.
 */
#include "faults.h"

static const struct ipc_queue_opts opts = {.maxsize = 4, .item_size = 8};

/* ----------------------------------------------------------- a bare system */

static int without_waitv(void *arg)
{
	struct ipc_queue *q = NULL;

	deny(SYS_futex_waitv, ENOSYS);
	child_check(ipc_caps() == -ENOSYS);
	child_check(ipc_queue_create(&q, NULL, &opts) == -ENOSYS);
	child_check(ipc_queue_create(&q, arg, &opts) == -ENOSYS);
	child_check(ipc_queue_open(&q, arg) == -ENOSYS);
	child_check(q == NULL);
	return 0;
}

static void test_system_lacks_what_it_takes(void **state)
{
	char name[64];
	(void)state;

	expect_exit(spawn_child(without_waitv, unique_name(name, "nosys")), 0);
}

/* ------------------------------------------------------------- descriptors */

static int without_descriptors(void *arg)
{
	struct ipc_queue *q = NULL, *named = NULL;

	child_check(ipc_queue_create(&named, arg, &opts) == 0);
	use_up_descriptors();
	child_check(ipc_queue_open(&q, arg) == -EMFILE);
	child_check(ipc_unlink(arg) == 0);
	child_check(ipc_queue_create(&q, arg, &opts) == -EMFILE);
	child_check(q == NULL);
	/* without a name it takes none */
	child_check(ipc_queue_create(&q, NULL, &opts) == 0);
	child_check(ipc_queue_put(named, "x", 1, 0) == 0);
	child_check(ipc_queue_put(q, "x", 1, 0) == 0);
	return 0;
}

static void test_no_descriptors(void **state)
{
	char name[64];
	(void)state;

	expect_exit(spawn_child(without_descriptors, unique_name(name, "emf")),
		    0);
}

struct denial {
	const char *name;
	long call;
	int error;
};

static int create_denied(void *arg)
{
	const struct denial *d = arg;
	struct ipc_queue *q = NULL;

	deny(d->call, d->error);
	child_check(ipc_queue_create(&q, d->name, &opts) == -d->error);
	child_check(q == NULL);
	return 0;
}

static int open_denied(void *arg)
{
	const struct denial *d = arg;
	struct ipc_queue *q = NULL;

	child_check(ipc_queue_create(&q, d->name, &opts) == 0);
	child_check(ipc_queue_close(q) == 0);
	q = NULL;
	deny(d->call, d->error);
	child_check(ipc_queue_open(&q, d->name) == -d->error);
	child_check(q == NULL);
	child_check(ipc_unlink(d->name) == 0);
	return 0;
}

static void test_what_the_system_answers_is_passed_on(void **state)
{
	static const struct denial create[] = {
		{NULL, SYS_openat, ENFILE},    {NULL, SYS_openat, EMFILE},
		{NULL, SYS_fallocate, ENOSPC}, {NULL, SYS_linkat, EACCES},
		{NULL, SYS_linkat, ENOSPC},    {NULL, SYS_fchmod, EACCES},
	};
	static const struct denial open[] = {
		{NULL, SYS_openat, ENFILE},
		{NULL, SYS_openat, EACCES},
	};
	char name[64];
	(void)state;

	unique_name(name, "denied");
	for (size_t i = 0; i < sizeof(create) / sizeof(*create); i++) {
		struct denial d = {name, create[i].call, create[i].error};

		expect_exit(spawn_child(create_denied, &d), 0);
	}
	for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++) {
		struct denial d = {name, open[i].call, open[i].error};

		expect_exit(spawn_child(open_denied, &d), 0);
	}
}

/* ------------------------------------------------------------------ memory */

/* each allocation fails once, then all succeed: what came before is undone */
static int without_memory(void *arg)
{
	struct ipc_queue *q = NULL, *again = NULL;
	int r, n = 0;

	do {
		allocations_left = n++;
		r = ipc_queue_create(&q, arg, &opts);
		child_check(r == 0 || (r == -ENOMEM && q == NULL));
	} while (r != 0);
	child_check(n > 1);
	n = 0;
	do {
		allocations_left = n++;
		r = ipc_queue_open(&again, arg);
		child_check(r == 0 || (r == -ENOMEM && again == NULL));
	} while (r != 0);
	child_check(n > 1);
	child_check(ipc_unlink(arg) == 0);
	return 0;
}

static void test_no_memory(void **state)
{
	char name[64];
	(void)state;

	expect_exit(spawn_child(without_memory, unique_name(name, "nomem")), 0);
}

/* the same with each mapping; a name is never left without an object */
static int without_address_space(void *arg)
{
	struct ipc_queue *q = NULL, *again = NULL;
	int r, n = 0;

	do {
		mappings_left = n++;
		r = ipc_queue_create(&q, arg, &opts);
		child_check(r == 0 || (r == -ENOSPC && q == NULL));
		child_check(r == 0 || ipc_unlink(arg) == -ENOENT);
	} while (r != 0);
	child_check(n > 1);
	n = 0;
	do {
		mappings_left = n++;
		r = ipc_queue_open(&again, arg);
		child_check(r == 0 || (r == -ENOMEM && again == NULL));
	} while (r != 0);
	child_check(n > 1);
	child_check(ipc_unlink(arg) == 0);
	return 0;
}

static void test_no_address_space(void **state)
{
	char name[64];
	(void)state;

	expect_exit(spawn_child(without_address_space,
				unique_name(name, "nospace")),
		    0);
}

/* not enough room in /dev/shm: told at create, not by SIGBUS later */
static int larger_than_the_disk(void *arg)
{
	const struct ipc_queue_opts large = {.maxsize = 1 << 20,
					     .item_size = 1 << 24}; /* 16 TiB */
	struct ipc_queue *q = NULL;

	child_check(ipc_queue_create(&q, arg, &large) == -ENOSPC);
	child_check(q == NULL);
	child_check(ipc_unlink(arg) == -ENOENT);
	return 0;
}

static void test_no_room_in_the_file_system(void **state)
{
	char name[64];
	(void)state;

	expect_exit(spawn_child(larger_than_the_disk,
				unique_name(name, "full")),
		    0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_system_lacks_what_it_takes),
		TEST(test_no_descriptors),
		TEST(test_what_the_system_answers_is_passed_on),
		TEST(test_no_memory),
		TEST(test_no_address_space),
		TEST(test_no_room_in_the_file_system),
	};

	return RUN_TESTS(tests);
}
