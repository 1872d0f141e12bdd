/* Cold starts and series of inferences: ticks into microseconds, instructions, throughput. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/results/document.h"
#include "server/results/phases.h"
#include "stats/summary.h"

/* QEMU's -icount shift: each instruction takes 2^shift ns of guest time. */
double timer_instructions(const struct timer *t, double ticks)
{
	return round(ticks * 1e9 / (t->hz * ldexp(1, t->icount_shift)));
}

bool timer_counts_instructions(const struct timer *t)
{
	return t->is_virtual && t->icount_shift >= 0;
}

const char *timer_note(const struct timer *t)
{
	if (!t->is_virtual)
		return "";
	return timer_counts_instructions(t) ? NOTE_VIRTUAL : NOTE_EMULATED;
}

/* A virtual board's time is its instruction count at one instruction per tick, as the note says. */
double timer_us(const struct timer *t, double ticks)
{
	return (timer_counts_instructions(t) ? timer_instructions(t, ticks) : ticks) * 1e6 / t->hz;
}

int phase_need_timer(struct rows *r, const char *at, const struct timer *t)
{
	if (t->hz > 0)
		return 0;
	return fault_set(r->fault, EINVAL, "result: %s has ticks, but /timer/hz is missing", at);
}

/* ---- cold ---- */

static int add_cold_time(struct rows *r, const json_t *phase, const char *at, const struct timer *t,
	const char *key, const char *metric, int64_t boot, const char *note)
{
	int64_t ticks = -1;
	double us;
	int rc = document_count(phase, at, key, false, &ticks, r->fault);

	if (rc || ticks < 0)
		return rc;
	us = timer_us(t, (double)ticks);
	return rows_add_series(r, "cold", metric, "us", boot, &us, 1, note);
}

int phase_cold(struct rows *r, const json_t *phase, const char *at, const struct timer *t)
{
	char kind[16] = "", note[128];
	int64_t boot = 0, first = -1;
	int rc = phase_need_timer(r, at, t);

	if (!rc)
		rc = document_count(phase, at, "boot", true, &boot, r->fault);
	if (!rc)
		rc = document_text(phase, at, "kind", false, kind, sizeof(kind), r->fault);
	if (!rc)
		rc = document_count(phase, at, "first_ticks", true, &first, r->fault);
	if (rc)
		return rc;
	snprintf(note, sizeof(note), "cold_kind: %s%s%s",
		!strcmp(kind, "power") ? "power-on"
			: kind[0]      ? kind
				       : "unknown",
		t->is_virtual ? "; " : "", timer_note(t));
	rc = add_cold_time(r, phase, at, t, "boot_ticks", "boot_us", boot, note);
	if (!rc)
		rc = add_cold_time(r, phase, at, t, "load_ticks", "load_us", boot, note);
	if (!rc)
		rc = add_cold_time(r, phase, at, t, "first_ticks", "latency_us", boot, note);
	if (!rc && timer_counts_instructions(t)) {
		double count = timer_instructions(t, (double)first);

		rc = rows_add_series(r, "cold", "instructions", "", boot, &count, 1, "");
	}
	return rc;
}

/* ---- warm, sustained ---- */

static int add_latencies(struct rows *r, const char *name, int64_t boot, const double *ticks,
	size_t n, const struct timer *t)
{
	_cleanup_free_ double *values = calloc(n, sizeof(*values));
	int rc;

	if (!values)
		return fault_set(r->fault, ENOMEM, "result: no memory");
	for (size_t i = 0; i < n; i++)
		values[i] = timer_us(t, ticks[i]);
	rc = rows_add_series(r, name, "latency_us", "us", boot, values, n, timer_note(t));
	if (rc || !timer_counts_instructions(t) || strcmp(name, "warm"))
		return rc;
	for (size_t i = 0; i < n; i++)
		values[i] = timer_instructions(t, ticks[i]);
	return rows_add_series(r, name, "instructions", "", boot, values, n, "");
}

static int add_window(struct rows *r, const json_t *phase, const char *at, const char *name,
	int64_t boot, size_t n, const struct timer *t)
{
	int64_t window = 0, overhead = -1;
	const char *note = timer_note(t);
	int rc = document_count(phase, at, "window_ticks", false, &window, r->fault);

	if (!rc)
		rc = document_count(phase, at, "overhead_ticks", false, &overhead, r->fault);
	if (!rc && window > 0)
		rc = rows_add_value(r, name, "throughput_ips", "1/s", boot, (int64_t)n,
			(double)n * 1e6 / timer_us(t, (double)window), note);
	if (!rc && overhead >= 0 && !strcmp(name, "warm"))
		rc = rows_add_value(
			r, name, "overhead_us", "us", boot, 1, timer_us(t, (double)overhead), note);
	return rc;
}

