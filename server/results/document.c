#include "server/results/document.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

static int wrong(struct fault *f, const char *at, const char *key, const char *what)
{
	return fault_set(f, EINVAL, "result: %s/%s %s", at, key, what);
}

/* 1: it is there, 0: it may be absent, -EINVAL. */
static int member(const json_t *o, const char *at, const char *key, bool needed, json_t **out,
	struct fault *f)
{
	*out = json_object_get(o, key);
	if (*out && !json_is_null(*out))
		return 1;
	return needed ? wrong(f, at, key, "is missing") : 0;
}

int document_text(const json_t *o, const char *at, const char *key, bool needed, char *out,
	size_t room, struct fault *f)
{
	json_t *value;
	int rc = member(o, at, key, needed, &value, f);

	if (rc <= 0)
		return rc;
	if (!json_is_string(value))
		return wrong(f, at, key, "must be a string");
	if (json_string_length(value) >= room ||
		strlen(json_string_value(value)) != json_string_length(value))
		return wrong(f, at, key, "is too long or holds a NUL");
	memcpy(out, json_string_value(value), json_string_length(value) + 1);
	return 0;
}

int document_count(const json_t *o, const char *at, const char *key, bool needed, int64_t *out,
	struct fault *f)
{
	json_t *value;
	int rc = member(o, at, key, needed, &value, f);

	if (rc <= 0)
		return rc;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
		json_integer_value(value) > DOCUMENT_COUNT_MAX)
		return wrong(f, at, key, "must be an integer from 0 to 2^53");
	*out = json_integer_value(value);
	return 0;
}

int document_numbers(const json_t *o, const char *at, const char *key, bool needed, double **out,
	size_t *n, struct fault *f)
{
	json_t *list, *item;
	double *values;
	size_t i;
	int rc = member(o, at, key, needed, &list, f);

	*out = NULL;
	*n = 0;
	if (rc <= 0)
		return rc;
	if (!json_is_array(list))
		return wrong(f, at, key, "must be an array of numbers");
	values = calloc(json_array_size(list) + 1, sizeof(*values));
	if (!values)
		return fault_set(f, ENOMEM, "result: no memory");
	json_array_foreach (list, i, item) {
		values[i] = json_number_value(item);
		if (!json_is_number(item) || !isfinite(values[i])) {
			free(values);
			return wrong(f, at, key, "must be an array of numbers");
		}
	}
	*out = values;
	*n = json_array_size(list);
	return 0;
}

int document_time(const json_t *o, const char *at, const char *key, int64_t *out, struct fault *f)
{
	char text[64] = "";
	int rc = document_text(o, at, key, false, text, sizeof(text), f);

	if (rc || !text[0])
		return rc;
	return clock_parse_rfc3339(text, out) ? wrong(f, at, key, "is no RFC 3339 time") : 0;
}

int document_part(const json_t *o, const char *key, char **out, struct fault *f)
{
	json_t *value = json_object_get(o, key);

	if (!value || json_is_null(value))
		return 0;
	*out = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	return *out ? 0 : fault_set(f, ENOMEM, "result: no memory");
}
