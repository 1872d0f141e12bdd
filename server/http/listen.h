/*
 * The listening socket, opened here and not by libmicrohttpd, so that errors say what to do.
 */
#ifndef HILDA_SERVER_HTTP_LISTEN_H
#define HILDA_SERVER_HTTP_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fault.h"

#define LISTEN_HOST_BYTES 254 /* the longest name that DNS has */

struct listen_address {
	char host[LISTEN_HOST_BYTES]; /* "127.0.0.1", "::1" */
	uint16_t port;
	bool insecure, tls; /* any address may be listened on; listen_parse leaves them false */
};

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" (loopback). */
int listen_parse(const char *text, struct listen_address *out, struct fault *f);
/* Refuses every address but loopback unless `tls` or `insecure`: tokens would travel in the open. */
int listen_check(const struct listen_address *a, struct fault *f);
int listen_open(const struct listen_address *a, int *fd, uint16_t *port, struct fault *f);
/* The host of a Host header, without port and brackets. */
int listen_host_of(const char *host_header, char name[LISTEN_HOST_BYTES]);
/* Does a Host header name this machine's loopback? Others come from a rebound DNS name. */
bool listen_is_own_host(const char *host_header);
/*
 * What a server beyond loopback answers to besides: an IP address, or this machine's name. No foreign page can
 * have been loaded from there by a rebound DNS name.
 */
bool listen_is_address_or_name(const char *host_header, const char *own_name);
bool listen_is_loopback(const struct listen_address *a);

#endif
