#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/ini.h"

static const char good[] = "; a comment\n"
			   "[agent]\n"
			   "name = bench-3\n"
			   "lease = 60s\n"
			   "\n"
			   "[board m55-1]\n"
			   "virtual = mps3-an547  ; inline\n"
			   "tags = a, b\n";

static void sections_have_kinds_and_names(void **state)
{
	struct ini *ini = NULL;
	struct ini_section *s;
	struct fault f;
	int64_t ms;

	assert_int_equal(ini_from_text(good, "x.ini", &ini, &f), 0);
	s = ini_section_find(ini, "agent", "");
	assert_non_null(s);
	assert_string_equal(ini_get(s, "name"), "bench-3");
	assert_int_equal(ini_get_duration_ms(s, "lease", 1, 100000, &ms, &f), 0);
	assert_int_equal(ms, 60000);
	s = ini_section_at(ini, 1);
	assert_string_equal(ini_section_kind(s), "board");
	assert_string_equal(ini_section_name(s), "m55-1");
	assert_string_equal(ini_get(s, "virtual"), "mps3-an547");
	assert_string_equal(ini_section_unused(s), "tags");
	assert_int_equal(ini_check_used(ini, &f), -EINVAL);
	assert_string_equal(f.text, "x.ini:8: unknown key 'tags' in [board m55-1]");
	assert_non_null(ini_get(s, "tags"));
	assert_null(ini_section_unused(s));
	assert_int_equal(ini_check_used(ini, &f), 0);
	ini_free(ini);
}

/* One section, however many blanks stand in its header. */
static void blanks_in_a_header_do_not_matter(void **state)
{
	struct ini *ini = NULL;
	struct fault f = {0};

	if (ini_from_text("[board  m55-1]\na = 1\nb = 2\n", "x.ini", &ini, &f))
		fail_msg("%s", f.text);
	assert_string_equal(ini_get(ini_section_find(ini, "board", "m55-1"), "b"), "2");
	assert_null(ini_section_at(ini, 1));
	ini_free(ini);
}

static void bad_text_names_the_line(void **state)
{
	static const struct {
		const char *text;
		const char *words;
	} rows[] = {
		{"x = 1\n", "x.ini:1: 'x' stands before the first [section]"},
		{"[a]\nk = 1\nk = 2\n", "x.ini:3: 'k' was set in line 2 already"},
		{"[a]\nk = 1\n[b]\nk = 1\n[a]\nj = 1\n",
			"x.ini:6: the section [a] stands in line 2 already"},
		{"[a]\nnonsense\n", "x.ini:2: not 'key = value' and not a [section]"},
	};
	struct ini *ini = NULL;
	struct fault f;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(ini_from_text(rows[i].text, "x.ini", &ini, &f), -EINVAL);
		assert_string_equal(f.text, rows[i].words);
		assert_null(ini);
	}
}

static void a_long_line_is_refused_not_split(void **state)
{
	struct ini *ini = NULL;
	struct fault f;
	char text[700];

	memset(text, 'x', sizeof(text));
	memcpy(text, "[a]\nkey = ", 10);
	text[sizeof(text) - 2] = '\n';
	text[sizeof(text) - 1] = 0;
	assert_int_equal(ini_from_text(text, "x.ini", &ini, &f), -EINVAL);
	assert_non_null(strstr(f.text, "x.ini:2: the line is longer"));
}

static void values_out_of_range_say_so(void **state)
{
	struct ini *ini = NULL;
	struct ini_section *s;
	struct fault f;
	uint64_t v = 5;
	bool yes = true;

	assert_int_equal(ini_from_text("[a]\nn = 70000\nb = maybe\n", "x.ini", &ini, &f), 0);
	s = ini_section_find(ini, "a", "");
	assert_int_equal(ini_get_u64(s, "n", 0, 1, 65535, &v, &f), -EINVAL);
	assert_string_equal(f.text, "x.ini:2: n = 70000 is not a number from 1 to 65535");
	assert_int_equal(ini_get_bool(s, "b", false, &yes, &f), -EINVAL);
	assert_int_equal(v, 5);
	ini_free(ini);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_have_kinds_and_names),
		cmocka_unit_test(blanks_in_a_header_do_not_matter),
		cmocka_unit_test(bad_text_names_the_line),
		cmocka_unit_test(a_long_line_is_refused_not_split),
		cmocka_unit_test(values_out_of_range_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
