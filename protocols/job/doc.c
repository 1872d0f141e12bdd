#include "protocols/job/doc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/hex.h"

/* Writes the pointer of `at` into out, the root's part first; a step that does not fit is left out. */
static void format_pointer(const struct doc_at *at, char *out, size_t room)
{
	size_t n;

	if (!at || !at->up) {
		out[0] = '\0';
		return;
	}
	format_pointer(at->up, out, room);
	n = strlen(out);
	if (!at->key) {
		snprintf(out + n, room - n, "/%zu", at->index);
		return;
	}
	if (n + 2 * strlen(at->key) + 2 > room)
		return;
	out[n++] = '/';
	for (const char *p = at->key; *p; p++) {
		if (*p == '~' || *p == '/') {
			out[n++] = '~';
			out[n++] = *p == '~' ? '0' : '1';
		} else {
			out[n++] = *p;
		}
	}
	out[n] = '\0';
}

int doc_fail(struct job_error *e, const struct doc_at *at, const char *const *known,
	const char *format, ...)
{
	char text[FAULT_TEXT_BYTES - 64];
	va_list args;

	if (!e)
		return -EINVAL;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	format_pointer(at, e->pointer, sizeof(e->pointer));
	e->known = known;
	return fault_set(&e->fault, EINVAL, "%s", text);
}

int doc_no_memory(struct job_error *e)
{
	if (e) {
		e->pointer[0] = '\0';
		e->known = NULL;
		fault_set(&e->fault, ENOMEM, "out of memory while reading the document");
	}
	return -ENOMEM;
}

static const char *type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "text";
	case JSON_INTEGER:
		return "a whole number";
	case JSON_REAL:
		return "a number with a fraction";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		return "null";
	}
	return "something else";
}

static void join(const char *const *names, char *out, size_t room)
{
	size_t n = 0;

	out[0] = '\0';
	for (; *names && n < room; names++)
		n += snprintf(out + n, room - n, "%s%s", n ? ", " : "", *names);
}

/* NULL when the key is absent or null. */
static const json_t *member(const json_t *obj, const char *key)
{
	const json_t *value = obj ? json_object_get(obj, key) : NULL;

	return json_is_null(value) ? NULL : value;
}

int doc_object(
	const json_t *value, const struct doc_at *at, const char *const *known, struct job_error *e)
{
	const char *key;
	json_t *unused;
	char list[512];

	if (!json_is_object(value))
		return doc_fail(e, at, NULL, "must be an object, is %s", type_name(value));
	if (!known)
		return 0;
	json_object_foreach ((json_t *)value, key, unused) {
		const char *const *k = known;
		struct doc_at here = DOC_KEY(at, key);

		while (*k && strcmp(*k, key))
			k++;
		if (*k)
			continue;
		join(known, list, sizeof(list));
		return doc_fail(
			e, &here, known, "unknown key \"%.80s\"; known here are: %s", key, list);
	}
	return 0;
}

int doc_member(const json_t *obj, const struct doc_at *at, const char *key,
	const char *const *known, json_t **out, struct job_error *e)
{
	const json_t *value = member(obj, key);
	struct doc_at here = DOC_KEY(at, key);
	int err;

	if (!value)
		return 0;
	err = doc_object(value, &here, known, e);
	if (!err)
		*out = (json_t *)value;
	return err;
}

int doc_array(const json_t *obj, const struct doc_at *at, const char *key, size_t max, json_t **out,
	struct job_error *e)
{
	const json_t *value = member(obj, key);
	struct doc_at here = DOC_KEY(at, key);

	if (!value)
		return 0;
	if (!json_is_array(value))
		return doc_fail(e, &here, NULL, "must be an array, is %s", type_name(value));
	if (json_array_size(value) > max)
		return doc_fail(e, &here, NULL, "has %zu elements; at most %zu are allowed",
			json_array_size(value), max);
	*out = (json_t *)value;
	return 0;
}

int doc_text_of(
	const json_t *value, const struct doc_at *at, size_t max, char **out, struct job_error *e)
{
	const char *text = json_string_value(value);
	size_t n = json_string_length(value);
	char *copy;

	if (!text)
		return doc_fail(e, at, NULL, "must be text, is %s", type_name(value));
	if (!n || n > max)
		return doc_fail(e, at, NULL, "has %zu bytes; 1 to %zu are allowed", n, max);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return doc_fail(e, at, NULL,
				"holds the control character \\x%02x; one line of text is allowed",
				(unsigned char)text[i]);
	}
	copy = strdup(text);
	if (!copy)
		return doc_no_memory(e);
	free(*out);
	*out = copy;
	return 0;
}

