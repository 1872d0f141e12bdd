/*
 * A call to the server of this host and data folder, by its own key (DATA/local.key: address, key and
 * with TLS the certificate's fingerprint; mode 0600, written at each start). Waits for the answer, 30 s at most.
 */
#ifndef HILDA_SERVER_COMMANDS_LOCAL_H
#define HILDA_SERVER_COMMANDS_LOCAL_H

#include <jansson.h>

#include "common/buffer.h"
#include "common/fault.h"
#include "server/context.h"

/* After http_start; and when the server ends. */
int local_key_write(const struct server *server, uint16_t port, struct fault *f);
void local_key_remove(const struct server *server);

/* body: stolen, may be NULL. 0 and the answer, or the server's own words in f. */
int local_call(const char *data, const char *method, const char *path, json_t *body,
	json_t **answer, struct fault *f);

#endif
