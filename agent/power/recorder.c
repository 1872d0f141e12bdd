#include "agent/power/recorder.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/failpoint.h"
#include "common/file.h"

#define READ_MS 100 /* so late is a stop seen at most */
#define NS_PER_SAMPLE (CLOCK_NS_PER_S / PPK2_SAMPLE_RATE_HZ)

struct recorder {
	struct ppk2_session *session;
	const struct clock *clock;
	int cancel_fd;
	pthread_t thread;
	bool running;
	atomic_bool stop;
	int event_fd;  /* something was taken */
	int failed_fd; /* nothing will be any more */
	struct windows *windows;
	struct capture_writer *writer; /* NULL: none, or dropped */
	struct growing *file;
	char dropped[POWER_DROPPED_BYTES];

	pthread_mutex_t lock;
	struct ppk2_counts counts;
	uint64_t next; /* index behind the last sample taken */
	struct span_sum idle, span;
	uint64_t after; /* windows that begin before it are not ours */
	bool open;	/* D0 is high */
	bool has_window;
	unsigned n_windows;
	struct window window; /* the longest */
	struct window_batch *batches;
	int error;
	struct fault fault;
};

/* The measurement goes on without its file. */
static void drop_file(struct recorder *r, const char *why)
{
	capture_writer_free(take_ptr(r->writer));
	if (r->file)
		growing_drop(r->file);
	snprintf(r->dropped, sizeof(r->dropped), "%s", why);
}

static void judge_file(struct recorder *r, int rc)
{
	char why[160];

	if (!rc)
		return;
	if (rc == -EOVERFLOW)
		snprintf(why, sizeof(why), "it has more than %ju bytes",
			(uintmax_t)POWER_CAPTURE_MAX_BYTES);
	else
		snprintf(why, sizeof(why), "it cannot be written on the agent's disk: %s",
			strerror(-rc));
	drop_file(r, rc == -ECANCELED ? "the server does not take it" : why);
}

static int to_file(void *arg, const void *bytes, size_t n)
{
	struct recorder *r = arg;

	if (growing_size(r->file) + n > POWER_CAPTURE_MAX_BYTES)
		return -EOVERFLOW; /* ours; EFBIG is the file system's */
	return growing_append(r->file, bytes, n);
}

static void on_window(void *arg, const struct window *w)
{
	struct recorder *r = arg;
	struct window_batch *batches = NULL;
	size_t bytes = w->n_batches * sizeof(*batches);
	bool longest;

	pthread_mutex_lock(&r->lock);
	longest = w->start >= r->after &&
		(!r->has_window || w->end - w->start > r->window.end - r->window.start);
	if (w->start >= r->after)
		r->n_windows++;
	if (longest && bytes)
		batches = malloc(bytes);
	if (longest && bytes && !batches) {
		r->error = fault_set(&r->fault, ENOMEM, "out of memory");
	} else if (longest) {
		if (bytes)
			memcpy(batches, w->batches, bytes);
		free(r->batches);
		r->batches = batches;
		r->window = *w;
		r->window.batches = batches;
		r->has_window = true;
	}
	pthread_mutex_unlock(&r->lock);
}

static void on_block(void *arg, const struct ppk2_block *b)
{
	struct recorder *r = arg;
	const struct ppk2_converter *converter = ppk2_session_converter(r->session);
	int rc = windows_feed(r->windows, b);

	pthread_mutex_lock(&r->lock);
	if (rc && !r->error)
		r->error = rc == -E2BIG
			? fault_set(&r->fault, E2BIG, "a window has more than %d batches",
				  WINDOW_BATCHES_MAX)
			: fault_errno(&r->fault, -rc, "windows");
	span_sum_feed(&r->idle, converter, b);
	span_sum_feed(&r->span, converter, b);
	r->next = b->index + b->n;
	r->open = windows_open(r->windows);
	pthread_mutex_unlock(&r->lock);
	if (r->writer)
		judge_file(r, capture_write(r->writer, b));
}

