/* SPDX-License-Identifier: MIT */
/*
 * args.h - the options of the examples: "--name value", and nothing lenient
 *
 * Whatever is wrong ends the program with a clear word and exit 2, before it
 * has printed or changed anything.
 */
#ifndef EXAMPLES_ARGS_H
#define EXAMPLES_ARGS_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* the value of the option at argv[*i]; *i moves on to it */
static inline const char *arg_value(char **argv, int *i)
{
	const char *option = argv[*i];

	if (argv[*i + 1] == NULL) {
		fprintf(stderr, "%s: %s needs a value\n", argv[0], option);
		exit(2);
	}
	*i += 1;
	return argv[*i];
}

/* the same for a whole number from min to max, written in digits only */
static inline long arg_number(char **argv, int *i, long min, long max)
{
	const char *option = argv[*i];
	const char *text = arg_value(argv, i);
	bool digits = *text && strspn(text, "0123456789") == strlen(text);

	errno = 0;
	long n = strtol(text, NULL, 10);
	if (!digits || errno == ERANGE || n < min || n > max) {
		fprintf(stderr,
			"%s: %s takes a whole number from %ld to %ld, "
			"not \"%s\"\n",
			argv[0], option, min, max, text);
		exit(2);
	}
	return n;
}

/* what stands at argv[i] is no option of this program */
static inline void arg_unknown(char **argv, int i, const char *usage)
{
	fprintf(stderr, "%s: unknown option \"%s\"\nusage: %s %s\n", argv[0],
		argv[i], argv[0], usage);
	exit(2);
}

#endif
