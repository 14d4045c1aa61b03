/* SPDX-License-Identifier: MIT */
/*
 * tool_show.c - libipc ls, libipc stat
 */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ipc/mutex.h>
#include <ipc/queue.h>
#include "tool.h"

enum {
	WATCH_MS = 1000,
};

/* ---- what ls and stat both say ---- */

static const char *user_name(uid_t uid, char buf[32])
{
	const struct passwd *p = getpwuid(uid);

	if (p)
		return p->pw_name;
	snprintf(buf, 32, "%lu", (unsigned long)uid);
	return buf;
}

static uint64_t waiting(const struct tool_object *o)
{
	return o->dropped ? 0 : o->put.index - o->get.index;
}

static void show_file(const struct tool_object *o)
{
	char user[32], mode[8];

	snprintf(mode, sizeof(mode), "%04o",
		 (unsigned int)o->st.st_mode & 07777);
	out_text("name", o->name);
	out_text("kind", tool_kind(o));
	out_text("state", tool_state(o));
	out_text("mode", mode);
	out_text("user", user_name(o->st.st_uid, user));
	out_number("size", (uint64_t)o->st.st_size);
	out_number("memory", (uint64_t)o->st.st_blocks * 512);
}

/* ---- threads ---- */

static bool sleeps_at(const struct tool_user *u, const struct tool_gate *g)
{
	return u->sleeps && u->at >= g->from && u->at < g->to;
}

/* whether a gate says that there may be sleepers: not in the bounded way */
static bool has_flag(void)
{
	int caps = ipc_caps();

	return caps >= 0 && (caps & LIBIPC_CAP_EXACT_WAKE);
}

/* how many sleep there, and who: known, if all could be looked at */
static void show_sleepers(const struct tool_gate *g, const struct tool_users *u)
{
	size_t n = 0;

	for (size_t i = 0; i < u->n; i++)
		n += sleeps_at(&u->list[i], g);
	out_number("sleepers", n);
	out_flag_unless("all_sleepers_known",
			u->complete || (!g->sleepers && has_flag()), true);
	if (n == 0)
		return;
	out_list_begin("asleep");
	for (size_t i = 0; i < u->n; i++)
		if (sleeps_at(&u->list[i], g))
			out_thread(NULL, &u->list[i].thread);
	out_list_end();
}

void tool_show_owner(const char *key, const struct tool_object *o, uint32_t tid)
{
	struct tool_thread t;

	if (!tid) {
		out_none(key);
		return;
	}
	if (!o->here || !tool_thread((pid_t)tid, &t)) {
		t = (struct tool_thread){.tid = (pid_t)tid, .state = '?'};
		strcpy(t.command,
		       o->here ? "gone" : "in another PID namespace");
	}
	out_thread(key, &t);
}

/*
 * Since when: that is not recorded. But who had to wait for it noted when that
 * was; what has not moved while we looked on (stat -w), was there all the time;
 * and it is not longer than its thread exists.
 */
static void show_holder(const char *key, const struct tool_object *o,
			const struct tool_gate *g)
{
	uint64_t ms;

	tool_show_owner(key, o, g->owner);
	if (g->stood)
		out_number("for_ms_at_least", g->for_ms);
	if (g->owner && o->here && tool_thread_age((pid_t)g->owner, &ms))
		out_number("for_ms_at_most", ms);
}

/* of a mutex, and of the one that shared bytes have */
static void show_lock(const struct tool_object *o, const struct tool_users *u)
{
	bool recursive = o->head.kind == IPCI_KIND_MUTEX &&
			 (o->head.u.mutex.flags & LIBIPC_MUTEX_RECURSIVE);

	show_holder("holder", o, &o->lock);
	if (recursive)
		out_number("depth", o->lock.owner ? o->depth : 0);
	/* not yet told to anybody: the next one to lock it will hear */
	out_flag_unless("holder_died", !o->lock.owner && o->holder, false);
	show_sleepers(&o->lock, u);
}

/* ---- stat ---- */

static void show_side(const char *key, const struct tool_object *o,
		      const struct tool_side *s, const struct tool_users *u)
{
	out_begin(key);
	out_number("total", s->index);
	show_holder("inside", o, &s->gate);
	show_sleepers(&s->gate, u);
	out_end();
}

static const char *order_name(uint32_t order)
{
	switch (order) {
	case LIBIPC_FIFO:
		return "fifo";
	case LIBIPC_LIFO:
		return "lifo";
	case LIBIPC_PRIORITY:
		return "priority";
	default:
		return "unknown";
	}
}

