#include "virtual-lab/ppk2_port.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "virtual-lab/charge_log.h"
#include "virtual-lab/faults.h"
#include "virtual-lab/load.h"
#include "virtual-lab/machines.h"
#include "virtual-lab/marker_lines.h"
#include "virtual-lab/outbox.h"
#include "virtual-lab/ppk2_encoder.h"
#include "virtual-lab/ppk2_spoil.h"
#include "virtual-lab/ppk2_unit.h"
#include "virtual-lab/pty.h"
#include "virtual-lab/timeline.h"

#define TICK_NS (4 * CLOCK_NS_PER_MS)
#define PIECE_WORDS 512
#define WORD_BYTES 4
#define SAMPLE_NS (CLOCK_NS_PER_S / PPK2_SAMPLE_RATE_HZ)
/* A host that slept longer than this gets no samples of that time. */
#define BEHIND_MAX (10 * PPK2_SAMPLE_RATE_HZ)
/* How long a unit that was told RESET is off the bus. */
#define RESET_MS 300
#define COMMAND_BYTES 256
#define LOGIC_PINS 7u /* D0-D2 of a marker's state */
#define ACTIVITY_SHIFT 3

struct ppk2_port {
	const struct machine *machine;
	const struct faults *faults;
	char link[FILE_PATH_BYTES];
	pthread_t thread;
	int wake_fd;
	int order_fd;
	/* The thread's: */
	struct pty pty;
	int timer_fd;
	struct ppk2_spoil spoil;
	struct outbox outbox;
	int64_t back_ns; /* when a unit that was reset is on the bus again */
	bool ticking;

	pthread_mutex_t lock; /* over all that follows */
	struct ppk2_unit unit;
	struct ppk2_encoder encoder;
	struct marker_lines lines;
	uint64_t marker_bytes;
	struct timeline timeline;
	struct charge_log charges;
	bool present;
	bool playing; /* samples leave */
	int64_t start_ns;
	bool board_on;
	unsigned board_cycle;
	bool off_wanted, on_wanted;
	bool ending;
};

static int64_t now_ns(void)
{
	return clock_mono_ns(&clock_system);
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one));
}

static void clear_fd(int fd)
{
	uint64_t count;

	(void)!read(fd, &count, sizeof(count));
}

/* With the lock held: after anything that the board's power depends on. */
static void order(struct ppk2_port *p)
{
	bool on = ppk2_unit_feeds_board(&p->unit);

	if (on == p->on_wanted)
		return;
	p->on_wanted = on;
	p->off_wanted |= !on;
	signal_fd(p->order_fd);
}

/* With the lock held. */
static void begin(struct ppk2_port *p)
{
	p->start_ns = now_ns();
	charge_log_start(&p->charges);
}

/* With the lock held. */
static void obey(struct ppk2_port *p, enum ppk2_unit_event event)
{
	if (event == PPK2_UNIT_STARTED)
		begin(p);
	if (event == PPK2_UNIT_SET)
		ppk2_encoder_set_vdd(&p->encoder, p->unit.metadata.vdd_mV);
	order(p);
}

static void describe(struct ppk2_port *p)
{
	char text[PPK2_METADATA_MAX_BYTES];
	size_t n;

	pthread_mutex_lock(&p->lock);
	n = ppk2_unit_describe(&p->unit, fault_is_on(p->faults, FAULT_PPK2_METADATA), text);
	pthread_mutex_unlock(&p->lock);
	if (!fault_is_on(p->faults, FAULT_PPK2_SILENT))
		outbox_put(&p->outbox, text, n);
}

static void leave_bus(struct ppk2_port *p)
{
	pthread_mutex_lock(&p->lock);
	p->present = false;
	ppk2_unit_init(&p->unit);
	obey(p, PPK2_UNIT_SET);
	pthread_mutex_unlock(&p->lock);
	pty_close(&p->pty);
	outbox_drop(&p->outbox);
}

