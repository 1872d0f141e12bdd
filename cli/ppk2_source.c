#include "cli/ppk2_source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "protocols/capture/capture.h"

/* Two records, so that a whole one always fits. */
#define PIECE_BYTES (2 * CAPTURE_RECORD_MAX_BYTES)

/* Counts what goes by. */
struct tee {
	ppk2_block_fn give;
	void *arg;
	struct ppk2_totals *totals;
};

static void count(void *arg, const struct ppk2_block *block)
{
	struct tee *tee = arg;
	struct ppk2_totals *t = tee->totals;

	t->received += block->n;
	t->lost += block->lost_before;
	t->invalid += block->invalid ? block->n : 0;
	for (size_t i = 0; i < block->n; i++)
		t->clipped += ppk2_adc(block->words[i]) == PPK2_ADC_MAX;
	t->end = block->index + block->n;
	tee->give(tee->arg, block);
}

static enum exit_code open_file(const char *path, struct ppk2_source *out, struct fault *f)
{
	struct stat st;

	*out = (struct ppk2_source){.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
	if (out->fd < 0 || fstat(out->fd, &st)) {
		fault_errno(f, errno, "cannot read %s", path);
		ppk2_source_close(out);
		return EXIT_LOCAL_FILE;
	}
	if (S_ISDIR(st.st_mode)) {
		fault_set(f, EISDIR, "%s is a folder, not a file", path);
		ppk2_source_close(out);
		return EXIT_LOCAL_FILE;
	}
	out->started_at_ms = (int64_t)st.st_mtim.tv_sec * 1000;
	return EXIT_OK;
}

enum exit_code ppk2_source_open_raw(const char *path, const char *metadata_path,
	uint32_t voltage_mV, struct ppk2_source *out, struct fault *f)
{
	_cleanup_free_ char *text = NULL;
	enum exit_code code = open_file(path, out, f);
	size_t n;

	if (code)
		return code;
	out->converter.vdd_mV = voltage_mV;
	if (file_read(metadata_path, PPK2_METADATA_MAX_BYTES, &text, &n, f) ||
		(ppk2_metadata_parse(text, n, &out->converter.metadata, f) &&
			fault_wrap(f, "%s", metadata_path))) {
		ppk2_source_close(out);
		return EXIT_LOCAL_FILE;
	}
	return EXIT_OK;
}

void ppk2_source_close(struct ppk2_source *s)
{
	file_close(&s->fd);
}

/* Up to n bytes; 0 at the end of the file, -1 with a fault. */
static ssize_t read_some(struct ppk2_source *s, void *data, size_t n, struct fault *f)
{
	ssize_t got;

	do
		got = read(s->fd, data, n);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		fault_errno(f, errno, "cannot read %s", s->path);
	return got;
}

static enum exit_code run_raw(struct ppk2_source *s, struct tee *tee, void *data, struct fault *f)
{
	struct ppk2_stream stream;
	uint64_t bytes = 0;
	ssize_t got;

	ppk2_stream_init(&stream, count, tee);
	while ((got = read_some(s, data, PIECE_BYTES, f)) > 0) {
		ppk2_stream_feed(&stream, data, (size_t)got);
		bytes += (uint64_t)got;
	}
	ppk2_stream_end(&stream);
	tee->totals->skipped_bytes = stream.skipped_bytes;
	if (got < 0)
		return EXIT_LOCAL_FILE;
	if (stream.ever_locked)
		return EXIT_OK;
	fault_set(f, EBADMSG,
		"%s has no samples of a PPK2: nowhere in its %" PRIu64
		" bytes are 9 counters in sequence; it should hold the bytes of the data port "
		"as they came",
		s->path, bytes);
	return EXIT_LOCAL_FILE;
}

/* The record at the front: 1, 0 when it is not whole, -1 with a fault. */
static int take_record(struct ppk2_source *s, struct capture_reader *r, const char *data, size_t n,
	bool first, struct capture_record *rec, struct fault *f)
{
	int got = capture_read(r, data, n, rec, f);

	if (got == 1 && first != (rec->kind == CAPTURE_HEADER))
		got = fault_set(f, EBADMSG, "capture: %s",
			first ? "it does not begin with a header" : "it has a second header");
	if (got == 1 && first) {
		s->converter.vdd_mV = rec->header.voltage_mV;
		s->started_at_ms = rec->header.started_at_ms;
		got = ppk2_metadata_parse(rec->header.metadata, rec->header.metadata_bytes,
			      &s->converter.metadata, f)
			? -1
			: 1;
	}
	return got < 0 ? -1 : got;
}

/* tee NULL: the header only. */
static enum exit_code read_capture(struct ppk2_source *s, struct tee *tee, char *data,
	struct capture_reader *r, struct fault *f)
{
	_cleanup_free_ struct capture_record *rec = calloc(1, sizeof(*rec));
	uint64_t place = 0;
	bool first = true;
	size_t n = 0, at;
	ssize_t read_n;
	int got;

