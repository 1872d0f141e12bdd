#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "common/random.h"

static void hex_has_its_length_and_is_never_the_same(void **state)
{
	char a[2 * 70 + 2], b[2 * 70 + 2];

	for (size_t n = 1; n <= 70; n++) {
		memset(a, '!', sizeof(a));
		random_hex(n, a);
		assert_int_equal(strlen(a), 2 * n);
		assert_int_equal(strspn(a, "0123456789abcdef"), 2 * n);
		assert_int_equal(a[2 * n + 1], '!');
	}
	random_hex(70, b);
	assert_string_not_equal(a, b);
	/* Blocks are drawn anew: 32 bytes are one. */
	assert_memory_not_equal(a, a + 64, 64);
}

static void numbers_are_below_their_bound(void **state)
{
	unsigned seen = 0;

	for (int i = 0; i < 1000; i++) {
		uint32_t x = random_below(5);

		assert_true(x < 5);
		seen |= 1u << x;
	}
	assert_int_equal(seen, 31);
	assert_int_equal(random_below(1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex_has_its_length_and_is_never_the_same),
		cmocka_unit_test(numbers_are_below_their_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
