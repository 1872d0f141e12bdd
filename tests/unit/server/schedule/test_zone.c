/* Time zones: what the files say, what a broken one gives, and which names are near a wrong one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "server/schedule/zones.h"

#define NOON_2026_07_01 INT64_C(1782907200)
#define NOON_2100_01_01 INT64_C(4102488000)

static void offsets_are_those_of_the_zone(void **state)
{
	static const struct {
		const char *zone;
		int64_t at_s;
		int32_t offset_s;
	} cases[] = {
		{"UTC", NOON_2026_07_01, 0}, {"Europe/Berlin", NOON_2026_07_01, 7200},
		{"Europe/Berlin", NOON_2100_01_01, 3600},
		{"Europe/Berlin", -3000000000, 3208}, /* local mean time */
		{"America/New_York", NOON_2026_07_01, -4 * 3600},
		{"Australia/Lord_Howe", NOON_2026_07_01, 37800},
		{"Australia/Lord_Howe", NOON_2100_01_01, 39600},
		{"America/St_Johns", NOON_2100_01_01, -12600},
		{"Europe/Dublin", NOON_2100_01_01, 0}, /* winter time is its daylight saving time */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(zone_freep) struct zone *z = NULL;
		struct fault f = {0};
		struct zone_span span;

		if (zones_load(ZONES_FOLDER, cases[i].zone, &z, NULL, &f))
			fail_msg("%s", f.text);
		span = zone_at(z, cases[i].at_s);
		if (span.offset_s != cases[i].offset_s)
			fail_msg("%s: %d", cases[i].zone, span.offset_s);
		assert_true(span.start_s <= cases[i].at_s && cases[i].at_s < span.end_s);
	}
}

static void a_wrong_name_says_which_ones_are_near(void **state)
{
	static const char *const cases[][2] = {
		{"Europe/Berlni", "Europe/Berlin"},
		{"europe/berlin", "Europe/Berlin"},
		{"Berlin", "Europe/Berlin"},
		{"America/NewYork", "America/New_York"},
		{"Utc", "UTC"},
	};
	struct zones_near near;
	struct zone *z = NULL;
	struct fault f;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(zones_load(ZONES_FOLDER, cases[i][0], &z, &near, &f), -EINVAL);
		assert_non_null(strstr(f.text, cases[i][0]));
		assert_non_null(strstr(f.text, cases[i][1]));
		if (strcmp(near.names[0], cases[i][1]))
			fail_msg("%s: the nearest is %s", cases[i][0], near.names[0]);
	}
}

static void a_name_is_never_a_way_out_of_the_folder(void **state)
{
	static const char *const names[] = {"", "..", "../../etc/passwd", "/etc/localtime",
		"Europe/", "Europe//Berlin", "Europe/../UTC", "Europe", "zone.tab\n", "tzdata.zi",
		"Atlantis/Poseidonis"};
	struct zone *z = NULL;
	struct fault f;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (zones_load(ZONES_FOLDER, names[i], &z, NULL, &f) != -EINVAL)
			fail_msg("\"%s\" is taken", names[i]);
		assert_null(z);
	}
}

static void a_file_that_is_cut_off_or_changed_does_no_harm(void **state)
{
	_cleanup_free_ char *data = NULL;
	struct fault f = {0};
	size_t n;

	assert_int_equal(
		file_read(ZONES_FOLDER "/Europe/Berlin", ZONE_FILE_MAX_BYTES, &data, &n, &f), 0);
	for (size_t cut = 0; cut < n; cut++) {
		struct zone *z = NULL;

		if (zone_parse(data, cut, &z, &f) != -EINVAL)
			fail_msg("the first %zu of %zu bytes are taken", cut, n);
	}
	for (size_t i = 0; i < n; i++) {
		_cleanup_(zone_freep) struct zone *z = NULL;

		data[i] ^= (char)0xff;
		if (!zone_parse(data, n, &z, &f))
			zone_first(z, NOON_2026_07_01);
		data[i] ^= (char)0xff;
	}
}

/* A file of one kind of time and a footer. */
static int parse_footer(const char *footer, struct zone **z)
{
	unsigned char file[256] = "TZif2";
	size_t n = 44 + 6 + 4;
	struct fault f;

	file[39] = 1; /* one kind of time */
	file[43] = 4; /* "XXX\0" */
	memcpy(file + n, file, n);
	n *= 2;
	n += (size_t)snprintf((char *)file + n, sizeof(file) - n, "\n%s\n", footer);
	return zone_parse(file, n, z, &f);
}

static void the_rule_of_the_years_to_come(void **state)
{
	static const struct {
		const char *footer;
		int64_t at_s;
		int32_t offset_s;
	} cases[] = {
		{"", NOON_2026_07_01, 0}, {"XXX3", NOON_2026_07_01, -10800},
		{"<+0330>-3:30", NOON_2026_07_01, 12600},
		{"AAA-1BBB,M3.5.0,M10.5.0/3", NOON_2026_07_01, 7200},
		{"AAA-1BBB,J60,J300", 1772323199, 3600}, /* 2026-03-01T00:59:59+01: 1 March at 2 */
		{"AAA-1BBB,J60,J300", 1772326800, 7200},
		{"AAA-1BBB,J60,J300", 1709254799, 3600}, /* the same day of a leap year */
		{"AAA-1BBB,J60,J300", 1709254800, 7200}, {"AAA-1BBB,59/2,299/2", 1772326800, 7200},
		{"AAA-1BBB,59/2,299/2", 1709168400,
			7200}, /* day 59 of a leap year is 29 February */
		{"AAA3BBB,M3.4.4/50,M10.4.4/50", NOON_2026_07_01, -7200},
		{"EST5EDT,0/0,J365/25", NOON_2100_01_01, -14400}, /* for ever: RFC 8536, 3.3.1 */
	};
	static const char *const wrong[] = {"A", "AAA", "AAA-25", "AAA-1BBB", "AAA-1BBB,M3.5.0",
		"AAA-1BBB,M13.5.0,M10.5.0", "AAA-1BBB,M3.6.0,M10.5.0", "AAA-1BBB,M3.5.7,M10.5.0",
		"AAA-1BBB,J0,J300", "AAA-1BBB,366,300", "AAA-1BBB,M3.5.0/168,M10.5.0", "<+03-3",
		"AAA-1BBB,M3.5.0,M10.5.0x", "AAA99999999999999999999"};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(zone_freep) struct zone *z = NULL;

		assert_int_equal(parse_footer(cases[i].footer, &z), 0);
		if (zone_at(z, cases[i].at_s).offset_s != cases[i].offset_s)
			fail_msg("\"%s\" at %lld: %d", cases[i].footer, (long long)cases[i].at_s,
				zone_at(z, cases[i].at_s).offset_s);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_(zone_freep) struct zone *z = NULL;

		if (parse_footer(wrong[i], &z) != -EINVAL)
			fail_msg("\"%s\" is taken", wrong[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_are_those_of_the_zone),
		cmocka_unit_test(a_wrong_name_says_which_ones_are_near),
		cmocka_unit_test(a_name_is_never_a_way_out_of_the_folder),
		cmocka_unit_test(a_file_that_is_cut_off_or_changed_does_no_harm),
		cmocka_unit_test(the_rule_of_the_years_to_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
