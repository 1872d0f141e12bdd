#include "common/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/numbers.h"

static int64_t system_mono_ns(void *arg)
{
	struct timespec t;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * CLOCK_NS_PER_S + t.tv_nsec;
}

static int64_t system_wall_ms(void *arg)
{
	struct timespec t;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / CLOCK_NS_PER_MS;
}

static int64_t system_boot_ns(void *arg)
{
	struct timespec t;

	(void)arg;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * CLOCK_NS_PER_S + t.tv_nsec;
}

const struct clock clock_system = {system_mono_ns, system_wall_ms, NULL, system_boot_ns};

int64_t clock_mono_ns(const struct clock *c)
{
	return c->mono_ns(c->arg);
}

int64_t clock_mono_ms(const struct clock *c)
{
	return clock_mono_ns(c) / CLOCK_NS_PER_MS;
}

int64_t clock_wall_ms(const struct clock *c)
{
	return c->wall_ms(c->arg);
}

int64_t clock_watch_jump(const struct clock *c, struct clock_watch *w)
{
	int64_t base_ms, by_ms;

	if (!c->boot_ns)
		return 0;
	base_ms = clock_wall_ms(c) - c->boot_ns(c->arg) / CLOCK_NS_PER_MS;
	by_ms = w->set ? base_ms - w->base_ms : 0;
	*w = (struct clock_watch){true, base_ms};
	return by_ms <= -CLOCK_JUMP_MS || by_ms >= CLOCK_JUMP_MS ? by_ms : 0;
}

int64_t clock_deadline_ms(const struct clock *c, int64_t ms)
{
	int64_t now = clock_mono_ns(c);

	if (ms > (CLOCK_NEVER - now) / CLOCK_NS_PER_MS)
		return CLOCK_NEVER;
	return now + ms * CLOCK_NS_PER_MS;
}

bool clock_expired(const struct clock *c, int64_t deadline_ns)
{
	return deadline_ns != CLOCK_NEVER && clock_mono_ns(c) >= deadline_ns;
}

int clock_left_ms(const struct clock *c, int64_t deadline_ns)
{
	int64_t left;

	if (deadline_ns == CLOCK_NEVER)
		return -1;
	left = deadline_ns - clock_mono_ns(c);
	if (left <= 0)
		return 0;
	left = (left + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

int clock_poll(const struct clock *c, struct pollfd *fds, nfds_t n, int64_t deadline_ns)
{
	for (;;) {
		int rc = poll(fds, n, clock_left_ms(c, deadline_ns));

		if (rc > 0)
			return rc;
		if (rc < 0 && errno != EINTR)
			return -errno;
		if (rc == 0 && clock_expired(c, deadline_ns))
			return 0;
	}
}

void clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

int clock_cond_wait(
	const struct clock *c, pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ns)
{
	int64_t left_ns, until_ns;
	struct timespec until;

	if (deadline_ns == CLOCK_NEVER)
		return -pthread_cond_wait(cond, lock);
	left_ns = deadline_ns - clock_mono_ns(c);
	if (left_ns <= 0)
		return -ETIMEDOUT;
	/* The deadline is the given clock's; the kernel waits by its own. */
	until_ns = clock_mono_ns(&clock_system) + left_ns;
	until = (struct timespec){
		.tv_sec = until_ns / CLOCK_NS_PER_S, .tv_nsec = until_ns % CLOCK_NS_PER_S};
	return -pthread_cond_timedwait(cond, lock, &until);
}

void clock_format_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_BYTES])
{
	int64_t s = wall_ms / 1000;
	int ms = (int)(wall_ms % 1000);
	time_t t;
	struct tm tm;
	char text[64];

	if (ms < 0) {
		ms += 1000;
		s--;
	}
	t = (time_t)s;
	gmtime_r(&t, &tm);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
	memcpy(out, text, CLOCK_RFC3339_BYTES - 1);
	out[CLOCK_RFC3339_BYTES - 1] = 0;
}

/* Exactly n digits at *p; moves *p behind them. */
static int digits(const char **p, size_t n, uint64_t max, int *out)
{
	uint64_t v;

	if (strnlen(*p, n) < n || number_u64_n(*p, n, 0, max, &v))
		return -EINVAL;
	*p += n;
	*out = (int)v;
	return 0;
}

static int expect(const char **p, char c)
{
	if (**p != c)
		return -EINVAL;
	(*p)++;
	return 0;
}

static int parse_fraction_ms(const char **p, int *ms)
{
	int scale = 100;

	*ms = 0;
	if (**p != '.')
		return 0;
	(*p)++;
	if (**p < '0' || **p > '9')
		return -EINVAL;
	for (int n = 0; **p >= '0' && **p <= '9'; (*p)++, n++) {
		if (n == 9)
			return -EINVAL;
		*ms += (**p - '0') * scale;
		scale /= 10;
	}
	return 0;
}

static int parse_offset_s(const char **p, int *offset_s)
{
	int sign = **p == '-' ? -1 : 1;
	int h, m;

	*offset_s = 0;
	if (**p == 'Z') {
		(*p)++;
		return 0;
	}
	if (**p != '+' && **p != '-')
		return -EINVAL;
	(*p)++;
	if (digits(p, 2, 23, &h) || expect(p, ':') || digits(p, 2, 59, &m))
		return -EINVAL;
	*offset_s = sign * (h * 3600 + m * 60);
	return 0;
}

int clock_parse_rfc3339(const char *text, int64_t *wall_ms)
{
	const char *p = text;
	struct tm tm = {0}, check;
	int ms, offset_s;
	time_t t;

	if (digits(&p, 4, 9999, &tm.tm_year) || expect(&p, '-') || digits(&p, 2, 12, &tm.tm_mon) ||
		expect(&p, '-') || digits(&p, 2, 31, &tm.tm_mday) || expect(&p, 'T') ||
		digits(&p, 2, 23, &tm.tm_hour) || expect(&p, ':') ||
		digits(&p, 2, 59, &tm.tm_min) || expect(&p, ':') || digits(&p, 2, 60, &tm.tm_sec) ||
		parse_fraction_ms(&p, &ms) || parse_offset_s(&p, &offset_s) || *p)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	check = tm;
	t = timegm(&check);
	/* timegm mends 30 February silently; the caller wants to hear of it. */
	if (check.tm_mday != tm.tm_mday || check.tm_mon != tm.tm_mon)
		return -EINVAL;
	*wall_ms = ((int64_t)t - offset_s) * 1000 + ms;
	return 0;
}
