/* Marsaglia's xorshift of 32 bits: repeatable noise from a seed, which must not be 0. Pure. */
#ifndef HILDA_VIRTUAL_LAB_XORSHIFT_H
#define HILDA_VIRTUAL_LAB_XORSHIFT_H

#include <stdint.h>

static inline uint32_t xorshift(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

#endif