	if (!rec) {
		fault_set(f, ENOMEM, "out of memory");
		return EXIT_LOCAL_FILE;
	}
	while ((read_n = read_some(s, data + n, PIECE_BYTES - n, f)) > 0) {
		n += (size_t)read_n;
		for (at = 0; (got = take_record(s, r, data + at, n - at, first, rec, f)) == 1;) {
			if (!tee || rec->kind == CAPTURE_END)
				return EXIT_OK;
			if (rec->kind == CAPTURE_BLOCK)
				capture_replay(r, count, tee);
			at += rec->bytes;
			first = false;
		}
		if (got < 0) {
			fault_wrap(f, "%s at byte %" PRIu64, s->path, place + at);
			return EXIT_LOCAL_FILE;
		}
		place += at;
		n -= at;
		memmove(data, data + at, n);
	}
	if (read_n < 0)
		return EXIT_LOCAL_FILE;
	if (first) {
		fault_set(
			f, EBADMSG, "%s is no capture, or is cut within its first record", s->path);
		return EXIT_LOCAL_FILE;
	}
	tee->totals->cut = true;
	return EXIT_OK;
}

static enum exit_code run_capture(
	struct ppk2_source *s, struct tee *tee, void *data, struct fault *f)
{
	struct capture_reader *r;
	enum exit_code code;

	if (capture_reader_new(&r)) {
		fault_set(f, ENOMEM, "out of memory");
		return EXIT_LOCAL_FILE;
	}
	code = read_capture(s, tee, data, r, f);
	capture_reader_free(r);
	if (!code && tee && !tee->totals->received) {
		fault_set(f, ENODATA, "%s is a capture without samples", s->path);
		code = EXIT_LOCAL_FILE;
	}
	return code;
}

enum exit_code ppk2_source_open_capture(const char *path, struct ppk2_source *out, struct fault *f)
{
	enum exit_code code = open_file(path, out, f);
	_cleanup_free_ void *data = malloc(PIECE_BYTES);

	if (code)
		return code;
	out->is_capture = out->ran = true;
	if (!data) {
		fault_set(f, ENOMEM, "out of memory");
		code = EXIT_LOCAL_FILE;
	} else {
		code = run_capture(out, NULL, data, f);
	}
	if (code)
		ppk2_source_close(out);
	return code;
}

enum exit_code ppk2_source_run(struct ppk2_source *s, ppk2_block_fn give, void *arg,
	struct ppk2_totals *totals, struct fault *f)
{
	struct tee tee = {.give = give, .arg = arg, .totals = totals};
	_cleanup_free_ void *data = malloc(PIECE_BYTES);

	*totals = (struct ppk2_totals){0};
	if (!data) {
		fault_set(f, ENOMEM, "out of memory");
		return EXIT_LOCAL_FILE;
	}
	if (s->ran && lseek(s->fd, 0, SEEK_SET) < 0) {
		fault_set(f, ESPIPE, "%s is a pipe, and has to be read twice: save it in a file",
			s->path);
		return EXIT_LOCAL_FILE;
	}
	s->ran = true;
	return s->is_capture ? run_capture(s, &tee, data, f) : run_raw(s, &tee, data, f);
}
