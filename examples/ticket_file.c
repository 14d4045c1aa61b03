/* SPDX-License-Identifier: MIT */
/*
 * ticket_file.c - find the count in a JSON file, and replace it
 *
 * First a scanner for JSON (RFC 8259) that keeps nothing but the place of the
 * digits, then the file around them. Part of ticket_grab, and without libipc.
 */
#define _XOPEN_SOURCE 700 /* realpath */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ticket_file.h"

#define TEXT_MAX  (1024 * 1024)
#define DEPTH_MAX 512

static char text[TEXT_MAX + 1]; /* the file, and a NUL */
static char error[256];

const char *ticket_file_error(void)
{
	return error;
}

static int fail(const char *what, const char *why)
{
	snprintf(error, sizeof(error), "%s%s", what, why);
	return -1;
}

/* ---- JSON: each function takes its piece from s->at, or says why not ---- */

struct scan {
	const char *at;
	const char *end;
	const char *count; /* its digits; NULL: not met yet */
	size_t digits;
};

static bool wrong(const struct scan *s, const char *why)
{
	int line = 1;

	for (const char *c = text; c < s->at; c++)
		line += *c == '\n';
	snprintf(error, sizeof(error), "line %d: %s", line, why);
	return false;
}

/* the next byte, or -1 at the end */
static int peek(const struct scan *s)
{
	return s->at < s->end ? (unsigned char)*s->at : -1;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(int c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static void skip_space(struct scan *s)
{
	while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\n' ||
	       peek(s) == '\r')
		s->at++;
}

static bool take(struct scan *s, char c)
{
	skip_space(s);
	if (peek(s) != c)
		return false;
	s->at++;
	return true;
}

static bool take_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return wrong(s, "expected a value");
	s->at += len;
	return true;
}

static bool take_digits(struct scan *s)
{
	if (!is_digit(peek(s)))
		return wrong(s, "expected a digit");
	while (is_digit(peek(s)))
		s->at++;
	return true;
}

static bool take_number(struct scan *s)
{
	if (peek(s) == '-')
		s->at++;
	if (peek(s) == '0')
		s->at++;
	else if (!take_digits(s))
		return false;
	if (peek(s) == '.') {
		s->at++;
		if (!take_digits(s))
			return false;
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		s->at++;
		if (peek(s) == '+' || peek(s) == '-')
			s->at++;
		return take_digits(s);
	}
	return true;
}

/* What follows a backslash: the character that it means. Those that mean a
   control character are 0 here, as none of them is looked for. */
static bool take_escape(struct scan *s, int *c)
{
	char hex[5] = "";

	*c = peek(s);
	if (*c <= 0 || !strchr("\"\\/bfnrtu", *c))
		return wrong(s, "unknown escape in a string");
	s->at++;
	if (*c != 'u') {
		*c = strchr("\"\\/", *c) ? *c : 0;
		return true;
	}
	for (int i = 0; i < 4; i++) {
		if (!is_hex(peek(s)))
			return wrong(s, "\\u takes four hex digits");
		hex[i] = *s->at++;
	}
	*c = (int)strtol(hex, NULL, 16);
	return true;
}

/* one character of UTF-8 from 0x80 on; overlong ones and surrogates are not */
static bool take_utf8(struct scan *s)
{
	int c = peek(s);
	int low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	int high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;

	if (c < 0xc2 || c > 0xf4)
		return wrong(s, "not UTF-8");
	s->at++;
	for (; more > 0; more--, low = 0x80, high = 0xbf) {
		if (peek(s) < low || peek(s) > high)
			return wrong(s, "not UTF-8");
		s->at++;
	}
	return true;
}

/* one character of a string; those beyond ASCII are all 0x80 unless escaped */
static bool take_character(struct scan *s, int *c)
{
	*c = peek(s);
	if (*c < 0)
		return wrong(s, "a string does not end");
	if (*c < 0x20)
		return wrong(s, "control character in a string");
	if (*c >= 0x80) {
		*c = 0x80;
		return take_utf8(s);
	}
	s->at++;
	return *c != '\\' || take_escape(s, c);
}

/* Compares while it scans, because "\u0063ount" is "count" too. */
static bool take_string(struct scan *s, bool *is_count)
{
	static const char name[] = "count";
	size_t len = 0;

	*is_count = true;
	if (!take(s, '"'))
		return wrong(s, "expected a string");
	while (peek(s) != '"') {
		int c;
		if (!take_character(s, &c))
			return false;
		*is_count = *is_count && name[len] && c == name[len];
		len++;
	}
	s->at++;
	*is_count = *is_count && name[len] == '\0';
	return true;
}

static bool take_value(struct scan *s, int depth);

/* the value of "count" */
static bool take_count(struct scan *s)
{
	skip_space(s);
	const char *from = s->at;
	if (s->count)
		return wrong(s, "\"count\" is there twice");
	if (!take_value(s, 1))
		return false;
	s->count = from;
	s->digits = strspn(from, "0123456789");
	if (from[0] == '-')
		return wrong(s, "\"count\" is negative");
	if (s->digits != (size_t)(s->at - from))
		return wrong(s, "\"count\" is not a whole number");
	if (s->digits > 7 || strtol(from, NULL, 10) > TICKET_MAX)
		return wrong(s, "\"count\" is larger than 1000000");
	return true;
}

