/* Accuracy, profile, lengths and search: from what a device said to rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/server/results/computed.h"

#define DOCUMENT(phase)                                                                             \
	"{\"result_id\":\"r\",\"outcome\":\"passed\",\"timer\":{\"hz\":1000000},\"phases\":[" phase \
	"]}"
/* 25 MHz, shift 3: five instructions a tick of 40 ns. */
#define EMULATED(phase)                                                                               \
	"{\"result_id\":\"r\",\"outcome\":\"passed\",\"timer\":{\"hz\":25000000,\"icount_shift\":3}," \
	"\"phases\":[" phase "]}"

/* ---- accuracy ---- */

static void predictions_become_a_share_with_its_interval(void **state)
{
	struct result *r = computed("",
		DOCUMENT("{\"phase\":\"accuracy\",\"predictions\":[3,1,2,2,0,1,1,9,4,4],"
			 "\"labels\":[3,1,2,2,0,1,1,9,5,4],\"logits\":[1,2,3,4,5,6,7,8,9,10]}"),
		false);
	const struct metric_row *share = row(r, "accuracy", "accuracy", RESULT_BOOT_ALL);
	const struct metric_row *each = row(r, "accuracy", "correct", RESULT_BOOT_ALL);

	near(share->value, 0.9);
	assert_int_equal(share->n, 10);
	/* Wilson's for 9 of 10, from a table. */
	assert_true(fabs(share->p50_lo - 0.5958) < 1e-4 && fabs(share->p50_hi - 0.9821) < 1e-4);
	assert_string_equal(share->note, "9 of 10 right; 95 %: 59.6 to 98.2 % (Wilson)");
	assert_int_equal(each->n, 10);
	near(each->samples[7], 1);
	near(each->samples[8], 0);
	assert_false(has(r, "accuracy", "f1"));
	assert_false(has(r, "accuracy", "agreement"));
	/* Labels are kept, logits are not. */
	assert_non_null(strstr(r->phases, "\"labels\":["));
	assert_null(strstr(r->phases, "logits"));
	result_free(r);
}

static void without_labels_nothing_is_right_or_wrong(void **state)
{
	struct result *r =
		computed("", DOCUMENT("{\"phase\":\"accuracy\",\"predictions\":[3,1]}"), false);

	assert_int_equal(r->n_metrics, 0);
	result_free(r);
}

static void f1_names_its_class(void **state)
{
	/* Two of three spams seen, one ham called spam. */
	struct result *r = computed(
		",\"phases\":{\"accuracy\":{\"samples\":6,\"f1\":{\"class\":1,\"name\":\"spam\"}}}",
		DOCUMENT("{\"phase\":\"accuracy\",\"predictions\":[1,1,0,1,0,0],"
			 "\"labels\":[1,1,1,0,0,0]}"),
		false);
	const struct metric_row *f1 = row(r, "accuracy", "f1", RESULT_BOOT_ALL);

	near(f1->value, 2.0 / 3);
	assert_true(f1->p50_lo < f1->value && f1->value < f1->p50_hi);
	assert_non_null(strstr(f1->note, "positive: spam (class 1), 3 of 6; 95 %:"));
	result_free(r);
}

static void agreement_counts_predictions_and_logits(void **state)
{
	struct result *r = computed("",
		DOCUMENT("{\"phase\":\"accuracy\",\"predictions\":[3,1,2,2],"
			 "\"logits\":[11,22,33,44],\"reference\":{\"sha256\":\"ab\","
			 "\"predictions\":[3,1,2,0],\"logits\":[11,22,99,98]}}"),
		false);
	const struct metric_row *same = row(r, "accuracy", "agreement", RESULT_BOOT_ALL);

	near(same->value, 0.75);
	assert_string_equal(same->note, "predictions equal to the host build's: 3 of 4");
	near(row(r, "accuracy", "logits_equal", RESULT_BOOT_ALL)->value, 0.5);
	assert_non_null(strstr(r->phases, "\"reference\":{\"sha256\":\"ab\"}"));
	result_free(r);
}

/* ---- profile ---- */

