#include "server/api/job_cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define SLOTS 256

struct slot {
	int64_t job; /* 0: empty */
	uint64_t version;
	bool over;
	struct kept_reply *reply;
};

struct job_cache {
	pthread_mutex_t lock;
	atomic_uint_fast64_t version;
	struct slot slots[SLOTS];
};

void kept_reply_release(void *kept)
{
	struct kept_reply *k = kept;

	if (atomic_fetch_sub(&k->references, 1) != 1)
		return;
	MHD_destroy_response(k->response);
	free(k);
}

int job_cache_open(struct job_cache **out)
{
	struct job_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	pthread_mutex_init(&c->lock, NULL);
	*out = c;
	return 0;
}

static void empty(struct slot *s)
{
	if (s->reply)
		kept_reply_release(s->reply);
	*s = (struct slot){0};
}

void job_cache_free(struct job_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		empty(&c->slots[i]);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

uint64_t job_cache_version(struct job_cache *c)
{
	return atomic_load(&c->version);
}

struct kept_reply *job_cache_get(struct job_cache *c, int64_t job)
{
	struct slot *s = &c->slots[(uint64_t)job % SLOTS];
	struct kept_reply *reply = NULL;

	pthread_mutex_lock(&c->lock);
	if (s->job == job && s->reply && (s->over || s->version == atomic_load(&c->version))) {
		reply = s->reply;
		atomic_fetch_add(&reply->references, 1);
	}
	pthread_mutex_unlock(&c->lock);
	return reply;
}

struct kept_reply *job_cache_put(struct job_cache *c, int64_t job, uint64_t version, bool over,
	struct MHD_Response *response)
{
	struct slot *s = &c->slots[(uint64_t)job % SLOTS];
	struct kept_reply *reply = malloc(sizeof(*reply));

	if (!reply)
		return NULL;
	reply->response = response;
	atomic_init(&reply->references, 1);
	pthread_mutex_lock(&c->lock);
	/* An older look at the database must not outlive a change that was told meanwhile. */
	if (version == atomic_load(&c->version)) {
		empty(s);
		*s = (struct slot){.job = job, .version = version, .over = over, .reply = reply};
		atomic_fetch_add(&reply->references, 1);
	}
	pthread_mutex_unlock(&c->lock);
	return reply;
}

void job_cache_changed(struct job_cache *c)
{
	pthread_mutex_lock(&c->lock);
	atomic_fetch_add(&c->version, 1);
	pthread_mutex_unlock(&c->lock);
}

void job_cache_drop(struct job_cache *c, int64_t job)
{
	struct slot *s = &c->slots[(uint64_t)job % SLOTS];

	pthread_mutex_lock(&c->lock);
	if (s->job == job)
		empty(s);
	pthread_mutex_unlock(&c->lock);
}
