#include "common/fingerprint.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/hex.h"
#include "common/sha256.h"

#define PREFIX "sha256:"
#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"

void fingerprint_of_der(const void *der, size_t n, char out[FINGERPRINT_BYTES])
{
	memcpy(out, PREFIX, strlen(PREFIX));
	sha256_hex(der, n, out + strlen(PREFIX));
}

int fingerprint_of_pem(const char *pem, char out[FINGERPRINT_BYTES], struct fault *f)
{
	const char *from = strstr(pem, BEGIN), *end = from ? strstr(from, END) : NULL;
	_cleanup_free_ unsigned char *der = NULL;
	size_t n;

	if (!end)
		return fault_set(f, EINVAL, "there is no certificate (" BEGIN ") in it");
	from += strlen(BEGIN);
	der = malloc(FINGERPRINT_DER_MAX_BYTES);
	if (!der)
		return fault_errno(f, ENOMEM, "certificate");
	if (sodium_base642bin(der, FINGERPRINT_DER_MAX_BYTES, from, (size_t)(end - from), "\r\n ",
		    &n, NULL, sodium_base64_VARIANT_ORIGINAL))
		return fault_set(f, EINVAL, "the certificate is no base64");
	fingerprint_of_der(der, n, out);
	return 0;
}

int fingerprint_parse(const char *text, char out[FINGERPRINT_BYTES], struct fault *f)
{
	char hex[SHA256_HEX_BYTES];
	size_t n = 0;
	const char *at = strncasecmp(text, PREFIX, strlen(PREFIX)) ? text : text + strlen(PREFIX);

	for (; *at && n < sizeof(hex); at++) {
		if (*at != ':')
			hex[n++] = (char)tolower((unsigned char)*at);
	}
	if (n != sizeof(hex) - 1 || *at || (hex[n] = 0, !hex_is_sha256(hex)))
		return fault_set(f, EINVAL,
			"'%.100s' is no fingerprint: it is sha256: and 64 hexadecimal digits",
			text);
	snprintf(out, FINGERPRINT_BYTES, PREFIX "%s", hex);
	return 0;
}
