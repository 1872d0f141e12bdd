/* A trace from its files: the index as far as it can be believed, the capture for the rest. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "server/captures/trace_inside.h"

#define READ_BYTES (1 << 20)

static void forget_all(struct trace *t)
{
	t->done = 0;
	t->has_header = false;
	t->n_blocks = t->n_chunks = t->n_spans = 0;
	t->totals = (struct trace_totals){0};
	ppk2_filter_reset(&t->filter);
	pyramid_init(&t->pyramid, 0);
	buffer_clear(&t->tail);
}

static int loaded_record(void *arg, enum index_kind kind, int64_t at, const void *bytes, size_t n)
{
	struct trace *t = arg;
	struct trace_block b;
	uint64_t chunk;

	if (kind == INDEX_CHUNK && n == sizeof(struct index_chunk)) {
		memcpy(&chunk, bytes, sizeof(chunk));
		if (t->n_chunks && t->chunks[t->n_chunks - 1].chunk >= chunk)
			return -EBADMSG;
		return trace_add_chunk(t, chunk, at);
	}
	if (kind != INDEX_BLOCK || n < sizeof(b) || (n - sizeof(b)) % sizeof(struct trace_span))
		return -EBADMSG;
	memcpy(&b, bytes, sizeof(b));
	if (b.from != t->done || (t->n_blocks && b.cover != t->totals.end) ||
		t->n_blocks == TRACE_BLOCKS_MAX)
		return -EBADMSG;
	return trace_add_block(t, &b, (const struct trace_span *)((const char *)bytes + sizeof(b)),
		(n - sizeof(b)) / sizeof(struct trace_span));
}

/* The index may be of bytes that never were committed, or of another file. */
static bool is_of_this_file(const struct trace *t, int64_t length)
{
	const struct trace_block *last = t->n_blocks ? &t->blocks[t->n_blocks - 1] : NULL;
	char head[TRACE_HEAD_BYTES];

	/* A chunk is put down by a sample behind it: its block must be there too. */
	if (t->n_chunks &&
		(t->chunks[t->n_chunks - 1].chunk + 1) * PYRAMID_CHUNK_SAMPLES >= t->totals.end)
		return false;
	if (!last)
		return true;
	return last->from + last->bytes <= length &&
		pread(t->fd, head, sizeof(head), last->from) == sizeof(head) &&
		trace_crc_in(head) == last->crc;
}

static int read_block(
	struct trace *t, const struct trace_block *b, struct capture_record *rec, struct fault *f)
{
	_cleanup_free_ char *bytes = malloc(b->bytes);
	ssize_t n;
	int rc;

	if (!bytes)
		return fault_set(f, ENOMEM, "out of memory");
	n = pread(t->fd, bytes, b->bytes, b->from);
	if (n < 0)
		return fault_errno(f, errno, "cannot read %s", t->path);
	if ((size_t)n < b->bytes)
		return fault_set(f, ENODATA, "the end of %s is not written yet", t->path);
	rc = capture_read(t->reader, bytes, b->bytes, rec, f);
	if (rc == 1)
		return 0;
	if (rc == 0)
		fault_set(f, EBADMSG, "it is shorter than it was");
	return fault_wrap(f, "%s is damaged at byte %lld", t->path, (long long)b->from);
}

int trace_replay(struct trace *t, const struct trace_block *b, ppk2_block_fn give, void *arg,
	struct fault *f)
{
	struct capture_record *rec = malloc(sizeof(*rec));
	int rc = rec ? read_block(t, b, rec, f) : fault_set(f, ENOMEM, "out of memory");

	free(rec);
	if (!rc)
		capture_replay(t->reader, give, arg);
	return rc;
}

/* The chunk that was not whole when the file was left, and the filter as it stood. */
static int fill_last_chunk(struct trace *t, struct fault *f)
{
	struct capture_record *rec = malloc(sizeof(*rec));
	uint64_t next = t->n_chunks ? t->chunks[t->n_chunks - 1].chunk + 1 : 0;
	int rc = rec ? 0 : fault_set(f, ENOMEM, "out of memory");
	size_t i;

	t->pyramid_from = next * PYRAMID_CHUNK_SAMPLES;
	pyramid_init(&t->pyramid, next);
	i = trace_find_block(t, t->pyramid_from);
	if (t->n_blocks && i == t->n_blocks)
		i--;
	for (; i < t->n_blocks && !rc; i++) {
		t->filter = t->blocks[i].filter;
		rc = read_block(t, &t->blocks[i], rec, f);
		if (!rc)
			rc = trace_replay_now(t, rec);
	}
	free(rec);
	return rc;
}

static int load_index(struct trace *t, int64_t length)
{
	int64_t after_header = t->done;
	int rc = index_file_open(&t->index, loaded_record, t);

	if (!rc && !is_of_this_file(t, length))
		rc = -EBADMSG;
	if (!rc)
		rc = fill_last_chunk(t, NULL);
	if (rc == -ENOMEM)
		return rc;
	if (rc) {
		forget_all(t);
		rc = index_file_begin(&t->index, t->run);
		t->loaded = !rc;
		return rc;
	}
	if (t->done > after_header)
		buffer_clear(&t->tail);
	t->loaded = true;
	return 0;
}

static int read_piece(
	struct trace *t, char *room, int64_t length, bool header_only, struct fault *f)
{
	int64_t at = trace_position(t), left = length - at;
	ssize_t n = pread(t->fd, room, left < READ_BYTES ? (size_t)left : READ_BYTES, at);
	int rc;

	if (n < 0)
		return fault_errno(f, errno, "cannot read %s", t->path);
	if (n == 0)
		rc = fault_set(f, EBADMSG, "it ends at byte %lld of %lld", (long long)at,
			(long long)length);
	else
		rc = trace_add_bytes(t, room, (size_t)n, header_only, f);
	if (rc != -EBADMSG)
		return rc;
	fault_wrap(f, "the capture of run %lld is damaged on the server's disk", (long long)t->run);
	snprintf(t->damage, sizeof(t->damage), "%.250s", f->text);
	return 0;
}

int trace_catch_up(struct trace *t, int64_t length, struct fault *f)
{
	struct fault own = {0};
	char *room = NULL;
	int rc = 0;

	f = f ? f : &own;
	if (t->fd < 0)
		t->fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (t->fd < 0)
		return fault_errno(
			f, errno, "cannot read the capture of run %lld", (long long)t->run);
	if (trace_position(t) >= length || t->damage[0])
		return 0;
	room = malloc(READ_BYTES);
	if (!room)
		return fault_set(f, ENOMEM, "out of memory");
	while (!rc && !t->loaded && !t->has_header && trace_position(t) < length && !t->damage[0])
		rc = read_piece(t, room, length, true, f);
	if (!rc && !t->loaded && t->has_header && !t->damage[0]) {
		rc = load_index(t, length);
		if (rc)
			fault_errno(f, -rc, "cannot read or make %s", t->index.path);
	}
	while (!rc && t->loaded && trace_position(t) < length && !t->damage[0])
		rc = read_piece(t, room, length, false, f);
	free(room);
	return rc;
}
