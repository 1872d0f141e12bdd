#include "common/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 256

/* Room for n more bytes and the NUL. */
static int reserve(struct buffer *b, size_t n)
{
	size_t room = b->room ? b->room : FIRST_ROOM;
	char *data;

	if (n > b->limit || b->n > b->limit - n)
		return -EFBIG;
	if (b->n + n < b->room)
		return 0;
	while (room <= b->n + n)
		room *= 2;
	data = realloc(b->data, room);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->room = room;
	return 0;
}

int buffer_add(struct buffer *b, const void *data, size_t n)
{
	int rc = reserve(b, n);

	if (rc)
		return rc;
	if (n)
		memcpy(b->data + b->n, data, n);
	b->n += n;
	b->data[b->n] = 0;
	return 0;
}

int buffer_add_text(struct buffer *b, const char *text)
{
	return buffer_add(b, text, strlen(text));
}

int buffer_printf(struct buffer *b, const char *format, ...)
{
	va_list args;
	int n, rc;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		return -EINVAL;
	rc = reserve(b, (size_t)n);
	if (rc)
		return rc;
	va_start(args, format);
	vsnprintf(b->data + b->n, (size_t)n + 1, format, args);
	va_end(args);
	b->n += (size_t)n;
	return 0;
}

size_t buffer_give(const struct buffer *b, size_t *given, void *out, size_t room)
{
	size_t n = b->n - *given;

	if (n > room)
		n = room;
	if (n)
		memcpy(out, b->data + *given, n);
	*given += n;
	return n;
}

void buffer_consume(struct buffer *b, size_t n)
{
	if (n >= b->n) {
		buffer_clear(b);
		return;
	}
	memmove(b->data, b->data + n, b->n - n + 1);
	b->n -= n;
}

void buffer_clear(struct buffer *b)
{
	b->n = 0;
	if (b->data)
		b->data[0] = 0;
}

void buffer_done(struct buffer *b)
{
	free(b->data);
	b->data = NULL;
	b->n = 0;
	b->room = 0;
}
