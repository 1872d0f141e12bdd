#include "virtual-lab/serial.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/file.h"
#include "virtual-lab/faults.h"
#include "virtual-lab/noise.h"
#include "virtual-lab/pty.h"

#define PIECE_BYTES 4096
#define BACKLOG_BYTES 65536
#define BABBLE_MS 50

struct serial {
	const struct faults *faults;
	serial_markers_fn take_markers;
	void *markers_arg;
	pthread_t thread;
	int wake_fd;
	struct pty pty; /* the thread's */
	struct noise noise;
	uint8_t backlog[BACKLOG_BYTES];
	size_t first;
	size_t n;
	uint8_t typed[PIECE_BYTES]; /* from the host, waiting for the guest to take it */
	size_t typed_n;
	int console_fd;
	int marker_fd;
	atomic_uint openers;
	_Atomic uint64_t lost;

	pthread_mutex_t lock;
	bool ending;
	bool changed;
	int next_console_fd;
	int next_marker_fd;
};

/* Over the limit the oldest bytes go. */
static void keep(struct serial *s, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s->n == BACKLOG_BYTES) {
			s->first = (s->first + 1) % BACKLOG_BYTES;
			s->n--;
			s->lost++;
		}
		s->backlog[(s->first + s->n++) % BACKLOG_BYTES] = data[i];
	}
}

static void push(struct serial *s)
{
	while (s->n) {
		size_t straight = BACKLOG_BYTES - s->first;
		size_t piece = s->n < straight ? s->n : straight;
		ssize_t sent = write(s->pty.master, s->backlog + s->first, piece);

		if (sent <= 0)
			return;
		s->first = (s->first + (size_t)sent) % BACKLOG_BYTES;
		s->n -= (size_t)sent;
	}
}

static void to_host(struct serial *s, const uint8_t *data, size_t n)
{
	uint8_t spoilt[PIECE_BYTES];

	if (!s->pty.openers) {
		s->lost += n;
		return;
	}
	n = noise_spoil(&s->noise, s->faults, data, n, spoilt);
	keep(s, spoilt, n);
	push(s);
}

static void babble(struct serial *s)
{
	uint8_t junk[NOISE_BABBLE_MAX];

	keep(s, junk, noise_babble(&s->noise, s->faults, junk));
	push(s);
}

