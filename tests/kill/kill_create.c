/* SPDX-License-Identifier: MIT */
/*
 * kill_create.c - create, open and unlink of named objects, killed before and
 * after each system call, and at instructions in between
 *
 * Executes C1 .. C5 in the KILLED rows of struct head_shm.
 *
 * Whatever the row: under the name there is a complete object, or none; the
 * same holds while the victim is still at work. The next create works, or
 * finds the name taken by an object that works. Nothing else is left behind.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libipc.h>
#include "sweep.h"

enum op { CREATE, CREATE_TAKEN, OPEN, UNLINK };

/* mutex, queue and shared bytes, seen as one */
struct kind {
	int (*create)(void **o);
	int (*open)(void **o);
	int (*close)(void *o);
	bool (*mark)(void *o);	 /* leaves something in it */
	bool (*marked)(void *o); /* finds that there */
	bool (*use)(void *o, void *same);
};

struct row {
	enum op op;
	const struct kind *kind;
};

enum { NAMES = 256, NAME_SIZE = 256, RETELL = 3 };

static char name[64];
static char there[NAMES][NAME_SIZE]; /* in /dev/shm, before */
static int names;
static bool existed;
static _Atomic bool *returned; /* the victim's call */
static const char *wrong_at_death;

/* ------------------------------------------------------------------- kinds */

static int create_mutex(void **o)
{
	struct ipc_mutex *m;
	int r = ipc_mutex_create(&m, name, NULL);

	if (r == 0)
		*o = m;
	return r;
}

static int open_mutex(void **o)
{
	struct ipc_mutex *m;
	int r = ipc_mutex_open(&m, name);

	if (r == 0)
		*o = m;
	return r;
}

static int close_mutex(void *o)
{
	return ipc_mutex_close(o);
}

static bool use_mutex(void *o, void *same)
{
	return ipc_mutex_lock(o, 0) == 0 &&
	       ipc_mutex_lock(same, 0) == -EDEADLK && ipc_mutex_unlock(o) == 0;
}

/* a mutex keeps nothing */
static bool mark_mutex(void *o)
{
	return use_mutex(o, o);
}

static int create_queue(void **o)
{
	struct ipc_queue_opts opts = {.maxsize = 4, .item_size = 8};
	struct ipc_queue *q;
	int r = ipc_queue_create(&q, name, &opts);

	if (r == 0)
		*o = q;
	return r;
}

static int open_queue(void **o)
{
	struct ipc_queue *q;
	int r = ipc_queue_open(&q, name);

	if (r == 0)
		*o = q;
	return r;
}

static int close_queue(void *o)
{
	return ipc_queue_close(o);
}

static bool use_queue(void *o, void *same)
{
	char got[2][8];
	long size = ipc_queue_size(same);

	return ipc_queue_maxsize(o) == 4 && ipc_queue_item_size(o) == 8 &&
	       ipc_queue_put(o, "use", 4, 0) == 0 &&
	       ipc_queue_get_many(same, got, 8, NULL, 2, 0) == size + 1 &&
	       strcmp(got[size], "use") == 0 &&
	       (size == 0 || ipc_queue_put(o, got[0], 5, 0) == 0);
}

static bool mark_queue(void *o)
{
	return ipc_queue_put(o, "mark", 5, 0) == 0;
}

static bool queue_is_marked(void *o)
{
	char got[8];

	return ipc_queue_size(o) == 1 && ipc_queue_get(o, got, 8, 0) == 5 &&
	       strcmp(got, "mark") == 0 && mark_queue(o);
}

static int create_shared(void **o)
{
	struct ipc_shared *s;
	int r = ipc_shared_create(&s, name, 100, NULL);

	if (r == 0)
		*o = s;
	return r;
}

static int open_shared(void **o)
{
	struct ipc_shared *s;
	int r = ipc_shared_open(&s, name);

	if (r == 0)
		*o = s;
	return r;
}

