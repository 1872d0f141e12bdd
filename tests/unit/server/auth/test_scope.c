/* Scopes: words to bits and back, and what each allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "server/auth/scope.h"

static void words_become_bits_and_words_again(void **state)
{
	char text[SCOPES_TEXT_BYTES];
	unsigned bits;

	assert_int_equal(scopes_parse("submit,read", &bits, NULL), 0);
	assert_int_equal(bits, SCOPE_BIT(SCOPE_READ) | SCOPE_BIT(SCOPE_SUBMIT));
	scopes_print(bits, text);
	assert_string_equal(text, "read,submit");
	scopes_print(SCOPE_ALL, text);
	assert_string_equal(text, "read,submit,agent,admin");
	assert_int_equal(scopes_parse(text, &bits, NULL), 0);
	assert_int_equal(bits, SCOPE_ALL);
}

static void what_is_no_scope_is_named(void **state)
{
	static const char *const texts[] = {
		"", "root", "read,", ",read", "read submit", "public", "READ"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct fault f = {0};
		unsigned bits;

		assert_int_equal(scopes_parse(texts[i], &bits, &f), -EINVAL);
		assert_non_null(strstr(f.text, "read, submit, agent, admin"));
	}
}

static void each_scope_is_only_itself_but_admin(void **state)
{
	for (int have = SCOPE_READ; have <= SCOPE_ADMIN; have++) {
		assert_true(scopes_allow(SCOPE_BIT(have), SCOPE_PUBLIC));
		for (int want = SCOPE_READ; want <= SCOPE_ADMIN; want++)
			assert_int_equal(scopes_allow(SCOPE_BIT(have), (enum scope)want),
				have == want || (have == SCOPE_ADMIN && want != SCOPE_AGENT));
	}
	assert_true(scopes_allow(0, SCOPE_PUBLIC));
	assert_false(scopes_allow(0, SCOPE_READ));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_become_bits_and_words_again),
		cmocka_unit_test(what_is_no_scope_is_named),
		cmocka_unit_test(each_scope_is_only_itself_but_admin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
