#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "protocols/job/metric.h"

static void every_metric_of_the_table_has_an_address_and_words(void **state)
{
	const struct metric_info *m;
	size_t n = 0;

	for (; (m = metric_at(n)); n++) {
		struct metric_address a;
		char text[METRIC_ADDRESS_BYTES], back[METRIC_ADDRESS_BYTES];
		struct fault f;

		snprintf(text, sizeof(text), "%s.%s.%s", m->phase, m->metric,
			m->samples ? "p95" : "value");
		assert_int_equal(metric_parse(text, &a, NULL, &f), 0);
		metric_format(&a, back);
		assert_string_equal(back, text);
		assert_ptr_equal(metric_find(m->phase, m->metric), m);
		assert_true(strlen(m->help) > 20 && m->help[strlen(m->help) - 1] == '.');
	}
	assert_true(n > 20);
	assert_null(metric_at(n + 1));
}

static void statistics_have_names_and_words(void **state)
{
	for (int i = 0; i < METRIC_STAT_COUNT; i++) {
		enum metric_stat s;

		assert_int_equal(metric_stat_parse(metric_stat_name(i), &s), 0);
		assert_int_equal(s, i);
		assert_true(strlen(metric_stat_help(i)) > 10);
	}
	assert_int_equal(metric_quantile_needs(METRIC_STAT_P50), 6);
	assert_int_equal(metric_quantile_needs(METRIC_STAT_P95), 72);
	assert_int_equal(metric_quantile_needs(METRIC_STAT_P99), 368);
	assert_int_equal(metric_quantile_needs(METRIC_STAT_MAX), 0);
}

static void bad_addresses_name_what_would_do(void **state)
{
	static const char *const bad[] = {"", ".", "..", "warm", "warm.latency_us",
		"warm.latency_us.", ".latency_us.p95", "warm..p95", "warm.latency_us.p95.x",
		"lines.9a.max", "averyveryverylongphase.a.p95"};
	const char *const *known;
	struct metric_address a;
	struct fault f;
	int n = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(metric_parse(bad[i], &a, NULL, &f), -EINVAL);
	assert_int_equal(metric_parse("warm.speed.p95", &a, &known, &f), -EINVAL);
	assert_string_equal(known[0], "latency_us");
	while (known[n])
		n++;
	for (size_t i = 0; metric_at(i); i++)
		n -= !strcmp(metric_at(i)->phase, "warm");
	assert_int_equal(n, 0);
	assert_int_equal(metric_parse("lines.anything_1.max", &a, &known, &f), 0);
	assert_null(known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_metric_of_the_table_has_an_address_and_words),
		cmocka_unit_test(statistics_have_names_and_words),
		cmocka_unit_test(bad_addresses_name_what_would_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
