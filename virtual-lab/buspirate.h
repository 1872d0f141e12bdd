/*
 * A Bus Pirate's binary modes, as far as OpenOCD's `buspirate` driver goes: BBIO1, OCD1 (JTAG) and
 * RAW1 (serial wire). Bytes in, bytes out, no I/O. One thread; a call may wait as long as the
 * target does.
 *
 * OCD1: 01 mode, 02 feature state (no reply), 03 (ten bytes), 05 hi lo (tdi tms)* -> the header and
 * the TDO bytes, 07 speed AA 55 -> 07 speed, 08 hi lo (no reply), 00 -> BBIO1.
 * RAW1: 1n + n+1 bytes -> n+2 times 01; 2n: n+1 clocks -> 01; 06 -> a byte read; 07 -> a bit;
 * 4x 6x 8x -> 01; 00 -> BBIO1. 0F in BBIO1 ends.
 */
#ifndef HILDA_VIRTUAL_LAB_BUSPIRATE_H
#define HILDA_VIRTUAL_LAB_BUSPIRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jtag;
struct swd;

enum buspirate_mode { BUSPIRATE_TERMINAL, BUSPIRATE_BBIO, BUSPIRATE_OCD, BUSPIRATE_RAW };

#define BUSPIRATE_MAX_BITS 0xffff
#define BUSPIRATE_COMMAND_BYTES (3 + 2 * (BUSPIRATE_MAX_BITS / 8 + 1))
/* The most that one command is answered. */
#define BUSPIRATE_REPLY_BYTES (3 + BUSPIRATE_MAX_BITS / 8 + 1)

struct buspirate {
	struct jtag *jtag;
	struct swd *swd;
	enum buspirate_mode mode;
	bool powered; /* the target: without power its outputs stay low */
	unsigned zeros;
	size_t n; /* of the command gathered so far */
	uint8_t command[BUSPIRATE_COMMAND_BYTES];
};

void buspirate_init(struct buspirate *b, struct jtag *jtag, struct swd *swd);
/* As after plugging in. */
void buspirate_reset(struct buspirate *b);
/*
 * Takes bytes until one command has been done or all are used. *used says how many; returns how
 * many reply bytes stand in reply (BUSPIRATE_REPLY_BYTES of room).
 */
size_t buspirate_take(
	struct buspirate *b, const uint8_t *data, size_t n, size_t *used, uint8_t *reply);

#endif