static void join_bus(struct ppk2_port *p)
{
	struct fault f = {0};

	p->back_ns = CLOCK_NEVER;
	if (pty_open(&p->pty, p->link, &f)) {
		log_error("the PPK2 stays away", LOG_STR("error", f.text));
		return;
	}
	pthread_mutex_lock(&p->lock);
	p->present = true;
	pthread_mutex_unlock(&p->lock);
}

static void hear(struct ppk2_port *p)
{
	uint8_t data[COMMAND_BYTES];
	ssize_t n = read(p->pty.master, data, sizeof(data));

	for (ssize_t at = 0; at < n && p->pty.master >= 0;) {
		enum ppk2_unit_event event;

		pthread_mutex_lock(&p->lock);
		at += (ssize_t)ppk2_unit_feed(&p->unit, data + at, (size_t)(n - at), &event);
		obey(p, event);
		pthread_mutex_unlock(&p->lock);
		if (event == PPK2_UNIT_ASKED)
			describe(p);
		if (event == PPK2_UNIT_RESET) {
			leave_bus(p);
			p->back_ns = clock_deadline_ms(&clock_system, RESET_MS);
		}
	}
}

/* With the lock held: what the unit sees at that time, and until when. */
static uint8_t look(struct ppk2_port *p, int64_t at_ns, int64_t *until_ns)
{
	uint8_t state = timeline_at(&p->timeline, at_ns, until_ns);
	double current_A = 0;

	if (!p->board_on || !ppk2_unit_feeds_board(&p->unit)) {
		ppk2_encoder_set_current(&p->encoder, 0);
		return 0;
	}
	if (ppk2_unit_sees_current(&p->unit))
		current_A = load_A(p->machine->name, state >> ACTIVITY_SHIFT);
	ppk2_encoder_set_current(&p->encoder, current_A);
	return state & LOGIC_PINS;
}

/* With the lock held. */
static void make(struct ppk2_port *p, uint32_t *words, size_t n)
{
	int64_t until_ns = INT64_MIN;
	uint8_t logic = 0;

	for (size_t i = 0; i < n; i++) {
		int64_t at_ns = p->start_ns + (int64_t)p->charges.samples * SAMPLE_NS;

		if (!i || at_ns >= until_ns)
			logic = look(p, at_ns, &until_ns);
		words[i] = ppk2_encoder_next(&p->encoder, logic);
		charge_log_add(&p->charges, p->encoder.current_A, 1);
	}
}

/* The samples that are due, PIECE_WORDS at most, and how many have been made by then. */
static size_t make_due(struct ppk2_port *p, uint32_t *words, uint64_t *made)
{
	uint64_t due;
	size_t n = 0;

	pthread_mutex_lock(&p->lock);
	if (p->playing) {
		due = (uint64_t)((now_ns() - p->start_ns) / SAMPLE_NS) - p->charges.samples;
		if (due > BEHIND_MAX) {
			ppk2_encoder_skip(&p->encoder, due);
			charge_log_add(&p->charges, p->encoder.current_A, due);
			due = 0;
		}
		n = due < PIECE_WORDS ? (size_t)due : PIECE_WORDS;
		make(p, words, n);
	}
	*made = p->charges.samples;
	pthread_mutex_unlock(&p->lock);
	return n;
}

static void send(struct ppk2_port *p, const uint32_t *words, size_t n_words)
{
	uint8_t data[PIECE_WORDS * WORD_BYTES];
	size_t n = ppk2_spoil(&p->spoil, p->faults, words, n_words, data);

	/* A piece for which there is no room is lost. */
	if (!fault_is_on(p->faults, FAULT_PPK2_SILENT))
		outbox_put(&p->outbox, data, n);
	outbox_push(&p->outbox, p->pty.master);
}

static void stream(struct ppk2_port *p)
{
	uint32_t words[PIECE_WORDS];
	uint64_t made;
	size_t n;

	do {
		n = make_due(p, words, &made);
		send(p, words, n);
		if (n && fault_is_on(p->faults, FAULT_PPK2_UNPLUG) &&
			made >= fault_arg(p->faults, FAULT_PPK2_UNPLUG)) {
			leave_bus(p);
			return;
		}
	} while (n == PIECE_WORDS);
}

