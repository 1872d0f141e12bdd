/*
 * A growing byte buffer with a limit: over it, nothing is added and the call fails. One thread.
 * Always followed by a NUL that is not counted, so data can be used as text.
 */
#ifndef HILDA_COMMON_BUFFER_H
#define HILDA_COMMON_BUFFER_H

#include <stddef.h>

struct buffer {
	char *data; /* NULL until something is added */
	size_t n;
	size_t room;
	size_t limit;
};

#define BUFFER_INIT(limit_bytes) ((struct buffer){.limit = (limit_bytes)})

/* 0, -ENOMEM or -EFBIG. */
int buffer_add(struct buffer *b, const void *data, size_t n);
int buffer_add_text(struct buffer *b, const char *text);
int buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* At most room of the bytes behind *given, which grows by so many. Returns how many. */
size_t buffer_give(const struct buffer *b, size_t *given, void *out, size_t room);
/* Drops the first n bytes. */
void buffer_consume(struct buffer *b, size_t n);
void buffer_clear(struct buffer *b);
void buffer_done(struct buffer *b);

#endif
