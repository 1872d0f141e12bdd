/* From a result document to rows and the final outcome. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/cleanup.h"
#include "tests/unit/server/results/computed.h"

/* A warm phase of one boot with ticks from, from + 1, ... at 1 MHz (a tick is 1 us). */
static char *warm_document(size_t n, unsigned from, const char *rest)
{
	struct buffer b = BUFFER_INIT(1 << 20);

	buffer_printf(&b,
		"{\"result_id\":\"r\",\"outcome\":\"passed\",\"timer\":{\"hz\":1000000,"
		"\"kind\":\"dwt\"},\"phases\":[{\"phase\":\"warm\",\"boot\":0,\"n\":%zu,"
		"\"window_ticks\":1000000,\"overhead_ticks\":3,\"ticks\":[",
		n);
	for (size_t i = 0; i < n; i++)
		buffer_printf(&b, "%s%zu", i ? "," : "", from + i);
	buffer_printf(&b, "]}]%s}", rest);
	return b.data;
}

static void warm_samples_become_a_distribution(void **state)
{
	_cleanup_free_ char *doc = warm_document(400, 1, "");
	struct result *r = computed("", doc, false);
	const struct metric_row *all = row(r, "warm", "latency_us", RESULT_BOOT_ALL);
	const struct metric_row *boot = row(r, "warm", "latency_us", 0);

	assert_int_equal(r->outcome, OUTCOME_PASSED);
	assert_int_equal(all->n, 400);
	assert_null(all->samples);
	assert_non_null(boot->samples);
	near(boot->samples[0], 1);
	near(boot->samples[399], 400);
	near(all->p50, 200);
	near(all->p50_lo, 180);
	near(all->p50_hi, 221);
	near(all->p99, 396);
	near(all->value, 200);
	assert_string_equal(all->note, "within one boot");
	assert_string_equal(all->unit, "us");
	near(row(r, "warm", "throughput_ips", RESULT_BOOT_ALL)->value, 400);
	near(row(r, "warm", "overhead_us", RESULT_BOOT_ALL)->value, 3);
	/* Instructions are of emulated boards only. */
	assert_false(has(r, "warm", "instructions"));
	assert_false(has(r, "warm", "deadline_misses"));
	/* What is kept of the phases has no samples. */
	assert_null(strstr(r->phases, "ticks\":["));
	assert_non_null(strstr(r->phases, "window_ticks"));
	result_free(r);
}

static void few_samples_leave_quantiles_blank(void **state)
{
	_cleanup_free_ char *doc = warm_document(71, 1, "");
	struct result *r = computed("", doc, false);
	const struct metric_row *all = row(r, "warm", "latency_us", RESULT_BOOT_ALL);

	near(all->p50, 36);
	assert_true(isnan(all->p95) && isnan(all->p95_lo) && isnan(all->p99));
	near(all->max, 71);
	result_free(r);
}

static void virtual_boards_count_instructions(void **state)
{
	/* 25 MHz, shift 3: an instruction takes 8 ns, a tick 40 ns, so 5 instructions a tick. */
	struct result *r = computed("",
		"{\"result_id\":\"r\",\"outcome\":\"passed\",\"timer\":{\"hz\":25000000,"
		"\"icount_shift\":3},\"phases\":[{\"phase\":\"warm\",\"boot\":0,"
		"\"ticks\":[1000,1000,1000]},{\"phase\":\"cold\",\"boot\":0,\"kind\":\"reset\","
		"\"first_ticks\":2000,\"boot_ticks\":25}]}",
		true);
	const struct metric_row *all = row(r, "warm", "instructions", RESULT_BOOT_ALL);

	near(all->value, 5000);
	assert_int_equal(all->distinct, 1);
	near(row(r, "cold", "instructions", RESULT_BOOT_ALL)->value, 10000);
	/* 5000 instructions at one a tick of 40 ns. */
	near(row(r, "warm", "latency_us", RESULT_BOOT_ALL)->value, 200);
	assert_non_null(strstr(
		row(r, "warm", "latency_us", RESULT_BOOT_ALL)->note, "at 1 instruction per tick"));
	near(row(r, "cold", "boot_us", RESULT_BOOT_ALL)->value, 5);
	result_free(r);
}

