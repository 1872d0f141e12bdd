#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "agent/settings.h"

static int parse(const char *text, struct agent_settings **out, struct fault *f)
{
	return settings_parse(text, "agent.ini", out, f);
}

static void the_example_of_the_help_is_read(void **state)
{
	const char *example = strstr(settings_help, "Example:\n");
	struct agent_settings *s;
	struct fault f;
	char text[4096];
	size_t n = 0;

	assert_non_null(example);
	/* As a user would paste it: without the indent. */
	for (const char *p = strchr(example, '\n') + 1; *p; p++) {
		if (!(p[-1] == '\n' && *p == ' ') && !(p[-2] == '\n' && p[-1] == ' ' && *p == ' '))
			text[n++] = *p;
	}
	text[n] = '\0';
	if (parse(text, &s, &f))
		fail_msg("%s", f.text);
	assert_string_equal(s->name, "bench-3");
	assert_int_equal(s->n_boards, 3);
	assert_string_equal(s->boards[0].openocd[1], "target/stm32f4x.cfg");
	assert_string_equal(s->boards[0].ppk2_serial, "E1B2C3");
	assert_int_equal(s->boards[0].power_kind, POWER_PPK2);
	assert_int_equal(s->boards[0].ppk2_mode, PPK2_SOURCE);
	assert_int_equal(s->boards[0].power_mV, 3300);
	assert_true(s->boards[0].memory[0].flash);
	assert_int_equal(s->boards[0].memory[1].base, 0x20000000);
	assert_int_equal(s->boards[0].memory[1].bytes, 128 * 1024);
	assert_true(board_config_has_tag(&s->boards[0], "ppk2"));
	assert_false(board_config_has_tag(&s->boards[0], "ppk"));
	assert_true(s->boards[1].is_virtual);
	assert_string_equal(s->boards[1].type, "mps3-an547");
	assert_true(s->boards[2].exec);
	settings_free(s);
}

static void every_setting_stands_in_the_help(void **state)
{
	static const char *const keys[] = {"name", "server", "token-file", "data", "run", "libexec",
		"cache", "stop-grace", "type", "tags", "openocd", "probe-serial", "flash",
		"console", "baud", "power", "power-select", "memory", "mcu", "idcode",
		"clock-tolerance", "virtual", "exec", "exec-user", "exec-folder", "ssh-config"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char line[64];

		snprintf(line, sizeof(line), "  %s =", keys[i]);
		assert_non_null(strstr(settings_help, line));
	}
}

static void defaults_need_no_file_content(void **state)
{
	struct agent_settings *s;
	struct fault f;

	assert_int_equal(parse("", &s, &f), 0);
	assert_string_equal(s->server, "http://127.0.0.1:8080");
	assert_string_equal(s->data, "/var/lib/hilda-agent");
	assert_string_equal(s->run, "/run/lock/hilda");
	assert_true(s->name[0] != '\0');
	assert_int_equal(s->n_boards, 0);
	settings_free(s);
}

