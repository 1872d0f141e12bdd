/* Files of a data folder, for those who look at it from outside its server. */
#ifndef HILDA_SERVER_BACKUP_FILES_H
#define HILDA_SERVER_BACKUP_FILES_H

#include "common/fault.h"

/*
 * Until the descriptor is closed the server's retention removes no files; rows it does remove. Waits for a few
 * files to be removed at most. -1 and 0 where there are no logs, so no server either.
 */
int files_hold(const char *data, int *fd, struct fault *f);

#endif