static void a_profile_has_times_and_shares(void **state)
{
	struct result *r = computed("",
		EMULATED(
			"{\"phase\":\"profile\",\"n\":20,\"parts\":["
			"{\"part\":\"embed\",\"min_ticks\":90,\"median_ticks\":100},"
			"{\"part\":\"attention\",\"layer\":0,\"min_ticks\":300,\"median_ticks\":300}]}"),
		true);
	const struct metric_row *all = row(r, "profile", "layer_us", RESULT_BOOT_ALL);
	json_t *kept = json_loads(r->phases, 0, NULL);
	json_t *parts = json_object_get(json_array_get(kept, 0), "parts");
	json_t *second = json_array_get(parts, 1);

	assert_int_equal(all->n, 2);
	/* 500 and 1500 instructions, at one a tick of 40 ns. */
	near(all->samples[0], 20);
	near(all->samples[1], 60);
	near(json_number_value(json_object_get(second, "median_us")), 60);
	near(json_number_value(json_object_get(second, "share")), 0.75);
	assert_int_equal(json_integer_value(json_object_get(second, "instructions")), 1500);
	near(json_number_value(json_object_get(json_array_get(parts, 0), "min_us")), 18);
	json_decref(kept);
	result_free(r);
}

/* ---- inputs ---- */

/* Inputs of 5, 9, 9 and 2 tokens take 50, 90, 91 and 20 us. */
static void text_has_a_latency_at_its_lengths(void **state)
{
	struct result *r = computed("",
		DOCUMENT(
			"{\"phase\":\"warm\",\"boot\":0,\"inputs\":\"rotate\",\"lengths\":[5,9,9,2],"
			"\"ticks\":[50,90,91,20,51,90,91,21,50,90]}"),
		false);
	const struct metric_row *middle = row(r, "warm", "latency_p50_length_us", RESULT_BOOT_ALL);
	const struct metric_row *high = row(r, "warm", "latency_p95_length_us", RESULT_BOOT_ALL);

	assert_int_equal(middle->n, 3);
	near(middle->min, 50);
	near(middle->max, 51);
	assert_string_equal(middle->note, "within one boot; 5 tokens, the p50 of 4 inputs");
	assert_int_equal(high->n, 5);
	near(high->min, 90);
	near(high->max, 91);
	assert_true(has(r, "warm", "latency_p99_length_us"));
	assert_false(has(r, "warm", "instructions_p50_length"));
	result_free(r);
}

/* As a list, each input's iterations stand together. */
static void a_list_gives_each_input_its_share(void **state)
{
	struct result *r = computed("",
		EMULATED("{\"phase\":\"warm\",\"boot\":0,\"inputs\":\"list\",\"lengths\":[2,7],"
			 "\"ticks\":[20,20,20,70,70]}"),
		true);

	/* 3 of 5 iterations have the shorter one. */
	near(row(r, "warm", "instructions_p50_length", RESULT_BOOT_ALL)->value, 100);
	assert_int_equal(row(r, "warm", "instructions_p50_length", RESULT_BOOT_ALL)->n, 3);
	near(row(r, "warm", "instructions_p99_length", RESULT_BOOT_ALL)->value, 350);
	assert_non_null(strstr(row(r, "warm", "latency_p99_length_us", RESULT_BOOT_ALL)->note,
		"at 1 instruction per tick"));
	result_free(r);
}

static void a_search_and_the_slowest_it_found(void **state)
{
	struct result *r = computed("",
		DOCUMENT("{\"phase\":\"search\",\"n\":3,\"seed\":7,\"worst\":1,\"ticks\":[5,9,6],"
			 "\"worst_ticks\":[9,9,10,9]}"),
		false);
	const struct metric_row *worst = row(r, "warm", "worst_us", RESULT_BOOT_ALL);

	near(row(r, "warm", "search_us", RESULT_BOOT_ALL)->max, 9);
	assert_string_equal(row(r, "warm", "search_us", RESULT_BOOT_ALL)->note,
		"3 inputs tried once each, seed 7");
	assert_int_equal(worst->n, 4);
	near(worst->max, 10);
	assert_string_equal(worst->note, "input 1, the slowest of 3 tried, seed 7");
	assert_null(strstr(r->phases, "_ticks"));
	result_free(r);
}

