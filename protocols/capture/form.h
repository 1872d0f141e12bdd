/*
 * The bytes of a capture's records, for its writer and its reader only: places, limits, little-endian
 * numbers. Pure; any thread.
 */
#ifndef HILDA_PROTOCOLS_CAPTURE_FORM_H
#define HILDA_PROTOCOLS_CAPTURE_FORM_H

#include <endian.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "protocols/capture/capture.h"

#define HEAD_BYTES 16	    /* kind, bytes, crc32, 0 */
#define BLOCK_HEAD_BYTES 32 /* index, samples, gaps, invalid, packed, first counter, 7 zeros */
#define END_BYTES 32	    /* samples, lost, invalid, host_us */
#define PAIR_BYTES 8	    /* at, n of a span; at, counter of a word */
#define PLANES 4	    /* ADC low, ADC high, range and reserved bit, logic */
#define HEADER_MAX_BYTES (8 * PPK2_METADATA_MAX_BYTES)
#define INDEX_MAX (UINT64_C(1) << 62)
#define PLAIN_MAX_BYTES (PLANES * CAPTURE_BLOCK_SAMPLES + PAIR_BYTES * CAPTURE_SPANS_MAX)

static inline void put_u32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void put_u64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t get_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline uint32_t payload_crc(const uint8_t *p, size_t n)
{
	return (uint32_t)crc32(0, p, (uInt)n);
}

#endif
