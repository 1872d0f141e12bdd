/*
 * Whether a data folder, or a backup of one, is whole: the database by SQLite's own check, artifacts by
 * their hashes, logs and captures as far as they are committed. Changes nothing; its server may be at work.
 * One thread; reads every byte.
 */
#ifndef HILDA_SERVER_BACKUP_CHECK_H
#define HILDA_SERVER_BACKUP_CHECK_H

#include <stdint.h>
#include <stdio.h>

#include "common/fault.h"

struct check_counts {
	uint64_t artifacts, logs, captures;
	uint64_t problems;
	uint64_t orphans; /* files that nobody counts on: named, no problem */
};

/* A line on `out` for each problem. An error only when it could not be looked at. */
int check_folder(const char *data, FILE *out, struct check_counts *counts, struct fault *f);

#endif
