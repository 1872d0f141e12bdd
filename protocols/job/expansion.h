/*
 * A suite's matrix made into cells, each with its texts after substitution and its job checked. Private to suite.c,
 * which has read the document: the parts are there and have their types. Pure; the document and the suite are the
 * caller's.
 */
#ifndef HILDA_PROTOCOLS_JOB_EXPANSION_H
#define HILDA_PROTOCOLS_JOB_EXPANSION_H

#include "protocols/job/doc.h"
#include "protocols/job/suite.h"

struct expansion {
	const json_t *doc;
	json_t *vars; /* with the overrides put in */
	const json_t *matrix;
	json_t *where, *exclude, *include;	/* NULL: none */
	const char *names[SUITE_VARIABLES_MAX]; /* of the matrix, in its order */
	size_t n_names;
	size_t n_cells; /* of the matrix, before exclude */
	struct suite *suite;
	struct job_error *e;
};

/* Fills the suite's cells. 0, -EINVAL or -ENOMEM with *e; what was made so far is the suite's also then. */
int expansion_run(struct expansion *x);

#endif
