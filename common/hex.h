/* Bytes to lower-case hexadecimal and back. Pure. */
#ifndef HILDA_COMMON_HEX_H
#define HILDA_COMMON_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* out holds 2 * n + 1 bytes. */
void hex_encode(const void *data, size_t n, char *out);
/* text must be exactly 2 * n hexadecimal digits, either case. Returns 0 or -EINVAL. */
int hex_decode(const char *text, void *out, size_t n);
/* Exactly 64 lower-case digits: an artifact's name. */
bool hex_is_sha256(const char *text);

#endif
