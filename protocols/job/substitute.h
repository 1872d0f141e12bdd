/* `${name}` in texts and JSON values. Pure. */
#ifndef HILDA_PROTOCOLS_JOB_SUBSTITUTE_H
#define HILDA_PROTOCOLS_JOB_SUBSTITUTE_H

#include "protocols/job/doc.h"

struct substitute_variable {
	const char *name;
	const json_t *value; /* text, number, true or false; borrowed */
};

/*
 * *out is malloc'd. -EINVAL with *e at `at` for an unknown name, an open `${` or a result over
 * max bytes.
 */
int substitute_text(const char *text, const struct substitute_variable *variables, size_t n,
	size_t max, const struct doc_at *at, char **out, struct job_error *e);

/* A deep copy with every text replaced; *out is a new reference. */
int substitute_json(const json_t *value, const struct substitute_variable *variables, size_t n,
	size_t max, const struct doc_at *at, json_t **out, struct job_error *e);

/* A value as text; malloc'd, NULL when out of memory. */
char *substitute_format(const json_t *value);

#endif
