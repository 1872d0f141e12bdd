#include "protocols/job/substitute.h"

#include <errno.h>
#include <string.h>

#include "common/buffer.h"
#include "common/cleanup.h"

char *substitute_format(const json_t *value)
{
	return json_is_string(value) ? strdup(json_string_value(value))
				     : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

static const json_t *find(
	const struct substitute_variable *variables, size_t n, const char *name, size_t bytes)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(variables[i].name) == bytes && !memcmp(variables[i].name, name, bytes))
			return variables[i].value;
	}
	return NULL;
}

static int unknown(const char *name, size_t bytes, const struct substitute_variable *variables,
	size_t n, const struct doc_at *at, struct job_error *e)
{
	char list[512];
	size_t used = 0;

	list[0] = '\0';
	for (size_t i = 0; i < n && used < sizeof(list); i++)
		used += snprintf(
			list + used, sizeof(list) - used, "%s%s", i ? ", " : "", variables[i].name);
	return doc_fail(e, at, NULL, "${%.*s} is not a variable of this suite; known are: %s",
		(int)(bytes < 64 ? bytes : 64), name, list);
}

/* p is behind `${`; *end is set behind `}`. */
static int add_value(struct buffer *b, const char *p, const char **end,
	const struct substitute_variable *variables, size_t n, const struct doc_at *at,
	struct job_error *e)
{
	const char *close = strchr(p, '}');
	_cleanup_free_ char *text = NULL;
	const json_t *value;

	if (!close)
		return doc_fail(e, at, NULL, "${ has no closing }");
	value = find(variables, n, p, close - p);
	if (!value)
		return unknown(p, close - p, variables, n, at, e);
	text = substitute_format(value);
	if (!text)
		return doc_no_memory(e);
	*end = close + 1;
	return buffer_add_text(b, text);
}

int substitute_text(const char *text, const struct substitute_variable *variables, size_t n,
	size_t max, const struct doc_at *at, char **out, struct job_error *e)
{
	_cleanup_(buffer_done) struct buffer b = BUFFER_INIT(max);
	const char *p = text;
	int err = 0;

	while (!err && *p) {
		size_t plain = strcspn(p, "$");

		err = buffer_add(&b, p, plain);
		p += plain;
		if (err || !*p)
			break;
		if (!strncmp(p, "$${", 3)) {
			err = buffer_add_text(&b, "${");
			p += 3;
		} else if (!strncmp(p, "${", 2)) {
			err = add_value(&b, p + 2, &p, variables, n, at, e);
			if (err == -EINVAL)
				return err;
		} else {
			err = buffer_add(&b, p++, 1);
		}
	}
	if (err == -EFBIG)
		return doc_fail(e, at, NULL, "is over %zu bytes with its values put in", max);
	if (err)
		return doc_no_memory(e);
	*out = b.data ? take_ptr(b.data) : strdup("");
	return *out ? 0 : doc_no_memory(e);
}

/* Not NULL when the text is nothing but one `${name}`. */
static const json_t *whole_value(
	const char *text, const struct substitute_variable *variables, size_t n)
{
	size_t bytes = strlen(text);

	if (bytes < 4 || strncmp(text, "${", 2) || strchr(text, '}') != text + bytes - 1)
		return NULL;
	return find(variables, n, text + 2, bytes - 3);
}

static int substitute_string(const json_t *value, const struct substitute_variable *variables,
	size_t n, size_t max, const struct doc_at *at, json_t **out, struct job_error *e)
{
	const char *text = json_string_value(value);
	const json_t *whole = whole_value(text, variables, n);
	_cleanup_free_ char *made = NULL;
	int err;

	if (whole) {
		*out = json_deep_copy(whole);
	} else {
		err = substitute_text(text, variables, n, max, at, &made, e);
		if (err)
			return err;
		*out = json_string(made);
	}
	return *out ? 0 : doc_no_memory(e);
}

int substitute_json(const json_t *value, const struct substitute_variable *variables, size_t n,
	size_t max, const struct doc_at *at, json_t **out, struct job_error *e)
{
	json_t *copy, *child, *made;
	const char *key;
	size_t i;
	int err = 0;

	if (json_is_string(value))
		return substitute_string(value, variables, n, max, at, out, e);
	if (!json_is_object(value) && !json_is_array(value)) {
		*out = json_deep_copy(value);
		return *out ? 0 : doc_no_memory(e);
	}
	copy = json_is_object(value) ? json_object() : json_array();
	if (!copy)
		return doc_no_memory(e);
	json_object_foreach ((json_t *)value, key, child) {
		struct doc_at here = DOC_KEY(at, key);

		err = substitute_json(child, variables, n, max, &here, &made, e);
		if (!err && json_object_set_new(copy, key, made))
			err = doc_no_memory(e);
		if (err)
			break;
	}
	for (i = 0; !err && json_is_array(value) && i < json_array_size(value); i++) {
		struct doc_at here = DOC_INDEX(at, i);

		err = substitute_json(json_array_get(value, i), variables, n, max, &here, &made, e);
		if (!err && json_array_append_new(copy, made))
			err = doc_no_memory(e);
	}
	if (err)
		json_decref(copy);
	else
		*out = copy;
	return err;
}
