#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

/* What one call writes to stderr. */
static void capture(char *out, size_t room, void (*speak)(void))
{
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	speak();
	dup2(saved, STDERR_FILENO);
	close(fds[1]);
	n = read(fds[0], out, room - 1);
	out[n > 0 ? n : 0] = 0;
	close(fds[0]);
	close(saved);
}

static void speak_hostile(void)
{
	log_warning("it said", LOG_U64("job", 7), LOG_STR("text", "a\"b\n<3>level=error \x1b[2J"));
}

static void hostile_text_stays_in_its_field(void **state)
{
	char text[512];

	capture(text, sizeof(text), speak_hostile);
	assert_string_equal(text,
		"<4>level=warning msg=\"it said\" job=7 "
		"text=\"a\\\"b\\x0a<3>level=error \\x1b[2J\"\n");
}

static void speak_long(void)
{
	static char big[10000];

	memset(big, 'x', sizeof(big) - 1);
	log_info(big);
}

static void a_long_line_is_still_one_line(void **state)
{
	static char text[20000];

	capture(text, sizeof(text), speak_long);
	assert_int_equal(strlen(text), 4096);
	assert_ptr_equal(strchr(text, '\n'), text + 4095);
}

static void speak_debug(void)
{
	log_debug("hidden");
}

static void levels_filter(void **state)
{
	enum log_level level;
	char text[256];

	capture(text, sizeof(text), speak_debug);
	assert_string_equal(text, "");
	assert_int_equal(log_level_parse("debug", &level), 0);
	log_set_level(level);
	capture(text, sizeof(text), speak_debug);
	assert_string_equal(text, "<7>level=debug msg=hidden\n");
	assert_int_not_equal(log_level_parse("loud", &level), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_text_stays_in_its_field),
		cmocka_unit_test(a_long_line_is_still_one_line),
		cmocka_unit_test(levels_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
