/* Files whose rows are gone: logs, captures, artifacts. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "common/cleanup.h"
#include "common/failpoint.h"
#include "common/file.h"
#include "common/log.h"
#include "server/artifacts/artifacts.h"
#include "server/captures/captures.h"
#include "server/retention/parts.h"
#include "server/run_files/run_files.h"
#include "server/store/ops_retention.h"
#include "server/store/read_retention.h"

#define AT_ONCE 256

/* Sent again since: whoever did that has its row by now, or the artifact is not to be touched (-EBUSY). */
static int is_wanted(void *arg, const char *sha256)
{
	struct server *server = arg;
	struct store_reader *r = store_reader_borrow(server->store, NULL);
	int64_t bytes;
	int rc = r ? read_artifact_bytes(r, sha256, &bytes) : -EIO;

	store_reader_return(server->store, r);
	return rc == -ENOENT ? 0 : rc ? rc : 1;
}

static int remove_one(struct server *server, const struct read_leftover *l, struct fault *f)
{
	int rc;

	if (l->sha256[0])
		return artifacts_remove(server->artifacts, l->sha256, is_wanted, server, f);
	rc = captures_remove(server->captures, l->run ? l->run : l->capture, f);
	return rc || !l->run ? rc : run_files_remove(server->logs, l->run, f);
}

/* The folders know that they are gone before the database forgets it. */
static int sync_folders(struct server *server)
{
	const char *const folders[] = {
		run_files_folder(server->logs), run_files_folder(captures_files(server->captures))};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folders) && !rc; i++) {
		char inside[FILE_PATH_BYTES];

		rc = file_path(inside, sizeof(inside), "%s/x", folders[i]);
		if (!rc)
			rc = file_sync_folder(inside, NULL);
	}
	return rc;
}

/* Those that could be removed; *left: some could not, for now. */
static int remove_some(
	struct retention_work *w, const struct read_leftover *list, size_t n, bool *left)
{
	struct op_leftovers_done x = {.n = 0};
	int64_t ids[AT_ONCE];
	int rc;

	for (size_t i = 0; i < n; i++) {
		struct fault f = {0};

		rc = remove_one(w->server, &list[i], &f);
		*left |= rc != 0;
		if (!rc)
			ids[x.n++] = list[i].id;
		else if (rc != -EBUSY)
			log_warning("a file cannot be removed",
				LOG_I64("run", list[i].run ? list[i].run : list[i].capture),
				LOG_STR("artifact", list[i].sha256), LOG_STR("why", f.text));
	}
	rc = sync_folders(w->server);
	if (rc || !x.n)
		return rc;
	failpoint("server.retention.unlinked");
	x.ids = ids;
	op_leftovers_done_setup(&x);
	return store_call(w->server->store, &x.op);
}

/* A backup counts on the files of the rows that it has seen, and holds this meanwhile. */
static int lock_files(struct server *server, int *fd)
{
	*fd = open(run_files_folder(server->logs), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return -errno;
	return flock(*fd, LOCK_EX | LOCK_NB) ? -errno : 0;
}

int retention_files(struct retention_work *w)
{
	struct read_leftover list[AT_ONCE];
	bool left = false;
	size_t n = 1;
	int rc = 0;

	while (n && !left && !rc && !retention_ends(w)) {
		_cleanup_(file_close) int fd = -1;
		struct store_reader *r = store_reader_borrow(w->server->store, NULL);

		rc = r ? read_leftovers(r, list, AT_ONCE, &n) : -EIO;
		store_reader_return(w->server->store, r);
		if (!rc && n)
			rc = lock_files(w->server, &fd);
		if (!rc && n)
			rc = remove_some(w, list, n, &left);
	}
	return rc == -EWOULDBLOCK ? 0 : rc;
}
