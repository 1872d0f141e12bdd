#include "cli/ppk2_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buffer.h"
#include "protocols/capture/nordic.h"

#define MINIMAP_MAX_BYTES (4 << 20)

struct ppk2_archive {
	const char *path;
	int64_t started_at_ms;
	struct archive *zip;
	struct nordic *nordic;
	bool opened; /* the file is ours */
	int error;   /* -errno */
};

static int zip_error(struct archive *zip)
{
	int e = archive_errno(zip);

	return e > 0 ? -e : -EIO;
}

static int put(void *arg, const void *bytes, size_t n)
{
	struct ppk2_archive *a = arg;

	return archive_write_data(a->zip, bytes, n) == (la_ssize_t)n ? 0 : zip_error(a->zip);
}

static int start_file(struct ppk2_archive *a, const char *name, uint64_t bytes)
{
	struct archive_entry *e = archive_entry_new();
	int err = 0;

	if (!e)
		return -ENOMEM;
	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, (la_int64_t)bytes);
	archive_entry_set_mtime(e, (time_t)(a->started_at_ms / 1000), 0);
	if (archive_write_header(a->zip, e) != ARCHIVE_OK)
		err = zip_error(a->zip);
	archive_entry_free(e);
	return err;
}

int ppk2_archive_new(const char *path, const struct ppk2_converter *converter,
	int64_t started_at_ms, uint64_t samples, struct ppk2_archive **out, struct fault *f)
{
	struct ppk2_archive *a = calloc(1, sizeof(*a));

	if (!a)
		return fault_set(f, ENOMEM, "out of memory");
	a->path = path;
	a->started_at_ms = started_at_ms;
	a->zip = archive_write_new();
	a->error = a->zip ? nordic_new(converter, put, a, &a->nordic) : -ENOMEM;
	if (!a->error && archive_write_set_format_zip(a->zip) != ARCHIVE_OK)
		a->error = zip_error(a->zip);
	if (!a->error) {
		a->opened = archive_write_open_filename(a->zip, path) == ARCHIVE_OK;
		a->error = a->opened ? 0 : zip_error(a->zip);
	}
	if (!a->error)
		a->error = start_file(a, "session.raw", NORDIC_SAMPLE_BYTES * samples);
	if (a->error)
		return ppk2_archive_end(a, false, f);
	*out = a;
	return 0;
}

void ppk2_archive_give(struct ppk2_archive *a, const struct ppk2_block *block)
{
	if (!a->error)
		a->error = nordic_write(a->nordic, block);
}

static int add(void *arg, const void *bytes, size_t n)
{
	return buffer_add(arg, bytes, n);
}

static int put_small_files(struct ppk2_archive *a)
{
	struct buffer map = BUFFER_INIT(MINIMAP_MAX_BYTES);
	char metadata[NORDIC_METADATA_BYTES];
	size_t n = nordic_metadata(a->started_at_ms, metadata);
	int err = start_file(a, "metadata.json", n);

	if (!err)
		err = put(a, metadata, n);
	if (!err)
		err = nordic_minimap(a->nordic, add, &map);
	if (!err)
		err = start_file(a, "minimap.raw", map.n);
	if (!err)
		err = put(a, map.data, map.n);
	buffer_done(&map);
	return err;
}

int ppk2_archive_end(struct ppk2_archive *a, bool keep, struct fault *f)
{
	int err;

	if (!keep && !a->error)
		a->error = -ECANCELED;
	if (!a->error)
		a->error = put_small_files(a);
	if (a->zip && archive_write_close(a->zip) != ARCHIVE_OK && !a->error)
		a->error = zip_error(a->zip);
	err = a->error;
	if (err) {
		fault_errno(f, -err, "cannot write %s", a->path);
		if (a->opened)
			unlink(a->path);
	}
	archive_write_free(a->zip);
	nordic_free(a->nordic);
	free(a);
	return err;
}
