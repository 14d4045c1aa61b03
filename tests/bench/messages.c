/* SPDX-License-Identifier: MIT */
/*
 * messages.c - what is sent, how it is checked, and how a spinner waits
 */
#include <sched.h>
#include <string.h>

#include "bench.h"

enum {
	WHO_SHIFT = 48,
	PAUSE_MAX = 16,
	YIELD_AFTER = 300, /* pauses */
};

static uint64_t word_of(int who, uint64_t seq)
{
	return (uint64_t)who << WHO_SHIFT | seq;
}

static void count(struct result *r, uint64_t word)
{
	r->count++;
	r->sum += word;
	r->squares += word * word;
}

void stamp(void *item, size_t len, int who, uint64_t seq)
{
	uint64_t word = word_of(who, seq), again = ~word;

	memcpy(item, &word, sizeof(word));
	if (len >= 2 * sizeof(word))
		memcpy((char *)item + len - sizeof(again), &again,
		       sizeof(again));
}

void check(struct seen *seen, struct result *r, const void *item, size_t len,
	   int got)
{
	uint64_t word, again, who, seq;

	if (got < 0 || (size_t)got != len)
		fail("a message of %zu bytes came as %d", len, got);
	memcpy(&word, item, sizeof(word));
	memcpy(&again, (const char *)item + len - sizeof(again), sizeof(again));
	if (len >= 2 * sizeof(word) && again != ~word)
		fail("a message came with a foreign end");
	who = word >> WHO_SHIFT;
	seq = word & ((UINT64_C(1) << WHO_SHIFT) - 1);
	if (who >= MAX_PARTIES || seq < seen->next[who])
		fail("message %llu of %llu came when %llu was due",
		     (unsigned long long)seq, (unsigned long long)who,
		     (unsigned long long)(who < MAX_PARTIES ? seen->next[who]
							    : 0));
	seen->next[who] = seq + 1;
	count(r, word);
}

void expect(struct result *r, int who, uint64_t n)
{
	for (uint64_t seq = 0; seq < n; seq++)
		count(r, word_of(who, seq));
}

void back_off(struct backoff *b)
{
	if (b->used >= YIELD_AFTER) {
		sched_yield();
		return;
	}
	if (b->pause < PAUSE_MAX)
		b->pause = b->pause ? 2 * b->pause : 1;
	for (unsigned int i = 0; i < b->pause; i++)
		relax();
	b->used += b->pause;
}
