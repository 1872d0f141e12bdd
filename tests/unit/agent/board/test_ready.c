#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "agent/board/ready.h"
#include "common/cleanup.h"
#include "tests/unit/agent/temporary.h"

static json_t *good(void)
{
	return json_loads(
		"{\"version\":1,\"machine\":\"microbit\",\"type\":\"microbit\",\"pid\":7,"
		"\"probe\":\"/d/probe\",\"console\":\"/d/console\",\"control\":\"/d/control\","
		"\"openocd\":\"/d/openocd.cfg\",\"flash\":\"program\",\"idcode\":\"0x0bb11477\","
		"\"cpuid\":\"0x410cc200\",\"mcu\":\"Cortex-M0\",\"hz\":16000000,\"icount_shift\":6,"
		"\"uart_baud\":115200,\"tags\":[\"cortex-m0\",\"mine\"],"
		"\"memory\":[{\"name\":\"flash\",\"kind\":\"flash\",\"base\":0,\"bytes\":262144},"
		"{\"name\":\"ram\",\"kind\":\"ram\",\"base\":536870912,\"bytes\":16384}],"
		"\"serial\":\"VB-1\",\"qemu\":\"7.2.0\"}",
		0, NULL);
}

static int read_doc(json_t *doc, struct board_config *c, struct fault *f)
{
	_cleanup_free_ char *text = json_dumps(doc, 0);
	const char *path = in_temporary("ready.json");

	json_decref(doc);
	assert_int_equal(file_write_durable(path, text, strlen(text), 0600, f), 0);
	return ready_read(path, c, f);
}

static json_t *good_with_unit(void)
{
	json_t *doc = good();

	json_object_set_new(doc, "ppk2", json_string("/d/ppk2"));
	json_object_set_new(doc, "ppk2_serial", json_string("VP-1"));
	return doc;
}

static struct board_config written(void)
{
	return (struct board_config){.name = "bit-1",
		.type = "microbit",
		.is_virtual = true,
		.tags = {"mine"},
		.n_tags = 1};
}

static void the_configuration_is_filled(void **state)
{
	struct board_config c = written();
	struct fault f;

	if (read_doc(good(), &c, &f))
		fail_msg("%s", f.text);
	assert_int_equal(c.n_openocd, 1);
	assert_string_equal(c.openocd[0], "/d/openocd.cfg");
	assert_string_equal(c.console, "/d/console");
	assert_string_equal(c.probe_serial, "VB-1");
	assert_int_equal(c.flash, FLASH_PROGRAM);
	assert_int_equal(c.hz, 16000000);
	assert_int_equal(c.icount_shift, 6);
	assert_int_equal(c.n_memory, 2);
	assert_true(c.memory[0].flash);
	assert_false(c.memory[1].flash);
	assert_int_equal(c.memory[1].base, 0x20000000);
	/* The administrator's tag is there once. */
	assert_int_equal(c.n_tags, 2);
	assert_string_equal(c.name, "bit-1");
}

static void its_own_unit_is_its_power(void **state)
{
	struct board_config c = written(), none = written(), again;
	struct fault f;

	assert_int_equal(read_doc(good_with_unit(), &c, &f), 0);
	assert_int_equal(c.power_kind, POWER_PPK2);
	assert_int_equal(c.ppk2_mode, PPK2_SOURCE);
	assert_int_equal(c.power_mV, 3300);
	assert_string_equal(c.power_path, "/d/ppk2");
	assert_string_equal(c.ppk2_serial, "VP-1");
	again = c; /* started anew: the same once more */
	assert_int_equal(read_doc(good_with_unit(), &again, &f), 0);
	assert_int_equal(again.power_kind, POWER_PPK2);
	none.power_kind = POWER_NONE;
	assert_int_equal(read_doc(good_with_unit(), &none, &f), 0);
	assert_int_equal(none.power_kind, POWER_NONE);
	assert_string_equal(none.power_path, "");
}

static void an_absent_file_is_not_there_yet(void **state)
{
	struct board_config c = written();
	struct fault f;

	assert_int_equal(ready_read(in_temporary("ready.json"), &c, &f), -ENOENT);
}

static void what_is_wrong_is_named_and_nothing_changed(void **state)
{
	static const char *const keys[] = {"version", "flash", "openocd", "console", "control",
		"serial", "idcode", "cpuid", "mcu", "qemu", "hz", "icount_shift", "uart_baud",
		"memory"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct board_config c = written();
		struct board_config before = c;
		json_t *doc = good();
		struct fault f;

		json_object_set_new(doc, keys[i], json_real(0.5));
		assert_int_equal(read_doc(doc, &c, &f), -EPROTO);
		assert_non_null(strstr(f.text, keys[i]));
		assert_memory_equal(&c, &before, sizeof(c));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_temporary, remove_temporary)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_configuration_is_filled),
		TEST(its_own_unit_is_its_power),
		TEST(an_absent_file_is_not_there_yet),
		TEST(what_is_wrong_is_named_and_nothing_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
