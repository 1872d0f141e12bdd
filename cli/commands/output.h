/* What several commands print. One thread. */
#ifndef HILDA_CLI_COMMANDS_OUTPUT_H
#define HILDA_CLI_COMMANDS_OUTPUT_H

#include <jansson.h>
#include <stdio.h>

#include "cli/session.h"

/* Indented, with a line feed. */
void output_json(const json_t *value);
/* "2026-01-02 03:04:05" of an RFC 3339 text (UTC), or "-"; in a buffer of the caller's. */
const char *output_time(const char *text, char out[32]);
/* A list of texts, joined by spaces; malloc'd. */
char *output_join(const json_t *list);
/* Copies an answer to stdout as it comes; waits up to timeout_ms. */
enum exit_code output_download(
	struct session *s, const char *path, int64_t timeout_ms, struct fault *f);
/* A job and, where there is one, its run with all numbers. */
void output_job(const json_t *job, const json_t *run, FILE *out);

#endif
