/* SPDX-License-Identifier: MIT */
/*
 * tool_util.h - runs the program libipc, and reads what it printed
 */
#ifndef LIBIPC_TESTS_TOOL_UTIL_H
#define LIBIPC_TESTS_TOOL_UTIL_H

#include "harness.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/wait.h>

struct ran {
	int code; /* exit code, or minus a signal */
	char out[1 << 16];
	char err[1 << 12];
};

/* ------------------------------------------------------------------ running */

/* beside the directory of the test programs; relative, as we were started */
static inline char *tool_path(char buf[512])
{
	ssize_t n = readlink("/proc/self/exe", buf, 400);

	assert_true(n > 0);
	buf[n] = '\0';
	*strrchr(buf, '/') = '\0';
	return strcat(buf, "/../libipc");
}

static inline void read_back(int fd, char *buf, size_t size)
{
	ssize_t n = pread(fd, buf, size - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	close(fd);
}

static inline int scratch_file(void)
{
	return open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* argv without its first word; may be used in children: code -1000: no */
static inline void run_tool_argv(struct ran *r, char **argv)
{
	char path[512];
	int out = scratch_file(), err = scratch_file(), status = 0;
	pid_t pid;

	argv[0] = tool_path(path);
	pid = fork();
	if (pid == 0) {
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		execv(path, argv);
		_exit(127);
	}
	r->code = -1000;
	if (pid > 0 && waitpid(pid, &status, 0) == pid)
		r->code = WIFEXITED(status) ? WEXITSTATUS(status)
					    : -WTERMSIG(status);
	read_back(out, r->out, sizeof(r->out));
	read_back(err, r->err, sizeof(r->err));
}

#define run_tool(r, ...)                                                       \
	run_tool_argv(r, (char *[]){(char *)(uintptr_t) "", __VA_ARGS__, NULL})

/* it did what it was told, and complains of nothing */
#define expect_well(r)                                                         \
	do {                                                                   \
		assert_string_equal((r)->err, "");                             \
		assert_int_equal((r)->code, 0);                                \
	} while (0)

/* it failed, and says so */
#define expect_failure(r, exit_code)                                           \
	do {                                                                   \
		assert_int_equal((r)->code, exit_code);                        \
		assert_memory_equal((r)->err, "libipc: ", 8);                  \
	} while (0)

/* the line that begins like that: "KEY: VALUE"; NULL: there is none */
static inline const char *find_line(const char *text, const char *begin)
{
	while (text && *text) {
		if (!strncmp(text, begin, strlen(begin)))
			return text;
		text = strchr(text, '\n');
		text += text != NULL;
	}
	return NULL;
}

#define expect_line(r, line)                                                   \
	do {                                                                   \
		if (!find_line((r)->out, line "\n"))                           \
			print_message("no line \"%s\" in:\n%s", line,          \
				      (r)->out);                               \
		assert_non_null(find_line((r)->out, line "\n"));               \
	} while (0)

/* --------------------------------------------------------------------- JSON */

/*
 * Each skips one thing and returns what comes behind it; NULL: it is not there.
 * Strict, for what we print is to be read by any parser.
 */
static inline const char *json_value(const char *s);

static inline const char *json_text(const char *s)
{
	if (!s || *s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		if ((unsigned char)*s < 0x20)
			return NULL;
		if (*s == '\\' && *++s == 'u')
			for (int i = 0; i < 4; i++)
				if (!isxdigit((unsigned char)*++s))
					return NULL;
	}
	return s + 1;
}

static inline const char *json_members(const char *s, char end)
{
	if (*++s == end)
		return s + 1;
	for (;; s++) {
		if (end == '}') {
			s = json_text(s);
			if (!s || *s++ != ':')
				return NULL;
		}
		s = json_value(s);
		if (!s || (*s != ',' && *s != end))
			return NULL;
		if (*s == end)
			return s + 1;
	}
}

static inline const char *json_word(const char *s)
{
	static const char *const words[] = {"true", "false", "null"};

	for (int i = 0; i < 3; i++)
		if (!strncmp(s, words[i], strlen(words[i])))
			return s + strlen(words[i]);
	if (!isdigit((unsigned char)*s))
		return NULL;
	while (isdigit((unsigned char)*s))
		s++;
	return s;
}

static inline const char *json_value(const char *s)
{
	switch (s ? *s : '\0') {
	case '{':
		return json_members(s, '}');
	case '[':
		return json_members(s, ']');
	case '"':
		return json_text(s);
	case '\0':
		return NULL;
	default:
		return json_word(s);
	}
}

/* one value and the end of the line */
static inline bool json_is_valid(const char *s)
{
	s = json_value(s);
	return s && !strcmp(s, "\n");
}

/* the value of a member of an object, by its key */
static inline const char *json_member(const char *s, const char *key)
{
	size_t n = strlen(key);

	while (s && (*s == '{' || *s == ',')) {
		const char *name = s + 1, *end = json_text(name);

		if (!end || *end != ':')
			return NULL;
		if (end == name + n + 2 && !strncmp(name + 1, key, n))
			return end + 1;
		s = json_value(end + 1);
	}
	return NULL;
}

static inline const char *json_element(const char *s, int i)
{
	while (s && (*s == '[' || *s == ',')) {
		if (s[1] == ']')
			return NULL;
		if (i-- == 0)
			return s + 1;
		s = json_value(s + 1);
	}
	return NULL;
}

/* of a list of objects, the one of that name */
static inline const char *json_named(const char *s, const char *name)
{
	const char *o, *is;
	char want[300];

	snprintf(want, sizeof(want), "\"%s\"", name);
	for (int i = 0; (o = json_element(s, i)); i++) {
		is = json_member(o, "name");
		if (is && !strncmp(is, want, strlen(want)))
			return o;
	}
	return NULL;
}

/* whether the value is written just like that */
static inline bool json_is(const char *s, const char *value)
{
	const char *end = s ? json_value(s) : NULL;

	if (end && (size_t)(end - s) == strlen(value) &&
	    !strncmp(s, value, strlen(value)))
		return true;
	print_message("not %s: %.200s\n", value, s ? s : "(nothing)");
	return false;
}

#define expect_json(s, key, value)                                             \
	assert_true(json_is(json_member(s, key), value))

#endif
