/* Every member of a result document is of the kind that the wire's page gives it, or it is refused by pointer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/results/results.h"
#include "server/results/shape.h"

/* All that may come, with each kind of value that is right. */
static const char whole[] =
	"{\"result_id\":\"r\",\"outcome\":\"passed\",\"detail\":\"\",\"stage\":\"\",\"late\":false,"
	"\"started_at\":\"2026-01-01T00:00:00Z\",\"finished_at\":null,"
	"\"stages\":[{\"stage\":\"flash\",\"start_ms\":0,\"end_ms\":8.5}],"
	"\"timer\":{\"hz\":32000000,\"kind\":\"dwt\",\"icount_shift\":5},"
	"\"phases\":[{\"phase\":\"cold\",\"boot\":0,\"kind\":\"reset\",\"boot_ticks\":1,"
	"\"load_ticks\":2,\"first_ticks\":3},{\"phase\":\"warm\",\"boot\":0,\"n\":2,\"warmup\":1,"
	"\"overhead_ticks\":1,\"window_ticks\":9,\"irq\":\"masked\",\"inputs\":\"rotate\","
	"\"cache\":\"on\",\"batch\":1,\"ticks\":[1,2]},{\"phase\":\"memory\",\"values\":{\"bss\":1}},"
	"{\"phase\":\"accuracy\",\"predictions\":[3,1],\"logits_crc\":\"0011AAFF\","
	"\"labels\":[3,2],\"logits\":[7,8],\"list\":\"0x00000001\",\"from\":\"image\","
	"\"reference\":{\"sha256\":\"ab\",\"predictions\":[3,1],\"logits\":[7,8]}},"
	"{\"phase\":\"profile\",\"n\":20,\"parts\":[{\"part\":\"qkv\",\"layer\":0,\"min_ticks\":1,"
	"\"median_ticks\":2}]},{\"phase\":\"search\",\"ticks\":[1],\"seed\":1,\"worst\":0,"
	"\"worst_ticks\":[1],\"input_count\":1,\"lengths\":[1]}],"
	"\"lines\":[{\"phase\":\"lines\",\"metric\":\"m\",\"unit\":\"us\",\"values\":[1.5]}],"
	"\"device\":{\"proto\":1,\"fw\":\"x\"},\"model\":{\"model\":\"m\"},"
	"\"clock\":{\"checked\":true,\"device_us\":1,\"host_us\":1,\"ratio\":1.0,"
	"\"tolerance\":0.01,\"detail\":\"\"},"
	"\"footprint\":{\"flash_bytes\":1,\"ram_static_bytes\":2,\"weights_bytes\":3,"
	"\"sections\":[{\"name\":\".text\",\"address\":-4096,\"bytes\":1,\"kind\":\"flash\"}],"
	"\"segments\":[{\"address\":0,\"file_bytes\":1,\"memory_bytes\":1,\"flags\":\"rx\"}]},"
	"\"fault\":{\"kind\":\"assert\",\"msg\":\"m\",\"pc\":\"0x1\",\"pc_symbol\":\"f\","
	"\"lr\":\"0x2\",\"lr_symbol\":\"g\",\"registers\":{\"r0\":\"0x0\"}},"
	"\"provenance\":{\"compiler\":\"GCC\",\"virtual\":true},"
	"\"energy\":{\"source\":\"measured\",\"sync\":\"logic\",\"debug\":\"detached\","
	"\"instrument\":{\"kind\":\"ppk2\",\"serial\":\"C0\",\"mode\":\"source\",\"voltage_mV\":3300,"
	"\"calibration_sha256\":\"ab\",\"defaulted\":[\"R2\"],\"path\":\"\"},"
	"\"idle\":{\"current_uA\":1.5,\"samples\":100,\"complete\":true},\"n\":8,\"batch\":4,"
	"\"device_window_us\":1.5,\"host_rate_ratio\":1.0,"
	"\"window\":{\"start\":1,\"end\":2,\"samples\":1,\"lost\":0,\"invalid\":0,\"clipped\":0,"
	"\"charge_uC\":1.0,\"filtered_charge_uC\":1.0,\"peak_10us_uA\":1,\"peak_1ms_uA\":1,\"edges\":2,"
	"\"complete\":true,\"valid\":true,\"why\":\"\"},"
	"\"batches\":{\"start\":[1,2],\"samples\":[1,1],\"charge_uC\":[0.5,0.5],\"complete\":[true,false]},"
	"\"capture\":{\"samples\":4,\"lost\":0,\"invalid\":0,\"bytes\":9,\"dropped\":\"\"}},"
	"\"of_a_later_version\":[{}]}";

