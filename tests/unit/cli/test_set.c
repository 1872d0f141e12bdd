#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "cli/set.h"
#include "common/cleanup.h"

static void expect(const char *before, const char *assignment, const char *after)
{
	json_t *document = json_loads(before, 0, NULL);
	_cleanup_free_ char *text = NULL;
	struct fault f;

	assert_int_equal(set_apply(document, assignment, &f), 0);
	text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, after);
	json_decref(document);
}

static void values_are_json_or_text(void **state)
{
	expect("{}", "a=1", "{\"a\":1}");
	expect("{}", "a=x y", "{\"a\":\"x y\"}");
	expect("{}", "a=", "{\"a\":\"\"}");
	expect("{}", "a=b=c", "{\"a\":\"b=c\"}");
	expect("{}", "a=\"1\"", "{\"a\":\"1\"}");
	expect("{}", "a=null", "{\"a\":null}");
	expect("{}", "a=[1,\"b\"]", "{\"a\":[1,\"b\"]}");
	expect("{\"a\":{\"b\":1,\"c\":2}}", "a.b=true", "{\"a\":{\"b\":true,\"c\":2}}");
	expect("{\"a\":null}", "a.b.c=0.5", "{\"a\":{\"b\":{\"c\":0.5}}}");
	/* A dot behind the first equals sign belongs to the value. */
	expect("{}", "a=1.2.3", "{\"a\":\"1.2.3\"}");
}

static void mistakes_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "a", "=1", ".a=1", "a.=1", "a..b=1", "b.c=1", "a=\xff"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *document = json_loads("{\"b\":[1]}", 0, NULL);
		struct fault f;

		assert_int_equal(set_apply(document, bad[i], &f), -EINVAL);
		json_decref(document);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_json_or_text),
		cmocka_unit_test(mistakes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
