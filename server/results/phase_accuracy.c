/* Predictions against labels, and against a host build's of the same kernels. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/results/document.h"
#include "server/results/phases.h"
#include "stats/f1.h"
#include "stats/summary.h"

/* The list `key`, as long as the predictions are; *out NULL when absent. */
static int read_list(const json_t *phase, const char *at, const char *key, size_t n, double **out,
	struct fault *f)
{
	size_t have;
	int rc = document_numbers(phase, at, key, false, out, &have, f);

	if (!rc && *out && have != n)
		return fault_set(f, EINVAL, "result: %s/%s has %zu items, predictions %zu", at, key,
			have, n);
	return rc;
}

static size_t count_equal(const double *a, const double *b, size_t n)
{
	size_t equal = 0;

	for (size_t i = 0; i < n; i++)
		equal += a[i] == b[i];
	return equal;
}

/* A single number whose interval stands where a median's would. */
static int add_share(struct rows *r, const char *metric, size_t n, double value, double lo,
	double hi, const char *note)
{
	int rc =
		rows_add_value(r, "accuracy", metric, "", RESULT_BOOT_ALL, (int64_t)n, value, note);

	if (!rc) {
		struct metric_row *row = &r->result->metrics[r->result->n_metrics - 1];

		row->p50_lo = lo;
		row->p50_hi = hi;
	}
	return rc;
}

static int add_accuracy(struct rows *r, const double *said, const double *right, size_t n)
{
	_cleanup_free_ double *correct = calloc(n, sizeof(*correct));
	size_t k = count_equal(said, right, n);
	char note[128];
	double lo, hi;
	int rc;

	if (!correct)
		return fault_set(r->fault, ENOMEM, "result: no memory");
	for (size_t i = 0; i < n; i++)
		correct[i] = said[i] == right[i];
	wilson_interval(k, n, &lo, &hi);
	snprintf(note, sizeof(note), "%zu of %zu right; 95 %%: %.1f to %.1f %% (Wilson)", k, n,
		100 * lo, 100 * hi);
	rc = add_share(r, "accuracy", n, (double)k / (double)n, lo, hi, note);
	return rc ? rc : rows_add_whole(r, "accuracy", "correct", "", correct, n, "");
}

static int add_f1(struct rows *r, const double *said, const double *right, size_t n,
	const struct job_phases *asked)
{
	const double class = asked->accuracy.positive;
	struct confusion c = {0};
	double lo, hi, f1;
	char note[128];

	for (size_t i = 0; i < n; i++) {
		bool positive = said[i] == class, truth = right[i] == class;

		c.hits += positive && truth;
		c.false_alarms += positive && !truth;
		c.misses += !positive && truth;
		c.rejections += !positive && !truth;
	}
	f1 = f1_score(&c);
	f1_interval(&c, &lo, &hi);
	snprintf(note, sizeof(note),
		"positive: %s (class %u), %zu of %zu; 95 %%: %.3f to %.3f (bootstrap)",
		asked->accuracy.positive_name, asked->accuracy.positive, c.hits + c.misses, n, lo,
		hi);
	return add_share(r, "f1", n, f1, lo, hi, note);
}

/* k of n: in words too, since "all" is what counts. */
static int add_equal(struct rows *r, const char *metric, const char *what, const double *a,
	const double *b, size_t n)
{
	size_t k;
	double lo, hi;
	char note[128];

	if (!a || !b)
		return 0;
	k = count_equal(a, b, n);
	wilson_interval(k, n, &lo, &hi);
	snprintf(note, sizeof(note), "%s: %zu of %zu", what, k, n);
	return add_share(r, metric, n, (double)k / (double)n, lo, hi, note);
}

static int add_reference(struct rows *r, const json_t *reference, const char *at,
	const double *said, const double *logits, size_t n)
{
	_cleanup_free_ double *their_said = NULL, *their_logits = NULL;
	char below[80];
	int rc;

	if (!json_is_object(reference))
		return 0;
	snprintf(below, sizeof(below), "%s/reference", at);
	rc = read_list(reference, below, "predictions", n, &their_said, r->fault);
	if (!rc)
		rc = read_list(reference, below, "logits", n, &their_logits, r->fault);
	if (!rc)
		rc = add_equal(r, "agreement", "predictions equal to the host build's", said,
			their_said, n);
	return rc ? rc
		  : add_equal(r, "logits_equal", "logits equal to the host build's, bit for bit",
			    logits, their_logits, n);
}

int phase_accuracy(
	struct rows *r, const json_t *phase, const char *at, const struct job_phases *asked)
{
	_cleanup_free_ double *said = NULL, *right = NULL, *logits = NULL;
	size_t n;
	int rc = document_numbers(phase, at, "predictions", true, &said, &n, r->fault);

	if (rc)
		return rc;
	if (!n)
		return fault_set(r->fault, EINVAL, "result: %s/predictions is empty", at);
	if (rows_find(r->result, "accuracy", "accuracy") ||
		rows_find(r->result, "accuracy", "agreement"))
		return fault_set(r->fault, EINVAL, "result: %s: phase accuracy twice", at);
	rc = read_list(phase, at, "labels", n, &right, r->fault);
	if (!rc)
		rc = read_list(phase, at, "logits", n, &logits, r->fault);
	if (!rc && right)
		rc = add_accuracy(r, said, right, n);
	if (!rc && right && asked->accuracy.f1)
		rc = add_f1(r, said, right, n, asked);
	return rc ? rc : add_reference(r, json_object_get(phase, "reference"), at, said, logits, n);
}

void phase_accuracy_keep(json_t *phase)
{
	json_t *reference = json_object_get(phase, "reference");

	json_object_del(phase, "logits");
	if (!json_is_object(reference))
		return;
	reference = json_copy(reference);
	json_object_del(reference, "predictions");
	json_object_del(reference, "logits");
	json_object_set_new(phase, "reference", reference);
}
