#include "common/hex.h"

#include <errno.h>
#include <string.h>

void hex_encode(const void *data, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = 0;
}

static int value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(const char *text, void *out, size_t n)
{
	uint8_t *p = out;

	if (strnlen(text, 2 * n + 1) != 2 * n)
		return -EINVAL;
	for (size_t i = 0; i < 2 * n; i++) {
		if (value(text[i]) < 0)
			return -EINVAL;
	}
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(value(text[2 * i]) << 4 | value(text[2 * i + 1]));
	return 0;
}

bool hex_is_sha256(const char *text)
{
	size_t n = strspn(text, "0123456789abcdef");

	return n == 64 && !text[n];
}
