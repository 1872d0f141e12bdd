#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/random.h"

#define WALK_DESCRIPTORS 16
#define LOCK_MODE 0660

int file_read(const char *path, size_t limit, char **data, size_t *n, struct fault *f)
{
	_cleanup_(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct buffer b = BUFFER_INIT(limit);
	char block[16384];
	ssize_t got;
	int rc;

	if (fd < 0)
		return fault_errno(f, errno, "cannot read %s", path);
	rc = buffer_add(&b, "", 0);
	while (!rc && (got = read(fd, block, sizeof(block))) != 0) {
		if (got < 0)
			rc = errno == EINTR ? 0 : -errno;
		else
			rc = buffer_add(&b, block, (size_t)got);
	}
	if (rc) {
		buffer_done(&b);
		if (rc == -EFBIG)
			return fault_set(
				f, EFBIG, "%s is over the limit of %zu bytes", path, limit);
		return fault_errno(f, -rc, "cannot read %s", path);
	}
	*data = b.data;
	if (n)
		*n = b.n;
	return 0;
}

int file_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int file_pwrite_all(int fd, const void *data, size_t n, off_t offset)
{
	const char *p = data;

	while (n) {
		ssize_t done = pwrite(fd, p, n, offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		p += done;
		offset += done;
		n -= (size_t)done;
	}
	return 0;
}

int file_path(char *out, size_t room, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(out, room, format, args);
	va_end(args);
	return n >= 0 && (size_t)n < room ? 0 : -ENAMETOOLONG;
}

static int folder_of(const char *path, char folder[FILE_PATH_BYTES])
{
	const char *slash = strrchr(path, '/');
	int n = slash ? (int)(slash - path) : 1;

	return file_path(folder, FILE_PATH_BYTES, "%.*s", n ? n : 1, slash ? path : ".");
}

int file_sync_folder(const char *path, struct fault *f)
{
	char folder[FILE_PATH_BYTES];
	int rc = folder_of(path, folder);
	_cleanup_(file_close) int fd = -1;

	if (rc)
		return fault_errno(f, -rc, "cannot sync the folder of %s", path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		return fault_errno(f, errno, "cannot sync %s", folder);
	return 0;
}

int file_write_whole(const char *path, const void *data, size_t n, mode_t mode, struct fault *f)
{
	char temporary[FILE_PATH_BYTES], tag[9];
	_cleanup_(file_close) int fd = -1;
	int rc;

	random_hex(4, tag);
	rc = file_path(temporary, sizeof(temporary), "%s.%s.tmp", path, tag);
	if (rc)
		return fault_errno(f, -rc, "cannot write %s", path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return fault_errno(f, errno, "cannot write %s", temporary);
	rc = file_write_all(fd, data, n);
	if (!rc && fsync(fd))
		rc = -errno;
	if (!rc && rename(temporary, path))
		rc = -errno;
	if (rc) {
		unlink(temporary);
		return fault_errno(f, -rc, "cannot write %s", path);
	}
	return 0;
}

int file_write_durable(const char *path, const void *data, size_t n, mode_t mode, struct fault *f)
{
	int rc = file_write_whole(path, data, n, mode, f);

	return rc ? rc : file_sync_folder(path, f);
}

/* Cut only at the end: blocks that it has are not asked for again. */
int file_write_over(const char *path, const void *data, size_t n, mode_t mode)
{
	_cleanup_(file_close) int fd =
		open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode);
	int rc;

	if (fd < 0)
		return -errno;
	rc = file_write_all(fd, data, n);
	if (!rc && (ftruncate(fd, (off_t)n) || fsync(fd)))
		rc = -errno;
	return rc;
}

int file_replace_durable(const char *path, const void *data, size_t n, mode_t mode, struct fault *f)
{
	char old[FILE_PATH_BYTES];
	int rc = file_path(old, sizeof(old), "%s.old", path);

	if (!rc)
		rc = file_write_over(old, data, n, mode);
	/* Not every file system can exchange, and the first time there is nothing to exchange with. */
	if (!rc && renameat2(AT_FDCWD, old, AT_FDCWD, path, RENAME_EXCHANGE) && rename(old, path))
		rc = -errno;
	return rc ? fault_errno(f, -rc, "cannot write %s", path) : file_sync_folder(path, f);
}

int file_make_folders(const char *path, mode_t mode, struct fault *f)
{
	char part[FILE_PATH_BYTES];
	struct stat st;
	int rc = file_path(part, sizeof(part), "%s", path);

	if (rc || !*part)
		return fault_set(f, rc ? -rc : EINVAL, "cannot make the folder '%s'", path);
	for (char *p = part + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = 0;
		if (mkdir(part, mode) && errno != EEXIST)
			return fault_errno(f, errno, "cannot make the folder %s", part);
		*p = c;
		if (!c)
			break;
	}
	if (stat(path, &st))
		return fault_errno(f, errno, "cannot use the folder %s", path);
	if (!S_ISDIR(st.st_mode))
		return fault_set(f, ENOTDIR, "%s is not a folder", path);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path) && errno != ENOENT ? -1 : 0;
}

static int remove_below(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return ftw->level ? remove_one(path, st, kind, ftw) : 0;
}

int file_empty_folder(const char *path, struct fault *f)
{
	if (nftw(path, remove_below, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS))
		return fault_errno(f, errno, "cannot empty %s", path);
	return 0;
}

int file_remove_tree(const char *path, struct fault *f)
{
	if (nftw(path, remove_one, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
		return fault_errno(f, errno, "cannot remove %s", path);
	return 0;
}

/* For people. A lock that is taken often by the same process is written once. */
static int write_holder(int fd)
{
	char now[128], old[128];
	int n = snprintf(
		now, sizeof(now), "pid %ld %s\n", (long)getpid(), program_invocation_short_name);

	if (pread(fd, old, sizeof(old), 0) == n && memcmp(old, now, (size_t)n) == 0)
		return 0;
	if (ftruncate(fd, 0))
		return -errno;
	return file_pwrite_all(fd, now, (size_t)n, 0);
}

/*
 * Whoever may write into the folder may take the lock, whoever made it and under whichever umask.
 * One with a second name may be anybody's file. What fails here leaves a lock that works for us.
 */
static void share_lock(int fd, const char *path)
{
	char folder[FILE_PATH_BYTES];
	struct stat st, up;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1)
		return;
	if (geteuid() == 0 && !folder_of(path, folder) && !stat(folder, &up) &&
		(up.st_uid != st.st_uid || up.st_gid != st.st_gid) &&
		fchown(fd, up.st_uid, up.st_gid))
		return;
	if ((st.st_mode & 07777) != LOCK_MODE && fchmod(fd, LOCK_MODE))
		return;
}

int file_lock(const char *path, int *fd_out, struct fault *f)
{
	_cleanup_(file_close) int fd =
		open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, LOCK_MODE);
	char holder[128];
	ssize_t n;
	int rc;

	if (fd < 0)
		return fault_errno(f, errno, "cannot open the lock %s", path);
	share_lock(fd, path);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return fault_errno(f, errno, "cannot lock %s", path);
		n = pread(fd, holder, sizeof(holder) - 1, 0);
		holder[n > 0 ? n : 0] = 0;
		holder[strcspn(holder, "\n")] = 0;
		return fault_set(f, EWOULDBLOCK, "%s is locked by %s", path,
			*holder ? holder : "another process");
	}
	rc = write_holder(fd);
	if (rc)
		return fault_errno(f, -rc, "cannot write %s", path);
	*fd_out = take_fd(fd);
	return 0;
}

void file_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}
