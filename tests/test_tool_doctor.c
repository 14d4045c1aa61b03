/* SPDX-License-Identifier: MIT */
/*
 * test_tool_doctor.c - libipc doctor: what this system lets the library do
 */
#include "tool_util.h"
#include "named_util.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

static struct ran r;

#define NO_MOUNT 77

static char *number(char buf[32], uint64_t n)
{
	snprintf(buf, 32, "%ju", (uintmax_t)n);
	return buf;
}

static void test_this_system(void **state)
{
	char buf[32];
	struct statvfs v;
	const char *library, *memory;
	(void)state;

	run_tool(&r, "doctor", "-j");
	assert_true(json_is_valid(r.out));
	library = json_member(r.out, "library");
	expect_json(library, "works", "true");
	expect_json(library, "exact_wake",
		    ipc_caps() & LIBIPC_CAP_EXACT_WAKE ? "true" : "false");
	memory = json_member(r.out, "memory");
	expect_json(memory, "named_objects_work", "true");
	expect_json(memory, "directory", "\"/dev/shm\"");
	assert_int_equal(statvfs("/dev/shm", &v), 0);
	expect_json(memory, "size",
		    number(buf, (uint64_t)v.f_blocks * v.f_frsize));
	/* something is wrong, or all is well: the exit code says the same */
	assert_int_equal(r.code,
			 json_is(json_member(r.out, "problems"), "[]") ? 0 : 1);
	run_tool(&r, "doctor");
	assert_in_range(r.code, 0, 1);
	assert_non_null(find_line(r.out, "library:"));
}

static int doctor_of_small_shm(void *arg)
{
	const char *options = arg;

	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/dev/shm", "tmpfs",
		  options[0] == 'r' ? MS_RDONLY : 0,
		  options[0] == 'r' ? NULL : options))
		return NO_MOUNT;
	run_tool(&r, "doctor", "-j");
	child_check(r.code == 1 && json_is_valid(r.out));
	child_check(!json_is(json_member(r.out, "problems"), "[]"));
	return 0;
}

/* too small, full of files, read-only: it says so */
static void test_problems(void **state)
{
	static char *const mounts[] = {"size=64k", "nr_inodes=1", "ro"};
	(void)state;

	for (size_t i = 0; i < 3; i++) {
		int status;
		pid_t pid = spawn_child(doctor_of_small_shm, mounts[i]);

		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == NO_MOUNT) {
			print_message("# skipped: no right to mount\n");
			skip();
		}
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_this_system),
		TEST(test_problems),
	};

	return RUN_TESTS(tests);
}
