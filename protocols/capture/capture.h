/*
 * The file of a capture: what a PPK2 sent, compressed, in an order that can be appended to and read
 * from the front while it grows. Pure but for zstd; one thread for each writer or reader, each of which
 * takes about 1 MB. docs/wire.md has the bytes. Blocks hold up to 65,536 samples as byte planes (ADC low, ADC high, range, logic; the
 * counter follows from the index), zstd level 1, with the gaps and invalid spans that fall into them
 * and a CRC-32: the round trip is exact, counters included.
 */
#ifndef HILDA_PROTOCOLS_CAPTURE_CAPTURE_H
#define HILDA_PROTOCOLS_CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"
#include "protocols/ppk2/command.h"
#include "protocols/ppk2/metadata.h"
#include "protocols/ppk2/stream.h"

#define CAPTURE_BLOCK_SAMPLES 65536
#define CAPTURE_SERIAL_BYTES 64
#define CAPTURE_RECORD_MAX_BYTES (1 << 20)
#define CAPTURE_SPANS_MAX \
	4096 /* gaps, invalid spans, odd counters of one block: then it ends early */

struct capture_header {
	char serial[CAPTURE_SERIAL_BYTES];
	enum ppk2_mode mode;
	uint32_t voltage_mV;
	int64_t started_at_ms; /* Unix time */
	bool is_virtual;
	size_t metadata_bytes;
	char metadata[PPK2_METADATA_MAX_BYTES]; /* as the unit printed it */
};

/* Called with whole records, in order. Its error ends the writer's call. */
typedef int (*capture_sink_fn)(void *arg, const void *bytes, size_t n);

struct capture_writer;

/* Gives the header. -EINVAL: the metadata is no text or too long; -ENOMEM; the sink's. */
int capture_writer_new(const struct capture_header *header, capture_sink_fn sink, void *arg,
	struct capture_writer **out);
/* -EINVAL: the block does not follow on the one before. An error stays: the writer is done. */
int capture_write(struct capture_writer *w, const struct ppk2_block *block);
/* The last block and the end record: how many samples, what was lost. */
int capture_writer_end(struct capture_writer *w, int64_t host_us);
void capture_writer_free(struct capture_writer *w); /* accepts NULL */

enum capture_record_kind { CAPTURE_HEADER = 1, CAPTURE_BLOCK = 2, CAPTURE_END = 3 };

struct capture_span {
	uint32_t at; /* in the block's words */
	uint32_t n;  /* lost right before that word, or invalid from there on */
};

struct capture_record {
	enum capture_record_kind kind;
	size_t bytes;			 /* of the whole record in the file */
	struct capture_header header;	 /* CAPTURE_HEADER */
	uint64_t index;			 /* CAPTURE_BLOCK: of the first word */
	uint64_t samples, lost, invalid; /* CAPTURE_END: totals; CAPTURE_BLOCK: its own */
	int64_t host_us;		 /* CAPTURE_END: the capture's length by the host's clock */
};

struct capture_reader; /* buffers for decoding one block */

int capture_reader_new(struct capture_reader **out);
void capture_reader_free(struct capture_reader *r); /* accepts NULL */
/*
 * The record at the front of data: 1; 0: more bytes are needed (a file that still grows, or is cut);
 * -EBADMSG with a fault: not ours, damaged, or over a limit. A block's words, gaps and invalid spans
 * are the reader's until the next call.
 */
int capture_read(struct capture_reader *r, const void *data, size_t n, struct capture_record *out,
	struct fault *f);
const uint32_t *capture_words(const struct capture_reader *r, size_t *n);
const struct capture_span *capture_gaps(const struct capture_reader *r, size_t *n);
const struct capture_span *capture_invalid(const struct capture_reader *r, size_t *n);
/* The block just read, given as the stream once gave it. */
void capture_replay(const struct capture_reader *r, ppk2_block_fn give, void *arg);

#endif
