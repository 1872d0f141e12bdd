#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "common/cleanup.h"
#include "protocols/job/job.h"

static json_t *load(const char *name)
{
	char path[128];
	json_error_t why;
	json_t *doc;

	snprintf(path, sizeof(path), "protocols/vectors/job/%s.json", name);
	doc = json_load_file(path, 0, &why);
	if (!doc)
		fail_msg("%s: %s", path, why.text);
	return doc;
}

static char *dump(const json_t *doc)
{
	return json_dumps(doc, JSON_SORT_KEYS | JSON_COMPACT);
}

static void valid_documents_print_canonically(void **state)
{
	json_t *list = load("valid"), *item;
	size_t i;

	json_array_foreach (list, i, item) {
		_cleanup_(job_freep) struct job *job = NULL, *again = NULL;
		_cleanup_free_ char *expected = dump(json_object_get(item, "canonical"));
		_cleanup_free_ char *text = NULL, *text_again = NULL;
		json_t *printed, *printed_again;
		struct job_error e;

		if (job_parse(json_object_get(item, "document"), &job, &e))
			fail_msg("%s: %s at %s", json_string_value(json_object_get(item, "why")),
				e.fault.text, e.pointer);
		printed = job_print(job);
		text = dump(printed);
		assert_string_equal(text, expected);
		assert_int_equal(job_parse(printed, &again, &e), 0);
		printed_again = job_print(again);
		text_again = dump(printed_again);
		assert_string_equal(text_again, expected);
		json_decref(printed);
		json_decref(printed_again);
	}
	assert_true(i >= 8);
	json_decref(list);
}

static void mistakes_are_named_by_pointer(void **state)
{
	json_t *list = load("invalid"), *item;
	size_t i;

	json_array_foreach (list, i, item) {
		const char *pointer = json_string_value(json_object_get(item, "pointer"));
		const char *says = json_string_value(json_object_get(item, "says"));
		bool known = json_is_true(json_object_get(item, "known"));
		struct job *job = NULL;
		struct job_error e;

		if (job_parse(json_object_get(item, "document"), &job, &e) != -EINVAL)
			fail_msg("case %zu (%s: %s) was taken", i, pointer, says);
		assert_null(job);
		assert_string_equal(e.pointer, pointer);
		if (!strstr(e.fault.text, says))
			fail_msg("case %zu at %s: \"%s\" does not say \"%s\"", i, pointer,
				e.fault.text, says);
		assert_int_equal(known, e.known != NULL);
	}
	assert_true(i >= 60);
	json_decref(list);
}

static struct job *parse(const char *text)
{
	json_t *doc = json_loads(text, 0, NULL);
	struct job *job = NULL;
	struct job_error e;

	assert_non_null(doc);
	if (job_parse(doc, &job, &e))
		fail_msg("%s at %s", e.fault.text, e.pointer);
	json_decref(doc);
	return job;
}

#define IMAGE "\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""

static void fields_are_typed(void **state)
{
	_cleanup_(job_freep) struct job *job = parse(
		"{\"name\":\"a\",\"image\":" IMAGE ","
		"\"board\":{\"type\":\"t\",\"tags\":[\"x\",\"y\"]},\"timeouts_s\":{\"boot\":0.5},"
		"\"phases\":{\"warm\":{\"iterations\":7}},\"labels\":{\"z\":\"1\",\"a\":\"2\"}}");

	assert_string_equal(
		job->image, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	assert_int_equal(job->board.n_tags, 2);
	assert_string_equal(job->board.tags[1], "y");
	assert_int_equal(job->timeouts.stage_ms[STAGE_BOOT], 500);
	assert_int_equal(job->timeouts.queue_ms, 86400000);
	assert_true(job->phases.warm.run);
	assert_int_equal(job->phases.warm.iterations, 7);
	assert_int_equal(job->phases.warm.warmup, JOB_WARM_WARMUP);
	assert_false(job->phases.cold.run);
	assert_false(job->phases.memory);
	assert_string_equal(job->labels[0].key, "a");
	assert_string_equal(job_label(job, "z"), "1");
	assert_null(job_label(job, "b"));
}

static void patterns_come_compiled(void **state)
{
	_cleanup_(job_freep) struct job *job = parse(
		"{\"name\":\"a\",\"image\":" IMAGE ","
		"\"board\":{\"type\":\"t\"},\"protocol\":\"lines\",\"lines\":{\"end\":\"^done\","
		"\"patterns\":[{\"metric\":\"m\",\"regex\":\"took ([0-9.]+) us\"}]}}");
	struct regex_span number;

	assert_int_equal(
		regex_match(job->lines.patterns[0].compiled, "it took 12.5 us", 15, &number), 1);
	assert_int_equal(number.start, 8);
	assert_int_equal(number.end, 12);
	assert_int_equal(regex_match(job->lines.end_compiled, "not done", 8, NULL), 0);
	assert_int_equal(regex_match(job->lines.end_compiled, "done", 4, NULL), 1);
	assert_null(job->lines.fail);
}

/* What n the job gives, and whether the criterion can be judged on it. */
static void criteria_need_enough_samples(void **state)
{
	static const struct {
		const char *phases, *metric;
		bool good;
		const char *says;
	} cases[] = {
		{"{\"cold\":{\"boots\":5}}", "cold.latency_us.p50", false, "n >= 6"},
		{"{\"cold\":{\"boots\":6}}", "cold.latency_us.p50", true, ""},
		{"{\"warm\":{\"iterations\":71}}", "warm.latency_us.p95", false, "n = 71"},
		{"{\"warm\":{\"iterations\":72}}", "warm.latency_us.p95", true, ""},
		{"{\"warm\":{\"iterations\":367}}", "warm.latency_us.p99", false, "n >= 368"},
		{"{\"warm\":{\"iterations\":184,\"boots\":2}}", "warm.latency_us.p99", true, ""},
		{"{\"warm\":{\"iterations\":1}}", "warm.latency_us.max", true, ""},
		{"{\"warm\":true}", "cold.latency_us.max", false, "does not run the phase cold"},
		{"{\"warm\":true}", "memory.flash_bytes.value", false,
			"does not run the phase memory"},
		{"{\"energy\":{\"iterations\":71}}", "energy.energy_uJ.p95", false, "n >= 72"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(job_freep) struct job *job = NULL;
		struct job_error e = {0};
		char text[512];

		snprintf(text, sizeof(text),
			"{\"name\":\"a\",\"image\":" IMAGE ",\"board\":{\"type\":\"t\"},"
			"\"phases\":%s,\"criteria\":[{\"metric\":\"%s\",\"max\":1}]}",
			cases[i].phases, cases[i].metric);
		job = parse(text);
		assert_int_equal(job_check_criteria(job, &e), cases[i].good ? 0 : -EINVAL);
		assert_non_null(strstr(e.fault.text, cases[i].says));
		assert_string_equal(e.pointer, cases[i].good ? "" : "/criteria/0/metric");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_documents_print_canonically),
		cmocka_unit_test(mistakes_are_named_by_pointer),
		cmocka_unit_test(fields_are_typed),
		cmocka_unit_test(patterns_come_compiled),
		cmocka_unit_test(criteria_need_enough_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
