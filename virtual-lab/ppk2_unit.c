#include "virtual-lab/ppk2_unit.h"

#include <string.h>

#define VDD_mV 3000
#define HARDWARE 9173

/* Invented, of the size that real units have: nothing in it is a default. */
static const struct ppk2_metadata plugged_in = {
	.c =
		{
			[PPK2_R] = {1007.2941, 101.3872, 10.2716, 0.9583, 0.0547},
			[PPK2_GS] = {0, 104.1187, 16.2093, 2.0731, 0.0688},
			[PPK2_GI] = {1, 0.9713, 0.9652, 0.9547, 0.9601},
			[PPK2_O] = {118.4025, 82.7719, 70.1163, 58.3094, 91.5526},
			[PPK2_S] = {0.000000041, 0.000000563, 0.000004974, 0.000058812,
				0.002731905},
			[PPK2_I] = {-0.000000097, -0.000001381, 0.000031277, -0.000341552,
				-0.008714036},
			[PPK2_UG] = {1, 1.01, 1, 0.99, 1},
		},
	.vdd_mV = VDD_mV,
	.hw = HARDWARE,
	.mode = PPK2_AMPERE,
	.ia = 56,
};

void ppk2_unit_init(struct ppk2_unit *u)
{
	*u = (struct ppk2_unit){.metadata = plugged_in};
}

static enum ppk2_unit_event obey(struct ppk2_unit *u, enum ppk2_op op, uint32_t argument)
{
	switch (op) {
	case PPK2_AVERAGE_START:
		u->streaming = true;
		return PPK2_UNIT_STARTED;
	case PPK2_AVERAGE_STOP:
		u->streaming = false;
		return PPK2_UNIT_STOPPED;
	case PPK2_DEVICE_RUNNING_SET:
		u->running = argument;
		u->engaged = true;
		return PPK2_UNIT_SET;
	case PPK2_REGULATOR_SET:
		u->metadata.vdd_mV = argument;
		return PPK2_UNIT_SET;
	case PPK2_SET_POWER_MODE:
		u->metadata.mode = (enum ppk2_mode)argument;
		return PPK2_UNIT_SET;
	case PPK2_GET_META_DATA:
		return PPK2_UNIT_ASKED;
	case PPK2_RESET:
		ppk2_unit_init(u);
		return PPK2_UNIT_RESET;
	}
	return PPK2_UNIT_NONE;
}

size_t ppk2_unit_feed(
	struct ppk2_unit *u, const uint8_t *data, size_t n, enum ppk2_unit_event *event)
{
	size_t taken = 0;

	*event = PPK2_UNIT_NONE;
	for (;;) {
		enum ppk2_op op = PPK2_AVERAGE_STOP;
		uint32_t argument = 0;
		int used = ppk2_command_read(u->pending, u->n_pending, &op, &argument);

		if (used > 0) {
			u->n_pending = 0;
			*event = obey(u, op, argument);
			return taken;
		}
		/* An opcode that is not known, or a whole command whose argument is out of bounds. */
		if (used < 0)
			u->n_pending = 0;
		if (taken == n)
			return taken;
		u->pending[u->n_pending++] = data[taken++];
	}
}

void ppk2_unit_closed(struct ppk2_unit *u)
{
	u->running = false;
	u->engaged = false;
	u->n_pending = 0;
}

bool ppk2_unit_feeds_board(const struct ppk2_unit *u)
{
	return !u->engaged || u->metadata.mode != PPK2_SOURCE || u->running;
}

bool ppk2_unit_sees_current(const struct ppk2_unit *u)
{
	return u->running;
}

size_t ppk2_unit_describe(const struct ppk2_unit *u, bool spoilt, char out[PPK2_METADATA_MAX_BYTES])
{
	int n = ppk2_metadata_print(&u->metadata, out, PPK2_METADATA_MAX_BYTES);
	char *at = spoilt && n > 0 ? strstr(out, "R1: ") : NULL;

	if (at)
		at[strlen("R1: ")] = '?';
	return n > 0 ? (size_t)n : 0;
}
