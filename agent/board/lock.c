#include "agent/board/lock.h"

#include <errno.h>
#include <limits.h>

#include "agent/board/hold.h"
#include "common/holder.h"

static int path_in(
	const char *folder, const char *kind, const char *name, char path[FILE_PATH_BYTES])
{
	char safe[BOARD_PATH_BYTES];

	snprintf(safe, sizeof(safe), "%s", name);
	for (char *p = safe; *p; p++) {
		if (*p == '/')
			*p = '_';
	}
	return file_path(path, FILE_PATH_BYTES, "%s/%s-%s.lock", folder, kind, safe);
}

/* Only this agent has it: its locks are no concern of others. */
static bool is_own(const struct board_config *config)
{
	return config->is_virtual || config->exec;
}

/* A probe without a serial number is known by its board's name. */
static const char *probe_name(const struct board_config *config)
{
	return config->probe_serial[0] && !is_own(config) ? config->probe_serial : config->name;
}

int board_lock_path(const char *run_folder, const char *data_folder,
	const struct board_config *config, const char *kind, char path[FILE_PATH_BYTES])
{
	char folder[FILE_PATH_BYTES];
	int rc = is_own(config) ? file_path(folder, sizeof(folder), "%s/locks", data_folder)
				: file_path(folder, sizeof(folder), "%s", run_folder);

	return rc ? rc : path_in(folder, kind, probe_name(config), path);
}

static int take(const char *folder, const char *kind, const char *name, struct board_lock *lock,
	struct fault *f)
{
	char path[FILE_PATH_BYTES], who[HOLDER_TEXT_BYTES];
	struct holder holder;
	int rc = path_in(folder, kind, name, path);

	if (rc)
		return fault_errno(f, -rc, "lock of %s %s", kind, name);
	rc = file_lock(path, &lock->fds[lock->n], f);
	if (rc == -EWOULDBLOCK && !f)
		return rc;
	if (rc == -EWOULDBLOCK) {
		holder_print(holder_of_lock(HOLDER_PROC, path, &holder), &holder, who);
		return fault_set(f, EWOULDBLOCK, "%s %s in use by %s", kind, name, who);
	}
	if (rc)
		return fault_wrap(f, "%s %s", kind, name);
	lock->n++;
	return 0;
}

/* By its serial number; one that is named by a port, by the port that it really is. */
static int take_meter(const char *folder, const struct board_config *config,
	struct board_lock *lock, struct fault *f)
{
	char port[PATH_MAX];

	if (config->power_path[0] && realpath(config->power_path, port) &&
		strlen(port) < BOARD_PATH_BYTES)
		return take(folder, "ppk2", port, lock, f);
	return take(folder, "ppk2", config->ppk2_serial, lock, f);
}

int board_lock_take_held(const char *run_folder, const char *data_folder,
	const struct board_config *config, struct board_lock *out, struct fault *f)
{
	struct board_lock lock = {.n = 0};
	const char *meters = run_folder;
	char folder[FILE_PATH_BYTES];
	int rc;

	if (is_own(config)) {
		rc = file_path(folder, sizeof(folder), "%s/locks", data_folder);
		if (rc)
			return fault_errno(f, -rc, "%s", data_folder);
		rc = take(folder, "board", config->name, &lock, f);
	} else {
		rc = take(run_folder, "probe", probe_name(config), &lock, f);
		if (!rc && config->console[0])
			rc = take(run_folder, "console", config->console, &lock, f);
	}
	/* A virtual unit belongs to this agent's boards only, whichever of them it measures. */
	if (config->is_virtual)
		meters = folder;
	if (!rc && config->power_kind == POWER_PPK2)
		rc = take_meter(meters, config, &lock, f);
	if (rc) {
		board_lock_drop(&lock);
		return rc;
	}
	*out = lock;
	return 0;
}

int board_lock_take(const char *run_folder, const char *data_folder,
	const struct board_config *config, struct board_lock *out, struct fault *f)
{
	char text[HOLD_TEXT_BYTES];

	if (board_hold_seen(run_folder, data_folder, config, text))
		return fault_set(f, EWOULDBLOCK, "%s", text);
	return board_lock_take_held(run_folder, data_folder, config, out, f);
}

void board_lock_drop(struct board_lock *lock)
{
	while (lock->n)
		file_close(&lock->fds[--lock->n]);
}