static int close_shared(void *o)
{
	return ipc_shared_close(o);
}

static bool use_shared(void *o, void *same)
{
	if (ipc_shared_size(o) != 100 || ipc_shared_lock(o, 0) != 0 ||
	    ipc_shared_lock(same, 0) != -EDEADLK)
		return false;
	strcpy((char *)ipc_shared_data(o) + 50, "use");
	return strcmp((char *)ipc_shared_data(same) + 50, "use") == 0 &&
	       ipc_shared_unlock(o) == 0;
}

static bool mark_shared(void *o)
{
	strcpy(ipc_shared_data(o), "mark");
	return true;
}

static bool shared_is_marked(void *o)
{
	return strcmp(ipc_shared_data(o), "mark") == 0;
}

static const struct kind mutex = {create_mutex, open_mutex, close_mutex,
				  mark_mutex,	mark_mutex, use_mutex};
static const struct kind queue = {create_queue, open_queue,	 close_queue,
				  mark_queue,	queue_is_marked, use_queue};
static const struct kind shared = {create_shared,    open_shared,
				   close_shared,     mark_shared,
				   shared_is_marked, use_shared};

/* ------------------------------------------------------------------ litter */

static bool is_new(const char *entry)
{
	for (int i = 0; i < names; i++)
		if (!strcmp(there[i], entry))
			return false;
	return true;
}

/* calls fn for each name in /dev/shm; how often it returned true */
static int count_names(bool (*fn)(const char *))
{
	DIR *dir = opendir("/dev/shm");
	struct dirent *entry;
	int n = 0;

	sweep_require(dir);
	while ((entry = readdir(dir)))
		n += fn(entry->d_name);
	closedir(dir);
	return n;
}

static bool remember(const char *entry)
{
	sweep_require(names < NAMES && strlen(entry) < NAME_SIZE);
	strcpy(there[names++], entry);
	return true;
}

/* strangers may come, and go */
static bool is_littered(void)
{
	const struct timespec delay = {0, 1000000};

	for (int i = 0; count_names(is_new); i++, nanosleep(&delay, NULL))
		if (i > sweep_limit_ms())
			return true;
	return false;
}

/* ------------------------------------------------------------------- story */

static int victim(const void *arg)
{
	const struct row *row = arg;
	void *o;
	int r = 0;

	sweep_marker();
	switch (row->op) {
	case CREATE:
	case CREATE_TAKEN:
		r = row->kind->create(&o);
		break;
	case OPEN:
		r = row->kind->open(&o);
		break;
	case UNLINK:
		r = ipc_unlink(name);
		break;
	}
	*returned = true;
	return r;
}

static void begin(const void *arg)
{
	const struct row *row = arg;
	void *o;

	ipc_unlink(name);
	names = 0;
	*returned = false;
	count_names(remember);
	existed = row->op != CREATE;
	wrong_at_death = NULL;
	if (!existed)
		return;
	sweep_require(row->kind->create(&o) == 0 && row->kind->mark(o));
	row->kind->close(o);
}

static bool works(const struct kind *kind, void *o)
{
	void *same;
	bool ok;

	if (kind->open(&same) != 0)
		return false;
	ok = kind->use(o, same) && kind->use(same, o);
	return kind->close(same) == 0 && ok;
}

/* whether there is one; it is complete, and what it was before */
static const char *examine(const struct row *row, bool *is_there)
{
	const char *wrong = NULL;
	void *o;
	int r = row->kind->open(&o);

	*is_there = r == 0;
	if (r == -ENOENT)
		return row->op == CREATE || row->op == UNLINK
			       ? NULL
			       : "it is no longer there";
	if (r != 0)
		return "it cannot be opened";
	if (!works(row->kind, o))
		wrong = "it is there, and does not work";
	if (!wrong && existed && !row->kind->marked(o))
		wrong = "it is not what it was";
	row->kind->close(o);
	return wrong;
}

