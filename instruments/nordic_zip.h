/*
 * A `.ppk2` that Nordic's Power Profiler app opens: the three files of protocols/capture/nordic.h,
 * deflated into a zip by libarchive, which goes to a sink while it is made (sizes stand behind each
 * file). One thread; about 300 KB; calls wait for the sink only.
 */
#ifndef HILDA_INSTRUMENTS_NORDIC_ZIP_H
#define HILDA_INSTRUMENTS_NORDIC_ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "protocols/ppk2/sample.h"
#include "protocols/ppk2/stream.h"

struct nordic_zip;

/* Its -errno ends the zip and is returned by the call that met it and by all that follow. */
typedef int (*nordic_zip_fn)(void *arg, const void *bytes, size_t n);

/* Nothing is written yet. converter is copied; samples: of the time line, lost ones included. -ENOMEM. */
int nordic_zip_new(const struct ppk2_converter *converter, int64_t started_at_ms, uint64_t samples,
	nordic_zip_fn sink, void *arg, struct nordic_zip **out);
/* In order; also what was lost since the block before. */
int nordic_zip_write(struct nordic_zip *z, const struct ppk2_block *block);
/* The small files and the directory, when all samples are written. */
int nordic_zip_end(struct nordic_zip *z);
/* One that was not ended hands nothing more to the sink. Accepts NULL. */
void nordic_zip_free(struct nordic_zip *z);

#endif
