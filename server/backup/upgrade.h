/*
 * The copy of a data folder that is made before its database is migrated: DATA/backup-before-NNN, where
 * NNN is the version that comes. It is what `hildad backup` makes, and restored in the same way. Main
 * thread, at the start; waits for the disk.
 */
#ifndef HILDA_SERVER_BACKUP_UPGRADE_H
#define HILDA_SERVER_BACKUP_UPGRADE_H

#include "common/fault.h"

/*
 * What an earlier start left unfinished is removed; a whole one stays, and this one gets a number. Refused
 * where the disk has no room for it.
 */
int upgrade_backup(const char *data, int from, int to, struct fault *f);

#endif
