/*
 * Hostile captures. The checksum is put right first, so that what lies behind it is reached too: what
 * is read must be in order, and written and read again it is the same.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "protocols/capture/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FILE_BYTES (4 << 20)

struct copy {
	struct capture_writer *writer;
	uint64_t hash, end;
	bool any, gap_in_index;
};

static uint8_t file[FILE_BYTES];
static size_t file_n;

static int append(void *arg, const void *bytes, size_t n)
{
	if (n > sizeof(file) - file_n)
		return -EFBIG;
	memcpy(file + file_n, bytes, n);
	file_n += n;
	return 0;
}

static void see(void *arg, const struct ppk2_block *block)
{
	struct copy *c = arg;

	if (!block->n || block->n > PPK2_STREAM_BLOCK || block->index < block->lost_before)
		abort();
	/* Records may be of anywhere; within one they follow on each other. */
	if (c->any && block->index - block->lost_before != c->end)
		c->gap_in_index = true;
	c->any = true;
	c->end = block->index + block->n;
	for (size_t i = 0; i < block->n; i++) {
		uint64_t row[4] = {block->index + i, block->words[i], i ? 0 : block->lost_before,
			block->invalid};

		for (int k = 0; k < 4; k++)
			c->hash = (c->hash ^ row[k]) * 1099511628211u;
	}
	if (c->writer && capture_write(c->writer, block))
		abort();
}

static void read_all(const uint8_t *data, size_t n, struct copy *c, bool must_be_whole)
{
	static struct capture_record rec;
	static struct capture_reader *r; /* making one for each input would take most of the time */
	struct fault f;
	int got;

	if (!r && capture_reader_new(&r))
		abort();
	while ((got = capture_read(r, data, n, &rec, &f)) == 1) {
		if (rec.bytes > n)
			abort();
		data += rec.bytes;
		n -= rec.bytes;
		capture_replay(r, see, c);
	}
	if (must_be_whole && (got || n))
		abort();
}

/* As many records as their own lengths allow. */
static void mend_checksums(uint8_t *p, size_t n)
{
	uint32_t bytes, crc;

	while (n >= 16) {
		memcpy(&bytes, p + 4, 4);
		if (bytes > n - 16)
			return;
		crc = (uint32_t)crc32(0, p + 16, bytes);
		memcpy(p + 8, &crc, 4);
		p += 16 + bytes;
		n -= 16 + bytes;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct capture_header header = {
		.mode = PPK2_SOURCE, .metadata = "END\n", .metadata_bytes = 4};
	struct copy first = {0}, second = {0}, third = {0};
	uint8_t *mended = malloc(n ? n : 1);

	if (!mended)
		return 0;
	memcpy(mended, data, n);
	mend_checksums(mended, n);
	read_all(mended, n, &first, false);
	if (first.any && !first.gap_in_index) {
		file_n = 0;
		if (capture_writer_new(&header, append, NULL, &second.writer))
			abort();
		read_all(mended, n, &second, false);
		if (!capture_writer_end(second.writer, 0)) {
			read_all(file, file_n, &third, true);
			if (first.hash != third.hash)
				abort();
		}
		capture_writer_free(second.writer);
	}
	free(mended);
	return 0;
}
