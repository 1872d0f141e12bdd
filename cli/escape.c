#include "cli/escape.h"

#include <stdint.h>
#include <string.h>

size_t escape_step(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t point, least;
	size_t length;

	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f;
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		length = 2;
		point = p[0] & 0x1f;
		least = 0xa0; /* below are the C1 controls */
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		length = 3;
		point = p[0] & 0x0f;
		least = 0x800;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		length = 4;
		point = p[0] & 0x07;
		least = 0x10000;
	} else {
		return 0;
	}
	if (length > n)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (p[i] & 0x3f);
	}
	/* Too long, surrogates, past the end, and marks that turn the writing direction. */
	if (point < least || (point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff ||
		(point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069))
		return 0;
	return length;
}

void escape_print(FILE *out, const char *text, size_t n, bool keep_lines)
{
	for (size_t i = 0; i < n;) {
		size_t step = escape_step(text + i, n - i);

		if (!step && keep_lines && (text[i] == '\n' || text[i] == '\t'))
			step = 1;
		if (step) {
			fwrite(text + i, 1, step, out);
			i += step;
		} else {
			fprintf(out, "\\x%02x", (unsigned char)text[i++]);
		}
	}
}

char *escape_text(const char *text)
{
	char *made = NULL;
	size_t size;
	FILE *out = open_memstream(&made, &size);

	if (!out)
		return NULL;
	escape_print(out, text, strlen(text), false);
	fclose(out);
	return made;
}

size_t escape_width(const char *text)
{
	size_t n = strlen(text), width = 0;

	for (size_t i = 0; i < n; width++) {
		size_t step = escape_step(text + i, n - i);

		if (step) {
			i += step;
		} else {
			width += strlen("\\xNN") - 1;
			i++;
		}
	}
	return width;
}
