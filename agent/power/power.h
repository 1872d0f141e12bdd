/*
 * How a board gets its power and how that is measured: a PPK2, the kernel's own meters (sysfs), or
 * nothing at all, behind one interface. Opened and used by the board's thread for one run; a capture
 * has threads of its own. Calls wait at most until their deadline, or until cancel_fd is readable.
 *
 * A measurement, in this order:
 *	power_begin, power_idle, power_mark(true), the work, power_mark(false), power_await, power_end
 */
#ifndef HILDA_AGENT_POWER_POWER_H
#define HILDA_AGENT_POWER_POWER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/board/config.h"
#include "agent/spool/growing.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/process.h"
#include "instruments/ppk2_feed.h"
#include "protocols/windows/windows.h"

#define POWER_OFF_MS 500    /* for what is charged to discharge, so that RAM forgets */
#define POWER_SETTLE_MS 200 /* measurement.md */
#define POWER_IDLE_MS 1000
#define POWER_AFTER_MS 100 /* of samples behind the window */
#define POWER_SELECT_MS 10000
#define POWER_CAPTURE_MAX_BYTES (UINT64_C(512) << 20) /* as an artifact's */
#define POWER_DROPPED_BYTES 512
#define POWER_DEFAULTED_MAX (PPK2_COEFFICIENTS * PPK2_RANGES)

struct power;

struct power_options {
	const struct clock *clock;
	int cancel_fd;
	const char *sysfs_root;	  /* NULL: "/" */
	process_output_fn output; /* of power-select; may be NULL */
	void *arg;
};

enum power_sync { POWER_SYNC_LOGIC, POWER_SYNC_HOST_TIME };

/* What a measurement gave. */
struct power_measured {
	enum power_sync sync;
	struct span_sum idle; /* samples 0: not measured */
	bool has_window;
	unsigned n_windows; /* how often D0 was high while the work was done */
	struct window window;
	struct window_batch *batches; /* the window's; malloc'd, the caller's */
	struct ppk2_counts counts;
	double voltage_V;
	uint64_t capture_bytes;
	char dropped[POWER_DROPPED_BYTES]; /* why there is no capture, or "" */
};

/* What a board's configuration promises. */
bool power_can_measure(const struct board_config *board);
bool power_can_cycle(const struct board_config *board); /* turn the board off and on */
/* The board has no power without an open session: it is opened before anything else. */
bool power_is_needed(const struct board_config *board);

/* Mode and voltage are set, the board is on. -ENODEV, -EPROTO and others as the instrument's. */
int power_open(const struct board_config *board, const struct power_options *o, int64_t deadline_ns,
	struct power **out, struct fault *f);
void power_close(struct power *p); /* accepts NULL; ends what is measured */

/* Off, POWER_OFF_MS, on. -EOPNOTSUPP. */
int power_cycle(struct power *p, int64_t deadline_ns, struct fault *f);

/* file: where the capture goes, NULL: nowhere; it must live until power_end. */
int power_begin(struct power *p, struct growing *file, int64_t deadline_ns, struct fault *f);
/* Settles, then measures the board that does nothing: its baseline. */
int power_idle(struct power *p, int64_t deadline_ns, struct fault *f);
/* The work begins, or has ended, now. */
void power_mark(struct power *p, bool begin);
/*
 * Until the window that the board's pins show has been over for POWER_AFTER_MS. -ETIMEDOUT at the
 * deadline: none was seen, or it has not ended. At once where windows go by the host's time.
 */
int power_await(struct power *p, int64_t deadline_ns, struct fault *f);
/* *out is filled in any case, with what there is. */
int power_end(struct power *p, int64_t deadline_ns, struct power_measured *out, struct fault *f);
/* Readable once the measurement has failed: power_end says why. -1: never. */
int power_failed_fd(const struct power *p);

/* What was measured with, for people and for the result. */
struct power_instrument {
	const char *kind;   /* "ppk2", "sysfs" */
	const char *serial; /* "" where it has none */
	const char *mode;   /* "source", "ampere"; "" for sysfs */
	const char *path;   /* sysfs; "" otherwise */
	uint32_t voltage_mV;
	bool calibrated;
	uint32_t hw;
	char calibration_sha256[65]; /* "" for sysfs */
	size_t n_defaulted;
	char defaulted[POWER_DEFAULTED_MAX][8]; /* "R2" */
};
void power_instrument(const struct power *p, struct power_instrument *out);

#endif
