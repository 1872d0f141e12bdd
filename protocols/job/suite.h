/*
 * The suite document: a matrix of values that expands into cells, one job each.
 *
 *	{ "name": "nightly", "vars": {"out": "build/firmware"},
 *	  "matrix": {"board": ["mps3-an547", "microbit"], "quant": ["int8", "int4"]},
 *	  "exclude": [{"board": "microbit", "quant": "int4"}], "include": [],
 *	  "where": [{"matrix": {"board": "microbit"}, "vars": {"out": "build/small"}}],
 *	  "build": "make -C firmware BOARD=${board} QUANT=${quant}",
 *	  "image": "${out}/${board}/${quant}.elf", "files": {"samples.bin": "data/${task}.bin"},
 *	  "job": {"name": "${quant} on ${board}", "board": {"type": "${board}"}} }
 *
 * `${x}` is replaced in every text of job, and in build and image; a text that is nothing but `${x}`
 * takes the value's type (a number stays one); `$${` stands for `${`. vars are defaults that the
 * caller may override; their texts may hold variables, too. exclude drops each cell that has all the values of an entry (a list means
 * any of them); include adds cells, each naming every variable of the matrix; where gives vars other
 * values in the cells that have all the values of its matrix (the last one that fits counts). Each job gets a label
 * for each variable of the matrix and `suite`, unless it has one, and a name when it has none. files are
 * paths of what lies beside the image, by name. A file or label that comes out empty is left out of its
 * cell: where can give a cell one, or none.
 *
 * artifacts gives the hashes of files by their paths (as image and files are after substitution); a path may
 * also be a hash itself. A server that runs a suite needs all of them.
 *
 * keep {"runs": 30, "days": 90} is for the server: the newest finished runs of the suite that are kept, and how long
 * after their end; either may be missing, which is no limit. Without keep the server's own settings count.
 *
 * Pure: no I/O, any thread. A suite owns everything it points to.
 */
#ifndef HILDA_PROTOCOLS_JOB_SUITE_H
#define HILDA_PROTOCOLS_JOB_SUITE_H

#include <jansson.h>
#include <stddef.h>

#include "protocols/job/job.h"

#define SUITE_CELLS_MAX 2000
#define SUITE_VARIABLES_MAX 16
#define SUITE_VALUES_MAX 256
#define SUITE_ENTRIES_MAX 256
#define SUITE_ARTIFACTS_MAX 4000
#define SUITE_TEXT_MAX 4096 /* build and image, after substitution too */
#define SUITE_KEEP_RUNS_MAX 100000
#define SUITE_KEEP_DAYS_MAX 36500
#define SUITE_DOCUMENT_MAX_BYTES (1024 * 1024)

struct suite_cell {
	char *title;		 /* the values, joined by spaces */
	struct job_pair *values; /* one for each variable of the matrix, in its order */
	size_t n_values;
	char *build;		/* NULL: nothing to build */
	char *image;		/* path */
	struct job_pair *files; /* name and path */
	size_t n_files;
	json_t *job; /* the document, all but `image` and `files`, which the caller sets to the hashes */
};

struct suite {
	char *name;
	struct suite_cell *cells; /* the first variable of the matrix changes slowest */
	size_t n_cells;
	json_t *artifacts;	       /* hashes by path; NULL: none */
	bool keep;		       /* it has a rule of its own: */
	uint32_t keep_runs, keep_days; /* 0: no limit */
};

/*
 * Every job is checked as job_parse and job_check_criteria do, so that nothing is built for a
 * document with a mistake. overrides: n pairs that replace values of vars. 0, -EINVAL, -ENOMEM.
 */
int suite_parse(const json_t *doc, const struct job_pair *overrides, size_t n_overrides,
	struct suite **out, struct job_error *e);
void suite_free(struct suite *suite); /* accepts NULL */
void suite_freep(struct suite **suite);

/* NULL when there is no such variable. */
const char *suite_cell_value(const struct suite_cell *cell, const char *variable);

/* 64 hexadecimal digits, where the document has the hash of that file (or it is one); otherwise NULL. */
const char *suite_artifact(const struct suite *suite, const char *path);

/*
 * The cell's document with the hashes of its image and files, which `hash` gives by path (64 hexadecimal digits). A
 * new reference, or NULL when out of memory.
 */
json_t *suite_cell_document(const struct suite_cell *cell,
	const char *(*hash)(const void *arg, const char *path), const void *arg);

#endif
