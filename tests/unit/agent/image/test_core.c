/* Build attributes as GCC 12 wrote them, and each core against each architecture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agent/image/core.h"
#include "common/cleanup.h"

/* .ARM.attributes of the firmware for microbit and for mps3-an547. */
static const uint8_t m0[] = "A\x2b\0\0\0"
			    "aeabi\0"
			    "\1\x21\0\0\0"
			    "\5"
			    "6S-M\0"
			    "\6\x0c"
			    "\7M"
			    "\x09\1\x12\4\x14\1\x15\1\x17\3\x18\1\x19\1\x1a\1\x1e\2";
static const uint8_t m55[] =
	"A\x3d\0\0\0"
	"aeabi\0"
	"\1\x33\0\0\0"
	"\5"
	"cortex-m55\0"
	"\6\x15"
	"\7M"
	"\x09\3\x0a\x08\x12\4\x14\1\x15\1\x17\3\x18\1\x19\1\x1a\1\x1c\1\x1e\2\x22\1\x26\1\x2e\1\x30\2";

static struct core_need read(const uint8_t *section, size_t n)
{
	struct core_need need;

	core_need_read(section, n, &need);
	return need;
}

static void test_what_gcc_wrote(void **state)
{
	struct core_need need = read(m0, sizeof(m0) - 1);

	assert_int_equal(need.profile, 'M');
	assert_string_equal(core_arch_name(need.arch), "ARMv6S-M");
	need = read(m55, sizeof(m55) - 1);
	assert_int_equal(need.profile, 'M');
	assert_string_equal(core_arch_name(need.arch), "ARMv8.1-M Mainline");
}

static void test_texts_and_numbers_are_told_apart(void **state)
{
	/* Compatibility (32) is both, 65 a text, 66 a number; another vendor's part comes first. */
	static const uint8_t mixed[] = "A"
				       "\x0c\0\0\0"
				       "other\0"
				       "\6\x0a"
				       "\x1b\0\0\0"
				       "aeabi\0"
				       "\1\x11\0\0\0"
				       "\x20\1x\0"
				       "A\6\6\0"
				       "B\6"
				       "\6\x0d";

	assert_int_equal(read(mixed, sizeof(mixed) - 1).arch, 13);
}

static void test_damage_is_unknown(void **state)
{
	uint8_t bad[sizeof(m55)];

	assert_int_equal(read(m55, 0).arch, 0);
	for (size_t i = 0; i < sizeof(m55) - 1; i++) {
		read(m55, i);
		for (int value = 0; value < 256; value += 51) {
			memcpy(bad, m55, sizeof(bad));
			bad[i] = (uint8_t)value;
			read(bad, sizeof(bad) - 1);
		}
	}
	memcpy(bad, m55, sizeof(bad));
	bad[0] = 'B';
	assert_int_equal(read(bad, sizeof(bad) - 1).arch, 0);
}

static void test_who_runs_what(void **state)
{
	static const uint64_t archs[] = {11, 12, 10, 13, 16, 17, 21};
	static const struct {
		const char *core, *runs;
	} rows[] = {
		{"Cortex-M0", "yynnnnn"},
		{"Cortex-M0+", "yynnnnn"},
		{"Cortex-M3", "yyynnnn"},
		{"Cortex-M4", "yyyynnn"},
		{"Cortex-M7", "yyyynnn"},
		{"Cortex-M23", "yynnynn"},
		{"Cortex-M33", "yyyyyyn"},
		{"Cortex-M55", "yyyyyyy"},
		{"nRF52840", "yyyyyyy"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(archs); k++) {
			struct core_need need = {archs[k], 'M'};

			if (core_runs(rows[i].core, &need) != (rows[i].runs[k] == 'y'))
				fail_msg("%s and %s", rows[i].core, core_arch_name(archs[k]));
		}
	}
	assert_false(core_runs("Cortex-M7", &(struct core_need){10, 'A'}));
	assert_true(core_runs("Cortex-M0", &(struct core_need){0, 0}));
	assert_true(
		core_runs("Cortex-M0", &(struct core_need){2, 0})); /* ARMv4T: Thumb may be all */
	assert_string_equal(core_flag("Cortex-M0+"), "cortex-m0plus");
	assert_string_equal(core_flag("Cortex-M7"), "cortex-m7");
	assert_true(core_is_known("CORTEX-M4") && !core_is_known("nRF52840"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_gcc_wrote),
		cmocka_unit_test(test_texts_and_numbers_are_told_apart),
		cmocka_unit_test(test_damage_is_unknown),
		cmocka_unit_test(test_who_runs_what),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
