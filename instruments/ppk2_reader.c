#include "instruments/ppk2_reader.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"

#define READ_BYTES (64u << 10)

struct ppk2_reader {
	struct console *console;
	const struct clock *clock;
	pthread_t thread;
	bool running;
	int stop_fd;
	int wake_fd; /* there is enough, or the end */
	uint8_t *ring;

	pthread_mutex_t lock;
	uint64_t head, tail; /* bytes taken and put since the start */
	int64_t arrived_ns;
	uint64_t dropped; /* bytes behind the tail, not yet told; then nothing is put */
	uint64_t told;	  /* bytes dropped before the head */
	uint64_t total;	  /* bytes dropped since the start */
	bool waiting;	  /* the taker wants to be woken */
	int error;	  /* why the thread has ended */
	struct fault fault;
};

/* Where the next bytes may go; 0 when the ring is full or has dropped already. */
static size_t room_at_tail(struct ppk2_reader *r, uint8_t **at)
{
	size_t offset, room;

	pthread_mutex_lock(&r->lock);
	offset = r->tail % PPK2_READER_RING_BYTES;
	room = r->dropped ? 0 : PPK2_READER_RING_BYTES - (size_t)(r->tail - r->head);
	pthread_mutex_unlock(&r->lock);
	if (room > PPK2_READER_RING_BYTES - offset)
		room = PPK2_READER_RING_BYTES - offset;
	*at = r->ring + offset;
	return room;
}

/* With the lock held. */
static void wake_if_enough(struct ppk2_reader *r)
{
	if (!r->waiting)
		return;
	if (r->tail - r->head < PPK2_READER_GATHER_BYTES && !r->dropped && !r->error)
		return;
	r->waiting = false;
	eventfd_write(r->wake_fd, 1);
}

static void put(struct ppk2_reader *r, size_t n, bool kept)
{
	pthread_mutex_lock(&r->lock);
	if (kept) {
		r->tail += n;
		r->arrived_ns = clock_mono_ns(r->clock);
	} else {
		r->dropped += n;
		r->total += n;
	}
	wake_if_enough(r);
	pthread_mutex_unlock(&r->lock);
}

static void end(struct ppk2_reader *r, int error, const struct fault *f)
{
	pthread_mutex_lock(&r->lock);
	r->error = error;
	r->fault = *f;
	wake_if_enough(r);
	pthread_mutex_unlock(&r->lock);
}

static void *reader_main(void *arg)
{
	struct ppk2_reader *r = arg;
	uint8_t scrap[4096];

	for (;;) {
		uint8_t *at;
		size_t room = room_at_tail(r, &at);
		struct fault f = {0};
		ssize_t n = console_read(r->console, room ? at : scrap,
			room > READ_BYTES ? READ_BYTES : (room ? room : sizeof(scrap)), r->clock,
			clock_deadline_ms(r->clock, PPK2_READER_SILENCE_MS), r->stop_fd, &f);

		if (n > 0) {
			put(r, (size_t)n, room > 0);
			continue;
		}
		if (n == -ETIMEDOUT)
			n = fault_set(&f, ENODATA, "it has sent no sample for %d ms",
				PPK2_READER_SILENCE_MS);
		if (n == 0)
			n = fault_set(&f, ENODEV, "it has closed its port");
		end(r, (int)n, &f);
		return NULL;
	}
}

int ppk2_reader_start(
	struct console *c, const struct clock *clock, struct ppk2_reader **out, struct fault *f)
{
	struct ppk2_reader *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return fault_set(f, ENOMEM, "out of memory");
	r->console = c;
	r->clock = clock;
	pthread_mutex_init(&r->lock, NULL);
	r->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->ring = malloc(PPK2_READER_RING_BYTES);
	if (!r->ring)
		rc = -ENOMEM;
	else if (r->stop_fd < 0 || r->wake_fd < 0)
		rc = -EMFILE;
	else
		rc = -pthread_create(&r->thread, NULL, reader_main, r);
	if (rc) {
		ppk2_reader_free(r);
		return fault_errno(f, -rc, "no thread for its samples");
	}
	r->running = true;
	*out = r;
	return 0;
}

/* 1: there is something to take; 0: wait; or why nothing will come any more. */
static int look(struct ppk2_reader *r, size_t enough, struct fault *f)
{
	uint64_t have;
	int rc;

	pthread_mutex_lock(&r->lock);
	have = r->tail - r->head;
	rc = have >= enough || r->dropped || (have && r->error) ? 1 : r->error;
	if (rc < 0 && f)
		*f = r->fault;
	r->waiting = rc == 0;
	pthread_mutex_unlock(&r->lock);
	return rc;
}

int ppk2_reader_wait(struct ppk2_reader *r, int64_t deadline_ns, int cancel_fd, struct fault *f)
{
	struct pollfd fds[2] = {
		{.fd = r->wake_fd, .events = POLLIN}, {.fd = cancel_fd, .events = POLLIN}};
	eventfd_t ignored;

	for (;;) {
		int rc = look(r, PPK2_READER_GATHER_BYTES, f);

		if (rc)
			return rc > 0 ? 0 : rc;
		rc = clock_poll(r->clock, fds, 2, deadline_ns);
		if (rc < 0)
			return fault_errno(f, -rc, "poll");
		if (fds[1].revents)
			return fault_set(f, ECANCELED, "canceled");
		if (rc == 0) {
			rc = look(r, 1, f);
			if (rc == 0)
				return fault_set(f, ETIMEDOUT, "no sample came in time");
			return rc > 0 ? 0 : rc;
		}
		eventfd_read(r->wake_fd, &ignored);
	}
}

void ppk2_reader_take(struct ppk2_reader *r, struct ppk2_piece *out)
{
	size_t offset, n;

	pthread_mutex_lock(&r->lock);
	/* All that stood before the loss has been taken: from here on bytes are kept again. */
	if (r->dropped && r->head == r->tail) {
		r->told += r->dropped;
		r->dropped = 0;
	}
	offset = r->head % PPK2_READER_RING_BYTES;
	n = (size_t)(r->tail - r->head);
	*out = (struct ppk2_piece){.bytes = r->ring + offset, .n = n};
	if (n > PPK2_READER_RING_BYTES - offset)
		out->n = PPK2_READER_RING_BYTES - offset;
	else
		out->arrived_ns = r->arrived_ns;
	if (n) {
		out->dropped_before = r->told;
		r->told = 0;
	}
	pthread_mutex_unlock(&r->lock);
}

void ppk2_reader_took(struct ppk2_reader *r, const struct ppk2_piece *piece)
{
	pthread_mutex_lock(&r->lock);
	r->head += piece->n;
	pthread_mutex_unlock(&r->lock);
}

uint64_t ppk2_reader_dropped(struct ppk2_reader *r)
{
	uint64_t n;

	pthread_mutex_lock(&r->lock);
	n = r->total;
	pthread_mutex_unlock(&r->lock);
	return n;
}

void ppk2_reader_stop(struct ppk2_reader *r)
{
	if (!r->running)
		return;
	eventfd_write(r->stop_fd, 1);
	pthread_join(r->thread, NULL);
	r->running = false;
}

void ppk2_reader_free(struct ppk2_reader *r)
{
	if (!r)
		return;
	ppk2_reader_stop(r);
	file_close(&r->stop_fd);
	file_close(&r->wake_fd);
	pthread_mutex_destroy(&r->lock);
	free(r->ring);
	free(r);
}
