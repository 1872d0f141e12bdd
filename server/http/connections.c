#include "server/http/connections.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>

#define SWEEPS_PER_DEADLINE 8
#define SWEEP_MAX_MS 1000
#define SWEEP_MIN_MS 20
#define SPARE_HEAD_MS 1000

struct connection {
	struct connection *prev, *next;
	struct connections *table;
	int fd;
	bool shut;
	bool spare; /* set before the connection's first request */
	bool ended; /* the sweep before saw its end */
	atomic_bool idle;
	_Atomic int64_t deadline_ns;
};

struct connections {
	const struct clock *clock;
	int64_t head_ms;
	size_t limit;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	struct connection head;
	size_t n;
	uint64_t swept;
	bool ending;
};

static int64_t sweep_ms(const struct connections *t)
{
	int64_t ms = t->head_ms / SWEEPS_PER_DEADLINE;

	return ms > SWEEP_MAX_MS ? SWEEP_MAX_MS : ms < SWEEP_MIN_MS ? SWEEP_MIN_MS : ms;
}

/*
 * The peer has said all that it will say, and no request of it is under way. libmicrohttpd 0.9.75 does not see an
 * end that came together with the request: its epoll is edge-triggered, and it stops reading after a short read.
 * Seen twice, since the request may be read already and not yet have been noted.
 */
static bool has_left(struct connection *c)
{
	bool before = c->ended;
	char byte;

	c->ended = atomic_load(&c->idle) && recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
	return c->ended && before;
}

static void *sweeper_thread(void *arg)
{
	struct connections *t = arg;

	pthread_mutex_lock(&t->lock);
	while (!t->ending) {
		int64_t now = clock_mono_ns(t->clock);

		for (struct connection *c = t->head.next; c != &t->head; c = c->next) {
			bool late = atomic_load(&c->deadline_ns) <= now;

			if (c->shut || (!late && !has_left(c)))
				continue;
			c->shut = true;
			t->swept += late;
			shutdown(c->fd, SHUT_RDWR);
		}
		clock_cond_wait(t->clock, &t->changed, &t->lock,
			t->n ? now + sweep_ms(t) * CLOCK_NS_PER_MS : CLOCK_NEVER);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

int connections_open(const struct clock *c, int64_t head_ms, size_t limit, struct connections **out)
{
	struct connections *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->clock = c;
	t->head_ms = head_ms;
	t->limit = limit;
	t->head.prev = t->head.next = &t->head;
	pthread_mutex_init(&t->lock, NULL);
	clock_cond_init(&t->changed);
	err = pthread_create(&t->thread, NULL, sweeper_thread, t);
	if (err) {
		free(t);
		return -err;
	}
	*out = t;
	return 0;
}

void connections_free(struct connections *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->ending = true;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static struct connection *of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void add(struct connections *t, struct MHD_Connection *connection, void **socket_context)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *c = calloc(1, sizeof(*c));

	*socket_context = c;
	if (!c || !info) {
		free(c);
		*socket_context = NULL;
		return;
	}
	c->table = t;
	c->fd = info->connect_fd;
	atomic_init(&c->deadline_ns, clock_deadline_ms(t->clock, t->head_ms));
	atomic_init(&c->idle, true);
	pthread_mutex_lock(&t->lock);
	c->prev = t->head.prev;
	c->next = &t->head;
	c->prev->next = c->next->prev = c;
	if (t->n++ == 0)
		pthread_cond_signal(&t->changed);
	c->spare = t->n > t->limit;
	if (c->spare && t->head_ms > SPARE_HEAD_MS)
		atomic_store(&c->deadline_ns, clock_deadline_ms(t->clock, SPARE_HEAD_MS));
	pthread_mutex_unlock(&t->lock);
}

void connections_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	struct connections *t = cls;
	struct connection *c = *socket_context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		add(t, connection, socket_context);
		return;
	}
	if (!c)
		return;
	pthread_mutex_lock(&t->lock);
	c->prev->next = c->next;
	c->next->prev = c->prev;
	t->n--;
	pthread_mutex_unlock(&t->lock);
	*socket_context = NULL;
	free(c);
}

void connections_expect(struct MHD_Connection *connection, int64_t within_ms)
{
	struct connection *c = of(connection);

	if (c)
		atomic_store(&c->deadline_ns, clock_deadline_ms(c->table->clock, within_ms));
}

void connections_lift(struct MHD_Connection *connection)
{
	struct connection *c = of(connection);

	if (c)
		atomic_store(&c->deadline_ns, CLOCK_NEVER);
}

void connections_expect_head(struct MHD_Connection *connection)
{
	struct connection *c = of(connection);

	if (!c)
		return;
	atomic_store(&c->deadline_ns, clock_deadline_ms(c->table->clock, c->table->head_ms));
	atomic_store(&c->idle, true);
}

void connections_begin(struct MHD_Connection *connection)
{
	struct connection *c = of(connection);

	if (c)
		atomic_store(&c->idle, false);
}

bool connections_is_spare(struct MHD_Connection *connection)
{
	const struct connection *c = of(connection);

	return c && c->spare;
}

size_t connections_count(struct connections *t)
{
	pthread_mutex_lock(&t->lock);
	size_t n = t->n;
	pthread_mutex_unlock(&t->lock);
	return n;
}

uint64_t connections_swept(struct connections *t)
{
	pthread_mutex_lock(&t->lock);
	uint64_t n = t->swept;
	pthread_mutex_unlock(&t->lock);
	return n;
}
