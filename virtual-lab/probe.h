/*
 * The debug probe on its pty: moves bytes between whoever has it open and the Bus Pirate's dialogue,
 * plays the probe's own faults, and writes down who drove the board and when (driving.log: one JSON
 * object a line, event open or close). One thread; a call may wait as long as the board does.
 */
#ifndef HILDA_VIRTUAL_LAB_PROBE_H
#define HILDA_VIRTUAL_LAB_PROBE_H

#include <stdbool.h>

#include "common/fault.h"
#include "virtual-lab/board.h"
#include "virtual-lab/driving.h"
#include "virtual-lab/pty.h"

struct probe {
	struct board *board;
	struct faults *faults;
	struct driving *driving;
	const char *link;
	struct pty pty; /* closed: unplugged */
	bool open;	/* somebody has it */
};

int probe_open(struct probe *p, struct board *board, struct faults *faults, struct driving *driving,
	const char *link, struct fault *f);
void probe_close(struct probe *p);
/* After a fault was switched: plugs in or out. */
int probe_update(struct probe *p, struct fault *f);
/* Somebody opened or closed it. */
void probe_look(struct probe *p);
/* The master is readable. */
void probe_serve(struct probe *p);

#endif