static void cold_boots_are_one_value_each(void **state)
{
	struct buffer b = BUFFER_INIT(1 << 16);
	struct result *r;

	buffer_add_text(&b,
		"{\"result_id\":\"r\",\"outcome\":\"passed\",\"timer\":{\"hz\":1000000},"
		"\"phases\":[");
	for (int i = 0; i < 8; i++)
		buffer_printf(&b,
			"%s{\"phase\":\"cold\",\"boot\":%d,\"kind\":\"power\",\"boot_ticks\":%d,"
			"\"load_ticks\":%d,\"first_ticks\":%d}",
			i ? "," : "", i, 10 + i, 20 + i, 100 + i);
	buffer_add_text(&b, "]}");
	r = computed("", b.data, false);
	buffer_done(&b);
	assert_int_equal(row(r, "cold", "latency_us", RESULT_BOOT_ALL)->n, 8);
	near(row(r, "cold", "latency_us", RESULT_BOOT_ALL)->p50, 103);
	near(row(r, "cold", "latency_us", RESULT_BOOT_ALL)->p50_lo, 100);
	near(row(r, "cold", "load_us", RESULT_BOOT_ALL)->max, 27);
	near(row(r, "cold", "boot_us", 3)->value, 13);
	assert_non_null(row(r, "cold", "latency_us", 7)->samples);
	assert_string_equal(
		row(r, "cold", "latency_us", RESULT_BOOT_ALL)->note, "cold_kind: power-on");
	result_free(r);
}

static void boots_are_rows_and_a_pool(void **state)
{
	struct result *r = computed("",
		"{\"result_id\":\"r\",\"outcome\":\"passed\",\"timer\":{\"hz\":1000000},"
		"\"phases\":[{\"phase\":\"warm\",\"boot\":0,\"window_ticks\":1000000,\"ticks\":"
		"[1,2,3]},{\"phase\":\"warm\",\"boot\":1,\"window_ticks\":3000000,\"ticks\":"
		"[4,5,6,7,8]}]}",
		false);

	near(row(r, "warm", "latency_us", 0)->max, 3);
	near(row(r, "warm", "latency_us", 1)->min, 4);
	assert_int_equal(row(r, "warm", "latency_us", RESULT_BOOT_ALL)->n, 8);
	near(row(r, "warm", "latency_us", RESULT_BOOT_ALL)->p50, 4);
	/* 8 inferences in 4 s, not the mean of 3 and 5/3. */
	near(row(r, "warm", "throughput_ips", RESULT_BOOT_ALL)->value, 2);
	assert_string_equal(
		row(r, "warm", "latency_us", RESULT_BOOT_ALL)->note, "pooled over 2 boots");
	result_free(r);
}

static void memory_does_not_count_the_arena_twice(void **state)
{
	struct result *r = computed("",
		"{\"result_id\":\"r\",\"outcome\":\"passed\",\"phases\":[{\"phase\":\"memory\","
		"\"values\":{\"stack_used\":500,\"stack_size\":4096,\"heap_used\":30,"
		"\"arena_used\":900,\"arena_size\":1000,\"data\":200,\"bss\":2000,"
		"\"weights\":7777}}],\"footprint\":{\"flash_bytes\":50000,"
		"\"ram_static_bytes\":2200,\"weights_bytes\":40000}}",
		false);

	near(row(r, "memory", "sram_peak_bytes", RESULT_BOOT_ALL)->value, 200 + 2000 + 500 + 30);
	near(row(r, "memory", "arena_bytes", RESULT_BOOT_ALL)->value, 900);
	near(row(r, "memory", "arena_size_bytes", RESULT_BOOT_ALL)->value, 1000);
	near(row(r, "memory", "flash_bytes", RESULT_BOOT_ALL)->value, 50000);
	near(row(r, "memory", "ram_static_bytes", RESULT_BOOT_ALL)->value, 2200);
	/* The image is read, the device not believed. */
	near(row(r, "memory", "weights_bytes", RESULT_BOOT_ALL)->value, 40000);
	result_free(r);
}

static void footprint_alone_gives_static_sizes(void **state)
{
	struct result *r = computed("",
		"{\"result_id\":\"r\",\"outcome\":\"infrastructure\",\"stage\":\"flash\","
		"\"detail\":\"no probe\",\"footprint\":{\"flash_bytes\":5}}",
		false);

	near(row(r, "memory", "flash_bytes", RESULT_BOOT_ALL)->value, 5);
	assert_false(has(r, "memory", "sram_peak_bytes"));
	assert_int_equal(r->outcome, OUTCOME_INFRASTRUCTURE);
	assert_int_equal(r->stage, STAGE_FLASH);
	assert_string_equal(r->detail, "no probe");
	result_free(r);
}

