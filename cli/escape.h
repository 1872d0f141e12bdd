/*
 * Text that came from a board or another user, made safe for a terminal: control bytes (C0, DEL, C1)
 * and what is not UTF-8 become `\xNN`. Pure.
 */
#ifndef HILDA_CLI_ESCAPE_H
#define HILDA_CLI_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The bytes of the character at text (n > 0 bytes are there): 1 to 4, or 0 when it must be escaped. */
size_t escape_step(const char *text, size_t n);

/* keep_lines lets line feeds and tabs through. */
void escape_print(FILE *out, const char *text, size_t n, bool keep_lines);

/* malloc'd; NULL when out of memory. */
char *escape_text(const char *text);

/* Columns that escaped text takes, one for each character. */
size_t escape_width(const char *text);

#endif
