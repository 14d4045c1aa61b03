/* SPDX-License-Identifier: MIT */
/*
 * tool_gc.c - libipc rm, libipc gc
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ipc/base.h>
#include "tool.h"

/* ---- rm ---- */

/* whatever else lies there under that name is not ours to remove, nor is what
   we may not even read */
static int open_object(struct tool_object *o, char name[TOOL_NAME_MAX],
		       const char *arg)
{
	int err;

	if (!tool_name(name, arg))
		return -EINVAL;
	err = tool_look(o, name);
	if (err) {
		tool_complain(name, err);
		return err;
	}
	if (o->ours)
		return 0;
	tool_look_end(o);
	tool_complain_text(name, "not an object of libipc");
	return -EPROTO;
}

static int rm_one(const char *arg)
{
	char name[TOOL_NAME_MAX];
	struct tool_object o;
	int err;

	if (open_object(&o, name, arg))
		return TOOL_FAILED;
	tool_look_end(&o);
	err = ipc_unlink(name);
	if (err)
		tool_complain(name, err);
	return err ? TOOL_FAILED : TOOL_OK;
}

int tool_rm(const struct tool_options *o, char **names)
{
	int result = TOOL_OK;

	(void)o;
	for (; *names; names++)
		if (rm_one(*names))
			result = TOOL_FAILED;
	return result;
}

/* ---- gc ---- */

struct sweep {
	const struct tool_options *o;
	int result;
};

enum fate { IN_USE, UNKNOWN, REMOVABLE, REMOVED, FAILED };

static void report(const struct tool_object *o, const struct sweep *s,
		   enum fate fate)
{
	static const char *const words[] = {
		"in use", "kept: it cannot be told whether somebody uses it",
		"no users", "removed", "not removed"};

	if (s->o->json) {
		out_begin(NULL);
		out_text("name", o->name);
		out_text("fate", words[fate]);
		out_end();
	} else if (fate != IN_USE) {
		out_safe(o->name, 0);
		printf(": %s\n", words[fate]);
	}
}

/*
 * Nobody has it, and whoever wants it waits (tool_unused). An opener that waits
 * is a user all the same; one that comes after that look finds, when it goes
 * on, that its file has no name any more, and answers -ENOENT as if it had come
 * after us: so it is nobody's object that goes.
 */
static enum fate remove_unused(const struct tool_object *o, int fd)
{
	int err;

	if (tool_unused_wanted(fd))
		return IN_USE;
	err = tool_remove(o->name, &o->st);
	if (err == 0)
		return REMOVED;
	if (err == -ENOENT)
		return IN_USE;
	tool_complain(o->name, err);
	return FAILED;
}

static bool is_the_same(const struct tool_object *o, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_dev == o->st.st_dev &&
	       st.st_ino == o->st.st_ino && st.st_nlink > 0;
}

static enum fate decide(const struct tool_object *o, bool dry, int fd)
{
	int unused;

	if (!is_the_same(o, fd))
		return IN_USE; /* somebody has made it anew */
	unused = tool_unused(fd);
	if (unused < 0)
		return UNKNOWN;
	if (!unused)
		return IN_USE;
	return dry ? REMOVABLE : remove_unused(o, fd);
}

static void gc_one(struct tool_object *o, void *arg)
{
	struct sweep *s = arg;
	enum fate fate;
	int fd;

	tool_look_end(o); /* or we are a user ourselves */
	fd = shm_open(o->name, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return; /* it has gone, or another gc is at it */
	fate = decide(o, s->o->dry, fd);
	close(fd);
	report(o, s, fate);
	if (fate == FAILED)
		s->result = TOOL_FAILED;
}

static void gc_name(const char *arg, struct sweep *s)
{
	char name[TOOL_NAME_MAX];
	struct tool_object o;
	int err = open_object(&o, name, arg);

	if (err) {
		s->result = TOOL_FAILED;
		return;
	}
	gc_one(&o, s);
	tool_look_end(&o);
}

int tool_gc(const struct tool_options *o, char **names)
{
	struct sweep s = {o, TOOL_OK};
	int err = 0, written;

	out_start(o->json);
	if (o->json)
		out_list_begin(NULL);
	if (!*names)
		err = tool_for_each(gc_one, &s);
	for (; *names; names++)
		gc_name(*names, &s);
	if (o->json)
		out_list_end();
	written = out_finish();
	if (err)
		tool_complain(tool_shm_dir(), err);
	return err ? TOOL_FAILED : s.result ? s.result : written;
}
