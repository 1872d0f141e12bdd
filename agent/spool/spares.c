#include "agent/spool/spares.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int path_of(const struct spares *s, size_t i, char path[FILE_PATH_BYTES])
{
	return file_path(path, FILE_PATH_BYTES, "%s/%zu", s->folder, i);
}

int spares_init(struct spares *s, const char *folder, struct fault *f)
{
	char path[FILE_PATH_BYTES];
	int rc;

	*s = (struct spares){0};
	pthread_mutex_init(&s->lock, NULL);
	rc = file_path(s->folder, sizeof(s->folder), "%s", folder);
	if (rc)
		return fault_errno(f, -rc, "%s", folder);
	for (size_t i = 0; i < SPARES_MAX; i++) {
		if (!path_of(s, i, path))
			unlink(path);
	}
	return file_make_folders(folder, 0750, f);
}

void spares_done(struct spares *s)
{
	pthread_mutex_destroy(&s->lock);
}

/* SPARES_MAX: none is in that state. */
static size_t take(struct spares *s, enum spare state)
{
	size_t i = 0;

	pthread_mutex_lock(&s->lock);
	while (i < SPARES_MAX && s->at[i] != state)
		i++;
	if (i < SPARES_MAX)
		s->at[i] = SPARE_IN_HANDS;
	pthread_mutex_unlock(&s->lock);
	return i;
}

static void put(struct spares *s, size_t i, enum spare state)
{
	pthread_mutex_lock(&s->lock);
	s->at[i] = state;
	pthread_mutex_unlock(&s->lock);
}

int spares_write(struct spares *s, const char *path, const char *text, size_t n, struct fault *f)
{
	size_t i = take(s, SPARE_THERE);
	char spare[FILE_PATH_BYTES];
	int rc;

	if (i == SPARES_MAX)
		return file_write_whole(path, text, n, 0640, f);
	rc = path_of(s, i, spare);
	if (!rc)
		rc = file_write_over(spare, text, n, 0640);
	if (!rc && rename(spare, path))
		rc = -errno;
	if (rc)
		unlink(spare);
	put(s, i, SPARE_NONE);
	/* One that went away, or has no room to grow, says nothing of a new file: callers drop a capture for a fault. */
	return rc ? file_write_whole(path, text, n, 0640, f) : 0;
}

static bool is_small(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size <= SPARES_FILE_MAX_BYTES;
}

void spares_give(struct spares *s, const char *path)
{
	size_t i = take(s, SPARE_NONE);
	char spare[FILE_PATH_BYTES];
	bool kept =
		i < SPARES_MAX && is_small(path) && !path_of(s, i, spare) && !rename(path, spare);

	if (!kept)
		unlink(path);
	if (i < SPARES_MAX)
		put(s, i, kept ? SPARE_THERE : SPARE_NONE);
}