/* What was taken is seen by the owner. */
static int publish(struct recorder *r, int rc, const struct fault *f)
{
	pthread_mutex_lock(&r->lock);
	ppk2_session_counts(r->session, &r->counts);
	if (rc && !r->error) {
		r->error = rc;
		r->fault = *f;
	}
	rc = r->error;
	pthread_mutex_unlock(&r->lock);
	if (rc)
		eventfd_write(r->failed_fd, 1);
	eventfd_write(r->event_fd, 1);
	return rc;
}

static void *recorder_main(void *arg)
{
	struct recorder *r = arg;
	int rc = 0;

	while (!rc && !atomic_load(&r->stop)) {
		struct fault f = {0};

		rc = ppk2_session_read(r->session, clock_deadline_ms(r->clock, READ_MS), &f);
		failpoint("agent.capture.read");
		rc = publish(r, rc == -ETIMEDOUT ? 0 : rc, &f);
	}
	return NULL;
}

static void free_parts(struct recorder *r)
{
	windows_free(r->windows);
	capture_writer_free(r->writer);
	file_close(&r->event_fd);
	file_close(&r->failed_fd);
	pthread_mutex_destroy(&r->lock);
	free(r->batches);
	free(r);
}

static struct recorder *make(struct ppk2_session *session, const struct capture_header *header,
	struct growing *file, struct fault *f)
{
	struct recorder *r = calloc(1, sizeof(*r));
	int rc;