/* All of a sustained phase's inferences, of which only some were kept with their ticks; its seconds. */
static int add_sustained(struct rows *r, const json_t *phase, const char *at, int64_t boot,
	const struct timer *t, size_t *n)
{
	_cleanup_free_ double *counts = NULL;
	int64_t all = 0;
	size_t seconds = 0;
	int rc = document_count(phase, at, "n", false, &all, r->fault);

	if (!rc)
		rc = document_numbers(phase, at, "counts", false, &counts, &seconds, r->fault);
	if (rc)
		return rc;
	if (all > 0)
		*n = (size_t)all;
	if (!seconds)
		return 0;
	return rows_add_series(
		r, "sustained", "second_ips", "1/s", boot, counts, seconds, timer_note(t));
}

int phase_series(struct rows *r, const json_t *phase, const char *at, const struct timer *t)
{
	_cleanup_free_ double *ticks = NULL;
	char name[METRIC_PHASE_BYTES] = "";
	int64_t boot = 0;
	size_t n;
	int rc = phase_need_timer(r, at, t);

	if (!rc)
		rc = document_text(phase, at, "phase", true, name, sizeof(name), r->fault);
	if (!rc)
		rc = document_count(phase, at, "boot", true, &boot, r->fault);
	if (!rc)
		rc = document_numbers(phase, at, "ticks", true, &ticks, &n, r->fault);
	if (rc)
		return rc;
	if (!n)
		return fault_set(r->fault, EINVAL, "result: %s/ticks is empty", at);
	rc = add_latencies(r, name, boot, ticks, n, t);
	if (!rc && !strcmp(name, "warm"))
		rc = phase_lengths(r, phase, at, boot, ticks, n, t);
	if (!rc && !strcmp(name, "sustained"))
		rc = add_sustained(r, phase, at, boot, t, &n);
	return rc ? rc : add_window(r, phase, at, name, boot, n, t);
}

/* ---- over all boots ---- */

/* Throughput: all inferences by all windows' time. Overhead: the largest. */
static int finish_windows(struct rows *r, const char *phase, const char *note)
{
	double seconds = 0, inferences = 0, overhead = -1;
	int rc = 0;

	for (size_t i = 0; i < r->result->n_metrics; i++) {
		const struct metric_row *row = &r->result->metrics[i];

		if (strcmp(row->phase, phase) || row->boot == RESULT_BOOT_ALL)
			continue;
		if (!strcmp(row->metric, "throughput_ips")) {
			inferences += (double)row->n;
			seconds += (double)row->n / row->value;
		} else if (!strcmp(row->metric, "overhead_us")) {
			overhead = fmax(overhead, row->value);
		}
	}
	if (seconds > 0)
		rc = rows_add_value(r, phase, "throughput_ips", "1/s", RESULT_BOOT_ALL,
			(int64_t)inferences, inferences / seconds, note);
	if (!rc && overhead >= 0)
		rc = rows_add_value(
			r, phase, "overhead_us", "us", RESULT_BOOT_ALL, 1, overhead, note);
	return rc;
}

static int add_misses(struct rows *r, double deadline_ms, const char *note)
{
	const struct pool *p = NULL;
	size_t misses = 0;
	char text[128];

	for (size_t i = 0; i < r->n_pools && !p; i++) {
		if (!strcmp(r->pools[i].phase, "warm") && !strcmp(r->pools[i].metric, "latency_us"))
			p = &r->pools[i];
	}
	if (!p || deadline_ms <= 0)
		return 0;
	for (size_t i = 0; i < p->n; i++)
		misses += p->values[i] > deadline_ms * 1000;
	snprintf(text, sizeof(text), "%zu of %zu over %g ms: at most %.3g %% (95 %% bound)%s%s",
		misses, p->n, deadline_ms, 100 * share_upper_bound(misses, p->n),
		note[0] ? "; " : "", note);
	return rows_add_value(r, "warm", "deadline_misses", "", RESULT_BOOT_ALL, (int64_t)p->n,
		(double)misses, text);
}

int phases_finish(struct rows *r, double deadline_ms, const struct timer *t)
{
	const char *note = timer_note(t);
	int rc = rows_finish(r);

	if (!rc)
		rc = finish_windows(r, "warm", note);
	if (!rc)
		rc = finish_windows(r, "sustained", note);
	return rc ? rc : add_misses(r, deadline_ms, note);
}
