/*
 * QEMU's qtest socket: memory and registers, whether the guest runs or not. One thread; a call
 * waits up to QTEST_TIMEOUT_MS.
 */
#ifndef HILDA_VIRTUAL_LAB_QTEST_H
#define HILDA_VIRTUAL_LAB_QTEST_H

#include <stddef.h>
#include <stdint.h>

#define QTEST_TIMEOUT_MS 10000
#define QTEST_BLOCK_BYTES 4096
#define QTEST_LINE_BYTES (2 * QTEST_BLOCK_BYTES + 64)

struct qtest {
	int fd; /* owned by the caller */
	size_t n;
	char reply[QTEST_LINE_BYTES];
};

void qtest_init(struct qtest *q, int fd);
/* bytes is 1, 2 or 4. */
int qtest_read(struct qtest *q, uint32_t address, unsigned bytes, uint32_t *value);
int qtest_write(struct qtest *q, uint32_t address, unsigned bytes, uint32_t value);
int qtest_read_block(struct qtest *q, uint32_t address, void *data, size_t n);
int qtest_write_block(struct qtest *q, uint32_t address, const void *data, size_t n);
int qtest_fill(struct qtest *q, uint32_t address, uint32_t n, uint8_t byte);

#endif
