/* SHA-256 by libsodium, for host programs. Any thread. */
#ifndef HILDA_COMMON_SHA256_H
#define HILDA_COMMON_SHA256_H

#include <sodium/crypto_hash_sha256.h>
#include <stddef.h>

#include "common/fault.h"

#define SHA256_HEX_BYTES 65

struct sha256 {
	crypto_hash_sha256_state state;
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t n);
void sha256_final_hex(struct sha256 *s, char out[SHA256_HEX_BYTES]);
void sha256_hex(const void *data, size_t n, char out[SHA256_HEX_BYTES]);
/* Hash and size of a file; reads it whole in blocks. */
int sha256_file(
	const char *path, char out[SHA256_HEX_BYTES], unsigned long long *bytes, struct fault *f);

#endif
