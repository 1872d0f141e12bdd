#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "nn/model.h"

static uint8_t copy[32768] __attribute__((aligned(16)));
static uint8_t arena[32768] __attribute__((aligned(16)));

static struct model damaged(size_t at, uint8_t change)
{
	struct model m = model;

	assert_true(m.blob_bytes <= sizeof(copy));
	memcpy(copy, m.blob, m.blob_bytes);
	copy[at] ^= change;
	m.blob = copy;
	return m;
}

static void the_committed_model_loads(void **unused)
{
	size_t plan = 0;

	assert_null(model_load(&model, sizeof(arena), &plan));
	assert_int_equal(plan, model_arena_bytes);
}

static void every_flipped_byte_is_noticed(void **unused)
{
	size_t plan;

	for (size_t at = 0; at < model.blob_bytes; at += at < 256 ? 1 : 61) {
		struct model m = damaged(at, 0x10);

		assert_non_null(model_load(&m, sizeof(arena), &plan));
	}
}

static void the_refusal_says_what_is_wrong(void **unused)
{
	struct model m = damaged(0, 1);
	size_t plan;

	assert_string_equal(
		model_load(&m, sizeof(arena), &plan), "Model is damaged: no HLDM header");
	m = damaged(1000, 1);
	assert_string_equal(model_load(&m, sizeof(arena), &plan), "Model is damaged: wrong CRC-32");
	m = damaged(4, 3);
	assert_non_null(strstr(model_load(&m, sizeof(arena), &plan), "convert it again"));
	assert_non_null(strstr(model_load(&model, model_arena_bytes - 1, &plan), "larger arena"));
}

static void logits_follow_the_input(void **unused)
{
	int8_t first[16], again[16], other[16];
	size_t different = 0;

	model.architecture->forward(&model, arena, model.samples, first);
	for (uint32_t s = 1; s < model.sample_count; s++) {
		model.architecture->forward(
			&model, arena, model.samples + s * model_inputs(&model), other);
		different += memcmp(first, other, model_header(&model)->classes) != 0;
	}
	assert_int_equal(different, model.sample_count - 1);
	memset(arena, 0x77, sizeof(arena));
	model.architecture->forward(&model, arena, model.samples, again);
	assert_memory_equal(first, again, model_header(&model)->classes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_committed_model_loads),
		cmocka_unit_test(every_flipped_byte_is_noticed),
		cmocka_unit_test(the_refusal_says_what_is_wrong),
		cmocka_unit_test(logits_follow_the_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
