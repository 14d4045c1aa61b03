/* SPDX-License-Identifier: MIT */
/*
 * test_tool_ls.c - libipc ls: all objects of ours, nothing else, whatever they
 * are called
 */
#include "tool_util.h"
#include "named_util.h"

static struct ran r;

static const char *list(void)
{
	run_tool(&r, "ls");
	expect_well(&r);
	run_tool(&r, "ls", "--json");
	expect_well(&r);
	assert_true(json_is_valid(r.out));
	return r.out;
}

static void test_each_kind(void **state)
{
	char names[KINDS][64], pid[32];
	void *o[KINDS];
	const char *all, *q;
	(void)state;

	for (int i = 0; i < KINDS; i++)
		o[i] = new_object(&kinds[i],
				  unique_name(names[i], kinds[i].tag), 0);
	assert_int_equal(ipc_mutex_lock(o[MUTEX], 0), 0);
	assert_int_equal(ipc_queue_put(o[QUEUE], "x", 1, 0), 0);
	all = list();
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	expect_json(json_member(json_named(all, names[MUTEX]), "holder"), "pid",
		    pid);
	expect_json(json_named(all, names[SHARED]), "holder", "null");
	q = json_named(all, names[QUEUE]);
	expect_json(q, "kind", "\"queue\"");
	expect_json(q, "items", "1");
	assert_int_equal(ipc_mutex_unlock(o[MUTEX]), 0);
	for (int i = 0; i < KINDS; i++) {
		expect_closed(&kinds[i], o[i]);
		expect_unlinked(names[i]);
		assert_null(json_named(list(), names[i]));
	}
}

static void test_text(void **state)
{
	char name[64], line[100];
	void *o;
	(void)state;

	o = new_object(&kinds[QUEUE], unique_name(name, "text"), 0);
	run_tool(&r, "ls");
	expect_well(&r);
	assert_memory_equal(r.out, "NAME ", 5);
	snprintf(line, sizeof(line), "%s ", name);
	assert_non_null(find_line(r.out, line));
	assert_non_null(strstr(find_line(r.out, line), " 0 of 5 items\n"));
	expect_closed(&kinds[QUEUE], o);
	expect_unlinked(name);
}

/* files of others, and names that are no files */
static void test_what_is_not_ours(void **state)
{
	char file[64], fifo[64], link[64], path[300], buf[300];
	int fd;
	(void)state;

	fd = shm_open(unique_name(file, "file"), O_CREAT | O_RDWR, 0600);
	assert_int_equal(pwrite(fd, "not an object", 13, 0), 13);
	close(fd);
	unique_name(fifo, "fifo");
	assert_int_equal(mkfifo(path_of(path, fifo), 0600), 0);
	unique_name(link, "link");
	assert_int_equal(symlink("nowhere", path_of(path, link)), 0);
	assert_null(json_named(list(), file));
	assert_null(json_named(r.out, fifo));
	assert_null(json_named(r.out, link));
	run_tool(&r, "stat", file);
	expect_failure(&r, 1);
	expect_line(&r, "state: not an object");
	run_tool(&r, "stat", fifo);
	expect_failure(&r, 1);
	assert_int_equal(unlink(path_of(path, fifo)), 0);
	assert_int_equal(unlink(path_of(path, link)), 0);
	assert_int_equal(unlink(path_of(buf, file)), 0);
}

/* any bytes in a name: valid JSON, and harmless for a terminal */
static void test_odd_names(void **state)
{
	static const char *const odd[] = {
		"a b",		"q\"uo\\te",
		"\x1b[31m",	"new\nline",
		"\xff\xfe",	"\xc3\xa9t\xc3\xa9",
		"\xed\xa0\x80", "\xf0\x9f\x8c\x8d",
		"-n",		"\xc2\x9b",
		"tab\t",
	};
	char name[100];
	(void)state;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		unique_name(name, "odd");
		strcat(name, odd[i]);
		expect_closed(&kinds[MUTEX],
			      new_object(&kinds[MUTEX], name, 0));
		list();
		run_tool(&r, "stat", "-j", name);
		expect_well(&r);
		assert_true(json_is_valid(r.out));
		run_tool(&r, "stat", name);
		expect_well(&r);
		assert_null(strchr(r.out, '\x1b'));
		assert_null(strstr(r.out, "\xc2\x9b"));
		assert_null(strstr(r.out, "\xff"));
		run_tool(&r, "rm", name);
		expect_well(&r);
		assert_int_equal(try_open(&kinds[MUTEX], name), -ENOENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_kind),
		TEST(test_text),
		TEST(test_what_is_not_ours),
		TEST(test_odd_names),
	};

	return RUN_TESTS(tests);
}
