/*
 * JSON text written straight into a buffer: commas, quoting and escapes; JSON that is text already is
 * spliced in. Errors stick: look at rc once at the end. One thread.
 */
#ifndef HILDA_SERVER_STORE_JSON_OUT_H
#define HILDA_SERVER_STORE_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"

struct json_out {
	struct buffer *b;
	int rc;
	bool comma; /* the next element needs one in front */
};

#define JSON_OUT(buffer) ((struct json_out){.b = (buffer)})

/* '{' or '[', and their ends. */
void jo_open(struct json_out *o, char bracket);
void jo_close(struct json_out *o, char bracket);
/* The name must need no escapes. */
void jo_key(struct json_out *o, const char *name);
void jo_key_any(struct json_out *o, const char *name); /* with escapes */

void jo_text(struct json_out *o, const char *text); /* NULL: null */
void jo_int(struct json_out *o, int64_t value);
void jo_number(struct json_out *o, double value); /* not finite: null */
void jo_bool(struct json_out *o, bool value);
void jo_null(struct json_out *o);
void jo_time(struct json_out *o, int64_t wall_ms); /* RFC 3339 */
void jo_splice(struct json_out *o, const char *json, size_t n);

/* Key and value at once. */
void jo_put_text(struct json_out *o, const char *key, const char *text);
void jo_put_int(struct json_out *o, const char *key, int64_t value);
void jo_put_bool(struct json_out *o, const char *key, bool value);
void jo_put_number(struct json_out *o, const char *key, double value);
void jo_put_null(struct json_out *o, const char *key);
/* "" or NULL: null. */
void jo_put_splice(struct json_out *o, const char *key, const char *json);

#endif
