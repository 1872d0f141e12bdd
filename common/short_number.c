#include "common/short_number.h"

#include <math.h>
#include <stdio.h>

const char *short_number(double x, char out[SHORT_NUMBER_BYTES])
{
	/* %.4g turns to an exponent where it would have to write more than four digits. */
	if (fabs(x) >= 999.95)
		snprintf(out, SHORT_NUMBER_BYTES, "%.0f", x);
	else
		snprintf(out, SHORT_NUMBER_BYTES, "%.4g", x);
	return out;
}
