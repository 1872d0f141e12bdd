/*
 * A table for people: columns as wide as their widest cell, numbers to the right, everything
 * escaped. One thread; the table owns copies of its cells.
 */
#ifndef HILDA_CLI_TABLE_H
#define HILDA_CLI_TABLE_H

#include <stdio.h>

#define TABLE_COLUMNS_MAX 16

struct table;

/* heads are separated by `|`; one that begins with `>` is aligned to the right. */
struct table *table_new(const char *heads);
void table_free(struct table *t); /* accepts NULL */
void table_freep(struct table **t);

/* Cells from left to right, row after row; NULL prints as "-". */
void table_text(struct table *t, const char *text);
void table_format(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Fills the open row with empty cells. */
void table_end_row(struct table *t);

/* Nothing but the head when there are no rows. */
void table_print(const struct table *t, FILE *out);
size_t table_rows(const struct table *t);

#endif
