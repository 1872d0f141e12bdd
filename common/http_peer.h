/* Who a server says it is, before it is believed. Waits until timeout_ms are over. */
#ifndef HILDA_COMMON_HTTP_PEER_H
#define HILDA_COMMON_HTTP_PEER_H

#include <stdint.h>

#include "common/fault.h"

/*
 * The certificate that a server shows, without believing it: PEM, malloc'd. Nothing is sent there but the
 * handshake.
 */
int http_peer_certificate(const char *base_url, int64_t timeout_ms, char **pem, struct fault *f);

#endif
