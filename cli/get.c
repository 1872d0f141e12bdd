#include "cli/get.h"

#include <math.h>

const char *get_text(const json_t *obj, const char *key)
{
	const char *text = json_string_value(json_object_get(obj, key));

	return text ? text : "";
}

const char *get_text_or_null(const json_t *obj, const char *key)
{
	const char *text = json_string_value(json_object_get(obj, key));

	return text && *text ? text : NULL;
}

int64_t get_i64(const json_t *obj, const char *key)
{
	return json_integer_value(json_object_get(obj, key));
}

double get_f64(const json_t *obj, const char *key)
{
	const json_t *value = json_object_get(obj, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

bool get_bool(const json_t *obj, const char *key)
{
	return json_is_true(json_object_get(obj, key));
}
