#include "server/captures/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/file.h"

struct walk {
	int fd;
	int64_t at, end; /* bytes of the file */
	uint64_t from, to;
	struct ppk2_converter converter;
	struct capture_reader *reader;
	struct capture_record rec; /* its header is the capture's */
	struct capture_header header;
	/* The block that is being given. */
	uint64_t index; /* of the next word */
	size_t word, n, gap, bad;
	char bytes[CAPTURE_RECORD_MAX_BYTES];
};

int walk_open(const struct trace *t, int64_t length, uint64_t from, uint64_t to, struct walk **out,
	struct fault *f)
{
	struct walk *w = calloc(1, sizeof(*w));
	size_t n, first = trace_find_block(t, from);
	const struct trace_block *blocks = trace_blocks(t, &n);
	uint64_t end;

	if (!w)
		return fault_set(f, ENOMEM, "out of memory");
	/* The trace may know of samples that have come and may not be read yet. */
	while (n && blocks[n - 1].from + blocks[n - 1].bytes > length)
		n--;
	end = n ? blocks[n - 1].end : 0;
	w->fd = trace_dup_fd(t);
	w->from = from;
	w->to = to < end ? to : end;
	w->converter = *trace_converter(t);
	w->header = *trace_header(t);
	w->at = first < n ? blocks[first].from : length;
	w->end = length;
	if (w->fd < 0 || capture_reader_new(&w->reader)) {
		walk_close(w);
		return fault_set(f, ENOMEM, "out of memory");
	}
	*out = w;
	return 0;
}

void walk_close(struct walk *w)
{
	if (!w)
		return;
	file_close(&w->fd);
	capture_reader_free(w->reader);
	free(w);
}

const struct ppk2_converter *walk_converter(const struct walk *w)
{
	return &w->converter;
}

const struct capture_header *walk_header(const struct walk *w)
{
	return &w->header;
}

uint64_t walk_from(const struct walk *w)
{
	return w->from;
}

uint64_t walk_to(const struct walk *w)
{
	return w->to;
}

/* 1: a block is there. */
static int next_block(struct walk *w)
{
	int64_t left = w->end - w->at;
	ssize_t n;
	int rc;

	if (left <= 0)
		return 0;
	n = pread(w->fd, w->bytes,
		left < (int64_t)sizeof(w->bytes) ? (size_t)left : sizeof(w->bytes), w->at);
	if (n <= 0)
		return n < 0 ? -errno : -EIO;
	rc = capture_read(w->reader, w->bytes, (size_t)n, &w->rec, NULL);
	/* The last one is not whole yet, or it is the end. */
	if (rc <= 0 || w->rec.kind != CAPTURE_BLOCK)
		return rc < 0 ? rc : 0;
	w->at += (int64_t)w->rec.bytes;
	w->index = w->rec.index;
	w->n = w->rec.samples;
	w->word = w->gap = w->bad = 0;
	return 1;
}

static void take_word(struct walk *w, struct walk_sample *out)
{
	size_t n, n_gaps, n_bad;
	const uint32_t *words = capture_words(w->reader, &n);
	const struct capture_span *gaps = capture_gaps(w->reader, &n_gaps);
	const struct capture_span *bad = capture_invalid(w->reader, &n_bad);

	*out = (struct walk_sample){.word = words[w->word]};
	if (w->gap < n_gaps && gaps[w->gap].at == w->word) {
		out->lost_before = gaps[w->gap++].n;
		/* The block's index counts what was lost before its first word. */
		w->index += w->word ? out->lost_before : 0;
	}
	while (w->bad < n_bad && bad[w->bad].at + bad[w->bad].n <= w->word)
		w->bad++;
	out->invalid = w->bad < n_bad && bad[w->bad].at <= w->word;
	out->index = w->index++;
	w->word++;
}

int walk_next(struct walk *w, struct walk_sample *out)
{
	for (;;) {
		if (w->word == w->n) {
			int rc = next_block(w);

			if (rc <= 0)
				return rc;
		}
		take_word(w, out);
		if (out->index >= w->to)
			return 0;
		if (out->index >= w->from)
			return 1;
	}
}
