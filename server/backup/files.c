#include "server/backup/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "common/file.h"

int files_hold(const char *data, int *fd, struct fault *f)
{
	char path[FILE_PATH_BYTES];

	if (file_path(path, sizeof(path), "%s/logs", data))
		return fault_set(f, ENAMETOOLONG, "%s: the name is too long", data);
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return errno == ENOENT ? 0 : fault_errno(f, errno, "cannot open %s", path);
	return flock(*fd, LOCK_SH) ? fault_errno(f, errno, "cannot lock %s", path) : 0;
}
