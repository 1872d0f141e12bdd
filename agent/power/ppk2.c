/* Power by a Power Profiler Kit II: a supply in source mode, an ammeter in the board's own otherwise. */
#include <errno.h>

#include "agent/power/parts.h"
#include "agent/power/recorder.h"
#include "common/cleanup.h"
#include "instruments/ppk2_session.h"

#define SAMPLES_PER_MS (PPK2_SAMPLE_RATE_HZ / 1000)
#define PINS_MS 1000 /* after the work: for the last samples to arrive */

struct ppk2_power {
	struct board_config board;
	struct power_options o;
	struct ppk2_session *session;
	struct recorder *recorder; /* NULL: nothing is measured */
};

static void ppk2_close(void *self)
{
	struct ppk2_power *p = self;

	if (!p)
		return;
	recorder_free(p->recorder);
	ppk2_session_close(p->session);
	free(p);
}

int power_ppk2_open(const struct board_config *board, const struct power_options *o,
	int64_t deadline_ns, void **self, struct fault *f)
{
	struct ppk2_session_options session = {
		.mode = board->ppk2_mode,
		.voltage_mV = board->power_mV,
		.sysfs_root = o->sysfs_root,
		.clock = o->clock,
		.cancel_fd = o->cancel_fd,
	};
	struct ppk2_power *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return fault_set(f, ENOMEM, "out of memory");
	p->board = *board;
	p->o = *o;
	rc = ppk2_session_open(board->power_path[0] ? board->power_path : board->ppk2_serial,
		&session, deadline_ns, &p->session, f);
	if (!rc)
		rc = ppk2_session_power(p->session, true, deadline_ns, f);
	if (rc) {
		ppk2_close(p);
		return rc;
	}
	*self = p;
	return 0;
}

static int ppk2_cycle(void *self, int64_t deadline_ns, struct fault *f)
{
	struct ppk2_power *p = self;
	struct pollfd cancel = {.fd = p->o.cancel_fd, .events = POLLIN};
	int rc = ppk2_session_power(p->session, false, deadline_ns, f);

	if (rc)
		return rc;
	if (clock_poll(p->o.clock, &cancel, 1, clock_deadline_ms(p->o.clock, POWER_OFF_MS)) > 0)
		return fault_set(f, ECANCELED, "canceled");
	return ppk2_session_power(p->session, true, deadline_ns, f);
}

static int ppk2_begin(void *self, struct growing *file, int64_t deadline_ns, struct fault *f)
{
	struct ppk2_power *p = self;
	_cleanup_free_ struct capture_header *header = calloc(1, sizeof(*header));
	const char *text;

	if (!header)
		return fault_set(f, ENOMEM, "out of memory");
	snprintf(header->serial, sizeof(header->serial), "%s", p->board.ppk2_serial);
	header->mode = p->board.ppk2_mode;
	header->voltage_mV = p->board.power_mV;
	header->started_at_ms = clock_wall_ms(p->o.clock);
	header->is_virtual = p->board.is_virtual;
	text = ppk2_session_metadata(p->session, &header->metadata_bytes);
	memcpy(header->metadata, text, header->metadata_bytes);
	return recorder_start(
		p->session, p->o.clock, p->o.cancel_fd, header, file, deadline_ns, &p->recorder, f);
}

static int ppk2_idle(void *self, int64_t deadline_ns, struct fault *f)
{
	struct ppk2_power *p = self;

	return recorder_idle(p->recorder, POWER_SETTLE_MS * SAMPLES_PER_MS,
		POWER_IDLE_MS * SAMPLES_PER_MS, deadline_ns, f);
}

static void ppk2_mark(void *self, bool begin)
{
	struct ppk2_power *p = self;

	recorder_mark(p->recorder, begin);
}

static int ppk2_await(void *self, int64_t deadline_ns, struct fault *f)
{
	struct ppk2_power *p = self;
	int64_t pins_ns = clock_deadline_ms(p->o.clock, PINS_MS);
	int rc;

	/* A virtual board's pins come later than its words: it computes faster than it plays. */
	if (p->board.is_virtual || recorder_saw_pins(p->recorder))
		pins_ns = deadline_ns;
	rc = recorder_await(p->recorder, POWER_AFTER_MS * SAMPLES_PER_MS,
		pins_ns < deadline_ns ? pins_ns : deadline_ns, f);
	if (rc != -ETIMEDOUT || p->board.is_virtual)
		return rc;
	if (recorder_saw_pins(p->recorder))
		return recorder_await(p->recorder, POWER_AFTER_MS * SAMPLES_PER_MS, deadline_ns, f);
	return 0; /* no wire: the marks have to do */
}

static int ppk2_end(void *self, int64_t deadline_ns, struct power_measured *out, struct fault *f)
{
	struct ppk2_power *p = self;
	int rc;

	if (!p->recorder)
		return 0;
	rc = recorder_stop(p->recorder, deadline_ns, out, f);
	recorder_free(take_ptr(p->recorder));
	out->voltage_V = p->board.power_mV / 1000.0;
	/* Its words come before its time has been played: the span between them is no window. */
	if (p->board.is_virtual && out->sync == POWER_SYNC_HOST_TIME) {
		out->sync = POWER_SYNC_LOGIC;
		out->has_window = false;
		out->window = (struct window){0};
	}
	return rc;
}

static int ppk2_failed_fd(const void *self)
{
	const struct ppk2_power *p = self;

	return p->recorder ? recorder_failed_fd(p->recorder) : -1;
}

static void ppk2_instrument(const void *self, struct power_instrument *out)
{
	const struct ppk2_power *p = self;
	const struct ppk2_metadata *m = &ppk2_session_converter(p->session)->metadata;

	out->kind = "ppk2";
	out->serial = p->board.ppk2_serial;
	out->mode = p->board.ppk2_mode == PPK2_SOURCE ? "source" : "ampere";
	out->voltage_mV = p->board.power_mV;
	out->calibrated = m->calibrated;
	out->hw = m->hw;
	ppk2_metadata_hash(m, out->calibration_sha256);
	for (enum ppk2_coefficient c = 0; c < PPK2_COEFFICIENTS; c++) {
		for (int range = 0; range < PPK2_RANGES; range++) {
			if (m->defaulted[c] >> range & 1)
				snprintf(out->defaulted[out->n_defaulted++],
					sizeof(out->defaulted[0]), "%s%d", ppk2_coefficient_name(c),
					range);
		}
	}
}

const struct power_kind_ops power_ppk2 = {
	.cycle = ppk2_cycle,
	.begin = ppk2_begin,
	.idle = ppk2_idle,
	.mark = ppk2_mark,
	.await = ppk2_await,
	.end = ppk2_end,
	.failed_fd = ppk2_failed_fd,
	.instrument = ppk2_instrument,
	.close = ppk2_close,
};
