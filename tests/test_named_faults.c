/* SPDX-License-Identifier: MIT */
/*
 * test_named_faults.c - create, open, unlink and close of each object that can
 * have a name, with each call failing once
 */
#include "faults.h"

/* create and open of all three, through one kind of pointer */
struct kind {
	int (*create)(void **object, const char *name);
	int (*open)(void **object, const char *name);
	int (*close)(void *object);
};

static int create_mutex(void **m, const char *name)
{
	return ipc_mutex_create((struct ipc_mutex **)m, name, NULL);
}

static int open_mutex(void **m, const char *name)
{
	return ipc_mutex_open((struct ipc_mutex **)m, name);
}

static int close_mutex(void *m)
{
	return ipc_mutex_close(m);
}

static int create_queue(void **q, const char *name)
{
	const struct ipc_queue_opts opts = {.maxsize = 4, .item_size = 8};

	return ipc_queue_create((struct ipc_queue **)q, name, &opts);
}

static int create_joinable(void **q, const char *name)
{
	const struct ipc_queue_opts opts = {
		.maxsize = 4, .item_size = 8, .flags = LIBIPC_JOINABLE};

	return ipc_queue_create((struct ipc_queue **)q, name, &opts);
}

static int open_queue(void **q, const char *name)
{
	return ipc_queue_open((struct ipc_queue **)q, name);
}

static int close_queue(void *q)
{
	return ipc_queue_close(q);
}

static int create_shared(void **s, const char *name)
{
	return ipc_shared_create((struct ipc_shared **)s, name, 100, NULL);
}

static int open_shared(void **s, const char *name)
{
	return ipc_shared_open((struct ipc_shared **)s, name);
}

static int close_shared(void *s)
{
	return ipc_shared_close(s);
}

static const struct kind mutex = {create_mutex, open_mutex, close_mutex};
static const struct kind queue = {create_queue, open_queue, close_queue};
static const struct kind joinable = {create_joinable, open_queue, close_queue};
static const struct kind shared = {create_shared, open_shared, close_shared};

static const struct kind *kind;
static void *first, *second; /* handles; NULL: not there */
static char name[64];

/* an attempt that failed leaves the handle alone */
static int kept(int r, void **object)
{
	child_check((r == 0) == (*object != NULL));
	return r;
}

static void close_all(void)
{
	if (first)
		child_check(kind->close(first) == 0);
	if (second)
		child_check(kind->close(second) == 0);
}

/* ------------------------------------------------------------------- create */

static int create_named(void)
{
	int r = kept(kind->create(&first, name), &first);

	/* whether the name is taken is looked at first, but linkat decides */
	child_check(r != -EEXIST || fault_is("shm_open", 0));
	/* complete, or not there at all */
	if (r < 0 && !fault_is("futex_waitv of nothing", 0))
		child_check(kind->open(&second, name) == -ENOENT);
	return r;
}

static void after_create(void)
{
	child_check(kind->open(&second, name) == 0);
	child_check(ipc_unlink(name) == 0);
	close_all();
}

static int create_anonymous(void)
{
	return kept(kind->create(&first, NULL), &first);
}

/* --------------------------------------------------------- open and the end */

static void make(void)
{
	child_check(kind->create(&first, name) == 0);
}

static int open_named(void)
{
	int r = kept(kind->open(&second, name), &second);

	/* a file that is shorter than a head is none of ours */
	child_check(r != -EPROTO || fault_is("pread", 0));
	return r;
}

static void unlink_and_close(void)
{
	child_check(ipc_unlink(name) == 0);
	close_all();
}

static int unlink_named(void)
{
	return ipc_unlink(name);
}

static void after_unlink(void)
{
	child_check(kind->open(&second, name) == -ENOENT);
	close_all();
}

static int close_first(void)
{
	return kind->close(first);
}

static void after_close(void)
{
	first = NULL;
	child_check(kind->open(&second, name) == 0);
	unlink_and_close();
}

/* what the headers say */
#define CREATE_ERRORS                                                          \
	{                                                                      \
		ENOSPC, ENOMEM, EACCES, EMFILE, ENFILE, ENOSYS, EIO, EEXIST    \
	}
#define OPEN_ERRORS                                                            \
	{                                                                      \
		ENOMEM, EACCES, EMFILE, ENFILE, ENOSYS, EIO, EPROTO            \
	}

static const struct fault_case cases[] = {
	{"create, named", NULL, create_named, after_create, 0, CREATE_ERRORS,
	 0},
	{"create, anonymous", NULL, create_anonymous, close_all, 0,
	 CREATE_ERRORS, 0},
	{"open", make, open_named, unlink_and_close, 0, OPEN_ERRORS, 0},
	{"open, first use", make, open_named, unlink_and_close, 0, OPEN_ERRORS,
	 FAULTS_FRESH},
	{"unlink",
	 make,
	 unlink_named,
	 after_unlink,
	 0,
	 {EACCES, ENOMEM, EIO},
	 0},
	{"close", make, close_first, after_close, 0, {0}, 0},
};

static void test_kind(const struct kind *k)
{
	kind = k;
	unique_name(name, "faults");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_faults(&cases[i]);
}

static void test_mutex(void **state)
{
	(void)state;
	test_kind(&mutex);
}

static void test_queue(void **state)
{
	(void)state;
	test_kind(&queue);
}

static void test_joinable(void **state)
{
	(void)state;
	test_kind(&joinable);
}

static void test_shared(void **state)
{
	(void)state;
	test_kind(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_LIMIT(test_mutex, 60),
		TEST_LIMIT(test_queue, 60),
		TEST_LIMIT(test_joinable, 60),
		TEST_LIMIT(test_shared, 60),
	};

	return RUN_EXACT_TESTS(tests);
}
