#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/buffer.h"
#include "common/cleanup.h"
#include "protocols/ppk2/row.h"
#include "tests/unit/protocols/ppk2/vector.h"

#define ROWS_MAX 20000

/* One word as the stream gave it. */
struct row {
	uint64_t index, invalid; /* no padding */
	uint32_t word, lost_before;
};

struct rows {
	size_t n;
	struct row row[ROWS_MAX];
};

static void take(void *arg, const struct ppk2_block *block)
{
	struct rows *rows = arg;

	assert_true(block->n >= 1 && block->n <= PPK2_STREAM_BLOCK);
	assert_true(rows->n + block->n <= ROWS_MAX);
	for (size_t i = 0; i < block->n; i++)
		rows->row[rows->n++] = (struct row){block->index + i, block->invalid,
			block->words[i], i ? 0 : block->lost_before};
}

static struct rows *decode(
	const void *data, size_t n, size_t longest, uint32_t seed, struct ppk2_stream *s)
{
	struct rows *rows = calloc(1, sizeof(*rows));

	assert_non_null(rows);
	ppk2_stream_init(s, take, rows);
	vector_feed(s, data, n, longest, seed);
	return rows;
}

static void as_csv(
	const struct rows *rows, const struct ppk2_converter *c, bool filtered, struct buffer *out)
{
	struct ppk2_filter f;

	ppk2_filter_reset(&f);
	buffer_add_text(out, PPK2_ROW_HEAD);
	for (size_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->row[i];
		struct ppk2_row row = {
			r->index, ppk2_current_A(c, r->word), r->word, r->lost_before, r->invalid};
		char line[PPK2_ROW_BYTES];

		if (filtered)
			row.current_A = ppk2_filter_A(&f, r->word, row.current_A);
		buffer_add(out, line, ppk2_row_print(&row, line));
	}
}

static void golden_streams_become_their_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(vector_names); i++) {
		struct vector v = vector_load(vector_names[i]);
		struct ppk2_stream s;
		struct rows *rows = decode(v.raw, v.n_raw, v.n_raw, 1, &s);
		struct buffer plain = BUFFER_INIT(1 << 20), filtered = BUFFER_INIT(1 << 20);
		int received, lost, invalid, skipped;

		as_csv(rows, &v.converter, false, &plain);
		as_csv(rows, &v.converter, true, &filtered);
		if (strcmp(plain.data, v.csv) || strcmp(filtered.data, v.filtered_csv))
			fail_msg("%s differs:\n%s", vector_names[i], plain.data);
		assert_int_equal(
			json_unpack(v.expected, "{s:i,s:i,s:i,s:i}", "received", &received, "lost",
				&lost, "invalid", &invalid, "skipped_bytes", &skipped),
			0);
		assert_int_equal(s.received, received);
		assert_int_equal(s.lost, lost);
		assert_int_equal(s.invalid, invalid);
		assert_int_equal(s.skipped_bytes, skipped);
		buffer_done(&plain);
		buffer_done(&filtered);
		free(rows);
		vector_free(&v);
	}
}

struct trouble {
	uint32_t per_mille_lost, per_mille_damaged, slip_every;
};

/* A stream of n words with trouble in it. Bytes; data holds 4 n + 64. */
static size_t troubled(uint8_t *data, size_t n, struct trouble t, uint32_t seed)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t noise = vector_random(&seed);
		uint32_t word = ppk2_word(4000 + noise % 32, i / 200 % 5, i & 63, i / 500 & 1);

		if (vector_random(&seed) % 1000 < t.per_mille_damaged)
			word ^= vector_random(&seed);
		for (int b = 0; b < 4; b++) {
			if (t.slip_every && vector_random(&seed) % (4 * t.slip_every) == 0)
				continue;
			data[at++] = (uint8_t)(word >> 8 * b);
		}
		if (vector_random(&seed) % 1000 < t.per_mille_lost)
			i += vector_random(&seed) % 90;
	}
	return at;
}

