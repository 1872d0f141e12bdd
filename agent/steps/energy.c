/*
 * energy: the debugger is gone, the board is started anew where its power can be switched, its idle
 * current is measured, and then one window of batches. What the window is worth is said in the result
 * (measurement.md's rules); a window that is not valid is no failure of the run.
 */
#include <errno.h>
#include <math.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/board/config.h"
#include "agent/power/power.h"
#include "agent/run/run_log.h"
#include "agent/steps/parts.h"
#include "agent/steps/steps.h"
#include "common/cleanup.h"
#include "common/file.h"

#define WIDTH_SLACK_US 20 /* two samples: one at each edge */
#define PLAY_MS 10000	  /* a virtual board's window begins so much later at most */
#define END_MS 3000

/* What the firmware says that it did. */
struct work {
	uint64_t n, batch;
	double window_us;
	bool has_window;
};

bool step_energy_wanted(const struct run *run)
{
	return step_is_bench(run) && run->job->phases.energy.run;
}

/* Without a debugger: power, or OpenOCD's reset, after which it has let go and ended. */
static int start_anew(struct run *run, struct bench_session *s)
{
	struct fault f = {0};
	int r;

	if (run->board->exec)
		return 0;
	if (!power_can_cycle(run->board))
		return board_restart(run, s);
	r = board_power_cycle(run);
	if (r)
		return r;
	r = bench_session_wait_on(s, run->deadline_ns, &f);
	return r ? bench_fail(run, s, r, &f) : 0;
}

static int read_work(
	struct run *run, const struct bench_run *reply, uint32_t asked, struct work *work)
{
	uint64_t hz = (uint64_t)json_integer_value(
		json_object_get(json_object_get(run->result, "timer"), "hz"));
	struct fault f = {0};
	uint64_t ticks;

	if (bench_run_u64(reply, 'R', "n", &work->n, &f) ||
		bench_run_u64(reply, 'R', "batch", &work->batch, &f))
		return run_fail(run, OUTCOME_FAILED, "%s", f.text);
	if (!work->batch || work->n != work->batch * asked)
		return run_fail(run, OUTCOME_FAILED,
			"the firmware made %ju inferences in batches of %ju, %u batches were asked for",
			(uintmax_t)work->n, (uintmax_t)work->batch, asked);
	work->has_window = hz && !bench_run_u64(reply, 'R', "window", &ticks, NULL) && ticks;
	work->window_us = work->has_window ? (double)ticks * 1e6 / (double)hz : 0;
	return 0;
}

/* Why the window cannot be believed; "" when it can. */
static void judge(const struct run *run, const struct work *work, const struct power_measured *m,
	char *why, size_t room)
{
	const struct window *w = &m->window;
	double width_us = (double)(w->end - w->start) * PPK2_SAMPLE_US;
	double tolerance = run->board->clock_tolerance;
	uint64_t batches = work->batch ? work->n / work->batch : 0;

	why[0] = 0;
	if (!m->has_window)
		snprintf(why, room,
			"no window was seen: D0 was never high; is its wire on the meter's D0?");
	else if (w->lost || w->invalid)
		snprintf(why, room, "%ju samples are lost and %ju invalid within the window",
			(uintmax_t)w->lost, (uintmax_t)w->invalid);
	else if (!w->complete)
		snprintf(why, room, "samples are missing at an edge of the window");
	else if (m->sync == POWER_SYNC_HOST_TIME)
		return; /* no pins: nothing to compare */
	else if (m->n_windows > 1)
		snprintf(why, room, "D0 was high %u times, one window was expected", m->n_windows);
	else if (w->n_batches != batches)
		snprintf(why, room, "D1 changed %zu times, %ju batches were made", w->n_batches,
			(uintmax_t)batches);
	else if (!work->has_window)
		snprintf(why, room, "the firmware does not say how long its window was");
	else if (fabs(width_us - work->window_us) > tolerance * work->window_us + WIDTH_SLACK_US)
		snprintf(why, room,
			"D0 was high for %.0f us, by the device's own clock it was %.0f us: more than %.2g "
			"%% and %d us apart",
			width_us, work->window_us, tolerance * 100, WIDTH_SLACK_US);
}

