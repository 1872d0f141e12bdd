/* A result computed from a job and a document, and its rows. */
#ifndef HILDA_TESTS_RESULTS_COMPUTED_H
#define HILDA_TESTS_RESULTS_COMPUTED_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/results/results.h"

#define IMAGE "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static inline struct job *make_job(const char *rest)
{
	struct job_error e = {0};
	struct job *job = NULL;
	json_t *doc;
	char *text;

	assert_true(asprintf(&text,
			    "{\"name\":\"t\",\"board\":{\"type\":\"x\"},\"image\":\"" IMAGE
			    "\",\"phases\":{\"cold\":{\"boots\":8},\"warm\":{\"iterations\":400},"
			    "\"memory\":true}%s}",
			    rest) > 0);
	doc = json_loads(text, 0, NULL);
	assert_non_null(doc);
	if (job_parse(doc, &job, &e))
		fail_msg("%s: %s", e.pointer, e.fault.text);
	json_decref(doc);
	free(text);
	return job;
}

static inline int compute(const char *job_rest, const char *document, bool is_virtual,
	struct result **out, struct fault *f)
{
	_cleanup_(job_freep) struct job *job = make_job(job_rest);
	struct result_context c = {.job = job, .is_virtual = is_virtual};
	json_error_t e;
	json_t *doc = json_loads(document, 0, &e);
	int rc;

	if (!doc)
		fail_msg("%s in %s", e.text, document);
	rc = results_compute(doc, &c, out, f);
	json_decref(doc);
	return rc;
}

static inline struct result *computed(const char *job_rest, const char *document, bool is_virtual)
{
	struct fault f = {0};
	struct result *r = NULL;

	if (compute(job_rest, document, is_virtual, &r, &f))
		fail_msg("%s", f.text);
	return r;
}

static inline const struct metric_row *row(
	const struct result *r, const char *phase, const char *metric, int64_t boot)
{
	for (size_t i = 0; i < r->n_metrics; i++) {
		const struct metric_row *m = &r->metrics[i];

		if (!strcmp(m->phase, phase) && !strcmp(m->metric, metric) && m->boot == boot)
			return m;
	}
	fail_msg("no row %s.%s of boot %lld", phase, metric, (long long)boot);
	return NULL;
}

static inline bool has(const struct result *r, const char *phase, const char *metric)
{
	for (size_t i = 0; i < r->n_metrics; i++) {
		if (!strcmp(r->metrics[i].phase, phase) && !strcmp(r->metrics[i].metric, metric))
			return true;
	}
	return false;
}

static inline void near(double a, double b)
{
	if (!(fabs(a - b) <= 1e-9 * fmax(1, fabs(b))))
		fail_msg("%.17g is not %.17g", a, b);
}

#endif
