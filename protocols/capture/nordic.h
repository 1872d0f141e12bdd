/*
 * The files inside a `.ppk2`, which Nordic's Power Profiler app opens: a deflate zip with session.raw,
 * metadata.json and minimap.raw at its root. Here are the bytes of the three; the caller zips.
 * Fed with blocks in order; one thread for each; about 300 KB; calls wait for the sink only.
 *
 * session.raw: 6 bytes for each 10 us: float32 little-endian uA (no negatives), u16 big-endian with two
 * bits for each channel, D0 lowest (01 low, 10 high). What was lost or is invalid: NaN, bits 0.
 */
#ifndef HILDA_PROTOCOLS_CAPTURE_NORDIC_H
#define HILDA_PROTOCOLS_CAPTURE_NORDIC_H

#include <stddef.h>
#include <stdint.h>

#include "protocols/ppk2/sample.h"
#include "protocols/ppk2/stream.h"

#define NORDIC_SAMPLE_BYTES 6
#define NORDIC_METADATA_BYTES 160

/* Its error ends the call and is returned. */
typedef int (*nordic_sink_fn)(void *arg, const void *bytes, size_t n);

struct nordic;

/* converter is copied. sink takes session.raw, which starts at index 0. -ENOMEM. */
int nordic_new(const struct ppk2_converter *converter, nordic_sink_fn sink, void *arg,
	struct nordic **out);
void nordic_free(struct nordic *n); /* accepts NULL */
/* Also what was lost since the block before. */
int nordic_write(struct nordic *n, const struct ppk2_block *block);
/* minimap.raw, when all blocks are written. */
int nordic_minimap(const struct nordic *n, nordic_sink_fn sink, void *arg);
/* metadata.json; its length. */
size_t nordic_metadata(int64_t started_at_ms, char out[NORDIC_METADATA_BYTES]);

#endif
