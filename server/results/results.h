/*
 * A run's result document turned into rows: metrics with their statistics and intervals, the samples
 * they came from, and the final outcome after the job's criteria. Pure: no I/O, any thread. The caller
 * owns the result; its strings live as long.
 *
 * What each number means: docs of measurement; every formula stands beside its code.
 */
#ifndef HILDA_SERVER_RESULTS_RESULTS_H
#define HILDA_SERVER_RESULTS_RESULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"
#include "protocols/job/job.h"

#define RESULT_BOOT_ALL (-1)	   /* a row over all boots */
#define RESULT_METRICS_MAX 4096	   /* rows of one run */
#define RESULT_SAMPLES_MAX 1000000 /* values of one run */

/* NaN: blank. */
struct metric_row {
	char phase[METRIC_PHASE_BYTES];
	char metric[METRIC_NAME_BYTES];
	char unit[32];
	int64_t boot; /* or RESULT_BOOT_ALL */
	int64_t n;
	double value; /* single numbers; for distributions the median where it can be, else blank */
	double min, max, mean, sd;
	double p50, p50_lo, p50_hi;
	double p95, p95_lo, p95_hi;
	double p99, p99_lo, p99_hi;
	double lag1;
	int64_t distinct; /* -1: blank */
	char note[128];
	double *samples; /* kept ones, n of them, in order; NULL: none kept in this row */
};

struct result {
	char result_id[65];
	enum outcome outcome; /* final: after criteria */
	enum stage stage;
	char detail[1024];
	bool handed_back; /* the agent was stopped: no fault of the job or its board */
	int64_t started_ms, finished_ms; /* wall clock of the agent; 0: absent */
	struct metric_row *metrics;
	size_t n_metrics;
	/* The parts of the document that are kept as they are, as JSON text; NULL: absent. */
	char *stages, *timer, *device, *model, *clock, *footprint, *fault, *provenance, *phases;
	char *energy, *batches;	   /* the energy without its batches, and these */
	const char *energy_source; /* "measured", "modelled"; NULL: no energy */
	char energy_why[256];	   /* why there are no numbers of energy; "": there are */
};

struct result_context {
	const struct job *job;
	bool is_virtual;
	bool exec;
};

/* -EINVAL with the JSON pointer of what is wrong. */
int results_compute(const json_t *document, const struct result_context *c, struct result **out,
	struct fault *f);
/* The JSON pointer that a fault of results_compute names; false: it names none, or it has no room. */
bool results_pointer(const struct fault *f, char *out, size_t room);
void result_free(struct result *r);

#endif
