#include "server/backup/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/file.h"
#include "server/backup/files.h"
#include "server/store/offline.h"

#define PIECE_BYTES (256 * 1024)

struct copying {
	const char *data, *into;
	char last_folder[FILE_PATH_BYTES]; /* of artifacts: to be synced when it changes */
	int64_t *gone;			   /* captures */
	size_t n_gone, room;
	struct backup_counts *counts;
	struct fault *f;
};

static int copy_pieces(int from, int to, int64_t bytes)
{
	_cleanup_free_ char *piece = malloc(PIECE_BYTES);

	if (!piece)
		return -ENOMEM;
	while (bytes > 0) {
		ssize_t n = read(from, piece, bytes < PIECE_BYTES ? (size_t)bytes : PIECE_BYTES);
		int rc;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENODATA;
		rc = file_write_all(to, piece, (size_t)n);
		if (rc)
			return rc;
		bytes -= n;
	}
	return fdatasync(to) ? -errno : 0;
}

/* The first `bytes` of a file. -ENOENT when it is not there, -ENODATA when it is shorter. */
static int copy(struct copying *c, const char *from, const char *to, int64_t bytes)
{
	_cleanup_(file_close) int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(file_close) int out = -1;
	int rc;

	if (in < 0)
		return errno == ENOENT ? -ENOENT : fault_errno(c->f, errno, "cannot read %s", from);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	rc = out < 0 ? -errno : copy_pieces(in, out, bytes);
	if (rc == -ENODATA)
		return fault_set(c->f, ENODATA,
			"%s is shorter than the database says; `hildad check` lists what is damaged",
			from);
	if (rc)
		return fault_errno(c->f, -rc, "cannot copy %s to %s", from, to);
	c->counts->bytes += (uint64_t)bytes;
	return 0;
}

static int make_folder(struct copying *c, const char *path)
{
	if (!strcmp(c->last_folder, path))
		return 0;
	snprintf(c->last_folder, sizeof(c->last_folder), "%s", path);
	return file_make_folders(path, 0750, c->f);
}

static int take_artifact(struct copying *c, const struct offline_file *file)
{
	char from[FILE_PATH_BYTES], to[FILE_PATH_BYTES], folder[FILE_PATH_BYTES];
	int rc;

	if (file_path(from, sizeof(from), "%s/artifacts/%.2s/%s", c->data, file->sha256,
		    file->sha256) ||
		file_path(folder, sizeof(folder), "%s/artifacts/%.2s", c->into, file->sha256) ||
		file_path(to, sizeof(to), "%s/%s", folder, file->sha256))
		return fault_set(c->f, ENAMETOOLONG, "%s: the name is too long", c->into);
	rc = make_folder(c, folder);
	if (rc)
		return rc;
	c->counts->artifacts++;
	if (!link(from, to)) {
		c->counts->linked++;
		return file_sync_folder(to, c->f);
	}
	rc = copy(c, from, to, file->bytes);
	if (rc == -ENOENT)
		return fault_set(
			c->f, ENOENT, "%s is missing; `hildad check` lists what is damaged", from);
	return rc ? rc : file_sync_folder(to, c->f);
}

static int note_gone(struct copying *c, int64_t run)
{
	if (c->n_gone == c->room) {
		size_t room = c->room ? 2 * c->room : 64;
		int64_t *bigger = reallocarray(c->gone, room, sizeof(*bigger));

		if (!bigger)
			return fault_set(c->f, ENOMEM, "out of memory");
		c->gone = bigger;
		c->room = room;
	}
	c->gone[c->n_gone++] = run;
	c->counts->captures_gone++;
	return 0;
}