static bool take_member(struct scan *s, int depth)
{
	bool is_count;

	if (!take_string(s, &is_count))
		return false;
	if (!take(s, ':'))
		return wrong(s, "expected ':'");
	if (is_count && depth == 0)
		return take_count(s);
	return take_value(s, depth + 1);
}

/* the rest of an object or array, after its opening bracket */
static bool take_list(struct scan *s, int depth, bool object)
{
	char close = object ? '}' : ']';

	if (depth == DEPTH_MAX)
		return wrong(s, "nested too deeply");
	if (take(s, close))
		return true;
	do {
		if (!(object ? take_member(s, depth)
			     : take_value(s, depth + 1)))
			return false;
	} while (take(s, ','));
	if (!take(s, close))
		return wrong(s, object ? "expected ',' or '}'"
				       : "expected ',' or ']'");
	return true;
}

static bool take_value(struct scan *s, int depth)
{
	bool is_count;

	if (take(s, '{'))
		return take_list(s, depth, true);
	if (take(s, '['))
		return take_list(s, depth, false);
	switch (peek(s)) {
	case '"':
		return take_string(s, &is_count);
	case 't':
		return take_word(s, "true");
	case 'f':
		return take_word(s, "false");
	case 'n':
		return take_word(s, "null");
	default:
		if (peek(s) != '-' && !is_digit(peek(s)))
			return wrong(s, "expected a value");
		return take_number(s);
	}
}

/* the whole document: one object with a count */
static bool scan(struct scan *s, size_t len)
{
	*s = (struct scan){.at = text, .end = text + len};
	if (!take(s, '{'))
		return wrong(s, "expected '{'");
	if (!take_list(s, 0, true))
		return false;
	skip_space(s);
	if (s->at != s->end)
		return wrong(s, "something follows after the last '}'");
	if (!s->count)
		return wrong(s, "there is no \"count\"");
	return true;
}

/* ---- the file ---- */

static int read_text(int fd, size_t *len)
{
	ssize_t n;

	*len = 0;
	do {
		n = read(fd, text + *len, sizeof(text) - *len);
		if (n < 0 && errno != EINTR)
			return fail("cannot read: ", strerror(errno));
		*len += n > 0 ? (size_t)n : 0;
	} while (n != 0 && *len < sizeof(text));
	if (*len == sizeof(text))
		return fail("larger than 1 MiB", "");
	text[*len] = '\0';
	return 0;
}

/* Opened for writing too, so that a file that must not change is refused
   before anything happens; without waiting, should it be a FIFO. */
static int load(const char *path, struct scan *s, struct stat *st)
{
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	size_t len = 0;
	int r;

	if (fd < 0)
		return fail("cannot open: ", strerror(errno));
	if (fstat(fd, st) != 0)
		r = fail("cannot stat: ", strerror(errno));
	else if (!S_ISREG(st->st_mode))
		r = fail("not a regular file", "");
	else
		r = read_text(fd, &len);
	close(fd);
	return r == 0 && scan(s, len) ? 0 : -1;
}

int ticket_file_read(const char *path, long *count)
{
	struct scan s;
	struct stat st;

	if (load(path, &s, &st) != 0)
		return -1;
	*count = strtol(s.count, NULL, 10);
	return 0;
}

static bool write_all(int fd, const char *from, const char *end)
{
	while (from < end) {
		ssize_t n = write(fd, from, (size_t)(end - from));
		if (n < 0 && errno != EINTR)
			return false;
		from += n > 0 ? n : 0;
	}
	return true;
}

/* the old text with other digits, safe on the disk, as the old one was owned */
static bool fill(int fd, const struct scan *s, long count,
		 const struct stat *st)
{
	char number[24];
	int n = snprintf(number, sizeof(number), "%ld", count);

	return write_all(fd, text, s->count) &&
	       write_all(fd, number, number + n) &&
	       write_all(fd, s->count + s->digits, s->end) &&
	       fchown(fd, st->st_uid, st->st_gid) == 0 &&
	       fchmod(fd, st->st_mode & 07777) == 0 && fsync(fd) == 0;
}

int ticket_file_write(const char *path, long count)
{
	char real[PATH_MAX]; /* a link stays a link: its target is replaced */
	char temp[PATH_MAX + 32];
	struct scan s;
	struct stat st;

	if (!realpath(path, real))
		return fail("cannot find: ", strerror(errno));
	if (load(real, &s, &st) != 0)
		return -1;
	int dir = (int)(strrchr(real, '/') - real);
	snprintf(temp, sizeof(temp), "%.*s/.tickets.XXXXXX", dir, real);
	int fd = mkstemp(temp);
	if (fd < 0)
		return fail("cannot write beside it: ", strerror(errno));

	bool ok = fill(fd, &s, count, &st);
	int why = errno;
	if (close(fd) != 0 && ok) {
		ok = false;
		why = errno;
	}
	if (ok && rename(temp, real) == 0)
		return 0;
	if (ok)
		why = errno;
	unlink(temp);
	return fail("cannot replace: ", strerror(why));
}
