#include "unit.h"

#include <stdbool.h>
#include <string.h>

#include "virtual-lab/ppk2_unit.h"

static struct ppk2_unit u;

static int plug_in(void **state)
{
	ppk2_unit_init(&u);
	return 0;
}

/* Feeds all of it; the events in order, as letters. */
static const char *tell(const char *bytes, size_t n)
{
	static char events[64];
	size_t at = 0, k = 0;

	for (;;) {
		enum ppk2_unit_event event;

		at += ppk2_unit_feed(&u, (const uint8_t *)bytes + at, n - at, &event);
		if (event == PPK2_UNIT_NONE)
			break;
		assert_true(k < sizeof(events) - 1);
		events[k++] = ".+-=?r"[event];
	}
	assert_int_equal(at, n);
	events[k] = 0;
	return events;
}

#define TELL(bytes) tell(bytes, sizeof(bytes) - 1)

static void commands_are_obeyed_in_order(void **state)
{
	assert_string_equal(TELL("\x06"), "+");
	assert_true(u.streaming);
	assert_string_equal(TELL("\x07\x19\x0c\x01\x0d\x0c\xe4\x11\x02"), "-?===");
	assert_false(u.streaming);
	assert_true(u.running);
	assert_int_equal(u.metadata.vdd_mV, 3300);
	assert_int_equal(u.metadata.mode, PPK2_SOURCE);
}

static void a_command_may_come_byte_by_byte(void **state)
{
	assert_string_equal(TELL("\x0d"), "");
	assert_string_equal(TELL("\x0c"), "");
	assert_string_equal(TELL("\xe4"), "=");
	assert_int_equal(u.metadata.vdd_mV, 3300);
}

static void what_is_not_known_is_ignored(void **state)
{
	struct ppk2_unit before = u;

	assert_string_equal(TELL("\x00\xff\x25\x1a\x66"), "");
	/* Arguments out of their bounds: 5001 mV, 6 mV, mode 7; none of them is a command. */
	assert_string_equal(TELL("\x0d\x13\x89\x0d\x00\x06\x11\x07\x0c\x19"), "");
	assert_memory_equal(&u.metadata, &before.metadata, sizeof(u.metadata));
	assert_false(u.running || u.streaming || u.engaged);
	assert_string_equal(TELL("\x19"), "?");
}

static void source_mode_switches_the_board(void **state)
{
	assert_true(ppk2_unit_feeds_board(&u));
	TELL("\x11\x02");
	assert_true(ppk2_unit_feeds_board(&u));
	assert_false(ppk2_unit_sees_current(&u));
	TELL("\x0c\x00"); /* off */
	assert_false(ppk2_unit_feeds_board(&u));
	TELL("\x0c\x01");
	assert_true(ppk2_unit_feeds_board(&u));
	assert_true(ppk2_unit_sees_current(&u));
	TELL("\x0c\x00");
	TELL("\x11\x01");
	assert_true(ppk2_unit_feeds_board(&u));
	TELL("\x11\x02");
	assert_false(ppk2_unit_feeds_board(&u));
	ppk2_unit_closed(&u);
	assert_true(ppk2_unit_feeds_board(&u));
	/* The next session begins without a word on power. */
	assert_false(ppk2_unit_sees_current(&u));
	assert_int_equal(u.metadata.mode, PPK2_SOURCE);
}

static void ampere_mode_leaves_the_board_alone(void **state)
{
	TELL("\x0c\x00\x11\x01");
	assert_true(ppk2_unit_feeds_board(&u));
	assert_false(ppk2_unit_sees_current(&u));
	TELL("\x0c\x01");
	assert_true(ppk2_unit_sees_current(&u));
}

static void a_closed_port_forgets_half_a_command_and_streams_on(void **state)
{
	TELL("\x06\x0d");
	ppk2_unit_closed(&u);
	assert_string_equal(TELL("\x0c\x01"), "=");
	assert_true(u.running);
	assert_true(u.streaming);
}

static void reset_is_as_plugged_in(void **state)
{
	struct ppk2_unit fresh;

	ppk2_unit_init(&fresh);
	assert_string_equal(TELL("\x11\x02\x0c\x01\x0d\x0c\xe4\x06\x20"), "===+r");
	assert_memory_equal(&u, &fresh, sizeof(u));
}

static void it_describes_itself_as_it_is_set(void **state)
{
	char text[PPK2_METADATA_MAX_BYTES];
	struct ppk2_metadata m = {0};
	struct fault f = {0};
	size_t n;

	TELL("\x11\x02\x0d\x07\x08");
	n = ppk2_unit_describe(&u, false, text);
	assert_true(ppk2_metadata_is_whole(text, n));
	assert_int_equal(ppk2_metadata_parse(text, n, &m, &f), 0);
	assert_int_equal(m.vdd_mV, 1800);
	assert_int_equal(m.mode, PPK2_SOURCE);
	for (int k = 0; k < PPK2_COEFFICIENTS; k++) {
		assert_int_equal(m.defaulted[k], 0);
		for (int r = 0; r < PPK2_RANGES; r++)
			assert_true(m.c[k][r] == u.metadata.c[k][r]);
	}
	n = ppk2_unit_describe(&u, true, text);
	assert_true(ppk2_metadata_is_whole(text, n));
	assert_true(ppk2_metadata_parse(text, n, &m, &f) < 0);
	assert_non_null(strstr(f.text, "R1"));
}

#define TEST(name) cmocka_unit_test_setup(name, plug_in)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(commands_are_obeyed_in_order),
		TEST(a_command_may_come_byte_by_byte),
		TEST(what_is_not_known_is_ignored),
		TEST(source_mode_switches_the_board),
		TEST(ampere_mode_leaves_the_board_alone),
		TEST(a_closed_port_forgets_half_a_command_and_streams_on),
		TEST(reset_is_as_plugged_in),
		TEST(it_describes_itself_as_it_is_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