static json_t *instrument_of(const struct run *run)
{
	struct power_instrument i;
	json_t *defaulted = json_array();

	power_instrument(run->power, &i);
	for (size_t k = 0; k < i.n_defaulted; k++)
		json_array_append_new(defaulted, json_string(i.defaulted[k]));
	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:o, s:s}", "kind", i.kind, "serial", i.serial,
		"mode", i.mode, "voltage_mV", (json_int_t)i.voltage_mV, "calibration_sha256",
		i.calibration_sha256, "defaulted", defaulted, "path", i.path);
}

static json_t *idle_of(const struct power_measured *m)
{
	const struct span_sum *s = &m->idle;
	bool any = s->samples > 0;
	double current_A = any ? s->charge_C / ((double)s->samples / PPK2_SAMPLE_RATE_HZ) : 0;

	return json_pack("{s:f, s:I, s:b}", "current_uA", current_A * 1e6, "samples",
		(json_int_t)s->samples, "complete",
		any && !s->lost && !s->invalid && s->samples == s->to - s->from);
}

static json_t *window_of(const struct power_measured *m, const char *why)
{
	const struct window *w = &m->window;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:I, s:b, s:b, s:s}",
		"start", (json_int_t)w->start, "end", (json_int_t)w->end, "samples",
		(json_int_t)w->samples, "lost", (json_int_t)w->lost, "invalid",
		(json_int_t)w->invalid, "clipped", (json_int_t)w->clipped, "charge_uC",
		w->charge_C * 1e6, "filtered_charge_uC", w->filtered_charge_C * 1e6, "peak_10us_uA",
		w->peak_10us_A * 1e6, "peak_1ms_uA", w->peak_1ms_A * 1e6, "edges",
		(json_int_t)w->n_batches, "complete", w->complete, "valid", !why[0], "why", why);
}

static json_t *batches_of(const struct power_measured *m)
{
	json_t *start = json_array(), *samples = json_array();
	json_t *charge = json_array(), *complete = json_array();

	for (size_t i = 0; m->has_window && i < m->window.n_batches; i++) {
		const struct window_batch *b = &m->batches[i];

		json_array_append_new(start, json_integer((json_int_t)b->start));
		json_array_append_new(samples, json_integer((json_int_t)b->samples));
		json_array_append_new(charge, json_real(b->charge_C * 1e6));
		json_array_append_new(complete, json_boolean(b->complete));
	}
	return json_pack("{s:o, s:o, s:o, s:o}", "start", start, "samples", samples, "charge_uC",
		charge, "complete", complete);
}

static json_t *capture_of(struct run *run, const struct power_measured *m)
{
	char why[FAULT_TEXT_BYTES];

	snprintf(why, sizeof(why), "%s", m->dropped);
	if (run->captures)
		run->captures->is_refused(run->captures->arg, why);
	if (why[0])
		run_log_printf(run->log, "the capture is dropped: %s", why);
	return json_pack("{s:I, s:I, s:I, s:I, s:s}", "samples", (json_int_t)m->counts.samples,
		"lost", (json_int_t)m->counts.lost, "invalid", (json_int_t)m->counts.invalid,
		"bytes", (json_int_t)m->capture_bytes, "dropped", why);
}

static int report(struct run *run, const struct work *work, const struct power_measured *m)
{
	/* OpenOCD has ended, and has switched halting debug off before. */
	const char *debug = run->board->exec ? "unknown" : "detached";
	char why[256];
	json_t *energy;

	judge(run, work, m, why, sizeof(why));
	if (why[0])
		run_log_printf(run->log, "the energy window is not valid: %s", why);
	if (m->counts.overrun_bytes)
		run_log_printf(run->log,
			"this host was too slow: %ju bytes of the power meter were dropped",
			(uintmax_t)m->counts.overrun_bytes);
	energy = json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:f, s:o, s:o, s:o}", "source",
		run->board->is_virtual ? "modelled" : "measured", "sync",
		m->sync == POWER_SYNC_LOGIC ? "logic" : "host-time", "debug", debug, "instrument",
		instrument_of(run), "idle", idle_of(m), "n", (json_int_t)work->n, "batch",
		(json_int_t)work->batch, "device_window_us", work->window_us, "window",
		window_of(m, why), "batches", batches_of(m), "capture", capture_of(run, m));
	if (!energy)
		return step_no_memory(run);
	if (m->counts.rate_ratio > 0)
		json_object_set_new(energy, "host_rate_ratio", json_real(m->counts.rate_ratio));
	json_object_set_new(run->result, "energy", energy);
	return 0;
}

