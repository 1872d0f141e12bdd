#include "cli/ppk2_archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/file.h"
#include "instruments/nordic_zip.h"

struct ppk2_archive {
	const char *path;
	int fd;
	struct nordic_zip *zip;
	int error; /* -errno */
};

static int to_file(void *arg, const void *bytes, size_t n)
{
	struct ppk2_archive *a = arg;

	return file_write_all(a->fd, bytes, n);
}

int ppk2_archive_new(const char *path, const struct ppk2_converter *converter,
	int64_t started_at_ms, uint64_t samples, struct ppk2_archive **out, struct fault *f)
{
	struct ppk2_archive *a = calloc(1, sizeof(*a));

	if (!a)
		return fault_set(f, ENOMEM, "out of memory");
	a->path = path;
	a->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	a->error = a->fd >= 0
		? nordic_zip_new(converter, started_at_ms, samples, to_file, a, &a->zip)
		: -errno;
	if (a->error)
		return ppk2_archive_end(a, false, f);
	*out = a;
	return 0;
}

void ppk2_archive_give(struct ppk2_archive *a, const struct ppk2_block *block)
{
	if (!a->error)
		a->error = nordic_zip_write(a->zip, block);
}

int ppk2_archive_end(struct ppk2_archive *a, bool keep, struct fault *f)
{
	int err = a->error;

	if (!err)
		err = keep ? nordic_zip_end(a->zip) : -ECANCELED;
	nordic_zip_free(a->zip);
	if (a->fd >= 0 && close(a->fd) != 0 && !err)
		err = -errno;
	if (err) {
		fault_errno(f, -err, "cannot write %s", a->path);
		if (a->fd >= 0)
			unlink(a->path);
	}
	free(a);
	return err;
}
