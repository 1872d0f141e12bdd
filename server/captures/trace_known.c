/* What is known of a capture: blocks, gaps, sums and the pyramid's buckets. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/captures/trace_inside.h"

const struct capture_header *trace_header(const struct trace *t)
{
	return t->has_header ? &t->header : NULL;
}

const struct ppk2_converter *trace_converter(const struct trace *t)
{
	return &t->converter;
}

struct trace_totals trace_totals(const struct trace *t)
{
	return t->totals;
}

const struct trace_block *trace_blocks(const struct trace *t, size_t *n)
{
	*n = t->n_blocks;
	return t->blocks;
}

size_t trace_find_block(const struct trace *t, uint64_t index)
{
	size_t low = 0, high = t->n_blocks;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->blocks[middle].end > index)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

const struct trace_span *trace_spans(const struct trace *t, size_t *n)
{
	*n = t->n_spans;
	return t->spans;
}

int trace_dup_fd(const struct trace *t)
{
	return fcntl(t->fd, F_DUPFD_CLOEXEC, 3);
}

static int chunk_buckets(struct trace *t, const struct chunk_place *place, size_t first, size_t n,
	struct bucket *out)
{
	if (place)
		return index_file_buckets(&t->index, place->at, first, n, out);
	pyramid_chunk(&t->pyramid, t->scratch.buckets);
	memcpy(out, t->scratch.buckets + first, n * sizeof(*out));
	return 0;
}

/* The part of one chunk that lies in [from, to). */
static int give_chunk(struct trace *t, const struct chunk_place *place, uint64_t chunk,
	unsigned level, uint64_t from, uint64_t to, trace_bucket_fn give, void *arg)
{
	_cleanup_free_ struct bucket *out = NULL;
	uint64_t each = pyramid_buckets(level), begin = chunk * each, end = begin + each;
	size_t n;
	int rc;

	if (begin < from)
		begin = from;
	if (end > to)
		end = to;
	if (begin >= end)
		return 0;
	n = end - begin;
	out = malloc(n * sizeof(*out));
	if (!out)
		return -ENOMEM;
	rc = chunk_buckets(t, place, pyramid_first(level) + (begin - chunk * each), n, out);
	for (size_t i = 0; i < n && !rc; i++)
		give(arg, begin + i, &out[i]);
	return rc;
}

static size_t find_chunk(const struct trace *t, uint64_t chunk)
{
	size_t low = 0, high = t->n_chunks;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->chunks[middle].chunk >= chunk)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

int trace_buckets(struct trace *t, unsigned level, uint64_t from, uint64_t to, trace_bucket_fn give,
	void *arg, struct fault *f)
{
	size_t i = find_chunk(t, from / pyramid_buckets(level));
	int rc = 0;

	for (; i < t->n_chunks && !rc; i++) {
		if (t->chunks[i].chunk * pyramid_buckets(level) >= to)
			break;
		rc = give_chunk(t, &t->chunks[i], t->chunks[i].chunk, level, from, to, give, arg);
	}
	if (!rc && t->pyramid.n)
		rc = give_chunk(t, NULL, t->pyramid.chunk, level, from, to, give, arg);
	return rc ? fault_errno(f, -rc, "cannot read %s", t->index.path) : 0;
}