/* 12 inferences in 4 s, of which every other one was timed; the machine's words are kept as they are. */
static void a_sustained_phase_has_seconds(void **state)
{
	struct result *r = computed("",
		DOCUMENT("{\"phase\":\"sustained\",\"boot\":0,\"n\":12,\"seconds\":4,\"stride\":2,"
			 "\"window_ticks\":4000000,\"ticks\":[7,8,9,7,8,9],\"counts\":[4,3,3,2],"
			 "\"soc\":{\"sensors\":[{\"kind\":\"temperature\",\"name\":\"cpu\","
			 "\"before\":-5,\"reads\":3}],\"perf\":{\"missing\":\"cycles\"}}}"),
		false);
	const struct metric_row *second = row(r, "sustained", "second_ips", RESULT_BOOT_ALL);

	near(row(r, "sustained", "throughput_ips", RESULT_BOOT_ALL)->value, 3);
	assert_int_equal(row(r, "sustained", "throughput_ips", RESULT_BOOT_ALL)->n, 12);
	assert_int_equal(second->n, 4);
	near(second->min, 2);
	near(second->max, 4);
	near(row(r, "sustained", "latency_us", RESULT_BOOT_ALL)->max, 9);
	assert_non_null(strstr(r->phases, "\"counts\":[4,3,3,2]"));
	assert_non_null(strstr(r->phases, "\"before\":-5"));
	assert_null(strstr(r->phases, "\"ticks\""));
	result_free(r);
}

/* Nothing counts instructions there: no such metric, and the time says whose it is. */
static void an_emulated_program_s_time_is_its_emulator_s(void **state)
{
	struct result *r =
		computed("", DOCUMENT("{\"phase\":\"warm\",\"boot\":0,\"ticks\":[5,6]}"), true);

	assert_non_null(strstr(row(r, "warm", "latency_us", RESULT_BOOT_ALL)->note,
		"the emulator's time on its host"));
	assert_false(has(r, "warm", "instructions"));
	result_free(r);
}

static void what_does_not_fit_is_refused_with_a_pointer(void **state)
{
	static const struct {
		const char *phase, *pointer;
	} bad[] = {
		{"{\"phase\":\"accuracy\",\"predictions\":[]}", "/phases/0/predictions"},
		{"{\"phase\":\"accuracy\",\"predictions\":[1],\"labels\":[1,2]}",
			"/phases/0/labels"},
		{"{\"phase\":\"accuracy\",\"predictions\":[1],\"logits\":[]}", "/phases/0/logits"},
		{"{\"phase\":\"accuracy\",\"predictions\":[1],\"reference\":{\"predictions\":[1,2]}}",
			"/phases/0/reference/predictions"},
		{"{\"phase\":\"profile\",\"parts\":[]}", "/phases/0/parts"},
		{"{\"phase\":\"profile\",\"parts\":[{\"part\":\"embed\",\"min_ticks\":1}]}",
			"/phases/0/parts/0/median_ticks"},
		{"{\"phase\":\"warm\",\"boot\":0,\"ticks\":[1],\"lengths\":[1,2]}",
			"/phases/0/lengths"},
		{"{\"phase\":\"search\",\"ticks\":[1],\"worst_ticks\":[]}",
			"/phases/0/worst_ticks"},
		{"{\"phase\":\"sustained\",\"boot\":0,\"ticks\":[1],\"counts\":[-1]}",
			"/phases/0/counts"},
		{"{\"phase\":\"sustained\",\"soc\":{\"sensors\":[{\"before\":\"hot\"}]}}",
			"/phases/0/soc/sensors/0/before"},
		{"{\"phase\":\"sustained\",\"soc\":{\"perf\":{\"cycles\":[1]}}}",
			"/phases/0/soc/perf"},
		{"{\"phase\":\"search\",\"ticks\":[],\"worst_ticks\":[1]}", "/phases/0/ticks"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct result *r = NULL;
		struct fault f = {0};
		char document[512], pointer[128] = "";

		snprintf(document, sizeof(document), DOCUMENT("%s"), bad[i].phase);
		assert_int_equal(compute("", document, false, &r, &f), -EINVAL);
		assert_true(results_pointer(&f, pointer, sizeof(pointer)));
		assert_string_equal(pointer, bad[i].pointer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(predictions_become_a_share_with_its_interval),
		cmocka_unit_test(without_labels_nothing_is_right_or_wrong),
		cmocka_unit_test(f1_names_its_class),
		cmocka_unit_test(agreement_counts_predictions_and_logits),
		cmocka_unit_test(a_profile_has_times_and_shares),
		cmocka_unit_test(text_has_a_latency_at_its_lengths),
		cmocka_unit_test(a_list_gives_each_input_its_share),
		cmocka_unit_test(a_search_and_the_slowest_it_found),
		cmocka_unit_test(a_sustained_phase_has_seconds),
		cmocka_unit_test(an_emulated_program_s_time_is_its_emulator_s),
		cmocka_unit_test(what_does_not_fit_is_refused_with_a_pointer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
