/*
 * A made-up capture for tests and benches: an idle board, a window of batches between pins, spikes of
 * one sample, gaps with a damaged word beside them, clipped samples; each sample is also kept, so that
 * a test can compute by itself what others make of the file. From a seed.
 */
#ifndef HILDA_TESTS_SIGNAL_H
#define HILDA_TESTS_SIGNAL_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/capture/capture.h"
#include "protocols/ppk2/sample.h"

enum signal_state { SIGNAL_VALID, SIGNAL_LOST, SIGNAL_INVALID };

/* By index, lost samples counted. */
struct signal {
	size_t n;
	double *uA;	/* of what was received */
	uint8_t *logic; /* as sent */
	uint8_t *state;
	uint32_t *words;
	struct ppk2_converter converter;
	struct capture_header header;
};

struct signal_shape {
	size_t samples;
	uint32_t seed;
	size_t gap_every; /* about; 0: none */
	size_t window_from, batches, batch_samples;
	size_t spike_every; /* about; 0: 50000 */
};

static inline uint32_t signal_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static inline void signal_header(struct signal *s)
{
	struct ppk2_metadata m = {
		.calibrated = true, .vdd_mV = 3300, .hw = 9173, .mode = PPK2_SOURCE};
	static const double r[PPK2_RANGES] = {1031.64, 101.65, 10.15, 0.94, 0.043};
	int n;

	for (int k = 0; k < PPK2_RANGES; k++) {
		m.c[PPK2_R][k] = r[k];
		m.c[PPK2_GS][k] = m.c[PPK2_GI][k] = m.c[PPK2_UG][k] = 1;
		m.c[PPK2_O][k] = 100 + 3 * k;
		m.c[PPK2_S][k] = 1e-8 * k;
		m.c[PPK2_I][k] = -1e-8 * k;
	}
	s->header = (struct capture_header){.serial = "VP-TEST",
		.mode = PPK2_SOURCE,
		.voltage_mV = 3300,
		.started_at_ms = INT64_C(1767225600123),
		.is_virtual = true};
	n = ppk2_metadata_print(&m, s->header.metadata, sizeof(s->header.metadata));
	s->header.metadata_bytes = n > 0 ? (size_t)n : 0;
	ppk2_metadata_parse(
		s->header.metadata, s->header.metadata_bytes, &s->converter.metadata, NULL);
	s->converter.vdd_mV = s->header.voltage_mV;
}

/* A level in A: asleep, at work in a batch, a spike. */
static inline double signal_level(
	const struct signal_shape *shape, size_t i, uint32_t *random, uint8_t *logic)
{
	size_t in = i - shape->window_from,
	       batch = shape->batch_samples ? in / shape->batch_samples : 0;
	double noise = 1 + 0.05 * ((double)(signal_random(random) % 2001) - 1000) / 1000;

	*logic = 0;
	if (signal_random(random) % (shape->spike_every ? shape->spike_every : 50000) == 0)
		return 0.087;
	if (i < shape->window_from || batch >= shape->batches)
		return 2e-6 * noise;
	*logic = (uint8_t)(1 | (batch & 1) << 1 | (signal_random(random) % 4 == 0) << 2);
	return (in % shape->batch_samples < shape->batch_samples / 2 ? 9e-3 : 0.4e-3) * noise;
}

static inline uint32_t signal_range(double current_A)
{
	return current_A < 40e-6 ? 0 : current_A < 400e-6 ? 1 : current_A < 4e-3 ? 2 : 3;
}

/* Some blocks of the file begin with a gap. */
static inline void signal_gaps_between_blocks(struct signal *s)
{
	size_t received = 0, next = 2 * CAPTURE_BLOCK_SAMPLES;

	for (size_t i = 0; i + 80 < s->n; i++) {
		if (received == next) {
			memset(s->state + i, SIGNAL_LOST, 7);
			next += 2 * CAPTURE_BLOCK_SAMPLES;
		}
		received += s->state[i] != SIGNAL_LOST;
	}
}

static inline int signal_make(const struct signal_shape *shape, struct signal *s)
{
	uint32_t random = shape->seed * 2654435761u + 1;
	size_t n = shape->samples, gap_at = shape->gap_every;

	*s = (struct signal){.n = n};
	signal_header(s);
	s->uA = calloc(n + 1, sizeof(*s->uA));
	s->logic = calloc(n + 1, 1);
	s->state = calloc(n + 1, 1);
	s->words = calloc(n + 1, sizeof(*s->words));
	if (!s->uA || !s->logic || !s->state || !s->words)
		return -1;
	for (size_t i = 0; i < n; i++) {
		uint32_t adc, range;
		double level = signal_level(shape, i, &random, &s->logic[i]);

		range = signal_range(level);
		adc = ppk2_adc_for_A(&s->converter, range, level);
		if (signal_random(&random) % 20000 == 0)
			adc = PPK2_ADC_MAX;
		s->words[i] = ppk2_word(adc, range, i % PPK2_COUNTER_MODULO, s->logic[i]);
		s->uA[i] = 1e6 * ppk2_current_A(&s->converter, s->words[i]);
	}
	while (gap_at && gap_at + 80 < n) {
		size_t length = 1 + signal_random(&random) % 63;

		memset(s->state + gap_at, SIGNAL_LOST, length);
		s->state[gap_at - 1] = s->state[gap_at + length] = SIGNAL_INVALID;
		gap_at += shape->gap_every / 2 + signal_random(&random) % shape->gap_every + 70;
	}
	if (shape->gap_every)
		signal_gaps_between_blocks(s);
	return 0;
}

static inline void signal_free(struct signal *s)
{
	free(s->uA);
	free(s->logic);
	free(s->state);
	free(s->words);
}

/* Writes samples [from, to) as the stream would have given them. */
static inline int signal_write(
	const struct signal *s, size_t from, size_t to, struct capture_writer *w)
{
	struct ppk2_block b = {0};
	int rc = 0;

	for (size_t i = from; i < to && !rc; i += b.n) {
		b = (struct ppk2_block){0};
		while (i < to && s->state[i] == SIGNAL_LOST) {
			b.lost_before++;
			i++;
		}
		b.index = i;
		b.words = s->words + i;
		b.invalid = i < to && s->state[i] == SIGNAL_INVALID;
		while (i + b.n < to && b.n < PPK2_STREAM_BLOCK &&
			s->state[i + b.n] == s->state[i] && s->state[i] != SIGNAL_LOST)
			b.n++;
		if (b.n)
			rc = capture_write(w, &b);
	}
	return rc;
}

/* The whole capture through a sink. */
static inline int signal_capture(const struct signal *s, capture_sink_fn sink, void *arg)
{
	struct capture_writer *w = NULL;
	int rc = capture_writer_new(&s->header, sink, arg, &w);

	if (!rc)
		rc = signal_write(s, 0, s->n, w);
	if (!rc)
		rc = capture_writer_end(w, (int64_t)s->n * PPK2_SAMPLE_US);
	capture_writer_free(w);
	return rc;
}

#endif
