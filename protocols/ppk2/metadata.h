/*
 * A unit's calibration as it prints it: `Key: value` lines up to `END`. Pure; any thread; no malloc.
 * Old firmware prints few decimals, new twenty; `nan` occurs on healthy units.
 */
#ifndef HILDA_PROTOCOLS_PPK2_METADATA_H
#define HILDA_PROTOCOLS_PPK2_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"
#include "protocols/ppk2/command.h"

#define PPK2_RANGES 5
#define PPK2_METADATA_MAX_BYTES 4096

enum ppk2_coefficient {
	PPK2_R,
	PPK2_GS,
	PPK2_GI,
	PPK2_O,
	PPK2_S,
	PPK2_I,
	PPK2_UG,
	PPK2_COEFFICIENTS
};

struct ppk2_metadata {
	double c[PPK2_COEFFICIENTS][PPK2_RANGES];
	/* Bit range of [coefficient]: nan, absent, or R = 0: the default was taken. */
	uint8_t defaulted[PPK2_COEFFICIENTS];
	bool calibrated; /* 0 on healthy units too: told, not believed */
	uint32_t vdd_mV;
	uint32_t hw;
	enum ppk2_mode mode;
	double ia;
};

/* Whether the text has its END line: what is left to read. */
bool ppk2_metadata_is_whole(const char *text, size_t n);
/* Unknown keys are ignored. -EBADMSG with a fault that quotes the line. */
int ppk2_metadata_parse(const char *text, size_t n, struct ppk2_metadata *out, struct fault *f);
/* As new firmware prints it, END included. The length, or -ENOSPC. */
int ppk2_metadata_print(const struct ppk2_metadata *m, char *out, size_t room);
/* SHA-256 over the coefficients (%.17g, in order): the same for each mode and voltage of a unit. */
void ppk2_metadata_hash(const struct ppk2_metadata *m, char hex[65]);
/* "R", "GS", ... */
const char *ppk2_coefficient_name(enum ppk2_coefficient c);

#endif
