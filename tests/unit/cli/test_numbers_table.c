#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/numbers_table.h"
#include "common/cleanup.h"

/* Single quotes stand for double ones. */
static void add(struct numbers_table *t, const char *title, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	json_error_t why;
	json_t *run;

	for (char *p = copy; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	run = json_loads(copy, 0, &why);
	if (!run)
		fail_msg("%s in %s", why.text, copy);
	numbers_table_add(t, title, run);
	json_decref(run);
}

/* Not inlined: GCC 12 takes the stream's buffer for a dangling pointer then. */
static __attribute__((noinline)) char *print(const struct numbers_table *t)
{
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	numbers_table_print(t, f);
	fclose(f);
	return out;
}

#define LATENCY                                                                             \
	"{'phase':'warm','metric':'latency_us','unit':'us','boot':null,'n':100,'min':90.5," \
	"'p50':100.25,'p95':null,'blank':{'p95':72,'p99':368},'max':123456,'mean':1000}"
#define COUNT                                                                               \
	"{'phase':'warm','metric':'instructions','unit':'','boot':null,'n':100,'min':5000," \
	"'p50':5000,'max':5000,'distinct':1}"

#define ENERGY                                                                              \
	"{'phase':'energy','metric':'energy_uJ','unit':'uJ','boot':null,'n':72,'min':90.5," \
	"'p50':100.25,'p95':110,'blank':{'p99':368},'max':120,'mean':101}"
#define NET                                                                                    \
	"{'phase':'energy','metric':'energy_net_uJ','unit':'uJ','boot':null,'n':72,'p50':99}," \
	"{'phase':'energy','metric':'current_uA','unit':'uA','boot':null,'n':72,'p50':7}"
#define CHARGE                                                                             \
	"{'phase':'energy','metric':'charge_uC','unit':'uC','boot':null,'n':5,'p50':null," \
	"'blank':{'p50':6}}"
#define PEAKS                                                                           \
	"{'phase':'energy','metric':'current_peak_uA','boot':null,'n':1,'value':9000}," \
	"{'phase':'energy','metric':'current_peak_1ms_uA','boot':null,'n':1,'value':8000}"
#define BATCH "{'phase':'energy','metric':'energy_batch','boot':null,'n':1,'value':4}"
#define DAY "{'phase':'energy','metric':'energy_per_day_mJ','boot':null,'n':1,'value':570}"
#define IDLE "{'phase':'energy','metric':'idle_uA','unit':'uA','boot':null,'n':1,'value':1.5}"

static void a_real_board_has_quantiles(void **state)
{
	_cleanup_(numbers_table_freep) struct numbers_table *t = numbers_table_new(NULL);
	_cleanup_free_ char *out = NULL;

	add(t, "", "{'virtual':false,'metrics':[" LATENCY "]}");
	out = print(t);
	assert_string_equal(out,
		"Measured\n"
		"PHASE  METRIC        N    P50   P95    P99     MAX  MEAN  UNIT\n"
		"warm   latency_us  100  100.2  n<72  n<368  123456  1000  us\n");
}

static void an_emulated_board_has_a_count(void **state)
{
	_cleanup_(numbers_table_freep) struct numbers_table *t = numbers_table_new(NULL);
	_cleanup_free_ char *out = NULL;

	add(t, "", "{'virtual':true,'metrics':[" LATENCY "," COUNT "]}");
	out = print(t);
	assert_null(strstr(out, "P50"));
	assert_null(strstr(out, "100.2"));
	assert_non_null(strstr(out, "guest instructions"));
	assert_non_null(strstr(out, "warm   instructions  100          5000         1"));
	assert_non_null(strstr(out, "0.090..123.456"));
}

static void energy_is_a_row_for_each_run_and_modelled_stands_apart(void **state)
{
	_cleanup_(numbers_table_freep) struct numbers_table *t = numbers_table_new("CELL");
	_cleanup_free_ char *out = NULL;

	add(t, "real",
		"{'virtual':false,'energy_source':'measured','metrics':[" ENERGY "," DAY "]}");
	add(t, "sysfs",
		"{'virtual':false,'energy_source':'measured','metrics':[{'phase':'energy','metric':"
		"'energy_uJ','unit':'uJ','boot':null,'n':1,'value':50,'note':'approximate: by the host'}]}");
	add(t, "emu",
		"{'virtual':true,'energy_source':'modelled','metrics':[" ENERGY "," NET "," CHARGE
		"," PEAKS "," IDLE "," BATCH "," DAY "]}");
	out = print(t);
	assert_string_equal(out,
		"Measured: energy of one inference (~: approximate, by the host's time)\n"
		"CELL    N  ENERGY P50 uJ  P95 uJ  NET P50 uJ  CHARGE P50 uC "
		" PEAK 10 us uA  PEAK 1 ms uA  IDLE uA  BATCH\n"
		"real   72          100.2     110           -              - "
		"             -             -        -      -\n"
		"sysfs   1            ~50       -           -              - "
		"             -             -        -      -\n"
		"\n"
		"Measured: energy at the job's duty cycle\n"
		"CELL  A DAY mJ  BATTERY days\n"
		"real       570             -\n"
		"\n"
		"Modelled: energy of one inference that follows from the emul"
		"ated time; no measurement, never compared with one\n"
		"CELL   N  ENERGY P50 uJ  NET P50 uJ  CHARGE P50 uC  PEAK 10 "
		"us uA  PEAK 1 ms uA  IDLE uA  BATCH\n"
		"emu   72          100.2          99            n<6          "
		" 9000          8000      1.5      4\n"
		"\n"
		"Modelled: energy at the job's duty cycle\n"
		"CELL  A DAY mJ  BATTERY days\n"
		"emu        570             -\n");
}

static void the_two_kinds_never_share_a_table(void **state)
{
	_cleanup_(numbers_table_freep) struct numbers_table *t = numbers_table_new("CELL");
	_cleanup_free_ char *out = NULL;
	const char *measured, *emulated;

	add(t, "real", "{'virtual':false,'metrics':[" LATENCY "]}");
	add(t, "emu", "{'virtual':true,'metrics':[" LATENCY "," COUNT "]}");
	out = print(t);
	measured = strstr(out, "Measured\n");
	emulated = strstr(out, "Emulated:");
	assert_true(measured && emulated && measured < emulated);
	assert_true(strstr(out, "\nreal ") < emulated);
	assert_true(strstr(out, "\nemu ") > emulated);
	assert_null(strstr(strstr(out, "\nemu ") + 1, "\nemu "));
}

static void memory_is_one_row_and_boots_are_left_out(void **state)
{
	_cleanup_(numbers_table_freep) struct numbers_table *t = numbers_table_new("CELL");
	_cleanup_free_ char *out = NULL;

	add(t, "a",
		"{'virtual':true,'metrics':["
		"{'phase':'memory','metric':'flash_bytes','unit':'bytes','boot':null,'value':4096},"
		"{'phase':'memory','metric':'stack_bytes','unit':'bytes','boot':null,'value':600},"
		"{'phase':'cold','metric':'instructions','boot':3,'n':1,'min':1,'max':1},"
		"{'phase':'warm','metric':'throughput_ips','unit':'1/s','boot':null,'value':5}]}");
	out = print(t);
	assert_string_equal(out,
		"Memory, in bytes\n"
		"CELL  FLASH  WEIGHTS  STATIC RAM  SRAM PEAK  ARENA  STACK  HEAP\n"
		"a      4096        -           -          -      -    600     -\n");
}

/* No misses of 100 are no promise: the note has the bound. */
static void a_single_number_stands_with_its_note(void **state)
{
	_cleanup_(numbers_table_freep) struct numbers_table *t = numbers_table_new(NULL);
	_cleanup_free_ char *out = NULL;

	add(t, NULL,
		"{'virtual':false,'metrics':[{'phase':'warm','metric':'deadline_misses','unit':'','boot':null,"
		"'n':100,'value':0,'note':'0 of 100 over 50 ms: at most 3 % (95 % bound)'},"
		"{'phase':'warm','metric':'throughput_ips','unit':'1/s','boot':null,'value':5,'note':''}]}");
	out = print(t);
	assert_string_equal(out,
		"Single numbers\n"
		"PHASE  METRIC           VALUE  UNIT  NOTE\n"
		"warm   deadline_misses      0        0 of 100 over 50 ms: at most 3 % (95 % bound)\n"
		"warm   throughput_ips       5  1/s   -\n");
}

static void a_profile_is_a_table_of_its_parts(void **state)
{
	_cleanup_(numbers_table_freep) struct numbers_table *t = numbers_table_new(NULL);
	_cleanup_free_ char *text = NULL;

	add(t, NULL,
		"{'virtual':false,'metrics':[{'phase':'profile','metric':'layer_us','unit':'us',"
		"'boot':null,'n':2,'min':10,'max':30,'mean':20},{'phase':'accuracy','metric':'correct',"
		"'unit':'','boot':null,'n':2,'min':0,'max':1,'mean':0.5}],"
		"'phases':[{'phase':'warm'},{'phase':'profile','n':20,'parts':["
		"{'part':'embed','median_us':10,'min_us':9.5,'share':0.25},"
		"{'part':'attention','layer':1,'median_us':30,'min_us':29,'share':0.75}]}]}");
	add(t, NULL,
		"{'virtual':true,'metrics':[{'phase':'warm','metric':'worst_instructions','unit':'',"
		"'boot':null,'n':4,'min':7000,'max':7000,'distinct':1},"
		"{'phase':'warm','metric':'worst_us','unit':'us','boot':null,'n':4,'min':280,'max':280}],"
		"'phases':[{'phase':'profile','parts':[{'part':'qkv','layer':0,'median_us':10,'min_us':9,"
		"'share':1,'instructions':1234}]}]}");
	text = print(t);
	assert_string_equal(text,
		"Emulated: guest instructions, no time of any silicon; kernels with and without Helium do not "
		"compare\n"
		"PHASE  METRIC              N  INSTRUCTIONS  DISTINCT  MS AT 1 INSTRUCTION PER TICK\n"
		"warm   worst_instructions  4          7000         1                         0.280\n"
		"\n"
		"Profile: the parts of an inference, from a run of its own\n"
		"PART       LAYER  MEDIAN us  MIN us  SHARE %\n"
		"embed          -         10     9.5     25.0\n"
		"attention      1         30      29     75.0\n"
		"\n"
		"Profile, emulated: guest instructions of the parts of an inference\n"
		"PART  LAYER  MEDIAN INSTRUCTIONS  SHARE %\n"
		"qkv       0                 1234    100.0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_real_board_has_quantiles),
		cmocka_unit_test(an_emulated_board_has_a_count),
		cmocka_unit_test(energy_is_a_row_for_each_run_and_modelled_stands_apart),
		cmocka_unit_test(the_two_kinds_never_share_a_table),
		cmocka_unit_test(memory_is_one_row_and_boots_are_left_out),
		cmocka_unit_test(a_single_number_stands_with_its_note),
		cmocka_unit_test(a_profile_is_a_table_of_its_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
