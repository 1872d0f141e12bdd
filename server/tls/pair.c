#include "server/tls/pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/file.h"

#define CHAIN_MAX 16
#define SERIAL_BYTES 16
#define KEY_ID_BYTES 64
#define DAY_S INT64_C(86400)
#define NAME_MAX_CHARS 253
#define CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"

static int failed(struct fault *f, int code, const char *what)
{
	return fault_set(f, EINVAL, "%s: %s", what, gnutls_strerror(code));
}

void tls_pair_free(struct tls_pair *p)
{
	if (!p)
		return;
	if (p->leaf)
		gnutls_x509_crt_deinit(p->leaf);
	if (p->key)
		sodium_memzero(p->key, strlen(p->key));
	free(p->key);
	free(p->cert);
	free(p);
}

bool tls_pair_names(const struct tls_pair *p, const char *host)
{
	return gnutls_x509_crt_check_hostname(p->leaf, host) != 0;
}

/* ---- reading ---- */

static int read_file(const char *what, const char *path, char **text, struct fault *f)
{
	struct fault why = {0};
	int rc = file_read(path, TLS_FILE_MAX_BYTES, text, NULL, &why);

	if (rc == -ENOENT)
		return fault_set(f, ENOENT,
			"%s = %s: there is no such file; `hildad tls init` makes a certificate and its key",
			what, path);
	if (rc == -EACCES)
		return fault_set(f, EACCES,
			"%s = %s: hildad's user may not read it; give the file to that user", what,
			path);
	return rc ? fault_set(f, -rc, "%s = %s: %.800s", what, path, why.text) : 0;
}

static int check_mode(const char *path, struct fault *f)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return fault_errno(f, errno, "tls-key = %s", path);
	if (st.st_mode & (S_IRWXO))
		return fault_set(f, EPERM,
			"tls-key = %s: everybody on this machine may read the key (mode %03o); "
			"chmod 600 %s, and make a new one if somebody may have done so",
			path, st.st_mode & 0777, path);
	return 0;
}

static int import_leaf(const char *path, struct tls_pair *p, struct fault *f)
{
	gnutls_datum_t text = {(unsigned char *)p->cert, (unsigned)strlen(p->cert)};
	gnutls_x509_crt_t chain[CHAIN_MAX];
	unsigned n = CHAIN_MAX;
	int rc = gnutls_x509_crt_list_import(
		chain, &n, &text, GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);

	if (rc < 0)
		return fault_set(f, EINVAL, "tls-cert = %s: it is no certificate in PEM (%s)", path,
			gnutls_strerror(rc));
	p->leaf = chain[0];
	for (unsigned i = 1; i < n; i++)
		gnutls_x509_crt_deinit(chain[i]);
	return fingerprint_of_pem(p->cert, p->fingerprint, f);
}

static int check_match(
	const char *cert_path, const char *key_path, const struct tls_pair *p, struct fault *f)
{
	gnutls_datum_t text = {(unsigned char *)p->key, (unsigned)strlen(p->key)};
	unsigned char mine[KEY_ID_BYTES], its[KEY_ID_BYTES];
	size_t n_mine = sizeof(mine), n_its = sizeof(its);
	gnutls_x509_privkey_t key;
	int rc = gnutls_x509_privkey_init(&key);

	if (rc < 0)
		return failed(f, rc, "tls-key");
	rc = gnutls_x509_privkey_import2(key, &text, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (rc < 0) {
		gnutls_x509_privkey_deinit(key);
		return fault_set(f, EINVAL,
			"tls-key = %s: it is no key in PEM without a password (%s)", key_path,
			gnutls_strerror(rc));
	}
	rc = gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, mine, &n_mine);
	gnutls_x509_privkey_deinit(key);
	if (rc >= 0)
		rc = gnutls_x509_crt_get_key_id(p->leaf, GNUTLS_KEYID_USE_SHA256, its, &n_its);
	if (rc < 0)
		return failed(f, rc, "tls-key");
	if (n_mine == n_its && memcmp(mine, its, n_its) == 0)
		return 0;
	return fault_set(f, EINVAL,
		"tls-key = %s is not the key of the certificate tls-cert = %s; name the two files that "
		"belong together, or make both anew by `hildad tls init --force`",
		key_path, cert_path);
}

static int check_times(const char *path, struct tls_pair *p, int64_t now_ms, struct fault *f)
{
	int64_t from_ms = (int64_t)gnutls_x509_crt_get_activation_time(p->leaf) * 1000;
	char at[CLOCK_RFC3339_BYTES];

	p->expires_ms = (int64_t)gnutls_x509_crt_get_expiration_time(p->leaf) * 1000;
	if (now_ms >= p->expires_ms) {
		clock_format_rfc3339(p->expires_ms, at);
		return fault_set(f, EKEYEXPIRED,
			"tls-cert = %s: the certificate's time was over at %s; make a new one (`hildad "
			"tls init --force`, then give agents and users the new file for `ca`)",
			path, at);
	}
	if (now_ms < from_ms) {
		clock_format_rfc3339(from_ms, at);
		return fault_set(f, EINVAL,
			"tls-cert = %s: the certificate's time begins at %s only; is this machine's clock "
			"right?",
			path, at);
	}
	return 0;
}

