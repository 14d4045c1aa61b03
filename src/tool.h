/* SPDX-License-Identifier: MIT */
/*
 * tool.h - the program libipc: what its files have in common
 *
 * It only looks: files are read (pread), never mapped, never written, and no
 * lock is taken. So it works while something is stuck, and nothing that may
 * stand in a file, or happen to it meanwhile, can make it crash.
 *
 *	tool.c        arguments, usage
 *	tool_look.c   reads objects
 *	tool_show.c   ls, stat
 *	tool_tasks.c  the tasks of a joinable queue
 *	tool_gc.c     rm, gc
 *	tool_doctor.c doctor
 *	tool_out.c    text or JSON
 *	tool_linux.c  what only the system knows: threads, users of a file
 */
#ifndef IPCI_TOOL_H
#define IPCI_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "layout.h"

enum {
	TOOL_OK = 0,
	TOOL_FAILED = 1, /* no such object, not permitted, something is wrong */
	TOOL_USAGE = 2,
	TOOL_NAME_MAX = 256, /* bytes of a name, with slash and end */
};

struct tool_options {
	bool json;
	bool dry; /* say, do not do */
	bool watch;
};

/* the commands; names ends with NULL */
int tool_ls(const struct tool_options *o, char **names);
int tool_stat(const struct tool_options *o, char **names);
int tool_rm(const struct tool_options *o, char **names);
int tool_gc(const struct tool_options *o, char **names);
int tool_doctor(const struct tool_options *o, char **names);

/* "libipc: NAME: why" on stderr; what is a negative errno, or any text */
void tool_complain(const char *name, int error);
void tool_complain_text(const char *name, const char *what);

/* ---- objects, as they were when they were read ---- */

struct tool_gate {
	uint64_t from, to; /* its part of the file: who sleeps at a word in it,
			      sleeps at this gate */
	uint64_t word;
	uint32_t owner;
	bool sleepers;	 /* there may be some */
	bool stood;	 /* it is known to have had this owner ... */
	uint64_t for_ms; /* ... for so long at least */
};

struct tool_side {
	uint64_t index;
	struct tool_gate gate;
};

struct tool_object {
	char name[TOOL_NAME_MAX];
	int fd;
	int error; /* 0, -EPROTO: of another build, -EBADMSG: damaged, ... */
	bool ours; /* begins like an object of some build of this library */
	bool here; /* of this PID namespace */
	struct stat st;
	struct head_shm head;
	uint32_t looked; /* before what follows was read: ms, the lower part */
	struct tool_gate lock; /* mutex, shared */
	uint32_t holder;       /* who is inside, or died there */
	uint32_t depth;	       /* of a recursive one */
	struct tool_side put, get, done;
	uint64_t finished; /* done by whomever, or set aside */
	bool shut;	   /* a queue that was shut down */
	bool dropped;	   /* ... and what waited is no more */
};

/* "jobs" and "/jobs" are the same; false: no name at all, and says so */
bool tool_name(char name[TOOL_NAME_MAX], const char *arg);

/* 0, or negative: there is nothing to close. What is no object of ours, or
   cannot be used, is also 0: see o->ours, o->error. */
int tool_look(struct tool_object *o, const char *name);
void tool_look_end(struct tool_object *o);

/* looks again after so many milliseconds, and what has not moved */
void tool_watch(struct tool_object *o, unsigned int ms);

/* calls fn for each object of ours, by name: 0, or negative */
int tool_for_each(void (*fn)(struct tool_object *o, void *arg), void *arg);

/* tasks of a queue that the threads that got them marked done themselves */
uint64_t tool_marked_done(const struct tool_object *o);

/* tasks that were got and are not done */
void tool_show_tasks(const struct tool_object *o);

/* the thread of that id in the object's namespace; 0: none */
void tool_show_owner(const char *key, const struct tool_object *o,
		     uint32_t tid);

const char *tool_kind(const struct tool_object *o);

/* a word for its error: "ok", "damaged", ... */
const char *tool_state(const struct tool_object *o);

/* ---- what the system knows ---- */

struct tool_thread {
	pid_t pid;
	pid_t tid;
	char state; /* as in /proc: R S D T Z ... */
	char command[64];
};

/* a thread of this PID namespace; false: there is none */
bool tool_thread(pid_t tid, struct tool_thread *t);

/* how long it has existed, at most; false: not known */
bool tool_thread_age(pid_t tid, uint64_t *ms);

struct tool_user {
	struct tool_thread thread;
	bool sleeps;
	uint64_t at; /* the word in the file that it sleeps at */
};

/* the threads of the processes that have a file mapped */
struct tool_users {
	struct tool_user *list;
	size_t n;
	bool complete; /* every process could be looked at */
};

/* free(u->list) */
void tool_users(const struct stat *st, struct tool_users *u);

/*
 * Whether nobody, in any process of the system, has the file open or mapped,
 * but for the caller by fd. If so, whoever opens it from now on waits, until fd
 * is closed or tool_unused_wanted() was heeded. 1, 0, or negative: there is no
 * way to tell.
 */
int tool_unused(int fd);

/* whether somebody waits for tool_unused() to be over */
bool tool_unused_wanted(int fd);

/*
 * Removes the name if it is that of this very file: 0, or -ENOENT if it is not.
 * Somebody may have given the name to another object since we looked, and that
 * must not go. (For an instant, in that case, its name is not there.)
 */
int tool_remove(const char *name, const struct stat *st);

const char *tool_shm_dir(void);

/* milliseconds that have gone by: at least so many */
unsigned int tool_pause(unsigned int ms);

/* for doctor: mappings that a process may have, or 0; whether tool_unused() can
   work; what the kernel offers, to the output */
uint64_t tool_max_maps(void);
bool tool_leases(void);
void tool_show_kernel(void);

/* ---- output ---- */

void out_start(bool json);
/* TOOL_OK, or TOOL_FAILED: it could not be written */
int out_finish(void);

/* key NULL: the outermost one, or in a list */
void out_begin(const char *key);
void out_end(void);
void out_list_begin(const char *key);
void out_list_end(void);
void out_number(const char *key, uint64_t n);
void out_text(const char *key, const char *text);
void out_flag(const char *key, bool is);
/* in text only if it is not as usual */
void out_flag_unless(const char *key, bool is, bool usual);
void out_none(const char *key);
/* a thread is one line of text, or an object */
void out_thread(const char *key, const struct tool_thread *t);

/* prints text so that no byte of it does anything to a terminal */
void out_safe(const char *text, int width);

#endif
