#include "server/run_files/run_files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/failpoint.h"
#include "common/file.h"
#include "server/artifacts/disk.h"

#define FILES_KEPT 64

struct run_file {
	struct run_file *next;
	const struct run_files_kind *kind;
	int64_t run, end;
	bool is_new;
	unsigned holders; /* under the lock of struct run_files, as `forgotten` */
	bool forgotten;	  /* in no list any more */
	int fd;
	pthread_mutex_t turn;
};

struct run_files {
	const struct run_files_kind *kind;
	char folder[FILE_PATH_BYTES - 32];
	pthread_mutex_t lock;
	struct run_file *files;
};

int run_files_open(const char *data, const struct run_files_kind *kind, struct run_files **out,
	struct fault *f)
{
	struct run_files *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return fault_set(f, ENOMEM, "out of memory");
	l->kind = kind;
	rc = file_path(l->folder, sizeof(l->folder), "%s/%s", data, kind->folder);
	if (rc != 0)
		fault_errno(f, -rc, "data folder %s", data);
	if (rc == 0)
		rc = file_make_folders(l->folder, 0750, f);
	if (rc != 0) {
		free(l);
		return rc;
	}
	pthread_mutex_init(&l->lock, NULL);
	*out = l;
	return 0;
}

static void file_free(struct run_file *file)
{
	file_close(&file->fd);
	pthread_mutex_destroy(&file->turn);
	free(file);
}

void run_files_close(struct run_files *l)
{
	if (!l)
		return;
	while (l->files) {
		struct run_file *file = l->files;

		l->files = file->next;
		file_free(file);
	}
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static int open_file(struct run_files *l, int64_t run, int flags)
{
	char path[FILE_PATH_BYTES];
	int fd;

	if (file_path(path, sizeof(path), "%s/%lld", l->folder, (long long)run) != 0)
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0640);
	return fd >= 0 ? fd : -errno;
}

/* Bytes behind what the store knows were never acknowledged; the agent sends them again. */
static int new_file(
	struct run_files *l, int64_t run, int64_t known, struct run_file **out, struct fault *f)
{
	struct run_file *file = calloc(1, sizeof(*file));

	if (!file)
		return fault_set(f, ENOMEM, "out of memory");
	file->kind = l->kind;
	file->run = run;
	file->end = known;
	file->fd = open_file(l, run, O_WRONLY);
	if (file->fd == -ENOENT) {
		file->fd = open_file(l, run, O_WRONLY | O_CREAT);
		file->is_new = true;
	}
	if (file->fd < 0 || ftruncate(file->fd, known) != 0) {
		int err = file->fd < 0 ? -file->fd : errno;

		file_close(&file->fd);
		free(file);
		return fault_errno(
			f, err, "cannot open the %s of run %lld", l->kind->noun, (long long)run);
	}
	pthread_mutex_init(&file->turn, NULL);
	*out = file;
	return 0;
}

/* With the lock held: files that nobody writes to are closed, but for a few. */
static void drop_idle(struct run_files *l)
{
	struct run_file **at = &l->files;
	unsigned n = 0;

	while (*at) {
		struct run_file *file = *at;

		if (file->holders || n++ < FILES_KEPT) {
			at = &file->next;
			continue;
		}
		*at = file->next;
		file_free(file);
	}
}

/* Out of the list, or NULL. With the lock held. */
static struct run_file *unlink_file(struct run_files *l, int64_t run)
{
	struct run_file **at = &l->files, *file;

	while (*at && (*at)->run != run)
		at = &(*at)->next;
	file = *at;
	if (file)
		*at = file->next;
	return file;
}

int run_file_hold(
	struct run_files *l, int64_t run, int64_t known, struct run_file **out, struct fault *f)
{
	struct run_file *file;
	int rc = 0;

	pthread_mutex_lock(&l->lock);
	file = unlink_file(l, run);
	if (!file)
		rc = new_file(l, run, known, &file, f);
	if (rc == 0) {
		/* In front: the list is in order of use. */
		file->next = l->files;
		l->files = file;
		file->holders++;
		drop_idle(l);
	}
	pthread_mutex_unlock(&l->lock);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&file->turn);
	*out = file;
	return 0;
}

int64_t run_file_end(const struct run_file *file)
{
	return file->end;
}

bool run_file_is_new(const struct run_file *file)
{
	return file->is_new;
}

void run_file_stays(struct run_file *file)
{
	file->is_new = false;
}

int run_file_check(const struct run_file *file, int64_t offset, size_t n, size_t *skip,
	int64_t *have, struct fault *f)
{
	int64_t known = file->end - offset;

	*have = file->end;
	if (known < 0)
		return fault_set(f, ERANGE,
			"the %s of run %lld has %lld bytes, this piece begins at %lld; send from %lld",
			file->kind->noun, (long long)file->run, (long long)file->end,
			(long long)offset, (long long)file->end);
	*skip = known >= (int64_t)n ? n : (size_t)known;
	if (*skip < n && offset + (int64_t)n > file->kind->max_bytes)
		return fault_set(f, EFBIG, "the %s of run %lld is over the limit of %lld bytes",
			file->kind->noun, (long long)file->run, (long long)file->kind->max_bytes);
	return 0;
}

int run_file_append(struct run_file *file, int64_t offset, const void *data, size_t n,
	int64_t *have, struct fault *f)
{
	size_t skip = 0;
	int rc = run_file_check(file, offset, n, &skip, have, f);

	if (rc != 0 || skip == n)
		return rc;
	rc = file_pwrite_all(file->fd, (const char *)data + skip, n - skip, file->end);
	if (rc == 0)
		rc = failpoint(file->kind->failpoint);
	if (rc == 0 && fdatasync(file->fd) != 0)
		rc = -errno;
	rc = disk_rc(rc);
	if (rc != 0)
		return fault_errno(f, -rc, "cannot write the %s of run %lld", file->kind->noun,
			(long long)file->run);
	file->end = offset + (int64_t)n;
	*have = file->end;
	return 0;
}

void run_file_unlock(struct run_file *file)
{
	pthread_mutex_unlock(&file->turn);
}

void run_file_keep(struct run_files *l, struct run_file *file)
{
	pthread_mutex_lock(&l->lock);
	file->holders++;
	pthread_mutex_unlock(&l->lock);
}

void run_file_release(struct run_files *l, struct run_file *file)
{
	bool last;

	pthread_mutex_lock(&l->lock);
	last = --file->holders == 0 && file->forgotten;
	pthread_mutex_unlock(&l->lock);
	if (last)
		file_free(file);
}

void run_files_forget(struct run_files *l, int64_t run)
{
	struct run_file *file;
	bool last;

	pthread_mutex_lock(&l->lock);
	file = unlink_file(l, run);
	last = file && file->holders == 0;
	if (file)
		file->forgotten = true;
	pthread_mutex_unlock(&l->lock);
	if (last)
		file_free(file);
}

int run_files_remove(struct run_files *l, int64_t run, struct fault *f)
{
	char path[FILE_PATH_BYTES];

	if (file_path(path, sizeof(path), "%s/%lld", l->folder, (long long)run))
		return fault_set(f, ENAMETOOLONG, "the folder's name is too long");
	if (unlink(path) != 0 && errno != ENOENT)
		return fault_errno(f, errno, "cannot remove %s", path);
	run_files_forget(l, run);
	return 0;
}

int run_files_read_fd(struct run_files *l, int64_t run)
{
	return open_file(l, run, O_RDONLY);
}

const char *run_files_folder(const struct run_files *l)
{
	return l->folder;
}
