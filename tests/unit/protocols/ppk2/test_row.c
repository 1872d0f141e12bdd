#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "protocols/ppk2/row.h"
#include "protocols/ppk2/sample.h"

static void lines(void **state)
{
	const uint32_t plain = ppk2_word(5, 1, 63, 255), clipped = ppk2_word(PPK2_ADC_MAX, 0, 0, 1);
	const struct {
		struct ppk2_row row;
		const char *line;
	} cases[] = {
		{{7, 1.5e-6, plain, false, false}, "7,1.5,255,\n"},
		{{7, 0.1, plain, true, false}, "7,100000,255,gap-before\n"},
		{{7, 0.1 / 3, plain, false, true}, "7,33333.333333333336,255,invalid\n"},
		{{7, NAN, plain, true, true}, "7,nan,255,gap-before+invalid\n"},
		{{7, -NAN, clipped, false, false}, "7,nan,1,clipped\n"},
		{{7, -1e-9, clipped, false, true}, "7,-0.001,1,invalid+clipped\n"},
		{{7, 0, clipped, true, false}, "7,0,1,gap-before+clipped\n"},
		{{UINT64_MAX, -1.2345678901234567e-300, clipped, true, true},
			"18446744073709551615,-1.2345678901234568e-294,1,gap-before+invalid+"
			"clipped\n"},
	};
	char out[PPK2_ROW_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(ppk2_row_print(&cases[i].row, out), strlen(cases[i].line));
		assert_string_equal(out, cases[i].line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
