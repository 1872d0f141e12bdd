#include "instruments/nordic_zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/buffer.h"
#include "protocols/capture/nordic.h"

#define MINIMAP_MAX_BYTES (4u << 20)

struct nordic_zip {
	struct archive *zip;
	struct nordic *nordic;
	int64_t started_at_ms;
	uint64_t samples;
	nordic_zip_fn sink;
	void *arg;
	bool begun;
	int rc; /* the first that failed */
};

static la_ssize_t written(struct archive *a, void *arg, const void *data, size_t n)
{
	struct nordic_zip *z = arg;

	(void)a;
	if (!z->rc)
		z->rc = z->sink(z->arg, data, n);
	return z->rc ? -1 : (la_ssize_t)n;
}

/* libarchive's own failures have no number but for its memory. */
static int judge(struct nordic_zip *z, bool good)
{
	if (!good && !z->rc)
		z->rc = -ENOMEM;
	return z->rc;
}

static int put(void *arg, const void *bytes, size_t n)
{
	struct nordic_zip *z = arg;

	return judge(z, archive_write_data(z->zip, bytes, n) == (la_ssize_t)n);
}

static int put_to_buffer(void *arg, const void *bytes, size_t n)
{
	return buffer_add(arg, bytes, n);
}

static int begin_file(struct nordic_zip *z, const char *name, uint64_t bytes)
{
	struct archive_entry *entry = archive_entry_new();
	bool good = false;

	if (entry) {
		archive_entry_set_pathname(entry, name);
		archive_entry_set_size(entry, (la_int64_t)bytes);
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_perm(entry, 0644);
		archive_entry_set_mtime(entry, (time_t)(z->started_at_ms / 1000), 0);
		good = archive_write_header(z->zip, entry) == ARCHIVE_OK;
	}
	archive_entry_free(entry);
	return judge(z, good);
}

int nordic_zip_new(const struct ppk2_converter *converter, int64_t started_at_ms, uint64_t samples,
	nordic_zip_fn sink, void *arg, struct nordic_zip **out)
{
	struct nordic_zip *z = calloc(1, sizeof(*z));

	if (!z)
		return -ENOMEM;
	z->started_at_ms = started_at_ms;
	z->samples = samples;
	z->sink = sink;
	z->arg = arg;
	z->zip = archive_write_new();
	if (!z->zip || nordic_new(converter, put, z, &z->nordic)) {
		nordic_zip_free(z);
		return -ENOMEM;
	}
	*out = z;
	return 0;
}

static int begin(struct nordic_zip *z)
{
	if (z->begun || z->rc)
		return z->rc;
	z->begun = true;
	if (judge(z,
		    archive_write_set_format_zip(z->zip) == ARCHIVE_OK &&
			    archive_write_zip_set_compression_deflate(z->zip) == ARCHIVE_OK &&
			    archive_write_set_bytes_per_block(z->zip, 0) == ARCHIVE_OK &&
			    archive_write_open(z->zip, z, NULL, written, NULL) == ARCHIVE_OK))
		return z->rc;
	return begin_file(z, "session.raw", z->samples * NORDIC_SAMPLE_BYTES);
}

int nordic_zip_write(struct nordic_zip *z, const struct ppk2_block *block)
{
	int rc = begin(z);

	if (!rc)
		rc = z->rc = nordic_write(z->nordic, block);
	return rc;
}

static int put_small_files(struct nordic_zip *z)
{
	struct buffer map = BUFFER_INIT(MINIMAP_MAX_BYTES);
	char metadata[NORDIC_METADATA_BYTES];
	size_t n = nordic_metadata(z->started_at_ms, metadata);
	int rc = begin_file(z, "metadata.json", n);

	if (!rc)
		rc = put(z, metadata, n);
	if (!rc)
		rc = z->rc = nordic_minimap(z->nordic, put_to_buffer, &map);
	if (!rc)
		rc = begin_file(z, "minimap.raw", map.n);
	if (!rc)
		rc = put(z, map.data, map.n);
	buffer_done(&map);
	return rc;
}

int nordic_zip_end(struct nordic_zip *z)
{
	int rc = begin(z);

	if (!rc)
		rc = put_small_files(z);
	if (!rc)
		rc = judge(z, archive_write_close(z->zip) == ARCHIVE_OK);
	return rc;
}

void nordic_zip_free(struct nordic_zip *z)
{
	if (!z)
		return;
	if (!z->rc)
		z->rc = -ECANCELED;
	archive_write_free(z->zip);
	nordic_free(z->nordic);
	free(z);
}
