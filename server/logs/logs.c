#include "server/logs/logs.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/failpoint.h"
#include "common/file.h"
#include "server/artifacts/disk.h"

#define FILES_KEPT 64
#define READ_BYTES (32 * 1024)

struct log_file {
	struct log_file *next;
	int64_t run, end;
	unsigned holders; /* under the lock of struct logs */
	int fd;
	pthread_mutex_t turn;
};

struct logs {
	char folder[FILE_PATH_BYTES - 32];
	pthread_mutex_t lock;
	struct log_file *files;
};

int logs_open(const char *data, struct logs **out, struct fault *f)
{
	struct logs *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return fault_set(f, ENOMEM, "out of memory");
	rc = file_path(l->folder, sizeof(l->folder), "%s/logs", data);
	if (rc != 0)
		fault_errno(f, -rc, "data folder %s", data);
	if (rc == 0)
		rc = file_make_folders(l->folder, 0750, f);
	if (rc != 0) {
		free(l);
		return rc;
	}
	pthread_mutex_init(&l->lock, NULL);
	*out = l;
	return 0;
}

static void file_free(struct log_file *file)
{
	file_close(&file->fd);
	pthread_mutex_destroy(&file->turn);
	free(file);
}

void logs_close(struct logs *l)
{
	if (!l)
		return;
	while (l->files) {
		struct log_file *file = l->files;

		l->files = file->next;
		file_free(file);
	}
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static int open_file(struct logs *l, int64_t run, int flags)
{
	char path[FILE_PATH_BYTES];
	int fd;

	if (file_path(path, sizeof(path), "%s/%lld", l->folder, (long long)run) != 0)
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0640);
	return fd >= 0 ? fd : -errno;
}

/* Bytes behind what the store knows were never acknowledged; the agent sends them again. */
static int new_file(
	struct logs *l, int64_t run, int64_t known, struct log_file **out, struct fault *f)
{
	struct log_file *file = calloc(1, sizeof(*file));

	if (!file)
		return fault_set(f, ENOMEM, "out of memory");
	file->run = run;
	file->end = known;
	file->fd = open_file(l, run, O_WRONLY | O_CREAT);
	if (file->fd < 0 || ftruncate(file->fd, known) != 0) {
		int err = file->fd < 0 ? -file->fd : errno;

		file_close(&file->fd);
		free(file);
		return fault_errno(f, err, "cannot open the log of run %lld", (long long)run);
	}
	pthread_mutex_init(&file->turn, NULL);
	*out = file;
	return 0;
}

/* With the lock held: logs that nobody writes to are closed, but for a few. */
static void drop_idle(struct logs *l)
{
	struct log_file **at = &l->files;
	unsigned n = 0;

	while (*at) {
		struct log_file *file = *at;

		if (file->holders || n++ < FILES_KEPT) {
			at = &file->next;
			continue;
		}
		*at = file->next;
		file_free(file);
	}
}

int log_file_hold(
	struct logs *l, int64_t run, int64_t known, struct log_file **out, struct fault *f)
{
	struct log_file *file, **at;
	int rc = 0;

	pthread_mutex_lock(&l->lock);
	for (at = &l->files; *at && (*at)->run != run;)
		at = &(*at)->next;
	file = *at;
	if (file)
		*at = file->next;
	else
		rc = new_file(l, run, known, &file, f);
	if (rc == 0) {
		/* In front: the list is in order of use. */
		file->next = l->files;
		l->files = file;
		file->holders++;
		drop_idle(l);
	}
	pthread_mutex_unlock(&l->lock);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&file->turn);
	*out = file;
	return 0;
}

int log_file_append(struct log_file *file, int64_t offset, const void *data, size_t n,
	int64_t *have, struct fault *f)
{
	int64_t skip = file->end - offset;
	int rc;

	*have = file->end;
	if (skip < 0)
		return fault_set(f, ERANGE,
			"the log of run %lld has %lld bytes, this piece begins at %lld; send from %lld",
			(long long)file->run, (long long)file->end, (long long)offset,
			(long long)file->end);
	if (skip >= (int64_t)n)
		return 0;
	if (offset + (int64_t)n > LOG_FILE_MAX_BYTES)
		return fault_set(f, EFBIG, "the log of run %lld is over the limit of %lld bytes",
			(long long)file->run, (long long)LOG_FILE_MAX_BYTES);
	rc = file_pwrite_all(file->fd, (const char *)data + skip, n - (size_t)skip, file->end);
	if (rc == 0)
		rc = failpoint("server.log.written");
	if (rc == 0 && fdatasync(file->fd) != 0)
		rc = -errno;
	rc = disk_rc(rc);
	if (rc != 0)
		return fault_errno(
			f, -rc, "cannot write the log of run %lld", (long long)file->run);
	file->end = offset + (int64_t)n;
	*have = file->end;
	return 0;
}

