#include "protocols/ppk2/row.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "protocols/ppk2/sample.h"

static const char *flags_of(bool gap_before, bool invalid, bool clipped)
{
	static const char *const names[2][2][2] = {
		{{"", "clipped"}, {"invalid", "invalid+clipped"}},
		{{"gap-before", "gap-before+clipped"},
			{"gap-before+invalid", "gap-before+invalid+clipped"}},
	};

	return names[gap_before][invalid][clipped];
}

size_t ppk2_row_print(const struct ppk2_row *row, char out[PPK2_ROW_BYTES])
{
	const char *flags =
		flags_of(row->gap_before, row->invalid, ppk2_adc(row->word) == PPK2_ADC_MAX);

	/* printf would say -nan for some. */
	if (isnan(row->current_A))
		return (size_t)snprintf(out, PPK2_ROW_BYTES, "%" PRIu64 ",nan,%u,%s\n", row->first,
			ppk2_logic(row->word), flags);
	return (size_t)snprintf(out, PPK2_ROW_BYTES, "%" PRIu64 ",%.17g,%u,%s\n", row->first,
		row->current_A * 1e6, ppk2_logic(row->word), flags);
}
