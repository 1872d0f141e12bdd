/*
 * How often one caller may ask: a bucket of `burst` that regains `per_s` in a second. What is kept of it is the
 * time when it will be full again, one number, so that any thread takes from it without a lock. Pure.
 */
#ifndef HILDA_SERVER_AUTH_RATE_H
#define HILDA_SERVER_AUTH_RATE_H

#include <stdatomic.h>
#include <stdint.h>

struct rate {
	uint64_t per_s; /* 0: as often as it likes */
	uint64_t burst; /* at least 1 */
};

/* 0: taken. Otherwise so many ms until there is one; nothing was taken. full_ns begins as 0. */
int64_t rate_take(const struct rate *r, _Atomic int64_t *full_ns, int64_t now_ns);

#endif