int tls_pair_load(const char *cert_path, const char *key_path, int64_t now_ms,
	struct tls_pair **out, struct fault *f)
{
	struct tls_pair *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return fault_set(f, ENOMEM, "out of memory");
	rc = read_file("tls-cert", cert_path, &p->cert, f);
	if (!rc)
		rc = read_file("tls-key", key_path, &p->key, f);
	if (!rc)
		rc = check_mode(key_path, f);
	if (!rc)
		rc = import_leaf(cert_path, p, f);
	if (!rc)
		rc = check_match(cert_path, key_path, p, f);
	if (!rc)
		rc = check_times(cert_path, p, now_ms, f);
	if (rc) {
		tls_pair_free(p);
		return rc;
	}
	*out = p;
	return 0;
}

/* ---- making ---- */

static int add_name(gnutls_x509_crt_t crt, const char *name, struct fault *f)
{
	unsigned char address[sizeof(struct in6_addr)];
	size_t n = strlen(name);
	int rc;

	if (inet_pton(AF_INET, name, address) == 1)
		rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address,
			sizeof(struct in_addr), GNUTLS_FSAN_APPEND);
	else if (inet_pton(AF_INET6, name, address) == 1)
		rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address,
			sizeof(struct in6_addr), GNUTLS_FSAN_APPEND);
	else if (!n || n > NAME_MAX_CHARS || strspn(name, CHARS) != n || *name == '-' ||
		*name == '.')
		return fault_set(f, EINVAL,
			"'%.100s' is neither a host name nor an address (without port, and without "
			"brackets)",
			name);
	else
		rc = gnutls_x509_crt_set_subject_alt_name(
			crt, GNUTLS_SAN_DNSNAME, name, (unsigned)n, GNUTLS_FSAN_APPEND);
	return rc < 0 ? failed(f, rc, name) : 0;
}

/* The key that signs is the one that is certified; it signs nothing else. */
static int describe(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, int64_t now_ms)
{
	unsigned char serial[SERIAL_BYTES];
	time_t now_s = (time_t)(now_ms / 1000);
	int rc;

	randombytes_buf(serial, sizeof(serial));
	serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, and of this length */
	rc = gnutls_x509_crt_set_version(crt, 3);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	/* The clocks of the machines in a lab differ. */
	if (rc >= 0)
		rc = gnutls_x509_crt_set_activation_time(crt, now_s - DAY_S);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_expiration_time(crt, now_s + TLS_TERM_DAYS * DAY_S);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_dn_by_oid(
			crt, GNUTLS_OID_X520_COMMON_NAME, 0, "hildad", 6);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_key(crt, key);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (rc >= 0)
		rc = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
	return rc;
}

static char *text_of(gnutls_datum_t *pem)
{
	char *text = strndup((const char *)pem->data, pem->size);

	gnutls_memset(pem->data, 0, pem->size);
	gnutls_free(pem->data);
	return text;
}

static int export_pair(
	gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, struct tls_pair *p, struct fault *f)
{
	gnutls_datum_t pem;
	int rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);

	if (rc >= 0) {
		p->cert = text_of(&pem);
		rc = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, 0, &pem);
	}
	if (rc < 0)
		return failed(f, rc, "certificate");
	p->key = text_of(&pem);
	if (!p->cert || !p->key)
		return fault_set(f, ENOMEM, "out of memory");
	return fingerprint_of_pem(p->cert, p->fingerprint, f);
}

static int make(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *const *names,
	size_t n_names, int64_t now_ms, struct fault *f)
{
	int rc = gnutls_x509_privkey_generate(
		key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);

	if (rc >= 0)
		rc = describe(crt, key, now_ms);
	if (rc < 0)
		return failed(f, rc, "certificate");
	for (size_t i = 0; i < n_names; i++) {
		rc = add_name(crt, names[i], f);
		if (rc)
			return rc;
	}
	rc = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
	return rc < 0 ? failed(f, rc, "certificate") : 0;
}

int tls_pair_make(const char *const *names, size_t n_names, int64_t now_ms, struct tls_pair **out,
	struct fault *f)
{
	struct tls_pair *p = calloc(1, sizeof(*p));
	gnutls_x509_privkey_t key = NULL;
	int rc;

	if (!p || gnutls_x509_crt_init(&p->leaf) < 0 || gnutls_x509_privkey_init(&key) < 0) {
		tls_pair_free(p);
		return fault_set(f, ENOMEM, "out of memory");
	}
	rc = make(p->leaf, key, names, n_names, now_ms, f);
	if (!rc)
		rc = export_pair(p->leaf, key, p, f);
	gnutls_x509_privkey_deinit(key);
	if (rc) {
		tls_pair_free(p);
		return rc;
	}
	p->expires_ms = (now_ms / 1000 + TLS_TERM_DAYS * DAY_S) * 1000;
	*out = p;
	return 0;
}
