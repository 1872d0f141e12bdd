/* `hildad backup DIR` and `hildad check [DIR]`. Prints to stdout. */
#ifndef HILDA_SERVER_BACKUP_COMMAND_H
#define HILDA_SERVER_BACKUP_COMMAND_H

#include <stdbool.h>

#include "common/fault.h"

/*
 * Takes the words off argv when it begins with one of them; settings follow. *folder: what was named, or
 * NULL. False: neither.
 */
enum backup_command { BACKUP_NONE, BACKUP_MAKE, BACKUP_CHECK };
enum backup_command backup_command_take(int *argc, char **argv, const char **folder);

/* The exit code: 1 where a check has found something, or with *f set. */
int backup_command_run(
	enum backup_command what, const char *data, const char *folder, struct fault *f);

#endif
