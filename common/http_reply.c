#include "common/http_reply.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/numbers.h"

#define RETRY_AFTER_MAX_S 86400

/* The value of "Name: value\r\n" into out when the name fits. */
static bool header_value(const char *line, size_t n, const char *name, char *out, size_t room)
{
	size_t k = strlen(name);

	if (n <= k || strncasecmp(line, name, k) || line[k] != ':')
		return false;
	line += k + 1;
	n -= k + 1;
	while (n && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	while (n && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' '))
		n--;
	if (n >= room)
		return false;
	memcpy(out, line, n);
	out[n] = 0;
	return true;
}

void http_reply_header(struct http_reply *reply, const char *line, size_t n)
{
	char value[sizeof(reply->location)];
	uint64_t number;

	if (header_value(line, n, "Location", value, sizeof(value))) {
		snprintf(reply->location, sizeof(reply->location), "%s", value);
	} else if (header_value(line, n, "Upload-Offset", value, sizeof(value))) {
		if (!number_u64(value, 0, INT64_MAX, &number))
			reply->upload_offset = (int64_t)number;
	} else if (header_value(line, n, "Retry-After", value, sizeof(value))) {
		if (!number_u64(value, 0, RETRY_AFTER_MAX_S, &number))
			reply->retry_after_ms = (int64_t)number * 1000;
	}
}

void http_reply_done(struct http_reply *reply)
{
	buffer_done(&reply->body);
}

int http_reply_fault(const struct http_reply *reply, struct fault *f)
{
	json_t *doc = reply->body.n ? json_loadb(reply->body.data, reply->body.n, 0, NULL) : NULL;
	const char *title = json_string_value(json_object_get(doc, "title"));
	const char *detail = json_string_value(json_object_get(doc, "detail"));
	const char *pointer = json_string_value(json_object_get(doc, "pointer"));
	json_t *known = json_object_get(doc, "known"), *item;
	struct buffer text = BUFFER_INIT(FAULT_TEXT_BYTES);
	size_t i, n = 0;

	/* A longer one is cut, so that there are words in any case. */
	if (detail || title)
		buffer_printf(&text, "%.*s", FAULT_TEXT_BYTES - 1, detail ? detail : title);
	else
		buffer_printf(&text, "the server answered with HTTP status %d", reply->status);
	if (pointer && *pointer)
		buffer_printf(&text, " (at %s)", pointer);
	json_array_foreach (known, i, item) {
		if (json_is_string(item))
			buffer_printf(
				&text, "%s%s", n++ ? ", " : "; known: ", json_string_value(item));
	}
	fault_set(f, EPROTO, "%s", text.data ? text.data : "");
	buffer_done(&text);
	json_decref(doc);
	return -EPROTO;
}
