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
/* How much of a line that is cut still arrives. */
#define NOISE_CUT_AFTER 12

struct faults;

struct noise {
	uint32_t state;
	uint32_t lines;
	uint32_t column;
};

void noise_init(struct noise *z);
/* Of n bytes, what arrives: out has room for as many. Returns how many. */
size_t noise_spoil(
	struct noise *z, const struct faults *f, const uint8_t *data, size_t n, uint8_t *out);
/* FAULT_UART_BABBLE: what comes in between; out has room for NOISE_BABBLE_MAX. */
size_t noise_babble(struct noise *z, const struct faults *f, uint8_t *out);

#endif
