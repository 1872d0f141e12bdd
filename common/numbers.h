/*
 * Numbers from text, strictly: the whole string is the number, no leading or trailing space, within
 * [min, max]. Returns 0, -EINVAL (not a number) or -ERANGE. Pure; the only place that calls strtol's family.
 */
#ifndef HILDA_COMMON_NUMBERS_H
#define HILDA_COMMON_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

int number_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out);
int number_i64(const char *text, int64_t min, int64_t max, int64_t *out);
/* 0x…, 0… octal is not accepted: decimal or 0x hexadecimal. */
int number_address(const char *text, uint64_t max, uint64_t *out);
/* Finite decimal numbers only. */
int number_f64(const char *text, double min, double max, double *out);
/* "500 ms", "30s", "5m", "2h", "1d" -> ms. A bare number is refused. */
int number_duration_ms(const char *text, int64_t max_ms, int64_t *out);
/* "64", "64K", "2M" (1024s) -> bytes. */
int number_size(const char *text, uint64_t max, uint64_t *out);
/* The n bytes at data, not NUL-terminated, decimal. */
int number_u64_n(const char *data, size_t n, uint64_t min, uint64_t max, uint64_t *out);

#endif
