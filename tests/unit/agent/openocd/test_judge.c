/* OpenOCD 0.12's own texts, as they were printed, into outcomes and words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agent/openocd/judge.h"
#include "common/cleanup.h"

#define GREETING                                                                           \
	"Open On-Chip Debugger 0.12.0\nLicensed under GNU GPL v2\nFor bug reports, read\n" \
	"\thttp://openocd.org/doc/doxygen/bugs.html\n"

#define CONNECTING                                                                          \
	"hilda: adapter buspirate\nInfo : Buspirate JTAG Interface ready!\n"                \
	"Info : JTAG tap: v.cpu tap/device found: 0x6ba00477 (mfg: 0x23b (ARM Ltd), part: " \
	"0xba00, ver: 0x6)\n"
#define CONNECTED                                             \
	"Info : [v.cpu] Cortex-M55 r0p1 processor detected\n" \
	"Info : [v.cpu] target has 8 breakpoints, 0 watchpoints\nhilda: connected\n"
#define WRITTEN "hilda: writing\nhilda: verifying\nhilda: starting\nhilda: done\n"
#define CLOSING "Info : Shutting down buspirate.\nInfo : Buspirate switched to normal mode\n"

struct row {
	const char *name;
	int code;
	const char *text;
	enum outcome outcome;
	const char *says[3];
};

static const struct row rows[] = {
	{"clean end", 0, GREETING "hilda: done\nshutdown command invoked\n", OUTCOME_PASSED,
		{NULL}},
	{"bus pirate absent", 1,
		GREETING "hilda: adapter buspirate\nError: Could not open serial port\n\n",
		OUTCOME_INFRASTRUCTURE,
		{"probe not found", "'Could not open serial port'", "hilda-agent discover"}},
	{"ST-Link absent", 1, GREETING "Info : clock speed 2000 kHz\nError: open failed\n\n\n",
		OUTCOME_INFRASTRUCTURE, {"probe not found", "'open failed'"}},
	{"CMSIS-DAP absent", 1, GREETING "Error: unable to find a matching CMSIS-DAP device\n\n",
		OUTCOME_INFRASTRUCTURE, {"probe not found", "matching CMSIS-DAP device"}},
	{"J-Link absent", 1, GREETING "swd\nError: No J-Link device found\n\n",
		OUTCOME_INFRASTRUCTURE, {"probe not found", "No J-Link device found"}},
	{"FTDI absent", 1,
		GREETING "Error: no device found\nError: unable to open ftdi device with vid 15ba, "
			 "pid 002b, description 'Olimex', serial '*' at bus location '*'\n\n",
		OUTCOME_INFRASTRUCTURE, {"probe not found", "unable to open ftdi device"}},
	{"configuration absent", 1,
		GREETING
		"embedded:startup.tcl:28: Error: Can't find nofile.cfg\nin procedure 'script' \n"
		"at file \"embedded:startup.tcl\", line 28\n",
		OUTCOME_INFRASTRUCTURE, {"Can't find nofile.cfg", "check `openocd =`"}},
	{"configuration wrong", 1, GREETING "invalid command name \"bogus_command\"\n",
		OUTCOME_INFRASTRUCTURE,
		{"invalid command name \"bogus_command\"", "check `openocd =`"}},
	{"wrong TAPID", 0,
		GREETING CONNECTING
		"Warn : JTAG tap: v.cpu       UNEXPECTED: 0xfba00477 (mfg: 0x23b (ARM Ltd), part: 0xba00, "
		"ver: 0xf)\n"
		"Error: JTAG tap: v.cpu  expected 1 of 1: 0x6ba00477 (mfg: 0x23b (ARM Ltd), part: "
		"0xba00, ver: 0x6)\n"
		"Error: Trying to use configured scan chain anyway...\n" CONNECTED WRITTEN,
		OUTCOME_INFRASTRUCTURE,
		{"another chip than configured",
			"'JTAG tap: v.cpu       UNEXPECTED: 0xfba00477 (mfg"}},
	{"WAIT for ever", 1,
		GREETING CONNECTING
		"Info : DAP transaction stalled (WAIT) - slowing down and resending\n"
		"Error: Timeout during WAIT recovery\n\n\n" CLOSING,
		OUTCOME_INFRASTRUCTURE,
		{"answers WAIT for ever", "'Timeout during WAIT recovery'"}},
	{"memory refuses", 1,
		GREETING CONNECTING CONNECTED
		"hilda: writing\nError: JTAG-DP STICKY ERROR\n"
		"Error: Failed to write memory at 0x20000000\n\n" CLOSING,
		OUTCOME_INFRASTRUCTURE, {"refuses memory accesses", "'JTAG-DP STICKY ERROR'"}},
	{"verify mismatch", 1,
		GREETING CONNECTING CONNECTED
		"hilda: writing\nhilda: verifying\n"
		"Error: checksum mismatch - attempting binary compare\n"
		"diff 0 address 0x00000004. Was 0x40 instead of 0x41\nNo more differences found.\n" CLOSING,
		OUTCOME_INFRASTRUCTURE, {"verify mismatch", "'checksum mismatch - attempting"}},
	{"probe drops", 255,
		GREETING CONNECTING CONNECTED
		"hilda: writing\nError: Error reading data\nError: error reading\n"
		"Error: Error sending data\nError: error writing :(\n",
		OUTCOME_INFRASTRUCTURE, {"the probe went away", "'Error sending data'"}},
	{"probe hangs", -1,
		GREETING CONNECTING CONNECTED
		"hilda: writing\nError: Error reading data\nError: error reading\n",
		OUTCOME_INFRASTRUCTURE,
		{"the probe has stopped to answer", "'Error reading data'"}},
	{"image file gone", 1,
		GREETING CONNECTING CONNECTED
		"hilda: writing\nError: couldn't open /spool/image\n" CLOSING,
		OUTCOME_INFRASTRUCTURE,
		{"cannot open the image file", "couldn't open /spool/image"}},
	{"no flash there", 1,
		GREETING CONNECTING CONNECTED
		"hilda: writing\nWarn : no flash bank found for address 0x20000000\n" CLOSING,
		OUTCOME_CONFIGURATION,
		{"where the board has no flash", "'no flash bank found for"}},
	{"no words at all", 134, "", OUTCOME_INFRASTRUCTURE,
		{"code 134 while connecting to the probe", "(it printed nothing)"}},
	{"unknown words", 1, "hilda: connected\nhilda: writing\nError: a new one\nlast line\n",
		OUTCOME_INFRASTRUCTURE, {"code 1 while writing: 'a new one'"}},
};

static struct board_config board(void)
{
	struct board_config b = {.name = "m55-1", .n_memory = 1};

	b.memory[0] = (struct memory_region){.name = "ram", .base = 0x20000000, .bytes = 0x1000};
	return b;
}

static void test_texts(void **state)
{
	struct board_config b = board();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct process_end end = {.code = rows[i].code, .timed_out = rows[i].code == -1};
		struct fault f = {0};
		enum outcome o = openocd_judge(&end, rows[i].text, &b, &f);

		if (o != rows[i].outcome)
			fail_msg("%s: %s (%s)", rows[i].name, outcome_name(o), f.text);
		for (int k = 0; k < 3 && rows[i].says[k]; k++) {
			if (!strstr(f.text, rows[i].says[k]))
				fail_msg("%s: '%s' does not say '%s'", rows[i].name, f.text,
					rows[i].says[k]);
		}
	}
}

/* The same words mean different things: where memory is, a failed write is the board's fault. */
static void test_failed_write_by_address(void **state)
{
	struct board_config b = board();
	struct process_end end = {.code = 1};
	struct fault f = {0};

	assert_int_equal(openocd_judge(&end,
				 "Error: JTAG-DP STICKY ERROR\nError: Failed to write memory at "
				 "0x90000000\n",
				 &b, &f),
		OUTCOME_CONFIGURATION);
	assert_non_null(strstr(f.text, "Failed to write memory at 0x90000000"));
	assert_int_equal(openocd_judge(&end,
				 "Error: JTAG-DP STICKY ERROR\nError: Failed to write memory at "
				 "0x20000010\n",
				 &b, &f),
		OUTCOME_INFRASTRUCTURE);
	assert_non_null(strstr(f.text, "'JTAG-DP STICKY ERROR'"));
}

/* What OpenOCD prints may come from the chip: it cannot smuggle control bytes into a sentence. */
static void test_words_are_printable(void **state)
{
	struct board_config b = board();
	struct process_end end = {.code = 1};
	struct fault f = {0};

	openocd_judge(&end, "Error: \x1b[2J\xff odd\n", &b, &f);
	for (const char *c = f.text; *c; c++)
		assert_in_range(*c, 0x20, 0x7e);
	assert_non_null(strstr(f.text, "'?[2J? odd'"));
}

static void test_names(void **state)
{
	char out[32];

	openocd_version(GREETING, out, sizeof(out));
	assert_string_equal(out, "0.12.0");
	openocd_version("", out, sizeof(out));
	assert_string_equal(out, "");
	openocd_idcode("Info : SWD DPIDR 0x2ba01477\n", out, sizeof(out));
	assert_string_equal(out, "0x2ba01477");
	openocd_idcode(CONNECTING, out, sizeof(out));
	assert_string_equal(out, "0x6ba00477");
	openocd_adapter(CONNECTING, out, sizeof(out));
	assert_string_equal(out, "buspirate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_failed_write_by_address),
		cmocka_unit_test(test_words_are_printable),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
