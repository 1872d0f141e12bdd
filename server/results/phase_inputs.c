/* What depends on the input: latency at the lengths that matter, and the slowest input that a search found. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/results/document.h"
#include "server/results/phases.h"
#include "stats/summary.h"

static int add_series(struct rows *r, const char *metric, const char *unit, int64_t boot,
	const double *values, size_t n, const char *note)
{
	return boot == RESULT_BOOT_ALL
		? rows_add_whole(r, "warm", metric, unit, values, n, note)
		: rows_add_series(r, "warm", metric, unit, boot, values, n, note);
}

/* As microseconds, and where a tick counts instructions, as these. Changes the ticks. */
static int add_ticks(struct rows *r, const char *us, const char *instructions, int64_t boot,
	double *ticks, size_t n, const char *words, const struct timer *t)
{
	_cleanup_free_ double *counts = NULL;
	char note[128];
	int rc = 0;

	if (timer_counts_instructions(t)) {
		counts = calloc(n, sizeof(*counts));
		if (!counts)
			return fault_set(r->fault, ENOMEM, "result: no memory");
		for (size_t i = 0; i < n; i++)
			counts[i] = timer_instructions(t, ticks[i]);
		rc = add_series(r, instructions, "", boot, counts, n, words);
	}
	for (size_t i = 0; i < n; i++)
		ticks[i] = timer_us(t, ticks[i]);
	snprintf(note, sizeof(note), "%s%s%s", words, t->is_virtual ? "; " : "", timer_note(t));
	return rc ? rc : add_series(r, us, "us", boot, ticks, n, note);
}

/* ---- lengths ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Which input iteration k of n had, of so many. */
static size_t input_of(const char *inputs, size_t k, size_t n, size_t count)
{
	return !strcmp(inputs, "list") ? k * count / n : k % count;
}

/* The iterations whose input is so long. */
static size_t pick(const double *ticks, size_t n, const double *lengths, size_t count,
	const char *inputs, double length, double *out)
{
	size_t picked = 0;

	for (size_t k = 0; k < n; k++) {
		if (lengths[input_of(inputs, k, n, count)] == length)
			out[picked++] = ticks[k];
	}
	return picked;
}

int phase_lengths(struct rows *r, const json_t *phase, const char *at, int64_t boot,
	const double *ticks, size_t n, const struct timer *t)
{
	static const struct {
		const char *name, *us, *instructions;
		double p;
	} quantiles[] = {{"p50", "latency_p50_length_us", "instructions_p50_length", 0.50},
		{"p95", "latency_p95_length_us", "instructions_p95_length", 0.95},
		{"p99", "latency_p99_length_us", "instructions_p99_length", 0.99}};
	_cleanup_free_ double *lengths = NULL, *sorted = NULL, *picked = NULL;
	char inputs[16] = "rotate";
	size_t count;
	int rc = document_numbers(phase, at, "lengths", false, &lengths, &count, r->fault);

	if (!rc)
		rc = document_text(phase, at, "inputs", false, inputs, sizeof(inputs), r->fault);
	if (rc || !count)
		return rc;
	if (count > n)
		return fault_set(r->fault, EINVAL,
			"result: %s/lengths has %zu inputs for %zu iterations", at, count, n);
	sorted = malloc(count * sizeof(*sorted));
	picked = malloc(n * sizeof(*picked));
	if (!sorted || !picked)
		return fault_set(r->fault, ENOMEM, "result: no memory");
	memcpy(sorted, lengths, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), by_value);
	for (size_t i = 0; i < ARRAY_SIZE(quantiles) && !rc; i++) {
		double length = sorted[summary_nearest_rank(count, quantiles[i].p) - 1];
		size_t have = pick(ticks, n, lengths, count, inputs, length, picked);
		char words[64];

		snprintf(words, sizeof(words), "%g tokens, the %s of %zu inputs", length,
			quantiles[i].name, count);
		rc = add_ticks(r, quantiles[i].us, quantiles[i].instructions, boot, picked, have,
			words, t);
	}
	return rc;
}

/* ---- search ---- */

int phase_search(struct rows *r, const json_t *phase, const char *at, const struct timer *t)
{
	_cleanup_free_ double *tried = NULL, *worst = NULL;
	int64_t seed = 0, which = 0;
	size_t n, m;
	char words[100];
	int rc = phase_need_timer(r, at, t);

	if (!rc)
		rc = document_numbers(phase, at, "ticks", true, &tried, &n, r->fault);
	if (!rc)
		rc = document_numbers(phase, at, "worst_ticks", true, &worst, &m, r->fault);
	if (!rc)
		rc = document_count(phase, at, "seed", false, &seed, r->fault);
	if (!rc)
		rc = document_count(phase, at, "worst", false, &which, r->fault);
	if (rc)
		return rc;
	if (!n || !m)
		return fault_set(r->fault, EINVAL, "result: %s/%s is empty", at,
			n ? "worst_ticks" : "ticks");
	snprintf(words, sizeof(words), "%zu inputs tried once each, seed %lld", n, (long long)seed);
	rc = add_ticks(r, "search_us", "search_instructions", RESULT_BOOT_ALL, tried, n, words, t);
	snprintf(words, sizeof(words), "input %lld, the slowest of %zu tried, seed %lld",
		(long long)which, n, (long long)seed);
	return rc ? rc
		  : add_ticks(r, "worst_us", "worst_instructions", RESULT_BOOT_ALL, worst, m, words,
			    t);
}
