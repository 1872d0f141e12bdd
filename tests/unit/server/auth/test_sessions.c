/* Sessions of browsers: begun, found, over, ended, and what becomes of the oldest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "server/auth/sessions.h"

static struct sessions sessions;

static void one_is_found_until_its_time_is_over(void **state)
{
	struct session made, found;

	sessions_init(&sessions);
	sessions_begin(&sessions, 7, 1000, &made);
	assert_int_equal(strlen(made.id), SESSION_WORD_BYTES - 1);
	assert_string_not_equal(made.id, made.csrf);
	assert_true(sessions_find(&sessions, made.id, 1000 + SESSION_TERM_MS - 1, &found));
	assert_int_equal(found.token, 7);
	assert_string_equal(found.csrf, made.csrf);
	assert_false(sessions_find(&sessions, made.id, 1000 + SESSION_TERM_MS, &found));
	assert_false(sessions_find(&sessions, "", 1000, &found));
	assert_false(sessions_find(&sessions, made.csrf, 1000, &found));
	sessions_done(&sessions);
}

static void one_that_was_ended_is_none(void **state)
{
	struct session made, found;

	sessions_init(&sessions);
	sessions_begin(&sessions, 7, 1000, &made);
	sessions_end(&sessions, made.csrf); /* nobody's */
	assert_true(sessions_find(&sessions, made.id, 1001, &found));
	sessions_end(&sessions, made.id);
	assert_false(sessions_find(&sessions, made.id, 1001, &found));
	sessions_done(&sessions);
}

static void the_oldest_makes_room(void **state)
{
	struct session first, second, more, found;

	sessions_init(&sessions);
	sessions_begin(&sessions, 1, 1000, &first);
	sessions_begin(&sessions, 2, 1001, &second);
	for (int i = 2; i < SESSIONS_MAX; i++)
		sessions_begin(&sessions, 3, 2000, &more);
	assert_true(sessions_find(&sessions, first.id, 2001, &found));
	sessions_begin(&sessions, 4, 2000, &more);
	assert_false(sessions_find(&sessions, first.id, 2001, &found));
	assert_true(sessions_find(&sessions, second.id, 2001, &found));
	assert_true(sessions_find(&sessions, more.id, 2001, &found));
	sessions_done(&sessions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_found_until_its_time_is_over),
		cmocka_unit_test(one_that_was_ended_is_none),
		cmocka_unit_test(the_oldest_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
