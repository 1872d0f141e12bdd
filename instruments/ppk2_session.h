/*
 * A Power Profiler Kit II from its port to samples with their index. Opening stops what still
 * streams, reads the calibration, sets mode and voltage and reads both back. The unit's output drops
 * about half a second after its port is closed: a session is kept as long as the board wants power.
 *
 * One thread for each session; during a capture a thread of its own empties the port into a ring
 * (ppk2_reader.h). The memory is the session's: about 2 MB while it captures. Every call waits at
 * most until its absolute deadline, or until cancel_fd is readable. Reads wait for PPK2_READER_GATHER_BYTES.
 */
#ifndef HILDA_INSTRUMENTS_PPK2_SESSION_H
#define HILDA_INSTRUMENTS_PPK2_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/fault.h"
#include "instruments/ppk2_feed.h"
#include "protocols/ppk2/metadata.h"
#include "protocols/ppk2/sample.h"

#define PPK2_SESSION_NAME_BYTES 256

struct ppk2_session_options {
	enum ppk2_mode mode;	/* 0: nothing is set, for a look at the calibration */
	uint32_t voltage_mV;	/* ampere mode: what the board's own supply gives */
	const char *sysfs_root; /* NULL: "/" */
	const struct clock *clock;
	int cancel_fd; /* -1: none */
};

struct ppk2_session;

/*
 * The data port of a unit: interface 01 on firmware with two ports, the only port otherwise.
 * -ENOENT with a fault that names the units there are.
 */
int ppk2_session_find(
	const char *root, const char *serial, char *node, size_t room, struct fault *f);

/*
 * name: a unit's serial number, "usb:SERIAL:01" or an absolute path. The board is left without power
 * (source mode) or unconnected: ppk2_session_power turns it on. -ENOENT, -EACCES, -EBUSY as
 * console_open; -ENODEV: gone; -ETIMEDOUT: silent; -EPROTO: its words are not a PPK2's, or mode and
 * voltage are not what was set.
 */
int ppk2_session_open(const char *name, const struct ppk2_session_options *o, int64_t deadline_ns,
	struct ppk2_session **out, struct fault *f);
void ppk2_session_close(struct ppk2_session *s); /* accepts NULL */

/* As it was given, without folders and prefix where it is a path or usb:. */
const char *ppk2_session_serial(const struct ppk2_session *s);
/* The last metadata, verbatim, NUL-terminated, and what it says. */
const char *ppk2_session_metadata(const struct ppk2_session *s, size_t *n);
const struct ppk2_converter *ppk2_session_converter(const struct ppk2_session *s);

int ppk2_session_power(struct ppk2_session *s, bool on, int64_t deadline_ns, struct fault *f);

/* Samples are given to give from now on, their index counted from 0, on the thread that reads. */
int ppk2_session_start(struct ppk2_session *s, ppk2_block_fn give, void *arg, int64_t deadline_ns,
	struct fault *f);
/*
 * Gives what has come, after a while or at the deadline: 0. -ETIMEDOUT when nothing came; -ECANCELED;
 * -ENODEV: the unit is gone, -ENODATA: it has fallen silent (each after all that came was given).
 */
int ppk2_session_read(struct ppk2_session *s, int64_t deadline_ns, struct fault *f);
/* Ends the capture: the rest is given, the port is drained. Also after a failed or canceled read. */
int ppk2_session_stop(struct ppk2_session *s, int64_t deadline_ns, struct fault *f);
/* Of the capture so far; the same until the next start. */
void ppk2_session_counts(const struct ppk2_session *s, struct ppk2_counts *out);

#endif
