/*
 * The virtual Power Profiler Kit II as its host knows it: what it was told, what it answers, whether
 * it feeds the board. Opcodes that are not known and commands out of bounds are ignored. Pure; no locks.
 *
 * A board has a supply of its own. A session that says DEVICE_RUNNING_SET takes it over in source
 * mode until the port is closed; in ampere mode the board's supply stays, and the current is seen
 * while running is set.
 */
#ifndef HILDA_VIRTUAL_LAB_PPK2_UNIT_H
#define HILDA_VIRTUAL_LAB_PPK2_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/ppk2/command.h"
#include "protocols/ppk2/metadata.h"

struct ppk2_unit {
	struct ppk2_metadata metadata; /* with mode and voltage as they are set */
	bool streaming;
	bool running; /* DEVICE_RUNNING_SET */
	bool engaged; /* this session has said it */
	uint8_t pending[PPK2_COMMAND_BYTES];
	size_t n_pending;
};

enum ppk2_unit_event {
	PPK2_UNIT_NONE, /* all bytes are taken */
	PPK2_UNIT_STARTED,
	PPK2_UNIT_STOPPED,
	PPK2_UNIT_SET,	 /* power, mode or voltage */
	PPK2_UNIT_ASKED, /* for its metadata */
	PPK2_UNIT_RESET, /* it starts anew, and its port goes away for a moment */
};

/* As plugged in. */
void ppk2_unit_init(struct ppk2_unit *u);
/* Takes bytes up to the end of the first command; says how many, and what it was. */
size_t ppk2_unit_feed(
	struct ppk2_unit *u, const uint8_t *data, size_t n, enum ppk2_unit_event *event);
/* Whoever had the port has closed it, or died. */
void ppk2_unit_closed(struct ppk2_unit *u);
/* Whether the board has power as far as this unit is concerned. */
bool ppk2_unit_feeds_board(const struct ppk2_unit *u);
/* Whether the board's current goes through it. */
bool ppk2_unit_sees_current(const struct ppk2_unit *u);
/* The answer to ASKED; its length. Spoilt: a coefficient is no number. */
size_t ppk2_unit_describe(
	const struct ppk2_unit *u, bool spoilt, char out[PPK2_METADATA_MAX_BYTES]);

#endif
