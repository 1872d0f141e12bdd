/*
 * The listening socket, opened here and not by libmicrohttpd, so that errors say what to do.
 */
#ifndef HILDA_SERVER_HTTP_LISTEN_H
#define HILDA_SERVER_HTTP_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fault.h"

#define LISTEN_HOST_BYTES 64

struct listen_address {
	char host[LISTEN_HOST_BYTES]; /* "127.0.0.1", "::1" */
	uint16_t port;
};

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" (loopback). */
int listen_parse(const char *text, struct listen_address *out, struct fault *f);
/* Refuses every address but loopback: there are no tokens yet, whoever connects may do everything. */
int listen_check(const struct listen_address *a, struct fault *f);
int listen_open(const struct listen_address *a, int *fd, uint16_t *port, struct fault *f);
/* Does a Host header name this machine's loopback? Others come from a rebound DNS name. */
bool listen_is_own_host(const char *host_header);

#endif
