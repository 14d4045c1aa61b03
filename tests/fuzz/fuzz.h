/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what an input of the fuzzer means
 *
 *	kind, flags, then commands until the end:
 *	0..63	 offset (2 bytes), bytes: the command modulo 8, and 1, of them
 *		 are written there
 *	64..127	 offset (2 bytes): one of the values that mean something, by the
 *		 command, is written there, 8 bytes at a multiple of 8
 *	128..	 argument (1 byte): a call of the object, by the command
 *
 * Offsets count from the beginning of the object's file.
 */
#ifndef LIBIPC_TESTS_FUZZ_H
#define LIBIPC_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

enum {
	FUZZ_MAX = 512, /* bytes of an input; more is left unread */

	FUZZ_STORED = 1, /* closed while it is damaged, and then opened */
	FUZZ_SHAKEN = 2, /* another process writes into it all the time */
	FUZZ_FLAGS = 4,

	FUZZ_BYTES = 0,
	FUZZ_VALUE = 64,
	FUZZ_CALL = 128,
};

/* libFuzzer's name for it: one input */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* how much was done so far */
struct fuzz_sum {
	unsigned long inputs, calls, refused, damages;
};
extern struct fuzz_sum fuzz_sum;

/* kinds of objects, calls of each, values; for those who make inputs */
int fuzz_kinds(void);
int fuzz_calls(int kind);
int fuzz_values(void);

#endif
