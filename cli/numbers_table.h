/*
 * A run's numbers as tables for people. What was measured and what was emulated never share a
 * table: an emulated run shows its count of instructions and no quantiles. Pure but for the output.
 */
#ifndef HILDA_CLI_NUMBERS_TABLE_H
#define HILDA_CLI_NUMBERS_TABLE_H

#include <jansson.h>
#include <stdio.h>

struct numbers_table;

/* title_head names the first column ("CELL"); NULL: there is none (a single run). */
struct numbers_table *numbers_table_new(const char *title_head);
void numbers_table_free(struct numbers_table *t); /* accepts NULL */
void numbers_table_freep(struct numbers_table **t);

/* Adds all metrics over all boots of a run, as GET /runs/{id} gives it. */
void numbers_table_add(struct numbers_table *t, const char *title, const json_t *run);

/* The parts that have rows, each with its headline. */
void numbers_table_print(const struct numbers_table *t, FILE *out);

#endif
