/*
 * What differs between instruction sets, inner products and their rescaling: one file per instruction
 * set (dot_plain.c, dot_smlad.c, dot_helium.c), chosen by the board's build. All give the same sums. No
 * alignment is asked for where the core has unaligned loads; dot_plain.c reads bytes.
 */
#ifndef NN_DOT_H
#define NN_DOT_H

#include <stdint.h>

int32_t dot(const int8_t *a, const int8_t *b, uint32_t n);
/* Four rows of a matrix at once: sums[i] = x . (rows + i * stride). */
void dot4(const int8_t *x, const int8_t *rows, uint32_t stride, uint32_t n, int32_t sums[4]);

/*
 * Rows of int4, two in a byte, low first, zeros behind the last to a boundary of four bytes. x is
 * read to the next multiple of 8, whatever stands there. n <= 4096.
 */
int32_t dot_nibbles(const int8_t *x, const int8_t *row, uint32_t n);
void dot4_nibbles(
	const int8_t *x, const int8_t *rows, uint32_t stride, uint32_t n, int32_t sums[4]);

/* Of 16 bits; stride in values. The caller sees to it that no sum leaves 32 bits. */
int32_t dot_words(const int16_t *a, const int16_t *b, uint32_t n);
void dot4_words(
	const int16_t *x, const int16_t *rows, uint32_t stride, uint32_t n, int32_t sums[4]);

/* out[i] = clamp(rescale(x[i], multiplier[i], shift[i])), as nn/rescale.h defines it. */
void rescale4(
	const int32_t x[4], const int32_t multiplier[4], const int8_t shift[4], int8_t out[4]);

#endif
