#include "agent/board/lock.h"

#include <errno.h>

#include "common/file.h"

static int take(const char *folder, const char *kind, const char *name, struct board_lock *lock,
	struct fault *f)
{
	char path[FILE_PATH_BYTES];
	char safe[BOARD_PATH_BYTES];
	int rc;

	snprintf(safe, sizeof(safe), "%s", name);
	for (char *p = safe; *p; p++) {
		if (*p == '/')
			*p = '_';
	}
	rc = file_path(path, sizeof(path), "%s/%s-%s.lock", folder, kind, safe);
	if (rc)
		return fault_errno(f, -rc, "lock of %s %s", kind, name);
	rc = file_lock(path, &lock->fds[lock->n], f);
	if (rc)
		return fault_wrap(f, "%s %s", kind, name);
	lock->n++;
	return 0;
}

int board_lock_take(const char *run_folder, const char *data_folder,
	const struct board_config *config, struct board_lock *out, struct fault *f)
{
	struct board_lock lock = {.n = 0};
	char folder[FILE_PATH_BYTES];
	int rc;

	if (config->is_virtual || config->exec) {
		rc = file_path(folder, sizeof(folder), "%s/locks", data_folder);
		if (rc)
			return fault_errno(f, -rc, "%s", data_folder);
		rc = take(folder, "board", config->name, &lock, f);
	} else {
		/* A probe without a serial number is known by its board's name. */
		rc = take(run_folder, "probe",
			config->probe_serial[0] ? config->probe_serial : config->name, &lock, f);
		if (!rc && config->console[0])
			rc = take(run_folder, "console", config->console, &lock, f);
		if (!rc && config->ppk2_serial[0])
			rc = take(run_folder, "ppk2", config->ppk2_serial, &lock, f);
	}
	if (rc) {
		board_lock_drop(&lock);
		return rc;
	}
	*out = lock;
	return 0;
}

void board_lock_drop(struct board_lock *lock)
{
	while (lock->n)
		file_close(&lock->fds[--lock->n]);
}
