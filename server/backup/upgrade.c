#include "server/backup/upgrade.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "server/backup/backup.h"

#define COPIES_MAX 100

/* A folder of that name that is not there, or not whole. */
static int choose(const char *data, int to, char into[FILE_PATH_BYTES], struct fault *f)
{
	char whole[FILE_PATH_BYTES];

	for (int i = 1; i <= COPIES_MAX; i++) {
		char number[16] = "";

		if (i > 1)
			snprintf(number, sizeof(number), ".%d", i);
		if (file_path(into, FILE_PATH_BYTES, "%s/backup-before-%03d%s", data, to, number) ||
			file_path(whole, sizeof(whole), "%s/hilda.db", into))
			return fault_set(f, ENAMETOOLONG, "%s: the name is too long", data);
		if (access(whole, F_OK) != 0)
			return file_remove_tree(into, f);
	}
	return fault_set(f, EEXIST, "%s has %d backups before version %d: remove old ones", data,
		COPIES_MAX, to);
}

int upgrade_backup(const char *data, int from, int to, struct fault *f)
{
	struct backup_counts n;
	char into[FILE_PATH_BYTES];
	int rc = choose(data, to, into, f);

	if (rc)
		return rc;
	log_info("the database is of an older version: everything is copied first",
		LOG_I64("from", from), LOG_I64("to", to), LOG_STR("into", into));
	rc = backup_make(data, into, &n, f);
	if (rc) {
		file_remove_tree(into, NULL);
		return fault_wrap(f,
			"the backup before the upgrade (make room for it, or take one elsewhere by "
			"`hildad backup` and say upgrade-without-backup = yes)");
	}
	log_info("the copy is whole; to go back, stop the server and start the older one on it",
		LOG_STR("backup", into), LOG_U64("bytes", n.bytes));
	return 0;
}
