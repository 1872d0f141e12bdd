/*
 * Reading a JSON document strictly: each value is asked for by key with its type and range, each
 * mistake is named by JSON pointer, and unknown keys are refused with the list of known ones. Pure.
 *
 * Readers leave *out untouched when the key is absent or null, so the default stands. They return
 * 0, -EINVAL with *e filled, or -ENOMEM.
 */
#ifndef HILDA_PROTOCOLS_JOB_DOC_H
#define HILDA_PROTOCOLS_JOB_DOC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/job/job.h"

/* A place in the document, on the stack: a step below `up`, which is NULL at the root. */
struct doc_at {
	const struct doc_at *up;
	const char *key; /* NULL: an array's element */
	size_t index;
};

#define DOC_ROOT ((struct doc_at){NULL, NULL, 0})
#define DOC_KEY(at, key_) ((struct doc_at){(at), (key_), 0})
#define DOC_INDEX(at, index_) ((struct doc_at){(at), NULL, (index_)})

int doc_fail(struct job_error *e, const struct doc_at *at, const char *const *known,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
int doc_no_memory(struct job_error *e);

/* value is an object with none but the known keys (NULL: any). */
int doc_object(const json_t *value, const struct doc_at *at, const char *const *known,
	struct job_error *e);
/* obj's member is an object; *out is borrowed. */
int doc_member(const json_t *obj, const struct doc_at *at, const char *key,
	const char *const *known, json_t **out, struct job_error *e);
/* *out is borrowed. */
int doc_array(const json_t *obj, const struct doc_at *at, const char *key, size_t max, json_t **out,
	struct job_error *e);

/* One line of text, 1..max bytes, no control characters; *out is malloc'd, the old one freed. */
int doc_text_of(
	const json_t *value, const struct doc_at *at, size_t max, char **out, struct job_error *e);
int doc_text(const json_t *obj, const struct doc_at *at, const char *key, size_t max, char **out,
	struct job_error *e);
/* Letters, digits and `. _ + : -` only, at most JOB_WORD_MAX. */
int doc_word_of(const json_t *value, const struct doc_at *at, char **out, struct job_error *e);
int doc_word(const json_t *obj, const struct doc_at *at, const char *key, char **out,
	struct job_error *e);
bool doc_is_word(const char *text);

int doc_u32(const json_t *obj, const struct doc_at *at, const char *key, uint32_t min, uint32_t max,
	uint32_t *out, struct job_error *e);
int doc_f64(const json_t *obj, const struct doc_at *at, const char *key, double min, double max,
	double *out, struct job_error *e);
int doc_bool(const json_t *obj, const struct doc_at *at, const char *key, bool *out,
	struct job_error *e);
/* names ends with NULL; *out is the index. */
int doc_choice(const json_t *obj, const struct doc_at *at, const char *key,
	const char *const *names, int *out, struct job_error *e);
/* "sha256:" and 64 lower-case digits; *found says whether there was one. */
int doc_sha256(const json_t *obj, const struct doc_at *at, const char *key, char out[65],
	bool *found, struct job_error *e);

#endif
