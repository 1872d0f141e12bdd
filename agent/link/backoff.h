/*
 * How long to wait before the next try: doubles up to a cap, with jitter, so that fifty agents do
 * not come back in the same instant. A plain struct; pure but for the random function given.
 */
#ifndef HILDA_AGENT_LINK_BACKOFF_H
#define HILDA_AGENT_LINK_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_CAP_MS 30000

struct backoff {
	uint32_t (*random_below)(uint32_t bound);
	int64_t first_ms;
	int64_t cap_ms;
	int64_t next_ms; /* 0: nothing failed yet */
};

#define BACKOFF_INIT(random) \
	((struct backoff){   \
		.random_below = (random), .first_ms = BACKOFF_FIRST_MS, .cap_ms = BACKOFF_CAP_MS})

/* The wait after one more failure: between half of the step and the whole of it. */
int64_t backoff_fail(struct backoff *b);
/* After a success. */
void backoff_reset(struct backoff *b);

#endif
