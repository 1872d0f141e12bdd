#include "protocols/job/job.h"
#include "protocols/job/doc.h"

#include <string.h>

/* Whether the job runs the phase, and the n that its metrics will have (0: not known before). */
static bool phase_runs(const struct job *job, const char *phase, uint64_t *n)
{
	const struct job_phases *p = &job->phases;

	*n = 0;
	if (!strcmp(phase, "cold")) {
		*n = p->cold.boots;
		return p->cold.run;
	}
	if (!strcmp(phase, "warm")) {
		*n = (uint64_t)p->warm.iterations * p->warm.boots;
		return p->warm.run;
	}
	if (!strcmp(phase, "energy")) {
		*n = p->energy.iterations;
		return p->energy.run;
	}
	if (!strcmp(phase, "accuracy"))
		return p->accuracy.run;
	if (!strcmp(phase, "memory"))
		return p->memory;
	if (!strcmp(phase, "profile"))
		return p->profile;
	if (!strcmp(phase, "sustained"))
		return p->sustained.run;
	return !strcmp(phase, "lines") && job->protocol == JOB_PROTOCOL_LINES;
}

int job_check_criteria(const struct job *job, struct job_error *e)
{
	struct doc_at root = DOC_ROOT, list = DOC_KEY(&root, "criteria");

	for (size_t i = 0; i < job->n_criteria; i++) {
		const struct metric_address *m = &job->criteria[i].metric;
		struct doc_at at = DOC_INDEX(&list, i), here = DOC_KEY(&at, "metric");
		uint32_t needs = metric_quantile_needs(m->stat);
		char address[METRIC_ADDRESS_BYTES];
		uint64_t n;

		metric_format(m, address);
		if (!phase_runs(job, m->phase, &n))
			return doc_fail(e, &here, NULL,
				"%s: this job does not run the phase %s; add it to phases", address,
				m->phase);
		if (n && n < needs)
			return doc_fail(e, &here, NULL,
				"%s: %s needs n >= %u to have a 95 %% interval, and %s gives n = "
				"%llu; raise it or judge another statistic",
				address, metric_stat_name(m->stat), needs, m->phase,
				(unsigned long long)n);
	}
	return 0;
}
