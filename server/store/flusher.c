#include "server/store/flusher.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/file.h"

struct flusher {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int fd;
	bool wanted, ending;
	bool failed; /* since somebody asked */
};

static void *flusher_main(void *arg)
{
	struct flusher *f = arg;
	bool failed;

	pthread_mutex_lock(&f->mutex);
	while (!f->ending) {
		if (!f->wanted) {
			pthread_cond_wait(&f->changed, &f->mutex);
			continue;
		}
		f->wanted = false;
		pthread_mutex_unlock(&f->mutex);
		failed = fdatasync(f->fd) != 0;
		pthread_mutex_lock(&f->mutex);
		f->failed = f->failed || failed;
	}
	pthread_mutex_unlock(&f->mutex);
	return NULL;
}

int flusher_open(const char *path, struct flusher **out, struct fault *fault)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;
	struct flusher *f;

	*out = NULL;
	if (fd < 0)
		return 0;
	f = calloc(1, sizeof(*f));
	if (!f) {
		file_close(&fd);
		return fault_errno(fault, ENOMEM, "%s", path);
	}
	pthread_mutex_init(&f->mutex, NULL);
	pthread_cond_init(&f->changed, NULL);
	f->fd = fd;
	error = pthread_create(&f->thread, NULL, flusher_main, f);
	if (error) {
		file_close(&f->fd);
		free(f);
		return fault_errno(fault, error, "%s", path);
	}
	*out = f;
	return 0;
}

void flusher_close(struct flusher *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->mutex);
	f->ending = true;
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->mutex);
	pthread_join(f->thread, NULL);
	file_close(&f->fd);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->mutex);
	free(f);
}

void flusher_kick(struct flusher *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->mutex);
	f->wanted = true;
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->mutex);
}

bool flusher_has_failed(struct flusher *f)
{
	bool failed;

	if (!f)
		return false;
	pthread_mutex_lock(&f->mutex);
	failed = f->failed;
	f->failed = false;
	pthread_mutex_unlock(&f->mutex);
	return failed;
}