static void from_guest(struct serial *s)
{
	uint8_t data[PIECE_BYTES];
	ssize_t n = recv(s->console_fd, data, sizeof(data), MSG_DONTWAIT);

	if (n > 0)
		to_host(s, data, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		file_close(&s->console_fd);
}

static void to_guest(struct serial *s)
{
	ssize_t n = send(s->console_fd, s->typed, s->typed_n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0) {
		s->typed_n -= (size_t)n;
		memmove(s->typed, s->typed + n, s->typed_n);
	}
}

static void from_host(struct serial *s)
{
	ssize_t n = read(s->pty.master, s->typed + s->typed_n, sizeof(s->typed) - s->typed_n);

	if (n > 0)
		s->typed_n += (size_t)n;
	/* Nobody hears what is said to a board without power. */
	if (s->console_fd < 0)
		s->typed_n = 0;
	else if (s->typed_n)
		to_guest(s);
}

static void hear_markers(struct serial *s)
{
	uint8_t data[PIECE_BYTES];
	ssize_t n = recv(s->marker_fd, data, sizeof(data), MSG_DONTWAIT);

	if (n > 0)
		s->take_markers(s->markers_arg, data, (size_t)n);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		file_close(&s->marker_fd);
}

/* False when the thread shall end. */
static bool take_orders(struct serial *s)
{
	uint64_t count;
	bool go_on;

	(void)!read(s->wake_fd, &count, sizeof(count));
	pthread_mutex_lock(&s->lock);
	go_on = !s->ending;
	if (s->changed) {
		/* What the old guest still had to say comes first. */
		while (s->console_fd >= 0) {
			uint8_t data[PIECE_BYTES];
			ssize_t n = recv(s->console_fd, data, sizeof(data), MSG_DONTWAIT);

			if (n <= 0)
				break;
			to_host(s, data, (size_t)n);
		}
		file_close(&s->console_fd);
		file_close(&s->marker_fd);
		s->console_fd = s->next_console_fd;
		s->typed_n = 0;
		s->marker_fd = s->next_marker_fd;
		s->next_console_fd = s->next_marker_fd = -1;
		s->changed = false;
	}
	pthread_mutex_unlock(&s->lock);
	return go_on;
}

static void look_at_openers(struct serial *s)
{
	if (!pty_update(&s->pty))
		return;
	s->openers = s->pty.openers;
	if (!s->pty.openers)
		s->n = 0;
}

static void *work(void *arg)
{
	struct serial *s = arg;

	for (;;) {
		bool babbles = s->pty.openers && fault_is_on(s->faults, FAULT_UART_BABBLE);
		struct pollfd p[] = {
			{.fd = s->wake_fd, .events = POLLIN},
			{.fd = s->pty.watch_fd, .events = POLLIN},
			{.fd = s->pty.master,
				.events = (s->typed_n ? 0 : POLLIN) | (s->n ? POLLOUT : 0)},
			{.fd = s->console_fd, .events = POLLIN | (s->typed_n ? POLLOUT : 0)},
			{.fd = s->marker_fd, .events = POLLIN},
		};
		int ready = poll(p, sizeof(p) / sizeof(p[0]), babbles ? BABBLE_MS : -1);

		/* Who has just opened the port hears everything from now on. */
		look_at_openers(s);
		if ((p[0].revents & POLLIN) && !take_orders(s))
			return NULL;
		if (p[2].revents & POLLOUT)
			push(s);
		if (p[2].revents & POLLIN)
			from_host(s);
		if ((p[3].revents & POLLOUT) && s->console_fd == p[3].fd)
			to_guest(s);
		if ((p[3].revents & ~POLLOUT) && s->console_fd == p[3].fd)
			from_guest(s);
		if (p[4].revents && s->marker_fd == p[4].fd)
			hear_markers(s);
		if (!ready && babbles)
			babble(s);
	}
}

int serial_open(const char *console_link, const struct faults *faults, serial_markers_fn markers,
	void *markers_arg, struct serial **out, struct fault *f)
{
	struct serial *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return fault_set(f, ENOMEM, "no memory for the console");
	s->faults = faults;
	s->take_markers = markers;
	s->markers_arg = markers_arg;
	s->console_fd = s->marker_fd = s->next_console_fd = s->next_marker_fd = -1;
	noise_init(&s->noise);
	pthread_mutex_init(&s->lock, NULL);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = s->wake_fd < 0 ? fault_errno(f, errno, "no eventfd") : 0;
	if (!rc)
		rc = pty_open(&s->pty, console_link, f);
	if (!rc) {
		rc = -pthread_create(&s->thread, NULL, work, s);
		if (rc)
			fault_errno(f, -rc, "no thread for the console");
	}
	if (rc) {
		pty_close(&s->pty);
		file_close(&s->wake_fd);
		free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void serial_wake(struct serial *s)
{
	uint64_t one = 1;

	(void)!write(s->wake_fd, &one, sizeof(one));
}

void serial_close(struct serial *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->ending = true;
	pthread_mutex_unlock(&s->lock);
	serial_wake(s);
	pthread_join(s->thread, NULL);
	pty_close(&s->pty);
	file_close(&s->wake_fd);
	file_close(&s->console_fd);
	file_close(&s->marker_fd);
	file_close(&s->next_console_fd);
	file_close(&s->next_marker_fd);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void serial_connect(struct serial *s, int console_fd, int marker_fd)
{
	pthread_mutex_lock(&s->lock);
	file_close(&s->next_console_fd);
	file_close(&s->next_marker_fd);
	s->next_console_fd = console_fd;
	s->next_marker_fd = marker_fd;
	s->changed = true;
	pthread_mutex_unlock(&s->lock);
	serial_wake(s);
}

unsigned serial_openers(const struct serial *s)
{
	return s->openers;
}

uint64_t serial_lost_bytes(const struct serial *s)
{
	return s->lost;
}
