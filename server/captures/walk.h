/*
 * The samples of a capture in order, from a descriptor of its own: what is exported is read while it
 * is sent, and stays readable when the file is removed meanwhile. One thread; a call reads the disk
 * (one block at most) and decodes.
 */
#ifndef HILDA_SERVER_CAPTURES_WALK_H
#define HILDA_SERVER_CAPTURES_WALK_H

#include <stdbool.h>

#include "server/captures/trace.h"

struct walk;

struct walk_sample {
	uint64_t index;
	uint32_t word;
	uint32_t lost_before;
	bool invalid;
};

/* Samples [from, to) of the capture's first `length` bytes; what the trace knows is copied. */
int walk_open(const struct trace *t, int64_t length, uint64_t from, uint64_t to, struct walk **out,
	struct fault *f);
void walk_close(struct walk *w); /* accepts NULL */
const struct ppk2_converter *walk_converter(const struct walk *w);
const struct capture_header *walk_header(const struct walk *w);
uint64_t walk_from(const struct walk *w);
/* Behind the last sample that may come. */
uint64_t walk_to(const struct walk *w);
/* 1, 0 at the end, -EBADMSG or -EIO: the file is damaged here. */
int walk_next(struct walk *w, struct walk_sample *out);

#endif
