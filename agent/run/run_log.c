#include "agent/run/run_log.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"

#define HEADER_BYTES 16

struct run_log {
	struct growing *file;
	const struct clock *clock;
	int64_t start_ns;
	size_t limit;
	pthread_mutex_t lock; /* a run's helper threads may write too */
	bool cut_said;
	uint64_t cut_bytes;
};

int run_log_open(struct growing *file, const struct clock *clock, size_t limit,
	struct run_log **out, struct fault *f)
{
	struct run_log *log = calloc(1, sizeof(*log));

	if (!log) {
		growing_unref(file);
		return fault_errno(f, ENOMEM, "run log");
	}
	log->file = file;
	log->clock = clock;
	log->start_ns = clock_mono_ns(clock);
	log->limit = limit ? limit : RUN_LOG_LIMIT_BYTES;
	pthread_mutex_init(&log->lock, NULL);
	*out = log;
	return 0;
}

static void make_header(
	char header[HEADER_BYTES], uint64_t t_us, enum run_log_stream stream, size_t n)
{
	uint32_t length = htole32((uint32_t)n);

	t_us = htole64(t_us);
	memcpy(header, &t_us, 8);
	memcpy(header + 8, &length, 4);
	header[12] = (char)stream;
	memset(header + 13, 0, 3);
}

static bool write_record(
	struct run_log *log, enum run_log_stream stream, const void *data, size_t n)
{
	char record[HEADER_BYTES + RUN_LOG_RECORD_BYTES];

	make_header(
		record, (uint64_t)(clock_mono_ns(log->clock) - log->start_ns) / 1000, stream, n);
	memcpy(record + HEADER_BYTES, data, n);
	return growing_append(log->file, record, HEADER_BYTES + n) == 0;
}

static size_t limit_of(const struct run_log *log, enum run_log_stream stream)
{
	size_t reserve =
		log->limit / 4 < RUN_LOG_RESERVE_BYTES ? log->limit / 4 : RUN_LOG_RESERVE_BYTES;

	return stream == RUN_LOG_AGENT ? log->limit : log->limit - reserve;
}

static void say_cut(struct run_log *log)
{
	char text[128];
	int n;

	if (log->cut_said)
		return;
	log->cut_said = true;
	n = snprintf(text, sizeof(text),
		"the log is cut here: console and tools wrote more than %zu bytes\n",
		limit_of(log, RUN_LOG_CONSOLE));
	write_record(log, RUN_LOG_AGENT, text, (size_t)n);
}

void run_log_write(struct run_log *log, enum run_log_stream stream, const void *data, size_t n)
{
	const char *p = data;

	if (!log)
		return;
	pthread_mutex_lock(&log->lock);
	while (n) {
		size_t piece = n > RUN_LOG_RECORD_BYTES ? RUN_LOG_RECORD_BYTES : n;

		if (growing_size(log->file) + HEADER_BYTES + piece > limit_of(log, stream)) {
			if (stream != RUN_LOG_AGENT)
				say_cut(log);
			log->cut_bytes += n;
			break;
		}
		if (!write_record(log, stream, p, piece)) {
			log->cut_bytes += n;
			break;
		}
		p += piece;
		n -= piece;
	}
	pthread_mutex_unlock(&log->lock);
}

void run_log_printf(struct run_log *log, const char *format, ...)
{
	char text[RUN_LOG_RECORD_BYTES];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(text) - 2)
		n = sizeof(text) - 2;
	if (!n || text[n - 1] != '\n')
		text[n++] = '\n';
	run_log_write(log, RUN_LOG_AGENT, text, (size_t)n);
}

struct growing *run_log_file(const struct run_log *log)
{
	return log->file;
}

uint64_t run_log_cut(const struct run_log *log)
{
	return log->cut_bytes;
}

void run_log_close(struct run_log *log)
{
	if (!log)
		return;
	growing_unref(log->file);
	pthread_mutex_destroy(&log->lock);
	free(log);
}

/* Where the records end, and the time of the last one. */
static int find_end(int fd, uint64_t *t_us, off_t *end)
{
	char header[HEADER_BYTES];
	uint32_t length;

	*t_us = 0;
	*end = 0;
	while (pread(fd, header, sizeof(header), *end) == (ssize_t)sizeof(header)) {
		memcpy(t_us, header, 8);
		memcpy(&length, header + 8, 4);
		*t_us = le64toh(*t_us);
		length = le32toh(length);
		if (length > RUN_LOG_RECORD_BYTES)
			return -EBADMSG;
		*end += HEADER_BYTES + (off_t)length;
	}
	return 0;
}

int run_log_add_line(const char *path, const char *text, struct fault *f)
{
	_cleanup_(file_close) int fd = open(path, O_RDWR | O_CLOEXEC);
	char record[HEADER_BYTES + FAULT_TEXT_BYTES];
	int n = snprintf(record + HEADER_BYTES, FAULT_TEXT_BYTES, "%s\n", text);
	uint64_t t_us;
	off_t end;
	int rc;

	if (fd < 0)
		return fault_errno(f, errno, "%s", path);
	if (n >= FAULT_TEXT_BYTES)
		n = FAULT_TEXT_BYTES - 1;
	rc = find_end(fd, &t_us, &end);
	if (!rc) {
		make_header(record, t_us, RUN_LOG_AGENT, (size_t)n);
		rc = file_pwrite_all(fd, record, HEADER_BYTES + (size_t)n, end);
	}
	return rc ? fault_errno(f, -rc, "%s", path) : 0;
}
