#include "server/tls/client.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "common/fingerprint.h"

struct tls_client {
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
};

void tls_client_close(struct tls_client *c)
{
	if (!c)
		return;
	if (c->session)
		gnutls_deinit(c->session);
	if (c->credentials)
		gnutls_certificate_free_credentials(c->credentials);
	free(c);
}

static int errno_of(ssize_t code)
{
	if (code == GNUTLS_E_AGAIN)
		return -ETIMEDOUT; /* the socket's own time is over */
	return code == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EIO;
}

static int check_peer(struct tls_client *c, const char *fingerprint, struct fault *f)
{
	char its[FINGERPRINT_BYTES];
	const gnutls_datum_t *chain;
	unsigned n = 0;

	chain = gnutls_certificate_get_peers(c->session, &n);
	if (!chain || !n)
		return fault_set(f, EPERM, "the server showed no certificate");
	fingerprint_of_der(chain[0].data, chain[0].size, its);
	if (strcmp(its, fingerprint) != 0)
		return fault_set(f, EPERM,
			"another program answers there: its certificate is %s, hildad's %s", its,
			fingerprint);
	return 0;
}

int tls_client_open(int fd, const char *fingerprint, struct tls_client **out, struct fault *f)
{
	struct tls_client *c = calloc(1, sizeof(*c));
	int rc;

	if (!c || gnutls_certificate_allocate_credentials(&c->credentials) < 0 ||
		gnutls_init(&c->session, GNUTLS_CLIENT) < 0) {
		tls_client_close(c);
		return fault_set(f, ENOMEM, "out of memory");
	}
	rc = gnutls_set_default_priority(c->session);
	if (rc >= 0)
		rc = gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->credentials);
	gnutls_transport_set_int(c->session, fd);
	while (rc >= 0 && (rc = gnutls_handshake(c->session)) == GNUTLS_E_INTERRUPTED)
		rc = 0;
	if (rc < 0)
		rc = fault_set(f, EIO, "TLS with hildad: %s", gnutls_strerror(rc));
	else
		rc = check_peer(c, fingerprint, f);
	if (rc) {
		tls_client_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

int tls_client_write_all(struct tls_client *c, const void *data, size_t n)
{
	const char *at = data;

	while (n) {
		ssize_t k = gnutls_record_send(c->session, at, n);

		if (k == GNUTLS_E_INTERRUPTED)
			continue;
		if (k < 0)
			return errno_of(k);
		at += k;
		n -= (size_t)k;
	}
	return 0;
}

ssize_t tls_client_read(struct tls_client *c, void *data, size_t room)
{
	ssize_t k;

	do
		k = gnutls_record_recv(c->session, data, room);
	while (k == GNUTLS_E_INTERRUPTED);
	/* The peer is done: it said so, or it closed; the answer's own length says whether it is whole. */
	if (k == GNUTLS_E_PREMATURE_TERMINATION)
		return 0;
	return k < 0 ? errno_of(k) : k;
}
