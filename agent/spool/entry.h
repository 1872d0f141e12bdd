/* What the spool's files belong to: one run, at one epoch of its board, of one server's database. */
#ifndef HILDA_AGENT_SPOOL_ENTRY_H
#define HILDA_AGENT_SPOOL_ENTRY_H

#include <stdint.h>

#include "agent/link/link.h"

struct spool_entry {
	char lineage[LINK_LINEAGE_BYTES];
	uint64_t run;
	uint64_t epoch;
};

#endif
