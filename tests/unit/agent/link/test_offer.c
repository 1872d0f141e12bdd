#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "agent/link/offer.h"

#define HASH "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static json_t *good(void)
{
	return json_pack("{s:i, s:i, s:i, s:s, s:i, s:{s:s, s:i}, s:[], s:{s:s}}", "run", 42, "job",
		17, "attempt", 1, "board", "m55-1", "epoch", 18, "image", "sha256", HASH, "bytes",
		1, "files", "document", "name", "x");
}

static void a_whole_offer_is_read(void **state)
{
	json_t *json = good();
	struct offer *o;
	struct fault f;

	assert_int_equal(offer_parse(json, &o, &f), 0);
	json_decref(json);
	assert_int_equal(o->run, 42);
	assert_int_equal(o->job, 17);
	assert_int_equal(o->epoch, 18);
	assert_string_equal(o->board, "m55-1");
	assert_string_equal(o->image, HASH);
	/* Its own reference. */
	assert_string_equal(json_string_value(json_object_get(o->document, "name")), "x");
	offer_free(o);
}

static void what_is_absent_is_named(void **state)
{
	static const struct {
		const char *key;
		const char *word;
	} rows[] = {{"run", "run"}, {"job", "job"}, {"epoch", "epoch"}, {"board", "board"},
		{"image", "image"}, {"document", "document"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *json = good();
		struct offer *o;
		struct fault f;

		json_object_del(json, rows[i].key);
		assert_int_equal(offer_parse(json, &o, &f), -EPROTO);
		assert_non_null(strstr(f.text, rows[i].word));
		json_decref(json);
	}
}

static void a_hash_that_is_a_path_is_refused(void **state)
{
	json_t *json = good();
	struct offer *o;
	struct fault f;

	json_object_set_new(
		json_object_get(json, "image"), "sha256", json_string("../../etc/passwd"));
	assert_int_equal(offer_parse(json, &o, &f), -EPROTO);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_offer_is_read),
		cmocka_unit_test(what_is_absent_is_named),
		cmocka_unit_test(a_hash_that_is_a_path_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
