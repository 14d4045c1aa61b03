/* SPDX-License-Identifier: MIT */
/*
 * tool.c - libipc, a program that looks at named objects and removes them
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ipc/base.h>
#include "tool.h"

static const char usage[] =
	"usage: libipc [-j] COMMAND\n"
	"\n"
	"  ls            all named objects, and how they stand\n"
	"  stat NAME     everything about one: items, holder, sleepers, users\n"
	"  rm NAME...    remove the names; whoever uses the objects keeps "
	"them\n"
	"  gc [NAME...]  remove all objects, or of these, that nobody has "
	"open\n"
	"  doctor        what this system lets the library do\n"
	"\n"
	"  -j, --json     print JSON\n"
	"  -n, --dry-run  gc: say what would be removed, remove nothing\n"
	"  -w, --watch    stat: look on for a second, and tell what stood "
	"still\n"
	"  -h, --help     this text\n"
	"  -V, --version  the version of the library\n"
	"\n"
	"No lock is taken: it works while something is stuck. Names may be "
	"written\n"
	"without the slash. Exit codes: 0 well, 1 something is not, 2 wrong "
	"use.\n";

enum {
	NAMES = 1 << 30, /* as many as you like */
};

struct command {
	const char *name;
	int (*run)(const struct tool_options *o, char **names);
	int min, max; /* names */
	bool json, dry, watch;
};

static const struct command commands[] = {
	{"ls", tool_ls, 0, 0, true, false, false},
	{"stat", tool_stat, 1, 1, true, false, true},
	{"rm", tool_rm, 1, NAMES, false, false, false},
	{"gc", tool_gc, 0, NAMES, true, true, false},
	{"doctor", tool_doctor, 0, 0, true, false, false},
};

/* ---- messages ---- */

void tool_complain_text(const char *name, const char *what)
{
	fprintf(stderr, "libipc: %s: %s\n", name, what);
}

void tool_complain(const char *name, int error)
{
	tool_complain_text(name, error == -ENOENT ? "no such object"
						  : strerror(-error));
}

static int wrong_use(const char *what, const char *word)
{
	fprintf(stderr, "libipc: %s%s%s\n", what, word ? ": " : "",
		word ? word : "");
	fputs("Try 'libipc --help'.\n", stderr);
	return TOOL_USAGE;
}

bool tool_name(char name[TOOL_NAME_MAX], const char *arg)
{
	const char *slash = arg[0] == '/' ? "" : "/";

	if (strlen(slash) + strlen(arg) >= TOOL_NAME_MAX) {
		tool_complain(arg, -ENAMETOOLONG);
		return false;
	}
	strcpy(name, slash);
	strcat(name, arg);
	return true;
}

/* ---- arguments ---- */

struct arguments {
	struct tool_options options;
	bool help, version;
	bool names_only; /* behind "--" */
	char **word;	 /* the command, and names */
	int words;
};

static bool take_letter(struct arguments *a, char letter)
{
	bool *const known = letter == 'j'   ? &a->options.json
			    : letter == 'n' ? &a->options.dry
			    : letter == 'w' ? &a->options.watch
			    : letter == 'h' ? &a->help
			    : letter == 'V' ? &a->version
					    : NULL;

	if (known)
		*known = true;
	return known;
}

static bool take_option(struct arguments *a, const char *arg)
{
	static const char *const words[] = {"json", "dry-run", "watch", "help",
					    "version"};

	if (!strcmp(arg, "--"))
		return a->names_only = true;
	for (size_t i = 0; !strncmp(arg, "--", 2) && i < 5; i++)
		if (!strcmp(arg + 2, words[i]))
			return take_letter(a, "jnwhV"[i]);
	for (arg++; *arg; arg++)
		if (!take_letter(a, *arg))
			return false;
	return true;
}

/* options and words, in any order; the words end up at the front of argv */
static const char *parse(struct arguments *a, char **argv)
{
	a->word = argv;
	for (char **arg = argv + 1; *arg; arg++) {
		bool option = !a->names_only && (*arg)[0] == '-' && (*arg)[1];

		if (!option)
			a->word[a->words++] = *arg;
		else if (!take_option(a, *arg))
			return *arg;
	}
	a->word[a->words] = NULL;
	return NULL;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	return NULL;
}

static int run(const struct command *c, const struct arguments *a)
{
	int names = a->words - 1;

	if (names < c->min)
		return wrong_use("which object?", c->name);
	if (names > c->max)
		return wrong_use("too many names", a->word[c->max + 1]);
	if ((a->options.json && !c->json) || (a->options.dry && !c->dry) ||
	    (a->options.watch && !c->watch))
		return wrong_use("an option that is not for this", c->name);
	return c->run(&a->options, a->word + 1);
}

static int print(const char *text)
{
	fputs(text, stdout);
	out_start(false);
	return out_finish();
}

int main(int argc, char **argv)
{
	struct arguments a = {.help = false};
	const struct command *c;
	const char *bad;

	if (argc < 1)
		return TOOL_USAGE;
	bad = parse(&a, argv);
	if (bad)
		return wrong_use("no such option", bad);
	if (a.help || (a.words && !strcmp(a.word[0], "help")))
		return print(usage);
	if (a.version) {
		printf("libipc %s\n", ipc_version());
		return print("");
	}
	if (!a.words)
		return wrong_use("no command", NULL);
	c = find_command(a.word[0]);
	return c ? run(c, &a) : wrong_use("no such command", a.word[0]);
}
