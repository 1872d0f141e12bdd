#include "protocols/ppk2/stream.h"

#include <endian.h>
#include <string.h>

#include "protocols/ppk2/sample.h"

#define LOCK_WORDS 9   /* in sequence */
#define RUN_WORDS 8    /* behind a mismatch, in sequence: a gap */
#define HEAL_WORDS 4   /* damaged words at most */
#define JUDGED_WORDS 9 /* the word before a break and the run behind it */
#define COUNTER_BITS (63u << 18)
#define COUNTER_ONE (1u << 18)

void ppk2_stream_init(struct ppk2_stream *s, ppk2_block_fn give, void *arg)
{
	memset(s, 0, sizeof(*s));
	s->give = give;
	s->arg = arg;
}

static void load(uint32_t *words, const uint8_t *p, size_t n)
{
	memcpy(words, p, 4 * n);
	for (size_t i = 0; i < n; i++)
		words[i] = le32toh(words[i]);
}

static uint32_t counter_at(const uint8_t *p, size_t word)
{
	uint32_t w;

	load(&w, p + 4 * word, 1);
	return ppk2_counter(w);
}

/* Non-zero unless each word's counter is one more than that of the word before. */
static uint32_t out_of_sequence(const uint32_t *words, size_t n)
{
	uint32_t bits = 0;

	for (size_t i = 1; i < n; i++)
		bits |= (words[i] & COUNTER_BITS) - (words[i - 1] & COUNTER_BITS) - COUNTER_ONE;
	return bits & COUNTER_BITS;
}

/* How many of the n words (at least 1) follow on each other from the first one. */
static size_t in_sequence(const uint32_t *words, size_t n)
{
	size_t i = 1;

	if (!out_of_sequence(words, n))
		return n;
	while (!out_of_sequence(words + i - 1, 2))
		i++;
	return i;
}

static void give(struct ppk2_stream *s, const uint32_t *words, size_t n, bool invalid)
{
	struct ppk2_block block = {
		.index = s->next_index + s->lost_before,
		.lost_before = s->lost_before,
		.invalid = invalid,
		.words = words,
		.n = n,
	};

	if (!n)
		return;
	s->lost += s->lost_before;
	s->lost_before = 0;
	s->received += n;
	s->next_index = block.index + n;
	if (invalid)
		s->invalid += n;
	s->give(s->arg, &block);
}

/* The first of the words is the one that was held back; it may be next to a break. */
static void give_from_held(struct ppk2_stream *s, const uint32_t *words, size_t n)
{
	size_t first = s->after_break ? 1 : 0;

	give(s, words, first, true);
	give(s, words + first, n - first, false);
	s->after_break = false;
}

/* How many damaged words stand between the held word and one that has the counter due there; 0: none. */
static size_t healed_after(const uint8_t *p, size_t n_words)
{
	uint32_t held = counter_at(p, 0);

	for (size_t k = 1; k <= HEAL_WORDS && k + 1 < n_words; k++) {
		bool here = counter_at(p, k + 1) == ((held + k + 1) & 63);
		/* A slipped byte makes counters that stand still: one alone proves nothing. */
		bool next = k + 2 >= n_words || counter_at(p, k + 2) == ((held + k + 2) & 63);

		if (here && next)
			return k;
	}
	return 0;
}

/* A mismatch behind the held word at p. Bytes used; 0: more are needed. */
static size_t judge(struct ppk2_stream *s, const uint8_t *p, size_t n)
{
	size_t n_words = n / 4 < JUDGED_WORDS ? n / 4 : JUDGED_WORDS, damaged;
	uint32_t words[JUDGED_WORDS];

	if (n_words < JUDGED_WORDS && !s->ending)
		return 0;
	load(words, p, n_words);
	damaged = healed_after(p, n_words);
	s->breaks++;
	give(s, words, 1 + damaged, true);
	s->after_break = true;
	if (damaged)
		return 4 * (1 + damaged);
	s->expected = (ppk2_counter(words[0]) + 1) & 63;
	if (n_words == JUDGED_WORDS && !out_of_sequence(words + 1, RUN_WORDS)) {
		s->lost_before = (ppk2_counter(words[1]) - s->expected) & 63;
	} else {
		s->locked = false;
		s->searched = 0;
	}
	return 4;
}

