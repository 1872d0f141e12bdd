#include "server/logs/escape.h"

#include <stdbool.h>
#include <stdint.h>

/* Length of the UTF-8 character at c, 0 when it is none; *code is its number. */
static size_t utf8(const unsigned char *c, size_t n, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = c[0] < 0x80 ? 1
		: c[0] >= 0xf0	    ? 4
		: c[0] >= 0xe0	    ? 3
		: c[0] >= 0xc2	    ? 2
				    : 0;

	if (length == 0 || c[0] > 0xf4 || length > n)
		return 0;
	*code = length == 1 ? c[0] : c[0] & (0x7f >> length);
	for (size_t i = 1; i < length; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (c[i] & 0x3f);
	}
	if (length > 1 &&
		(*code < least[length] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff)))
		return 0;
	return length;
}

static bool is_hidden(uint32_t code)
{
	if (code < 0x20)
		return code != '\n' && code != '\t';
	if (code >= 0x7f && code <= 0x9f)
		return true;
	/* What changes the direction of text, or cannot be seen: Unicode TR 36. */
	return code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
		(code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x2069) ||
		code == 0xfeff;
}

static int add_plain(struct buffer *out, const char *c, size_t length, bool json)
{
	if (!json)
		return buffer_add(out, c, length);
	switch (*c) {
	case '"':
		return buffer_add(out, "\\\"", 2);
	case '\\':
		return buffer_add(out, "\\\\", 2);
	case '\n':
		return buffer_add(out, "\\n", 2);
	case '\t':
		return buffer_add(out, "\\t", 2);
	default:
		return buffer_add(out, c, length);
	}
}

static int escape(struct buffer *out, const char *bytes, size_t n, bool json)
{
	static const char digits[] = "0123456789abcdef";
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0;) {
		uint32_t code = 0;
		size_t length = utf8((const unsigned char *)bytes + i, n - i, &code);

		if (length && !is_hidden(code)) {
			rc = add_plain(out, bytes + i, length, json);
			i += length;
			continue;
		}
		if (bytes[i] == '\r' && i + 1 < n && bytes[i + 1] == '\n') {
			i++;
			continue;
		}
		for (size_t end = i + (length ? length : 1); i < end && rc == 0; i++) {
			unsigned char b = (unsigned char)bytes[i];
			char text[] = {'\\', '\\', 'x', digits[b >> 4], digits[b & 15]};

			rc = buffer_add(out, json ? text : text + 1, json ? 5 : 4);
		}
	}
	return rc;
}

int log_escape(struct buffer *out, const char *bytes, size_t n)
{
	return escape(out, bytes, n, false);
}

int log_escape_json(struct buffer *out, const char *bytes, size_t n)
{
	return escape(out, bytes, n, true);
}