static void look_at_openers(struct ppk2_port *p)
{
	unsigned before = p->pty.openers;

	if (!pty_update(&p->pty) || !before == !p->pty.openers)
		return;
	pthread_mutex_lock(&p->lock);
	if (!p->pty.openers)
		ppk2_unit_closed(&p->unit);
	else if (fault_is_on(p->faults, FAULT_PPK2_STALE))
		p->unit.streaming = true;
	/* A stream that its last reader did not stop goes on. */
	if (p->pty.openers && p->unit.streaming)
		begin(p);
	order(p);
	pthread_mutex_unlock(&p->lock);
	outbox_drop(&p->outbox);
}

/* The clock ticks while samples are made, or wait for their reader. */
static void arm(struct ppk2_port *p)
{
	struct itimerspec t = {0};
	bool playing, ticking;

	outbox_push(&p->outbox, p->pty.master);
	pthread_mutex_lock(&p->lock);
	playing = p->present && p->pty.openers && p->unit.streaming;
	if (p->playing && !playing)
		timeline_skip(&p->timeline);
	p->playing = playing;
	pthread_mutex_unlock(&p->lock);
	ticking = playing || p->outbox.n;
	if (ticking == p->ticking)
		return;
	p->ticking = ticking;
	t.it_interval.tv_nsec = t.it_value.tv_nsec = ticking ? TICK_NS : 0;
	timerfd_settime(p->timer_fd, 0, &t, NULL);
}

static bool is_ending(struct ppk2_port *p)
{
	bool ending;

	pthread_mutex_lock(&p->lock);
	ending = p->ending;
	pthread_mutex_unlock(&p->lock);
	return ending;
}

static void *work(void *arg)
{
	struct ppk2_port *p = arg;

	for (;;) {
		struct pollfd fds[] = {
			{.fd = p->wake_fd, .events = POLLIN},
			{.fd = p->pty.watch_fd, .events = POLLIN},
			{.fd = p->pty.master, .events = POLLIN},
			{.fd = p->timer_fd, .events = POLLIN},
		};

		clock_poll(&clock_system, fds, sizeof(fds) / sizeof(fds[0]), p->back_ns);
		if (fds[0].revents) {
			clear_fd(p->wake_fd);
			if (is_ending(p))
				return NULL;
			if (p->pty.master < 0 && !fault_is_on(p->faults, FAULT_PPK2_UNPLUG))
				join_bus(p);
		}
		if (clock_expired(&clock_system, p->back_ns))
			join_bus(p);
		look_at_openers(p);
		if (fds[2].revents & POLLIN && fds[2].fd == p->pty.master)
			hear(p);
		if (fds[3].revents) {
			clear_fd(p->timer_fd);
			stream(p);
		}
		arm(p);
	}
}

/* A block of markers, with the lock held. */
static void take_block(void *arg, const struct marker *markers, size_t n)
{
	struct ppk2_port *p = arg;
	int rc = timeline_add(&p->timeline, markers, n, p->machine->hz, now_ns());

	if (rc)
		log_warning("a window of the guest is not played", LOG_I64("changes", (int64_t)n),
			LOG_STR("error", strerror(-rc)));
	if (!p->playing)
		timeline_skip(&p->timeline);
}

void ppk2_port_markers(void *arg, const uint8_t *data, size_t n)
{
	struct ppk2_port *p = arg;
	uint64_t refused;

	pthread_mutex_lock(&p->lock);
	refused = p->lines.refused;
	marker_lines_feed(&p->lines, data, n);
	p->marker_bytes += n;
	if (p->lines.refused != refused)
		log_warning("marker records of the guest are damaged and not played");
	pthread_mutex_unlock(&p->lock);
}

void ppk2_port_power(struct ppk2_port *p, bool on, unsigned cycle)
{
	pthread_mutex_lock(&p->lock);
	if (on != p->board_on || cycle != p->board_cycle) {
		timeline_drop(&p->timeline);
		marker_lines_drop(&p->lines);
	}
	p->board_on = on;
	p->board_cycle = cycle;
	pthread_mutex_unlock(&p->lock);
}

