/*
 * Power as the kernel tells it: hwmon (power1_input in uW, or curr1_input in mA times in0_input in mV)
 * or powercap (energy_uj, a counter that wraps at max_energy_range_uj). Read every SYSFS_TICK_MS by a
 * thread while something is measured; the window is what lies between the marks.
 */
#include <errno.h>
#include <math.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/power/parts.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "common/numbers.h"

#define SYSFS_TICK_MS 10
#define SYSFS_VALUE_BYTES 64
#define SYSFS_NO_VOLTAGE_MV 1000 /* a meter that tells power only: charge is energy at 1 V then */
#define NS_PER_INDEX (CLOCK_NS_PER_S / PPK2_SAMPLE_RATE_HZ)

enum source { FROM_POWER, FROM_CURRENT, FROM_ENERGY };

struct sysfs_power {
	struct board_config board;
	struct power_options o;
	char folder[FILE_PATH_BYTES];
	enum source source;
	const char *voltage_name; /* in0_input or in1_input; NULL: none */
	uint32_t voltage_mV;
	uint64_t range_uJ;

	pthread_t thread;
	bool running;
	int stop_fd;
	int failed_fd;

	pthread_mutex_t lock;
	int64_t begin_ns; /* index 0 */
	int64_t last_ns;
	double last_W;	     /* hwmon */
	uint64_t last_uJ;    /* powercap */
	struct span_sum sum; /* of what is going on: charge_C, samples, peak_A */
	struct span_sum idle, span;
	bool marked;
	int error;
	struct fault fault;
};

static int read_value(const struct sysfs_power *p, const char *name, uint64_t *out, struct fault *f)
{
	_cleanup_free_ char *text = NULL;
	char path[FILE_PATH_BYTES];
	size_t n;
	int rc = file_path(path, sizeof(path), "%s/%s", p->folder, name);

	rc = rc ? fault_errno(f, -rc, "%s", name)
		: file_read(path, SYSFS_VALUE_BYTES, &text, &n, f);
	if (rc)
		return rc;
	text[strcspn(text, "\n")] = 0;
	if (number_u64(text, 0, INT64_MAX, out))
		return fault_set(f, EIO, "%s says '%s', which is no number", path, text);
	return 0;
}

/* The power now, or the counter's energy since the last reading. */
static int read_meter(struct sysfs_power *p, double *watt, double *joule, struct fault *f)
{
	uint64_t a, b;
	int rc;

	*watt = *joule = 0;
	switch (p->source) {
	case FROM_POWER:
		rc = read_value(p, "power1_input", &a, f);
		*watt = (double)a * 1e-6;
		return rc;
	case FROM_CURRENT:
		rc = read_value(p, "curr1_input", &a, f);
		if (!rc)
			rc = read_value(p, p->voltage_name, &b, f);
		*watt = rc ? 0 : (double)a * (double)b * 1e-6;
		return rc;
	default:
		rc = read_value(p, "energy_uj", &a, f);
		if (rc)
			return rc;
		*joule = (double)(a >= p->last_uJ ? a - p->last_uJ : a + p->range_uJ - p->last_uJ) *
			1e-6;
		p->last_uJ = a;
		return 0;
	}
}

/* With the lock held: the sum goes on to this moment, by the trapezoid where power is told. */
static void advance(struct sysfs_power *p)
{
	int64_t now_ns = clock_mono_ns(p->o.clock);
	double seconds = (double)(now_ns - p->last_ns) * 1e-9, volt = p->voltage_mV / 1000.0;
	double watt, joule;

	if (p->error)
		return;
	p->error = read_meter(p, &watt, &joule, &p->fault);
	if (p->error) {
		eventfd_write(p->failed_fd, 1);
		return;
	}
	if (p->source != FROM_ENERGY)
		joule = (watt + p->last_W) / 2 * seconds;
	else if (seconds > 0)
		watt = joule / seconds;
	p->last_W = watt;
	p->last_ns = now_ns;
	p->sum.charge_C += joule / volt;
	p->sum.samples++;
	if (watt / volt > p->sum.peak_A)
		p->sum.peak_A = watt / volt;
}