/* Readable when the run is canceled and when the meter fails: nobody waits for the firmware then. */
static int make_watch(struct run *run, int *watch_fd)
{
	int fds[2] = {run->cancel_fd, power_failed_fd(run->power)};

	*watch_fd = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; *watch_fd >= 0 && i < ARRAY_SIZE(fds); i++) {
		struct epoll_event event = {.events = EPOLLIN};

		if (fds[i] >= 0 && epoll_ctl(*watch_fd, EPOLL_CTL_ADD, fds[i], &event))
			file_close(watch_fd);
	}
	return *watch_fd < 0 ? run_fail(run, OUTCOME_INFRASTRUCTURE, "epoll: %s", strerror(errno))
			     : 0;
}

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return fd >= 0 && poll(&p, 1, 0) > 0;
}

/* The window itself: the firmware works, the meter watches. */
static int watch_work(struct run *run, struct work *work)
{
	uint32_t batches = run->job->phases.energy.iterations;
	_cleanup_(bench_session_freep) struct bench_session *s = NULL;
	_cleanup_(file_close) int watch_fd = -1;
	struct fault f = {0};
	int64_t until_ns;
	int r = make_watch(run, &watch_fd);

	if (r)
		return r;
	s = bench_session_new(run->console, run->clock, watch_fd);
	if (!s)
		return step_no_memory(run);
	power_mark(run->power, true);
	r = bench_session_run(s, run->deadline_ns, &f, "lab energy %u 0", batches);
	power_mark(run->power, false);
	if (r == -ECANCELED && is_readable(power_failed_fd(run->power)))
		return 0; /* power_end says why */
	if (r)
		return bench_fail(run, s, r, &f);
	r = read_work(run, bench_session_reply(s), batches, work);
	if (r)
		return r;
	until_ns = clock_deadline_ms(run->clock, (int64_t)(work->window_us / 1000) + PLAY_MS);
	r = power_await(run->power, until_ns < run->deadline_ns ? until_ns : run->deadline_ns, &f);
	/* A window that never came or never ended is a fact of the measurement; the rest power_end says. */
	return r == -ECANCELED ? run_fail(run, OUTCOME_CANCELED, "%s", f.text) : 0;
}

static int measure(struct run *run, struct work *work, struct power_measured *m)
{
	struct growing *file = NULL;
	struct fault f = {0};
	int r, rc;

	if (run->captures && run->captures->open(run->captures->arg, &file, &f))
		run_log_printf(run->log, "the capture cannot be kept: %s", f.text);
	r = power_begin(run->power, file, run->deadline_ns, &f);
	if (r)
		return power_fail(run, r, &f);
	r = power_idle(run->power, run->deadline_ns, &f);
	r = r ? power_fail(run, r, &f) : watch_work(run, work);
	rc = power_end(run->power, clock_deadline_ms(run->clock, END_MS), m, &f);
	return rc && !r ? power_fail(run, rc, &f) : r;
}

int step_energy(struct run *run)
{
	_cleanup_(bench_session_freep) struct bench_session *s =
		bench_session_new(run->console, run->clock, run->cancel_fd);
	struct power_measured measured = {0};
	struct work work = {0};
	int r;

	if (!s)
		return step_no_memory(run);
	r = board_power(run);
	if (!r)
		r = start_anew(run, s);
	if (r)
		return r;
	r = measure(run, &work, &measured);
	if (!r)
		r = report(run, &work, &measured);
	free(measured.batches);
	return r;
}
