#include "agent/artifacts/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/sha256.h"

struct entry {
	char sha256[SHA256_HEX_BYTES];
	uint64_t bytes;
	int64_t used_ms; /* wall time of the last use */
	unsigned pins;
	bool checked; /* its hash was computed by this process */
	bool busy;    /* being fetched or checked */
	bool present;
};

struct cache {
	char folder[FILE_PATH_BYTES - 128];
	struct cache_options o;
	pthread_mutex_t lock;
	pthread_cond_t ready;
	struct entry *entries;
	size_t n;
};

static void path_of(const struct cache *c, const char *sha256, char path[FILE_PATH_BYTES])
{
	file_path(path, FILE_PATH_BYTES, "%s/%s", c->folder, sha256);
}

static struct entry *find(struct cache *c, const char *sha256)
{
	for (size_t i = 0; i < c->n; i++) {
		if (strcmp(c->entries[i].sha256, sha256) == 0)
			return &c->entries[i];
	}
	return NULL;
}

static struct entry *add(struct cache *c, const char *sha256)
{
	struct entry *more = reallocarray(c->entries, c->n + 1, sizeof(*more));

	if (!more)
		return NULL;
	c->entries = more;
	more = &c->entries[c->n++];
	*more = (struct entry){0};
	memcpy(more->sha256, sha256, sizeof(more->sha256));
	return more;
}

/* What an earlier process left: names that are hashes; half downloads go. */
static int scan(struct cache *c, struct fault *f)
{
	DIR *folder = opendir(c->folder);
	struct dirent *d;

	if (!folder)
		return fault_errno(f, errno, "cannot read %s", c->folder);
	while ((d = readdir(folder))) {
		struct stat st;
		struct entry *e;

		if (d->d_name[0] == '.' || fstatat(dirfd(folder), d->d_name, &st, 0))
			continue;
		if (!hex_is_sha256(d->d_name)) {
			unlinkat(dirfd(folder), d->d_name, 0);
			continue;
		}
		e = add(c, d->d_name);
		if (!e)
			break;
		e->bytes = (uint64_t)st.st_size;
		e->used_ms = (int64_t)st.st_mtim.tv_sec * 1000;
		e->present = true;
	}
	closedir(folder);
	return 0;
}

int cache_open(const struct cache_options *o, struct cache **out, struct fault *f)
{
	struct cache *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return fault_errno(f, ENOMEM, "artifact cache");
	c->o = *o;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->ready, NULL);
	rc = file_path(c->folder, sizeof(c->folder), "%s", o->folder);
	if (rc)
		rc = fault_errno(f, -rc, "%s", o->folder);
	if (!rc)
		rc = file_make_folders(c->folder, 0755, f);
	if (!rc)
		rc = scan(c, f);
	if (rc) {
		cache_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

void cache_close(struct cache *c)
{
	if (!c)
		return;
	pthread_cond_destroy(&c->ready);
	pthread_mutex_destroy(&c->lock);
	free(c->entries);
	free(c);
}

/* With the lock held. */
static void evict(struct cache *c)
{
	uint64_t total = 0;

	for (size_t i = 0; i < c->n; i++)
		total += c->entries[i].bytes;
	while (total > c->o.cap_bytes || c->n > CACHE_MEMORY_ENTRIES) {
		struct entry *oldest = NULL;
		char path[FILE_PATH_BYTES];

		for (size_t i = 0; i < c->n; i++) {
			struct entry *e = &c->entries[i];

			if (!e->pins && !e->busy && (!oldest || e->used_ms < oldest->used_ms))
				oldest = e;
		}
		if (!oldest)
			return;
		path_of(c, oldest->sha256, path);
		unlink(path);
		total -= oldest->bytes;
		*oldest = c->entries[--c->n];
	}
}

static int fetch(struct cache *c, const char *sha256, const char *path, int64_t timeout_ms,
	int cancel_fd, struct fault *f)
{
	char part[FILE_PATH_BYTES];
	_cleanup_(file_close) int fd = -1;
	int rc;

	file_path(part, sizeof(part), "%s/part-%s", c->folder, sha256);
	fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return fault_errno(f, errno, "cannot write %s", part);
	rc = c->o.fetch(c->o.arg, sha256, fd, timeout_ms, cancel_fd, f);
	if (!rc) {
		char hash[SHA256_HEX_BYTES];
		unsigned long long bytes;

		rc = sha256_file(part, hash, &bytes, f);
		if (!rc && strcmp(hash, sha256) != 0)
			rc = fault_set(
				f, EBADMSG, "the server sent %s for artifact %s", hash, sha256);
	}
	if (!rc && rename(part, path))
		rc = fault_errno(f, errno, "cannot rename %s", part);
	if (rc)
		unlink(part);
	return rc;
}

/* Whether the file on disk is what its name says. A power cut may have left less. */
static bool good(const char *path, const char *sha256)
{
	char hash[SHA256_HEX_BYTES];
	unsigned long long bytes;
	struct fault f;

	return sha256_file(path, hash, &bytes, &f) == 0 && strcmp(hash, sha256) == 0;
}

/* Outside the lock; the entry is busy and cannot go. */
static int make_present(struct cache *c, const char *sha256, bool present, const char *path,
	int64_t timeout_ms, int cancel_fd, uint64_t *bytes, struct fault *f)
{
	struct stat st;
	int rc = 0;

	if (!present || !good(path, sha256))
		rc = fetch(c, sha256, path, timeout_ms, cancel_fd, f);
	if (!rc && stat(path, &st))
		rc = fault_errno(f, errno, "%s", path);
	if (!rc)
		*bytes = (uint64_t)st.st_size;
	return rc;
}

int cache_get(struct cache *c, const char *sha256, int64_t timeout_ms, int cancel_fd,
	char path[FILE_PATH_BYTES], struct fault *f)
{
	struct entry *e;
	int rc = 0;

	if (!hex_is_sha256(sha256))
		return fault_set(f, EINVAL, "'%.70s' is not an artifact's hash", sha256);
	path_of(c, sha256, path);
	pthread_mutex_lock(&c->lock);
	while ((e = find(c, sha256)) && e->busy)
		pthread_cond_wait(&c->ready, &c->lock);
	if (!e)
		e = add(c, sha256);
	if (!e) {
		rc = fault_errno(f, ENOMEM, "artifact %s", sha256);
	} else if (!e->checked || access(path, R_OK)) {
		bool present = e->present;
		uint64_t bytes = 0;

		e->busy = true;
		pthread_mutex_unlock(&c->lock);
		rc = make_present(c, sha256, present, path, timeout_ms, cancel_fd, &bytes, f);
		pthread_mutex_lock(&c->lock);
		e = find(c, sha256); /* the table may have moved */
		e->busy = false;
		e->present = e->checked = rc == 0;
		e->bytes = bytes;
		pthread_cond_broadcast(&c->ready);
	}
	if (!rc) {
		e->pins++;
		e->used_ms = clock_wall_ms(c->o.clock);
		evict(c);
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

void cache_put(struct cache *c, const char *sha256)
{
	struct entry *e;

	pthread_mutex_lock(&c->lock);
	e = find(c, sha256);
	if (e && e->pins)
		e->pins--;
	pthread_mutex_unlock(&c->lock);
}
