/*
 * Values out of a result document, with the JSON pointer in the fault when one is not what it must be.
 * Private to server/results.
 */
#ifndef HILDA_SERVER_RESULTS_DOCUMENT_H
#define HILDA_SERVER_RESULTS_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"

#define DOCUMENT_COUNT_MAX (INT64_C(1) << 53) /* doubles hold these exactly */

/* Absent: *out is left alone and 0 returned, unless needed. `at` is the object's own pointer. */
int document_text(const json_t *o, const char *at, const char *key, bool needed, char *out,
	size_t room, struct fault *f);
/* An integer in [0, 2^53]. */
int document_count(const json_t *o, const char *at, const char *key, bool needed, int64_t *out,
	struct fault *f);
/* An array of finite numbers, malloc'd; *n is 0 and *out NULL when absent. */
int document_numbers(const json_t *o, const char *at, const char *key, bool needed, double **out,
	size_t *n, struct fault *f);
int document_time(const json_t *o, const char *at, const char *key, int64_t *out, struct fault *f);
/* Compact text of a member, or NULL when absent; -ENOMEM. */
int document_part(const json_t *o, const char *key, char **out, struct fault *f);

#endif
