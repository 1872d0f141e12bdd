/* Random identifiers from the kernel, by libsodium. Any thread. */
#ifndef HILDA_COMMON_RANDOM_H
#define HILDA_COMMON_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* 2 * n lower-case hexadecimal digits and a NUL. */
void random_hex(size_t n_bytes, char *out);
/* Uniform in [0, bound). */
uint32_t random_below(uint32_t bound);

#endif
