/* Members of the server's JSON, with a stand-in where they are absent or of another type. Pure. */
#ifndef HILDA_CLI_GET_H
#define HILDA_CLI_GET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* "" when absent; the text belongs to obj. */
const char *get_text(const json_t *obj, const char *key);
/* NULL when absent or "". */
const char *get_text_or_null(const json_t *obj, const char *key);
/* 0 when absent. */
int64_t get_i64(const json_t *obj, const char *key);
/* NaN when absent. */
double get_f64(const json_t *obj, const char *key);
bool get_bool(const json_t *obj, const char *key);

#endif
