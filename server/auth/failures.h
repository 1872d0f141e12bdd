/*
 * How often an address came with a token that is none: a bucket of 10 that regains one in 6 s. Past
 * that the address waits, whatever it brings. A fixed table: the address that was quiet longest makes
 * room. Any thread.
 */
#ifndef HILDA_SERVER_AUTH_FAILURES_H
#define HILDA_SERVER_AUTH_FAILURES_H

#include <pthread.h>
#include <stdint.h>

#define FAILURES_ADDRESSES 256
#define FAILURES_MAX 10
#define FAILURES_REGAIN_MS 6000
#define FAILURES_ADDRESS_BYTES 48

struct failures {
	pthread_mutex_t lock;
	struct failures_of {
		char address[FAILURES_ADDRESS_BYTES];
		int64_t full_ms; /* monotonic: when its bucket is whole again */
	} of[FAILURES_ADDRESSES];
};

void failures_init(struct failures *all);
void failures_done(struct failures *all);
/* Milliseconds that the address must wait, 0: it may try. */
int64_t failures_wait_ms(struct failures *all, const char *address, int64_t now_ms);
void failures_note(struct failures *all, const char *address, int64_t now_ms);

#endif
