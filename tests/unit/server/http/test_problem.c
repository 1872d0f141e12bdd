/* Problem documents: their members, and what an operation's rc means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "server/http/problem.h"

static json_t *document(struct problem *p)
{
	char *text = problem_json(p);
	json_t *doc;

	assert_non_null(text);
	doc = json_loads(text, 0, NULL);
	assert_non_null(doc);
	free(text);
	return doc;
}

static const char *text_of(json_t *doc, const char *key)
{
	return json_string_value(json_object_get(doc, key));
}

static void members_are_there_where_they_help(void **state)
{
	static const char *const known[] = {"a", "b", NULL};
	struct problem p;
	json_t *doc;

	problem_set(&p, PROBLEM_BAD_JOB, "no %s", "such thing");
	doc = document(&p);
	assert_string_equal(text_of(doc, "type"), "/problems/bad-job");
	assert_string_equal(text_of(doc, "detail"), "no such thing");
	assert_int_equal(json_integer_value(json_object_get(doc, "status")), 400);
	assert_null(json_object_get(doc, "pointer"));
	assert_null(json_object_get(doc, "known"));
	json_decref(doc);

	problem_set(&p, PROBLEM_BAD_JOB, "x");
	problem_pointer(&p, "");
	p.known = known;
	p.extra = json_pack("{s:i}", "have", 5);
	doc = document(&p);
	assert_string_equal(text_of(doc, "pointer"), "");
	assert_int_equal(json_array_size(json_object_get(doc, "known")), 2);
	assert_int_equal(json_integer_value(json_object_get(doc, "have")), 5);
	json_decref(doc);
}

static void bytes_that_are_no_text_do_not_break_the_document(void **state)
{
	struct problem p;
	json_t *doc;

	problem_set(&p, PROBLEM_BAD_QUERY, "not '\xff\x01'");
	doc = document(&p);
	assert_string_equal(text_of(doc, "detail"), "not '?\x01'");
	json_decref(doc);
}

static void each_kind_has_slug_title_and_a_status_of_an_error(void **state)
{
	for (int kind = PROBLEM_NONE + 1; kind < PROBLEM_COUNT; kind++) {
		assert_non_null(problem_slug(kind));
		assert_in_range(problem_status(kind), 400, 599);
		for (int other = PROBLEM_NONE + 1; other < kind; other++)
			assert_string_not_equal(problem_slug(kind), problem_slug(other));
	}
}

static void return_codes_mean_what_the_store_says(void **state)
{
	static const struct {
		int rc, status;
	} cases[] = {{-EINVAL, 400}, {-ENOENT, 404}, {-ESTALE, 409}, {-EOWNERDEAD, 409},
		{-EEXIST, 409}, {-EBUSY, 409}, {-EAGAIN, 503}, {-ESHUTDOWN, 503}, {-ENOSPC, 507},
		{-EIO, 500}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct problem p;

		problem_from_rc(&p, cases[i].rc, NULL);
		assert_int_equal(problem_status(p.kind), cases[i].status);
		assert_true(p.detail[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_there_where_they_help),
		cmocka_unit_test(bytes_that_are_no_text_do_not_break_the_document),
		cmocka_unit_test(each_kind_has_slug_title_and_a_status_of_an_error),
		cmocka_unit_test(return_codes_mean_what_the_store_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
