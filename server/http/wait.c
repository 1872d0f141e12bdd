#include "server/http/wait.h"

#include <errno.h>
#include <pthread.h>

#define GENERATIONS 256
#define TICK_MS 20

struct wait_room {
	const struct clock *clock;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	struct wait head; /* circular */
	size_t n;
	uint64_t generation[GENERATIONS];
	uint64_t all_agents;
	int64_t earliest_ns;
	bool closed;
	bool ending;
};

static bool is_agent(uint64_t key)
{
	return key >> 60 == 3;
}

static uint64_t *generation_of(struct wait_room *room, uint64_t key)
{
	return &room->generation[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 56];
}

/* With the lock held. The waiter may be gone as soon as its connection is resumed. */
static void leave(struct wait_room *room, struct wait *w)
{
	struct MHD_Connection *connection = w->connection;

	w->prev->next = w->next;
	w->next->prev = w->prev;
	w->in = false;
	room->n--;
	MHD_resume_connection(connection);
}

static void leave_expired(struct wait_room *room)
{
	int64_t now = clock_mono_ns(room->clock), earliest = CLOCK_NEVER;

	for (struct wait *w = room->head.next, *next; w != &room->head; w = next) {
		next = w->next;
		if (w->deadline_ns <= now)
			leave(room, w);
		else if (w->deadline_ns < earliest)
			earliest = w->deadline_ns;
	}
	room->earliest_ns = earliest;
}

static void *room_thread(void *arg)
{
	struct wait_room *room = arg;

	pthread_mutex_lock(&room->lock);
	while (!room->ending) {
		int64_t now = clock_mono_ns(room->clock);

		if (room->earliest_ns == CLOCK_NEVER) {
			pthread_cond_wait(&room->changed, &room->lock);
			continue;
		}
		if (room->earliest_ns <= now) {
			leave_expired(room);
			continue;
		}
		/* Rounded up to a tick: deadlines of many waits fall together. */
		clock_cond_wait(room->clock, &room->changed, &room->lock,
			room->earliest_ns + TICK_MS * CLOCK_NS_PER_MS);
	}
	pthread_mutex_unlock(&room->lock);
	return NULL;
}

int wait_room_open(const struct clock *c, struct wait_room **out)
{
	struct wait_room *room = calloc(1, sizeof(*room));
	int err;

	if (!room)
		return -ENOMEM;
	room->clock = c;
	room->head.prev = room->head.next = &room->head;
	room->earliest_ns = CLOCK_NEVER;
	pthread_mutex_init(&room->lock, NULL);
	clock_cond_init(&room->changed);
	err = pthread_create(&room->thread, NULL, room_thread, room);
	if (err) {
		free(room);
		return -err;
	}
	*out = room;
	return 0;
}

void wait_room_close(struct wait_room *room)
{
	pthread_mutex_lock(&room->lock);
	room->closed = true;
	while (room->head.next != &room->head)
		leave(room, room->head.next);
	pthread_mutex_unlock(&room->lock);
}

void wait_room_free(struct wait_room *room)
{
	if (!room)
		return;
	wait_room_close(room);
	pthread_mutex_lock(&room->lock);
	room->ending = true;
	pthread_cond_signal(&room->changed);
	pthread_mutex_unlock(&room->lock);
	pthread_join(room->thread, NULL);
	pthread_cond_destroy(&room->changed);
	pthread_mutex_destroy(&room->lock);
	free(room);
}

bool wait_room_closed(struct wait_room *room)
{
	pthread_mutex_lock(&room->lock);
	bool closed = room->closed;
	pthread_mutex_unlock(&room->lock);
	return closed;
}

static uint64_t ticket_of(struct wait_room *room, uint64_t key)
{
	uint64_t ticket = *generation_of(room, key);

	return is_agent(key) ? ticket + room->all_agents : ticket;
}

uint64_t wait_ticket(struct wait_room *room, uint64_t key)
{
	pthread_mutex_lock(&room->lock);
	uint64_t ticket = ticket_of(room, key);
	pthread_mutex_unlock(&room->lock);
	return ticket;
}

bool wait_enter(struct wait_room *room, struct wait *w, struct MHD_Connection *connection,
	uint64_t key, uint64_t ticket, int64_t wait_ms)
{
	bool entered = false;

	if (wait_ms > WAIT_MAX_MS)
		wait_ms = WAIT_MAX_MS;
	pthread_mutex_lock(&room->lock);
	if (!room->closed && ticket_of(room, key) == ticket) {
		w->connection = connection;
		w->key = key;
		w->deadline_ns = clock_deadline_ms(room->clock, wait_ms);
		w->in = true;
		w->prev = room->head.prev;
		w->next = &room->head;
		w->prev->next = w->next->prev = w;
		room->n++;
		MHD_suspend_connection(connection);
		if (w->deadline_ns < room->earliest_ns) {
			room->earliest_ns = w->deadline_ns;
			pthread_cond_signal(&room->changed);
		}
		entered = true;
	}
	pthread_mutex_unlock(&room->lock);
	return entered;
}

void wait_wake(struct wait_room *room, uint64_t key)
{
	pthread_mutex_lock(&room->lock);
	(*generation_of(room, key))++;
	for (struct wait *w = room->head.next, *next; w != &room->head; w = next) {
		next = w->next;
		if (w->key == key)
			leave(room, w);
	}
	pthread_mutex_unlock(&room->lock);
}

void wait_wake_agents(struct wait_room *room, uint64_t bits)
{
	pthread_mutex_lock(&room->lock);
	room->all_agents++;
	for (struct wait *w = room->head.next, *next; w != &room->head; w = next) {
		next = w->next;
		if (is_agent(w->key) && (w->wants & bits))
			leave(room, w);
	}
	pthread_mutex_unlock(&room->lock);
}

size_t wait_count(struct wait_room *room)
{
	pthread_mutex_lock(&room->lock);
	size_t n = room->n;
	pthread_mutex_unlock(&room->lock);
	return n;
}
