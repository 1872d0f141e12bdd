#include "cli/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/get.h"
#include "cli/url.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "common/hex.h"

#define DOWNLOAD_MS (600 * 1000)
#define BLOCK_BYTES 65536

struct bundle {
	struct session *s;
	struct archive *tar;
	int64_t job, time_s;
	struct bundle_report report;
};

static enum exit_code local_fault(struct fault *f, struct archive *tar, const char *what)
{
	fault_set(f, EIO, "cannot write %s into the bundle: %s", what, archive_error_string(tar));
	return EXIT_LOCAL_FILE;
}

static enum exit_code add_header(struct bundle *b, const char *name, int64_t bytes, struct fault *f)
{
	struct archive_entry *entry = archive_entry_new();
	char path[256];
	int rc = ARCHIVE_FATAL;

	if (entry) {
		snprintf(path, sizeof(path), "job-%" PRId64 "/%s", b->job, name);
		archive_entry_set_pathname(entry, path);
		archive_entry_set_size(entry, bytes);
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_perm(entry, 0644);
		archive_entry_set_mtime(entry, b->time_s, 0);
		rc = archive_write_header(b->tar, entry);
	}
	archive_entry_free(entry);
	if (rc != ARCHIVE_OK)
		return local_fault(f, b->tar, name);
	b->report.entries++;
	b->report.bytes += (uint64_t)bytes;
	return EXIT_OK;
}

static enum exit_code add_bytes(
	struct bundle *b, const char *name, const void *data, size_t n, struct fault *f)
{
	enum exit_code code = add_header(b, name, (int64_t)n, f);

	if (!code && archive_write_data(b->tar, data, n) != (la_ssize_t)n)
		code = local_fault(f, b->tar, name);
	return code;
}

static enum exit_code add_json(
	struct bundle *b, const char *name, const json_t *doc, struct fault *f)
{
	_cleanup_free_ char *text = json_dumps(doc, JSON_INDENT(2) | JSON_SORT_KEYS);

	if (!text) {
		fault_set(f, ENOMEM, "out of memory");
		return EXIT_LOCAL_FILE;
	}
	return add_bytes(b, name, text, strlen(text), f);
}

static int to_file(void *arg, const void *data, size_t n)
{
	return file_write_all(*(int *)arg, data, n);
}

/* tar wants the size first, so what may be large goes through an unnamed file. */
static enum exit_code add_file(struct bundle *b, const char *name, int fd, struct fault *f)
{
	static char block[BLOCK_BYTES];
	struct stat st;
	enum exit_code code;
	off_t at = 0;

	if (fstat(fd, &st)) {
		fault_errno(f, errno, "cannot read the download of %s", name);
		return EXIT_LOCAL_FILE;
	}
	code = add_header(b, name, st.st_size, f);
	while (!code && at < st.st_size) {
		ssize_t n = pread(fd, block, sizeof(block), at);

		if (n <= 0 || archive_write_data(b->tar, block, (size_t)n) != n)
			return local_fault(f, b->tar, name);
		at += n;
	}
	return code;
}

/* Downloads path under `name`; what the server does not have, or no more (404, 410), is left out. */
static enum exit_code add_download(
	struct bundle *b, const char *name, const char *path, const char *accept, struct fault *f)
{
	_cleanup_(http_reply_done) struct http_reply reply = {0};
	const char *const headers[] = {accept, NULL};
	struct http_request r = HTTP_REQUEST_INIT;
	_cleanup_(file_close) int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	enum exit_code code;

	if (fd < 0) {
		fault_errno(f, errno, "cannot make a temporary file in /tmp");
		return EXIT_LOCAL_FILE;
	}
	r.method = "GET";
	r.path = path;
	r.headers = accept ? headers : NULL;
	r.timeout_ms = DOWNLOAD_MS;
	r.sink = to_file;
	r.sink_arg = &fd;
	code = session_request(b->s, &r, &reply, f);
	if (reply.status == 404 || reply.status == 410) {
		*f = (struct fault){0};
		return EXIT_OK;
	}
	return code ? code : add_file(b, name, fd, f);
}

static enum exit_code add_samples(struct bundle *b, const json_t *run, struct fault *f)
{
	json_t *metric;
	size_t i;

	json_array_foreach (json_object_get(run, "metrics"), i, metric) {
		_cleanup_(buffer_done) struct buffer url = BUFFER_INIT(URL_MAX_BYTES);
		const char *phase = get_text(metric, "phase"), *name = get_text(metric, "metric");
		enum exit_code code;
		char entry[160];
		int err;

		if (json_is_integer(json_object_get(metric, "boot")) || get_i64(metric, "n") < 2)
			continue;
		err = buffer_printf(&url, "/api/v1/runs/%" PRId64 "/samples", get_i64(run, "id"));
		if (!err)
			err = url_add(&url, "phase", phase);
		if (!err)
			err = url_add(&url, "metric", name);
		if (err || strchr(phase, '/') || strchr(name, '/'))
			continue;
		snprintf(entry, sizeof(entry), "runs/%" PRId64 "/samples/%.40s.%.48s.json",
			get_i64(run, "id"), phase, name);
		code = add_download(b, entry, url.data, NULL, f);
		if (code)
			return code;
	}
	return EXIT_OK;
}

static enum exit_code add_run(struct bundle *b, int64_t id, struct fault *f)
{
	char path[96], name[96];
	json_t *run = NULL;
	enum exit_code code;