static void deadline_misses_have_their_bound(void **state)
{
	_cleanup_free_ char *doc = warm_document(100, 1, "");
	struct result *none = computed(",\"deadline_ms\":1", doc, false);
	struct result *some = computed(",\"deadline_ms\":0.09", doc, false);
	struct result *all = computed(",\"deadline_ms\":0.0001", doc, false);

	near(row(none, "warm", "deadline_misses", RESULT_BOOT_ALL)->value, 0);
	assert_string_equal(row(none, "warm", "deadline_misses", RESULT_BOOT_ALL)->note,
		"0 of 100 over 1 ms: at most 2.95 % (95 % bound)");
	near(row(some, "warm", "deadline_misses", RESULT_BOOT_ALL)->value, 10);
	assert_string_equal(row(all, "warm", "deadline_misses", RESULT_BOOT_ALL)->note,
		"100 of 100 over 0.0001 ms: at most 100 % (95 % bound)");
	result_free(all);
	result_free(none);
	result_free(some);
}

static void lines_are_metrics_of_their_own(void **state)
{
	struct result *r = computed("",
		"{\"result_id\":\"r\",\"outcome\":\"passed\",\"lines\":[{\"phase\":\"lines\","
		"\"metric\":\"mine\",\"unit\":\"mm, \\\"q\\\"\",\"values\":[1.5,2.5]},"
		"{\"phase\":\"lines\",\"metric\":\"one\",\"unit\":\"\",\"values\":[7]}]}",
		false);
	const struct metric_row *m = row(r, "lines", "mine", RESULT_BOOT_ALL);

	assert_int_equal(m->n, 2);
	near(m->mean, 2);
	assert_non_null(m->samples);
	near(row(r, "lines", "one", RESULT_BOOT_ALL)->value, 7);
	result_free(r);
}

static void verdict(const char *job_rest, const char *doc, enum outcome outcome, const char *words)
{
	struct result *r = computed(job_rest, doc, false);

	if (!strstr(r->detail, words))
		fail_msg("\"%s\" does not say \"%s\"", r->detail, words);
	assert_int_equal(r->outcome, outcome);
	result_free(r);
}

static void criteria_decide(void **state)
{
	_cleanup_free_ char *doc = warm_document(400, 1, "");
	_cleanup_free_ char *few = warm_document(71, 1, "");

#define ONE(metric, rest) ",\"criteria\":[{\"metric\":\"" metric "\"," rest "}]"
	verdict(ONE("warm.latency_us.p95", "\"max\":380"), doc, OUTCOME_PASSED, "");
	verdict(ONE("warm.latency_us.p95", "\"max\":379.5"), doc, OUTCOME_FAILED,
		"warm.latency_us.p95 is 380 us, over the maximum 379.5");
	verdict(ONE("warm.latency_us.min", "\"min\":2"), doc, OUTCOME_FAILED,
		"under the minimum 2");
	verdict(ONE("warm.latency_us.p95", "\"max\":1000"), few, OUTCOME_CONFIGURATION,
		"needs 72 samples, there are 71");
	verdict(ONE("memory.flash_bytes.value", "\"max\":1000"), doc, OUTCOME_CONFIGURATION,
		"was not measured");
	verdict(",\"criteria\":[{\"metric\":\"warm.latency_us.max\",\"max\":1},"
		"{\"metric\":\"warm.latency_us.p50\",\"max\":1}]",
		doc, OUTCOME_FAILED, "(and 1 more)");
#undef ONE
}

static void criteria_do_not_excuse_other_outcomes(void **state)
{
	verdict(",\"criteria\":[{\"metric\":\"warm.latency_us.p95\",\"max\":1}]",
		"{\"result_id\":\"r\",\"outcome\":\"timeout\",\"stage\":\"boot\",\"detail\":\"silent\"}",
		OUTCOME_TIMEOUT, "silent");
}

static void pinned_provenance_must_be_so(void **state)
{
	static const char doc[] =
		"{\"result_id\":\"r\",\"outcome\":\"passed\",\"provenance\":{\"compiler\":"
		"\"GCC: (15:12.2.rel1-1) 12.2.1 20221205\"}}";

	verdict(",\"expect\":{\"compiler\":\"GCC 12.2\"}", doc, OUTCOME_PASSED, "");
	verdict(",\"expect\":{\"compiler\":\"GCC 13\"}", doc, OUTCOME_CONFIGURATION,
		"expect: compiler is \"GCC: (15:12.2.rel1-1) 12.2.1 20221205\", not \"GCC 13\"");
	verdict(",\"expect\":{\"openocd\":\"0.12\"}", doc, OUTCOME_CONFIGURATION, "not known");
}

