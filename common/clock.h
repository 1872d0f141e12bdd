/*
 * Time, injectable: code that waits or stamps takes a `const struct clock *`, so that tests run on
 * virtual time. Any thread; never waits (clock_poll does, until its deadline).
 *
 * A deadline is an absolute monotonic time in nanoseconds; CLOCK_NEVER has no end.
 */
#ifndef HILDA_COMMON_CLOCK_H
#define HILDA_COMMON_CLOCK_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define CLOCK_NEVER INT64_MAX
#define CLOCK_NS_PER_MS INT64_C(1000000)
#define CLOCK_NS_PER_S INT64_C(1000000000)
#define CLOCK_RFC3339_BYTES 25 /* "2026-01-02T03:04:05.678Z" and a NUL */

struct clock {
	int64_t (*mono_ns)(void *arg); /* monotonic, ns */
	int64_t (*wall_ms)(void *arg); /* Unix time, ms */
	void *arg;
	int64_t (*boot_ns)(
		void *arg); /* as mono_ns, counting sleep too; NULL: the wall clock is believed */
};

extern const struct clock clock_system;

int64_t clock_mono_ns(const struct clock *c);
int64_t clock_mono_ms(const struct clock *c); /* the same in ms, rounded down */
int64_t clock_wall_ms(const struct clock *c);

#define CLOCK_JUMP_MS 5000 /* less than this is an adjustment */

/* Zeroed before the first look; one thread's. */
struct clock_watch {
	bool set;
	int64_t base_ms; /* wall clock minus the time since boot, at the last look */
};

/* By how much somebody has set the wall clock since the last look, in ms; 0: nobody has. */
int64_t clock_watch_jump(const struct clock *c, struct clock_watch *w);

/* now + ms; saturates at CLOCK_NEVER. */
int64_t clock_deadline_ms(const struct clock *c, int64_t ms);
bool clock_expired(const struct clock *c, int64_t deadline_ns);
/* Milliseconds left, rounded up, for poll(2): 0 when over, -1 for CLOCK_NEVER. */
int clock_left_ms(const struct clock *c, int64_t deadline_ns);
/* poll(2) that restarts after EINTR and ends at the deadline. Returns poll's result or -errno. */
int clock_poll(const struct clock *c, struct pollfd *fds, nfds_t n, int64_t deadline_ns);

/* For clock_cond_wait. */
void clock_cond_init(pthread_cond_t *cond);
/* Until a signal (0, also by mistake, as ever) or the deadline (-ETIMEDOUT). */
int clock_cond_wait(
	const struct clock *c, pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ns);

/* RFC 3339 UTC with milliseconds. */
void clock_format_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_BYTES]);
/* Accepts "Z" or an offset, 0 to 9 digits of fraction. Returns 0 or -EINVAL. */
int clock_parse_rfc3339(const char *text, int64_t *wall_ms);

#endif
