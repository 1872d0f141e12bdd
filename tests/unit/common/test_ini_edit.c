/* Keys are set where they stand, the rest is as people wrote it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "common/ini_edit.h"

static const struct ini_line lines[] = {{"name", "bench-3"}, {"ca", "/etc/x.ca"}};

static void becomes(const char *before, const char *after)
{
	struct buffer out = BUFFER_INIT(4096);

	assert_int_equal(ini_edit(before, "agent", lines, 2, &out), 0);
	assert_string_equal(out.data, after);
	buffer_clear(&out);
	/* Once more changes nothing. */
	assert_int_equal(ini_edit(after, "agent", lines, 2, &out), 0);
	assert_string_equal(out.data, after);
	buffer_done(&out);
}

static void keys_are_replaced_where_they_stand(void **state)
{
	becomes("; mine\n[agent]\nname=old\n  goes on\ndata = /d ; here\nca : y\n[board b]\nname = b\n",
		"; mine\n[agent]\nname = bench-3\ndata = /d ; here\nca = /etc/x.ca\n[board b]\nname = b\n");
	becomes("[agent]\nname = a\nname = b\nnames = c\n",
		"[agent]\nname = bench-3\nnames = c\nca = /etc/x.ca\n");
}

static void missing_ones_come_to_the_end_of_the_section(void **state)
{
	becomes("[agent]\ndata = /d\n\n[board b]\n",
		"[agent]\ndata = /d\nname = bench-3\nca = /etc/x.ca\n\n[board b]\n");
	becomes("[board b]\nca = b\n[agent]",
		"[board b]\nca = b\n[agent]\nname = bench-3\nca = /etc/x.ca\n");
}

static void a_missing_section_is_made(void **state)
{
	becomes("", "[agent]\nname = bench-3\nca = /etc/x.ca\n");
	becomes("[agent x]\nname = a\n",
		"[agent x]\nname = a\n\n[agent]\nname = bench-3\nca = /etc/x.ca\n");
}

static void a_limit_is_kept(void **state)
{
	struct buffer out = BUFFER_INIT(8);

	assert_int_equal(ini_edit("[agent]\n", "agent", lines, 2, &out), -EFBIG);
	buffer_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_replaced_where_they_stand),
		cmocka_unit_test(missing_ones_come_to_the_end_of_the_section),
		cmocka_unit_test(a_missing_section_is_made),
		cmocka_unit_test(a_limit_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
