/* SPDX-License-Identifier: MIT */
/*
 * test_process_flush.c - what parent and child write through stdio appears
 * once and in order, and what the parent reads is not disturbed
 */
#include "process_util.h"

#include <sys/mman.h>

static int new_file(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	child_check(fd >= 0);
	child_check(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	child_check(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static void expect_text(int fd, const char *want)
{
	char text[256];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	child_check(n >= 0);
	text[n] = '\0';
	if (strcmp(text, want) != 0)
		fprintf(stderr, "\"%s\", not \"%s\"\n", text, want);
	child_check(strcmp(text, want) == 0);
}

static int write_child(void *arg)
{
	fputs("child ", arg);
	return 0;
}

static int write_and_exit(void *arg)
{
	fputs("child ", arg);
	_exit(0);
}

static void run(ipc_process_fn *fn, void *arg)
{
	struct ipc_process *p = child_started(fn, arg, 0);

	child_check(ipc_process_join(p, LIBIPC_FOREVER) == 0);
	child_check(ipc_process_close(p) == 0);
}

static int any_stream(void *arg)
{
	int fd = new_file("");
	FILE *out = fdopen(fd, "w");

	(void)arg;
	fputs("parent ", out);
	run(write_child, out);
	fputs("between ", out);
	run(write_and_exit, out);
	run(return_at_once, NULL);
	fputs("end", out);
	child_check(fflush(out) == 0);
	expect_text(fd, "parent child between end");
	return 0;
}

static void test_a_stream_of_the_program(void **state)
{
	(void)state;
	expect_exit(spawn_child(any_stream, NULL), 0);
}

static int standard_output(void *arg)
{
	int fd = new_file("");
	(void)arg;

	child_check(dup2(fd, STDOUT_FILENO) == STDOUT_FILENO);
	setvbuf(stdout, NULL, _IOFBF, 4096);
	fputs("parent ", stdout);
	run(write_child, stdout);
	fputs("end", stdout);
	child_check(fflush(stdout) == 0);
	expect_text(fd, "parent child end");
	return 0;
}

static void test_standard_output(void **state)
{
	(void)state;
	expect_exit(spawn_child(standard_output, NULL), 0);
}

/* the offset of a file is shared: who moves it moves it for both */
static int read_stream(FILE *in, int fd)
{
	char line[32];
	off_t offset;

	child_check(fgets(line, sizeof(line), in));
	child_check(strcmp(line, "one\n") == 0);
	offset = lseek(fd, 0, SEEK_CUR);
	run(return_at_once, NULL);
	child_check(lseek(fd, 0, SEEK_CUR) == offset);
	child_check(fgets(line, sizeof(line), in));
	child_check(strcmp(line, "two\n") == 0);
	child_check(fgets(line, sizeof(line), in));
	child_check(strcmp(line, "three\n") == 0);
	child_check(!fgets(line, sizeof(line), in));
	return 0;
}

static int read_file(void *arg)
{
	int fd = new_file("one\ntwo\nthree\n");
	(void)arg;

	return read_stream(fdopen(fd, "r"), fd);
}

static int read_standard_input(void *arg)
{
	int fd = new_file("one\ntwo\nthree\n");
	(void)arg;

	child_check(dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	return read_stream(stdin, STDIN_FILENO);
}

static void test_input_is_not_disturbed(void **state)
{
	(void)state;
	expect_exit(spawn_child(read_file, NULL), 0);
	expect_exit(spawn_child(read_standard_input, NULL), 0);
}

/* a child may read on where the parent stopped: nothing is closed */
static int read_a_byte(void *arg)
{
	char byte;

	return read(*(int *)arg, &byte, 1) == 1 ? byte : 0;
}

static void test_standard_input_is_still_there(void **state)
{
	int fds[2];
	(void)state;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(finished(started(read_a_byte, &fds[0], 0)), 'x');
	close(fds[0]);
	close(fds[1]);
}

/* ---------------------------------------- a thread that waits for its input */

static int read_line(void *arg)
{
	char line[8];

	(void)arg;
	return fgets(line, sizeof(line), stdin) ? 0 : 1;
}

static int start_beside_a_reader(void *arg)
{
	int fds[2], fd = new_file("");
	struct test_thread *reader;
	(void)arg;

	child_check(pipe(fds) == 0 && dup2(fds[0], STDIN_FILENO) == 0);
	child_check(dup2(fd, STDOUT_FILENO) == STDOUT_FILENO);
	setvbuf(stdout, NULL, _IOFBF, 4096);
	reader = start_thread(read_line, NULL);
	wait_asleep_tid(thread_tid(reader));
	fputs("parent ", stdout);
	run(write_child, stdout);
	fputs("end", stdout);
	child_check(fflush(stdout) == 0);
	expect_text(fd, "parent child end");
	child_check(write(fds[1], "\n", 1) == 1);
	return join_thread(reader);
}

static void test_start_does_not_wait_for_a_reader(void **state)
{
	(void)state;
	expect_exit(spawn_child(start_beside_a_reader, NULL), 0);
}

static int start_without_streams(void *arg)
{
	(void)arg;
	fclose(stdin);
	fclose(stdout);
	run(return_at_once, NULL);
	return 0;
}

static void test_start_without_standard_streams(void **state)
{
	(void)state;
	expect_exit(spawn_child(start_without_streams, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_stream_of_the_program),
		TEST(test_standard_output),
		TEST(test_input_is_not_disturbed),
		TEST(test_standard_input_is_still_there),
		TEST(test_start_does_not_wait_for_a_reader),
		TEST(test_start_without_standard_streams),
	};

	return RUN_TESTS(tests);
}
