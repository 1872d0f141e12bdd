#include "server/store/csv_out.h"

#include <string.h>

#include "server/store/json_out.h"

void csv_text(struct buffer *out, const char *text)
{
	if (text[0] && strchr("=+-@\t\r", text[0])) {
		buffer_add_text(out, "\"'");
	} else if (!text[strcspn(text, ",\"\r\n")]) {
		buffer_add_text(out, text);
		return;
	} else {
		buffer_add_text(out, "\"");
	}
	for (; *text; text++) {
		if (*text == '"')
			buffer_add_text(out, "\"");
		buffer_add(out, text, 1);
	}
	buffer_add_text(out, "\"");
}

void csv_number(struct buffer *out, double value)
{
	struct json_out o = JSON_OUT(out);

	jo_number(&o, value);
}
