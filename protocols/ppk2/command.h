/*
 * What a Power Profiler Kit II is told: the six commands that are known to be harmless, both ways
 * (the agent sends them, the virtual unit reads them). Pure; any thread. Source of the opcodes:
 * public host implementations; others may write the unit's EEPROM and are never sent.
 */
#ifndef HILDA_PROTOCOLS_PPK2_COMMAND_H
#define HILDA_PROTOCOLS_PPK2_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#define PPK2_COMMAND_BYTES 3
#define PPK2_VOLTAGE_MIN_MV 800
#define PPK2_VOLTAGE_MAX_MV 5000

enum ppk2_op {
	PPK2_AVERAGE_START = 0x06,
	PPK2_AVERAGE_STOP = 0x07,
	PPK2_DEVICE_RUNNING_SET = 0x0c, /* argument: 0 off, 1 on */
	PPK2_REGULATOR_SET = 0x0d,	/* argument: mV */
	PPK2_SET_POWER_MODE = 0x11,	/* argument: enum ppk2_mode */
	PPK2_GET_META_DATA = 0x19,
	PPK2_RESET = 0x20,
};

enum ppk2_mode { PPK2_AMPERE = 1, PPK2_SOURCE = 2 };

/* How many bytes of out are the command; the argument is ignored where there is none. */
size_t ppk2_command_write(enum ppk2_op op, uint32_t argument, uint8_t out[PPK2_COMMAND_BYTES]);
/* Bytes of the first command, 0 when more are needed, -EBADMSG for an unknown opcode or argument. */
int ppk2_command_read(const uint8_t *data, size_t n, enum ppk2_op *op, uint32_t *argument);

#endif
