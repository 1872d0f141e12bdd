/*
 * What a board printed, made fit to be shown: UTF-8 text stays; control bytes (but line feed and
 * tab), C1 controls, bidirectional controls and bytes that are no UTF-8 become \xNN; a carriage return
 * before a line feed goes. Pure.
 */
#ifndef HILDA_SERVER_LOGS_ESCAPE_H
#define HILDA_SERVER_LOGS_ESCAPE_H

#include <stddef.h>

#include "common/buffer.h"

int log_escape(struct buffer *out, const char *bytes, size_t n);
/* The same as the inside of a JSON string. */
int log_escape_json(struct buffer *out, const char *bytes, size_t n);

#endif
