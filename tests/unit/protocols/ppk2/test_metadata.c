#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "common/cleanup.h"
#include "tests/unit/protocols/ppk2/vector.h"

static struct ppk2_metadata parsed(const char *text)
{
	struct ppk2_metadata m;
	struct fault f;

	if (ppk2_metadata_parse(text, strlen(text), &m, &f))
		fail_msg("%s", f.text);
	return m;
}

static void old_firmware_prints_few_decimals(void **state)
{
	struct vector v = vector_load("old-metadata");
	const struct ppk2_metadata *m = &v.converter.metadata;

	assert_true(m->c[PPK2_R][0] == 1003.3506);
	assert_true(m->c[PPK2_GS][0] == 0); /* 0 is a value */
	assert_true(m->c[PPK2_GI][4] == 0.9582);
	assert_true(m->c[PPK2_O][3] == 50.4983);
	assert_true(m->c[PPK2_I][4] == -0.001);
	assert_true(m->c[PPK2_UG][4] == 1);
	assert_false(m->calibrated);
	assert_int_equal(m->vdd_mV, 3000);
	assert_int_equal(m->hw, 9173);
	assert_int_equal(m->mode, PPK2_SOURCE);
	assert_true(m->ia == 56);
	for (int k = 0; k < PPK2_COEFFICIENTS; k++)
		assert_int_equal(m->defaulted[k], 0);
	vector_free(&v);
}

/* The vectors list which coefficients of which text are not the unit's own. */
static void nan_missing_and_zero_resistors_take_the_default(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(vector_names); i++) {
		struct vector v = vector_load(vector_names[i]);
		json_t *names = json_object_get(v.expected, "defaulted");
		char name[8];
		size_t n = 0;

		for (int k = 0; k < PPK2_COEFFICIENTS; k++) {
			for (int r = 0; r < PPK2_RANGES; r++) {
				if (!(v.converter.metadata.defaulted[k] & 1 << r))
					continue;
				snprintf(name, sizeof(name), "%s%d",
					ppk2_coefficient_name((enum ppk2_coefficient)k), r);
				assert_string_equal(
					name, json_string_value(json_array_get(names, n)));
				n++;
			}
		}
		assert_int_equal(n, json_array_size(names));
		vector_free(&v);
	}
}

static void defaults_are_the_desktop_apps(void **state)
{
	static const double r[PPK2_RANGES] = {1031.64, 101.65, 10.15, 0.94, 0.043};
	struct ppk2_metadata m = parsed("R0: 0\nR1: -nan\nR2: inf\nGI1: NaN\nGS0: 0\nEND\n");

	for (int i = 0; i < PPK2_RANGES; i++) {
		assert_true(m.c[PPK2_R][i] == r[i]);
		assert_true(m.c[PPK2_GS][i] == (i ? 1 : 0));
		assert_true(m.c[PPK2_GI][i] == 1);
		assert_true(m.c[PPK2_O][i] == 0);
		assert_true(m.c[PPK2_S][i] == 0);
		assert_true(m.c[PPK2_I][i] == 0);
		assert_true(m.c[PPK2_UG][i] == 1);
	}
	assert_int_equal(m.defaulted[PPK2_R], 31);
	assert_int_equal(m.defaulted[PPK2_GS], 30);
}

static void unknown_keys_line_ends_and_the_rest_are_ignored(void **state)
{
	struct ppk2_metadata m = parsed("Future: a:b c\r\n\r\nR5: words\r\nR0: 5 \r\nVDD: "
					"4999.6\nmode: 9\nEND\r\nR0: 6\nno line\n");

	assert_true(m.c[PPK2_R][0] == 5);
	assert_int_equal(m.vdd_mV, 4999);
	assert_int_equal(m.mode, 0);
}

static void faults_quote_the_line(void **state)
{
	static const struct {
		const char *text, *quoted;
	} cases[] = {
		{"R0: 1\nR1: x1\nEND\n", "'R1: x1'"},
		{"R0: 1\nGS1 5\nEND\n", "'GS1 5'"},
		{"R0:\nEND\n", "'R0:'"},
		{"VDD: 0x10\nEND\n", "'VDD: 0x10'"},
		{"R0: 1\001\nEND\n", "'R0: 1?'"},
		{"R0: 1\n", "no END"},
		{"", "no END"},
		{"R0: 11111111111111111111111111111111111111111111111111111111111111111\nEND\n",
			"no number"},
	};
	static char large[PPK2_METADATA_MAX_BYTES + 1];
	struct ppk2_metadata m;
	struct fault f;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(ppk2_metadata_parse(cases[i].text, strlen(cases[i].text), &m, &f),
			-EBADMSG);
		assert_non_null(strstr(f.text, cases[i].quoted));
	}
	memset(large, '\n', sizeof(large));
	assert_int_equal(ppk2_metadata_parse(large, sizeof(large), &m, &f), -EBADMSG);
}

static void whole_is_when_its_end_line_is_there(void **state)
{
	static const char text[] = "R0: 1\nIAEND: 3\nEND\n";

	for (size_t n = 0; n < sizeof(text); n++)
		assert_int_equal(ppk2_metadata_is_whole(text, n), n >= sizeof(text) - 2);
}

static void what_is_printed_parses_to_the_same(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(vector_names); i++) {
		struct vector v = vector_load(vector_names[i]);
		char text[PPK2_METADATA_MAX_BYTES], text2[PPK2_METADATA_MAX_BYTES], hash[2][65];
		int n = ppk2_metadata_print(&v.converter.metadata, text, sizeof(text));
		struct ppk2_metadata again;

		assert_int_equal(n, strlen(text));
		again = parsed(text);
		assert_memory_equal(again.c, v.converter.metadata.c, sizeof(again.c));
		assert_memory_equal(
			again.defaulted, v.converter.metadata.defaulted, sizeof(again.defaulted));
		assert_int_equal(again.vdd_mV, v.converter.metadata.vdd_mV);
		assert_int_equal(again.hw, v.converter.metadata.hw);
		assert_int_equal(again.mode, v.converter.metadata.mode);
		assert_int_equal(ppk2_metadata_print(&again, text2, (size_t)n + 1), n);
		assert_string_equal(text, text2);
		for (int room = 0; room <= n; room++)
			assert_int_equal(ppk2_metadata_print(&again, text2, (size_t)room), -ENOSPC);
		ppk2_metadata_hash(&again, hash[0]);
		again.vdd_mV++;
		again.mode = PPK2_AMPERE;
		ppk2_metadata_hash(&again, hash[1]);
		assert_string_equal(hash[0], hash[1]);
		again.c[PPK2_UG][4] = nextafter(again.c[PPK2_UG][4], 2);
		ppk2_metadata_hash(&again, hash[1]);
		assert_string_not_equal(hash[0], hash[1]);
		vector_free(&v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_firmware_prints_few_decimals),
		cmocka_unit_test(nan_missing_and_zero_resistors_take_the_default),
		cmocka_unit_test(defaults_are_the_desktop_apps),
		cmocka_unit_test(unknown_keys_line_ends_and_the_rest_are_ignored),
		cmocka_unit_test(faults_quote_the_line),
		cmocka_unit_test(whole_is_when_its_end_line_is_there),
		cmocka_unit_test(what_is_printed_parses_to_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
