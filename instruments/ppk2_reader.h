/*
 * The thread that empties a PPK2's data port into a ring: a tty holds 10 ms of samples, the ring
 * seconds, so that whoever works on them may be late. One thread takes; it owns the reader. When the
 * ring is full what comes is dropped and counted until the ring has been emptied: never silently.
 */
#ifndef HILDA_INSTRUMENTS_PPK2_READER_H
#define HILDA_INSTRUMENTS_PPK2_READER_H

#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/fault.h"
#include "instruments/console.h"

#define PPK2_READER_RING_BYTES (2u << 20)    /* 5.2 s */
#define PPK2_READER_GATHER_BYTES (16u << 10) /* 41 ms: the taker is woken for so much */
#define PPK2_READER_SILENCE_MS 1000	     /* nothing for so long: it does not stream */

struct ppk2_piece {
	const uint8_t *bytes; /* in the ring, until ppk2_reader_took */
	size_t n;
	uint64_t dropped_before; /* bytes, right before these */
	int64_t arrived_ns;	 /* when the last byte of the piece was read; 0: more follow it */
};

struct ppk2_reader;

/* The console is read by this thread only from now until ppk2_reader_stop; it stays the caller's. */
int ppk2_reader_start(
	struct console *c, const struct clock *clock, struct ppk2_reader **out, struct fault *f);
/*
 * Until PPK2_READER_GATHER_BYTES are there, or the deadline with fewer (0). -ETIMEDOUT: none came;
 * -ECANCELED; -ENODEV: the port is gone; -ENODATA: it has fallen silent. What came before is given.
 */
int ppk2_reader_wait(struct ppk2_reader *r, int64_t deadline_ns, int cancel_fd, struct fault *f);
/* What is there now, n = 0 for nothing; a piece ends where the ring does. */
void ppk2_reader_take(struct ppk2_reader *r, struct ppk2_piece *out);
void ppk2_reader_took(struct ppk2_reader *r, const struct ppk2_piece *piece);
/* Bytes dropped since the start, told or not. */
uint64_t ppk2_reader_dropped(struct ppk2_reader *r);
/* Ends the thread; what is in the ring can still be taken. */
void ppk2_reader_stop(struct ppk2_reader *r);
void ppk2_reader_free(struct ppk2_reader *r); /* stops it; accepts NULL */

#endif