/* Two batches of two, 1 V, idle 1 uA: 10 and 30 uC by batch, each of 1000 samples (10 ms). */
#define ENERGY(window, batches)                                                                     \
	"{\"result_id\":\"r\",\"outcome\":\"passed\",\"energy\":{\"source\":\"measured\","          \
	"\"sync\":\"logic\",\"debug\":\"detached\",\"instrument\":{\"voltage_mV\":1000},"           \
	"\"idle\":{\"current_uA\":100},\"n\":4,\"batch\":2,\"window\":{\"edges\":2,\"valid\":true," \
	"\"complete\":true,\"charge_uC\":40,\"filtered_charge_uC\":36" window                       \
	"},\"batches\":" batches "}}"
#define BATCHES \
	"{\"start\":[0,1000],\"samples\":[1000,1000],\"charge_uC\":[10,30],\"complete\":[true,true]}"
#define ONE_WHOLE \
	"{\"start\":[0,1000],\"samples\":[1000,900],\"charge_uC\":[10,30],\"complete\":[true,false]}"

static double energy_of(const struct result *r, const char *metric)
{
	for (size_t i = 0; i < r->n_metrics; i++) {
		if (!strcmp(r->metrics[i].metric, metric))
			return isnan(r->metrics[i].mean) ? r->metrics[i].value : r->metrics[i].mean;
	}
	return NAN;
}

static void energy_is_the_charge_of_whole_batches(void **state)
{
	struct result *r = computed("", ENERGY("", BATCHES), false);

	assert_string_equal(r->energy_source, "measured");
	assert_true(fabs(energy_of(r, "energy_uJ") - 10) <= 1e-12);
	assert_true(fabs(energy_of(r, "energy_net_uJ") - 9.5) <= 1e-12);
	assert_true(fabs(energy_of(r, "charge_uC") - 10) <= 1e-12);
	assert_true(fabs(energy_of(r, "current_uA") - 2000) <= 1e-9);
	assert_true(fabs(energy_of(r, "energy_filtered_uJ") - 9) <= 1e-12);
	assert_true(fabs(energy_of(r, "energy_batch") - 2) <= 0);
	assert_true(fabs(energy_of(r, "idle_uA") - 100) <= 0);
	assert_true(isnan(energy_of(r, "energy_per_day_mJ")));
	assert_null(strstr(r->energy, "charge_uC\":["));
	assert_non_null(strstr(r->batches, "charge_uC"));
	result_free(r);
	r = computed("", ENERGY("", ONE_WHOLE), true);
	assert_string_equal(r->energy_source, "modelled");
	assert_true(fabs(energy_of(r, "energy_uJ") - 5) <= 1e-12);
	result_free(r);
}

/* Nothing was received while the board idled: 0 uA is no baseline. */
static void without_an_idle_sample_there_is_no_net(void **state)
{
	char doc[sizeof(ENERGY("", BATCHES)) + 32] = ENERGY("", BATCHES);
	const char *idle = "\"current_uA\":100}", *none = "\"current_uA\":0,\"samples\":0}";
	char *at = strstr(doc, idle), rest[sizeof(doc)];
	struct result *r;

	snprintf(rest, sizeof(rest), "%s", at + strlen(idle));
	snprintf(at, sizeof(doc) - (size_t)(at - doc), "%s%s", none, rest);
	r = computed("", doc, false);
	assert_true(fabs(energy_of(r, "energy_uJ") - 10) <= 1e-12);
	assert_true(isnan(energy_of(r, "energy_net_uJ")));
	assert_true(isnan(energy_of(r, "idle_uA")));
	result_free(r);
}

static void criteria_on_energy_fail_with_the_windows_reason(void **state)
{
#define ON_ENERGY ",\"criteria\":[{\"metric\":\"energy.energy_uJ.mean\",\"max\":100}]"
	verdict(ON_ENERGY, ENERGY("", BATCHES), OUTCOME_PASSED, "");
	verdict(ON_ENERGY, ENERGY(",\"valid\":false,\"why\":\"D0 is stuck\"", BATCHES),
		OUTCOME_FAILED, "D0 is stuck");
	verdict(ON_ENERGY, ENERGY(",\"edges\":3", BATCHES), OUTCOME_FAILED, "D1 has 3 edges");
	verdict(ON_ENERGY,
		ENERGY("",
			"{\"start\":[0],\"samples\":[1],\"charge_uC\":[1],\"complete\":[false]}"),
		OUTCOME_FAILED, "no batch is complete");
	verdict(ON_ENERGY, "{\"result_id\":\"r\",\"outcome\":\"passed\"}", OUTCOME_CONFIGURATION,
		"was not measured");
}