static void *sysfs_main(void *arg)
{
	struct sysfs_power *p = arg;
	struct pollfd stop = {.fd = p->stop_fd, .events = POLLIN};

	while (clock_poll(p->o.clock, &stop, 1, clock_deadline_ms(p->o.clock, SYSFS_TICK_MS)) ==
		0) {
		pthread_mutex_lock(&p->lock);
		advance(p);
		pthread_mutex_unlock(&p->lock);
	}
	return NULL;
}

static void join(struct sysfs_power *p)
{
	eventfd_t ignored;

	if (!p->running)
		return;
	eventfd_write(p->stop_fd, 1);
	pthread_join(p->thread, NULL);
	eventfd_read(p->stop_fd, &ignored);
	p->running = false;
}

static void sysfs_close(void *self)
{
	struct sysfs_power *p = self;

	if (!p)
		return;
	join(p);
	file_close(&p->stop_fd);
	file_close(&p->failed_fd);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* Which of the kernel's files are there. */
static int find_source(struct sysfs_power *p, struct fault *f)
{
	static const char *const voltages[] = {"in0_input", "in1_input"};
	uint64_t value;

	p->voltage_mV = SYSFS_NO_VOLTAGE_MV;
	for (size_t i = 0; i < ARRAY_SIZE(voltages) && !p->voltage_name; i++) {
		if (read_value(p, voltages[i], &value, NULL) || !value || value > UINT32_MAX)
			continue;
		p->voltage_name = voltages[i];
		p->voltage_mV = (uint32_t)value;
	}
	if (!read_value(p, "power1_input", &value, NULL)) {
		p->source = FROM_POWER;
		return 0;
	}
	if (p->voltage_name && !read_value(p, "curr1_input", &value, NULL)) {
		p->source = FROM_CURRENT;
		return 0;
	}
	p->source = FROM_ENERGY;
	if (!read_value(p, "energy_uj", &p->last_uJ, f))
		return read_value(p, "max_energy_range_uj", &p->range_uJ, f);
	if (f && f->error == EACCES)
		return -EACCES;
	return fault_set(f, ENOENT,
		"%s is no power meter: neither power1_input, nor curr1_input with in0_input, nor energy_uj "
		"can be read there",
		p->folder);
}

int power_sysfs_open(const struct board_config *board, const struct power_options *o,
	int64_t deadline_ns, void **self, struct fault *f)
{
	const char *root = o->sysfs_root && strcmp(o->sysfs_root, "/") ? o->sysfs_root : "";
	struct sysfs_power *p = calloc(1, sizeof(*p));
	int rc;

	(void)deadline_ns; /* sysfs answers at once */
	if (!p)
		return fault_set(f, ENOMEM, "out of memory");
	p->board = *board;
	p->o = *o;
	pthread_mutex_init(&p->lock, NULL);
	p->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->failed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = file_path(p->folder, sizeof(p->folder), "%s%s", root, board->power_path);
	if (rc || p->stop_fd < 0 || p->failed_fd < 0)
		rc = fault_errno(f, rc ? -rc : EMFILE, "%s", board->power_path);
	else
		rc = find_source(p, f);
	if (rc) {
		sysfs_close(p);
		return rc;
	}
	*self = p;
	return 0;
}

static int sysfs_begin(void *self, struct growing *file, int64_t deadline_ns, struct fault *f)
{
	struct sysfs_power *p = self;
	int rc;

	(void)file; /* readings every 10 ms are no capture */
	(void)deadline_ns;
	p->error = 0;
	p->marked = false;
	p->idle = p->span = p->sum = (struct span_sum){0};
	p->begin_ns = p->last_ns = clock_mono_ns(p->o.clock);
	advance(p);
	if (p->error) {
		if (f)
			*f = p->fault;
		return p->error;
	}
	rc = -pthread_create(&p->thread, NULL, sysfs_main, p);
	if (rc)
		return fault_errno(f, -rc, "no thread for the power meter");
	p->running = true;
	return 0;
}

/* With the lock held: a new span begins now; what was summed up before is returned. */
static struct span_sum cut(struct sysfs_power *p)
{
	struct span_sum sum;

	advance(p);
	p->sum.to = (uint64_t)((p->last_ns - p->begin_ns) / NS_PER_INDEX);
	sum = p->sum;
	p->sum = (struct span_sum){.from = sum.to};
	return sum;
}

static int pass(struct sysfs_power *p, int64_t ms, int64_t deadline_ns, struct fault *f)
{
	struct pollfd fds[2] = {
		{.fd = p->failed_fd, .events = POLLIN}, {.fd = p->o.cancel_fd, .events = POLLIN}};
	int64_t until_ns = clock_deadline_ms(p->o.clock, ms);
	int rc = clock_poll(p->o.clock, fds, 2, until_ns < deadline_ns ? until_ns : deadline_ns);

	if (rc < 0)
		return fault_errno(f, -rc, "poll");
	if (fds[1].revents)
		return fault_set(f, ECANCELED, "canceled");
	if (rc == 0 && until_ns > deadline_ns)
		return fault_set(f, ETIMEDOUT, "the measurement did not end in time");
	return 0; /* a meter that failed is told by power_end */
}

static int sysfs_idle(void *self, int64_t deadline_ns, struct fault *f)
{
	struct sysfs_power *p = self;
	int rc = pass(p, POWER_SETTLE_MS, deadline_ns, f);

	if (rc)
		return rc;
	pthread_mutex_lock(&p->lock);
	cut(p);
	pthread_mutex_unlock(&p->lock);
	rc = pass(p, POWER_IDLE_MS, deadline_ns, f);
	pthread_mutex_lock(&p->lock);
	p->idle = cut(p);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

static void sysfs_mark(void *self, bool begin)
{
	struct sysfs_power *p = self;
	struct span_sum sum;

	pthread_mutex_lock(&p->lock);
	sum = cut(p);
	if (!begin)
		p->span = sum;
	p->marked = !begin;
	pthread_mutex_unlock(&p->lock);
}

static int sysfs_await(void *self, int64_t deadline_ns, struct fault *f)
{
	(void)self;
	(void)deadline_ns;
	(void)f;
	return 0;
}

static int sysfs_end(void *self, int64_t deadline_ns, struct power_measured *out, struct fault *f)
{
	struct sysfs_power *p = self;

	(void)deadline_ns;
	join(p);
	out->sync = POWER_SYNC_HOST_TIME;
	out->voltage_V = p->voltage_mV / 1000.0;
	/* The current is charge over time: as if the idle time had been sampled at 100 kS/s. */
	out->idle = p->idle;
	out->idle.samples = p->idle.to - p->idle.from;
	out->has_window = p->marked;
	out->n_windows = p->marked;
	out->window = (struct window){.start = p->span.from,
		.end = p->span.to,
		.samples = p->span.to - p->span.from,
		.charge_C = p->span.charge_C,
		.filtered_charge_C = p->span.charge_C,
		.peak_10us_A = p->span.peak_A,
		.peak_1ms_A = p->span.peak_A,
		.complete = !p->error};
	out->counts.samples = (uint64_t)((p->last_ns - p->begin_ns) / NS_PER_INDEX);
	if (p->error && f)
		*f = p->fault;
	return p->error;
}

static int sysfs_failed_fd(const void *self)
{
	return ((const struct sysfs_power *)self)->failed_fd;
}

static void sysfs_instrument(const void *self, struct power_instrument *out)
{
	const struct sysfs_power *p = self;

	out->kind = "sysfs";
	out->path = p->board.power_path;
	out->voltage_mV = p->voltage_mV;
}

const struct power_kind_ops power_sysfs = {
	.begin = sysfs_begin,
	.idle = sysfs_idle,
	.mark = sysfs_mark,
	.await = sysfs_await,
	.end = sysfs_end,
	.failed_fd = sysfs_failed_fd,
	.instrument = sysfs_instrument,
	.close = sysfs_close,
};
