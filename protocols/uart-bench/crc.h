/*
 * The two checksums of the bench protocol. Freestanding C99, C++-safe, no state, no memory, any
 * thread or interrupt; time is linear in n (a table of 16 words each, so that it fits in a small
 * flash).
 */
#ifndef HILDA_UART_BENCH_CRC_H
#define HILDA_UART_BENCH_CRC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CRC16_START 0xFFFFu
#define CRC32_START 0u

/*
 * CRC-16/CCITT-FALSE: polynomial 0x1021, not reflected, no final xor. Start with CRC16_START and
 * pass the result on for the next piece. "123456789" gives 0x29B1.
 */
uint16_t crc16_ccitt_false(uint16_t crc, const void *data, size_t n);

/*
 * zlib's crc32(): reflected 0xEDB88320, complemented at both ends inside. Start with CRC32_START and
 * pass the result on for the next piece. "123456789" gives 0xCBF43926.
 */
uint32_t crc32_zlib(uint32_t crc, const void *data, size_t n);

#ifdef __cplusplus
}
#endif

#endif
