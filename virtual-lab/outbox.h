/*
 * Bytes on their way to a reader who may be slow. A pseudo-terminal holds 16 KB, which the PPK2 fills in
 * 40 ms; behind a real port the kernel keeps 640 KB (TTYB_DEFAULT_MEM_LIMIT). This is the difference:
 * what does not fit is lost, never waited for. One thread; memory is touched as it is needed.
 */
#ifndef HILDA_VIRTUAL_LAB_OUTBOX_H
#define HILDA_VIRTUAL_LAB_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTBOX_BYTES (640 * 1024)

struct outbox {
	size_t first, n;
	uint8_t bytes[OUTBOX_BYTES];
};

/* All of it or nothing. */
bool outbox_put(struct outbox *o, const void *data, size_t n);
/* As much as fd, which is non-blocking, takes now. */
void outbox_push(struct outbox *o, int fd);
void outbox_drop(struct outbox *o);

#endif
