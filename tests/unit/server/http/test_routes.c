/* The matcher, the table's own sanity, and that the table and the REST contract say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ctype.h>

#include "server/http/route.h"

#define CONTRACT "protocols/rest/openapi.json"

static struct route_match find(const char *method, const char *path)
{
	struct route_match m = {0};

	route_find(routes, n_routes, method, path, &m);
	return m;
}

static void numbers_words_and_hashes_are_told_apart(void **state)
{
	struct route_match m = find("GET", "/api/v1/jobs/17");
	char hash[65];

	assert_non_null(m.route);
	assert_string_equal(m.route->pattern, "/api/v1/jobs/{id}");
	assert_int_equal(m.id, 17);
	m = find("GET", "/api/v1/boards/m55-1");
	assert_non_null(m.route);
	assert_string_equal(m.name, "m55-1");
	memset(hash, 'a', 64);
	hash[64] = 0;
	char path[128];
	snprintf(path, sizeof(path), "/api/v1/artifacts/%s", hash);
	m = find("PUT", path);
	assert_non_null(m.route);
	assert_string_equal(m.name, hash);
	path[strlen(path) - 1] = 'A';
	assert_null(find("PUT", path).route);
}

static void a_format_stands_behind_an_id(void **state)
{
	struct route_match m = find("GET", "/api/v1/suite-runs/17.csv");

	assert_non_null(m.route);
	assert_string_equal(m.route->pattern, "/api/v1/suite-runs/{id}.csv");
	assert_int_equal(m.id, 17);
	assert_string_equal(
		find("GET", "/api/v1/suite-runs/17").route->pattern, "/api/v1/suite-runs/{id}");
	assert_null(find("GET", "/api/v1/suite-runs/17.pdf").route);
	assert_null(find("GET", "/api/v1/suite-runs/.csv").route);
	assert_null(find("GET", "/api/v1/suite-runs/x.csv").route);
	assert_null(find("GET", "/api/v1/suite-runs/17csv").route);
}

static void what_is_no_route_is_none(void **state)
{
	static const char *const paths[] = {"", "/", "//", "/api/v1/jobs/", "/api/v1/jobs//log",
		"/api/v1/jobs/x", "/api/v1/jobs/-1", "/api/v1/jobs/1/log/", "/api/v1/jobs/1/",
		"api/v1/jobs", "/api/v1/jobs/18446744073709551616",
		"/api/v1/jobs/9223372036854775808", "/api/v1", "/api/v1/boards/"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct route_match m = find("GET", paths[i]);

		if (m.route || m.path_known)
			fail_msg("'%s' matched", paths[i]);
	}
}

static void another_method_lists_those_that_do(void **state)
{
	struct route_match m = find("PUT", "/api/v1/jobs");

	assert_null(m.route);
	assert_true(m.path_known);
	assert_non_null(strstr(m.allow, "GET"));
	assert_non_null(strstr(m.allow, "HEAD"));
	assert_non_null(strstr(m.allow, "POST"));
	m = find("HEAD", "/api/v1/jobs/1");
	assert_non_null(m.route);
	assert_string_equal(m.route->method, "GET");
}

static void a_name_that_is_too_long_does_not_match(void **state)
{
	char path[400] = "/api/v1/boards/";
	size_t n = strlen(path);

	memset(path + n, 'x', REQUEST_NAME_BYTES - 1);
	path[n + REQUEST_NAME_BYTES - 1] = 0;
	assert_non_null(find("GET", path).route);
	memset(path + n, 'x', REQUEST_NAME_BYTES);
	path[n + REQUEST_NAME_BYTES] = 0;
	assert_null(find("GET", path).route);
}

static void every_line_is_reached_and_whole(void **state)
{
	for (size_t i = 0; i < n_routes; i++) {
		const struct route *r = &routes[i];

		assert_non_null(r->handler);
		assert_int_equal(r->body == BODY_NONE, r->body_max == 0);
		assert_int_equal(r->body == BODY_FLOW, r->flow != NULL);
		assert_true(strlen(r->method) < 8);
		for (size_t k = 0; k < i; k++)
			if (strcmp(routes[k].method, r->method) == 0)
				assert_string_not_equal(routes[k].pattern, r->pattern);
		/* Agents' calls need an agent's scope, but for the one that buys it; nothing else does. */
		assert_int_equal(r->scope == SCOPE_AGENT,
			strncmp(r->pattern, "/agent/", 7) == 0 &&
				strcmp(r->pattern, "/agent/v1/enroll") != 0);
	}
}

static void lower(const char *text, char out[16])
{
	size_t i = 0;

	for (; text[i] && i < 15; i++)
		out[i] = (char)tolower((unsigned char)text[i]);
	out[i] = 0;
}

static json_t *contract(void)
{
	json_error_t error;
	json_t *doc = json_load_file(CONTRACT, 0, &error);

	if (!doc)
		fail_msg("%s: %s (line %d)", CONTRACT, error.text, error.line);
	assert_string_equal(json_string_value(json_object_get(doc, "openapi")), "3.1.0");
	return doc;
}

static void every_route_is_in_the_contract_with_its_scope_and_body(void **state)
{
	json_t *doc = contract(), *paths = json_object_get(doc, "paths");

	for (size_t i = 0; i < n_routes; i++) {
		const struct route *r = &routes[i];
		char method[16];
		json_t *op;

		lower(r->method, method);
		op = json_object_get(json_object_get(paths, r->pattern), method);
		if (!op)
			fail_msg("%s %s is not in the contract", r->method, r->pattern);
		assert_string_equal(
			json_string_value(json_object_get(op, "x-scope")), scope_name(r->scope));
		assert_int_equal(json_object_get(op, "requestBody") != NULL, r->body != BODY_NONE);
		json_t *content = json_object_get(json_object_get(op, "requestBody"), "content");
		if (r->body == BODY_JSON)
			assert_non_null(json_object_get(content, "application/json"));
		else if (r->body != BODY_NONE)
			assert_non_null(json_object_get(content, "application/octet-stream"));
	}
	json_decref(doc);
}

static void everything_in_the_contract_is_a_route(void **state)
{
	json_t *doc = contract(), *path, *op;
	const char *pattern, *method;
	size_t n = 0;

	json_object_foreach (json_object_get(doc, "paths"), pattern, path) {
		json_object_foreach (path, method, op) {
			bool found = false;

			for (size_t i = 0; i < n_routes && !found; i++) {
				char lowered[16];

				lower(routes[i].method, lowered);
				found = strcmp(lowered, method) == 0 &&
					strcmp(routes[i].pattern, pattern) == 0;
			}
			if (!found)
				fail_msg("%s %s has no route", method, pattern);
			n++;
		}
	}
	assert_int_equal(n, n_routes);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_format_stands_behind_an_id),
		cmocka_unit_test(numbers_words_and_hashes_are_told_apart),
		cmocka_unit_test(what_is_no_route_is_none),
		cmocka_unit_test(another_method_lists_those_that_do),
		cmocka_unit_test(a_name_that_is_too_long_does_not_match),
		cmocka_unit_test(every_line_is_reached_and_whole),
		cmocka_unit_test(every_route_is_in_the_contract_with_its_scope_and_body),
		cmocka_unit_test(everything_in_the_contract_is_a_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