static void look(const void *arg)
{
	bool is_there;

	wrong_at_death = examine(arg, &is_there);
}

static const char *create_next(const struct row *row, bool is_there)
{
	const char *wrong = NULL;
	void *o;
	int r = row->kind->create(&o);

	if (is_there)
		return r == -EEXIST ? NULL : "the name is not taken";
	if (r != 0)
		return "the next create fails";
	if (!works(row->kind, o))
		wrong = "the next one does not work";
	row->kind->close(o);
	return wrong;
}

static const char *judge(const void *arg)
{
	const struct row *row = arg;
	const char *wrong = wrong_at_death;
	bool is_there = false;

	if (!wrong)
		wrong = examine(row, &is_there);
	if (!wrong && *returned && is_there == (row->op == UNLINK))
		wrong = "what had returned was not done";
	if (!wrong)
		wrong = create_next(row, is_there);
	if (!wrong && ipc_unlink(name) != 0)
		wrong = "it cannot be unlinked";
	return wrong;
}

static void end(const void *arg)
{
	(void)arg;
	ipc_unlink(name);
}

/*
 * The directory is everybody's: a new name may be a stranger's. What the
 * victim leaves, it leaves each time.
 */
static const char *create_point(const void *arg, unsigned long k, bool *over)
{
	const char *wrong;

	for (int i = 0; i < RETELL; i++) {
		wrong = sweep_point(arg, k, over);
		if (wrong || !is_littered())
			return wrong;
	}
	return "something is left behind";
}

/* -------------------------------------------------------------------- rows */

#define STORY(text, calls, every, ...)                                         \
	{                                                                      \
		.name = text, .point = create_point, .stride = every,          \
		.row = &(const struct sweep)                                   \
		{                                                              \
			.row = &(const struct row){__VA_ARGS__},               \
			.begin = begin, .victim = victim, .look = look,        \
			.judge = judge, .end = end, .by_calls = calls          \
		}                                                              \
	}
#define CALLS(text, ...)	       STORY(text, true, 1, __VA_ARGS__)
#define INSTRUCTIONS(text, every, ...) STORY(text, false, every, __VA_ARGS__)

static const struct story stories[] = {
	CALLS("create a mutex, by calls", CREATE, &mutex),
	CALLS("create a queue, by calls", CREATE, &queue),
	CALLS("create shared bytes, by calls", CREATE, &shared),
	CALLS("create a queue, the name is taken, by calls", CREATE_TAKEN,
	      &queue),
	CALLS("open a mutex, by calls", OPEN, &mutex),
	CALLS("open a queue, by calls", OPEN, &queue),
	CALLS("open shared bytes, by calls", OPEN, &shared),
	CALLS("unlink a mutex, by calls", UNLINK, &mutex),
	CALLS("unlink a queue, by calls", UNLINK, &queue),
	CALLS("unlink shared bytes, by calls", UNLINK, &shared),

	INSTRUCTIONS("create a mutex", 211, CREATE, &mutex),
	INSTRUCTIONS("create a queue", 211, CREATE, &queue),
	INSTRUCTIONS("create shared bytes", 211, CREATE, &shared),
	INSTRUCTIONS("open a queue", 101, OPEN, &queue),
	INSTRUCTIONS("open a mutex", 151, OPEN, &mutex),
	INSTRUCTIONS("open shared bytes", 151, OPEN, &shared),
	INSTRUCTIONS("create a queue, the name is taken", 211, CREATE_TAKEN,
		     &queue),
	INSTRUCTIONS("unlink a queue", 53, UNLINK, &queue),
	INSTRUCTIONS("unlink a mutex", 67, UNLINK, &mutex),
};

int main(int argc, char **argv)
{
	returned = sweep_shared(sizeof(*returned));
	snprintf(name, sizeof(name), "/libipc-kill-%ld", (long)getpid());
	return story_main(argc, argv, stories,
			  sizeof(stories) / sizeof(*stories));
}