	snprintf(path, sizeof(path), "/api/v1/runs/%" PRId64, id);
	code = session_get(b->s, path, &run, f);
	if (code)
		return code;
	snprintf(name, sizeof(name), "runs/%" PRId64 "/run.json", id);
	code = add_json(b, name, run, f);
	if (!code)
		code = add_samples(b, run, f);
	json_decref(run);
	if (code)
		return code;
	snprintf(path, sizeof(path), "/api/v1/runs/%" PRId64 "/log", id);
	snprintf(name, sizeof(name), "runs/%" PRId64 "/log.txt", id);
	code = add_download(b, name, path, "Accept: text/plain", f);
	snprintf(name, sizeof(name), "runs/%" PRId64 "/log.bin", id);
	if (!code)
		code = add_download(b, name, path, "Accept: application/octet-stream", f);
	snprintf(path, sizeof(path), "/api/v1/runs/%" PRId64 "/trace.capture", id);
	snprintf(name, sizeof(name), "runs/%" PRId64 "/trace.capture", id);
	return code ? code : add_download(b, name, path, NULL, f);
}

static enum exit_code add_runs(struct bundle *b, struct fault *f)
{
	json_t *runs = NULL, *run;
	enum exit_code code;
	char path[96];
	size_t i;

	snprintf(path, sizeof(path), "/api/v1/jobs/%" PRId64 "/runs", b->job);
	code = session_list(b->s, path, 1000, &runs, f);
	if (code)
		return code;
	json_array_foreach (runs, i, run) {
		code = add_run(b, get_i64(run, "id"), f);
		if (code)
			break;
	}
	json_decref(runs);
	return code;
}

/* The image and the files, from the document: "sha256:<hex>". */
static enum exit_code add_artifact(
	struct bundle *b, const char *name, const char *reference, struct fault *f)
{
	const char *hex = strncmp(reference, "sha256:", 7) ? reference : reference + 7;
	char path[128];

	if (!hex_is_sha256(hex))
		return EXIT_OK;
	snprintf(path, sizeof(path), "/api/v1/artifacts/%s", hex);
	return add_download(b, name, path, NULL, f);
}

static enum exit_code add_all(struct bundle *b, const json_t *job, struct fault *f)
{
	const json_t *document = json_object_get(job, "document");
	json_t *file;
	size_t i;
	enum exit_code code = add_json(b, "job.json", job, f);

	if (!code)
		code = add_json(b, "document.json", document, f);
	if (!code)
		code = add_artifact(b, "image", get_text(document, "image"), f);
	json_array_foreach (json_object_get(document, "files"), i, file) {
		char name[128];

		if (code || strchr(get_text(file, "name"), '/'))
			break;
		snprintf(name, sizeof(name), "files/%.100s", get_text(file, "name"));
		code = add_artifact(b, name, get_text(file, "artifact"), f);
	}
	return code ? code : add_runs(b, f);
}

static enum exit_code write_tar(struct bundle *b, const json_t *job, int fd, struct fault *f)
{
	enum exit_code code;
	int64_t ms = 0;

	if (!clock_parse_rfc3339(get_text(job, "finished_at"), &ms) ||
		!clock_parse_rfc3339(get_text(job, "created_at"), &ms))
		b->time_s = ms / 1000;
	b->tar = archive_write_new();
	if (!b->tar || archive_write_set_format_pax_restricted(b->tar) != ARCHIVE_OK ||
		archive_write_open_fd(b->tar, fd) != ARCHIVE_OK) {
		fault_set(f, EIO, "cannot start a tar file");
		archive_write_free(b->tar);
		return EXIT_LOCAL_FILE;
	}
	code = add_all(b, job, f);
	if (!code && archive_write_close(b->tar) != ARCHIVE_OK)
		code = local_fault(f, b->tar, "the end");
	archive_write_free(b->tar);
	return code;
}

/* Into path's folder, under a temporary name that becomes path when all is there. */
static enum exit_code write_file(
	struct bundle *b, const json_t *job, const char *path, struct fault *f)
{
	_cleanup_(file_close) int fd = -1;
	char temporary[FILE_PATH_BYTES];
	enum exit_code code;

	if (file_path(temporary, sizeof(temporary), "%s.XXXXXX", path)) {
		fault_set(f, ENAMETOOLONG, "%s is too long a path", path);
		return EXIT_LOCAL_FILE;
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		fault_errno(f, errno, "cannot write %s", path);
		return EXIT_LOCAL_FILE;
	}
	code = write_tar(b, job, fd, f);
	if (!code && (fchmod(fd, 0644) || fsync(fd) || rename(temporary, path))) {
		fault_errno(f, errno, "cannot write %s", path);
		code = EXIT_LOCAL_FILE;
	}
	if (code)
		unlink(temporary);
	return code;
}

enum exit_code bundle_write(struct session *s, int64_t id, const char *path,
	struct bundle_report *report, struct fault *f)
{
	struct bundle b = {.s = s, .job = id};
	json_t *job = NULL;
	enum exit_code code;
	char url[64];

	snprintf(url, sizeof(url), "/api/v1/jobs/%" PRId64, id);
	code = session_get(s, url, &job, f);
	if (code)
		return code;
	code = strcmp(path, "-") ? write_file(&b, job, path, f)
				 : write_tar(&b, job, STDOUT_FILENO, f);
	json_decref(job);
	*report = b.report;
	return code;
}
