#include "common/periodic.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct periodic {
	struct periodic_work work;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool woken, ending;
};

static void *periodic_main(void *arg)
{
	struct periodic *p = arg;
	int64_t due_ns;

	pthread_mutex_lock(&p->lock);
	while (!p->ending) {
		p->woken = false;
		pthread_mutex_unlock(&p->lock);
		due_ns = p->work.turn(p, p->work.arg);
		pthread_mutex_lock(&p->lock);
		while (!p->ending && !p->woken &&
			clock_cond_wait(p->work.clock, &p->changed, &p->lock, due_ns) == 0)
			continue;
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void release(struct periodic *p)
{
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int periodic_start(const struct periodic_work *work, struct periodic **out, struct fault *f)
{
	struct periodic *p = calloc(1, sizeof(*p));
	int error;

	if (!p)
		return fault_errno(f, ENOMEM, "the thread of %s", work->name);
	p->work = *work;
	pthread_mutex_init(&p->lock, NULL);
	clock_cond_init(&p->changed);
	error = pthread_create(&p->thread, NULL, periodic_main, p);
	if (error) {
		release(p);
		return fault_errno(f, error, "the thread of %s", work->name);
	}
	*out = p;
	return 0;
}

static void tell(struct periodic *p, bool *what)
{
	pthread_mutex_lock(&p->lock);
	*what = true;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

void periodic_wake(struct periodic *p)
{
	tell(p, &p->woken);
}

bool periodic_is_ending(struct periodic *p)
{
	bool ending;

	pthread_mutex_lock(&p->lock);
	ending = p->ending;
	pthread_mutex_unlock(&p->lock);
	return ending;
}

void periodic_stop(struct periodic *p)
{
	if (!p)
		return;
	tell(p, &p->ending);
	pthread_join(p->thread, NULL);
	release(p);
}