	if (!r) {
		fault_set(f, ENOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	r->session = session;
	r->file = file;
	r->after = UINT64_MAX;
	r->idle = r->span = (struct span_sum){.from = UINT64_MAX, .to = UINT64_MAX};
	r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->failed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = r->event_fd < 0 || r->failed_fd < 0 ? -EMFILE : 0;
	if (!rc)
		rc = windows_new(ppk2_session_converter(session), on_window, r, &r->windows);
	if (rc) {
		fault_errno(f, -rc, "capture");
		free_parts(r);
		return NULL;
	}
	if (file)
		judge_file(r, capture_writer_new(header, to_file, r, &r->writer));
	return r;
}

int recorder_start(struct ppk2_session *session, const struct clock *clock, int cancel_fd,
	const struct capture_header *header, struct growing *file, int64_t deadline_ns,
	struct recorder **out, struct fault *f)
{
	struct recorder *r = make(session, header, file, f);
	int rc;

	if (!r)
		return f ? -f->error : -ENOMEM;
	r->clock = clock;
	r->cancel_fd = cancel_fd;
	rc = ppk2_session_start(session, on_block, r, deadline_ns, f);
	if (!rc) {
		rc = -pthread_create(&r->thread, NULL, recorder_main, r);
		if (rc)
			fault_errno(f, -rc, "no thread for the capture");
	}
	if (rc) {
		ppk2_session_stop(session, deadline_ns, NULL);
		free_parts(r);
		return rc;
	}
	r->running = true;
	*out = r;
	return 0;
}

/* With the lock held: the sample that is being taken now. */
static uint64_t index_now(const struct recorder *r)
{
	int64_t late_ns = clock_mono_ns(r->clock) - r->counts.arrived_ns;
	uint64_t now;

	if (!r->counts.arrived_ns || late_ns < 0)
		return r->next;
	/* From the count that goes with the time: next runs ahead of both while samples are taken. */
	now = r->counts.samples + (uint64_t)(late_ns / NS_PER_SAMPLE);
	return now > r->next ? now : r->next;
}

/* Until done says so (with the lock held). */
static int wait_until(struct recorder *r, bool (*done)(const struct recorder *r, uint64_t n),
	uint64_t n, int64_t deadline_ns, struct fault *f)
{
	struct pollfd fds[2] = {
		{.fd = r->event_fd, .events = POLLIN}, {.fd = r->cancel_fd, .events = POLLIN}};
	eventfd_t ignored;

	for (;;) {
		int rc;
		bool over;

		pthread_mutex_lock(&r->lock);
		over = done(r, n);
		rc = r->error;
		if (rc && f)
			*f = r->fault;
		pthread_mutex_unlock(&r->lock);
		if (rc || over)
			return rc;
		rc = clock_poll(r->clock, fds, 2, deadline_ns);
		if (rc < 0)
			return fault_errno(f, -rc, "poll");
		if (fds[1].revents)
			return fault_set(f, ECANCELED, "canceled");
		if (rc == 0)
			return fault_set(f, ETIMEDOUT, "the measurement did not end in time");
		eventfd_read(r->event_fd, &ignored);
	}
}

static bool reached(const struct recorder *r, uint64_t n)
{
	return r->next >= n;
}

static bool window_is_over(const struct recorder *r, uint64_t after_n)
{
	return r->has_window && !r->open && r->next >= r->window.end + after_n;
}

int recorder_idle(struct recorder *r, uint64_t after_n, uint64_t samples_n, int64_t deadline_ns,
	struct fault *f)
{
	uint64_t to;

	pthread_mutex_lock(&r->lock);
	r->idle = (struct span_sum){.from = index_now(r) + after_n};
	r->idle.to = to = r->idle.from + samples_n;
	pthread_mutex_unlock(&r->lock);
	return wait_until(r, reached, to, deadline_ns, f);
}

void recorder_mark(struct recorder *r, bool begin)
{
	pthread_mutex_lock(&r->lock);
	if (begin) {
		r->span.from = index_now(r);
		r->after = r->next;
	} else {
		r->span.to = index_now(r);
	}
	pthread_mutex_unlock(&r->lock);
}

int recorder_await(struct recorder *r, uint64_t after_n, int64_t deadline_ns, struct fault *f)
{
	return wait_until(r, window_is_over, after_n, deadline_ns, f);
}

bool recorder_saw_pins(struct recorder *r)
{
	bool seen;

	pthread_mutex_lock(&r->lock);
	seen = r->has_window || r->open;
	pthread_mutex_unlock(&r->lock);
	return seen;
}

int recorder_failed_fd(const struct recorder *r)
{
	return r->failed_fd;
}

static void join(struct recorder *r)
{
	if (!r->running)
		return;
	atomic_store(&r->stop, true);
	pthread_join(r->thread, NULL);
	r->running = false;
}

/* Where no pin tells the window, it is what lay between the marks. */
static void window_of_span(const struct span_sum *s, struct window *w)
{
	*w = (struct window){.start = s->from,
		.end = s->to,
		.samples = s->samples,
		.lost = s->lost,
		.invalid = s->invalid,
		.clipped = s->clipped,
		.charge_C = s->charge_C,
		.filtered_charge_C = s->charge_C,
		.peak_10us_A = s->peak_A,
		.complete = !s->lost && !s->invalid && s->samples == s->to - s->from};
}

int recorder_stop(
	struct recorder *r, int64_t deadline_ns, struct power_measured *out, struct fault *f)
{
	struct fault own = {0};
	int rc;

	join(r);
	rc = ppk2_session_stop(r->session, deadline_ns, &own);
	windows_end(r->windows);
	publish(r, rc, &own);
	if (r->writer)
		judge_file(r, capture_writer_end(r->writer, r->counts.host_us));
	out->idle = r->idle.samples ? r->idle : (struct span_sum){0};
	out->counts = r->counts;
	out->n_windows = r->n_windows;
	out->has_window = r->has_window;
	out->window = r->window;
	out->batches = take_ptr(r->batches);
	out->window.batches = out->batches;
	if (!r->has_window && r->span.to != UINT64_MAX && r->span.samples) {
		out->sync = POWER_SYNC_HOST_TIME;
		out->has_window = true;
		window_of_span(&r->span, &out->window);
	}
	out->capture_bytes = r->file ? growing_size(r->file) : 0;
	memcpy(out->dropped, r->dropped, sizeof(out->dropped));
	if (r->error && f)
		*f = r->fault;
	return r->error;
}

void recorder_free(struct recorder *r)
{
	if (!r)
		return;
	join(r);
	free_parts(r);
}
