/*
 * The argument vector: constants and the administrator's files; everything else in the
 * environment.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agent/openocd/script.h"

static struct board_config board(void)
{
	struct board_config b = {.name = "nucleo-1", .n_openocd = 2};

	snprintf(b.openocd[0], sizeof(b.openocd[0]), "interface/stlink.cfg");
	snprintf(b.openocd[1], sizeof(b.openocd[1]), "target/stm32f4x.cfg");
	return b;
}

static const char *find(const char *const *list, const char *prefix)
{
	for (; *list; list++) {
		if (!strncmp(*list, prefix, strlen(prefix)))
			return *list;
	}
	return NULL;
}

static void test_ports_are_off_before_any_file(void **state)
{
	static const char *const start[] = {"openocd", "-c", "gdb_port disabled", "-c",
		"telnet_port disabled", "-c", "tcl_port disabled", "-f", "interface/stlink.cfg",
		"-f", "target/stm32f4x.cfg", "-c"};
	struct board_config b = board();
	struct openocd_script s;

	for (int a = 0; a < OPENOCD_ACTIONS; a++) {
		assert_int_equal(openocd_script_make(a, &b, "/tmp/x", &s, NULL), 0);
		for (size_t i = 0; i < sizeof(start) / sizeof(start[0]); i++)
			assert_string_equal(s.argv[i], start[i]);
		/* gdb's OpenOCD ends with its input. */
		assert_int_equal(strstr(s.argv[12], "shutdown") == NULL, a == OPENOCD_GDB);
		assert_null(s.argv[13]);
	}
}

/* A path or a serial that is Tcl reaches OpenOCD only as an environment variable. */
static void test_values_travel_in_the_environment(void **state)
{
	static const char evil[] = "/x/[exec touch pwned]\"; exec touch pwned; #";
	struct board_config b = board();
	struct openocd_script s;

	snprintf(b.probe_serial, sizeof(b.probe_serial), "06[exec ls]");
	assert_int_equal(openocd_script_make(OPENOCD_PROGRAM, &b, evil, &s, NULL), 0);
	for (size_t i = 0; s.argv[i]; i++)
		assert_null(strstr(s.argv[i], "exec"));
	assert_string_equal(find(s.env, "HILDA_IMAGE=") + 12, evil);
	assert_string_equal(find(s.env, "HILDA_PROBE_SERIAL=") + 19, "06[exec ls]");
	assert_non_null(find(s.argv, "adapter serial $::env(HILDA_PROBE_SERIAL)"));
	assert_null(find(s.env, "HILDA_TOKEN"));
}

static void test_what_each_action_does(void **state)
{
	struct board_config b = board();
	struct openocd_script s;

	assert_int_equal(openocd_script_make(OPENOCD_PROGRAM, &b, "/i", &s, NULL), 0);
	assert_non_null(strstr(s.argv[12], "flash write_image erase"));
	assert_non_null(strstr(s.argv[12], "verify_image"));
	assert_int_equal(openocd_script_make(OPENOCD_LOAD, &b, "/i", &s, NULL), 0);
	assert_null(strstr(s.argv[12], "flash"));
	assert_non_null(strstr(s.argv[12], "load_image"));
	assert_non_null(strstr(s.argv[12], "verify_image"));
	assert_int_equal(openocd_script_make(OPENOCD_RESET, &b, NULL, &s, NULL), 0);
	assert_null(strstr(s.argv[12], "image"));
	assert_null(find(s.env, "HILDA_IMAGE="));
	assert_int_equal(openocd_script_make(OPENOCD_EXAMINE, &b, NULL, &s, NULL), 0);
	assert_null(strstr(s.argv[12], "reset"));
}

static void test_refusals(void **state)
{
	struct board_config b = board();
	struct openocd_script s;
	struct fault f = {0};
	char path[SCRIPT_ENV_BYTES + 1];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	assert_int_equal(openocd_script_make(OPENOCD_LOAD, &b, path, &s, &f), -ENAMETOOLONG);
	b.n_openocd = 0;
	assert_int_equal(openocd_script_make(OPENOCD_LOAD, &b, "/i", &s, &f), -EINVAL);
	assert_non_null(strstr(f.text, "board nucleo-1 has no probe: set `openocd ="));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports_are_off_before_any_file),
		cmocka_unit_test(test_values_travel_in_the_environment),
		cmocka_unit_test(test_what_each_action_does),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
