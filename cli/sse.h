/*
 * Server-sent events from a byte stream in any chunking. Pure; the caller's function is called for
 * each event and may end the parsing by returning non-zero. One thread.
 */
#ifndef HILDA_CLI_SSE_H
#define HILDA_CLI_SSE_H

#include <stdbool.h>

#include "common/buffer.h"

#define SSE_EVENT_MAX_BYTES (256 * 1024)
#define SSE_NAME_BYTES 64

struct sse_event {
	const char *name; /* "message" when the stream gave none */
	const char *id;	  /* the last id so far, "" at first */
	const char *data; /* lines joined by line feeds; NUL-terminated */
	size_t n;
};

struct sse {
	struct buffer line, data;
	char name[SSE_NAME_BYTES];
	char id[SSE_NAME_BYTES]; /* of the last complete event */
	char next_id[SSE_NAME_BYTES];
	bool has_data, after_cr;
	int (*on_event)(void *arg, const struct sse_event *event);
	void *arg;
};

void sse_init(struct sse *s, int (*on_event)(void *arg, const struct sse_event *event), void *arg);
void sse_done(struct sse *s);
/* For a new connection: the id is kept, what was half there is not. */
void sse_restart(struct sse *s);
/* 0, what on_event returned, -EFBIG for an event over the limit, or -ENOMEM. */
int sse_feed(struct sse *s, const char *data, size_t n);

#endif
