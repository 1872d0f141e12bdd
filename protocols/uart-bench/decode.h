/*
 * The reading end of the bench protocol: bytes from a UART in any chunking become events, one line
 * each. docs/wire.md section 1 is the format; run.h puts the records of one run together.
 *
 * Pure, no heap, never waits; one thread for each decoder. What an event points to lives in the
 * decoder until the next call.
 */
#ifndef HILDA_UART_BENCH_DECODE_H
#define HILDA_UART_BENCH_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_LINE_MAX 160 /* characters before the line end */
#define BENCH_PAIRS_MAX 48
#define BENCH_BUFFER_BYTES 512 /* boot noise may stand in front of a line */

enum bench_event_kind {
	BENCH_NONE,   /* all bytes are taken, no line is complete */
	BENCH_PLAIN,  /* `m-...`, `e-[...]`, or any other printable text */
	BENCH_READY,  /* `m-ready` */
	BENCH_RECORD, /* `$...` with a right CRC-16 */
	BENCH_DAMAGED,
};

enum bench_damage {
	BENCH_DAMAGE_NONE,
	BENCH_DAMAGE_LONG,  /* over 160 characters */
	BENCH_DAMAGE_CUT,   /* a record without its checksum */
	BENCH_DAMAGE_CRC,   /* a record with a wrong one */
	BENCH_DAMAGE_FORM,  /* right CRC, but not `$T,seq,key=value,...` */
	BENCH_DAMAGE_NOISE, /* bytes that no line of this protocol holds */
};

struct bench_pair {
	const char *key, *value;
};

struct bench_event {
	enum bench_event_kind kind;
	enum bench_damage damage;
	const char
		*text; /* the line without its end, NUL-terminated; of a record from `$` to the CRC;
			     of a damaged line with every unprintable byte as `?` */
	size_t n;      /* characters of text */
	size_t dropped; /* bytes of noise thrown away in front of text */
	/* For a record: */
	char type;
	uint32_t seq;
	struct bench_pair pairs[BENCH_PAIRS_MAX];
	size_t n_pairs;
};

struct bench_decoder {
	char line[BENCH_BUFFER_BYTES + 1];
	char fields[BENCH_LINE_MAX + 1]; /* the record cut into keys and values */
	size_t n;
	size_t dropped;
	bool is_long; /* the line has lost bytes that may have mattered */
};

void bench_decoder_init(struct bench_decoder *d);

/*
 * Takes bytes up to the end of the next line and says how many it took; *ev is that line, or
 * BENCH_NONE when all n were taken without completing one. Call until it returns BENCH_NONE:
 *
 *	while ((used = bench_decoder_feed(&d, data, n, &ev)), ev.kind != BENCH_NONE)
 *		data += used, n -= used;
 */
size_t bench_decoder_feed(
	struct bench_decoder *d, const void *data, size_t n, struct bench_event *ev);

/* "wrong checksum", for messages. */
const char *bench_damage_name(enum bench_damage d);

/* The value of a record's key, or NULL. */
const char *bench_event_get(const struct bench_event *ev, const char *key);

#endif
