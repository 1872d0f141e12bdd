/*
 * SHA-256 (FIPS 180-4) for firmware: freestanding C99, C++-safe, no tables beyond the 64 round
 * constants. The state is the caller's; any thread; about 3,000 instructions for 64 bytes. Host
 * programs use common/sha256.h, which is libsodium's.
 */
#ifndef HILDA_UART_BENCH_SHA256_H
#define HILDA_UART_BENCH_SHA256_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HILDA_SHA256_BYTES 32

struct hilda_sha256 {
	uint32_t h[8];
	uint64_t total_bytes;
	uint8_t block[64];
};

void hilda_sha256_init(struct hilda_sha256 *s);
void hilda_sha256_update(struct hilda_sha256 *s, const void *data, size_t n);
void hilda_sha256_final(struct hilda_sha256 *s, uint8_t out[HILDA_SHA256_BYTES]);

#ifdef __cplusplus
}
#endif

#endif
