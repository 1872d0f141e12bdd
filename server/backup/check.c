#include "server/backup/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/numbers.h"
#include "common/sha256.h"
#include "protocols/capture/capture.h"
#include "server/backup/files.h"
#include "server/store/offline.h"

#define PYRAMID_ENDING ".pyramid"
#define WINDOW_BYTES (2 * CAPTURE_RECORD_MAX_BYTES)

struct checking {
	const char *data;
	FILE *out;
	struct check_counts *counts;
};

static void problem(struct checking *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void problem(struct checking *c, const char *format, ...)
{
	va_list args;

	c->counts->problems++;
	va_start(args, format);
	vfprintf(c->out, format, args);
	va_end(args);
	fputc('\n', c->out);
}

static void check_artifact(struct checking *c, const struct offline_file *file)
{
	char path[FILE_PATH_BYTES], got[SHA256_HEX_BYTES];
	unsigned long long bytes;
	struct fault f = {0};

	c->counts->artifacts++;
	if (file_path(path, sizeof(path), "%s/artifacts/%.2s/%s", c->data, file->sha256,
		    file->sha256))
		problem(c, "artifact %s: the name is too long", file->sha256);
	else if (sha256_file(path, got, &bytes, &f))
		problem(c, "artifact %s: %s", file->sha256, f.text);
	else if ((int64_t)bytes != file->bytes)
		problem(c, "artifact %s has %llu bytes instead of %lld", file->sha256, bytes,
			(long long)file->bytes);
	else if (strcmp(got, file->sha256) != 0)
		problem(c, "artifact %s has the hash %s", file->sha256, got);
}

/* An open file of a run that has at least its committed bytes; -1: told. */
static int open_run_file(
	struct checking *c, const struct offline_file *file, const char *noun, const char *folder)
{
	char path[FILE_PATH_BYTES];
	struct stat st;
	int fd = -1;

	if (!file_path(path, sizeof(path), "%s/%s/%lld", c->data, folder, (long long)file->run))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) != 0) {
		problem(c, "%s of run %lld: %s", noun, (long long)file->run, strerror(errno));
	} else if (st.st_size < file->bytes) {
		problem(c, "%s of run %lld has %lld bytes; %lld were committed", noun,
			(long long)file->run, (long long)st.st_size, (long long)file->bytes);
		close(fd);
		return -1;
	}
	return fd;
}