/* Copied and never linked: a server on the backup would cut off what the database does not know. */
static int take_run_file(struct copying *c, const struct offline_file *file)
{
	bool is_log = file->kind == OFFLINE_LOG;
	const char *folder = is_log ? "logs" : "captures";
	char from[FILE_PATH_BYTES], to[FILE_PATH_BYTES];
	int rc;

	if (file_path(from, sizeof(from), "%s/%s/%lld", c->data, folder, (long long)file->run) ||
		file_path(to, sizeof(to), "%s/%s/%lld", c->into, folder, (long long)file->run))
		return fault_set(c->f, ENAMETOOLONG, "%s: the name is too long", c->into);
	rc = copy(c, from, to, file->bytes);
	if (rc == -ENOENT && !is_log)
		return note_gone(c, file->run);
	if (rc == -ENOENT)
		return fault_set(
			c->f, ENOENT, "%s is missing; `hildad check` lists what is damaged", from);
	if (rc)
		return rc;
	if (is_log)
		c->counts->logs++;
	else
		c->counts->captures++;
	return 0;
}

static int take(void *arg, const struct offline_file *file)
{
	return file->kind == OFFLINE_ARTIFACT ? take_artifact(arg, file) : take_run_file(arg, file);
}

static int check_empty(const char *into, struct fault *f)
{
	DIR *dir = opendir(into);
	struct dirent *entry;
	int n = 0;

	while (dir && (entry = readdir(dir)))
		n += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	if (dir)
		closedir(dir);
	return n ? fault_set(
			   f, ENOTEMPTY, "%s is not empty; name a new folder for each backup", into)
		 : 0;
}

static int make_folders(const char *into, struct fault *f)
{
	static const char *const folders[] = {"artifacts", "logs", "captures"};
	int rc = check_empty(into, f);

	for (size_t i = 0; !rc && i < ARRAY_SIZE(folders); i++) {
		char path[FILE_PATH_BYTES];

		if (file_path(path, sizeof(path), "%s/%s", into, folders[i]))
			return fault_set(f, ENAMETOOLONG, "%s: the name is too long", into);
		rc = file_make_folders(path, 0750, f);
	}
	return rc;
}

static int sync_folders(const char *into, struct fault *f)
{
	static const char *const inside[] = {"artifacts/x", "logs/x", "captures/x", "x"};
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(inside); i++) {
		char path[FILE_PATH_BYTES];

		file_path(path, sizeof(path), "%s/%s", into, inside[i]);
		rc = file_sync_folder(path, f);
	}
	return rc ? rc : file_sync_folder(into, f);
}

static int copy_files(struct copying *c, const char *database)
{
	struct offline *copy = NULL;
	int rc = offline_open(database, &copy, c->f);

	if (!rc)
		rc = offline_files(copy, take, c, c->f);
	offline_close(copy);
	if (!rc)
		rc = offline_captures_removed(
			database, c->gone, c->n_gone, clock_wall_ms(&clock_system), c->f);
	return rc ? rc : sync_folders(c->into, c->f);
}

int backup_make(const char *data, const char *into, struct backup_counts *counts, struct fault *f)
{
	char from[FILE_PATH_BYTES], partial[FILE_PATH_BYTES], whole[FILE_PATH_BYTES];
	struct copying c = {.data = data, .into = into, .counts = counts, .f = f};
	_cleanup_(file_close) int kept = -1;
	struct offline *source = NULL;
	int rc;

	*counts = (struct backup_counts){0};
	if (file_path(from, sizeof(from), "%s/hilda.db", data) ||
		file_path(partial, sizeof(partial), "%s/hilda.db.unfinished", into) ||
		file_path(whole, sizeof(whole), "%s/hilda.db", into))
		return fault_set(f, ENAMETOOLONG, "%s: the name is too long", into);
	rc = offline_open(from, &source, f);
	if (!rc)
		rc = make_folders(into, f);
	if (!rc)
		rc = files_hold(data, &kept, f);
	if (!rc)
		rc = offline_copy(source, partial, f);
	offline_close(source);
	if (!rc)
		rc = copy_files(&c, partial);
	free(c.gone);
	if (!rc && rename(partial, whole))
		rc = fault_errno(f, errno, "cannot name %s", whole);
	return rc ? rc : file_sync_folder(whole, f);
}
