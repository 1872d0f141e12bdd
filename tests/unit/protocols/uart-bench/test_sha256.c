#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium/crypto_hash_sha256.h>
#include <string.h>

#include "protocols/uart-bench/sha256.h"

static void hash(const void *data, size_t n, size_t cut, uint8_t out[HILDA_SHA256_BYTES])
{
	struct hilda_sha256 s;

	hilda_sha256_init(&s);
	hilda_sha256_update(&s, data, cut);
	hilda_sha256_update(&s, (const uint8_t *)data + cut, n - cut);
	hilda_sha256_final(&s, out);
}

static void the_standard_s_example(void **state)
{
	static const uint8_t expected[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41,
		0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a,
		0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
	uint8_t out[HILDA_SHA256_BYTES];

	hash("abc", 3, 0, out);
	assert_memory_equal(out, expected, sizeof(out));
}

static void every_length_agrees_with_libsodium(void **state)
{
	uint8_t data[300], out[HILDA_SHA256_BYTES], expected[HILDA_SHA256_BYTES];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 73 + 5);
	for (size_t n = 0; n <= sizeof(data); n++) {
		crypto_hash_sha256(expected, data, n);
		hash(data, n, n / 3, out);
		assert_memory_equal(out, expected, sizeof(out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_standard_s_example),
		cmocka_unit_test(every_length_agrees_with_libsodium),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
