#include "protocols/capture/nordic.h"

#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAP_ELEMENTS 10000
#define MAP_FLOOR_nA 200
#define PIECE 1024 /* samples given at once */
#define TEXT_BYTES 4096

/* Bucket of the small picture above the app's plot. */
struct element {
	double x_us, min_nA, max_nA; /* x: mean */
};

struct nordic {
	struct ppk2_converter converter;
	nordic_sink_fn sink;
	void *arg;
	uint64_t next_index;
	struct element map[MAP_ELEMENTS];
	size_t n_map;
	uint64_t fold,
		last_count; /* samples of each element, and of the last one: 0 when it is full */
	double block_A[PIECE];
	uint8_t bytes[NORDIC_SAMPLE_BYTES * PIECE];
};

int nordic_new(
	const struct ppk2_converter *converter, nordic_sink_fn sink, void *arg, struct nordic **out)
{
	struct nordic *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->converter = *converter;
	n->sink = sink;
	n->arg = arg;
	n->fold = 1;
	*out = n;
	return 0;
}

void nordic_free(struct nordic *n)
{
	free(n);
}

static void put_sample(uint8_t *p, float uA, uint16_t bits)
{
	uint32_t word;

	memcpy(&word, &uA, sizeof(word));
	word = htole32(word);
	bits = htobe16(bits);
	memcpy(p, &word, sizeof(word));
	memcpy(p + sizeof(word), &bits, sizeof(bits));
}

/* Two bits for each of eight channels. */
static uint16_t spread(uint8_t logic)
{
	uint16_t bits = 0;

	for (int i = 0; i < 8; i++)
		bits |= (uint16_t)((logic >> i & 1 ? 2 : 1) << 2 * i);
	return bits;
}

static void fold_map(struct nordic *n)
{
	for (size_t i = 0; i < MAP_ELEMENTS / 2; i++) {
		const struct element *a = &n->map[2 * i], *b = a + 1;

		n->map[i] = (struct element){(a->x_us + b->x_us) / 2, fmin(a->min_nA, b->min_nA),
			fmax(a->max_nA, b->max_nA)};
	}
	n->n_map = MAP_ELEMENTS / 2;
	n->fold *= 2;
}

static void add_to_map(struct nordic *n, uint64_t index, double nA)
{
	double x_us = (double)(index * PPK2_SAMPLE_US);
	struct element *e;

	nA = fmax(nA, MAP_FLOOR_nA);
	if (!n->last_count)
		n->map[n->n_map++] = (struct element){x_us, nA, nA};
	e = &n->map[n->n_map - 1];
	n->last_count++;
	e->x_us += (x_us - e->x_us) / (double)n->last_count;
	e->min_nA = fmin(e->min_nA, nA);
	e->max_nA = fmax(e->max_nA, nA);
	if (n->last_count < n->fold)
		return;
	n->last_count = 0;
	if (n->n_map == MAP_ELEMENTS)
		fold_map(n);
}

static int give_lost(struct nordic *n, uint64_t lost)
{
	int err = 0;

	for (size_t i = 0; i < PIECE && i < lost; i++)
		put_sample(n->bytes + NORDIC_SAMPLE_BYTES * i, NAN, 0);
	while (lost && !err) {
		uint64_t piece = lost < PIECE ? lost : PIECE;

		err = n->sink(n->arg, n->bytes, NORDIC_SAMPLE_BYTES * (size_t)piece);
		lost -= piece;
	}
	return err;
}

static int give_words(
	struct nordic *n, uint64_t index, const uint32_t *words, size_t count, bool invalid)
{
	ppk2_currents_A(&n->converter, words, count, n->block_A);
	for (size_t i = 0; i < count; i++) {
		uint8_t *p = n->bytes + NORDIC_SAMPLE_BYTES * i;
		double a = n->block_A[i];

		if (invalid || isnan(a)) {
			put_sample(p, NAN, 0);
			continue;
		}
		put_sample(p, (float)(fmax(a, 0) * 1e6), spread(ppk2_logic(words[i])));
		add_to_map(n, index + i, a * 1e9);
	}
	return n->sink(n->arg, n->bytes, NORDIC_SAMPLE_BYTES * count);
}

int nordic_write(struct nordic *n, const struct ppk2_block *block)
{
	int err;

	if (block->index < n->next_index)
		return -EINVAL;
	err = give_lost(n, block->index - n->next_index);
	for (size_t at = 0; at < block->n && !err;) {
		size_t piece = block->n - at < PIECE ? block->n - at : PIECE;

		err = give_words(n, block->index + at, block->words + at, piece, block->invalid);
		at += piece;
	}
	n->next_index = block->index + block->n;
	return err;
}

size_t nordic_metadata(int64_t started_at_ms, char out[NORDIC_METADATA_BYTES])
{
	return (size_t)snprintf(out, NORDIC_METADATA_BYTES,
		"{\"metadata\":{\"samplesPerSecond\":%d,\"startSystemTime\":%lld},"
		"\"formatVersion\":2}",
		PPK2_SAMPLE_RATE_HZ, (long long)started_at_ms);
}

/* Text that is given in pieces. */
struct text {
	nordic_sink_fn sink;
	void *arg;
	int err;
	size_t n;
	char text[TEXT_BYTES];
};

static void flush(struct text *t)
{
	if (!t->err && t->n)
		t->err = t->sink(t->arg, t->text, t->n);
	t->n = 0;
}

static void put_points(struct text *t, const struct nordic *n, bool max)
{
	for (size_t i = 0; i < n->n_map; i++) {
		const struct element *e = &n->map[i];

		if (sizeof(t->text) - t->n < 128)
			flush(t);
		t->n += (size_t)snprintf(t->text + t->n, sizeof(t->text) - t->n,
			"%s{\"x\":%.17g,\"y\":%.9g}", i ? "," : "", e->x_us,
			max ? e->max_nA : e->min_nA);
	}
	flush(t);
}

int nordic_minimap(const struct nordic *n, nordic_sink_fn sink, void *arg)
{
	struct text t = {.sink = sink, .arg = arg};

	t.n = (size_t)snprintf(t.text, sizeof(t.text),
		"{\"lastElementFoldCount\":%llu,\"data\":{\"length\":%zu,\"min\":[",
		(unsigned long long)n->last_count, n->n_map);
	put_points(&t, n, false);
	t.n = (size_t)snprintf(t.text, sizeof(t.text), "],\"max\":[");
	put_points(&t, n, true);
	t.n = (size_t)snprintf(t.text, sizeof(t.text),
		"]},\"maxNumberOfElements\":%d,\"numberOfTimesToFold\":%llu}", MAP_ELEMENTS,
		(unsigned long long)n->fold);
	flush(&t);
	return t.err;
}
