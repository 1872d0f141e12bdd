/*
 * Sends files to the server's artifact store, once for each content: what the server has is not sent
 * again, and a broken connection goes on where the server stopped. One thread; waits for the network.
 */
#ifndef HILDA_CLI_UPLOAD_H
#define HILDA_CLI_UPLOAD_H

#include <stdbool.h>

#include "cli/session.h"
#include "common/sha256.h"

#define UPLOAD_CHUNK_BYTES (1024 * 1024)
#define UPLOAD_TRIES 6 /* in a row without progress */

struct upload {
	char sha256[SHA256_HEX_BYTES];
	uint64_t bytes;
	bool had; /* the server had it already */
};

/* Fills *u. EXIT_LOCAL_FILE when the file cannot be read or is empty. */
enum exit_code upload_file(struct session *s, const char *path, struct upload *u, struct fault *f);

#endif
