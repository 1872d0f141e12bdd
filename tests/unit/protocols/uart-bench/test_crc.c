#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "protocols/uart-bench/crc.h"

static const char check[] = "123456789";

static void crc16_has_its_check_value(void **state)
{
	assert_int_equal(crc16_ccitt_false(CRC16_START, check, 9), 0x29B1);
	assert_int_equal(crc16_ccitt_false(CRC16_START, "", 0), 0xFFFF);
	assert_int_equal(crc16_ccitt_false(CRC16_START, "\0", 1), 0xE1F0);
}

static void crc32_has_its_check_value(void **state)
{
	assert_int_equal(crc32_zlib(CRC32_START, check, 9), 0xCBF43926);
	assert_int_equal(crc32_zlib(CRC32_START, "", 0), 0);
}

/* The polynomial by bits, as the definition writes it. */
static uint16_t crc16_by_bits(uint16_t crc, const uint8_t *p, size_t n)
{
	while (n--) {
		crc ^= (uint16_t)(*p++ << 8);
		for (int i = 0; i < 8; i++)
			crc = (uint16_t)(crc << 1 ^ (crc & 0x8000 ? 0x1021 : 0));
	}
	return crc;
}

static uint32_t crc32_by_bits(const uint8_t *p, size_t n)
{
	uint32_t crc = 0xFFFFFFFF;

	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
	}
	return ~crc;
}

static void every_byte_and_any_cut_agree_with_the_definition(void **state)
{
	uint8_t data[512];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 167 + i / 256);
	for (size_t cut = 0; cut <= sizeof(data); cut += 37) {
		uint16_t c16 = crc16_ccitt_false(CRC16_START, data, cut);
		uint32_t c32 = crc32_zlib(CRC32_START, data, cut);

		c16 = crc16_ccitt_false(c16, data + cut, sizeof(data) - cut);
		c32 = crc32_zlib(c32, data + cut, sizeof(data) - cut);
		assert_int_equal(c16, crc16_by_bits(CRC16_START, data, sizeof(data)));
		assert_int_equal(c32, crc32_by_bits(data, sizeof(data)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc16_has_its_check_value),
		cmocka_unit_test(crc32_has_its_check_value),
		cmocka_unit_test(every_byte_and_any_cut_agree_with_the_definition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
