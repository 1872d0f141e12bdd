#include "protocols/ppk2/command.h"

#include <errno.h>
#include <stdbool.h>

/* Bytes behind the opcode; -1: not one of ours. */
static int argument_bytes(uint8_t op)
{
	switch (op) {
	case PPK2_AVERAGE_START:
	case PPK2_AVERAGE_STOP:
	case PPK2_GET_META_DATA:
	case PPK2_RESET:
		return 0;
	case PPK2_DEVICE_RUNNING_SET:
	case PPK2_SET_POWER_MODE:
		return 1;
	case PPK2_REGULATOR_SET:
		return 2;
	}
	return -1;
}

static bool argument_fits(uint8_t op, uint32_t argument)
{
	switch (op) {
	case PPK2_DEVICE_RUNNING_SET:
		return argument <= 1;
	case PPK2_SET_POWER_MODE:
		return argument == PPK2_AMPERE || argument == PPK2_SOURCE;
	case PPK2_REGULATOR_SET:
		return argument >= PPK2_VOLTAGE_MIN_MV && argument <= PPK2_VOLTAGE_MAX_MV;
	}
	return true;
}

size_t ppk2_command_write(enum ppk2_op op, uint32_t argument, uint8_t out[PPK2_COMMAND_BYTES])
{
	int n = argument_bytes(op);

	if (n < 0)
		return 0;
	out[0] = op;
	if (n == 1) {
		out[1] = (uint8_t)argument;
	} else if (n == 2) {
		out[1] = (uint8_t)(argument >> 8);
		out[2] = (uint8_t)argument;
	}
	return 1 + (size_t)n;
}

int ppk2_command_read(const uint8_t *data, size_t n, enum ppk2_op *op, uint32_t *argument)
{
	uint32_t value = 0;
	int bytes;

	if (!n)
		return 0;
	bytes = argument_bytes(data[0]);
	if (bytes < 0)
		return -EBADMSG;
	if (n < 1 + (size_t)bytes)
		return 0;
	for (int i = 0; i < bytes; i++)
		value = value << 8 | data[1 + i];
	if (!argument_fits(data[0], value))
		return -EBADMSG;
	*op = data[0];
	*argument = value;
	return 1 + bytes;
}