static void show_queue(const struct tool_object *o, const struct tool_users *u)
{
	uint32_t flags = o->head.u.queue.flags;
	struct tool_side done = o->done;

	out_text("order", order_name(o->head.u.queue.order));
	out_flag("joinable", flags & LIBIPC_JOINABLE);
	out_flag_unless("single_producer", flags & LIBIPC_SINGLE_PRODUCER,
			false);
	out_flag_unless("single_consumer", flags & LIBIPC_SINGLE_CONSUMER,
			false);
	out_flag_unless("shut_down", o->shut, false);
	out_number("items", waiting(o));
	if (o->head.u.queue.maxsize)
		out_number("maxsize", o->head.u.queue.maxsize);
	else
		out_none("maxsize");
	out_number("item_size", o->head.u.queue.item_size);
	show_side("put", o, &o->put, u);
	show_side("get", o, &o->get, u);
	if (!(flags & LIBIPC_JOINABLE))
		return;
	out_number("unfinished", waiting(o) + o->get.index - o->finished);
	done.index = o->finished;
	show_side("done", o, &done, u);
	tool_show_tasks(o);
}

static void show_users(const struct tool_users *u)
{
	pid_t last = 0;

	out_list_begin("users");
	for (size_t i = 0; i < u->n; i++) {
		if (u->list[i].thread.pid == last)
			continue;
		last = u->list[i].thread.pid;
		out_thread(NULL, &u->list[i].thread);
	}
	out_list_end();
	out_flag_unless("all_users_known", u->complete, true);
}

static void show_all(const struct tool_object *o)
{
	struct tool_users u = {NULL, 0, false};

	tool_users(&o->st, &u);
	switch (o->head.kind) {
	case IPCI_KIND_QUEUE:
		show_queue(o, &u);
		break;
	case IPCI_KIND_SHARED:
		out_number("bytes", o->head.u.shared.size);
		show_lock(o, &u);
		break;
	default:
		show_lock(o, &u);
	}
	show_users(&u);
	free(u.list);
}

/* damaged ones are shown, too, as far as it goes, and are a failure */
static int show_object(const struct tool_object *o)
{
	out_begin(NULL);
	show_file(o);
	if (!o->error)
		show_all(o);
	out_end();
	return o->error ? TOOL_FAILED : TOOL_OK;
}

int tool_stat(const struct tool_options *options, char **names)
{
	char name[TOOL_NAME_MAX];
	struct tool_object o;
	int err, result;

	if (!tool_name(name, names[0]))
		return TOOL_FAILED;
	err = tool_look(&o, name);
	if (err) {
		tool_complain(name, err);
		return TOOL_FAILED;
	}
	if (options->watch)
		tool_watch(&o, WATCH_MS);
	out_start(options->json);
	result = show_object(&o);
	tool_look_end(&o);
	if (out_finish())
		return TOOL_FAILED;
	if (result)
		tool_complain_text(name, tool_state(&o));
	return result;
}

/* ---- ls ---- */

/* in a few words, how it stands */
static void print_how(const struct tool_object *o)
{
	struct tool_thread t;

	if (o->error || !o->here) {
		fputs(tool_state(o), stdout);
	} else if (o->head.kind == IPCI_KIND_QUEUE) {
		printf("%" PRIu64, waiting(o));
		if (o->head.u.queue.maxsize)
			printf(" of %" PRIu64, o->head.u.queue.maxsize);
		fputs(waiting(o) == 1 ? " item" : " items", stdout);
	} else if (!o->lock.owner) {
		fputs(o->holder ? "free, its holder died" : "free", stdout);
	} else {
		printf("held by %" PRIu32, o->lock.owner);
		if (tool_thread((pid_t)o->lock.owner, &t)) {
			fputs(" (", stdout);
			out_safe(t.command, 0);
			putchar(')');
		}
	}
}

static void list_text(struct tool_object *o, void *arg)
{
	char user[32];
	bool *titled = arg;

	if (!*titled)
		printf("%-24s %-7s %-4s %-8s %12s  %s\n", "NAME", "KIND",
		       "MODE", "USER", "MEMORY", "STATE");
	*titled = true;
	out_safe(o->name, 24);
	printf(" %-7s %04o %-8s %12ju  ", tool_kind(o),
	       (unsigned int)o->st.st_mode & 07777,
	       user_name(o->st.st_uid, user), (uintmax_t)o->st.st_blocks * 512);
	print_how(o);
	putchar('\n');
}

static void list_json(struct tool_object *o, void *arg)
{
	(void)arg;
	out_begin(NULL);
	show_file(o);
	if (!o->error && o->head.kind == IPCI_KIND_QUEUE)
		out_number("items", waiting(o));
	if (!o->error && o->head.kind != IPCI_KIND_QUEUE)
		tool_show_owner("holder", o, o->lock.owner);
	out_end();
}

int tool_ls(const struct tool_options *o, char **names)
{
	bool titled = false;
	int err, written;

	(void)names;
	out_start(o->json);
	if (o->json)
		out_list_begin(NULL);
	err = tool_for_each(o->json ? list_json : list_text, &titled);
	if (o->json)
		out_list_end();
	written = out_finish();
	if (err)
		tool_complain(tool_shm_dir(), err);
	return err ? TOOL_FAILED : written;
}
