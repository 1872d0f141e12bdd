/*
 * A log's records as whole lines for people: "seconds stream: text". Records are pieces as they came
 * from the wire, so a line may be spread over several; each stream is put together on its own. One
 * thread; call log_lines_end at the end, or the last unfinished lines are lost.
 */
#ifndef HILDA_CLI_LOG_LINES_H
#define HILDA_CLI_LOG_LINES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/buffer.h"

#define LOG_LINES_STREAMS 4
#define LOG_LINES_MAX_BYTES 16384 /* a longer line is printed in pieces */

struct log_lines {
	FILE *out;
	bool json; /* records as they are, one a line */
	struct {
		char name[16];
		struct buffer text;
		int64_t t_us; /* of the line's first byte */
	} streams[LOG_LINES_STREAMS];
};

void log_lines_init(struct log_lines *l, FILE *out, bool json);
/* An object with t_us, stream and text. */
void log_lines_add(struct log_lines *l, const json_t *record);
void log_lines_end(struct log_lines *l);

#endif
