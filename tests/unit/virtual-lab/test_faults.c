#include "unit.h"

#include <errno.h>
#include <string.h>

#include "virtual-lab/faults.h"

static void every_name_is_taken(void **state)
{
	for (int i = 0; i < FAULT_COUNT; i++) {
		enum fault_name name = FAULT_COUNT;
		uint32_t arg = 77;

		assert_int_equal(fault_parse(fault_word(i), &name, &arg, NULL), 0);
		assert_int_equal(name, i);
		assert_int_not_equal(arg, 77);
	}
}

static void arguments_are_numbers(void **state)
{
	enum fault_name name;
	uint32_t arg = 0;
	struct fault why;

	assert_int_equal(fault_parse("probe-drop 4096", &name, &arg, &why), 0);
	assert_int_equal(arg, 4096);
	assert_int_equal(fault_parse("verify-mismatch 0x20000001", &name, &arg, &why), 0);
	assert_int_equal(arg, 0x20000001);
	assert_int_equal(fault_parse("probe-drop -1", &name, &arg, &why), -EINVAL);
	assert_int_equal(fault_parse("probe-drop 99999999999", &name, &arg, &why), -EINVAL);
	assert_int_equal(fault_parse("probe-drop 1 2", &name, &arg, &why), -EINVAL);
	assert_int_equal(arg, 0x20000001);
}

static void unknown_names_are_answered_with_the_known(void **state)
{
	enum fault_name name;
	uint32_t arg;
	struct fault why = {0};

	assert_int_equal(fault_parse("probe", &name, &arg, &why), -EINVAL);
	assert_non_null(strstr(why.text, "'probe'"));
	for (int i = 0; i < FAULT_COUNT; i++)
		assert_non_null(strstr(why.text, fault_word(i)));
	assert_int_equal(fault_parse("", &name, &arg, &why), -EINVAL);
}

static void the_list_names_what_is_on(void **state)
{
	struct faults f;
	char text[512];

	faults_init(&f);
	faults_list(&f, text, sizeof(text));
	assert_string_equal(text, "none");
	fault_switch(&f, FAULT_UART_CUT, true, 3);
	fault_switch(&f, FAULT_PROBE_HANG, true, 0);
	faults_list(&f, text, sizeof(text));
	assert_string_equal(text, "probe-hang,uart-cut");
	for (int i = 0; i < FAULT_COUNT; i++)
		fault_switch(&f, i, true, 0);
	memset(text, 'x', sizeof(text));
	faults_list(&f, text, 20);
	assert_true(strlen(text) < 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_is_taken),
		cmocka_unit_test(arguments_are_numbers),
		cmocka_unit_test(unknown_names_are_answered_with_the_known),
		cmocka_unit_test(the_list_names_what_is_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
