/* Golden streams for the tests of this folder and its neighbours; they run in the root of the sources. */
#ifndef TESTS_UNIT_PROTOCOLS_PPK2_VECTOR_H
#define TESTS_UNIT_PROTOCOLS_PPK2_VECTOR_H

#include <jansson.h>
#include <string.h>

#include "common/file.h"
#include "protocols/ppk2/sample.h"
#include "protocols/ppk2/stream.h"

static const char *const vector_names[] = {"clean", "old-metadata", "nan-metadata",
	"range-switches", "gap", "gap-64", "damaged", "slipped", "inserted", "stale-start",
	"clipped", "torn", "limits", "batches", "short", "glitches"};

struct vector {
	char *raw, *metadata, *csv, *filtered_csv;
	size_t n_raw, n_metadata;
	json_t *expected;
	struct ppk2_converter converter;
};

static inline char *vector_file(const char *name, const char *suffix, size_t *n)
{
	char path[256];
	struct fault f;
	char *data;

	snprintf(path, sizeof(path), "protocols/vectors/ppk2/%s.%s", name, suffix);
	if (file_read(path, 1 << 20, &data, n, &f))
		fail_msg("%s", f.text);
	return data;
}

static inline struct vector vector_load(const char *name)
{
	struct vector v = {0};
	struct fault f;
	char *doc;
	size_t n;

	v.raw = vector_file(name, "bin", &v.n_raw);
	v.metadata = vector_file(name, "txt", &v.n_metadata);
	v.csv = vector_file(name, "csv", &n);
	v.filtered_csv = vector_file(name, "filtered.csv", &n);
	doc = vector_file(name, "json", &n);
	v.expected = json_loads(doc, 0, NULL);
	free(doc);
	assert_non_null(v.expected);
	if (ppk2_metadata_parse(v.metadata, v.n_metadata, &v.converter.metadata, &f))
		fail_msg("%s: %s", name, f.text);
	v.converter.vdd_mV =
		(uint32_t)json_integer_value(json_object_get(v.expected, "voltage_mV"));
	return v;
}

static inline void vector_free(struct vector *v)
{
	free(v->raw);
	free(v->metadata);
	free(v->csv);
	free(v->filtered_csv);
	json_decref(v->expected);
}

/* A small generator of pseudo-random numbers (xorshift), the same on each machine. */
static inline uint32_t vector_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Feeds all bytes in random pieces of 1 to at most `longest`. */
static inline void vector_feed(
	struct ppk2_stream *s, const void *data, size_t n, size_t longest, uint32_t seed)
{
	const uint8_t *p = data;

	for (size_t at = 0; at < n;) {
		size_t piece = 1 + vector_random(&seed) % longest;

		piece = piece < n - at ? piece : n - at;
		ppk2_stream_feed(s, p + at, piece);
		at += piece;
	}
	ppk2_stream_end(s);
}

#endif
