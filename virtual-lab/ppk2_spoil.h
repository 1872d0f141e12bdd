/*
 * What the faults ppk2-lost, ppk2-damage and ppk2-slip do to the samples on their way to the host.
 * Pure; one thread for each.
 */
#ifndef HILDA_VIRTUAL_LAB_PPK2_SPOIL_H
#define HILDA_VIRTUAL_LAB_PPK2_SPOIL_H

#include <stddef.h>
#include <stdint.h>

struct faults;

struct ppk2_spoil {
	uint32_t random;
	uint32_t since_slip;
};

void ppk2_spoil_init(struct ppk2_spoil *z);
/* The bytes that arrive of n words; out has room for 4 n. */
size_t ppk2_spoil(struct ppk2_spoil *z, const struct faults *f, const uint32_t *words, size_t n,
	uint8_t *out);

#endif
