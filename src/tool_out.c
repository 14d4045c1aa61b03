/* SPDX-License-Identifier: MIT */
/*
 * tool_out.c - the same facts for people, as lines, and for programs, as JSON
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

static struct {
	bool json;
	bool first; /* nothing before in this object or list */
	int depth;
} out;

void out_start(bool json)
{
	out.json = json;
	out.first = true;
	out.depth = 0;
}

int out_finish(void)
{
	if (out.json)
		putchar('\n');
	if (fflush(stdout) == 0 && !ferror(stdout))
		return TOOL_OK;
	perror("libipc: standard output");
	return TOOL_FAILED;
}

/* ---- bytes that may be anything ---- */

/* how many bytes the UTF-8 character at s has; 0: it is none */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80			 ? 1
		   : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		   : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
		   : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong, a surrogate, or beyond the last character */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static bool is_control(const unsigned char *s, size_t n)
{
	return n == 0 || s[0] < 0x20 || s[0] == 0x7f ||
	       (s[0] == 0xc2 && s[1] < 0xa0);
}

void out_safe(const char *text, int width)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t n = utf8_length(s);

		if (is_control(s, n)) {
			width -= printf("\\x%02x", *s++);
			continue;
		}
		fwrite(s, 1, n, stdout);
		s += n;
		width--;
	}
	while (width-- > 0)
		putchar(' ');
}

/* a byte that is no part of a character: as Python writes it, so that it can
   be told from all characters */
static void json_string(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	putchar('"');
	while (*s) {
		size_t n = utf8_length(s);

		if (n == 0) {
			printf("\\udc%02x", *s++);
		} else if (*s < 0x20 || *s == 0x7f) {
			printf("\\u%04x", *s++);
		} else {
			if (*s == '"' || *s == '\\')
				putchar('\\');
			fwrite(s, 1, n, stdout);
			s += n;
		}
	}
	putchar('"');
}

/* ---- structure ---- */

static void indent(void)
{
	for (int i = 1; i < out.depth; i++)
		fputs("  ", stdout);
}

/* for people, without the underscores */
static void print_key(const char *key, const char *end)
{
	if (!key)
		return;
	for (; *key; key++)
		putchar(*key == '_' ? ' ' : *key);
	fputs(end, stdout);
}

/* what comes before a value */
static void begin_value(const char *key)
{
	if (out.json) {
		if (!out.first)
			putchar(',');
		if (key) {
			json_string(key);
			putchar(':');
		}
	} else {
		indent();
		print_key(key, ": ");
	}
	out.first = false;
}

static void nest(const char *key, char bracket)
{
	if (out.json) {
		begin_value(key);
		putchar(bracket);
	} else if (key) {
		indent();
		print_key(key, ":\n");
	} else if (!out.first) {
		putchar('\n'); /* between two that have no key */
	}
	out.first = true;
	out.depth++;
}

static void unnest(char bracket)
{
	if (out.json)
		putchar(bracket);
	out.first = false;
	out.depth--;
}

void out_begin(const char *key)
{
	nest(key, '{');
}

void out_end(void)
{
	unnest('}');
}

void out_list_begin(const char *key)
{
	nest(key, '[');
	/* the list that holds all is no level of its own in the text */
	if (!key)
		out.depth--;
}

void out_list_end(void)
{
	unnest(']');
	if (out.depth < 0)
		out.depth = 0;
}

/* ---- values ---- */

static void end_value(void)
{
	if (!out.json)
		putchar('\n');
}

void out_number(const char *key, uint64_t n)
{
	begin_value(key);
	printf("%" PRIu64, n);
	end_value();
}

void out_text(const char *key, const char *text)
{
	begin_value(key);
	if (out.json)
		json_string(text);
	else
		out_safe(text, 0);
	end_value();
}

void out_flag(const char *key, bool is)
{
	begin_value(key);
	if (out.json)
		fputs(is ? "true" : "false", stdout);
	else
		fputs(is ? "yes" : "no", stdout);
	end_value();
}

void out_flag_unless(const char *key, bool is, bool usual)
{
	if (out.json || is != usual)
		out_flag(key, is);
}

void out_none(const char *key)
{
	begin_value(key);
	fputs(out.json ? "null" : "none", stdout);
	end_value();
}

void out_thread(const char *key, const struct tool_thread *t)
{
	const char state[2] = {t->state, '\0'};

	if (out.json) {
		out_begin(key);
		out_number("pid", (uint64_t)t->pid);
		out_number("tid", (uint64_t)t->tid);
		out_text("state", state);
		out_text("command", t->command);
		out_end();
		return;
	}
	begin_value(key);
	printf("pid %ld, thread %ld, state %s, ", (long)t->pid, (long)t->tid,
	       state);
	out_safe(t->command, 0);
	putchar('\n');
}
