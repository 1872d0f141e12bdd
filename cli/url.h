/* Addresses: parts and queries. Pure. */
#ifndef HILDA_CLI_URL_H
#define HILDA_CLI_URL_H

#include "common/buffer.h"

#define URL_MAX_BYTES 1536

/* Appends `?key=value` or `&key=value`, percent-encoded. 0, -ENOMEM or -EFBIG. */
int url_add(struct buffer *url, const char *key, const char *value);
/* Appends "/api/v1/boards/", the name, percent-encoded, and what comes behind it. */
int url_board(struct buffer *url, const char *name, const char *behind);

#endif