int doc_text(const json_t *obj, const struct doc_at *at, const char *key, size_t max, char **out,
	struct job_error *e)
{
	const json_t *value = member(obj, key);
	struct doc_at here = DOC_KEY(at, key);

	return value ? doc_text_of(value, &here, max, out, e) : 0;
}

bool doc_is_word(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._+:-";
	size_t n = strlen(text);

	return n && n <= JOB_WORD_MAX && strspn(text, allowed) == n;
}

int doc_word_of(const json_t *value, const struct doc_at *at, char **out, struct job_error *e)
{
	int err;

	if (json_is_string(value) && json_string_length(value) <= JOB_WORD_MAX &&
		!doc_is_word(json_string_value(value)))
		return doc_fail(e, at, NULL,
			"\"%s\" is not a name: letters, digits and . _ + : - are allowed",
			json_string_value(value));
	err = doc_text_of(value, at, JOB_WORD_MAX, out, e);
	return err;
}

int doc_word(const json_t *obj, const struct doc_at *at, const char *key, char **out,
	struct job_error *e)
{
	const json_t *value = member(obj, key);
	struct doc_at here = DOC_KEY(at, key);

	return value ? doc_word_of(value, &here, out, e) : 0;
}

int doc_u32(const json_t *obj, const struct doc_at *at, const char *key, uint32_t min, uint32_t max,
	uint32_t *out, struct job_error *e)
{
	const json_t *value = member(obj, key);
	struct doc_at here = DOC_KEY(at, key);
	json_int_t number;

	if (!value)
		return 0;
	if (!json_is_integer(value))
		return doc_fail(e, &here, NULL, "must be a whole number, is %s", type_name(value));
	number = json_integer_value(value);
	if (number < (json_int_t)min || number > (json_int_t)max)
		return doc_fail(
			e, &here, NULL, "%lld is outside %u to %u", (long long)number, min, max);
	*out = (uint32_t)number;
	return 0;
}

int doc_f64(const json_t *obj, const struct doc_at *at, const char *key, double min, double max,
	double *out, struct job_error *e)
{
	const json_t *value = member(obj, key);
	struct doc_at here = DOC_KEY(at, key);
	double number;

	if (!value)
		return 0;
	if (!json_is_number(value))
		return doc_fail(e, &here, NULL, "must be a number, is %s", type_name(value));
	number = json_number_value(value);
	if (!(number >= min && number <= max))
		return doc_fail(
			e, &here, NULL, "%.17g is outside %.17g to %.17g", number, min, max);
	*out = number;
	return 0;
}

int doc_bool(
	const json_t *obj, const struct doc_at *at, const char *key, bool *out, struct job_error *e)
{
	const json_t *value = member(obj, key);
	struct doc_at here = DOC_KEY(at, key);

	if (!value)
		return 0;
	if (!json_is_boolean(value))
		return doc_fail(e, &here, NULL, "must be true or false, is %s", type_name(value));
	*out = json_is_true(value);
	return 0;
}

int doc_choice(const json_t *obj, const struct doc_at *at, const char *key,
	const char *const *names, int *out, struct job_error *e)
{
	const json_t *value = member(obj, key);
	struct doc_at here = DOC_KEY(at, key);
	char list[256];

	if (!value)
		return 0;
	if (!json_is_string(value))
		return doc_fail(e, &here, names, "must be text, is %s", type_name(value));
	for (int i = 0; names[i]; i++) {
		if (!strcmp(names[i], json_string_value(value))) {
			*out = i;
			return 0;
		}
	}
	join(names, list, sizeof(list));
	return doc_fail(
		e, &here, names, "\"%.80s\" is not one of: %s", json_string_value(value), list);
}

int doc_sha256(const json_t *obj, const struct doc_at *at, const char *key, char out[65],
	bool *found, struct job_error *e)
{
	static const char prefix[] = "sha256:";
	const json_t *value = member(obj, key);
	struct doc_at here = DOC_KEY(at, key);
	const char *text;

	*found = false;
	if (!value)
		return 0;
	text = json_string_value(value);
	if (!text || strncmp(text, prefix, strlen(prefix)) || !hex_is_sha256(text + strlen(prefix)))
		return doc_fail(e, &here, NULL,
			"must be \"sha256:\" and 64 lower-case hexadecimal digits, the hash of an "
			"uploaded file");
	memcpy(out, text + strlen(prefix), 65);
	*found = true;
	return 0;
}
