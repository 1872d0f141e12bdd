#include "server/artifacts/artifacts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/failpoint.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/random.h"
#include "server/artifacts/disk.h"

#define KNOWN_SLOTS 1024 /* a power of two */
#define ONE_SHOT_PREFIX "put-"

struct entry {
	struct entry *next;
	int64_t id, offset;
	bool held;
};

/* A file that is put into its place and whose row is on its way. */
struct placing {
	struct placing *next;
	char sha256[SHA256_HEX_BYTES];
};

struct artifacts {
	char blobs[FILE_PATH_BYTES - 128], uploads[FILE_PATH_BYTES - 128];
	pthread_mutex_t lock;
	pthread_mutex_t places; /* guards placing, and is held while a file is removed */
	struct placing *placing;
	struct entry *entries; /* unfinished uploads that this process has seen */
	struct {
		bool used; /* an empty slot is not the hash of 64 zeros */
		unsigned char hash[32];
	} known[KNOWN_SLOTS];
};

static int remove_leftovers(const char *folder, struct fault *f)
{
	DIR *dir = opendir(folder);
	struct dirent *e;

	if (!dir)
		return fault_errno(f, errno, "cannot read %s", folder);
	while ((e = readdir(dir)))
		if (strncmp(e->d_name, ONE_SHOT_PREFIX, strlen(ONE_SHOT_PREFIX)) == 0)
			unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
	return 0;
}

int artifacts_open(const char *data, struct artifacts **out, struct fault *f)
{
	struct artifacts *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return fault_set(f, ENOMEM, "out of memory");
	rc = file_path(a->blobs, sizeof(a->blobs), "%s/artifacts", data);
	if (rc == 0)
		rc = file_path(a->uploads, sizeof(a->uploads), "%s/uploads", data);
	if (rc != 0)
		fault_errno(f, -rc, "data folder %s", data);
	if (rc == 0)
		rc = file_make_folders(a->blobs, 0750, f);
	if (rc == 0)
		rc = file_make_folders(a->uploads, 0750, f);
	if (rc == 0)
		rc = remove_leftovers(a->uploads, f);
	if (rc != 0) {
		free(a);
		return rc;
	}
	pthread_mutex_init(&a->lock, NULL);
	pthread_mutex_init(&a->places, NULL);
	*out = a;
	return 0;
}

void artifacts_close(struct artifacts *a)
{
	if (!a)
		return;
	while (a->entries) {
		struct entry *e = a->entries;

		a->entries = e->next;
		free(e);
	}
	while (a->placing) {
		struct placing *p = a->placing;

		a->placing = p->next;
		free(p);
	}
	pthread_mutex_destroy(&a->lock);
	pthread_mutex_destroy(&a->places);
	free(a);
}

int artifacts_open_blob(struct artifacts *a, const char *sha256, int *fd, int64_t *bytes)
{
	_cleanup_(file_close) int file = -1;
	char path[FILE_PATH_BYTES];
	struct stat st;

	if (!hex_is_sha256(sha256))
		return -ENOENT;
	if (file_path(path, sizeof(path), "%s/%.2s/%s", a->blobs, sha256, sha256) != 0)
		return -ENAMETOOLONG;
	file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (file < 0 || fstat(file, &st) != 0)
		return -errno;
	*bytes = st.st_size;
	*fd = take_fd(file);
	return 0;
}

int artifacts_check_space(struct artifacts *a, int64_t bytes, struct fault *f)
{
	struct statvfs st;
	int64_t available;

	if (statvfs(a->uploads, &st) != 0)
		return fault_errno(f, errno, "cannot ask %s for its free space", a->uploads);
	available = (int64_t)st.f_bavail * (int64_t)st.f_frsize;
	if (available - ARTIFACTS_FREE_BYTES >= bytes)
		return 0;
	return fault_set(f, ENOSPC,
		"the server's disk has %lld MiB left, which is too little for %lld bytes; free space "
		"on the file system of %s",
		(long long)(available >> 20), (long long)bytes, a->uploads);
}

/* ---- uploads ---- */

static struct entry *find(struct artifacts *a, int64_t id)
{
	struct entry *e = a->entries;

	while (e && e->id != id)
		e = e->next;
	return e;
}

