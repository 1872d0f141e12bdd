/*
 * A configuration file (inih's syntax: [section name], key = value, ; comments), read whole, with
 * line numbers for errors. Keys that nobody asked for are errors: ini_check_used names them.
 * One thread; strings belong to the document.
 */
#ifndef HILDA_COMMON_INI_H
#define HILDA_COMMON_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"

#define INI_MAX_BYTES (256 * 1024)

struct ini;
struct ini_section; /* "[board nucleo-1]" has kind "board" and name "nucleo-1"; "[agent]" has name "" */

int ini_load(const char *path, struct ini **out, struct fault *f);
/* From memory; path is only for messages. */
int ini_from_text(const char *text, const char *path, struct ini **out, struct fault *f);
void ini_free(struct ini *ini);

/* Sections in file order; index from 0; NULL at the end. A section that appears twice is an error; an empty one is not seen. */
struct ini_section *ini_section_at(struct ini *ini, size_t index);
struct ini_section *ini_section_find(struct ini *ini, const char *kind, const char *name);
const char *ini_section_kind(const struct ini_section *s);
const char *ini_section_name(const struct ini_section *s);
int ini_section_line(const struct ini_section *s);
/* The line of a key, or the section's when it is absent. */
int ini_line(const struct ini_section *s, const char *key);

/* NULL when absent; marks the key as used. s may be NULL. */
const char *ini_get(struct ini_section *s, const char *key);
/* These give *out = fallback when the key is absent, and a fault with file, line and key when the value is bad. */
int ini_get_u64(struct ini_section *s, const char *key, uint64_t fallback, uint64_t min,
	uint64_t max, uint64_t *out, struct fault *f);
int ini_get_duration_ms(struct ini_section *s, const char *key, int64_t fallback, int64_t max,
	int64_t *out, struct fault *f);
int ini_get_bool(struct ini_section *s, const char *key, bool fallback, bool *out, struct fault *f);

/* Marks a section as known; -EINVAL with file:line when a section or a key was never asked for. */
void ini_section_use(struct ini_section *s);
int ini_check_used(struct ini *ini, struct fault *f);
/* For a check: all of them are said. How many. */
unsigned ini_say_unused(struct ini *ini, fault_say say, void *arg);
/* A section that was read in part only: its other keys are no problems of their own. */
void ini_section_use_all(struct ini_section *s);
/* The first key of a section that was never asked for, or NULL. */
const char *ini_section_unused(const struct ini_section *s);

#endif
