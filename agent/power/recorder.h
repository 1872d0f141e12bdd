/*
 * One capture of a PPK2 while it goes on: a thread that takes the samples, finds the windows, sums up
 * the spans it is asked for, and writes the capture's file (zstd on this thread). The file's failure
 * is no failure of the measurement. Its other calls are the owner's, on one thread.
 */
#ifndef HILDA_AGENT_POWER_RECORDER_H
#define HILDA_AGENT_POWER_RECORDER_H

#include "agent/power/power.h"
#include "instruments/ppk2_session.h"
#include "protocols/capture/capture.h"

struct recorder;

/* The session's until recorder_stop; header is copied. file may be NULL. */
int recorder_start(struct ppk2_session *session, const struct clock *clock, int cancel_fd,
	const struct capture_header *header, struct growing *file, int64_t deadline_ns,
	struct recorder **out, struct fault *f);
/* The sum over samples_n samples that begin after_n samples from now. */
int recorder_idle(struct recorder *r, uint64_t after_n, uint64_t samples_n, int64_t deadline_ns,
	struct fault *f);
/* Between the two marks: the span by the host's clock. Windows that began before it do not count. */
void recorder_mark(struct recorder *r, bool begin);
/* Until a window has been over for so many samples. -ETIMEDOUT; -ENODEV and others: the unit's. */
int recorder_await(struct recorder *r, uint64_t after_n, int64_t deadline_ns, struct fault *f);
/* Whether D0 has been high since the mark. */
bool recorder_saw_pins(struct recorder *r);
/* Readable once the samples have stopped coming. */
int recorder_failed_fd(const struct recorder *r);
/* Ends the capture and says what it gave; the reason when it ended before. */
int recorder_stop(
	struct recorder *r, int64_t deadline_ns, struct power_measured *out, struct fault *f);
void recorder_free(struct recorder *r); /* stops it; accepts NULL */

#endif
