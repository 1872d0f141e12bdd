/*
 * What retention would remove now, in words, by the rules that it goes by; changes nothing. Beside a server that is
 * at work, or without one. One thread; reads what retention reads.
 */
#ifndef HILDA_SERVER_RETENTION_PREVIEW_H
#define HILDA_SERVER_RETENTION_PREVIEW_H

#include <stdint.h>
#include <stdio.h>

#include "server/settings.h"

struct store_reader;

/* A line for each suite with runs, one for jobs and one for artifacts. 0 or -errno. */
int retention_preview(struct store_reader *r, const struct settings *s, int64_t now_ms, FILE *out);

#endif