static int hold_entry(struct artifacts *a, int64_t id, int64_t known, int64_t *offset)
{
	struct entry *e = find(a, id);

	if (e && e->held)
		return -EBUSY;
	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			return -ENOMEM;
		*e = (struct entry){.next = a->entries, .id = id, .offset = known};
		a->entries = e;
	}
	e->held = true;
	*offset = e->offset;
	return 0;
}

static int open_upload(struct artifacts *a, const char *name, struct upload *u, struct fault *f)
{
	_cleanup_(file_close) int fd = -1;
	struct stat st;

	if (file_path(u->path, sizeof(u->path), "%s/%s", a->uploads, name) != 0)
		return fault_set(f, ENAMETOOLONG, "the data folder's path is too long");
	fd = open(u->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0 || fstat(fd, &st) != 0)
		return fault_errno(f, errno, "cannot open %s", u->path);
	/* What lies behind the offset may not be what was sent. */
	if (st.st_size < u->offset)
		u->offset = 0;
	if (ftruncate(fd, u->offset) != 0)
		return fault_errno(f, errno, "cannot cut %s", u->path);
	u->fd = take_fd(fd);
	return 0;
}

int upload_hold(struct artifacts *a, int64_t id, int64_t known, struct upload *u, struct fault *f)
{
	char name[24];
	int rc;

	*u = (struct upload){.fd = -1, .id = id};
	pthread_mutex_lock(&a->lock);
	rc = hold_entry(a, id, known, &u->offset);
	pthread_mutex_unlock(&a->lock);
	if (rc == -EBUSY)
		return fault_set(f, EBUSY,
			"another connection is sending upload %lld; end that one or try again later",
			(long long)id);
	if (rc != 0)
		return fault_errno(f, -rc, "upload %lld", (long long)id);
	snprintf(name, sizeof(name), "%lld", (long long)id);
	rc = open_upload(a, name, u, f);
	if (rc != 0)
		upload_release(a, u);
	return rc;
}

int upload_begin(struct artifacts *a, struct upload *u, struct fault *f)
{
	char name[48] = ONE_SHOT_PREFIX;

	*u = (struct upload){.fd = -1};
	random_hex(16, name + strlen(name));
	return open_upload(a, name, u, f);
}

int upload_write(struct upload *u, const void *data, size_t n)
{
	int rc = file_pwrite_all(u->fd, data, n, u->offset);

	if (rc == 0)
		u->offset += (int64_t)n;
	return disk_rc(rc);
}

int64_t upload_offset(struct artifacts *a, int64_t id)
{
	pthread_mutex_lock(&a->lock);
	struct entry *e = find(a, id);
	int64_t offset = e ? e->offset : -1;
	pthread_mutex_unlock(&a->lock);
	return offset;
}

int upload_sync(struct upload *u, struct fault *f)
{
	return fdatasync(u->fd) == 0 ? 0 : fault_errno(f, errno, "cannot write %s", u->path);
}

static int begin_placing(struct artifacts *a, const char *sha256)
{
	struct placing *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	snprintf(p->sha256, sizeof(p->sha256), "%s", sha256);
	pthread_mutex_lock(&a->places);
	p->next = a->placing;
	a->placing = p;
	pthread_mutex_unlock(&a->places);
	return 0;
}

static struct placing **find_placing(struct artifacts *a, const char *sha256)
{
	struct placing **at = &a->placing;

	while (*at && strcmp((*at)->sha256, sha256) != 0)
		at = &(*at)->next;
	return at;
}

void artifacts_placed(struct artifacts *a, const char *sha256)
{
	struct placing **at, *p;

	pthread_mutex_lock(&a->places);
	at = find_placing(a, sha256);
	p = *at;
	if (p)
		*at = p->next;
	pthread_mutex_unlock(&a->places);
	free(p);
}

static int unlink_blob(struct artifacts *a, const char *sha256, struct fault *f)
{
	char path[FILE_PATH_BYTES];
	int rc = file_path(path, sizeof(path), "%s/%.2s/%s", a->blobs, sha256, sha256);

	if (rc)
		return fault_errno(f, -rc, "artifact %s", sha256);
	if (unlink(path) != 0)
		return errno == ENOENT ? 0 : fault_errno(f, errno, "cannot remove %s", path);
	return file_sync_folder(path, f);
}