static int read_at(int fd, char *data, size_t room, int64_t at, size_t *n)
{
	for (*n = 0; *n < room;) {
		ssize_t got = pread(fd, data + *n, room - *n, at + (int64_t)*n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		*n += (size_t)got;
	}
	return 0;
}

/* Records one after the other up to the committed end; the last one may have come in part. */
static void read_capture(
	struct checking *c, const struct offline_file *file, int fd, struct capture_reader *reader)
{
	_cleanup_free_ char *window = malloc(WINDOW_BYTES);
	_cleanup_free_ struct capture_record *record = malloc(sizeof(*record));
	int64_t at = 0;
	int rc = window && record ? 0 : -ENOMEM;

	while (!rc && at < file->bytes) {
		size_t n, used = 0, room = WINDOW_BYTES;
		struct fault f = {0};
		int got = 0;

		if (file->bytes - at < (int64_t)room)
			room = (size_t)(file->bytes - at);
		rc = read_at(fd, window, room, at, &n);
		while (!rc && (got = capture_read(reader, window + used, n - used, record, &f)) > 0)
			used += record->bytes;
		if (got < 0) {
			problem(c, "capture of run %lld is damaged behind byte %lld: %s",
				(long long)file->run, (long long)(at + (int64_t)used), f.text);
			return;
		}
		if (!used)
			break;
		at += (int64_t)used;
	}
	if (rc)
		problem(c, "capture of run %lld: %s", (long long)file->run, strerror(-rc));
}

static void check_capture(struct checking *c, const struct offline_file *file)
{
	_cleanup_(file_close) int fd = open_run_file(c, file, "capture", "captures");
	struct capture_reader *reader = NULL;

	c->counts->captures++;
	if (fd < 0)
		return;
	if (capture_reader_new(&reader))
		problem(c, "capture of run %lld: out of memory", (long long)file->run);
	else
		read_capture(c, file, fd, reader);
	capture_reader_free(reader);
}

static void check_log(struct checking *c, const struct offline_file *file)
{
	int fd = open_run_file(c, file, "log", "logs");

	c->counts->logs++;
	file_close(&fd);
}

static int check_file(void *arg, const struct offline_file *file)
{
	if (file->kind == OFFLINE_ARTIFACT)
		check_artifact(arg, file);
	else if (file->kind == OFFLINE_LOG)
		check_log(arg, file);
	else
		check_capture(arg, file);
	return 0;
}

static void say(void *arg, const char *text)
{
	problem(arg, "database: %s", text);
}

/* ---- files that nothing refers to ---- */

/* "12" and "12.pyramid" are run 12's. */
static bool is_run_file(const char *name, int64_t *run)
{
	const char *dot = strchr(name, '.');
	size_t n = dot ? (size_t)(dot - name) : strlen(name);
	char number[24];

	if (n >= sizeof(number) || (dot && strcmp(dot, PYRAMID_ENDING)))
		return false;
	memcpy(number, name, n);
	number[n] = 0;
	return number_i64(number, 1, INT64_MAX, run) == 0;
}

static int look_for_owner(struct checking *c, struct offline *database, enum offline_kind kind,
	const char *folder, const char *name, struct fault *f)
{
	struct offline_file file = {.kind = kind, .sha256 = name};
	int rc;

	if (kind == OFFLINE_ARTIFACT ? !hex_is_sha256(name) : !is_run_file(name, &file.run))
		return 0;
	rc = offline_counts_on(database, &file, f);
	if (rc)
		return rc < 0 ? rc : 0;
	c->counts->orphans++;
	fprintf(c->out, "orphan: %s/%s: nothing in the database refers to it\n", folder, name);
	return 0;
}

static int look_for_orphans(struct checking *c, struct offline *database, enum offline_kind kind,
	const char *folder, struct fault *f)
{
	char path[FILE_PATH_BYTES];
	struct dirent *e;
	DIR *dir;
	int rc = 0;

	if (file_path(path, sizeof(path), "%s/%s", c->data, folder))
		return fault_set(f, ENAMETOOLONG, "%s: the name is too long", c->data);
	dir = opendir(path);
	while (dir && !rc && (e = readdir(dir))) {
		char below[FILE_PATH_BYTES];

		if (e->d_name[0] == '.')
			continue;
		if (kind == OFFLINE_ARTIFACT && strlen(e->d_name) == 2 && !strchr(folder, '/')) {
			rc = file_path(below, sizeof(below), "%s/%s", folder, e->d_name);
			rc = rc ? fault_errno(f, -rc, "%s", folder)
				: look_for_orphans(c, database, kind, below, f);
		} else {
			rc = look_for_owner(c, database, kind, folder, e->d_name, f);
		}
	}
	if (dir)
		closedir(dir);
	return rc;
}

int check_folder(const char *data, FILE *out, struct check_counts *counts, struct fault *f)
{
	struct checking c = {data, out, counts};
	_cleanup_(file_close) int held = -1;
	struct offline *database = NULL;
	char path[FILE_PATH_BYTES];
	int rc;

	*counts = (struct check_counts){0};
	if (file_path(path, sizeof(path), "%s/hilda.db", data))
		return fault_set(f, ENAMETOOLONG, "%s: the name is too long", data);
	rc = offline_open(path, &database, f);
	if (!rc)
		rc = files_hold(data, &held, f);
	if (!rc)
		rc = offline_check(database, say, &c, f);
	if (!rc)
		rc = offline_files(database, check_file, &c, f);
	if (!rc)
		rc = look_for_orphans(&c, database, OFFLINE_ARTIFACT, "artifacts", f);
	if (!rc)
		rc = look_for_orphans(&c, database, OFFLINE_LOG, "logs", f);
	if (!rc)
		rc = look_for_orphans(&c, database, OFFLINE_CAPTURE, "captures", f);
	offline_close(database);
	return rc;
}
