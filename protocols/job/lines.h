/*
 * The `lines` part of a job document: regular expressions for firmware that prints its
 * own text. Pure; part of a struct job. docs/wire.md says what the agent does with them.
 */
#ifndef HILDA_PROTOCOLS_JOB_LINES_H
#define HILDA_PROTOCOLS_JOB_LINES_H

#include "protocols/job/doc.h"

/* Fills job->lines; refuses `lines` for a job of another protocol. */
int job_lines_read(
	const json_t *doc, const struct doc_at *root, struct job *job, struct job_error *e);
void job_lines_done(struct job_lines *lines);
/* NULL when no pattern gives this metric. */
const struct job_pattern *job_lines_find(const struct job_lines *lines, const char *metric);
/* New reference or NULL. */
json_t *job_lines_print(const struct job_lines *lines);

#endif
