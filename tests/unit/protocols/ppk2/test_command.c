#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "protocols/ppk2/command.h"

static void bytes_of_each_command(void **state)
{
	static const struct {
		enum ppk2_op op;
		uint32_t argument;
		size_t n;
		uint8_t bytes[PPK2_COMMAND_BYTES];
	} cases[] = {
		{PPK2_AVERAGE_START, 0, 1, {0x06}},
		{PPK2_AVERAGE_STOP, 0, 1, {0x07}},
		{PPK2_DEVICE_RUNNING_SET, 1, 2, {0x0c, 1}},
		{PPK2_DEVICE_RUNNING_SET, 0, 2, {0x0c, 0}},
		{PPK2_REGULATOR_SET, 3300, 3, {0x0d, 0x0c, 0xe4}},
		{PPK2_REGULATOR_SET, 800, 3, {0x0d, 0x03, 0x20}},
		{PPK2_SET_POWER_MODE, PPK2_SOURCE, 2, {0x11, 2}},
		{PPK2_SET_POWER_MODE, PPK2_AMPERE, 2, {0x11, 1}},
		{PPK2_GET_META_DATA, 0, 1, {0x19}},
		{PPK2_RESET, 0, 1, {0x20}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t out[PPK2_COMMAND_BYTES + 1];
		enum ppk2_op op = 0;
		uint32_t argument = 77;
		size_t n = ppk2_command_write(cases[i].op, cases[i].argument, out);

		assert_int_equal(n, cases[i].n);
		assert_memory_equal(out, cases[i].bytes, n);
		for (size_t cut = 0; cut < n; cut++)
			assert_int_equal(ppk2_command_read(out, cut, &op, &argument), 0);
		out[n] = 0x07;
		assert_int_equal(ppk2_command_read(out, n + 1, &op, &argument), n);
		assert_int_equal(op, cases[i].op);
		assert_int_equal(argument, cases[i].argument);
	}
}

/* Others may write the unit's EEPROM. */
static void no_other_opcode_is_written_or_read(void **state)
{
	static const uint8_t known[] = {0x06, 0x07, 0x0c, 0x0d, 0x11, 0x19, 0x20};
	uint8_t out[PPK2_COMMAND_BYTES] = {0};
	enum ppk2_op op;
	uint32_t argument;

	for (unsigned code = 0; code < 256; code++) {
		if (memchr(known, (int)code, sizeof(known)))
			continue;
		assert_int_equal(ppk2_command_write((enum ppk2_op)code, 1, out), 0);
		out[0] = (uint8_t)code;
		assert_int_equal(ppk2_command_read(out, 3, &op, &argument), -EBADMSG);
	}
}

static void arguments_out_of_range_are_refused(void **state)
{
	static const uint8_t wrong[][3] = {
		{0x0c, 2}, {0x11, 0}, {0x11, 3}, {0x0d, 0x03, 0x1f}, {0x0d, 0x13, 0x89}};
	enum ppk2_op op;
	uint32_t argument;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(ppk2_command_read(wrong[i], 3, &op, &argument), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_each_command),
		cmocka_unit_test(no_other_opcode_is_written_or_read),
		cmocka_unit_test(arguments_out_of_range_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
