#include "common/numbers.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX_DIGITS 32

static int parse_unsigned(const char *text, int base, uint64_t min, uint64_t max, uint64_t *out)
{
	unsigned long long v;
	char *end;

	/* strtoull would take another 0x. */
	if (!isxdigit((unsigned char)*text) || (base == 16 && (text[1] == 'x' || text[1] == 'X')))
		return -EINVAL;
	errno = 0;
	v = strtoull(text, &end, base);
	if (*end)
		return -EINVAL;
	if (errno || v < min || v > max)
		return -ERANGE;
	*out = v;
	return 0;
}

int number_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	return parse_unsigned(text, 10, min, max, out);
}

int number_i64(const char *text, int64_t min, int64_t max, int64_t *out)
{
	const char *first = *text == '-' ? text + 1 : text;
	long long v;
	char *end;

	if (!isdigit((unsigned char)*first))
		return -EINVAL;
	errno = 0;
	v = strtoll(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno || v < min || v > max)
		return -ERANGE;
	*out = v;
	return 0;
}

int number_address(const char *text, uint64_t max, uint64_t *out)
{
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return parse_unsigned(text + 2, 16, 0, max, out);
	if (text[0] == '0' && text[1])
		return -EINVAL;
	return parse_unsigned(text, 10, 0, max, out);
}

int number_f64(const char *text, double min, double max, double *out)
{
	const char *first = *text == '-' || *text == '+' ? text + 1 : text;
	double v;
	char *end;

	/* No "nan", no "inf", no hexadecimal floats. */
	if ((!isdigit((unsigned char)*first) && *first != '.') || strpbrk(text, "xXpP"))
		return -EINVAL;
	v = strtod(text, &end);
	if (*end || end == text)
		return -EINVAL;
	if (!isfinite(v) || v < min || v > max)
		return -ERANGE;
	*out = v;
	return 0;
}

int number_u64_n(const char *data, size_t n, uint64_t min, uint64_t max, uint64_t *out)
{
	char text[NUMBER_MAX_DIGITS + 1];

	if (!n || n > NUMBER_MAX_DIGITS)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)data[i]))
			return -EINVAL;
	}
	memcpy(text, data, n);
	text[n] = 0;
	return number_u64(text, min, max, out);
}

struct unit {
	const char *name;
	uint64_t scale;
};

static int parse_with_unit(const char *text, const struct unit *units, uint64_t max, uint64_t *out)
{
	size_t n = strspn(text, "0123456789");
	const char *unit = text + n;
	uint64_t v;
	int rc = number_u64_n(text, n, 0, UINT64_MAX, &v);

	if (rc)
		return rc;
	if (*unit == ' ')
		unit++;
	for (; units->name; units++) {
		if (strcmp(unit, units->name))
			continue;
		if (v > max / units->scale)
			return -ERANGE;
		*out = v * units->scale;
		return 0;
	}
	return -EINVAL;
}

int number_duration_ms(const char *text, int64_t max_ms, int64_t *out)
{
	static const struct unit units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000},
		{"h", 3600 * 1000}, {"d", 24 * 3600 * 1000}, {NULL, 0}};
	uint64_t v;
	int rc = parse_with_unit(text, units, (uint64_t)max_ms, &v);

	if (!rc)
		*out = (int64_t)v;
	return rc;
}

int number_size(const char *text, uint64_t max, uint64_t *out)
{
	static const struct unit units[] = {
		{"", 1}, {"K", 1024}, {"M", 1024 * 1024}, {"G", 1024ULL * 1024 * 1024}, {NULL, 0}};

	return parse_with_unit(text, units, max, out);
}
