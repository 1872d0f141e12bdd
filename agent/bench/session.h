/*
 * Talking to firmware that speaks the bench protocol (docs/wire.md, section 1): a command, its
 * reply, missing lines asked for again, and what went wrong in words. The board's thread; a call
 * waits until its deadline or until the cancel descriptor is readable. The console is the
 * caller's.
 *
 * What every function that talks returns, with a fault that quotes the firmware:
 *   0            as asked
 *   -ETIMEDOUT   silent, or no end in time          -ECANCELED   the cancel descriptor
 *   -EFAULT      it sent $X: bench_session_reply has the registers
 *   -ECONNRESET  it started anew in the middle      -EPIPE       the program has ended
 *   -EOPNOTSUPP  it does not know the command       -EINVAL      a number it cannot do
 *   -EPROTO      it refused, or answered something else than was asked
 *   -EILSEQ      it babbles: bytes that are no lines
 *   -EBADMSG     lines stay damaged or missing      -ENODEV      the console went away
 */
#ifndef HILDA_AGENT_BENCH_SESSION_H
#define HILDA_AGENT_BENCH_SESSION_H

#include "common/clock.h"
#include "common/fault.h"
#include "instruments/console.h"
#include "protocols/uart-bench/run.h"

#define BENCH_QUIET_MS 2000	 /* a reply that began and then stops is over */
#define BENCH_AFTER_FAULT_MS 500 /* for the rest of the $X lines */
#define BENCH_SETTLE_MS 300
#define BENCH_RESENDS_MAX 256	     /* in one reply */
#define BENCH_RESENDS_PER_LINE 4     /* of one line, before the connection is given up */
#define BENCH_RETRIES 2		     /* of a command that arrived damaged */
#define BENCH_NOISE_MAX (256 * 1024) /* bytes without one good line: no use to wait on */

struct bench_session;

/* NULL: out of memory. */
struct bench_session *bench_session_new(
	struct console *console, const struct clock *clock, int cancel_fd);
void bench_session_free(struct bench_session *s); /* accepts NULL */
void bench_session_freep(struct bench_session **s);

/*
 * After a reset: until the firmware says m-ready. Half-way it is asked for its name, in case the
 * banner was lost.
 */
int bench_session_wait_ready(struct bench_session *s, int64_t deadline_ns, struct fault *f);
/*
 * The same after a power-on: what the firmware said before, which may be on its way still, ends nothing.
 */
int bench_session_wait_on(struct bench_session *s, int64_t deadline_ns, struct fault *f);
/* Reads until nothing has come for BENCH_SETTLE_MS: what is under way belongs to nobody. */
int bench_session_settle(struct bench_session *s, int64_t deadline_ns, struct fault *f);

/*
 * One verb (printf, without the `%` at its end) and its whole run, checked: no line is missing,
 * count and CRC-32 are right, status is ok.
 */
int bench_session_run(struct bench_session *s, int64_t deadline_ns, struct fault *f,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
/* `lab cold`: the reply comes after a reset. */
int bench_session_cold(struct bench_session *s, int64_t deadline_ns, struct fault *f);
/*
 * After a power-on: waits for the firmware, and then has the run of its first inference, which each
 * boot makes before anything else and tells unasked only after `lab cold`.
 */
int bench_session_first(struct bench_session *s, int64_t deadline_ns, struct fault *f);

/*
 * The device's time in microseconds (wraps at 32 bits), and the host's when the question was sent.
 */
int bench_session_lap(struct bench_session *s, int64_t deadline_ns, uint32_t *device_us,
	int64_t *host_ns, struct fault *f);

/* The last reply's records; until the next call that talks. */
const struct bench_run *bench_session_reply(const struct bench_session *s);

#endif
