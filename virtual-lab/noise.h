/*
 * What a bad UART line does to bytes: nothing arrives, bits flip, lines are cut, noise comes in
 * between. The random numbers are a fixed sequence, so a failure can be repeated. Pure; one thread.
 */
#ifndef HILDA_VIRTUAL_LAB_NOISE_H
#define HILDA_VIRTUAL_LAB_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOISE_BABBLE_MAX 256
#define NOISE_MAX_BYTES(n) ((n) + NOISE_BABBLE_MAX)
/* How much of a line that is cut still arrives. */
#define NOISE_CUT_AFTER 12

struct faults;

struct noise {
	uint32_t state;
	uint32_t lines;
	uint32_t column;
};

void noise_init(struct noise *z);
/* out has room for NOISE_MAX_BYTES(n); returns how many bytes arrive. */
size_t noise_spoil(
	struct noise *z, const struct faults *f, const uint8_t *data, size_t n, uint8_t *out);

#endif
