/*
 * A `.ppk2` that Nordic's Power Profiler app opens (instruments/nordic_zip.h), zipped by libarchive
 * into a file. A failed one leaves nothing behind. One thread; calls wait for the disk.
 */
#ifndef HILDA_CLI_PPK2_ARCHIVE_H
#define HILDA_CLI_PPK2_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fault.h"
#include "protocols/ppk2/sample.h"
#include "protocols/ppk2/stream.h"

struct ppk2_archive;

/* samples: how many the time line has, lost ones included. */
int ppk2_archive_new(const char *path, const struct ppk2_converter *converter,
	int64_t started_at_ms, uint64_t samples, struct ppk2_archive **out, struct fault *f);
void ppk2_archive_give(struct ppk2_archive *a, const struct ppk2_block *block);
/* Frees it in any case. keep: all samples were given; otherwise no file is left. */
int ppk2_archive_end(struct ppk2_archive *a, bool keep, struct fault *f);

#endif