void log_file_unlock(struct log_file *file)
{
	pthread_mutex_unlock(&file->turn);
}

void log_file_keep(struct logs *l, struct log_file *file)
{
	pthread_mutex_lock(&l->lock);
	file->holders++;
	pthread_mutex_unlock(&l->lock);
}

void log_file_release(struct logs *l, struct log_file *file)
{
	pthread_mutex_lock(&l->lock);
	file->holders--;
	pthread_mutex_unlock(&l->lock);
}

/* ---- reading ---- */

struct log_reader {
	int fd; /* -1: no file yet */
	struct logs *logs;
	int64_t run;
	int64_t at;
	int64_t block_at; /* what block holds */
	size_t block_n;
	char block[READ_BYTES];
};

int log_reader_open(struct logs *l, int64_t run, struct log_reader **out, struct fault *f)
{
	struct log_reader *r = malloc(sizeof(*r));

	if (!r)
		return fault_set(f, ENOMEM, "out of memory");
	r->logs = l;
	r->run = run;
	r->at = r->block_at = 0;
	r->block_n = 0;
	r->fd = open_file(l, run, O_RDONLY);
	if (r->fd < 0 && r->fd != -ENOENT) {
		int err = -r->fd;

		free(r);
		return fault_errno(f, err, "cannot read the log of run %lld", (long long)run);
	}
	*out = r;
	return 0;
}

void log_reader_close(struct log_reader *r)
{
	if (!r)
		return;
	file_close(&r->fd);
	free(r);
}

int log_reader_take_fd(struct log_reader *r)
{
	return take_fd(r->fd);
}

int64_t log_reader_at(const struct log_reader *r)
{
	return r ? r->at : 0;
}

/* Makes n bytes from r->at available; NULL when the file is shorter. */
static const char *need(struct log_reader *r, size_t n)
{
	ssize_t got;

	if (r->at >= r->block_at && r->at + (int64_t)n <= r->block_at + (int64_t)r->block_n)
		return r->block + (r->at - r->block_at);
	if (r->fd < 0)
		r->fd = open_file(r->logs, r->run, O_RDONLY);
	if (r->fd < 0)
		return NULL;
	got = pread(r->fd, r->block, sizeof(r->block), r->at);
	r->block_at = r->at;
	r->block_n = got > 0 ? (size_t)got : 0;
	return r->block_n >= n ? r->block : NULL;
}

int log_reader_next(struct log_reader *r, int64_t end, struct log_record *out)
{
	const char *header;
	uint64_t t_us;
	uint32_t n;

	if (r->at + LOG_HEADER_BYTES > end)
		return 0;
	header = need(r, LOG_HEADER_BYTES);
	if (!header)
		return -EBADMSG;
	memcpy(&t_us, header, sizeof(t_us));
	memcpy(&n, header + 8, sizeof(n));
	n = le32toh(n);
	if (n > LOG_RECORD_MAX_BYTES)
		return -EBADMSG;
	/* The rest of the record is still on its way. */
	if (r->at + LOG_HEADER_BYTES + (int64_t)n > end)
		return 0;
	header = need(r, LOG_HEADER_BYTES + n);
	if (!header)
		return -EBADMSG;
	*out = (struct log_record){
		.from = r->at,
		.to = r->at + LOG_HEADER_BYTES + (int64_t)n,
		.t_us = le64toh(t_us),
		.stream = (uint8_t)header[12],
		.bytes = header + LOG_HEADER_BYTES,
		.n = n,
	};
	r->at = out->to;
	return 1;
}

int log_reader_seek(struct log_reader *r, int64_t from, int64_t end)
{
	struct log_record record;
	int rc = 1;

	r->at = 0;
	while (r->at < from && rc == 1)
		rc = log_reader_next(r, end, &record);
	/* Damage before `from` is where the log ends, and is met again there. */
	return rc < 0 && rc != -EBADMSG ? rc : 0;
}

const char *log_stream_name(uint8_t stream)
{
	static const char *const names[] = {"console", "tool", "agent", "input"};

	return stream < ARRAY_SIZE(names) ? names[stream] : "unknown";
}
