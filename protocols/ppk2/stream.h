/*
 * From bytes of the data port to samples with their index: locking on, damaged words, gaps, bytes
 * that slipped. The same result for any cutting of the bytes. One thread for each stream; no malloc.
 *
 * Index 0 is the first word of the first lock (8 words whose counter each go on by one from the word
 * before: 9 in sequence); lost samples count, 10 us each. A mismatch is judged by what follows:
 * - behind at most 4 words the counter is what it should be, twice running: these words are damaged
 *   (given as invalid);
 * - 8 words in sequence, the mismatch first: a gap of (counter - expected) mod 64;
 * - else the bytes are searched for a lock; what is skipped is not given. The counter says how many
 *   samples that cost, with the multiple of 64 that is nearest to the bytes skipped.
 * The words next to a break are invalid. Losses of a multiple of 64 cannot be seen here: compare the
 * count with a clock.
 */
#ifndef HILDA_PROTOCOLS_PPK2_STREAM_H
#define HILDA_PROTOCOLS_PPK2_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PPK2_STREAM_BLOCK 1024 /* words at most in one block */
#define PPK2_STREAM_HELD 96    /* words kept back while a break is judged */

/* Consecutive samples, all valid or all invalid. */
struct ppk2_block {
	uint64_t index;	      /* of the first word, lost samples counted */
	uint32_t lost_before; /* samples lost right before it */
	bool invalid;
	const uint32_t *words; /* valid during the call only */
	size_t n;
};

typedef void (*ppk2_block_fn)(void *arg, const struct ppk2_block *block);

struct ppk2_stream {
	ppk2_block_fn give;
	void *arg;
	uint64_t next_index; /* of the next word that is given */
	uint64_t received, lost, invalid, skipped_bytes, breaks;
	bool locked, ever_locked;
	/* The word held back for its neighbour's sake comes first in carry while locked. */
	uint8_t carry[4 * PPK2_STREAM_HELD];
	size_t n_carry;
	bool after_break;     /* that word is next to a break, */
	uint32_t lost_before; /* which lost this much */
	uint32_t expected;    /* counter that the search of a break should have found */
	uint64_t searched;    /* bytes skipped since that break */
	bool ending;	      /* nothing follows: judge by what is there */
};

void ppk2_stream_init(struct ppk2_stream *s, ppk2_block_fn give, void *arg);
void ppk2_stream_feed(struct ppk2_stream *s, const uint8_t *bytes, size_t n);
/* Gives what was held back; a break that cannot be judged any more is skipped bytes. */
void ppk2_stream_end(struct ppk2_stream *s);

#endif
