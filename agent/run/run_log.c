#include "agent/run/run_log.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

#define HEADER_BYTES 16

struct run_log {
	int fd;
	const struct clock *clock;
	int64_t start_ns;
	size_t limit;
	run_log_wake_fn wake;
	void *wake_arg;
	pthread_mutex_t lock; /* a run's helper threads may write too */
	_Atomic uint64_t size;
	bool cut_said;
	uint64_t cut_bytes;
};

int run_log_open(const char *path, const struct clock *clock, size_t limit, run_log_wake_fn wake,
	void *wake_arg, struct run_log **out, struct fault *f)
{
	struct run_log *log = calloc(1, sizeof(*log));

	if (!log)
		return fault_errno(f, ENOMEM, "run log");
	log->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (log->fd < 0) {
		int error = errno;

		free(log);
		return fault_errno(f, error, "cannot make the run's log %s", path);
	}
	log->clock = clock;
	log->start_ns = clock_mono_ns(clock);
	log->limit = limit ? limit : RUN_LOG_LIMIT_BYTES;
	log->wake = wake;
	log->wake_arg = wake_arg;
	pthread_mutex_init(&log->lock, NULL);
	*out = log;
	return 0;
}

static bool write_record(
	struct run_log *log, enum run_log_stream stream, const void *data, size_t n)
{
	char record[HEADER_BYTES + RUN_LOG_RECORD_BYTES];
	uint64_t t_us = htole64((uint64_t)(clock_mono_ns(log->clock) - log->start_ns) / 1000);
	uint32_t length = htole32((uint32_t)n);
	uint64_t size = atomic_load(&log->size);

	memcpy(record, &t_us, 8);
	memcpy(record + 8, &length, 4);
	record[12] = (char)stream;
	memset(record + 13, 0, 3);
	memcpy(record + HEADER_BYTES, data, n);
	/* The size moves only over whole records: half of one, after an error, is written over. */
	if (file_pwrite_all(log->fd, record, HEADER_BYTES + n, (off_t)size))
		return false;
	atomic_store(&log->size, size + HEADER_BYTES + n);
	return true;
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

		if (atomic_load(&log->size) + HEADER_BYTES + piece > limit_of(log, stream)) {
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
	if (log->wake)
		log->wake(log->wake_arg);
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

uint64_t run_log_size(const struct run_log *log)
{
	return atomic_load(&log->size);
}

int run_log_fd(const struct run_log *log)
{
	return log->fd;
}

uint64_t run_log_cut(const struct run_log *log)
{
	return log->cut_bytes;
}

void run_log_close(struct run_log *log)
{
	if (!log)
		return;
	file_close(&log->fd);
	pthread_mutex_destroy(&log->lock);
	free(log);
}
