/*
 * Samples from files: what a PPK2's data port sent, with the text of its calibration, or a capture.
 * Read from the front in pieces, once or again; memory does not grow with the file. One thread.
 */
#ifndef HILDA_CLI_PPK2_SOURCE_H
#define HILDA_CLI_PPK2_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/exit_codes.h"
#include "common/fault.h"
#include "protocols/ppk2/sample.h"
#include "protocols/ppk2/stream.h"

struct ppk2_source {
	const char *path;
	int fd;
	bool is_capture, ran;
	struct ppk2_converter converter; /* of a capture: when it was run */
	int64_t started_at_ms;
};

struct ppk2_totals {
	uint64_t received, lost, invalid, clipped, skipped_bytes;
	uint64_t end; /* index behind the last sample */
	bool cut;     /* a capture without its end: it still grows, or was cut */
};

/* voltage_mV: what was set, or in ampere mode what supplied the board. */
enum exit_code ppk2_source_open_raw(const char *path, const char *metadata_path,
	uint32_t voltage_mV, struct ppk2_source *out, struct fault *f);
/* Reads the header. */
enum exit_code ppk2_source_open_capture(const char *path, struct ppk2_source *out, struct fault *f);
void ppk2_source_close(struct ppk2_source *s);

/*
 * All samples from the start; what stands before damage is given before the fault is told. A file
 * without a sample is a fault that says why.
 */
enum exit_code ppk2_source_run(struct ppk2_source *s, ppk2_block_fn give, void *arg,
	struct ppk2_totals *totals, struct fault *f);

#endif
