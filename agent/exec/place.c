#include "agent/exec/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"

static int copy(int in, int out, off_t left)
{
	while (left > 0) {
		ssize_t n = copy_file_range(in, NULL, out, NULL, (size_t)left, 0);

		if (n <= 0)
			return n ? -errno : -EIO;
		left -= n;
	}
	return 0;
}

int place_file(const char *from, const char *folder, const char *name, uint64_t *room_bytes,
	struct fault *f)
{
	_cleanup_(file_close) int in = -1;
	_cleanup_(file_close) int out = -1;
	char to[FILE_PATH_BYTES];
	struct stat st;
	int rc;

	if (!name[0] || strchr(name, '/') || name[0] == '.' || name[0] == '-')
		return fault_set(f, EINVAL, "file '%s': a plain name is needed", name);
	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0 || fstat(in, &st))
		return fault_errno(f, errno, "cannot read %s", from);
	if ((uint64_t)st.st_size > *room_bytes)
		return fault_set(f, EFBIG,
			"the job's files have more than %" PRIu64
			" MiB together; file '%s' finds no "
			"room",
			PLACE_MAX_BYTES >> 20, name);
	if (file_path(to, sizeof(to), "%s/%s", folder, name))
		return fault_errno(f, ENAMETOOLONG, "file '%s'", name);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (out < 0)
		return fault_errno(f, errno, "cannot write %s", to);
	rc = copy(in, out, st.st_size);
	if (rc)
		return fault_errno(f, -rc, "cannot copy %s", to);
	*room_bytes -= (uint64_t)st.st_size;
	return 0;
}
