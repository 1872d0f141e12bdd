#include "server/http/workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#define WORKERS_MAX 16

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct task *first, **last;
	size_t queued;
	bool ending;
	size_t n_threads;
	pthread_t threads[WORKERS_MAX];
};

static void *worker_thread(void *arg)
{
	struct workers *w = arg;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct task *task = w->first;

		if (!task) {
			if (w->ending)
				break;
			pthread_cond_wait(&w->more, &w->lock);
			continue;
		}
		w->first = task->next;
		if (!w->first)
			w->last = &w->first;
		w->queued--;
		pthread_mutex_unlock(&w->lock);
		task->run(task);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int workers_open(size_t threads, struct workers **out)
{
	struct workers *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	if (threads > WORKERS_MAX)
		threads = WORKERS_MAX;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	w->last = &w->first;
	for (; w->n_threads < threads; w->n_threads++) {
		int err = pthread_create(&w->threads[w->n_threads], NULL, worker_thread, w);
		if (err) {
			workers_close(w);
			return -err;
		}
	}
	*out = w;
	return 0;
}

void workers_close(struct workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < w->n_threads; i++)
		pthread_join(w->threads[i], NULL);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void workers_submit(struct workers *w, struct task *task)
{
	task->next = NULL;
	pthread_mutex_lock(&w->lock);
	*w->last = task;
	w->last = &task->next;
	w->queued++;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

size_t workers_queued(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	size_t n = w->queued;
	pthread_mutex_unlock(&w->lock);
	return n;
}
