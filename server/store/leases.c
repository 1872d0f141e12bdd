#include "server/store/leases.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct leases {
	pthread_mutex_t mutex;
	struct lease *items; /* live ones only: at most a few for each board, so a scan will do */
	size_t n, room;
	int64_t queue_ms; /* 0 at first: nobody has looked */
	int64_t next_ns;  /* the earliest that was told of, or set since */
	void (*wake)(void *arg);
	void *wake_arg;
};

int leases_new(struct leases **out)
{
	struct leases *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	pthread_mutex_init(&l->mutex, NULL);
	l->next_ns = CLOCK_NEVER;
	*out = l;
	return 0;
}

void leases_free(struct leases *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->mutex);
	free(l->items);
	free(l);
}

static bool same(enum lease_kind a, enum lease_kind b)
{
	return (a == LEASE_AGENT) == (b == LEASE_AGENT);
}

static struct lease *find(struct leases *l, enum lease_kind kind, int64_t id)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->items[i].id == id && same(l->items[i].kind, kind))
			return &l->items[i];
	}
	return NULL;
}

int leases_set(struct leases *l, enum lease_kind kind, int64_t id, int64_t deadline_ns)
{
	struct lease *item;
	int rc = 0;

	pthread_mutex_lock(&l->mutex);
	item = find(l, kind, id);
	if (!item && l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct lease *items = reallocarray(l->items, room, sizeof(*items));

		if (items) {
			l->items = items;
			l->room = room;
		} else {
			rc = -ENOMEM;
		}
	}
	if (!item && !rc)
		item = &l->items[l->n++];
	if (item) {
		*item = (struct lease){kind, id, deadline_ns};
		if (deadline_ns < l->next_ns) {
			l->next_ns = deadline_ns;
			if (l->wake)
				l->wake(l->wake_arg);
		}
	}
	pthread_mutex_unlock(&l->mutex);
	return rc;
}

void leases_drop(struct leases *l, enum lease_kind kind, int64_t id)
{
	struct lease *item;

	pthread_mutex_lock(&l->mutex);
	item = find(l, kind, id);
	if (item)
		*item = l->items[--l->n];
	pthread_mutex_unlock(&l->mutex);
}

bool leases_due(struct leases *l, enum lease_kind kind, int64_t id, int64_t now_ns)
{
	struct lease *item;
	bool due;

	pthread_mutex_lock(&l->mutex);
	item = find(l, kind, id);
	due = !item || (item->kind == kind && item->deadline_ns <= now_ns);
	pthread_mutex_unlock(&l->mutex);
	return due;
}

size_t leases_list_due(struct leases *l, int64_t now_ns, struct lease *out, size_t n, int64_t *next)
{
	size_t found = 0;

	*next = CLOCK_NEVER;
	pthread_mutex_lock(&l->mutex);
	for (size_t i = 0; i < l->n; i++) {
		const struct lease *item = &l->items[i];

		if (item->deadline_ns <= now_ns && found < n)
			out[found++] = *item;
		else if (item->deadline_ns < *next)
			*next = item->deadline_ns;
	}
	l->next_ns = *next;
	pthread_mutex_unlock(&l->mutex);
	return found;
}

void leases_queue_lower(struct leases *l, int64_t at_ms)
{
	pthread_mutex_lock(&l->mutex);
	if (at_ms < l->queue_ms)
		l->queue_ms = at_ms;
	pthread_mutex_unlock(&l->mutex);
}

bool leases_queue_due(struct leases *l, int64_t now_ms)
{
	bool due;

	pthread_mutex_lock(&l->mutex);
	due = l->queue_ms <= now_ms;
	if (due)
		l->queue_ms = INT64_MAX;
	pthread_mutex_unlock(&l->mutex);
	return due;
}

void leases_watch(struct leases *l, void (*wake)(void *arg), void *arg)
{
	pthread_mutex_lock(&l->mutex);
	l->wake = wake;
	l->wake_arg = arg;
	pthread_mutex_unlock(&l->mutex);
}
