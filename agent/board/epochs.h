/*
 * The highest epoch seen for each board, on disk (DATA/epochs), so that an offer from before a
 * crash or a restore is refused. Raised durably before a board is touched under the new epoch.
 * Any thread; a raise waits for the disk.
 */
#ifndef HILDA_AGENT_BOARD_EPOCHS_H
#define HILDA_AGENT_BOARD_EPOCHS_H

#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"

struct epochs;

struct epoch_change {
	const char *board;
	uint64_t epoch;
};

/* An absent file is an empty table; one that cannot be read is an error, not an empty table. */
int epochs_open(const char *path, struct epochs **out, struct fault *f);
void epochs_close(struct epochs *e);

/* 0 when the board was never seen. */
uint64_t epochs_get(struct epochs *e, const char *board);
/* All of them with one write; lower ones change nothing. On an error nothing was raised. */
int epochs_raise(struct epochs *e, const struct epoch_change *changes, size_t n, struct fault *f);

#endif
