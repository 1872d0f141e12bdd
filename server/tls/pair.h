/*
 * The server's certificate and its key: made, read, judged. The main thread reads them once at the start;
 * tls_pair_names is for any thread. Reading waits for the disk only.
 */
#ifndef HILDA_SERVER_TLS_PAIR_H
#define HILDA_SERVER_TLS_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fault.h"
#include "common/fingerprint.h"

#define TLS_TERM_DAYS 3650 /* of one that is made here */
#define TLS_WARN_DAYS 30   /* before the end the log says so at each start */
#define TLS_FILE_MAX_BYTES (256u * 1024)
#define TLS_NAMES_MAX 64

struct tls_pair {
	char *cert, *key; /* PEM; cert may be a chain, the server's own first */
	char fingerprint[FINGERPRINT_BYTES];
	int64_t expires_ms;
	struct gnutls_x509_crt_int *leaf;
};

/*
 * Refuses a file that is missing or readable to everybody, a key that is another certificate's, a
 * certificate whose time is over or has not begun; the fault says what to do.
 */
int tls_pair_load(const char *cert_path, const char *key_path, int64_t now_ms,
	struct tls_pair **out, struct fault *f);
/* ECDSA P-256, signed by itself, for these host names and addresses. */
int tls_pair_make(const char *const *names, size_t n_names, int64_t now_ms, struct tls_pair **out,
	struct fault *f);
void tls_pair_free(struct tls_pair *p); /* accepts NULL */

/* Does the certificate speak for this host (name or address, without port)? */
bool tls_pair_names(const struct tls_pair *p, const char *host);

#endif
