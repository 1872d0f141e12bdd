/*
 * A certificate's fingerprint, "sha256:" and 64 hexadecimal digits: what people compare, and what a peer is
 * pinned by. Pure; any thread.
 */
#ifndef HILDA_COMMON_FINGERPRINT_H
#define HILDA_COMMON_FINGERPRINT_H

#include <stddef.h>

#include "common/fault.h"

#define FINGERPRINT_BYTES (7 + 64 + 1)
#define FINGERPRINT_DER_MAX_BYTES (64u * 1024)

void fingerprint_of_der(const void *der, size_t n, char out[FINGERPRINT_BYTES]);
/* Of the first certificate in the text. */
int fingerprint_of_pem(const char *pem, char out[FINGERPRINT_BYTES], struct fault *f);
/* As people paste it: with or without "sha256:", either case, with or without colons between the bytes. */
int fingerprint_parse(const char *text, char out[FINGERPRINT_BYTES], struct fault *f);

#endif
