#include "server/captures/index_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "common/cleanup.h"
#include "common/file.h"

#define RECORD_MAX_BYTES (4u << 20) /* a block with as many gaps as it can have */

struct head {
	uint32_t kind, bytes, crc, zero;
};

struct file_header {
	uint64_t version, order, run;
};

#define ORDER UINT64_C(0x0102030405060708)

static uint32_t crc_of(const void *bytes, size_t n, uint32_t crc)
{
	return (uint32_t)crc32_z(crc, bytes, n);
}

static int read_all(int fd, void *out, size_t n, int64_t at)
{
	ssize_t got = pread(fd, out, n, at);

	if (got < 0)
		return -errno;
	return (size_t)got == n ? 0 : -EBADMSG;
}

static int check_header(const void *bytes, size_t n)
{
	struct file_header h;

	if (n != sizeof(h))
		return -EBADMSG;
	memcpy(&h, bytes, sizeof(h));
	return h.version == INDEX_VERSION && h.order == ORDER ? 0 : -EBADMSG;
}

/* 0: the file ends here. */
static int read_record(struct index_file *x, char **room, size_t *has, struct head *h)
{
	int rc = read_all(x->fd, h, sizeof(*h), x->end);

	if (rc)
		return rc;
	if (h->bytes > RECORD_MAX_BYTES)
		return -EBADMSG;
	if (h->bytes > *has) {
		char *more = realloc(*room, h->bytes);

		if (!more)
			return -ENOMEM;
		*room = more;
		*has = h->bytes;
	}
	rc = read_all(x->fd, *room, h->bytes, x->end + (int64_t)sizeof(*h));
	return rc ? rc : crc_of(*room, h->bytes, 0) == h->crc ? 0 : -EBADMSG;
}

int index_file_open(struct index_file *x, index_record_fn give, void *arg)
{
	_cleanup_free_ char *room = NULL;
	size_t has = 0;
	off_t size;
	int rc = 0;

	x->end = 0;
	x->fd = open(x->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (x->fd < 0)
		return errno == ENOENT ? -EBADMSG : -errno;
	size = lseek(x->fd, 0, SEEK_END);
	do {
		struct head h;

		rc = read_record(x, &room, &has, &h);
		if (!rc && x->end == 0)
			rc = h.kind == INDEX_HEADER ? check_header(room, h.bytes) : -EBADMSG;
		else if (!rc)
			rc = give(arg, (enum index_kind)h.kind, x->end, room, h.bytes);
		if (!rc)
			x->end += (int64_t)(sizeof(h) + h.bytes);
	} while (!rc && x->end < size);
	return rc;
}

int index_file_begin(struct index_file *x, int64_t run)
{
	struct file_header h = {INDEX_VERSION, ORDER, (uint64_t)run};
	int64_t at;

	index_file_close(x);
	if (unlink(x->path) != 0 && errno != ENOENT)
		return -errno;
	x->fd = open(x->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (x->fd < 0)
		return -errno;
	x->end = 0;
	return index_file_add(x, INDEX_HEADER, &h, sizeof(h), NULL, 0, &at);
}

int index_file_add(struct index_file *x, enum index_kind kind, const void *bytes, size_t n,
	const void *more, size_t n_more, int64_t *at)
{
	struct head h = {.kind = kind, .bytes = (uint32_t)(n + n_more)};
	int64_t to = x->end;
	int rc;

	h.crc = crc_of(bytes, n, 0);
	if (n_more)
		h.crc = crc_of(more, n_more, h.crc);
	rc = file_pwrite_all(x->fd, &h, sizeof(h), to);
	if (!rc)
		rc = file_pwrite_all(x->fd, bytes, n, to + (int64_t)sizeof(h));
	if (!rc && n_more)
		rc = file_pwrite_all(x->fd, more, n_more, to + (int64_t)(sizeof(h) + n));
	if (rc)
		return rc;
	*at = to;
	x->end = to + (int64_t)(sizeof(h) + n + n_more);
	return 0;
}

int index_file_buckets(
	const struct index_file *x, int64_t at, size_t first, size_t n, struct bucket *out)
{
	int64_t from = at +
		(int64_t)(sizeof(struct head) + offsetof(struct index_chunk, buckets) +
			first * sizeof(*out));

	return read_all(x->fd, out, n * sizeof(*out), from);
}

void index_file_close(struct index_file *x)
{
	file_close(&x->fd);
	x->fd = -1;
}
