/*
 * Result files that were delivered, kept to be written again under other names. To make a file costs
 * the more, the more were removed a moment ago, on file systems without a journal that leave such
 * inodes alone for a while (ext4: recently_deleted). Any thread.
 */
#ifndef HILDA_AGENT_SPOOL_SPARES_H
#define HILDA_AGENT_SPOOL_SPARES_H

#include <pthread.h>
#include <stddef.h>

#include "common/fault.h"
#include "common/file.h"

#define SPARES_MAX 64
#define SPARES_FILE_MAX_BYTES \
	(256 * 1024) /* larger ones are removed: all together take 16 MiB of the disk */

struct spares {
	char folder[FILE_PATH_BYTES - 32];
	pthread_mutex_t lock;
	enum spare { SPARE_NONE, SPARE_THERE, SPARE_IN_HANDS } at[SPARES_MAX];
};

/* folder: made if it is not there; what an earlier process left in it is thrown away. */
int spares_init(struct spares *s, const char *folder, struct fault *f);
void spares_done(struct spares *s);
/* As file_write_whole does: the file is there with all of this, on the disk, or as it was. */
int spares_write(struct spares *s, const char *path, const char *text, size_t n, struct fault *f);
/* The file is gone when it returns, kept as a spare if there is room for one more. */
void spares_give(struct spares *s, const char *path);

#endif
