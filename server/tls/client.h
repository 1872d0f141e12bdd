/*
 * The other end of our own TLS, for commands on the server's host: the peer is known by its certificate's
 * fingerprint and by nothing else. One thread; a call waits as long as the socket does (SO_RCVTIMEO).
 */
#ifndef HILDA_SERVER_TLS_CLIENT_H
#define HILDA_SERVER_TLS_CLIENT_H

#include <stddef.h>
#include <sys/types.h>

#include "common/fault.h"

struct tls_client;

/* fd is connected and stays the caller's. -EPERM: the peer has another certificate. */
int tls_client_open(int fd, const char *fingerprint, struct tls_client **out, struct fault *f);
void tls_client_close(struct tls_client *c); /* accepts NULL */
int tls_client_write_all(struct tls_client *c, const void *data, size_t n);
/* Bytes, 0 at the end, -errno. */
ssize_t tls_client_read(struct tls_client *c, void *data, size_t room);

#endif
