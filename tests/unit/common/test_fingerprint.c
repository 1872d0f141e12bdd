/* Fingerprints: of a known certificate, and as people paste them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "common/fingerprint.h"

/* Any base64 will do: the fingerprint is of the bytes. echo -n hello | sha256sum */
#define HELLO "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static void it_is_of_the_bytes_of_the_first_certificate(void **state)
{
	char out[FINGERPRINT_BYTES];

	assert_int_equal(
		fingerprint_of_pem("subject: x\n-----BEGIN CERTIFICATE-----\naGVs\r\nbG8=\n"
				   "-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAAAA\n"
				   "-----END CERTIFICATE-----\n",
			out, NULL),
		0);
	assert_string_equal(out, HELLO);
	fingerprint_of_der("hello", 5, out);
	assert_string_equal(out, HELLO);
}

static void what_is_no_certificate_is_refused(void **state)
{
	static const char *const texts[] = {"", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n",
		"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
		"-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char out[FINGERPRINT_BYTES];

		assert_int_equal(fingerprint_of_pem(texts[i], out, NULL), -EINVAL);
	}
}

static void people_paste_it_in_several_ways(void **state)
{
	static const char *const same[] = {HELLO,
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
		"SHA256:2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824",
		"2C:F2:4D:BA:5F:B0:A3:0E:26:E8:3B:2A:C5:B9:E2:9E:1B:16:1E:5C:1F:A7:42:5E:73:04:33:62:93:8B:"
		"98:24"};
	static const char *const none[] = {"", "sha256:", "2cf2", HELLO "0", "sha1:2cf24dba",
		"2gf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"};
	char out[FINGERPRINT_BYTES];

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_int_equal(fingerprint_parse(same[i], out, NULL), 0);
		assert_string_equal(out, HELLO);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(fingerprint_parse(none[i], out, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_of_the_bytes_of_the_first_certificate),
		cmocka_unit_test(what_is_no_certificate_is_refused),
		cmocka_unit_test(people_paste_it_in_several_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
