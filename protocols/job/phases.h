/* The `phases` part of a job document, and what follows from it. Pure; part of a struct job. */
#ifndef HILDA_PROTOCOLS_JOB_PHASES_H
#define HILDA_PROTOCOLS_JOB_PHASES_H

#include "protocols/job/doc.h"

/* Fills job->phases; refuses `phases` for the protocol lines, which has none. */
int job_phases_read(
	const json_t *doc, const struct doc_at *root, struct job *job, struct job_error *e);
/* New reference or NULL. */
json_t *job_phases_print(const struct job_phases *phases);

#endif
