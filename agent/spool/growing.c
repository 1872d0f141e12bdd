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
	int fd; /* -1: it is in its slot */
	struct slots *slots;
	size_t slot; /* its own to the end: the shipper may be reading there still */
	growing_wake_fn wake;
	void *wake_arg;
	pthread_mutex_t lock; /* appends against the drop */
	_Atomic uint64_t size;
	atomic_bool dropped;
};

static int make(const char *path, int *fd)
{
	*fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	return *fd < 0 ? -errno : 0;
}

int growing_open_in(struct slots *slots, const struct spool_entry *e, const char *path,
	struct growing **out, struct fault *f)
{
	struct growing *g = calloc(1, sizeof(*g));
	int rc;

	if (!g)
		return fault_errno(f, ENOMEM, "%s", path);
	g->fd = -1;
	g->slots = slots;
	g->slot = SLOTS_NONE;
	rc = file_path(g->path, sizeof(g->path), "%s", path);
	if (!rc && slots)
		g->slot = slots_take(slots, e);
	if (!rc && g->slot == SLOTS_NONE)
		rc = make(path, &g->fd);
	if (rc) {
		free(g);
		return fault_errno(f, -rc, "cannot make %s", path);
	}
	pthread_mutex_init(&g->lock, NULL);
	g->refs = 1;
	*out = g;
	return 0;
}

int growing_open(const char *path, struct growing **out, struct fault *f)
{
	return growing_open_in(NULL, NULL, path, out, f);
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
	if (g->slot != SLOTS_NONE)
		slots_free(g->slots, g->slot);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

void growing_on_append(struct growing *g, growing_wake_fn wake, void *arg)
{
	g->wake = wake;
	g->wake_arg = arg;
}

/* With the lock held. Half a file, after a kill, is shorter than what is in the slot still. */
static int leave_slot(struct growing *g)
{
	char data[SLOT_ROOM_BYTES];
	size_t size = (size_t)g->size;
	int fd;
	int rc = pread(slots_fd(g->slots), data, size, slots_base(g->slot)) == (ssize_t)size
		? make(g->path, &fd)
		: -EIO;

	if (rc)
		return rc;
	rc = file_pwrite_all(fd, data, size, 0);
	if (rc) {
		unlink(g->path);
		file_close(&fd);
		return rc;
	}
	g->fd = fd;
	return 0;
}

/* With the lock held. */
static int append(struct growing *g, size_t size, const void *data, size_t n)
{
	int rc;

	if (g->fd < 0) {
		rc = slots_append(g->slots, g->slot, size, data, n);
		if (!rc)
			return 0;
		rc = leave_slot(g);
		if (rc)
			return rc;
	}
	return file_pwrite_all(g->fd, data, n, (off_t)size);
}

int growing_append(struct growing *g, const void *data, size_t n)
{
	uint64_t size;
	int rc;

	pthread_mutex_lock(&g->lock);
	size = atomic_load(&g->size);
	/* The size moves only over what is whole: half of it, after an error, is written over. */
	rc = g->dropped ? -ECANCELED : append(g, size, data, n);
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

struct growing_place growing_place(struct growing *g)
{
	struct growing_place place;

	pthread_mutex_lock(&g->lock);
	place.fd = g->fd < 0 ? slots_fd(g->slots) : g->fd;
	place.base = g->fd < 0 ? slots_base(g->slot) : 0;
	pthread_mutex_unlock(&g->lock);
	return place;
}

bool growing_in_slot(struct growing *g)
{
	bool in_slot;

	pthread_mutex_lock(&g->lock);
	in_slot = g->fd < 0;
	pthread_mutex_unlock(&g->lock);
	return in_slot;
}

int growing_keep(struct growing *g, struct fault *f)
{
	int rc;

	pthread_mutex_lock(&g->lock);
	rc = g->fd < 0 && !g->dropped ? leave_slot(g) : 0;
	pthread_mutex_unlock(&g->lock);
	return rc ? fault_errno(f, -rc, "cannot make %s", g->path) : 0;
}

void growing_drop(struct growing *g)
{
	pthread_mutex_lock(&g->lock);
	if (!atomic_exchange(&g->dropped, true)) {
		atomic_store(&g->size, 0);
		unlink(g->path);
		/* The shipper may have it open still: the room is given back all the same. */
		if (g->fd >= 0 && ftruncate(g->fd, 0))
			(void)errno;
	}
	pthread_mutex_unlock(&g->lock);
}

bool growing_is_dropped(const struct growing *g)
{
	return atomic_load(&g->dropped);
}
