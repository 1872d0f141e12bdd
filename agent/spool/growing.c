#include "agent/spool/growing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "common/file.h"

struct growing {
	atomic_uint refs;
	char path[FILE_PATH_BYTES];
	int fd;
	growing_wake_fn wake;
	void *wake_arg;
	pthread_mutex_t lock; /* appends against the drop */
	_Atomic uint64_t size;
	atomic_bool dropped;
};

int growing_open(const char *path, struct growing **out, struct fault *f)
{
	struct growing *g = calloc(1, sizeof(*g));
	int error;

	if (!g)
		return fault_errno(f, ENOMEM, "%s", path);
	error = -file_path(g->path, sizeof(g->path), "%s", path);
	g->fd = error ? -1 : open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (g->fd < 0) {
		error = error ? error : errno;
		free(g);
		return fault_errno(f, error, "cannot make %s", path);
	}
	pthread_mutex_init(&g->lock, NULL);
	g->refs = 1;
	*out = g;
	return 0;
}

struct growing *growing_ref(struct growing *g)
{
	atomic_fetch_add(&g->refs, 1);
	return g;
}

void growing_unref(struct growing *g)
{
	if (!g || atomic_fetch_sub(&g->refs, 1) != 1)
		return;
	file_close(&g->fd);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

void growing_on_append(struct growing *g, growing_wake_fn wake, void *arg)
{
	g->wake = wake;
	g->wake_arg = arg;
}

int growing_append(struct growing *g, const void *data, size_t n)
{
	uint64_t size;
	int rc;

	pthread_mutex_lock(&g->lock);
	size = atomic_load(&g->size);
	/* The size moves only over what is whole: half of it, after an error, is written over. */
	rc = g->dropped ? -ECANCELED : file_pwrite_all(g->fd, data, n, (off_t)size);
	if (!rc)
		atomic_store(&g->size, size + n);
	pthread_mutex_unlock(&g->lock);
	if (!rc && g->wake)
		g->wake(g->wake_arg);
	return rc;
}

uint64_t growing_size(const struct growing *g)
{
	return atomic_load(&g->size);
}

int growing_fd(const struct growing *g)
{
	return g->fd;
}

void growing_drop(struct growing *g)
{
	pthread_mutex_lock(&g->lock);
	if (!atomic_exchange(&g->dropped, true)) {
		atomic_store(&g->size, 0);
		unlink(g->path);
		/* The shipper may have it open still: the room is given back all the same. */
		if (ftruncate(g->fd, 0))
			(void)errno;
	}
	pthread_mutex_unlock(&g->lock);
}

bool growing_is_dropped(const struct growing *g)
{
	return atomic_load(&g->dropped);
}
