/* SPDX-License-Identifier: MIT */
/*
 * driver.c - inputs for fuzz_segment.c without libFuzzer
 *
 *	fuzz_driver SECONDS [SEED]	the seeds, then random inputs
 *	fuzz_driver write FOLDER	only writes the seeds there
 *	fuzz_driver run FILE...		just these
 *
 * The seeds: of each kind of object each of its words with each of the values
 * that mean something, and then all calls. An input that ends in a crash or a
 * hang stays in fuzz-input, in the folder where the program runs.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	HANG_S = 60, /* of one input: up to 40 calls of some milliseconds */
	PAGE = 4096,
	BODY = 220, /* words at the beginning of the body, and then */
	LATER = 32, /* words at the beginning of each of the next pages */
	WORDS = BODY + 6 * LATER,
	SHAKE_EACH = 64, /* of so many random inputs one is shaken */
};

static uint64_t state;

static unsigned int random_below(unsigned int n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned int)(state >> 16) % n;
}

/* ---------------------------------------------------------------- one input */

static uint8_t *note; /* fuzz-input, mapped: there even after SIGKILL */

static bool open_note(void)
{
	int fd = open("fuzz-input", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ftruncate(fd, FUZZ_MAX))
		return false;
	note = mmap(NULL, FUZZ_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return note != MAP_FAILED;
}

static void run(const uint8_t *input, size_t size)
{
	memset(note, 0, FUZZ_MAX);
	memcpy(note, input, size);
	alarm(HANG_S);
	LLVMFuzzerTestOneInput(input, size);
	alarm(0);
}

/* ------------------------------------------------------------------ seeds */

/* the words of the head, of the mutex and of what the pages begin with */
static unsigned int place(int word)
{
	if (word < 16)
		return (unsigned int)word * 8;
	if (word < 18)
		return PAGE - 16 + (unsigned int)(word - 16) * 8;
	if (word < BODY)
		return PAGE + (unsigned int)(word - 18) * 8;
	return PAGE * (2 + (unsigned int)(word - BODY) / LATER) +
	       (unsigned int)(word - BODY) % LATER * 8;
}

/* one value somewhere, then every call through either handle */
static size_t make_seed(uint8_t input[FUZZ_MAX], int kind, int flags, int word,
			int value)
{
	unsigned int at = place(word);
	size_t n = 0;

	input[n++] = (uint8_t)kind;
	input[n++] = (uint8_t)flags;
	input[n++] = (uint8_t)(FUZZ_VALUE + value);
	input[n++] = (uint8_t)at;
	input[n++] = (uint8_t)(at >> 8);
	for (int i = 0; i < 2 * fuzz_calls(kind); i++) {
		input[n++] = (uint8_t)(FUZZ_CALL + i % fuzz_calls(kind));
		input[n++] = (uint8_t)(i * 67 + 1);
	}
	return n;
}

/* which word and which value: so that all pairs come, but not at once */
static size_t seed(uint8_t input[FUZZ_MAX], unsigned int n)
{
	int kind = (int)(n % (unsigned int)fuzz_kinds());

	n /= (unsigned int)fuzz_kinds();
	return make_seed(input, kind, (int)(n % 2), (int)(n / 2 % WORDS),
			 (int)(n / 2 % WORDS + n / 2 / WORDS) % fuzz_values());
}

static unsigned int seeds(void)
{
	return (unsigned int)(fuzz_kinds() * 2 * WORDS * fuzz_values());
}

static int write_seeds(const char *folder)
{
	uint8_t input[FUZZ_MAX];
	char path[4096];
	FILE *f;

	for (unsigned int n = 0; n < seeds(); n += 97) {
		size_t size = seed(input, n);

		snprintf(path, sizeof(path), "%s/seed-%u", folder, n);
		f = fopen(path, "wb");
		if (!f || fwrite(input, 1, size, f) != size || fclose(f)) {
			perror(path);
			return 2;
		}
	}
	return 0;
}

/* ----------------------------------------------------------------- random */

/* a seed, with commands in front of and between its own */
static size_t random_input(uint8_t input[FUZZ_MAX])
{
	size_t size = seed(input, random_below(seeds())), at;

	input[1] &= FUZZ_STORED;
	if (!random_below(SHAKE_EACH))
		input[1] |= FUZZ_SHAKEN;
	for (unsigned int n = random_below(12); n && size + 3 < FUZZ_MAX; n--) {
		at = 2 + random_below((unsigned int)size - 1);
		memmove(input + at + 3, input + at, size - at);
		input[at] = (uint8_t)random_below(256);
		input[at + 1] = (uint8_t)random_below(256);
		input[at + 2] = (uint8_t)(16 + random_below(6));
		size += 3;
	}
	return size;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* half of the time at most for seeds, from some place on */
static void fuzz(double limit)
{
	uint8_t input[FUZZ_MAX];
	double began = seconds();
	unsigned int first = random_below(seeds()), n;

	for (n = 0; n < seeds() && seconds() - began < limit / 2; n++)
		run(input, seed(input, (first + n) % seeds()));
	while (seconds() - began < limit)
		run(input, random_input(input));
	printf("fuzz: %lu inputs, %lu calls, %lu of them refused, %lu "
	       "damages, %.0f s\n",
	       fuzz_sum.inputs, fuzz_sum.calls, fuzz_sum.refused,
	       fuzz_sum.damages, seconds() - began);
}

static int run_file(const char *path)
{
	uint8_t input[FUZZ_MAX];
	FILE *f = fopen(path, "rb");
	size_t size = f ? fread(input, 1, sizeof(input), f) : 0;

	if (!f) {
		perror(path);
		return 2;
	}
	fclose(f);
	run(input, size);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc == 3 && !strcmp(argv[1], "write"))
		return write_seeds(argv[2]);
	if (argc < 2 || !open_note()) {
		fprintf(stderr,
			"usage: %s SECONDS [SEED] | write FOLDER | "
			"run FILE...\n",
			argv[0]);
		return 2;
	}
	if (!strcmp(argv[1], "run")) {
		for (int i = 2; i < argc; i++)
			failed |= run_file(argv[i]);
	} else {
		state = argc > 2 ? strtoull(argv[2], NULL, 10)
				 : (uint64_t)time(NULL);
		printf("fuzz: seed %llu\n", (unsigned long long)state);
		state = state * UINT64_C(0x9e3779b97f4a7c15) | 1;
		fuzz(atof(argv[1]));
	}
	unlink("fuzz-input");
	return failed;
}
