#include "virtual-lab/buspirate.h"

#include <string.h>

#include "virtual-lab/jtag.h"
#include "virtual-lab/swd.h"

#define ZEROS_TO_BBIO 20

void buspirate_init(struct buspirate *b, struct jtag *jtag, struct swd *swd)
{
	b->jtag = jtag;
	b->swd = swd;
	b->powered = true;
	buspirate_reset(b);
}

void buspirate_reset(struct buspirate *b)
{
	b->mode = BUSPIRATE_TERMINAL;
	b->zeros = 0;
	b->n = 0;
}

static size_t say(uint8_t *reply, const char *text)
{
	size_t n = strlen(text);

	memcpy(reply, text, n);
	return n;
}

static size_t enter(struct buspirate *b, enum buspirate_mode mode, uint8_t *reply)
{
	static const char *const banner[] = {"", "BBIO1", "OCD1", "RAW1"};

	b->mode = mode;
	b->zeros = 0;
	return say(reply, banner[mode]);
}

static size_t shift_bytes(const struct buspirate *b)
{
	return ((size_t)(b->command[1] << 8 | b->command[2]) + 7) / 8;
}

/* Length of the command in the buffer, as far as it is known yet. */
static size_t command_bytes(const struct buspirate *b)
{
	uint8_t op = b->command[0];

	if (b->mode == BUSPIRATE_OCD) {
		switch (op) {
		case 0x01:
			return 2;
		case 0x02:
		case 0x08:
			return 3;
		case 0x05:
			return b->n < 3 ? 3 : 3 + 2 * shift_bytes(b);
		case 0x07:
			return 4;
		default:
			return 1;
		}
	}
	if (b->mode == BUSPIRATE_RAW && (op & 0xf0) == 0x10)
		return 2 + (op & 0x0f);
	return 1;
}

static size_t shift(struct buspirate *b, uint8_t *reply)
{
	size_t bits = (size_t)(b->command[1] << 8 | b->command[2]);
	size_t bytes = shift_bytes(b);

	memcpy(reply, b->command, 3);
	for (size_t i = 0; i < bytes; i++) {
		uint8_t tdi = b->command[3 + 2 * i];
		uint8_t tms = b->command[4 + 2 * i];
		size_t n = bits - 8 * i < 8 ? bits - 8 * i : 8;
		unsigned tdo = 0;

		for (size_t k = 0; k < n; k++)
			tdo |= (unsigned)jtag_clock(b->jtag, tms >> k & 1, tdi >> k & 1) << k;
		reply[3 + i] = b->powered ? (uint8_t)tdo : 0;
	}
	return 3 + bytes;
}

static size_t do_ocd(struct buspirate *b, uint8_t *reply)
{
	switch (b->command[0]) {
	case 0x00:
		return enter(b, BUSPIRATE_BBIO, reply);
	case 0x03: /* the four voltages: 3.3 V on the target's supply */
		memcpy(reply, "\x03\x08\x00\x00\x00\x00\x02\x00\x02\x00", 10);
		return 10;
	case 0x05:
		return shift(b, reply);
	case 0x07:
		memcpy(reply, b->command, 2);
		return 2;
	default:
		return 0;
	}
}

static uint8_t raw_read(struct buspirate *b, unsigned bits)
{
	unsigned value = 0;

	for (unsigned k = 0; k < bits; k++)
		value |= (unsigned)swd_clock(b->swd, false) << k;
	return b->powered ? (uint8_t)value : 0;
}

static size_t raw_write(struct buspirate *b, uint8_t *reply)
{
	for (size_t i = 1; i < b->n; i++) {
		for (unsigned k = 0; k < 8; k++)
			swd_clock(b->swd, b->command[i] >> k & 1);
	}
	memset(reply, 0x01, b->n);
	return b->n;
}

static size_t do_raw(struct buspirate *b, uint8_t *reply)
{
	uint8_t op = b->command[0];

	if (op == 0x00)
		return enter(b, BUSPIRATE_BBIO, reply);
	if ((op & 0xf0) == 0x10)
		return raw_write(b, reply);
	if (op == 0x06 || op == 0x07) {
		reply[0] = raw_read(b, op == 0x06 ? 8 : 1);
		return 1;
	}
	if ((op & 0xf0) == 0x20)
		raw_read(b, (op & 0x0f) + 1);
	reply[0] = 0x01;
	return 1;
}

static size_t do_bbio(struct buspirate *b, uint8_t *reply)
{
	switch (b->command[0]) {
	case 0x00:
		return enter(b, BUSPIRATE_BBIO, reply);
	case 0x05:
		return enter(b, BUSPIRATE_RAW, reply);
	case 0x06:
		return enter(b, BUSPIRATE_OCD, reply);
	case 0x0f:
		buspirate_reset(b);
		return 0;
	default:
		return 0;
	}
}

/* The user's terminal: only the way into binary mode is played. */
static size_t do_terminal(struct buspirate *b, uint8_t *reply)
{
	b->zeros = b->command[0] ? 0 : b->zeros + 1;
	return b->zeros >= ZEROS_TO_BBIO ? enter(b, BUSPIRATE_BBIO, reply) : 0;
}

static size_t do_command(struct buspirate *b, uint8_t *reply)
{
	switch (b->mode) {
	case BUSPIRATE_BBIO:
		return do_bbio(b, reply);
	case BUSPIRATE_OCD:
		return do_ocd(b, reply);
	case BUSPIRATE_RAW:
		return do_raw(b, reply);
	default:
		return do_terminal(b, reply);
	}
}

size_t buspirate_take(
	struct buspirate *b, const uint8_t *data, size_t n, size_t *used, uint8_t *reply)
{
	size_t taken = 0;
	size_t replied = 0;

	while (taken < n) {
		size_t want;
		size_t piece;

		if (!b->n)
			b->command[b->n++] = data[taken++];
		want = command_bytes(b);
		piece = want - b->n < n - taken ? want - b->n : n - taken;
		memcpy(b->command + b->n, data + taken, piece);
		b->n += piece;
		taken += piece;
		/* The header may have told that more belongs to the command. */
		if (b->n < want || b->n < command_bytes(b))
			continue;
		replied = do_command(b, reply);
		b->n = 0;
		if (replied)
			break;
	}
	*used = taken;
	return replied;
}