#define REAL "[board x]\ntype = y\nopenocd = a.cfg\nconsole = /dev/x\n"

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text;
		const char *words[2];
	} rows[] = {
		{"[board a/b]\ntype = y\nexec = local\n", {"a/b", "letters"}},
		{"[board x]\nexec = local\n", {"type", "[board x]"}},
		{"[board x]\ntype = y\n", {"openocd", "missing"}},
		{"[board x]\nvirtaul = microbit\n", {"virtaul", "no such key"}},
		{"[board x]\ntype = y\nopenocd = a.cfg\n", {"console", "missing"}},
		{REAL "memory = ram 16K\n", {"memory", "flash 0x0 256K"}},
		{REAL "memory = disk 0x0 16K\n", {"memory", "flash 0x0 256K"}},
		{REAL "memory = ram 0xffffffffffffffff 16K\n", {"memory", "flash 0x0 256K"}},
		{REAL "clock-tolerance = 60 %\n", {"clock-tolerance", "50 %"}},
		{REAL "flash = burn\n", {"flash", "program"}},
		{REAL "baud = fast\n", {"baud", "fast"}},
		{REAL "idcode = zero\n", {"idcode", "hexadecimal"}},
		{REAL "power = ppk2:A, 9000 mV\n", {"power", "5000"}},
		{REAL "power = ppk2:A, source\n", {"power", "the voltage is missing"}},
		{REAL "power = ppk2:A, sauce, 3300 mV\n", {"power", "source or ampere"}},
		{REAL "power = ppk2:a/b, 3300 mV\n", {"power", "serial number"}},
		{REAL "power = sysfs:relative\n", {"power", "sysfs:PATH"}},
		{REAL "tags = a b/c\n", {"tags", "letters"}},
		{REAL "colour = red\n", {"colour", "agent.ini"}},
		{"[board x]\nexec = local\nvirtual = mps3-an547\n", {"exec", "virtual"}},
		{"[board x]\ntype = y\nexec = maybe\n", {"exec", "ssh:HOST"}},
		{"[board x]\ntype = y\nexec = local:x\n", {"exec", "ssh:HOST"}},
		{"[board x]\ntype = y\nexec = ssh:\n", {"exec", "ssh:HOST"}},
		{"[board x]\ntype = y\nexec = ssh:-oProxyCommand=x\n", {"exec", "no dash first"}},
		{"[board x]\ntype = y\nexec = adb:a b\n", {"exec", "no dash first"}},
		{"[board x]\ntype = y\nexec = qemu:../x\n", {"exec", "no dash first"}},
		{"[board x]\ntype = y\nexec = qemu:@x\n", {"exec", "qemu-NAME"}},
		{"[board x]\ntype = y\nexec = ssh:a\nexec-folder = a b\n",
			{"exec-folder", "letters"}},
		{"[board x]\ntype = y\nexec = ssh:a\nexec-folder = ../b\n",
			{"exec-folder", "letters"}},
		{"[board x]\ntype = y\nexec = adb:a\nexec-folder = b\n",
			{"exec-folder", "whole path"}},
		{"[board x]\ntype = y\nexec = local\nexec-folder = b\n",
			{"exec-folder", "ssh or adb"}},
		{"[board x]\ntype = y\nexec = adb:a\nssh-config = b\n",
			{"ssh-config", "behind ssh"}},
		{"[board x]\ntype = y\nexec = ssh:a\nexec-user = b\n", {"exec-user", "USER@HOST"}},
		{"[agent]\nserver = 10.0.0.1\n", {"server", "http://"}},
		{"[agent]\ndata = here\n", {"data", "absolute"}},
		{"[agent]\nstop-grace = 20\n", {"stop-grace", "20"}},
		{"[agent]\ncache = much\n", {"cache", "512M"}},
		{"[lamp x]\nlit = yes\n", {"lamp", "agent.ini"}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct agent_settings *s;
		struct fault f;

		if (parse(rows[i].text, &s, &f) == 0)
			fail_msg("taken: %s", rows[i].text);
		for (size_t k = 0; k < 2; k++) {
			if (!strstr(f.text, rows[i].words[k]))
				fail_msg("no '%s' in: %s", rows[i].words[k], f.text);
		}
	}
}

static void tolerance_is_a_share(void **state)
{
	static const struct {
		const char *text;
		double value;
	} rows[] = {{REAL, 0.01}, {REAL "clock-tolerance = 2 %\n", 0.02},
		{REAL "clock-tolerance = 0.001\n", 0.001}, {REAL "clock-tolerance = 5%\n", 0.05}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct agent_settings *s;
		struct fault f;

		assert_int_equal(parse(rows[i].text, &s, &f), 0);
		assert_float_equal(s->boards[0].clock_tolerance, rows[i].value, 1e-6);
		settings_free(s);
	}
}

static void programs_run_in_four_places(void **state)
{
	static const struct {
		const char *exec;
		enum exec_kind kind;
		const char *at, *folder;
		bool is_virtual;
	} rows[] = {{"local", EXEC_LOCAL, "", "", false},
		{"ssh:pi@10.0.0.7", EXEC_SSH, "pi@10.0.0.7", ".cache/hilda", false},
		{"adb:10.0.0.8:5555", EXEC_ADB, "10.0.0.8:5555", "/data/local/tmp/hilda", false},
		{"qemu:aarch64", EXEC_QEMU, "aarch64", "", true}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct agent_settings *s;
		struct fault f;
		char text[100];

		snprintf(text, sizeof(text), "[board x]\ntype = y\nexec = %s\n", rows[i].exec);
		assert_int_equal(parse(text, &s, &f), 0);
		assert_true(s->boards[0].exec);
		assert_int_equal(s->boards[0].exec_kind, rows[i].kind);
		assert_string_equal(s->boards[0].exec_at, rows[i].at);
		assert_string_equal(s->boards[0].exec_folder, rows[i].folder);
		assert_int_equal(s->boards[0].is_virtual, rows[i].is_virtual);
		settings_free(s);
	}
}

static void the_same_text_is_the_same_board(void **state)
{
	struct agent_settings *a, *b, *c;
	struct fault f;

	assert_int_equal(parse(REAL "tags = one, two\n", &a, &f), 0);
	assert_int_equal(parse("\n\n" REAL "tags = one,two\n", &b, &f), 0);
	assert_int_equal(parse(REAL "tags = one\n", &c, &f), 0);
	assert_true(board_config_same(&a->boards[0], &b->boards[0]));
	assert_false(board_config_same(&a->boards[0], &c->boards[0]));
	settings_free(a);
	settings_free(b);
	settings_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_help_is_read),
		cmocka_unit_test(every_setting_stands_in_the_help),
		cmocka_unit_test(defaults_need_no_file_content),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(tolerance_is_a_share),
		cmocka_unit_test(programs_run_in_four_places),
		cmocka_unit_test(the_same_text_is_the_same_board),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
