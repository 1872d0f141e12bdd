#include "server/logs/logs.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"

#define READ_BYTES (32 * 1024)

int logs_open(const char *data, struct run_files **out, struct fault *f)
{
	static const struct run_files_kind kind = {
		.folder = "logs",
		.noun = "log",
		.failpoint = "server.log.written",
		.max_bytes = LOG_FILE_MAX_BYTES,
	};

	return run_files_open(data, &kind, out, f);
}

struct log_reader {
	int fd; /* -1: no file yet */
	struct run_files *logs;
	int64_t run;
	int64_t at;
	int64_t block_at; /* what block holds */
	size_t block_n;
	char block[READ_BYTES];
};

int log_reader_open(struct run_files *l, int64_t run, struct log_reader **out, struct fault *f)
{
	struct log_reader *r = malloc(sizeof(*r));

	if (!r)
		return fault_set(f, ENOMEM, "out of memory");
	r->logs = l;
	r->run = run;
	r->at = r->block_at = 0;
	r->block_n = 0;
	r->fd = run_files_read_fd(l, run);
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
		r->fd = run_files_read_fd(r->logs, r->run);
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
