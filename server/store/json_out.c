#include "server/store/json_out.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/numbers.h"

static void add(struct json_out *o, const void *data, size_t n)
{
	if (!o->rc)
		o->rc = buffer_add(o->b, data, n);
}

static void element(struct json_out *o)
{
	if (o->comma)
		add(o, ",", 1);
	o->comma = true;
}

void jo_open(struct json_out *o, char bracket)
{
	element(o);
	add(o, &bracket, 1);
	o->comma = false;
}

void jo_close(struct json_out *o, char bracket)
{
	add(o, &bracket, 1);
	o->comma = true;
}

void jo_key(struct json_out *o, const char *name)
{
	char text[72];
	size_t n = strlen(name), at = 0;

	if (n > sizeof(text) - 4) {
		jo_key_any(o, name);
		return;
	}
	if (o->comma)
		text[at++] = ',';
	text[at++] = '"';
	memcpy(text + at, name, n);
	at += n;
	text[at++] = '"';
	text[at++] = ':';
	add(o, text, at);
	o->comma = false;
}

void jo_key_any(struct json_out *o, const char *name)
{
	jo_text(o, name);
	add(o, ":", 1);
	o->comma = false;
}

static void escaped(struct json_out *o, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *found = c ? strchr(from, c) : NULL;
	char text[8];

	if (found)
		snprintf(text, sizeof(text), "\\%c", to[found - from]);
	else
		snprintf(text, sizeof(text), "\\u%04x", c);
	add(o, text, strlen(text));
}

void jo_text(struct json_out *o, const char *text)
{
	const char *from = text;

	if (!text) {
		jo_null(o);
		return;
	}
	element(o);
	add(o, "\"", 1);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		add(o, from, (size_t)(text - from));
		escaped(o, c);
		from = text + 1;
	}
	add(o, from, (size_t)(text - from));
	add(o, "\"", 1);
}

void jo_int(struct json_out *o, int64_t value)
{
	char text[24], *at = text + sizeof(text);
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		*--at = '-';
	element(o);
	add(o, at, (size_t)(text + sizeof(text) - at));
}

void jo_number(struct json_out *o, double value)
{
	char text[32];
	double again;

	if (!isfinite(value)) {
		jo_null(o);
		return;
	}
	if (value == floor(value) && fabs(value) < 1e15) {
		jo_int(o, (int64_t)value);
		return;
	}
	/* The shortest that reads back the same, for the values that were decimal once. */
	snprintf(text, sizeof(text), "%.15g", value);
	if (number_f64(text, -DBL_MAX, DBL_MAX, &again) || again != value)
		snprintf(text, sizeof(text), "%.17g", value);
	element(o);
	add(o, text, strlen(text));
}

void jo_bool(struct json_out *o, bool value)
{
	element(o);
	add(o, value ? "true" : "false", value ? 4 : 5);
}

void jo_null(struct json_out *o)
{
	element(o);
	add(o, "null", 4);
}

void jo_time(struct json_out *o, int64_t wall_ms)
{
	char text[CLOCK_RFC3339_BYTES];

	clock_format_rfc3339(wall_ms, text);
	element(o);
	add(o, "\"", 1);
	add(o, text, strlen(text));
	add(o, "\"", 1);
}

void jo_splice(struct json_out *o, const char *json, size_t n)
{
	element(o);
	add(o, json, n);
}

void jo_put_text(struct json_out *o, const char *key, const char *text)
{
	jo_key(o, key);
	jo_text(o, text);
}

void jo_put_int(struct json_out *o, const char *key, int64_t value)
{
	jo_key(o, key);
	jo_int(o, value);
}

void jo_put_bool(struct json_out *o, const char *key, bool value)
{
	jo_key(o, key);
	jo_bool(o, value);
}

void jo_put_number(struct json_out *o, const char *key, double value)
{
	jo_key(o, key);
	jo_number(o, value);
}

void jo_put_null(struct json_out *o, const char *key)
{
	jo_key(o, key);
	jo_null(o);
}

void jo_put_splice(struct json_out *o, const char *key, const char *json)
{
	jo_key(o, key);
	if (json && json[0])
		jo_splice(o, json, strlen(json));
	else
		jo_null(o);
}
