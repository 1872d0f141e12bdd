/*
 * Samples as rows of a CSV file (protocols/ppk2/row.h), with the spike filter or without. The file is
 * made with the first sample, so that a stream without one leaves none behind. One thread.
 */
#ifndef HILDA_CLI_PPK2_ROWS_H
#define HILDA_CLI_PPK2_ROWS_H

#include <stdbool.h>
#include <stdio.h>

#include "common/fault.h"
#include "protocols/ppk2/sample.h"
#include "protocols/ppk2/stream.h"

struct ppk2_rows {
	const char *path; /* "-": standard output */
	struct ppk2_converter converter;
	bool filter;
	struct ppk2_filter state;
	FILE *file;
	int error; /* positive errno of the first failure; then nothing more is written */
};

/* path NULL: nothing is written. */
void ppk2_rows_init(
	struct ppk2_rows *r, const char *path, const struct ppk2_converter *converter, bool filter);
void ppk2_rows_give(struct ppk2_rows *r, const struct ppk2_block *block);
/* 0, or -errno with a fault that names the file. */
int ppk2_rows_end(struct ppk2_rows *r, struct fault *f);

#endif