int ppk2_port_order_fd(const struct ppk2_port *p)
{
	return p->order_fd;
}

void ppk2_port_take_order(struct ppk2_port *p, bool *off, bool *on)
{
	clear_fd(p->order_fd);
	pthread_mutex_lock(&p->lock);
	*off = p->off_wanted;
	*on = p->on_wanted;
	p->off_wanted = false;
	pthread_mutex_unlock(&p->lock);
}

void ppk2_port_wake(struct ppk2_port *p)
{
	signal_fd(p->wake_fd);
}

const char *ppk2_port_state(struct ppk2_port *p)
{
	const char *state;

	pthread_mutex_lock(&p->lock);
	state = !p->present ? "absent" : p->playing ? "streaming" : "idle";
	pthread_mutex_unlock(&p->lock);
	return state;
}

void ppk2_port_heard(struct ppk2_port *p, uint64_t *bytes, uint64_t *windows)
{
	pthread_mutex_lock(&p->lock);
	*bytes = p->marker_bytes;
	*windows = p->lines.given;
	pthread_mutex_unlock(&p->lock);
}

int ppk2_port_charge(
	struct ppk2_port *p, uint64_t from, uint64_t to, double *charge_C, struct fault *f)
{
	uint64_t samples;
	int rc;

	pthread_mutex_lock(&p->lock);
	rc = charge_log_sum(&p->charges, from, to, charge_C);
	samples = p->charges.samples;
	pthread_mutex_unlock(&p->lock);
	if (!rc)
		return 0;
	return fault_set(f, -rc,
		"the charge of samples %llu to %llu is not known: the capture has %llu, and what "
		"is long ago is forgotten",
		(unsigned long long)from, (unsigned long long)to, (unsigned long long)samples);
}

static void dispose(struct ppk2_port *p)
{
	pty_close(&p->pty);
	file_close(&p->wake_fd);
	file_close(&p->order_fd);
	file_close(&p->timer_fd);
	marker_lines_done(&p->lines);
	timeline_done(&p->timeline);
	charge_log_done(&p->charges);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int ppk2_port_open(const struct ppk2_port_options *o, struct ppk2_port **out, struct fault *f)
{
	struct ppk2_port *p = calloc(1, sizeof(*p));
	int rc = 0;

	if (!p)
		return fault_set(f, ENOMEM, "no memory for the PPK2");
	p->machine = o->machine;
	p->faults = o->faults;
	p->pty = (struct pty)PTY_INIT;
	p->back_ns = CLOCK_NEVER;
	p->on_wanted = true;
	p->present = true;
	pthread_mutex_init(&p->lock, NULL);
	ppk2_unit_init(&p->unit);
	ppk2_encoder_init(&p->encoder, &p->unit.metadata, p->unit.metadata.vdd_mV, o->seed);
	ppk2_spoil_init(&p->spoil);
	marker_lines_init(&p->lines, take_block, p);
	timeline_init(&p->timeline);
	charge_log_init(&p->charges);
	p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->order_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (p->wake_fd < 0 || p->order_fd < 0 || p->timer_fd < 0)
		rc = fault_errno(f, errno, "no descriptors for the PPK2");
	if (!rc && file_path(p->link, sizeof(p->link), "%s", o->link))
		rc = fault_set(f, ENAMETOOLONG, "%s is too long a path", o->link);
	if (!rc)
		rc = pty_open(&p->pty, p->link, f);
	if (!rc) {
		rc = -pthread_create(&p->thread, NULL, work, p);
		if (rc)
			fault_errno(f, -rc, "no thread for the PPK2");
	}
	if (rc) {
		dispose(p);
		return rc;
	}
	*out = p;
	return 0;
}

void ppk2_port_close(struct ppk2_port *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_mutex_unlock(&p->lock);
	ppk2_port_wake(p);
	pthread_join(p->thread, NULL);
	dispose(p);
}