static void bad_documents_are_refused_with_a_pointer(void **state)
{
	static const struct {
		const char *doc, *words;
	} cases[] = {
		{"[]", "must be an object"},
		{"{}", "/result_id is missing"},
		{"{\"result_id\":\"\",\"outcome\":\"passed\"}", "/result_id is empty"},
		{"{\"result_id\":\"r\",\"outcome\":\"great\"}", "/outcome \"great\" is no outcome"},
		{"{\"result_id\":\"r\",\"outcome\":\"passed\",\"stage\":\"lunch\"}", "no stage"},
		{"{\"result_id\":\"r\",\"outcome\":\"passed\",\"phases\":[{\"phase\":\"warm\","
		 "\"boot\":0,\"ticks\":[1]}]}",
			"/phases/0 has ticks, but /timer/hz is missing"},
		{"{\"result_id\":\"r\",\"outcome\":\"passed\",\"timer\":{\"hz\":1},\"phases\":[{"
		 "\"phase\":\"warm\",\"boot\":0,\"ticks\":[1,\"2\"]}]}",
			"/phases/0/ticks must be an array of numbers"},
		{"{\"result_id\":\"r\",\"outcome\":\"passed\",\"timer\":{\"hz\":1},\"phases\":[{"
		 "\"phase\":\"warm\",\"boot\":0,\"ticks\":[1]},{\"phase\":\"warm\",\"boot\":0,"
		 "\"ticks\":[1]}]}",
			"boot 0 of phase warm twice"},
		{"{\"result_id\":\"r\",\"outcome\":\"passed\",\"timer\":{\"hz\":-1}}",
			"/timer/hz must be an integer"},
		{"{\"result_id\":\"r\",\"outcome\":\"passed\",\"timer\":{\"icount_shift\":99}}",
			"/timer/icount_shift"},
		{"{\"result_id\":\"r\",\"outcome\":\"passed\",\"lines\":[{\"metric\":\"a b\","
		 "\"values\":[1]}]}",
			"/lines/0/metric"},
		{"{\"result_id\":\"r\",\"outcome\":\"passed\",\"started_at\":\"now\"}",
			"/started_at is no RFC 3339 time"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct result *r = NULL;
		struct fault f = {0};

		assert_int_equal(compute("", cases[i].doc, false, &r, &f), -EINVAL);
		assert_null(r);
		if (!strstr(f.text, cases[i].words))
			fail_msg("\"%s\" does not say \"%s\"", f.text, cases[i].words);
	}
}

static void too_many_metrics_are_refused(void **state)
{
	struct buffer b = BUFFER_INIT(1 << 22);
	struct result *r = NULL;
	struct fault f = {0};

	buffer_add_text(&b, "{\"result_id\":\"r\",\"outcome\":\"passed\",\"lines\":[");
	for (int i = 0; i <= RESULT_METRICS_MAX; i++)
		buffer_printf(&b, "%s{\"metric\":\"m%d\",\"values\":[1]}", i ? "," : "", i);
	buffer_add_text(&b, "]}");
	assert_int_equal(compute("", b.data, false, &r, &f), -EFBIG);
	buffer_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(warm_samples_become_a_distribution),
		cmocka_unit_test(few_samples_leave_quantiles_blank),
		cmocka_unit_test(virtual_boards_count_instructions),
		cmocka_unit_test(cold_boots_are_one_value_each),
		cmocka_unit_test(boots_are_rows_and_a_pool),
		cmocka_unit_test(memory_does_not_count_the_arena_twice),
		cmocka_unit_test(footprint_alone_gives_static_sizes),
		cmocka_unit_test(deadline_misses_have_their_bound),
		cmocka_unit_test(lines_are_metrics_of_their_own),
		cmocka_unit_test(criteria_decide),
		cmocka_unit_test(criteria_do_not_excuse_other_outcomes),
		cmocka_unit_test(pinned_provenance_must_be_so),
		cmocka_unit_test(energy_is_the_charge_of_whole_batches),
		cmocka_unit_test(without_an_idle_sample_there_is_no_net),
		cmocka_unit_test(criteria_on_energy_fail_with_the_windows_reason),
		cmocka_unit_test(bad_documents_are_refused_with_a_pointer),
		cmocka_unit_test(too_many_metrics_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