static void any_cutting_gives_the_same(void **state)
{
	static uint8_t data[4 * 6000 + 64];
	struct rows *whole, *cut;
	struct ppk2_stream a, b;

	for (uint32_t seed = 1; seed <= 120; seed++) {
		uint32_t r = seed * 2654435761u;
		struct trouble t = {vector_random(&r) % 20, vector_random(&r) % 20,
			seed % 3 ? 50 + vector_random(&r) % 1000 : 0};
		size_t n = troubled(data, 200 + vector_random(&r) % 5800, t, r);
		size_t longest = seed % 4 == 0 ? 1 : 1 + vector_random(&r) % 5000;

		whole = decode(data, n, n, seed, &a);
		cut = decode(data, n, longest, seed, &b);
		assert_int_equal(whole->n, cut->n);
		for (size_t i = 0; i < whole->n; i++)
			assert_memory_equal(&whole->row[i], &cut->row[i], sizeof(struct row));
		assert_int_equal(a.lost, b.lost);
		assert_int_equal(a.invalid, b.invalid);
		assert_int_equal(a.skipped_bytes, b.skipped_bytes);
		assert_int_equal(a.breaks, b.breaks);
		/* Each byte is in a row or was skipped; indices have no hole but what was lost. */
		assert_int_equal(4 * a.received + a.skipped_bytes, n);
		if (whole->n)
			assert_int_equal(whole->row[whole->n - 1].index + 1, a.received + a.lost);
		free(whole);
		free(cut);
	}
}

/* What is given as valid is what was sent, at its place, whatever bytes slip or samples are lost. */
static void valid_rows_are_what_was_sent(void **state)
{
	static uint8_t data[4 * 8000];
	size_t checked = 0;

	for (uint32_t seed = 1; seed <= 60; seed++) {
		uint32_t r = seed * 2246822519u;
		struct ppk2_stream s;
		struct rows *rows;
		size_t n = 0;

		for (uint32_t i = 0; i < 8000; i++) {
			uint32_t word = ppk2_word(i & 0x3fff, 2, i & 63, i >> 8);

			/* Fewer than 64 at a time, and never two troubles in one run. */
			if (i % 400 == 399 && vector_random(&r) & 1)
				i += vector_random(&r) % 63;
			else
				for (uint32_t b = 0; b < 4; b++) {
					if (i % 400 == 200 && b == (vector_random(&r) & 3))
						continue;
					data[n++] = (uint8_t)(word >> 8 * b);
				}
		}
		rows = decode(data, n, 3000, seed, &s);
		assert_true(s.breaks > 10);
		for (size_t i = 0; i < rows->n; i++) {
			const struct row *row = &rows->row[i];

			if (row->invalid)
				continue;
			assert_int_equal(ppk2_adc(row->word), row->index & 0x3fff);
			assert_int_equal(ppk2_logic(row->word), row->index >> 8 & 255);
			checked++;
		}
		free(rows);
	}
	assert_true(checked > 60 * 7000);
}

/* A long stretch of noise: the multiple of 64 comes from the bytes that were skipped. */
static void noise_of_any_length_keeps_the_index(void **state)
{
	static uint8_t data[4 * 4000];

	for (uint32_t hole = 10; hole < 3000; hole += 97) {
		uint32_t seed = hole;
		struct ppk2_stream s;
		struct rows *rows;

		for (uint32_t i = 0; i < 4000; i++) {
			uint32_t word = ppk2_word(i, 1, i & 63, 0);

			for (uint32_t b = 0; b < 4; b++)
				data[4 * i + b] = i >= 500 && i < 500 + hole
					? (uint8_t)vector_random(&seed)
					: (uint8_t)(word >> 8 * b);
		}
		rows = decode(data, sizeof(data), sizeof(data), 1, &s);
		assert_int_equal(rows->row[rows->n - 1].index, 3999);
		assert_int_equal(s.received + s.lost, 4000);
		free(rows);
	}
}

static void nothing_locks_without_nine_in_sequence(void **state)
{
	uint8_t data[36];
	struct ppk2_stream s;
	struct rows *rows;

	for (uint32_t i = 0; i < 9; i++) {
		uint32_t word = ppk2_word(5, 0, (60 + i) & 63, 0);

		memcpy(data + 4 * i, &word, 4);
	}
	rows = decode(data, 35, 35, 1, &s);
	assert_int_equal(rows->n, 0);
	assert_false(s.ever_locked);
	assert_int_equal(s.skipped_bytes, 35);
	free(rows);
	rows = decode(data, 36, 1, 1, &s);
	assert_int_equal(rows->n, 9);
	assert_true(s.ever_locked);
	free(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_streams_become_their_rows),
		cmocka_unit_test(any_cutting_gives_the_same),
		cmocka_unit_test(valid_rows_are_what_was_sent),
		cmocka_unit_test(noise_of_any_length_keeps_the_index),
		cmocka_unit_test(nothing_locks_without_nine_in_sequence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