int artifacts_remove(struct artifacts *a, const char *sha256,
	int (*wanted)(void *arg, const char *sha256), void *arg, struct fault *f)
{
	int rc = -EBUSY;

	pthread_mutex_lock(&a->places);
	if (!*find_placing(a, sha256)) {
		rc = wanted(arg, sha256);
		if (rc < 0)
			fault_errno(f, -rc, "artifact %s", sha256);
		else
			rc = rc ? 0 : unlink_blob(a, sha256, f);
	}
	pthread_mutex_unlock(&a->places);
	return rc;
}

int upload_place(
	struct artifacts *a, struct upload *u, const char *sha256, const char *got, struct fault *f)
{
	char path[FILE_PATH_BYTES], hash[SHA256_HEX_BYTES];
	unsigned long long bytes;
	int rc;

	if (!got) {
		rc = sha256_file(u->path, hash, &bytes, f);
		if (rc != 0)
			return rc;
		got = hash;
	}
	if (strcmp(got, sha256) != 0)
		return fault_set(f, EBADMSG,
			"the bytes have the SHA-256 %s, announced was %s; nothing was kept: compute the "
			"hash again and send the file again from offset 0",
			got, sha256);
	rc = upload_sync(u, f);
	if (rc != 0)
		return rc;
	rc = file_path(path, sizeof(path), "%s/%.2s/%s", a->blobs, sha256, sha256);
	if (rc != 0)
		return fault_errno(f, -rc, "artifact %s", sha256);
	*strrchr(path, '/') = 0;
	rc = file_make_folders(path, 0750, f);
	if (rc != 0)
		return rc;
	path[strlen(path)] = '/';
	rc = begin_placing(a, sha256);
	if (rc != 0)
		return fault_errno(f, -rc, "artifact %s", sha256);
	if (rename(u->path, path) != 0) {
		artifacts_placed(a, sha256);
		return fault_errno(f, errno, "cannot move %s to its place", u->path);
	}
	failpoint("server.upload.renamed");
	rc = file_sync_folder(path, f);
	*strrchr(path, '/') = 0;
	/* The folder itself may be new. */
	rc = rc == 0 ? file_sync_folder(path, f) : rc;
	if (rc != 0)
		artifacts_placed(a, sha256);
	return rc;
}

static void end(struct artifacts *a, struct upload *u, bool forget)
{
	file_close(&u->fd);
	if (u->id) {
		pthread_mutex_lock(&a->lock);
		for (struct entry **at = &a->entries; *at; at = &(*at)->next) {
			struct entry *e = *at;

			if (e->id != u->id)
				continue;
			e->held = false;
			e->offset = u->offset;
			if (forget) {
				*at = e->next;
				free(e);
			}
			break;
		}
		pthread_mutex_unlock(&a->lock);
	}
	u->path[0] = 0;
	u->id = 0;
}

void upload_release(struct artifacts *a, struct upload *u)
{
	end(a, u, false);
}

void upload_discard(struct artifacts *a, struct upload *u)
{
	if (u->path[0])
		unlink(u->path);
	end(a, u, true);
}

/* ---- known hashes ---- */

static size_t slot(const unsigned char hash[32])
{
	return (hash[0] | (size_t)hash[1] << 8) % KNOWN_SLOTS;
}

bool artifacts_is_known(struct artifacts *a, const char *sha256)
{
	unsigned char hash[32];
	bool known;

	if (hex_decode(sha256, hash, sizeof(hash)) != 0)
		return false;
	pthread_mutex_lock(&a->lock);
	known = a->known[slot(hash)].used &&
		memcmp(a->known[slot(hash)].hash, hash, sizeof(hash)) == 0;
	pthread_mutex_unlock(&a->lock);
	return known;
}

void artifacts_note_known(struct artifacts *a, const char *sha256)
{
	unsigned char hash[32];

	if (hex_decode(sha256, hash, sizeof(hash)) != 0)
		return;
	pthread_mutex_lock(&a->lock);
	a->known[slot(hash)].used = true;
	memcpy(a->known[slot(hash)].hash, hash, sizeof(hash));
	pthread_mutex_unlock(&a->lock);
}

void artifacts_forget_known(struct artifacts *a, const char *sha256)
{
	unsigned char hash[32];

	if (hex_decode(sha256, hash, sizeof(hash)) != 0)
		return;
	pthread_mutex_lock(&a->lock);
	if (memcmp(a->known[slot(hash)].hash, hash, sizeof(hash)) == 0)
		a->known[slot(hash)].used = false;
	pthread_mutex_unlock(&a->lock);
}