/* Gives words while their counters go on; p starts with the held word. Bytes used; 0: more needed. */
static size_t follow(struct ppk2_stream *s, const uint8_t *p, size_t n)
{
	uint32_t words[PPK2_STREAM_BLOCK + 1];
	size_t n_words = n / 4 < PPK2_STREAM_BLOCK + 1 ? n / 4 : PPK2_STREAM_BLOCK + 1;
	size_t run;

	if (n_words < 2)
		return 0;
	load(words, p, n_words);
	run = in_sequence(words, n_words);
	if (run == 1)
		return judge(s, p, n);
	give_from_held(s, words, run - 1);
	return 4 * (run - 1);
}

/* At a lock behind a break: lost samples by the counter, and by the bytes where they are many. */
static uint32_t lost_while_searching(const struct ppk2_stream *s, uint32_t counter)
{
	uint64_t lost = (counter - s->expected) & 63, skipped = s->searched / 4;

	/* Of the numbers that the counter allows, the one nearest to what was skipped. */
	if (skipped > lost + PPK2_COUNTER_MODULO / 2)
		lost += (skipped - lost + PPK2_COUNTER_MODULO / 2 - 1) / PPK2_COUNTER_MODULO *
			PPK2_COUNTER_MODULO;
	return lost < UINT32_MAX ? (uint32_t)lost : UINT32_MAX;
}

static bool locks_at(const uint8_t *p)
{
	uint32_t counter = counter_at(p, 0);

	for (size_t i = 1; i < LOCK_WORDS; i++) {
		if (counter_at(p, i) != ((counter + i) & 63))
			return false;
	}
	return true;
}

/* Looks for a lock at each byte. Bytes used: what will never be part of one. */
static size_t search(struct ppk2_stream *s, const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at + 4 * LOCK_WORDS <= n && !locks_at(p + at))
		at++;
	s->skipped_bytes += at;
	s->searched += at;
	if (at + 4 * LOCK_WORDS > n)
		return at;
	s->locked = true;
	if (s->ever_locked)
		s->lost_before = lost_while_searching(s, counter_at(p + at, 0));
	s->ever_locked = true;
	return at;
}

static size_t take(struct ppk2_stream *s, const uint8_t *p, size_t n)
{
	size_t at = 0, used;
	bool was_locked;

	do {
		was_locked = s->locked;
		used = was_locked ? follow(s, p + at, n - at) : search(s, p + at, n - at);
		at += used;
	} while (used || was_locked != s->locked);
	return at;
}

void ppk2_stream_feed(struct ppk2_stream *s, const uint8_t *bytes, size_t n)
{
	size_t used;

	/* What was kept, with as much of the new bytes as there is room for behind it. */
	while (s->n_carry) {
		size_t kept = s->n_carry, room = sizeof(s->carry) - kept;
		size_t more = n < room ? n : room;

		if (more)
			memcpy(s->carry + kept, bytes, more);
		used = take(s, s->carry, kept + more);
		if (used >= kept) {
			bytes += used - kept;
			n -= used - kept;
			s->n_carry = 0;
			break;
		}
		bytes += more;
		n -= more;
		s->n_carry = kept + more - used;
		memmove(s->carry, s->carry + used, s->n_carry);
		if (!n)
			return;
	}
	used = take(s, bytes, n);
	s->n_carry = n - used;
	if (s->n_carry)
		memcpy(s->carry, bytes + used, s->n_carry);
}

void ppk2_stream_end(struct ppk2_stream *s)
{
	uint32_t held;
	size_t used;

	s->ending = true;
	used = take(s, s->carry, s->n_carry);
	if (s->locked && s->n_carry - used >= 4) {
		load(&held, s->carry + used, 1);
		give_from_held(s, &held, 1);
		used += 4;
	}
	s->skipped_bytes += s->n_carry - used;
	s->n_carry = 0;
}
