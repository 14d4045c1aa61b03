/* SPDX-License-Identifier: MIT */
/*
 * tool_doctor.c - libipc doctor: what this system lets the library do
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <ipc/base.h>
#include <ipc/mutex.h>
#include "os.h"
#include "tool.h"

enum {
	PROBLEMS_MAX = 16,
	MAPS_PER_OBJECT = 3,
};

#define LITTLE (UINT64_C(1) << 20) /* bytes that are nearly nothing */

static struct {
	char text[PROBLEMS_MAX][160];
	int n;
} problems;

static void problem(const char *what, const char *why)
{
	if (problems.n < PROBLEMS_MAX)
		snprintf(problems.text[problems.n++], sizeof(problems.text[0]),
			 "%s%s%s", what, why ? ": " : "", why ? why : "");
}

/* ---- the library ---- */

static const char *backend_name(void)
{
	switch (ipci_os_backend()) {
	case IPCI_BACKEND_EXACT:
		return "exact: the kernel tells of deaths";
	case IPCI_BACKEND_ROBUST:
		return "bounded: robust mutexes tell of deaths";
	case IPCI_BACKEND_PID:
		return "bounded: processes are asked for";
	default:
		return "unknown";
	}
}

static void show_library(void)
{
	int caps = ipc_caps();

	out_begin("library");
	out_text("version", ipc_version());
	out_number("layout", IPCI_LAYOUT);
	out_flag("works", caps >= 0);
	out_text("back_end", backend_name());
	out_flag("exact_wake", caps >= 0 && (caps & LIBIPC_CAP_EXACT_WAKE));
	out_end();
	if (caps < 0)
		problem("the library cannot work here", strerror(-caps));
	else if (!(caps & LIBIPC_CAP_EXACT_WAKE))
		problem("sleepers look by themselves now and then, because "
			"this "
			"system does not wake them when a process dies",
			NULL);
}

static void show_system(void)
{
	uint64_t space = ipci_os_id_space();
	struct utsname u;

	uname(&u);
	out_begin("system");
	out_text("name", u.sysname);
	out_text("release", u.release);
	out_text("machine", u.machine);
	out_number("cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	out_number("page_size", (uint64_t)sysconf(_SC_PAGESIZE));
	if (space)
		out_number("pid_namespace", space);
	else
		out_none("pid_namespace");
	tool_show_kernel();
	out_end();
	if (!space)
		problem("the PID namespace is unknown (no /proc?): objects of "
			"another one cannot be refused",
			NULL);
}

/* ---- shared memory ---- */

/* the whole way of one object, under a name of ours */
static int try_named(void)
{
	struct ipc_mutex *m;
	char name[64];
	int err;

	snprintf(name, sizeof(name), "/.libipc-doctor-%ld", (long)getpid());
	err = ipc_mutex_create(&m, name, NULL);
	if (err)
		return err;
	err = ipc_mutex_lock(m, 0);
	if (!err)
		err = ipc_mutex_unlock(m);
	ipc_mutex_close(m);
	return ipc_unlink(name) ? -EIO : err;
}

static void count_object(struct tool_object *o, void *arg)
{
	uint64_t *sum = arg;

	sum[0]++;
	sum[1] += (uint64_t)o->st.st_blocks * 512;
}

static void show_space(const struct statvfs *v)
{
	uint64_t free_bytes = (uint64_t)v->f_bavail * v->f_frsize;

	out_number("size", (uint64_t)v->f_blocks * v->f_frsize);
	out_number("free", free_bytes);
	out_number("files_free", (uint64_t)v->f_favail);
	if (free_bytes < LITTLE)
		problem("less than 1 MiB is free", tool_shm_dir());
	if (v->f_files && v->f_favail == 0)
		problem("no more files can be made", tool_shm_dir());
	if (v->f_flag & ST_RDONLY)
		problem("it is mounted read-only", tool_shm_dir());
}

static void show_memory(void)
{
	uint64_t objects[2] = {0, 0};
	struct statvfs v;
	int err;

	out_begin("memory");
	out_text("directory", tool_shm_dir());
	if (statvfs(tool_shm_dir(), &v) == 0)
		show_space(&v);
	else
		problem(tool_shm_dir(), strerror(errno));
	tool_for_each(count_object, objects);
	out_number("objects", objects[0]);
	out_number("used_by_objects", objects[1]);
	err = try_named();
	out_flag("named_objects_work", err == 0);
	out_end();
	if (err)
		problem("a named mutex cannot be made and used",
			strerror(-err));
}

/* ---- limits ---- */

static void show_limit(const char *key, int resource)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		out_number(key, (uint64_t)limit.rlim_cur);
	else
		out_none(key);
}

static void show_limits(void)
{
	uint64_t maps = tool_max_maps();

	out_begin("limits");
	show_limit("open_files", RLIMIT_NOFILE);
	show_limit("file_size", RLIMIT_FSIZE);
	show_limit("address_space", RLIMIT_AS);
	if (maps)
		out_number("objects_per_process", maps / MAPS_PER_OBJECT);
	out_number("mutexes_held_per_thread", 1024);
	out_end();
}

static void show_problems(void)
{
	out_list_begin("problems");
	for (int i = 0; i < problems.n; i++)
		out_text(NULL, problems.text[i]);
	out_list_end();
}

int tool_doctor(const struct tool_options *o, char **names)
{
	int written;

	(void)names;
	out_start(o->json);
	out_begin(NULL);
	show_library();
	show_system();
	show_memory();
	show_limits();
	if (!tool_leases())
		problem("no file leases here: gc cannot tell what is unused",
			NULL);
	show_problems();
	out_end();
	written = out_finish();
	return problems.n ? TOOL_FAILED : written;
}
