/* A token's text: made, taken apart, told from another kind and from what is damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "server/auth/token.h"

static void what_is_made_is_taken_apart_again(void **state)
{
	for (int kind = TOKEN_ACCESS; kind <= TOKEN_ENROLMENT; kind++) {
		char text[TOKEN_TEXT_BYTES], other[TOKEN_TEXT_BYTES];
		struct token_parts made, parts = {0}, unused;

		token_make((enum token_kind)kind, text, &made);
		assert_int_equal(strlen(text), TOKEN_TEXT_BYTES - 1);
		assert_true(token_parse((enum token_kind)kind, text, &parts));
		assert_string_equal(parts.public, made.public);
		assert_true(token_same(parts.hash, made.hash));
		assert_false(token_parse((enum token_kind) !kind, text, &unused));
		token_make((enum token_kind)kind, other, &unused);
		assert_string_not_equal(text, other);
		assert_false(token_same(unused.hash, made.hash));
	}
}

static void what_is_damaged_is_none_or_another(void **state)
{
	char text[TOKEN_TEXT_BYTES], damaged[TOKEN_TEXT_BYTES + 1];
	struct token_parts made, parts;

	token_make(TOKEN_ACCESS, text, &made);
	for (size_t i = 0; i < TOKEN_TEXT_BYTES - 1; i++) {
		memcpy(damaged, text, sizeof(text));
		damaged[i] = '!';
		if (token_parse(TOKEN_ACCESS, damaged, &parts))
			fail_msg("'%s' was taken", damaged);
		damaged[i] = 0; /* cut */
		assert_false(token_parse(TOKEN_ACCESS, damaged, &parts));
	}
	memcpy(damaged, text, sizeof(text));
	damaged[TOKEN_TEXT_BYTES - 1] = 'A';
	damaged[TOKEN_TEXT_BYTES] = 0;
	assert_false(token_parse(TOKEN_ACCESS, damaged, &parts));
	memcpy(damaged, text, sizeof(text));
	damaged[TOKEN_TEXT_BYTES - 5] = text[TOKEN_TEXT_BYTES - 5] == 'A' ? 'B' : 'A';
	assert_true(token_parse(TOKEN_ACCESS, damaged, &parts));
	assert_string_equal(parts.public, made.public);
	assert_false(token_same(parts.hash, made.hash));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_is_taken_apart_again),
		cmocka_unit_test(what_is_damaged_is_none_or_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