static json_t *document(void)
{
	json_error_t e;
	json_t *doc = json_loads(whole, 0, &e);

	if (!doc)
		fail_msg("%s at %d", e.text, e.position);
	return doc;
}

static void the_whole_document_is_right(void **state)
{
	json_t *doc = document();
	struct fault f = {0};

	if (shape_check(doc, &f))
		fail_msg("%s", f.text);
	json_decref(doc);
}

static void must_be_refused(const json_t *doc, const char *at)
{
	struct fault f = {0};
	char pointer[256] = "";

	if (shape_check(doc, &f) != -EINVAL)
		fail_msg("a wrong %s was taken", at);
	assert_true(results_pointer(&f, pointer, sizeof(pointer)));
	if (strcmp(pointer, at) != 0)
		fail_msg("\"%s\" names %s, not %s", f.text, pointer, at);
}

/* Members of these may have keys of the device's choosing: looked at as a whole. */
static bool is_free(const char *at)
{
	static const char *const ends[] = {
		"/device", "/model", "/provenance", "/registers", "/values"};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t n = strlen(ends[i]);

		if (strlen(at) >= n && !strcmp(at + strlen(at) - n, ends[i]))
			return true;
	}
	return false;
}

static void damage(json_t *doc, json_t *object, const char *at, unsigned *n)
{
	static const char *const kinds[] = {
		"\"a text\"", "5", "-5", "0.5", "true", "[[]]", "{\"a\":[]}"};
	const char *key;
	json_t *value, *item;
	void *next;
	size_t i;

	json_object_foreach_safe(object, next, key, value)
	{
		char below[200];
		unsigned refused = 0;

		snprintf(below, sizeof(below), "%s/%s", at, key);
		if (!strcmp(below, "/of_a_later_version"))
			continue;
		json_incref(value);
		for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			json_t *wrong = json_loads(kinds[i], JSON_DECODE_ANY, NULL);
			bool same = json_typeof(wrong) == json_typeof(value) ||
				(json_is_number(wrong) && json_is_number(value)) ||
				(json_is_boolean(wrong) && json_is_boolean(value)) ||
				json_is_null(value);

			/* A list or an object of the wrong things is wrong too. */
			if (json_is_array(value) || json_is_object(value))
				same = false;
			json_object_set_new(object, key, wrong);
			if (!same) {
				if (json_is_object(value) && json_is_object(wrong) &&
					!is_free(below))
					continue;
				must_be_refused(doc, below);
				refused++;
			}
		}
		json_object_set_new(object, key, value);
		*n += refused;
		if (json_is_object(value) && !is_free(below))
			damage(doc, value, below, n);
		if (!json_is_array(value) || !json_is_object(json_array_get(value, 0)))
			continue;
		json_array_foreach (value, i, item) {
			snprintf(below, sizeof(below), "%s/%s/%zu", at, key, i);
			damage(doc, item, below, n);
		}
	}
}

static void every_wrong_type_is_refused_by_its_pointer(void **state)
{
	json_t *doc = document();
	unsigned n = 0;

	damage(doc, doc, "", &n);
	assert_true(n > 250);
	the_whole_document_is_right(state);
	json_decref(doc);
}

static void counts_and_lists_are_looked_into(void **state)
{
	static const struct {
		const char *text, *at;
	} wrong[] = {
		{"{\"phases\":5}", "/phases"},
		{"{\"phases\":[5]}", "/phases"},
		{"{\"phases\":[{\"n\":-1}]}", "/phases/0/n"},
		{"{\"phases\":[{\"n\":1.5}]}", "/phases/0/n"},
		{"{\"phases\":[{},{\"window_ticks\":9007199254740993}]}", "/phases/1/window_ticks"},
		{"{\"phases\":[{\"predictions\":[1,\"2\"]}]}", "/phases/0/predictions"},
		{"{\"phases\":[{\"ticks\":[1,null]}]}", "/phases/0/ticks"},
		{"{\"device\":{\"fw\":{}}}", "/device"},
		{"{\"footprint\":{\"sections\":[{\"bytes\":\"1\"}]}}",
			"/footprint/sections/0/bytes"},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json_t *doc = json_loads(wrong[i].text, 0, NULL);

		assert_non_null(doc);
		must_be_refused(doc, wrong[i].at);
		json_decref(doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_document_is_right),
		cmocka_unit_test(every_wrong_type_is_refused_by_its_pointer),
		cmocka_unit_test(counts_and_lists_are_looked_into),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
