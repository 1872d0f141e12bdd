/*
 * A file of a job beside its image: copied into the run's folder on this host, so that a program
 * that writes into it leaves the agent's cache alone. Remote boards are sent these copies. Waits
 * for the disk only.
 */
#ifndef HILDA_AGENT_EXEC_PLACE_H
#define HILDA_AGENT_EXEC_PLACE_H

#include <stdint.h>

#include "common/fault.h"

#define PLACE_MAX_BYTES (UINT64_C(1) << 30) /* of all files of a job together */

/*
 * *room_bytes shrinks by the file's size; it begins as PLACE_MAX_BYTES. -EFBIG: there is not so much.
 * -EINVAL: a name with a slash, a leading dot or dash, which a folder or a command would misread.
 */
int place_file(const char *from, const char *folder, const char *name, uint64_t *room_bytes,
	struct fault *f);

#endif
